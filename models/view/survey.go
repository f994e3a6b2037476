package view

import "unicode/utf8"

// features says which bytes occur in a text, and so which transforms could change it.
type features uint8

const (
	hasControl features = 1 << iota // C0 but white space, and DEL
	hasMultibyte
	hasPercent
	hasAmpersand
	hasBackslash
	hasSpace
	hasRotated  // perhaps English in rot13
	hasReversed // perhaps English backwards
)

func (f features) has(any features) bool { return f&any != 0 }

var featureOf = func() (t [256]features) {
	for i := range t {
		switch {
		case i == '\t' || i == '\n' || i == '\r' || i == ' ':
			t[i] = hasSpace
		case i < ' ' || i == 0x7f:
			t[i] = hasControl
		case i == '%':
			t[i] = hasPercent
		case i == '&':
			t[i] = hasAmpersand
		case i == '\\':
			t[i] = hasBackslash
		case i >= utf8.RuneSelf:
			t[i] = hasMultibyte
		}
	}
	return t
}()

func survey(text string) features {
	var f features
	for i := range len(text) {
		f |= featureOf[text[i]]
	}
	if f.has(hasSpace) {
		f |= disguises(text)
	}
	return f
}

// byteSet is a set of bytes.
type byteSet [256]bool

func setOf(members string) *byteSet {
	var s byteSet
	for i := range len(members) {
		s[members[i]] = true
	}
	return &s
}

// nextRun finds the next longest run of at least least members in text from i on. i must be at the start of text or
// behind a byte that is not a member. It looks at each window from its end, so that it skips most of a text that has none.
func nextRun(text string, i int, members *byteSet, least int) (start, end int, ok bool) {
	for i+least <= len(text) {
		j := i + least - 1
		for j >= i && members[text[j]] {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		end = i + least
		for end < len(text) && members[text[end]] {
			end++
		}
		return i, end, true
	}
	return 0, 0, false
}
