package lexis

import (
	"slices"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// Book remembers what the texts of one event mean, so that each is looked up once. It belongs to one goroutine.
type Book struct {
	event    *check.Event
	slots    []int32 // by segment: one more than the number of its reading
	readings []*Reading
	used     int

	everything Senses // of all segments
	read       bool   // everything is known
}

// Open returns the book of the event, the same to all that ask.
func Open(e *check.Event) *Book {
	b, ok := e.Notes.(*Book)
	if !ok {
		b = new(Book)
		e.Notes = b
	}
	if b.event == nil {
		b.event = e
		b.slots = slices.Grow(b.slots[:0], len(e.Segments))[:len(e.Segments)]
		clear(b.slots)
	}
	return b
}

// Forget makes the book one of no event: what it returned is not to be used any more.
func (b *Book) Forget() {
	for _, r := range b.readings[:b.used] {
		r.Text = ""
	}
	b.event, b.used, b.read = nil, 0, false
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

// Everything returns the senses of all segments.
func (b *Book) Everything() Senses {
	if !b.read {
		b.read, b.everything = true, Meant(b.event.All())
	}
	return b.everything
}

// Meant returns the senses of signals.
func Meant(signals *directive.Signals) (set Senses) {
	for s := range signals.All() {
		set |= senses.meanings[s].set
	}
	return set
}
