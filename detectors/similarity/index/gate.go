package index

import (
	"cmp"
	"math/bits"
	"slices"
)

// gate tells in memory, and without allocating, which known texts another text may hold enough of. A document is known
// by those of its terms that few others have; the rest, up to [unlisted] of its weight, is taken as found. So what the
// gate lets pass is an upper bound: no document of which any window holds [leastScore] is ever kept back.
type gate struct {
	slots []slot // open addressing; the length is a power of two
	// lists are the documents of terms that several have: how many, then each.
	lists []uint32
	terms int // in slots
	// total is the weight of each document, spare how much of it is taken as found.
	total, spare []float32
}

// slot is one term. The high bit of where tells a single document from a place in the lists; both 0 is an empty slot.
type slot struct{ term, where uint32 }

const single = 1 << 31

// unlisted is the share of a document's weight that need not be in the lists. Must be below [leastScore]: the rest of
// what is asked for must be found.
const unlisted = 0.15

// leastWeight keeps costs finite.
const leastWeight = 0.01

// gateBuilder collects documents.
type gateBuilder struct {
	terms   []term
	weights []float32
	ends    []int
	total   []float32
}

func (b *gateBuilder) add(d *document) {
	b.terms = append(b.terms, d.terms...)
	b.weights = append(b.weights, d.weights...)
	b.ends = append(b.ends, len(b.terms))
	b.total = append(b.total, d.total)
}

// build makes the gate of the documents that were added.
func (b *gateBuilder) build() *gate {
	counts := newCounter(len(b.terms))
	for _, t := range b.terms {
		counts.slot(t).where++
	}
	g := &gate{total: b.total, spare: make([]float32, len(b.total))}
	listed := newCounter(len(b.terms))
	start := 0
	for doc, end := range b.ends {
		g.spare[doc] = unlist(counts, b.terms[start:end], b.weights[start:end], unlisted*b.total[doc])
		for i := start; i < end; i++ {
			if b.weights[i] > 0 {
				listed.slot(b.terms[i]).where++
			}
		}
		start = end
	}
	g.place(b, listed)
	return g
}

// unlist sets the weights of those terms to 0 that make the lists longest for what they weigh, as long as they weigh no
// more than room together, and returns what they do weigh.
func unlist(counts *counter, terms []term, weights []float32, room float32) (sum float32) {
	type cost struct {
		of float32
		at int
	}
	costs := make([]cost, 0, maxTerms)
	for i, t := range terms {
		if n := counts.slot(t).where; n > 1 {
			costs = append(costs, cost{float32(n) / max(weights[i], leastWeight), i})
		}
	}
	slices.SortFunc(costs, func(a, b cost) int { return cmp.Or(cmp.Compare(b.of, a.of), cmp.Compare(a.at, b.at)) })
	for _, c := range costs {
		if sum+weights[c.at] <= room {
			sum += weights[c.at]
			weights[c.at] = 0
		}
	}
	return sum
}

// place writes the lists of the terms that are listed, and the table that leads to them.
func (g *gate) place(b *gateBuilder, listed *counter) {
	table := newCounter(listed.used)
	next := uint32(1) // 0 is an empty slot
	for _, s := range listed.slots {
		if s.where > 1 {
			*table.slot(term(s.term)) = slot{s.term, next}
			next += s.where + 1
		} else if s.where == 1 {
			*table.slot(term(s.term)) = slot{s.term, single}
		}
	}
	g.slots, g.terms, g.lists = table.slots, table.used, make([]uint32, next)
	start := 0
	for doc, end := range b.ends {
		for i := start; i < end; i++ {
			if b.weights[i] == 0 {
				continue
			}
			s := table.slot(b.terms[i])
			if s.where&single != 0 {
				s.where |= uint32(doc)
				continue
			}
			g.lists[s.where]++
			g.lists[s.where+g.lists[s.where]] = uint32(doc)
		}
		start = end
	}
}

// counter is a table on its way.
type counter struct {
	slots []slot
	used  int // slots that were new when they were asked for
}

func newCounter(terms int) *counter {
	return &counter{slots: make([]slot, 1<<bits.Len(uint(terms+terms/2+1)))}
}

// slot returns the term's slot, a new one with where 0 if it had none. Slots that are still 0 afterwards are lost.
func (c *counter) slot(t term) *slot {
	mask := uint32(len(c.slots) - 1)
	for i := uint32(t) & mask; ; i = (i + 1) & mask {
		s := &c.slots[i]
		if s.where == 0 {
			s.term = uint32(t)
			c.used++
			return s
		}
		if s.term == uint32(t) {
			return s
		}
	}
}

// find returns the number of the term's slot, if it has one.
func (g *gate) find(t term) (at uint32, found bool) {
	mask := uint32(len(g.slots) - 1)
	for i := uint32(t) & mask; ; i = (i + 1) & mask {
		switch s := g.slots[i]; {
		case s.where == 0:
			return 0, false
		case s.term == uint32(t):
			return i, true
		}
	}
}

func (g *gate) has(t term) bool {
	_, found := g.find(t)
	return found
}

// pass appends to s.candidates the documents of which the text in s may hold leastScore, the likeliest first, at most
// maxCandidates.
func (g *gate) pass(s *scratch, text []textTerm) {
	if len(s.found) < len(g.total) {
		s.found = make([]float32, len(g.total))
	}
	if words := (len(g.slots) + 63) / 64; len(s.seen) < words {
		s.seen = make([]uint64, words)
	}
	s.documents, s.visited = s.documents[:0], s.visited[:0]
	for _, t := range text {
		at, ok := g.find(t.term)
		if !ok || s.seen[at/64]&(1<<(at%64)) != 0 {
			continue
		}
		s.seen[at/64] |= 1 << (at % 64)
		s.visited = append(s.visited, at)
		if where := g.slots[at].where; where&single != 0 {
			s.count(where&^single, t.weight)
		} else {
			for _, doc := range g.lists[where+1 : where+1+g.lists[where]] {
				s.count(doc, t.weight)
			}
		}
	}
	for _, at := range s.visited {
		s.seen[at/64] = 0
	}
	s.candidates = s.candidates[:0]
	for _, doc := range s.documents {
		if bound := (s.found[doc] + g.spare[doc]) / g.total[doc]; bound >= leastScore-rounding {
			s.candidates = append(s.candidates, candidate{doc, bound})
		}
		s.found[doc] = 0
	}
	if len(s.candidates) > maxCandidates {
		slices.SortFunc(s.candidates, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(a.doc, b.doc)) })
		s.candidates = s.candidates[:maxCandidates]
	}
}

// rounding is what sums of weights in another order may differ by.
const rounding = 1e-4

// maxCandidates is how many documents are compared with one stretch of text.
const maxCandidates = 64

// candidate is a document that may be found.
type candidate struct {
	doc   uint32
	bound float32
}
