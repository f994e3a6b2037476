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
	ascii [utf8.RuneSelf][]entry // by the first byte of the stem
	other map[rune][]entry
}

const maxConcepts = 64

// Parse reads a lexicon: a line for each concept, its name, a colon and its stems. A line that begins with # is a comment.
func Parse(text string) *Lexicon {
	l := &Lexicon{other: map[rune][]entry{}}
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
	first, _ := utf8.DecodeRuneInString(e.stem)
	e.anywhere = e.anywhere || !spaced(first) || !letter(first)
	if first < utf8.RuneSelf {
		l.ascii[first] = append(l.ascii[first], e)
	} else {
		l.other[first] = append(l.other[first], e)
	}
}

// spaced reports whether the script of r puts blanks between words and nothing in front of them.
func spaced(r rune) bool {
	return r < 0x600 || r >= 0x900 && r < 0xe00 || r >= 0x1e00 && r < 0x2e00
}

// Find appends the hits in text[start:end] to hits, in order of their starts.
func (l *Lexicon) Find(text string, start, end int, hits []Hit) []Hit {
	inWord := false
	for i := start; i < end; {
		r, size := rune(text[i]), 1
		var entries []entry
		if r < utf8.RuneSelf {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			entries = l.ascii[r]
		} else {
			r, size = utf8.DecodeRuneInString(text[i:])
			r = unicode.ToLower(r)
			entries = l.other[r]
		}
		for k := range entries {
			e := &entries[k]
			if inWord && !e.anywhere {
				continue
			}
			if n := e.match(text[i:end]); n > 0 {
				hits = append(hits, Hit{e.concept, i, i + n})
			}
		}
		inWord = letter(r)
		i += size
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
		want, have := e.stem[j], text[i]
		if have >= utf8.RuneSelf {
			n, m := same(e.stem[j:], text[i:])
			if n == 0 {
				return 0
			}
			j, i = j+n, i+m
			continue
		}
		if have >= 'A' && have <= 'Z' {
			have += 'a' - 'A'
		}
		if have != want && !(want == ' ' && have == '\n') {
			return 0
		}
		i, j = i+1, j+1
	}
	if e.whole {
		if r, _ := utf8.DecodeRuneInString(text[i:]); i < len(text) && letter(r) {
			return 0
		}
	}
	return i
}

// same compares the first characters of a stem and of a text that is not ASCII there, and returns their lengths.
func same(stem, text string) (n, m int) {
	want, n := utf8.DecodeRuneInString(stem)
	have, m := utf8.DecodeRuneInString(text)
	if have == '’' {
		have = '\''
	}
	if unicode.ToLower(have) != want {
		return 0, 0
	}
	return n, m
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
