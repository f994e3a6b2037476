package index

import (
	"slices"
	"unicode"
)

// Words that were run together, as they come out of letters that stood apart, are told by their length.
const (
	gluedLetters = 12
	// maxGlued is how many are taken apart in one text.
	maxGlued  = 64
	maxDigits = 2
	// maxPart is the longest word that is looked for in one.
	maxPart = 18
	// oneWord and strayLetter are what a word costs beside its weight, and a letter that belongs to none.
	oneWord     = 1
	strayLetter = 6
)

// unglue takes the words in s that were run together apart, into words that are known.
func (st *state) unglue(s *scratch, text string) {
	glued := func(t token) bool {
		return t.end-t.start >= gluedLetters && wordy(text[t.start:t.end]) && !st.knows(t.term)
	}
	if !slices.ContainsFunc(s.tokens, glued) {
		return
	}
	s.spare = s.spare[:0]
	left := maxGlued
	for _, t := range s.tokens {
		if left > 0 && glued(t) {
			left--
			s.spare = st.split(s, s.spare, text, t)
		} else {
			s.spare = append(s.spare, t)
		}
	}
	s.tokens, s.spare = s.spare, s.tokens
}

// wordy reports whether there are hardly any digits among the letters, as in words and unlike in codes.
func wordy(word string) bool {
	digits := 0
	for i := range len(word) {
		if c := word[i]; c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits <= maxDigits
}

// split appends the words that the text of a word consists of, as far as they are known: of all ways to cut it, the one
// with the fewest and most common words. Letters between them belong to none.
func (st *state) split(s *scratch, dst []token, text string, whole token) []token {
	s.letters, s.sums, s.ends = s.letters[:0], append(s.sums[:0], 0), s.ends[:0]
	for i, r := range text[whole.start:whole.end] {
		if n := len(s.letters); r == '\b' && n > 0 {
			s.letters, s.sums, s.ends = s.letters[:n-1], s.sums[:n], s.ends[:n-1]
			continue
		}
		s.letters, s.ends = append(s.letters, unicode.ToLower(r)), append(s.ends, whole.start+i)
		s.sums = append(s.sums, s.sums[len(s.sums)-1]+letterOf(unicode.ToLower(r), false))
	}
	s.ends = append(s.ends, whole.end)
	n := len(s.sums) - 1
	var cost [longestWord + 1]float32 // from a letter to the end
	var length [longestWord + 1]int   // of the word there; 1 is none
	for from := n - 1; from >= 0; from-- {
		cost[from], length[from] = cost[from+1]+strayLetter, 1
		spelled := spell(0, s.letters[from])
		for l := 2; l <= min(maxPart, n-from); l++ {
			spelled = spell(spelled, s.letters[from+l-1])
			if t := termOf(s.sums[from+l]-s.sums[from], l); st.spells(t, spelled) {
				if c := cost[from+l] + oneWord + weightOf(t, l, false); c < cost[from] {
					cost[from], length[from] = c, l
				}
			}
		}
	}
	for from := 0; from < n; from += length[from] {
		if l := length[from]; l > 1 {
			t := termOf(s.sums[from+l]-s.sums[from], l)
			dst = append(dst, token{term: t, weight: weightOf(t, l, false), start: s.ends[from], end: s.ends[from+l]})
		}
	}
	return dst
}
