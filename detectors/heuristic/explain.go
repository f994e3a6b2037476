package heuristic

import (
	"fmt"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Explanation is how the detector came to its outcome for one event.
type Explanation struct {
	// Outcome is what the detector answers. Its findings include those of checks that are no rules of a pack: links,
	// characters, hidden text. Pointers and raw offsets of its spans are not filled in.
	Outcome models.Outcome `json:"outcome"`
	// Matches is every place where a rule holds, in the order of segments, views and rules: those of which a stronger
	// finding left nothing, too.
	Matches []RuleMatch `json:"matches"`
}

// RuleMatch is a rule that holds in one view of one segment.
type RuleMatch struct {
	Pack     string          `json:"pack"`
	Rule     string          `json:"rule"`
	Version  string          `json:"rule_version"`
	Class    models.Class    `json:"class"` // as it is reported at this place
	Severity models.Severity `json:"severity"`
	// Confidence is what the steps lead to.
	Confidence float64 `json:"confidence"`
	Message    string  `json:"message"`

	Pointer    string          `json:"pointer"`
	Key        bool            `json:"key,omitempty"` // in the member's name, not in its value
	View       models.ViewKind `json:"view"`
	Transforms []string        `json:"transforms,omitempty"` // that led to the view
	Start      int             `json:"start"`                // bytes of the view's text
	End        int             `json:"end"`
	Text       string          `json:"text"`

	Parts   []RulePart               `json:"parts"`
	Counter []models.CounterEvidence `json:"counter_evidence,omitempty"`
	Steps   []rulepack.Step          `json:"steps"`
	// Reported is false if a stronger finding of the class covers the place.
	Reported bool `json:"reported"`
}

// RulePart is a signal, a term or the pattern's match that a rule's match is made of.
type RulePart struct {
	rulepack.Part
	Text string `json:"text"`
}

// Explain judges one event by the rules of the set and tells why. Only kind and body of the event matter. It returns an
// error if the body is not JSON.
func Explain(set *rulepack.Set, ev *models.Event) (*Explanation, error) {
	doc, err := view.Build(ev.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the event's body: %w", err)
	}
	var out Explanation
	var spans []models.Span
	scanner := set.Scanner()
	in := &detectors.Input{Event: ev, Segments: doc.Segments, Skipped: doc.Skipped}
	e := examination{scanner: scanner, trace: func(span models.Span, m *rulepack.Match, hidden bool) {
		spans = append(spans, span)
		out.Matches = append(out.Matches, explainMatch(scanner, in, span, m, hidden))
	}}
	out.Outcome = e.judge(in)
	for i := range out.Matches {
		out.Matches[i].settle(spans[i], out.Outcome.Findings)
	}
	return &out, nil
}

func explainMatch(scanner *rulepack.Scanner, in *detectors.Input, span models.Span, m *rulepack.Match, hidden bool) RuleMatch {
	s := &in.Segments[span.Segment]
	v := &s.Views[span.View]
	parts, steps := scanner.Explain(v.Text, m)
	out := RuleMatch{
		Pack: m.Pack.Name, Rule: m.Rule.ID, Version: m.Rule.Version, Class: classOf(m.Rule.Class, in.Event, s), Message: m.Rule.Message,
		Pointer: s.Pointer, Key: s.Key, View: v.Kind, Transforms: v.Chain, Start: m.Start, End: m.End, Text: v.Text[m.Start:m.End],
		Counter: m.Counter,
	}
	out.Severity, out.Confidence = weighPlace(in.Event.Kind, m, hidden, &steps)
	out.Steps = steps
	for _, p := range parts {
		out.Parts = append(out.Parts, RulePart{p, v.Text[p.Start:p.End]})
	}
	return out
}

// settle takes over what became of the match in the outcome.
func (m *RuleMatch) settle(span models.Span, findings []models.Finding) {
	for i := range findings {
		f := &findings[i]
		if f.Rule != m.Rule || f.Class != m.Class || !sameSpan(f.Evidence[0], span) {
			continue
		}
		m.Reported = true
		if f.Confidence != m.Confidence || f.Severity != m.Severity {
			m.Severity, m.Confidence = f.Severity, f.Confidence
			m.Steps = append(m.Steps, rulepack.Step{Reason: "the same text hides an action from the user: severity raised", Confidence: f.Confidence})
		}
		return
	}
}

func sameSpan(a, b models.Span) bool {
	return a.Segment == b.Segment && a.View == b.View && a.Start == b.Start && a.End == b.End
}
