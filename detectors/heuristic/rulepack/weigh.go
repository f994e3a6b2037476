package rulepack

import (
	"math/bits"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Counter is a kind of evidence against a match.
type Counter struct {
	Kind    string // what rules name in their member against
	Message string
	Weight  float64 // the share of the confidence that it takes away
	signal  string  // that speaks against what stands in its sentence; empty for what is no signal
}

// Counters returns the kinds of counter-evidence. The weights are estimates from real tools.
func Counters() []Counter { return append([]Counter(nil), counters[:]...) }

const numCounters = 8

var counters = [numCounters]Counter{
	{"mention", "The text speaks about such instructions, or gives an example.", 0.65, "mention"},
	{"secret_hygiene", "What is to be kept from the user is a value, not an action.", 0.65, "hygiene"},
	{"negated_access", "The text says that access does not happen.", 0.5, "negated"},
	{"operator_setup", "The text tells the operator what to configure.", 0.5, "setup"},
	{"consent", "The user is asked, or has asked for it.", 0.5, "consent"},
	{"purpose", "What is asked for is what the tool is for.", 0.5, ""},
	{"long_text", "The data is long: in so much text, words stand together by chance.", 0.6, ""},
	{"analysis", "Elsewhere, too, the event speaks about attacks.", 0.65, "analysis"},
}

const (
	purposeCounter  = numCounters - 3
	longCounter     = numCounters - 2
	analysisCounter = numCounters - 1

	longBytes = 3000 // a text of more is long, if it is data
)

// counterSignals returns the signals of [Counters], [directive.MaxSignals]-1 for none.
func counterSignals(l *directive.Lexicon) (out [numCounters]directive.Signal) {
	for i, c := range counters {
		s, ok := l.Signal(c.signal)
		if !ok {
			s = directive.MaxSignals - 1
		}
		out[i] = s
	}
	return out
}

// amplifiers are signals that speak for any match in whose reach they stand: each takes a share of the doubt away.
var amplifiers = directive.Of(directive.Conceal, directive.Covert, directive.Coerce, directive.Override, directive.Unguard,
	directive.Marker, directive.Scope, directive.DropFile, directive.Authority)

// DoubtLeft is the share of the doubt that remains per amplifier.
const DoubtLeft = 0.75

// hygieneBytes is how far behind "never show" the value may be named.
const hygieneBytes = 20

// weigh raises the confidence for what else stands around, and lowers it for what speaks against the anchor. Used is
// what the match consists of.
func (sc *Scanner) weigh(m *Match, r *rule, around, used directive.Signals, hits []directive.Hit, anchor directive.Hit, steps *[]Step) {
	doubt := 1 - r.Confidence
	for i, word := range around.Without(used) {
		if word &= amplifiers[i]; word != 0 {
			doubt = sc.amplify(doubt, i, word, steps)
			m.Amplified = true
		}
	}
	m.Confidence = 1 - doubt
	for i := range counters {
		if r.counters[i] && sc.speaksAgainst(i, hits, anchor, used) {
			m.against[i] = true
			m.Confidence *= 1 - counters[i].Weight
			note(steps, m.Confidence, "speaks against it: ", counters[i].Kind)
		}
	}
}

// amplify takes a share of the doubt away for each signal of a word of a set.
func (sc *Scanner) amplify(doubt float64, index int, word uint64, steps *[]Step) float64 {
	for ; word != 0; word &= word - 1 {
		doubt *= DoubtLeft
		if steps != nil {
			note(steps, 1-doubt, "stands beside: ", sc.set.lexicon.Name(directive.Signal(index*64+bits.TrailingZeros64(word))))
		}
	}
	return doubt
}

// counterEvidence tells what speaks against a match.
func counterEvidence(against [numCounters]bool) []models.CounterEvidence {
	var out []models.CounterEvidence
	for i, c := range counters {
		if against[i] {
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

// speaksAgainst reports whether counter-evidence number i is about the anchor: in its sentence, and for a value that is
// to be kept secret, right within or behind the words that say so.
func (sc *Scanner) speaksAgainst(i int, hits []directive.Hit, anchor directive.Hit, used directive.Signals) bool {
	switch i {
	case purposeCounter:
		asked, purpose := used, sc.Purpose()
		return asked.Meets(&purpose)
	case longCounter:
		return sc.long
	case analysisCounter:
		return sc.analyses()
	}
	for _, h := range hits {
		if h.Signal != sc.set.counters[i] || h.Sentence != anchor.Sentence {
			continue
		}
		if h.Signal != directive.Hygiene || h.End > anchor.Start && h.Start < anchor.End+hygieneBytes {
			return true
		}
	}
	return false
}
