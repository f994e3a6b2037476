package heuristic

import (
	"slices"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// examination collects the findings on one event.
type examination struct {
	reader   *directive.Reader
	input    *detectors.Input
	findings []models.Finding
	current  int // index of the first finding in the segment that is being read
}

// segment reads all views of segment i.
func (e *examination) segment(i int) {
	s := &e.input.Segments[i]
	e.current = len(e.findings)
	e.characters(i)
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
	e.links(i, v)
	reading := e.reader.Read(view.Text)
	if len(reading.Hits) == 0 {
		return
	}
	regions := hiddenRegions(view.Text)
	for _, m := range matches(reading) {
		e.matched(i, v, m, regions)
	}
	e.hiddenOrders(i, v, reading, regions)
}

// minTextBytes is the shortest text that can hold an order.
const minTextBytes = 12

// matched turns a match into a finding.
func (e *examination) matched(i, v int, m match, regions []region) {
	s, kind := &e.input.Segments[i], e.input.Event.Kind
	if m.rule.commands && commanding(kind) || m.rule.described && !describing(kind) {
		return
	}
	severity, confidence := m.rule.severity, m.confidence
	span := models.Span{Segment: i, View: v, Start: m.start, End: m.end}
	_, hidden := covering(regions, m.start, m.end)
	if hidden || hiding(&s.Views[v]) != "" || e.disguised(span) {
		severity, confidence = severity.Raised(), 1-(1-confidence)*doubtIfHidden
	}
	if kind == models.KindUserPrompt || kind == models.KindToolCall {
		severity = lowered(severity)
	}
	if kind == models.KindUserPrompt && m.rule.class == "A1" && !m.rule.need[0].Has(override) {
		severity = lowered(severity)
	}
	if !kind.Definition() && m.rule.need[0].Has(secret) && !m.amplified {
		confidence *= documentShare
	}
	if confidence < firmConfidence && severity.Rank() > models.SeverityMedium.Rank() {
		severity = models.SeverityMedium
	}
	e.add(models.Finding{
		Rule: m.rule.id, Version: version, Class: classOf(m.rule.class, e.input.Event, s), Severity: severity, Confidence: confidence,
		Message: m.rule.message, Evidence: []models.Span{span}, Counter: m.counter,
	})
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
		if old := &f.Evidence[0]; f.Rule == hiddenOrderRule && f.Class == class && old.View == span.View {
			old.Start, old.End = min(old.Start, span.Start), max(old.End, span.End)
			return true
		}
	}
	e.add(models.Finding{
		Rule: hiddenOrderRule, Version: version, Class: class, Severity: models.SeverityCritical, Confidence: 0.9,
		Message: hiddenMessage[class], Evidence: []models.Span{span},
	})
	return true
}

// seen reports whether a rule for orders has found something in the raw view where span is.
func (e *examination) seen(span models.Span) bool {
	for _, f := range e.findings[e.current:] {
		if old := f.Evidence[0]; old.View == 0 && isOrder[f.Rule] && e.overlap(old, span) {
			return true
		}
	}
	return false
}

// isOrder holds the rules of the table.
var isOrder = func() map[string]bool {
	ids := map[string]bool{}
	for _, r := range rules {
		ids[r.id] = true
	}
	return ids
}()

// add keeps f, unless the same stretch of the segment has a finding of the class that is as strong; a weaker one it replaces.
func (e *examination) add(f models.Finding) {
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
			f.Confidence = 1 - (1-f.Confidence)*doubtLeft
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
