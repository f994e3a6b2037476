package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// match is a rule that holds in a text.
type match struct {
	rule       *rule
	start, end int // bytes of the text: the evidence
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
	var around [maxReach + 1][]neighbourhood
	for i := range rules {
		rule := &rules[i]
		if !rule.satisfied(present) {
			continue
		}
		if around[rule.reach] == nil {
			around[rule.reach] = neighbourhoods(r.Hits, rule.reach)
		}
		if m, ok := rule.match(r.Hits, around[rule.reach]); ok {
			out = append(out, m)
		}
	}
	return out
}

// satisfied reports whether present has a signal of every set that the rule needs.
func (r *rule) satisfied(present directive.Signals) bool {
	for _, set := range r.need {
		if present&set == 0 {
			return false
		}
	}
	return true
}

// neighbourhood is what stands within reach of a hit: hits[from:to], and their signals.
type neighbourhood struct {
	from, to int
	signals  directive.Signals
}

// neighbourhoods returns the neighbourhood of every hit, in one pass: both ends only move forward.
func neighbourhoods(hits []directive.Hit, reach int) []neighbourhood {
	out := make([]neighbourhood, len(hits))
	var counts [64]int
	var signals directive.Signals
	from, to := 0, 0
	near := func(i, j int) bool {
		return abs(hits[i].Sentence-hits[j].Sentence) <= reach && abs(hits[i].Start-hits[j].Start) <= maxReachBytes
	}
	for i := range hits {
		for ; to < len(hits) && (to <= i || near(i, to)); to++ {
			counts[hits[to].Signal]++
			signals |= 1 << hits[to].Signal
		}
		for ; !near(i, from); from++ {
			if counts[hits[from].Signal]--; counts[hits[from].Signal] == 0 {
				signals &^= 1 << hits[from].Signal
			}
		}
		out[i] = neighbourhood{from, to, signals}
	}
	return out
}

// match tries the places of the rule's first signal and returns the one with the highest confidence.
func (r *rule) match(hits []directive.Hit, around []neighbourhood) (best match, ok bool) {
	found := 0
	for i := range hits {
		if !r.need[0].Has(hits[i].Signal) || !r.satisfied(around[i].signals) {
			continue
		}
		m, holds := r.at(hits, i, around[i])
		if !holds {
			continue
		}
		if m.confidence > best.confidence {
			best, ok = m, true
		}
		if found++; found == maxPlaces {
			break
		}
	}
	return best, ok && best.confidence >= minConfidence
}

// at tries the rule at the hit with index anchor.
func (r *rule) at(hits []directive.Hit, anchor int, n neighbourhood) (match, bool) {
	m := match{rule: r, start: hits[anchor].Start, end: hits[anchor].End}
	near := hits[n.from:n.to]
	var used directive.Signals = 1 << hits[anchor].Signal
	for _, set := range r.need[1:] {
		h, ok := nearest(near, anchor-n.from, set)
		if !ok {
			return match{}, false
		}
		used |= 1 << h.Signal
		if !r.pointed {
			m.start, m.end = min(m.start, h.Start), max(m.end, h.End)
		}
	}
	m.weigh(n.signals&^used, near, hits[anchor])
	return m, true
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
