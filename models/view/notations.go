package view

import (
	"strings"
	"unicode/utf8"
)

// mayList reports whether a notation's prefix occurs often enough.
func mayList(text string) bool {
	const least = minRun
	return len(text) >= least*3 && (strings.Count(text, "=") >= least || strings.Count(text, "%") >= least || strings.Count(text, "&#") >= least || strings.Count(text, `\`) >= least || strings.Count(text, "0x") >= least ||
		strings.Count(text, "U+00") >= least || strings.Count(text, "u+00") >= least || strings.Count(text, "%u00") >= least)
}

// decodeList reads lists of bytes in one notation (0x49, U+0049, =49, \111, %u0049), whatever separates them.
func decodeList(text string) *builder {
	var b builder
	for i := 0; i < len(text); {
		notation := notationAt(text, i)
		if notation == nil {
			i++
			continue
		}
		start := i
		var run builder
		for i < len(text) {
			v, n := notation.read(text, i)
			if n == 0 {
				break
			}
			run.whole(string(rune(v)), i, i+n)
			i += n
			for skipped := 0; i < len(text) && skipped < 2 && strings.IndexByte(" ,;\n", text[i]) >= 0; skipped++ {
				i++
			}
		}
		if i == start {
			i++
			continue
		}
		if s := string(run.text); len(s) >= minRun && looksRead(s) {
			b.part(start, func(b *builder) { b.append(&run) })
		}
	}
	return b.parts()
}

// notation writes a character of Latin-1 as a prefix, digits and maybe an end. Digits are as many as given, or with an end
// as many as stand before it.
type notation struct {
	prefix string
	digits int
	base   int
	end    byte
}

var notations = [...]notation{
	{"0x", 2, 16, 0}, {"U+00", 2, 16, 0}, {"u+00", 2, 16, 0}, {"%u00", 2, 16, 0}, {"=", 2, 16, 0}, {"%", 2, 16, 0}, {`\u00`, 2, 16, 0}, {`\x`, 2, 16, 0}, {`\u{`, 4, 16, '}'},
	{`\`, 3, 8, 0}, {"&#x", 4, 16, ';'}, {"&#", 4, 10, ';'},
}

// notationAt returns the notation in which something is written at i.
func notationAt(text string, i int) *notation {
	switch text[i] {
	case '0', 'U', 'u', '%', '=', '\\', '&':
		for n := range notations {
			if _, length := notations[n].read(text, i); length > 0 {
				return &notations[n]
			}
		}
	}
	return nil
}

// read returns the printable character that is written at i, and the length of what writes it.
func (n *notation) read(text string, i int) (byte, int) {
	rest, ok := strings.CutPrefix(text[i:], n.prefix)
	if !ok {
		return 0, 0
	}
	v, at := 0, 0
	for ; at < n.digits && at < len(rest) && (n.end == 0 || rest[at] != n.end); at++ {
		d := int(hexDigit[rest[at]])
		if !hexSet[rest[at]] || d >= n.base {
			return 0, 0
		}
		v = v*n.base + d
	}
	switch {
	case n.end == 0 && at < n.digits, n.end != 0 && (at == 0 || at == len(rest) || rest[at] != n.end):
		return 0, 0
	case v != '\n' && (v < ' ' || v > '~' && v < 0xa0 || v > 0xff):
		return 0, 0
	case n.end != 0:
		at++
	}
	return byte(v), len(n.prefix) + at
}

// maxChunk is the longest piece of base64 that is cut up with blanks, minChunks how many pieces make one.
const (
	maxChunk  = 12
	minChunks = 5
)

// mayChunks reports whether three blanks stand at one distance from each other, that of a piece.
func mayChunks(text string) bool {
	for i := 0; ; i++ {
		n := strings.IndexByte(text[i:], ' ')
		if n < 0 || i+n+minChunks*4 > len(text) {
			return false
		}
		i += n
		for size := 5; size <= maxChunk+1; size += 4 {
			if i+2*size < len(text) && text[i+size] == ' ' && text[i+2*size] == ' ' && strings.IndexByte(text[i+1:i+2*size], ' ') == size-1 {
				return true
			}
		}
	}
}

// decodeChunks reads base64 that blanks cut into short pieces of one length.
func decodeChunks(text string) *builder {
	var b builder
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && base64Set[text[i]] {
			i++
		}
		size := i - start
		if size < 4 || size > maxChunk || size%4 != 0 || i == len(text) || text[i] != ' ' && text[i] != '\n' {
			i = max(i, start+1)
			continue
		}
		pieces := [][2]int{{start, i}}
		for at := i; at < len(text) && (text[at] == ' ' || text[at] == '\n'); {
			from := at + 1
			to := from
			for to < len(text) && to-from < size && base64Set[text[to]] {
				to++
			}
			if to == from || to < len(text) && base64Set[text[to]] {
				break
			}
			pieces = append(pieces, [2]int{from, to})
			at = to
			if to-from < size {
				break
			}
		}
		if len(pieces) < minChunks {
			continue
		}
		i = pieces[len(pieces)-1][1]
		var joined strings.Builder
		for _, p := range pieces {
			joined.WriteString(text[p[0]:p[1]])
		}
		if plain := unbase64(joined.String()); looksRead(plain) {
			b.part(start, func(b *builder) {
				for n, p := range pieces {
					b.whole(plain[min(len(plain), n*size/4*3):min(len(plain), (n+1)*size/4*3)], p[0], p[1])
				}
			})
		}
	}
	return b.parts()
}

// brailleLetters are the patterns of a to z behind U+2800.
var brailleLetters = [26]byte{0x01, 0x03, 0x09, 0x19, 0x11, 0x0b, 0x1b, 0x13, 0x0a, 0x1a, 0x05, 0x07, 0x0d, 0x1d, 0x15, 0x0f, 0x1f, 0x17, 0x0e, 0x1e, 0x25, 0x27, 0x3a, 0x2d, 0x3d, 0x35}

// brailleLetter leads from a pattern to its letter; 0 if it has none.
var brailleLetter = func() (t [256]byte) {
	for i, p := range brailleLetters {
		t[p] = byte('a' + i)
	}
	t[0] = ' '
	return t
}()

// decodeSymbols reads letters written as braille, as regional indicators or in the private use areas that mirror ASCII.
func decodeSymbols(text string) *builder {
	var b, run builder
	from := 0
	flush := func() {
		if len(run.text) >= minRun && looksSpelled(string(run.text)) {
			b.part(from, func(b *builder) { b.append(&run) })
		}
		run = builder{}
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		c := symbolLetter(r)
		switch {
		case c != 0:
			if len(run.text) == 0 {
				from = i
			}
			run.whole(string([]byte{c}), i, i+n)
		case r == ' ' && len(run.text) > 0:
			run.keep(text, i, i+1)
		case r < utf8.RuneSelf && letter(byte(r)):
			flush()
		}
		i += n
	}
	flush()
	return b.parts()
}

// symbolLetter returns the letter that a symbol stands for, or 0.
func symbolLetter(r rune) byte {
	switch {
	case r > 0x2800 && r < 0x2840:
		return brailleLetter[r-0x2800]
	case r >= 0x1f1e6 && r <= 0x1f1ff:
		return byte('a' + r - 0x1f1e6)
	case r >= 0xe020 && r < 0xe07f:
		return byte(r - 0xe000)
	case r >= 0xf0020 && r < 0xf007f:
		return byte(r - 0xf0000)
	}
	return 0
}

// looksSpelled is looksRead or isWords, for letters in small case.
func looksSpelled(s string) bool { return looksRead(s) && isWords(s) }

const (
	minCaesar = 8       // words without a plain one among them
	maxCaesar = 4 << 10 // bytes that are counted
)

// decodeCaesar reads text whose letters are shifted by another number than 13, or mirrored. It tries those shifts that make
// one of the most frequent letters an e or a t.
func decodeCaesar(text string) *builder {
	var counts [26]int
	for i := range len(text[:min(len(text), maxCaesar)]) {
		if c := text[i]; letter(c) {
			counts[c|0x20-'a']++
		}
	}
	first, second := 0, 0
	for l, n := range counts {
		if n > counts[first] {
			first, second = l, first
		} else if n > counts[second] || second == first {
			second = l
		}
	}
	for _, shift := range [...]int{'e' - 'a' - first, 't' - 'a' - first, 'e' - 'a' - second} {
		shift = (shift + 52) % 26
		if shift == 0 || shift == 13 {
			continue
		}
		if b := translate(text, func(c int) int { return (c + shift) % 26 }); b != nil {
			return b
		}
	}
	return translate(text, func(c int) int { return 25 - c })
}

// translate writes the letters of text anew if that makes it English: two words in five are in the lexicon or more.
func translate(text string, letterOf func(int) int) *builder {
	out := []byte(text)
	for i, c := range out {
		if letter(c) {
			base := c&0x20 | 'A'
			out[i] = base + byte(letterOf(int(c-base)))
		}
	}
	words, known := 0, 0
	for start, end := nextLetters(text, 0); end > 0; start, end = nextLetters(text, end) {
		if end-start >= minLexiconWord {
			words++
			if plain.score(string(out[start:end])) > 0 {
				known++
			}
		}
	}
	if words < minCaesar/2 || known*4 < words || known < 3 {
		return nil
	}
	b := &builder{}
	b.add(string(out), 1, 0, 1)
	return b
}
