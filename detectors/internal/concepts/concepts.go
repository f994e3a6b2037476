// Package concepts finds words for what a text is about, secrets, approval, concealment and the like, in the languages
// of words.txt. It knows no grammar: what the words mean together is for the rules that use it.
package concepts

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed words.txt
var words string

// Words is the lexicon of words.txt.
var Words = Parse(words)

// Concept is something to be spoken about. Each lexicon has its own.
type Concept uint8

// Set is a set of concepts.
type Set uint64

// Of returns the set of the named concepts and panics on an unknown name.
func (l *Lexicon) Of(names ...string) Set {
	var s Set
	for _, name := range names {
		s |= 1 << l.Named(name)
	}
	return s
}

// Named returns the concept of the name and panics if there is none.
func (l *Lexicon) Named(name string) Concept {
	for c, n := range l.names {
		if n == name {
			return Concept(c)
		}
	}
	panic("concepts: no " + name)
}

// Has reports whether c is in the set.
func (s Set) Has(c Concept) bool { return s>>c&1 == 1 }

// Hit is a word of a concept in a text.
type Hit struct {
	Concept    Concept
	Start, End int // bytes
}

// entry is one stem.
type entry struct {
	stem     string
	concept  Concept
	whole    bool // only a whole word
	anywhere bool // inside words, too
}

// Lexicon is the stems of up to 64 concepts. It is safe for concurrent use.
type Lexicon struct {
	names []string
	stems map[key][]entry
	pairs [utf8.RuneSelf * utf8.RuneSelf]bool // ASCII characters that a stem begins with
	inner [utf8.RuneSelf]bool                 // ASCII characters that a stem begins with that may stand inside a word
}

// key is the first characters of a stem, as many as it has.
type key uint64

const (
	keyLength = 3
	runeBits  = 21
)

// with returns the key with r as the character at n.
func (k key) with(n int, r rune) key { return k | key(r)<<(n*runeBits) }

// first returns the first n characters of the key.
func (k key) first(n int) key { return k & (1<<(n*runeBits) - 1) }

// char is the character at n.
func (k key) char(n int) rune { return rune(k >> (n * runeBits) & (1<<runeBits - 1)) }

const maxConcepts = 64

// Parse reads a lexicon: a line for each concept, its name, a colon and its stems. A line that begins with # is a comment.
func Parse(text string) *Lexicon {
	l := &Lexicon{stems: map[key][]entry{}}
	for line := range strings.Lines(text) {
		name, stems, found := strings.Cut(line, ": ")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		for stem := range strings.SplitSeq(stems, ", ") {
			l.add(strings.TrimSpace(stem), Concept(len(l.names)))
		}
		l.names = append(l.names, name)
	}
	if len(l.names) > maxConcepts {
		panic("concepts: more than fit into a set")
	}
	return l
}

func (l *Lexicon) add(stem string, c Concept) {
	e := entry{concept: c}
	stem, e.whole = strings.CutPrefix(stem, "=")
	e.stem, e.anywhere = strings.CutPrefix(stem, "*")
	k, n := keyOf(e.stem)
	first, then := k.char(0), k.char(1)
	e.anywhere = e.anywhere || !spaced(first) || !letter(first)
	l.stems[k] = append(l.stems[k], e)
	if first >= utf8.RuneSelf {
		return
	}
	l.inner[first] = l.inner[first] || e.anywhere
	for second := range rune(utf8.RuneSelf) {
		if n == 1 || then == second || then >= utf8.RuneSelf {
			l.pairs[first*utf8.RuneSelf+second] = true
		}
	}
}

// keyOf returns the first characters of a text in lower case, and how many there are.
func keyOf(text string) (k key, n int) {
	for i := 0; i < len(text) && n < keyLength; n++ {
		r, size := lowerAt(text, i)
		k = k.with(n, r)
		i += size
	}
	return k, n
}

// lowerAt is the character at i as stems have it.
func lowerAt(text string, i int) (r rune, size int) {
	switch c := text[i]; {
	case c >= 'A' && c <= 'Z':
		return rune(c) + 'a' - 'A', 1
	case c == '\n':
		return ' ', 1
	case c < utf8.RuneSelf:
		return rune(c), 1
	}
	r, size = utf8.DecodeRuneInString(text[i:])
	if r == '’' {
		return '\'', size
	}
	return unicode.ToLower(r), size
}

// spaced reports whether the script of r puts blanks between words and nothing in front of them.
func spaced(r rune) bool {
	return r < 0x600 || r >= 0x900 && r < 0xe00 || r >= 0x1e00 && r < 0x2e00
}

// Find appends the hits in text[start:end] to hits, in order of their starts.
func (l *Lexicon) Find(text string, start, end int, hits []Hit) []Hit {
	text = text[:end]
	inWord := false
	for i := start; i < end; {
		r, size := lowerAt(text, i)
		if l.begins(text, i, r, inWord) {
			hits = l.at(text, i, inWord, hits)
		}
		inWord = letter(r)
		i += size
	}
	return hits
}

// begins is a cheap test of whether a stem may begin at i.
func (l *Lexicon) begins(text string, i int, r rune, inWord bool) bool {
	if r >= utf8.RuneSelf {
		return true
	}
	if inWord && !l.inner[r] || i+1 == len(text) {
		return false
	}
	next := text[i+1]
	if next >= 'A' && next <= 'Z' {
		next += 'a' - 'A'
	}
	return next >= utf8.RuneSelf || next == '\n' || l.pairs[r*utf8.RuneSelf+rune(next)]
}

// at appends the hits that begin at i.
func (l *Lexicon) at(text string, i int, inWord bool, hits []Hit) []Hit {
	k, n := keyOf(text[i:])
	for ; n > 0; n-- {
		entries := l.stems[k.first(n)]
		for j := range entries {
			e := &entries[j]
			if inWord && !e.anywhere {
				continue
			}
			if m := e.match(text[i:]); m > 0 {
				hits = append(hits, Hit{e.concept, i, i + m})
			}
		}
	}
	return hits
}

// match returns the length of the stem at the beginning of text, 0 if it does not stand there.
func (e *entry) match(text string) int {
	i := 0
	for j := 0; j < len(e.stem); {
		if i >= len(text) {
			return 0
		}
		want, n := rune(e.stem[j]), 1
		if want >= utf8.RuneSelf {
			want, n = utf8.DecodeRuneInString(e.stem[j:])
		}
		have, m := lowerAt(text, i)
		if have != want {
			return 0
		}
		i, j = i+m, j+n
	}
	if e.whole && i < len(text) {
		if r, _ := utf8.DecodeRuneInString(text[i:]); letter(r) {
			return 0
		}
	}
	return i
}

func letter(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

// MaxSentence is how many bytes a sentence has at most; a longer one is cut.
const MaxSentence = 600

// Sentence returns where the sentence that begins at start ends, the mark at its end included.
func Sentence(text string, start int) int {
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case i-start >= MaxSentence && utf8.RuneStart(c):
			return i
		case c == '\n':
			return i + 1
		case (c == '.' || c == '!' || c == '?') && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n'):
			return i + 1
		case c == 0xe3 && strings.HasPrefix(text[i:], "。"), c == 0xef && (strings.HasPrefix(text[i:], "！") || strings.HasPrefix(text[i:], "？")), c == 0xe0 && strings.HasPrefix(text[i:], "।"):
			return i + 3
		case c == 0xd8 && strings.HasPrefix(text[i:], "؟"):
			return i + 2
		}
	}
	return len(text)
}
