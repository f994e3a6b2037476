package classifier

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of a text, or what stands for it: a number, an address, a mark.
type token struct {
	hash       uint32
	start, end int32 // bytes of the text
}

// Marks stand for what must not be learned by heart, and for where a clause begins.
const (
	markNumber uint32 = 0x9e3779b1 + iota
	markURL
	markMail
	markLong
	markColon
	markQuote
	marks = iota
)

const (
	// minWindow is how many tokens a window has at least, unless the text is shorter: a heading belongs to what follows it.
	minWindow = 4
	// maxWindow bounds a window, so that text without punctuation dilutes nothing.
	maxWindow = 40
	// maxWord is the longest word that is told by its letters: what is longer is a key, a digest or a blob.
	maxWord = 32
)

// tokens reads texts in memory of its own.
type tokens struct {
	list []token
	cuts []int // where windows end, as indexes into list
	last int   // where the last one ended
	run  int   // where the list stood at the last blank
}

const (
	hashStart = 2166136261
	hashPrime = 16777619
)

// class says what a byte is to the loop below.
type class uint8

const (
	separator class = iota
	blank
	letter
	digit
	stop
	newline
	colon
	at
	quote
	bracket
	beyond
)

var classes = func() (table [256]class) {
	for c := range table {
		switch {
		case c >= utf8.RuneSelf:
			table[c] = beyond
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			table[c] = letter
		case c >= '0' && c <= '9':
			table[c] = digit
		case c == ' ', c == '\t', c == '\r':
			table[c] = blank
		}
	}
	for set, as := range map[string]class{".!?;": stop, "\n": newline, ":": colon, "@": at, "\"'`(<": quote, "{}[]": bracket} {
		for i := range len(set) {
			table[set[i]] = as
		}
	}
	return table
}()

// read takes text apart into tokens and windows.
func (t *tokens) read(text string) {
	t.list, t.cuts, t.last, t.run = t.list[:0], t.cuts[:0], 0, 0
	for i := 0; i < len(text); {
		switch classes[text[i]] {
		case letter:
			i = t.word(text, i)
		case beyond:
			i = t.rune(text, i)
		case digit:
			start := i
			for i < len(text) && classes[text[i]] == digit {
				i++
			}
			t.add(markNumber, start, i)
		case blank:
			t.run = len(t.list)
			i++
		case stop:
			if i+1 == len(text) || classes[text[i+1]] != letter && classes[text[i+1]] != digit && classes[text[i+1]] != beyond {
				t.cut()
			}
			i++
		case newline:
			t.run = len(t.list)
			if i++; i < len(text) && (text[i] == '\n' || text[i] == '-' || text[i] == '*' || text[i] == '#') {
				t.cut()
			}
		case bracket:
			t.run = len(t.list)
			t.cut()
			i++
		case colon:
			if strings.HasPrefix(text[i:], "://") {
				i = t.address(text, i, len("://"), markURL, " \t\r\n\"'`<>()[]{}")
				continue
			}
			t.add(markColon, i, i+1)
			i++
		case at:
			if len(t.list) > t.run && i+1 < len(text) && classes[text[i+1]] == letter {
				i = t.address(text, i, len("@"), markMail, " \t\r\n\"'`<>()[]{},;:/")
				continue
			}
			i++
		case quote:
			t.run = len(t.list)
			if n := len(t.list); n == t.last || t.list[n-1].hash != markQuote {
				t.add(markQuote, i, i+1)
			}
			if i++; i < len(text) && (text[i] == ',' || text[i] == ':') {
				t.cut()
				i++
			}
		default:
			i++
		}
	}
	t.force()
}

func (t *tokens) add(hash uint32, start, end int) {
	t.list = append(t.list, token{hash, int32(start), int32(end)})
	if len(t.list)-t.last == maxWindow {
		t.force()
	}
}

// cut ends the window if it is long enough to mean something.
func (t *tokens) cut() {
	if len(t.list)-t.last >= minWindow {
		t.force()
	}
}

func (t *tokens) force() {
	if len(t.list) > t.last {
		t.last = len(t.list)
		t.cuts = append(t.cuts, t.last)
	}
}

// word reads the word at i; a capital after a small letter begins another.
func (t *tokens) word(text string, i int) int {
	start, h, small := i, uint32(hashStart), false
	for i < len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z':
			small = true
		case c >= 'A' && c <= 'Z':
			if small {
				t.finish(h, start, i)
				start, h, small = i, hashStart, false
			}
			c |= 0x20
		case c == '\'' && i+1 < len(text) && classes[text[i+1]] == letter:
			i++
			continue
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(text[i:])
			if !joins(r) {
				t.finish(h, start, i)
				return i
			}
			h = fold(h, r)
			i += n
			continue
		default:
			t.finish(h, start, i)
			return i
		}
		h = (h ^ uint32(c)) * hashPrime
		i++
	}
	t.finish(h, start, i)
	return i
}

// rune reads what begins with a rune beyond ASCII: a word, a character of a script without blanks, or a mark.
func (t *tokens) rune(text string, i int) int {
	r, n := utf8.DecodeRuneInString(text[i:])
	switch {
	case joins(r):
		start, h := i, uint32(hashStart)
		for i < len(text) {
			r, n := utf8.DecodeRuneInString(text[i:])
			if !joins(r) {
				break
			}
			h = fold(h, r)
			i += n
		}
		t.finish(h, start, i)
		return i
	case unicode.IsLetter(r):
		t.add(fold(hashStart, r), i, i+n)
	case r == '。' || r == '！' || r == '？' || r == '；' || r == '।':
		t.cut()
	case unicode.IsSpace(r):
		t.run = len(t.list)
	}
	return i + n
}

// joins reports whether r is a letter of a script that puts blanks between its words.
func joins(r rune) bool {
	if r < utf8.RuneSelf {
		return classes[r] == letter
	}
	return r < 0x0e00 && (unicode.IsLetter(r) || unicode.IsMark(r)) || r >= 0x1e00 && r < 0x2000 && unicode.IsLetter(r)
}

func fold(h uint32, r rune) uint32 {
	if r = unicode.ToLower(r); r < utf8.RuneSelf {
		return (h ^ uint32(r)) * hashPrime
	}
	return (h ^ uint32(r)) * hashPrime * hashPrime
}

func (t *tokens) finish(h uint32, start, end int) {
	if end-start > maxWord {
		h = markLong
	}
	t.add(h, start, end)
}

// address replaces what was read since the last blank, the sign at i of so many bytes, and what follows up to one of the
// delimiters, by one mark: an attack's address says nothing about the next attack's.
func (t *tokens) address(text string, i, sign int, mark uint32, delimiters string) int {
	start := i
	from := max(t.run, t.last)
	if from < len(t.list) {
		start = int(t.list[from].start)
		t.list = t.list[:from]
	}
	i += sign
	for i < len(text) && strings.IndexByte(delimiters, text[i]) < 0 {
		i++
	}
	t.add(mark, start, i)
	return i
}
