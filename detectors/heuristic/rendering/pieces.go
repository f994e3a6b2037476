package rendering

import (
	_ "embed"
	"strings"
)

//go:embed code.txt
var codeText string

// piece is a set of sorts of pieces that commands, scripts and markup are made of, a bit for each line of code.txt.
type piece uint64

// part is a piece at a place in a text.
type part struct {
	piece      piece
	start, end int // bytes
}

func pieces(parts []part) (set piece) {
	for _, p := range parts {
		set |= p.piece
	}
	return set
}

// stem is how a piece begins.
type stem struct {
	text  string
	piece piece
	whole bool // only a whole word
}

// finder finds pieces. Few places of a text get past its first look at four bytes.
type finder struct {
	names []string
	stems map[uint32][]stem           // by their first three bytes
	begin [1 << (hashBits - 6)]uint64 // a bit for each hash of their first four
}

const (
	headLength = 3
	hashBits   = 15
)

// hash folds four bytes.
func hash(head uint32, next byte) uint32 {
	return (head<<8 | uint32(lowered[next])) * 0x9E3779B1 >> (32 - hashBits)
}

// begins reports whether a piece may begin with the three bytes of head and the next.
func (f *finder) begins(head uint32, next byte) bool {
	h := hash(head, next)
	return f.begin[h>>6]>>(h&63)&1 == 1
}

// add adds a stem. What follows three bytes may be anything.
func (f *finder) add(s stem) {
	h := head(s.text[0], s.text[1], s.text[2])
	f.stems[h] = append(f.stems[h], s)
	for next := range 256 {
		if len(s.text) == headLength || s.text[headLength] == byte(next) {
			bit := hash(h, byte(next))
			f.begin[bit>>6] |= 1 << (bit & 63)
		}
	}
}

func head(a, b, c byte) uint32 {
	return uint32(lowered[a])<<16 | uint32(lowered[b])<<8 | uint32(lowered[c])
}

var lowered = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) | 0x20
	}
	return t
}()

var code = parse(codeText)

func parse(text string) *finder {
	f := &finder{stems: map[uint32][]stem{}}
	for line := range strings.Lines(text) {
		name, stems, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		for text := range strings.SplitSeq(stems, ", ") {
			s := stem{text: strings.TrimSpace(text), piece: 1 << len(f.names)}
			if s.whole = s.text[0] == '=' && letter(s.text[1]); s.whole {
				s.text = s.text[1:]
			}
			f.add(s)
		}
		f.names = append(f.names, name)
	}
	return f
}

// pieceOf returns the set of the named sorts and panics on an unknown name.
func pieceOf(names ...string) (set piece) {
	for _, name := range names {
		n := 0
		for code.names[n] != name {
			n++
		}
		set |= 1 << n
	}
	return set
}

// all makes a list of sets of a list of names, "a|b" being either.
func all(names ...string) []piece {
	sets := make([]piece, len(names))
	for i, n := range names {
		sets[i] = pieceOf(strings.Split(n, "|")...)
	}
	return sets
}

func meets(have piece, need []piece) bool {
	for _, p := range need {
		if have&p == 0 {
			return false
		}
	}
	return true
}

// find appends the pieces in text[start:end] to parts, in order of their starts.
func (f *finder) find(text string, start, end int, parts []part) []part {
	inside := false // of a word
	for i := start; i+headLength <= end; i++ {
		c := text[i]
		before := inside
		if inside = inWord[c]; inside && before {
			continue
		}
		h := head(c, text[i+1], text[i+2])
		if i+headLength < end && !f.begins(h, text[i+headLength]) {
			continue
		}
		for _, s := range f.stems[h] {
			if n := i + len(s.text); n <= end && strings.EqualFold(text[i:n], s.text) && !(s.whole && n < len(text) && letter(text[n])) {
				parts = append(parts, part{s.piece, i, n})
			}
		}
	}
	return parts
}

func letter(c byte) bool { return inWord[c] }

var inWord = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	return t
}()
