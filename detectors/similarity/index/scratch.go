package index

import (
	"math"
	"math/bits"
	"sync"
)

// scratch is the memory of one search, kept for the next.
type scratch struct {
	budget     *Budget
	own        Budget
	passed     bool // the gate let something through
	more       bool // was found than is returned
	tokens     []token
	spare      []token // for what tokens becomes
	letters    []rune
	sums       []uint32
	ends       []int
	block      block
	set        termSet
	found      []float32 // by document
	touched    []uint32  // the documents with found > 0
	candidates []uint32
	numbers    []int32
	counts     []int32
	hits       []hit
	results    []result
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// unbounded gives the search a budget of its own that lasts.
func (s *scratch) unbounded() {
	s.own.left = math.MaxInt
	s.budget = &s.own
}

func (s *scratch) clearCounts(n int) {
	if cap(s.counts) < n {
		s.counts = make([]int32, n)
	}
	s.counts = s.counts[:n]
	clear(s.counts)
}

// termSet numbers terms, from 0.
type termSet struct {
	slots []struct {
		term   term
		number uint32 // and 1; 0 is an empty slot
	}
	used uint32
}

// reset empties the set and makes room for n terms.
func (s *termSet) reset(n int) {
	size := 1 << bits.Len(uint(2*n+1))
	if cap(s.slots) < size {
		s.slots = append(s.slots[:0], make([]struct {
			term   term
			number uint32
		}, size)...)
	}
	s.slots, s.used = s.slots[:size], 0
	clear(s.slots)
}

// add returns the number of a term, a new one if it had none.
func (s *termSet) add(t term) (number int, added bool) {
	i, ok := s.at(t)
	if !ok {
		s.used++
		s.slots[i].term, s.slots[i].number = t, s.used
	}
	return int(s.slots[i].number) - 1, !ok
}

// number returns the number of a term, if it has one.
func (s *termSet) number(t term) (int, bool) {
	i, ok := s.at(t)
	return int(s.slots[i].number) - 1, ok
}

func (s *termSet) at(t term) (slot uint32, ok bool) {
	mask := uint32(len(s.slots) - 1)
	for i := uint32(t) & mask; ; i = (i + 1) & mask {
		switch e := &s.slots[i]; {
		case e.number == 0:
			return i, false
		case e.term == t:
			return i, true
		}
	}
}
