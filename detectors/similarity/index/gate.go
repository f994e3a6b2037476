package index

import (
	"cmp"
	"math/bits"
	"slices"
)

// gate holds the known texts as hashed words, in memory, and tells without allocating which of them another text may hold
// enough of. A document is listed under those of its terms that few others have; the rest, up to [unlisted] of its weight,
// is taken as found. So what the lists let pass is an upper bound, and no document is ever kept back of which any window
// holds its [leastShare]. Of what passes, the words of the document say how much the text really holds.
type gate struct {
	slots []slot // open addressing; the length is a power of two
	terms int    // in slots
	// documents is how many documents have the term of each slot, listed under it or not; [manyDocuments] is as many or more.
	documents []uint16
	// lists are the documents of terms that several have: how many, then each.
	lists []uint32
	// words are the words of all documents, one document after the other, starts where each begins, and the end.
	words  []term
	starts []uint32
	// total is the weight of each document, need how much of it must be found under the terms that it is listed under.
	total, need []float32
}

// slot is one term. The high bit of where tells a single document from a place in the lists; 0 is an empty slot.
type slot struct {
	term  term
	where uint32
}

const (
	single        = 1 << 31
	manyDocuments = 1<<16 - 1
)

// unlisted is the share of a document's weight that need not be listed. It must be below [leastScore]: the rest of what is
// asked for is then found in the lists.
const unlisted = 0.15

// leastWeight keeps costs finite.
const leastWeight = 0.01

// rounding is what sums of weights in another order may differ by.
const rounding = 1e-4

// gateBuilder collects documents.
type gateBuilder struct {
	gate    gate
	terms   []term
	weights []float32
	ends    []int
	total   float32 // of the document at hand
}

// add takes a document's text in, as the words in s.tokens.
func (b *gateBuilder) add(s *scratch) {
	tokens := s.tokens[:min(len(s.tokens), maxWords)]
	b.gate.starts = append(b.gate.starts, uint32(len(b.gate.words)))
	s.set.reset(2 * len(tokens))
	b.total = 0
	for i := range tokens {
		b.gate.words = append(b.gate.words, tokens[i].term)
		b.addTerm(s, tokens[i].term, tokens[i].weight)
		if i > 0 {
			b.addTerm(s, pair(tokens[i-1].term, tokens[i].term), pairWeight(&tokens[i-1], &tokens[i]))
		}
	}
	b.ends = append(b.ends, len(b.terms))
	b.gate.total = append(b.gate.total, b.total)
}

func (b *gateBuilder) addTerm(s *scratch, t term, weight float32) {
	if _, added := s.set.add(t); added {
		b.terms = append(b.terms, t)
		b.weights = append(b.weights, weight)
		b.total += weight
	}
}

// build makes the gate of the documents that were added.
func (b *gateBuilder) build() *gate {
	g := &b.gate
	g.starts = append(g.starts, uint32(len(g.words)))
	counts := newTable(len(b.terms))
	for _, t := range b.terms {
		counts.slot(t).where++
	}
	listed := newTable(counts.used)
	start := 0
	for doc, end := range b.ends {
		spare := unlist(counts, b.terms[start:end], b.weights[start:end], unlisted*g.total[doc])
		g.need = append(g.need, leastShare(g.total[doc])*g.total[doc]-spare)
		for i := start; i < end; i++ {
			if b.weights[i] > 0 {
				listed.slot(b.terms[i]).where++
			}
		}
		start = end
	}
	b.place(counts, listed)
	return g
}

// unlist sets the weights of those terms to 0 that make the lists longest for what they weigh, as long as they weigh no
// more than room together, and returns what they do weigh.
func unlist(counts *table, terms []term, weights []float32, room float32) (sum float32) {
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
func (b *gateBuilder) place(counts, listed *table) {
	g := &b.gate
	t := newTable(listed.used)
	next := uint32(1) // 0 is an empty slot
	for _, s := range listed.slots {
		if s.where > 1 {
			t.slot(s.term).where = next
			next += s.where + 1
		} else if s.where == 1 {
			t.slot(s.term).where = single
		}
	}
	g.slots, g.terms, g.lists = t.slots, t.used, make([]uint32, next)
	g.documents = make([]uint16, len(t.slots))
	for i, s := range t.slots {
		if s.where != 0 {
			g.documents[i] = uint16(min(counts.slot(s.term).where, manyDocuments))
		}
	}
	start := 0
	for doc, end := range b.ends {
		for i := start; i < end; i++ {
			if b.weights[i] == 0 {
				continue
			}
			s := t.slot(b.terms[i])
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

// table is a table of terms on its way.
type table struct {
	slots []slot
	used  int
}

func newTable(terms int) *table {
	return &table{slots: make([]slot, 1<<bits.Len(uint(terms+terms/2+1)))}
}

// slot returns the term's slot, a new one if it had none: there the caller sets where to anything but 0.
func (c *table) slot(t term) *slot {
	mask := uint32(len(c.slots) - 1)
	for i := uint32(t) & mask; ; i = (i + 1) & mask {
		s := &c.slots[i]
		if s.where == 0 {
			s.term = t
			c.used++
			return s
		}
		if s.term == t {
			return s
		}
	}
}

// find returns the number of a term's slot, -1 if no document is listed under it.
func (g *gate) find(t term) int {
	mask := uint32(len(g.slots) - 1)
	for i := uint32(t) & mask; ; i = (i + 1) & mask {
		switch s := g.slots[i]; {
		case s.where == 0:
			return -1
		case s.term == t:
			return int(i)
		}
	}
}

// findSteps is what finding a list costs.
const findSteps = 10

// pass appends to s.candidates the documents of which the block may hold enough, in order.
func (g *gate) pass(s *scratch) {
	if len(s.found) < len(g.total) {
		s.found = make([]float32, len(g.total))
	}
	s.touched, s.candidates = s.touched[:0], s.candidates[:0]
	for i, t := range s.block.terms {
		at := g.find(t)
		if at < 0 {
			continue
		}
		where, weight := g.slots[at].where, s.block.weights[i]
		s.budget.left -= findSteps
		if where&single != 0 {
			s.count(where&^single, weight)
			continue
		}
		list := g.lists[where+1 : where+1+g.lists[where]]
		s.budget.left -= len(list)
		for _, doc := range list {
			s.count(doc, weight)
		}
	}
	for _, doc := range s.touched {
		if s.found[doc] >= g.need[doc]-rounding {
			s.candidates = append(s.candidates, doc)
		}
		s.found[doc] = 0
	}
	slices.Sort(s.candidates)
}

// count adds weight to what was found of a document.
func (s *scratch) count(doc uint32, weight float32) {
	if s.found[doc] == 0 {
		s.touched = append(s.touched, doc)
	}
	s.found[doc] += weight
}
