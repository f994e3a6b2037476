package lexis

import "sync"

// Book remembers what was read of the texts of one event, so that each is read once. It belongs to one goroutine.
type Book struct {
	slots    []int32 // by text: one more than the number of its reading
	readings []*Reading
	used     int
}

var books = sync.Pool{New: func() any { return new(Book) }}

// Open returns a book for n texts.
func Open(n int) *Book {
	b := books.Get().(*Book)
	if cap(b.slots) < n {
		b.slots = make([]int32, n)
	}
	b.slots = b.slots[:n]
	clear(b.slots)
	b.used = 0
	return b
}

// Close gives the book back: what it returned is not to be used any more.
func (b *Book) Close() {
	for _, r := range b.readings[:b.used] {
		r.Text = ""
	}
	books.Put(b)
}

// Read returns the reading of text number i.
func (b *Book) Read(i int, text string) *Reading {
	if n := b.slots[i]; n > 0 {
		return b.readings[n-1]
	}
	if b.used == len(b.readings) {
		b.readings = append(b.readings, new(Reading))
	}
	r := b.readings[b.used]
	b.used++
	b.slots[i] = int32(b.used)
	r.Reuse(text)
	return r
}
