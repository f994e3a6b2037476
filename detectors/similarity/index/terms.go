package index

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// A term is a word, or a pair of neighbouring words, of a text. In scripts that are written without spaces each
// character counts as a word, so that their pairs are what words are elsewhere.
type term uint32

// token is a word of a text, where it stands and what it weighs.
type token struct {
	term       term
	weight     float32
	start, end int // bytes of the text
}

// unspaced are the scripts without spaces between words, and Hangul, whose words carry their particles with them.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// longestWord is how many letters a word has: what goes on is another.
const longestWord = 64

// appendTokens appends the words of text to dst.
func appendTokens(dst []token, text string) []token {
	var w word
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case r < utf8.RuneSelf && !asciiWord[r]:
			if r != '\b' || !w.takeBack() {
				dst = w.end(dst, i)
			}
		case r < utf8.RuneSelf || wordRune(r) && !unicode.In(r, unspaced...):
			if w.size == longestWord {
				dst = w.end(dst, i)
			}
			w.add(i, unicode.ToLower(r))
		default:
			dst = w.end(dst, i)
			if wordRune(r) {
				dst = append(dst, token{term: mix(uint32(r)), weight: characterWeight, start: i, end: i + size})
			}
		}
		i += size
	}
	return w.end(dst, len(text))
}

var asciiWord = func() (set [utf8.RuneSelf]bool) {
	for c := range set {
		set[c] = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	return set
}()

func wordRune(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

// word is a word on its way. Its term does not mind the order of the letters: two that were swapped change nothing, nor
// does a text that is written backwards, in any language. Nor does it mind digits that stand for letters.
type word struct {
	start   int
	letters [longestWord]rune
	size    int
}

func (w *word) add(at int, r rune) {
	if w.size == 0 {
		w.start = at
	}
	w.letters[w.size] = r
	w.size++
}

// takeBack undoes the last letter, as a backspace does. It reports whether there was one.
func (w *word) takeBack() bool {
	if w.size == 0 {
		return false
	}
	w.size--
	return true
}

// number reports whether the word has nothing but digits.
func (w *word) number() bool {
	for _, r := range w.letters[:w.size] {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

func (w *word) term() term {
	var sum uint32
	number := w.number()
	for _, r := range w.letters[:w.size] {
		sum += letterOf(r, number)
	}
	return termOf(sum, w.size)
}

// termOf is the term of so many letters with that sum.
func termOf(sum uint32, letters int) term { return mix(sum + uint32(letters)<<24) }

// letterOf is what a letter adds to its word.
func letterOf(r rune, inNumber bool) uint32 {
	if r < utf8.RuneSelf && !inNumber {
		return letters[r]
	}
	return uint32(mix(uint32(r)))
}

// letters are those of ASCII, with digits as the letters that they look like.
var letters = func() (table [utf8.RuneSelf]uint32) {
	for r := range table {
		table[r] = uint32(mix(uint32(r)))
	}
	for digit, letter := range map[rune]rune{'0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '8': 'b'} {
		table[digit] = table[letter]
	}
	return table
}()

// weightOf is that of a common word, else the more the more letters, up to [rareLetters], and digits.
func weightOf(t term, letters int, number bool) float32 {
	if weight, ok := common().weights[t]; ok {
		return weight
	}
	if number {
		return digitWeight * float32(min(letters, rareLetters))
	}
	return rareWeight * min(1, float32(letters+1)/rareLetters)
}

func (w *word) end(dst []token, at int) []token {
	if w.size == 0 {
		return dst
	}
	t := token{term: w.term(), start: w.start, end: at}
	t.weight = weightOf(t.term, w.size, w.number())
	w.size = 0
	return append(dst, t)
}

// mix spreads the bits of a number (the finaliser of MurmurHash3).
func mix(h uint32) term {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	h ^= h >> 16
	return term(h)
}

// pair is the term of two neighbours, in either order.
func pair(a, b term) term { return mix(uint32(a) + uint32(b) + 0x9e3779b9) }

// Weights.
const (
	// rareWeight is that of a word that no count knows, from rareLetters letters on: in any language the short words are
	// the common ones.
	rareWeight  = 8.5
	rareLetters = 7
	// digitWeight is that of one digit of a number.
	digitWeight = 0.6
	// characterWeight is that of a character of a script without spaces.
	characterWeight = 0.5
	// pairOfCharacters is the weight of two of them, which are what a word is.
	pairOfCharacters = 4
	// pairShare is what a pair weighs of what its words do together.
	pairShare = 0.5
)

func pairWeight(a, b *token) float32 {
	if a.weight == characterWeight && b.weight == characterWeight {
		return pairOfCharacters
	}
	return pairShare * (a.weight + b.weight)
}

// rarity says how telling a word is that stands count times in a million: minus the logarithm of the chance that a text
// of a hundred words has it.
func rarity(count float64) float32 {
	return float32(-math.Log(1 - math.Pow(1-count/1e6, 100)))
}

// vocabulary are the common words: their weights, and how they are spelled.
type vocabulary struct {
	weights map[term]float32
	spelled map[uint32]bool
}

// spell continues the hash of a word's letters in their order.
func spell(hash uint32, r rune) uint32 { return hash*0x01000193 ^ letterOf(r, false) }

// common are the words of harmless text. Weights come from there, not from what is indexed: a score does not drift as the
// index grows, and engines with different additions agree on what they share.
var common = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{weights: map[term]float32{}, spelled: map[uint32]bool{}}
	for _, file := range directive.Files() {
		if file.Name != "frequent.txt" {
			continue
		}
		for line := range strings.Lines(file.Text) {
			name, count, ok := strings.Cut(strings.TrimSpace(line), " ")
			n, err := strconv.Atoi(count)
			if !ok || err != nil {
				continue
			}
			var w word
			var hash uint32
			for i, r := range name {
				w.add(i, r)
				hash = spell(hash, r)
			}
			v.spelled[hash] = true
			if weight := rarity(float64(n)); v.weights[w.term()] == 0 || weight < v.weights[w.term()] {
				v.weights[w.term()] = weight
			}
		}
	}
	return v
})
