package view

import (
	"unicode"
	"unicode/utf8"
)

// features says what occurs in a text, and so which transforms could change it.
type features uint32

const (
	hasControl features = 1 << iota // C0 but white space, DEL, C1
	hasMultibyte
	hasPercent
	hasAmpersand
	hasBackslash
	hasSpace
	hasRotated  // perhaps English in rot13
	hasReversed // perhaps English backwards
	hasInvisible
	hasMark
	hasLookalike
	hasLetter   // beyond ASCII
	hasForeign  // a letter beyond ASCII that is not Latin
	hasLeet     // words with digits, several of them
	hasSpelling // perhaps the spelling alphabet
	hasCaesar   // many words, and none of them plain English
	hasPlain    // only of a word: plain English
)

func (f features) has(any features) bool { return f&any != 0 }

// survey looks at every character once.
func survey(text string) features {
	var f features
	for i := range len(text) {
		f |= featureOf[text[i]]
	}
	if f.has(hasMultibyte) {
		for _, r := range text {
			f |= runeFeatures(r)
		}
	}
	if f.has(hasSpace) {
		f |= disguises(text)
	}
	return f
}

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

// runeFeatures returns the features of a character beyond ASCII, and none for the others.
func runeFeatures(r rune) features {
	switch {
	case int(r) < len(lowFeatures):
		return lowFeatures[r]
	case r >= 0x4e00 && r < 0xa000, r >= 0xac00 && r < 0xd7a4: // Han, Hangul
		return hasLetter | hasForeign
	}
	var f features
	if invisible(r) {
		f |= hasInvisible
	}
	if foldTo[r] != 0 {
		f |= hasLookalike
	}
	switch {
	case unicode.Is(unicode.M, r):
		f |= hasMark
	case unicode.Is(unicode.Latin, r):
		f |= hasLetter
	case unicode.IsLetter(r):
		f |= hasLetter | hasForeign
	}
	return f
}

// lowFeatures has the features of the characters that alphabets are made of. It is filled range by range.
var lowFeatures = func() (t [0x3100]features) {
	fill := func(table *unicode.RangeTable, set, clear features) {
		for _, span := range table.R16 {
			for r := int(span.Lo); r <= int(span.Hi) && r < len(t); r += int(span.Stride) {
				t[r] = t[r]&^clear | set
			}
		}
	}
	fill(unicode.L, hasLetter|hasForeign, 0)
	fill(unicode.Latin, hasLetter, hasForeign)
	fill(unicode.M, hasMark, 0)
	fill(unicode.Cc, hasControl, 0)
	for r := range foldTo {
		if int(r) < len(t) {
			t[r] |= hasLookalike
		}
	}
	for r := range rune(len(t)) {
		if r < utf8.RuneSelf {
			t[r] = 0
		} else if invisible(r) {
			t[r] |= hasInvisible
		}
	}
	return t
}()

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

// hasRun reports whether nextRun would find a run, without looking where it ends.
func hasRun(text string, members *byteSet, least int) bool {
	for i := 0; i+least <= len(text); {
		j := i + least - 1
		for j >= i && members[text[j]] {
			j--
		}
		if j < i {
			return true
		}
		i = j + 1
	}
	return false
}
