package index

import (
	"math/bits"
	"sync"
)

// scratch is the memory of one search, kept for the next.
type scratch struct {
	tokens     []token
	spare      []token // for what tokens becomes
	letters    []rune
	sums       []uint32
	ends       []int
	text       []textTerm
	found      []float32 // by document
	seen       []uint64  // a bit for each slot
	visited    []uint32
	documents  []uint32 // those with found > 0
	candidates []candidate
	known      document
	knownText  []token
	set        termSet
	counts     []int32
	hits       []hit
	passed     bool // the gate had candidates
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// count adds weight to what was found of a document.
func (s *scratch) count(doc uint32, weight float32) {
	if s.found[doc] == 0 {
		s.documents = append(s.documents, doc)
	}
	s.found[doc] += weight
}

// termSet numbers terms.
type termSet struct {
	slots []struct{ term, number uint32 }
}

// reset empties the set and makes room for n terms.
func (s *termSet) reset(n int) {
	size := 1 << bits.Len(uint(2*n+1))
	if cap(s.slots) < size {
		s.slots = make([]struct{ term, number uint32 }, size)
		return
	}
	s.slots = s.slots[:size]
	clear(s.slots)
}

// add numbers a term, unless it has a number.
func (s *termSet) add(t term, number int) bool {
	i, ok := s.at(t)
	if !ok {
		s.slots[i].term, s.slots[i].number = uint32(t), uint32(number)+1
	}
	return !ok
}

// number returns a term's number.
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
		case e.term == uint32(t):
			return i, true
		}
	}
}
