package view

import (
	"slices"
	"strings"
)

// lexicon has the words by which a text is recognised as English: the most frequent ones of three letters and more, and
// the ones that instructions to a model are made of.
const lexicon = `
	the and you that for with this have from they she his her not are but had has him was all were when your can said
	there use each which their will other about out many then them these some would make like into time look two more
	write see number way could people than first been call who its now find long down day did get come made may part
	ignore disregard forget previous prior above instructions instruction rules system prompt user assistant model tool
	tools function before after always never must should only instead also every read send file files folder key keys
	secret secrets password passwords token tokens credentials private contents content include reveal tell show print
	output execute run command shell delete remove copy upload email address server without mention hidden message
	conversation history parameter argument value silently any please
`

// cipher is the lexicon in disguise.
type cipher map[string]bool

const (
	minLexiconWord = 3
	maxLexiconWord = 14
)

var (
	plain    = newCipher(func(word string) string { return word })
	rotated  = newCipher(rot13)
	backward = newCipher(reverse, "ton", "loot", "era", "won", "tub", "yam", "saw", "trap", "yaw", "did", "emit", "edam")
)

// newCipher disguises the lexicon, without the disguises that are words themselves.
func newCipher(disguise func(string) string, without ...string) cipher {
	c := cipher{}
	for _, w := range strings.Fields(lexicon) {
		c[disguise(w)] = true
	}
	for _, w := range without {
		delete(c, w)
	}
	return c
}

// score is 0 for a word that is not in the cipher, in any case, else the more the longer the word is.
func (c cipher) score(word string) int {
	n := len(word)
	if n < minLexiconWord || n > maxLexiconWord {
		return 0
	}
	var lower [maxLexiconWord]byte
	for i := range n {
		lower[i] = word[i] | 0x20
	}
	switch {
	case !c[string(lower[:n])]:
		return 0
	case n == minLexiconWord:
		return 2
	}
	return 3
}

// sketch has the disguises that words with one hash may wear. It spares nearly all words of a text the look-up in a map.
var sketch = func() (t [1 << 12]features) {
	for w := range rotated {
		t[hash(w)] |= hasRotated
	}
	for w := range backward {
		t[hash(w)] |= hasReversed
	}
	for w := range plain {
		t[hash(w)] |= hasPlain
	}
	for w := range natoWords {
		t[hash(w)] |= hasSpelling
	}
	return t
}()

func hash(word string) uint32 {
	var h uint32
	for i := range len(word) {
		h = mix(h, word[i])
	}
	return h % (1 << 12)
}

func mix(h uint32, c byte) uint32 { return h*33 ^ uint32(c|0x20) }

// disguises returns the disguises in which text has enough words of the lexicon to be English.
func disguises(text string) features {
	var f features
	turned, reversed, spelled, digits, words, plainly := 0, 0, 0, 0, 0, 0
	for i := 0; i < len(text); {
		if !letter(text[i]) {
			i++
			continue
		}
		start := i
		var h uint32
		for ; i < len(text) && letter(text[i]); i++ {
			h = mix(h, text[i])
		}
		if i < len(text) && text[i]-'0' <= 9 {
			digits++
		}
		may := sketch[h%(1<<12)]
		if i-start >= minLexiconWord {
			if words++; may.has(hasPlain) {
				plainly++
			}
		}
		if may.has(hasSpelling) {
			spelled++
		}
		if may.has(hasRotated) {
			turned += rotated.score(text[start:i])
		}
		if may.has(hasReversed) {
			reversed += backward.score(text[start:i])
		}
	}
	if words >= minCaesar && plainly == 0 {
		f |= hasCaesar
	}
	if spelled >= minSpelling {
		f |= hasSpelling
	}
	if digits >= minLeet {
		f |= hasLeet
	}
	if turned >= enough {
		f |= hasRotated
	}
	if reversed >= enough {
		f |= hasReversed
	}
	return f
}

// enough is the score of a stretch that is taken for disguised English: three short words, or a longer one and another.
const enough = 5

// stretches returns the [start, end) of the stretches of text that read as English only in disguise: enough words in
// disguise, and none in plain English between them.
func (c cipher) stretches(text string) [][2]int {
	var found [][2]int
	from, to, score := -1, 0, 0
	flush := func() {
		if score >= enough {
			found = append(found, [2]int{from, to})
		}
		from, score = -1, 0
	}
	for start, end := nextLetters(text, 0); end > 0; start, end = nextLetters(text, end) {
		word := text[start:end]
		if plain.score(word) > 0 {
			flush()
			continue
		}
		if from < 0 {
			from = start
		}
		to = end
		score += c.score(word)
	}
	flush()
	return found
}

// nextLetters finds the next run of ASCII letters in text from i on; end is 0 if there is none.
func nextLetters(text string, i int) (start, end int) {
	for i < len(text) && !letter(text[i]) {
		i++
	}
	start = i
	for i < len(text) && letter(text[i]) {
		i++
	}
	if i == start {
		return 0, 0
	}
	return start, i
}

func rot13(s string) string {
	out := []byte(s)
	for i, c := range out {
		if letter(c) {
			base := c&0x20 | 'A'
			out[i] = base + (c-base+13)%26
		}
	}
	return string(out)
}

func reverse(s string) string {
	out := []rune(s)
	slices.Reverse(out)
	return string(out)
}

func decodeRot13(text string) *builder {
	var b builder
	for _, s := range rotated.stretches(text) {
		b.part(s[0], func(b *builder) { b.add(rot13(text[s[0]:s[1]]), 1, s[0], 1) })
	}
	return b.parts()
}

// decodeReversed reads reversed stretches from their end. A word maps as a whole, since runs of one byte would weigh more
// than the text.
func decodeReversed(text string) *builder {
	var b builder
	for _, s := range backward.stretches(text) {
		b.part(s[0], func(b *builder) {
			for end := s[1]; end > s[0]; {
				start := s[0] + strings.LastIndexByte(text[s[0]:end-1], ' ') + 1
				b.whole(reverse(text[start:end]), start, end)
				end = start
			}
		})
	}
	return b.parts()
}
