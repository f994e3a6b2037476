package rulepack

import (
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Counter is a kind of evidence against a match.
type Counter struct {
	Kind    string // what rules name in their member against
	Message string
	Weight  float64 // the share of the confidence that it takes away
	signal  directive.Signal
}

// Counters returns the kinds of counter-evidence. The weights are estimates from real tools.
func Counters() []Counter { return append([]Counter(nil), counters...) }

var counters = []Counter{
	{"mention", "The text speaks about such instructions, or gives an example.", 0.65, directive.Mention},
	{"secret_hygiene", "What is to be kept from the user is a value, not an action.", 0.65, directive.Hygiene},
	{"negated_access", "The text says that access does not happen.", 0.5, directive.Negated},
	{"operator_setup", "The text tells the operator what to configure.", 0.5, directive.Setup},
}

var counterSignal = func() map[string]directive.Signal {
	m := map[string]directive.Signal{}
	for _, c := range counters {
		m[c.Kind] = c.signal
	}
	return m
}()

// counterOf returns the counter-evidence that a signal is.
func counterOf(s directive.Signal) (*Counter, bool) {
	for i := range counters {
		if counters[i].signal == s {
			return &counters[i], true
		}
	}
	return nil, false
}

// amplifiers are signals that speak for any match in whose reach they stand: each takes a share of the doubt away.
var amplifiers = directive.Of(directive.Conceal, directive.Covert, directive.Coerce, directive.Override, directive.Unguard,
	directive.Marker, directive.Scope, directive.DropFile, directive.Authority)

// DoubtLeft is the share of the doubt that remains per amplifier.
const DoubtLeft = 0.75

// hygieneBytes is how far behind "never show" the value may be named.
const hygieneBytes = 20

// weigh raises the confidence for what else stands around, and lowers it for what speaks against the anchor.
func (m *Match) weigh(r *rule, around directive.Signals, hits []directive.Hit, anchor directive.Hit, steps *[]Step) {
	doubt := 1 - r.Confidence
	for s := range directive.Signal(64) {
		if (around & amplifiers).Has(s) {
			doubt *= DoubtLeft
			note(steps, 1-doubt, "stands beside: ", s.String())
		}
	}
	m.Confidence, m.Amplified = 1-doubt, around&amplifiers != 0
	for _, h := range hits {
		if m.against.Has(h.Signal) || !r.against.Has(h.Signal) || !speaksAgainst(h, anchor) {
			continue
		}
		c, ok := counterOf(h.Signal)
		if !ok {
			continue
		}
		m.against |= 1 << h.Signal
		m.Confidence *= 1 - c.Weight
		note(steps, m.Confidence, "speaks against it: ", c.Kind)
	}
}

// counterEvidence tells what the set of signals says against a match.
func counterEvidence(against directive.Signals) []models.CounterEvidence {
	var out []models.CounterEvidence
	for i := range counters {
		if c := &counters[i]; against.Has(c.signal) {
			out = append(out, models.CounterEvidence{Kind: c.Kind, Message: c.Message, Weight: c.Weight})
		}
	}
	return out
}

func note(steps *[]Step, confidence float64, reason, name string) {
	if steps != nil {
		*steps = append(*steps, Step{reason + name, confidence})
	}
}

// speaksAgainst reports whether h is about the anchor: in its sentence, and for a value that is to be kept secret, right
// within or behind the words that say so.
func speaksAgainst(h, anchor directive.Hit) bool {
	if h.Sentence != anchor.Sentence {
		return false
	}
	return h.Signal != directive.Hygiene || h.End > anchor.Start && h.Start < anchor.End+hygieneBytes
}
