package directive

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// vocabulary knows the words and stems of a lexicon by number, from 1. It is a trie over folded runes: ASCII by tables,
// the rest by a map.
type vocabulary struct {
	ascii []uint32            // [node*asciiWidth+class]: the next node, 0 for none
	other map[runeEdge]uint32 // for runes beyond ASCII
	words []uint16            // by node: the word that ends here
	stems []uint16            // by node: the stem that ends here
	texts []string            // by number, folded; a stem with its asterisk
	known map[string]uint16
}

type runeEdge struct {
	node uint32
	r    rune
}

// asciiWidth is the number of classes of ASCII bytes that words are made of, and 0 for all others.
const asciiWidth = 39

const beyondASCII = 255

// asciiClass folds letters and numbers what stands in words: letters, digits, the underscore, and a leading dot. Bytes
// beyond ASCII are [beyondASCII].
var asciiClass = func() (t [256]uint8) {
	for i := utf8.RuneSelf; i < len(t); i++ {
		t[i] = beyondASCII
	}
	for i, c := range "abcdefghijklmnopqrstuvwxyz0123456789_." {
		t[c] = uint8(i + 1)
		if 'a' <= c && c <= 'z' {
			t[c-'a'+'A'] = uint8(i + 1)
		}
	}
	return t
}()

// newVocabulary makes room for the words of lexicons of so many bytes: of the shipped ones, about one in twelve begins a node.
func newVocabulary(bytes int) *vocabulary {
	nodes, words := bytes/12, bytes/24
	v := &vocabulary{
		ascii: make([]uint32, 0, nodes*asciiWidth), other: make(map[runeEdge]uint32, nodes/4),
		words: make([]uint16, 0, nodes), stems: make([]uint16, 0, nodes),
		texts: append(make([]string, 0, words), ""), known: make(map[string]uint16, words),
	}
	v.addNode()
	return v
}

var emptyNode [asciiWidth]uint32

func (v *vocabulary) addNode() uint32 {
	v.ascii = append(v.ascii, emptyNode[:]...)
	v.words, v.stems = append(v.words, 0), append(v.stems, 0)
	return uint32(len(v.words) - 1)
}

// number returns the number of a word, or of a stem if it ends in an asterisk or in a script without blanks.
func (v *vocabulary) number(text string) uint16 {
	if n, ok := v.known[text]; ok {
		return n
	}
	text = foldString(text)
	if last, _ := utf8.DecodeLastRuneInString(text); unspaced(last) {
		text += "*"
	}
	if n, ok := v.known[text]; ok {
		return n
	}
	n := uint16(len(v.texts))
	v.texts, v.known[text] = append(v.texts, text), n
	word, stem := strings.CutSuffix(text, "*")
	node := uint32(0)
	for _, r := range word {
		next := v.step(node, r)
		if next == 0 {
			next = v.addNode()
			v.link(node, r, next)
		}
		node = next
	}
	if stem {
		v.stems[node] = n
	} else {
		v.words[node] = n
	}
	return n
}

func (v *vocabulary) link(node uint32, r rune, next uint32) {
	if r < utf8.RuneSelf {
		v.ascii[node*asciiWidth+uint32(asciiClass[r])] = next
	} else {
		v.other[runeEdge{node, r}] = next
	}
}

// step follows a folded rune; 0 leads nowhere.
func (v *vocabulary) step(node uint32, r rune) uint32 {
	if r < utf8.RuneSelf {
		return v.ascii[node*asciiWidth+uint32(asciiClass[r])]
	}
	return v.other[runeEdge{node, r}]
}

// covered returns all numbers that a word or stem of a pattern stands for: itself and, of a stem, all that begin with it.
func (v *vocabulary) covered(n uint16, sorted []uint16) []uint16 {
	stem, ok := strings.CutSuffix(v.texts[n], "*")
	if !ok {
		return []uint16{n}
	}
	at, _ := slices.BinarySearchFunc(sorted, stem, func(m uint16, s string) int { return strings.Compare(v.texts[m], s) })
	var out []uint16
	for _, m := range sorted[at:] {
		if !strings.HasPrefix(v.texts[m], stem) {
			break
		}
		out = append(out, m)
	}
	return out
}

// sorted returns all numbers in the order of their texts.
func (v *vocabulary) sorted() []uint16 {
	out := make([]uint16, 0, len(v.texts))
	for n := 1; n < len(v.texts); n++ {
		out = append(out, uint16(n))
	}
	slices.SortFunc(out, func(a, b uint16) int { return strings.Compare(v.texts[a], v.texts[b]) })
	return out
}

// foldRune returns the rune that stands for r in words: lower case, without diacritics where Latin, Arabic, Hebrew and
// Cyrillic readers leave them out or keep them as they like; 0 for a mark that counts for nothing.
func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	case r < latinEnd:
		return latin[r]
	case 0x1E00 <= r && r < 0x1F00:
		return base(r)
	case 0x0300 <= r && r <= 0x036F, 0x0591 <= r && r <= 0x05C7, 0x064B <= r && r <= 0x065F, r == 0x0670, r == 0x0640, r == 0x093C:
		return 0
	case r == 'أ' || r == 'إ' || r == 'آ' || r == 'ٱ':
		return 'ا'
	case r == 'ى':
		return 'ي'
	case r == 'ة':
		return 'ه'
	case r == 'ё' || r == 'Ё':
		return 'е'
	case r >= 0x3000 && r < 0xA640:
		return r
	}
	return unicode.ToLower(r)
}

const latinEnd = 0x250

// latin holds what the Latin letters beyond ASCII are folded to.
var latin = func() (t [latinEnd]rune) {
	for r := rune(utf8.RuneSelf); r < latinEnd; r++ {
		t[r] = base(r)
	}
	for from, to := range map[rune]rune{'ł': 'l', 'Ł': 'l', 'đ': 'd', 'Đ': 'd', 'ø': 'o', 'Ø': 'o', 'æ': 'a', 'Æ': 'a', 'ı': 'i', 'İ': 'i', 'ß': 's', 'œ': 'o', 'Œ': 'o'} {
		t[from] = to
	}
	return t
}()

// base is the first rune of the canonical decomposition, in lower case.
func base(r rune) rune {
	first, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
	return unicode.ToLower(first)
}

func foldString(s string) string {
	return strings.Map(func(r rune) rune {
		if r = foldRune(r); r == 0 {
			return -1
		}
		return r
	}, s)
}

// unspaced reports whether r belongs to a script that puts no blanks between words.
func unspaced(r rune) bool {
	switch {
	case r < 0x0E00:
		return false
	case r < 0x0F00, 0x1000 <= r && r < 0x10A0, 0x1780 <= r && r < 0x1800: // Thai, Lao; Burmese; Khmer
		return true
	case r == '々', 0x3040 <= r && r < 0x3100, 0x3400 <= r && r < 0xA000, 0xF900 <= r && r < 0xFB00, 0x20000 <= r && r < 0x40000:
		return r != '・'
	}
	return false
}
