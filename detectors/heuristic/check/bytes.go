package check

import (
	"math/bits"
	"unicode/utf8"
)

// Bytes is which bytes a text has: each sign of ASCII by itself; digits, capitals, small letters and rare controls as one
// each; beyond ASCII, by their first byte, Latin letters, signs (U+2000 to U+2FFF), and all others. It is what checks that look for a sign ask first.
type Bytes uint64

// BytesOf returns the bytes of a text.
func BytesOf(text string) Bytes {
	var b Bytes
	for i := range len(text) {
		b |= byteBit[text[i]]
	}
	return b
}

// Has reports whether any of the others is there.
func (b Bytes) Has(others Bytes) bool { return b&others != 0 }

// Count returns how many of the others are there.
func (b Bytes) Count(others Bytes) int { return bits.OnesCount64(uint64(b & others)) }

var byteBit = func() (t [256]Bytes) {
	const (
		digit = 1 << iota
		capital
		small
		control
		latin
		sign
		wide
		first
	)
	next := Bytes(first)
	for c := range t {
		switch {
		case c == 0xe2:
			t[c] = sign
		case c >= 0xc6:
			t[c] = wide
		case c >= 0xc0:
			t[c] = latin
		case c >= utf8.RuneSelf: // a rune goes on
		case '0' <= c && c <= '9':
			t[c] = digit
		case 'A' <= c && c <= 'Z':
			t[c] = capital
		case 'a' <= c && c <= 'z':
			t[c] = small
		case c < ' ' && c != 0 && c != '\b' && c != '\t' && c != '\n' && c != '\r' && c != 0x1b, c == 0x7f:
			t[c] = control
		default:
			t[c] = next
			next <<= 1
		}
	}
	return t
}()

// Bytes returns the bytes of the raw view of segment i. Each is read once, whoever asks.
func (e *Event) Bytes(i int) Bytes {
	for n := len(e.bytes); n <= i; n++ {
		e.bytes = append(e.bytes, BytesOf(e.Segments[n].Views[0].Text))
	}
	return e.bytes[i]
}

// AnyBytes returns the bytes of all raw views together.
func (e *Event) AnyBytes() (b Bytes) {
	if len(e.Segments) == 0 {
		return 0
	}
	e.Bytes(len(e.Segments) - 1)
	for _, one := range e.bytes {
		b |= one
	}
	return b
}

// HasRun reports whether text has a run of at least least bytes of the set. It skips most of a text that has none.
func HasRun(text string, set *[256]bool, least int) bool {
	_, _, ok := NextRun(text, 0, set, least)
	return ok
}

// NextRun finds the next longest run of at least least bytes of the set from i on, which is at the start of the text or
// behind a byte that is not of the set.
func NextRun(text string, i int, set *[256]bool, least int) (start, end int, ok bool) {
	for i+least <= len(text) {
		j := i + least - 1
		for j >= i && set[text[j]] {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		end = i + least
		for end < len(text) && set[text[end]] {
			end++
		}
		return i, end, true
	}
	return 0, 0, false
}
