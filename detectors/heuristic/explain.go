package heuristic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// Explanation is what rules make of one event, before the detector weighs the place in which they hold.
type Explanation struct {
	Holds  []Holding  // in the order of the event's segments
	Nearly []NearMiss // at most [MaxNearMisses], those that lack least of most first
}

// Holding is a place where a rule holds.
type Holding struct {
	Rule       *rulepack.Rule
	Pack       *rulepack.Pack
	Span       models.Span // only Segment, View, Start and End are set
	Confidence float64
	Counter    []models.CounterEvidence
	Parts      []rulepack.Part // what the match is made of
	Steps      []rulepack.Step // how the confidence came about
}

// NearMiss is a rule that holds nowhere in the event although all but one of the things that it needs stand in one text.
type NearMiss struct {
	Rule           *rulepack.Rule
	Pack           *rulepack.Pack
	Segment, View  int    // indexes of the text
	Lacks          string // for a person
	present, needs int
}

// MaxNearMisses is how many near misses an explanation has.
const MaxNearMisses = 5

// Explainer explains one event after the other. It is not safe for concurrent use.
type Explainer struct {
	packs   []*rulepack.Pack
	scanner *rulepack.Scanner
}

// NewExplainer makes an explainer of packs that do not change any more. Packs that do not compile together are an error.
func NewExplainer(packs []*rulepack.Pack) (*Explainer, error) {
	set, err := rulepack.Compile(packs)
	if err != nil {
		return nil, err
	}
	return &Explainer{packs: packs, scanner: set.Scanner()}, nil
}

// Explain says which rules hold in an event of kind k with these segments, and which nearly do.
func (x *Explainer) Explain(k models.Kind, segments []models.Segment) Explanation {
	var e Explanation
	held, nearly := map[*rulepack.Rule]bool{}, map[*rulepack.Rule]NearMiss{}
	for i := range segments {
		first := len(e.Holds)
		for v := range segments[i].Views {
			text := segments[i].Views[v].Text
			matches := x.scanner.Scan(k, &segments[i], v)
			for m := range matches {
				held[matches[m].Rule] = true
				h := x.holding(text, &matches[m])
				h.Span.Segment, h.Span.View = i, v
				e.Holds = appendHolding(e.Holds, first, h, &segments[i])
			}
			x.missed(k, text, func(m NearMiss) {
				m.Segment, m.View = i, v
				if old, ok := nearly[m.Rule]; !ok || m.missing() < old.missing() {
					nearly[m.Rule] = m
				}
			})
		}
	}
	e.Nearly = x.nearest(held, nearly)
	return e
}

func (x *Explainer) holding(text string, m *rulepack.Match) Holding {
	parts, steps := x.scanner.Explain(text, m)
	return Holding{
		Rule: m.Rule, Pack: m.Pack, Span: models.Span{Start: m.Start, End: m.End},
		Confidence: m.Confidence, Counter: m.Counter, Parts: parts, Steps: steps,
	}
}

// appendHolding keeps of the readings of the same bytes the one in which the rule holds with the highest confidence.
// all[first:] is about the same segment.
func appendHolding(all []Holding, first int, h Holding, s *models.Segment) []Holding {
	start, end := s.Raw(h.Span.View, h.Span.Start, h.Span.End)
	for i := first; i < len(all); i++ {
		old := &all[i]
		oldStart, oldEnd := s.Raw(old.Span.View, old.Span.Start, old.Span.End)
		if old.Rule != h.Rule || start >= oldEnd || oldStart >= end {
			continue
		}
		if h.Confidence > old.Confidence {
			*old = h
		}
		return all
	}
	return append(all, h)
}

// missed tells of every rule of which the text last scanned has all but one of the things that it needs, or all of them.
func (x *Explainer) missed(k models.Kind, text string, tell func(NearMiss)) {
	lower := strings.ToLower(text)
	var signals []string
	for _, h := range x.scanner.Reading().Hits {
		signals = append(signals, h.Signal.String())
	}
	for _, p := range x.packs {
		for i := range p.Rules {
			r := &p.Rules[i]
			if !r.Reads(k) {
				continue
			}
			m := NearMiss{Rule: r, Pack: p}
			if r.Signals != nil {
				m.wantSignals(signals)
			} else {
				m.wantTerms(p.Terms, lower)
			}
			if m.present >= 2 && m.missing() <= 1 {
				tell(m)
			}
		}
	}
}

func (m *NearMiss) wantSignals(signals []string) {
	m.Lacks = fmt.Sprintf("all of it is there, but not at most %d sentences apart, or too much speaks against it", m.Rule.Signals.Reach)
	if m.Rule.Signals.Reach == 0 {
		m.Lacks = "all of it is there, but not in one sentence, or too much speaks against it"
	}
	for _, names := range m.Rule.Signals.Need {
		found := slices.ContainsFunc(names, func(name string) bool { return slices.Contains(signals, name) })
		m.want(found, "no "+strings.Join(names, " or "))
	}
}

func (m *NearMiss) wantTerms(terms map[string][]string, lower string) {
	m.Lacks = fmt.Sprintf("all terms are there, but not at most %d bytes apart, or too much speaks against it", m.Rule.Near.Within)
	if m.Rule.Near.Pattern != "" {
		m.Lacks += ", or the pattern does not match"
	}
	for _, class := range m.Rule.Near.Terms {
		found := slices.ContainsFunc(terms[class], func(term string) bool { return strings.Contains(lower, strings.ToLower(term)) })
		m.want(found, "no term of "+class)
	}
}

func (m *NearMiss) want(found bool, lacks string) {
	if m.needs++; found {
		m.present++
	} else {
		m.Lacks = lacks
	}
}

func (m *NearMiss) missing() int { return m.needs - m.present }

// nearest picks the near misses of the rules that hold nowhere.
func (x *Explainer) nearest(held map[*rulepack.Rule]bool, nearly map[*rulepack.Rule]NearMiss) []NearMiss {
	var out []NearMiss
	for _, p := range x.packs {
		for i := range p.Rules {
			if m, ok := nearly[&p.Rules[i]]; ok && !held[m.Rule] {
				out = append(out, m)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b NearMiss) int {
		return cmp.Or(a.missing()-b.missing(), b.present-a.present)
	})
	return out[:min(len(out), MaxNearMisses)]
}
