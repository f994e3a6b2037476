package heuristic

import (
	"slices"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/hiding"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// examination collects the findings on one event.
type examination struct {
	scanner  *rulepack.Scanner
	input    *detectors.Input
	findings []models.Finding
	event    check.Event // what groups read: the input, and what they ask of it
	hits     []directive.Hit
	memory   memory
	readings []reading // of all views, segment by segment
	// firstView is the index of each segment's first reading.
	firstView []int
	current   int             // index of the first finding in the segment that is being read
	without   map[string]bool // ids of rules in code that are disabled; nil for none
	// trace is told of every match before it is weighed against others; nil for none.
	trace func(span models.Span, m *rulepack.Match, hidden bool)
}

// segment reads all views of segment i.
func (e *examination) segment(i int) {
	s := &e.input.Segments[i]
	e.current = len(e.findings)
	for v := range s.Views {
		e.view(i, v)
	}
	e.concealAmplifies()
	if len(e.findings) > 2*models.MaxFindings {
		e.keepStrongest()
	}
}

// view reads one view.
func (e *examination) view(i, v int) {
	view := &e.input.Segments[i].Views[v]
	if len(view.Text) < minTextBytes {
		return
	}
	matches := e.scanner.Scan(e.input.Event.Kind, &e.input.Segments[i], v)
	e.keep(i, v, e.scanner.Reading().Hits)
	if len(matches) == 0 {
		return
	}
	regions := hiding.Regions(view.Text)
	for m := range matches {
		e.matched(i, v, &matches[m], regions)
	}
}

// minTextBytes is the shortest text that can hold an order.
const minTextBytes = check.MinLong

// matched turns a match into a finding.
func (e *examination) matched(i, v int, m *rulepack.Match, regions []hiding.Region) {
	s := &e.input.Segments[i]
	span := models.Span{Segment: i, View: v, Start: m.Start, End: m.End}
	_, unrendered := hiding.Covering(regions, m.Start, m.End)
	hidden := unrendered || hiding.ClassOf(&s.Views[v]) != "" || e.disguised(span)
	if e.trace != nil {
		e.trace(span, m, hidden)
	}
	severity, confidence := weighPlace(e.input.Event.Kind, m, hidden, nil)
	e.add(models.Finding{
		Rule: m.Rule.ID, Version: m.Rule.Version, Class: classOf(m.Rule.Class, e.input.Event, s), Severity: severity, Confidence: confidence,
		Message: m.Rule.Message, Evidence: []models.Span{span}, Counter: m.Counter,
	})
}

const (
	doubtIfHidden  = 0.4 // of the doubt, if the text was hidden
	firmConfidence = 0.6 // below, a finding is at most of medium severity
	documentShare  = 0.9 // of the confidence of orders about secrets outside definitions: run-books speak of key files, too
)

// weighPlace returns what a match is worth where it stands, and notes why in steps unless that is nil.
func weighPlace(kind models.Kind, m *rulepack.Match, hidden bool, steps *[]rulepack.Step) (models.Severity, float64) {
	severity, confidence := m.Rule.Severity, m.Confidence
	note := func(reason string) {
		if steps != nil {
			*steps = append(*steps, rulepack.Step{Reason: reason, Confidence: confidence})
		}
	}
	if hidden {
		if severity = severity.Raised(); len(m.Counter) == 0 {
			confidence = 1 - (1-confidence)*doubtIfHidden
		}
		note("stands where a person does not see it: severity raised")
	}
	if kind == models.KindUserPrompt || kind == models.KindToolCall {
		severity = lowered(severity)
		note("a user speaks: severity lowered")
	}
	if kind == models.KindUserPrompt && m.Rule.Class == "A1" && !m.LeadsWith(directive.Override) {
		severity = lowered(severity)
		note("a user may give orders: severity lowered")
	}
	if !kind.Definition() && m.LeadsWith(directive.Secret) && !m.Amplified {
		confidence *= documentShare
		note("documents speak of key files, too")
	}
	if standing := check.StandingOf(m.Rule.ID); m.Pack.Shipped && standing != check.Sole {
		severity, confidence = standing.Weigh(severity, confidence)
		note("not enough alone: counts beside findings of other classes")
	}
	if confidence < firmConfidence && severity.Rank() > models.SeverityMedium.Rank() {
		severity = models.SeverityMedium
		note("not firm: severity medium at most")
	}
	return severity, confidence
}

func lowered(s models.Severity) models.Severity {
	return models.Severities()[max(s.Rank()-2, 0)]
}

// disguised reports whether span reads as an order only since normalisation undid a disguise, and reports that too.
func (e *examination) disguised(span models.Span) bool {
	class := disguise(&e.input.Segments[span.Segment].Views[span.View])
	if class == "" || e.seen(span) {
		return false
	}
	for i := e.current; i < len(e.findings); i++ {
		f := &e.findings[i]
		if old := &f.Evidence[0]; f.Rule == hiding.RuleOrder && f.Class == class && old.View == span.View {
			old.Start, old.End = min(old.Start, span.Start), max(old.End, span.End)
			return true
		}
	}
	severity, confidence := check.StandingOf(hiding.RuleOrder).Weigh(models.SeverityCritical, 0.9)
	e.add(models.Finding{
		Rule: hiding.RuleOrder, Version: version, Class: class, Severity: severity, Confidence: confidence,
		Message: hiding.Message[class], Evidence: []models.Span{span},
	})
	return true
}

// seen reports whether a rule for orders has found something in the raw view where span is.
func (e *examination) seen(span models.Span) bool {
	for _, f := range e.findings[e.current:] {
		if old := f.Evidence[0]; old.View == 0 && e.scanner.Knows(f.Rule) && e.overlap(old, span) {
			return true
		}
	}
	return false
}

// add keeps f, unless the same stretch of the segment has a finding of the class that is as strong; a weaker one it replaces.
func (e *examination) add(f models.Finding) {
	if e.without[f.Rule] {
		return
	}
	for i := e.current; i < len(e.findings); i++ {
		old := &e.findings[i]
		if old.Class != f.Class || !e.overlap(old.Evidence[0], f.Evidence[0]) {
			continue
		}
		if stronger(&f, old) {
			*old = f
		}
		return
	}
	if len(e.findings)-e.current < maxPerSegment {
		e.findings = append(e.findings, f)
		return
	}
	weakest := e.current
	for i := e.current + 1; i < len(e.findings); i++ {
		if stronger(&e.findings[weakest], &e.findings[i]) {
			weakest = i
		}
	}
	if stronger(&f, &e.findings[weakest]) {
		e.findings[weakest] = f
	}
}

// maxPerSegment bounds the findings that are kept for one segment; the strongest stay.
const maxPerSegment = 128

// overlap reports whether two spans of one segment come from bytes of the body that overlap.
func (e *examination) overlap(a, b models.Span) bool {
	s := &e.input.Segments[a.Segment]
	aStart, aEnd := s.Raw(a.View, a.Start, a.End)
	bStart, bEnd := s.Raw(b.View, b.Start, b.End)
	return aStart < bEnd && bStart < aEnd
}

func stronger(f, g *models.Finding) bool {
	if f.Severity != g.Severity {
		return f.Severity.Rank() > g.Severity.Rank()
	}
	return f.Confidence > g.Confidence
}

// concealAmplifies raises what stands in the segment beside an order to keep it from the user: nobody hides a feature.
func (e *examination) concealAmplifies() {
	hides := false
	for _, f := range e.findings[e.current:] {
		hides = hides || f.Class == "A7" && f.Confidence >= firmConfidence
	}
	if !hides {
		return
	}
	for i := e.current; i < len(e.findings); i++ {
		if f := &e.findings[i]; f.Class != "A7" && f.Confidence >= firmConfidence {
			f.Severity = f.Severity.Raised()
			f.Confidence = 1 - (1-f.Confidence)*rulepack.DoubtLeft
		}
	}
}

// keepStrongest sorts the findings in descending order and drops those that an outcome has no room for.
func (e *examination) keepStrongest() {
	slices.SortStableFunc(e.findings, func(a, b models.Finding) int {
		switch {
		case stronger(&a, &b):
			return -1
		case stronger(&b, &a):
			return 1
		}
		return 0
	})
	e.findings = e.findings[:min(len(e.findings), models.MaxFindings)]
}
