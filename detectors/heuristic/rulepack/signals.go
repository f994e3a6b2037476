package rulepack

import "github.com/aad6b6dc/taster/detectors/internal/directive"

// maxReachBytes is how far apart signals may stand, whatever the punctuation.
const maxReachBytes = 700

// satisfied reports whether present has a signal of every set that the rule needs.
func (r *rule) satisfied(present *directive.Signals) bool {
	for i := range r.need {
		if !r.need[i].Meets(present) {
			return false
		}
	}
	return true
}

// foreign reports whether the anchor's signal and, with it, as many different ones of its set as the rule wants are not
// what the object is for.
func (sc *Scanner) foreign(r *rule, anchor directive.Signal, present directive.Signals) bool {
	if r.Signals.Foreign == 0 {
		return true
	}
	purpose := sc.Purpose()
	if purpose.Has(anchor) {
		return false
	}
	found := 0
	for s := range present.Without(purpose).All() {
		if r.need[0].Has(s) {
			found++
		}
	}
	return found >= r.Signals.Foreign
}

// neighbourhood is what stands within reach of a hit: hits[from:to], and their signals.
type neighbourhood struct {
	from, to int
	signals  directive.Signals
}

// neighbourhoods returns the neighbourhood of every hit of the current text.
func (sc *Scanner) neighbourhoods(reach int) []neighbourhood {
	if !sc.known[reach] {
		sc.around[reach] = appendNeighbourhoods(sc.around[reach][:0], sc.reading.Hits, reach)
		sc.known[reach] = true
	}
	return sc.around[reach]
}

// appendNeighbourhoods finds the neighbourhoods in one pass: both ends only move forward.
func appendNeighbourhoods(out []neighbourhood, hits []directive.Hit, reach int) []neighbourhood {
	var counts [directive.MaxSignals]int32
	var signals directive.Signals
	from, to := 0, 0
	near := func(i, j int) bool {
		return abs(hits[i].Sentence-hits[j].Sentence) <= reach && abs(hits[i].Start-hits[j].Start) <= maxReachBytes
	}
	for i := range hits {
		for ; to < len(hits) && (to <= i || near(i, to)); to++ {
			counts[hits[to].Signal]++
			signals.Add(hits[to].Signal)
		}
		for ; !near(i, from); from++ {
			if counts[hits[from].Signal]--; counts[hits[from].Signal] == 0 {
				signals.Drop(hits[from].Signal)
			}
		}
		out = append(out, neighbourhood{from, to, signals})
	}
	return out
}

// signals tries the places of the rule's first signal and returns the one with the highest confidence.
func (sc *Scanner) signals(r *rule) (best Match, ok bool) {
	hits, around := sc.reading.Hits, sc.neighbourhoods(r.Signals.Reach)
	found := 0
	for i := range hits {
		if !r.need[0].Has(hits[i].Signal) || !r.satisfied(&around[i].signals) || r.absent.Meets(&around[i].signals) || !sc.foreign(r, hits[i].Signal, around[i].signals) {
			continue
		}
		m, holds := sc.signalsAt(r, hits, i, around[i], nil)
		if !holds {
			continue
		}
		if m.Confidence > best.Confidence {
			best, ok = m, true
		}
		if found++; found == maxPlaces {
			break
		}
	}
	return best, ok && best.Confidence >= minConfidence
}

// signalsAt tries the rule at the hit with index anchor.
func (sc *Scanner) signalsAt(r *rule, hits []directive.Hit, anchor int, n neighbourhood, steps *[]Step) (Match, bool) {
	m := Match{Start: hits[anchor].Start, End: hits[anchor].End, anchor: anchor}
	near := hits[n.from:n.to]
	from := n.from
	if r.Signals.After {
		from = anchor
	}
	used := directive.Of(hits[anchor].Signal)
	for k := range r.need[1:] {
		h, ok := nearest(hits[from:n.to], anchor-from, &r.need[k+1])
		if !ok || r.Signals.Within > 0 && abs(h.Start-hits[anchor].Start) > r.Signals.Within {
			return Match{}, false
		}
		used.Add(h.Signal)
		if !r.Signals.Pointed {
			m.Start, m.End = min(m.Start, h.Start), max(m.End, h.End)
		}
	}
	sc.weigh(&m, r, n.signals, used, near, hits[anchor], steps)
	return m, true
}

// nearest returns the hit of a signal in set that stands nearest to the one at index anchor, and is another one; of two
// equally near, the one that comes first.
func nearest(hits []directive.Hit, anchor int, set *directive.Signals) (best directive.Hit, ok bool) {
	at := &hits[anchor]
	fits := func(h *directive.Hit) bool {
		return set.Has(h.Signal) && (h.Signal != at.Signal || h.Start >= at.End || at.Start >= h.End)
	}
	behind := anchor + 1
	for behind < len(hits) && !fits(&hits[behind]) {
		behind++
	}
	before := -1
	for i := anchor - 1; i >= 0 && (before < 0 || hits[i].Start == hits[before].Start); i-- {
		if fits(&hits[i]) {
			before = i
		}
	}
	switch {
	case before >= 0 && (behind == len(hits) || at.Start-hits[before].Start <= hits[behind].Start-at.Start):
		return hits[before], true
	case behind < len(hits):
		return hits[behind], true
	}
	return directive.Hit{}, false
}

func abs(n int) int { return max(n, -n) }
