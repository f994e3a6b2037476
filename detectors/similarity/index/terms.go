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

// longestToken is how many bytes of a word count: what goes on longer is no word.
const longestToken = 64

// appendTokens appends the words of text to dst.
func appendTokens(dst []token, text string) []token {
	var w word
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case r < utf8.RuneSelf && !asciiWord[r], r >= utf8.RuneSelf && !wordRune(r):
			dst = w.end(dst, i)
		case r >= utf8.RuneSelf && unicode.In(r, unspaced...):
			dst = w.end(dst, i)
			dst = append(dst, token{term: mix(uint32(r)), weight: characterWeight, start: i, end: i + size})
		default:
			w.add(i, unicode.ToLower(r))
			if i-w.start >= longestToken {
				dst = w.end(dst, i+size)
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

// word is a word on its way. Its term does not mind the order of the letters behind the first, so that two that were
// swapped, by mistake or to hide, change nothing.
type word struct {
	start, letters int
	first          uint32
	rest           uint32
}

func (w *word) add(at int, r rune) {
	if w.letters == 0 {
		w.start, w.first, w.rest = at, uint32(r), 0
	} else {
		w.rest += uint32(mix(uint32(r)))
	}
	w.letters++
}

func (w *word) term() term { return mix(w.first*0x9e3779b1 ^ w.rest + uint32(w.letters)<<24) }

func (w *word) end(dst []token, at int) []token {
	if w.letters == 0 {
		return dst
	}
	t := token{term: w.term(), start: w.start, end: at}
	t.weight = background().weight(t.term)
	w.letters = 0
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

func pair(a, b term) term { return mix(uint32(a)*0x9e3779b1 + uint32(b)) }

// What terms weigh that no count of words knows.
const (
	characterWeight = 0.5
	pairShare       = 0.5
)

func pairWeight(a, b *token) float32 {
	if a.weight == characterWeight && b.weight == characterWeight {
		return 4
	}
	return pairShare * (a.weight + b.weight)
}

// frequencies are the weights of common words.
type frequencies struct {
	words map[term]float32
	rare  float32
}

func (f *frequencies) weight(t term) float32 {
	if w, ok := f.words[t]; ok {
		return w
	}
	return f.rare
}

// weightOf says how telling a word is that stands count times in a million: minus the logarithm of the chance that a text
// of a hundred words has it.
func weightOf(count float64) float32 {
	return float32(-math.Log(1 - math.Pow(1-count/1e6, 100)))
}

// background is how common words are in harmless text. Weights come from there alone, not from what is indexed: a score
// does not drift as the index grows, and engines with different additions agree on what they share.
var background = sync.OnceValue(func() *frequencies {
	f := &frequencies{words: map[term]float32{}, rare: weightOf(2)}
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
			for i, r := range name {
				w.add(i, r)
			}
			f.words[w.term()] = weightOf(float64(n))
		}
	}
	return f
})
