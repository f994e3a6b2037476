package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// match is a rule that holds in a text.
type match struct {
	rule       *rule
	start, end int // bytes of the text, around all signals that the rule needs
	confidence float64
	amplified  bool // more than the rule needs speaks for it
	counter    []models.CounterEvidence
}

// matches returns the best place at which each rule holds.
func matches(r *directive.Reading) []match {
	var present directive.Signals
	for _, h := range r.Hits {
		present |= 1 << h.Signal
	}
	var out []match
	for i := range rules {
		if m, ok := rules[i].match(r.Hits, present); ok {
			out = append(out, m)
		}
	}
	return out
}

// match tries every place of the rule's first signal and returns the one with the highest confidence.
func (r *rule) match(hits []directive.Hit, present directive.Signals) (best match, ok bool) {
	for _, set := range r.need {
		if present&set == 0 {
			return match{}, false
		}
	}
	anchors := 0
	for i := range hits {
		if !r.need[0].Has(hits[i].Signal) {
			continue
		}
		if anchors++; anchors > maxAnchors {
			break
		}
		if m, found := r.at(hits, i); found && m.confidence > best.confidence {
			best, ok = m, true
		}
	}
	return best, ok && best.confidence >= minConfidence
}

// at tries the rule around the hit at index anchor.
func (r *rule) at(hits []directive.Hit, anchor int) (match, bool) {
	from, to := r.surroundings(hits, anchor)
	m := match{rule: r, start: hits[anchor].Start, end: hits[anchor].End}
	var used directive.Signals = 1 << hits[anchor].Signal
	for _, set := range r.need[1:] {
		h, ok := nearest(hits[from:to], anchor-from, set)
		if !ok {
			return match{}, false
		}
		used |= 1 << h.Signal
		m.start, m.end = min(m.start, h.Start), max(m.end, h.End)
	}
	var around directive.Signals
	for _, h := range hits[from:to] {
		around |= 1 << h.Signal
	}
	m.weigh(around&^used, hits[from:to], hits[anchor])
	return m, true
}

// surroundings returns the range of hits within reach of the one at index anchor.
func (r *rule) surroundings(hits []directive.Hit, anchor int) (from, to int) {
	a := hits[anchor]
	near := func(h directive.Hit) bool {
		return abs(h.Sentence-a.Sentence) <= r.reach && abs(h.Start-a.Start) <= maxReachBytes
	}
	from, to = anchor, anchor+1
	for from > 0 && near(hits[from-1]) {
		from--
	}
	for to < len(hits) && near(hits[to]) {
		to++
	}
	return from, to
}

// nearest returns the hit of a signal in set that stands nearest to the one at index anchor, and is another one.
func nearest(hits []directive.Hit, anchor int, set directive.Signals) (best directive.Hit, ok bool) {
	for i, h := range hits {
		if i == anchor || !set.Has(h.Signal) || h.Signal == hits[anchor].Signal && h.Start < hits[anchor].End && hits[anchor].Start < h.End {
			continue
		}
		if !ok || abs(h.Start-hits[anchor].Start) < abs(best.Start-hits[anchor].Start) {
			best, ok = h, true
		}
	}
	return best, ok
}

// weigh raises the confidence for what else stands around, and lowers it for what speaks against the anchor.
func (m *match) weigh(around directive.Signals, hits []directive.Hit, anchor directive.Hit) {
	doubt := 1 - m.rule.confidence
	for n := (around & amplifiers).Count(); n > 0; n-- {
		doubt *= doubtLeft
	}
	m.confidence, m.amplified = 1-doubt, around&amplifiers != 0
	var seen directive.Signals
	for _, h := range hits {
		c, ok := counters[h.Signal]
		if !ok || seen.Has(h.Signal) || !m.rule.against.Has(h.Signal) || !speaksAgainst(h, anchor) {
			continue
		}
		seen |= 1 << h.Signal
		m.confidence *= 1 - c.weight
		m.counter = append(m.counter, models.CounterEvidence{Kind: c.kind, Message: c.message, Weight: c.weight})
	}
}

// speaksAgainst reports whether h is about the anchor: in its sentence, and for a value that is to be kept secret, right
// within or behind the words that say so.
func speaksAgainst(h, anchor directive.Hit) bool {
	if h.Sentence != anchor.Sentence {
		return false
	}
	return h.Signal != hygiene || h.End > anchor.Start && h.Start < anchor.End+hygieneBytes
}

// hygieneBytes is how far behind "never show" the value may be named.
const hygieneBytes = 20

func abs(n int) int { return max(n, -n) }
