package lexis

import (
	"sync"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

// Book remembers what the texts of one event mean, so that each is looked up once. It belongs to one goroutine.
type Book struct {
	event    *check.Event
	slots    []int32 // by segment: one more than the number of its reading
	readings []*Reading
	used     int
}

var books = sync.Pool{New: func() any { return new(Book) }}

// Open returns a book of the event.
func Open(e *check.Event) *Book {
	b := books.Get().(*Book)
	if n := len(e.Segments); cap(b.slots) < n {
		b.slots = make([]int32, n)
	}
	b.slots = b.slots[:len(e.Segments)]
	clear(b.slots)
	b.event, b.used = e, 0
	return b
}

// Close gives the book back: what it returned is not to be used any more.
func (b *Book) Close() {
	for _, r := range b.readings[:b.used] {
		r.Text = ""
	}
	b.event = nil
	books.Put(b)
}

// Read returns the reading of segment i as it stands.
func (b *Book) Read(i int) *Reading {
	if n := b.slots[i]; n > 0 {
		return b.readings[n-1]
	}
	if b.used == len(b.readings) {
		b.readings = append(b.readings, new(Reading))
	}
	r := b.readings[b.used]
	b.used++
	b.slots[i] = int32(b.used)
	r.Read(b.event.Segments[i].Views[0].Text, b.event.Signals(i, 0))
	return r
}

// All returns the senses of segment i.
func (b *Book) All(i int) Senses {
	if n := b.slots[i]; n > 0 {
		return b.readings[n-1].All
	}
	return In(b.event.Signals(i, 0))
}
