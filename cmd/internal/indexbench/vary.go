// Package indexbench makes what the similarity detector's index is measured with: its own texts after a change, and texts
// to fill it with. It draws by chance from a seed: the same seed makes the same bytes.
package indexbench

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/compose"
	"github.com/aad6b6dc/taster/models"
)

// The changes beside the disguises of package compose.
const (
	Same     = "same"     // the text alone, unchanged: what is not found so is never found
	Edited   = "edited"   // a third of its words dropped, replaced by words of other texts, or with one put before them
	Embedded = "embedded" // in the middle of a harmless text five times as long
)

// times is how much longer the text is in which another is embedded.
const times = 5

// Varier changes known texts.
type Varier struct {
	Seed uint64
	// Words are those that replace others, of all texts of the index.
	Words Words
	// Sentences are harmless ones to embed texts in. At least one.
	Sentences []string
}

// All returns each attack in each variation: a tool whose description holds it. From is the indicator's id, Technique the
// variation. A disguise that an attack does not fit is left out.
func (v *Varier) All(attacks []models.Indicator) ([]corpus.Sample, error) {
	var out, led []corpus.Sample
	texts := map[string]string{}
	for i := range attacks {
		x := &attacks[i]
		texts[x.ID] = x.Text
		r := random(v.Seed, x.ID)
		led = append(led, sample(x, "", v.sentence(r)+" ", x.Text, ""))
		before, after := v.around(r, utf8.RuneCountInString(x.Text))
		out = append(out,
			sample(x, Same, "", x.Text, ""),
			sample(x, Edited, "", v.Words.edit(r, x.Text), ""),
			sample(x, Embedded, before, x.Text, after))
	}
	disguised, err := compose.Each(led, compose.Obfuscations(), v.Seed)
	if err != nil {
		return nil, fmt.Errorf("disguising known texts: %w", err)
	}
	return append(out, slices.DeleteFunc(disguised, func(s corpus.Sample) bool { return s.Technique == asciiOnly && !ascii(texts[s.From]) })...), nil
}

// asciiOnly is the disguise that carries ASCII and drops the rest.
const asciiOnly = "tags"

// ascii reports whether nine characters of ten are: what the rest says can be done without.
func ascii(text string) bool {
	all, others := 0, 0
	for _, r := range text {
		if all++; r >= utf8.RuneSelf {
			others++
		}
	}
	return 10*others <= all
}

// Fill makes n malicious texts that are not in attacks: halves of two of them, in which a third of the words is invented.
// Most of what they say is said by many others, so that an index of these costs rather more than one of as many real texts.
// It gives up, with fewer, when chance brings up no new ones.
func (v *Varier) Fill(attacks []models.Indicator, n int) []models.Indicator {
	r := random(v.Seed, "fill")
	ranks := rand.NewZipf(r, zipfExponent, zipfOffset, inventedWords)
	seen := map[string]bool{}
	for i := range attacks {
		seen[attacks[i].ID] = true
	}
	var out []models.Indicator
	for attempt := 0; len(out) < n && len(attacks) > 0 && attempt < 10*n; attempt++ {
		a, b := &attacks[r.IntN(len(attacks))], &attacks[r.IntN(len(attacks))]
		tokens := split(half(a.Text, true) + " " + half(b.Text, false))
		for i := range tokens {
			if r.IntN(3) == 0 {
				tokens[i] = token{text: invented(ranks.Uint64())}
			}
		}
		x := models.Indicator{
			Label: models.Malicious, Class: a.Class, Text: join(tokens), Source: "fill", FirstSeen: a.FirstSeen,
		}.Identify()
		if x.Validate() == nil && !seen[x.ID] {
			seen[x.ID] = true
			out = append(out, x)
		}
	}
	return out
}

// How words of natural language are spread (Mandelbrot's form of Zipf's law, about as in English), over so many.
const (
	zipfExponent  = 1.1
	zipfOffset    = 2.7
	inventedWords = 200_000
)

var syllables = []string{"ba", "do", "fe", "gi", "ko", "lu", "ma", "ne", "pi", "ro", "su", "ta", "vo", "wu", "xa", "zi"}

// invented is the word of a rank: the more frequent, the shorter.
func invented(rank uint64) string {
	var b strings.Builder
	for rank += uint64(len(syllables)); rank > 0; rank /= uint64(len(syllables)) {
		b.WriteString(syllables[rank%uint64(len(syllables))])
	}
	return b.String()
}

// half is the first or the second half of a text's words.
func half(text string, first bool) string {
	t := split(text)
	if first {
		return join(t[:(len(t)+1)/2])
	}
	return join(t[len(t)/2:])
}

// sample is a tool with the attack in its description, which is marked.
func sample(x *models.Indicator, technique, before, text, after string) corpus.Sample {
	description := before + text + after
	body, err := json.Marshal(struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}{"lookup", description})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	s := corpus.Sample{
		ID: x.ID, Source: "index", Label: models.Malicious, Class: string(x.Class), Technique: technique,
		Spans: []corpus.Span{{Pointer: "/description", Start: len(before), End: len(before) + len(text)}},
		Event: models.Event{Server: "index", Kind: models.KindTool, Body: body},
	}
	if technique != "" {
		s.ID, s.From = x.ID+"+"+technique, x.ID
	}
	return s
}

func (v *Varier) sentence(r *rand.Rand) string { return v.Sentences[r.IntN(len(v.Sentences))] }

// around is harmless text for both sides, together [times] as long as so many runes.
func (v *Varier) around(r *rand.Rand, runes int) (before, after string) {
	var sentences []string
	for left := times * runes; left > 0; {
		s := v.sentence(r)
		sentences = append(sentences, s)
		left -= utf8.RuneCountInString(s) + 1
	}
	at := r.IntN(len(sentences) + 1)
	if at > 0 {
		before = strings.Join(sentences[:at], " ") + " "
	}
	if at < len(sentences) {
		after = " " + strings.Join(sentences[at:], " ")
	}
	return before, after
}

func random(seed uint64, part string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(part))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Words are the words of many texts, apart by whether they are of a script without spaces between words.
type Words struct{ spaced, dense []string }

// WordsOf collects words, each once.
func WordsOf(indicators []models.Indicator) Words {
	var w Words
	for i := range indicators {
		for _, t := range split(indicators[i].Text) {
			if t.dense {
				w.dense = append(w.dense, t.text)
			} else {
				w.spaced = append(w.spaced, t.text)
			}
		}
	}
	for _, list := range []*[]string{&w.spaced, &w.dense} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return w
}

// edit changes a third of a text's words, rounded up.
func (w *Words) edit(r *rand.Rand, text string) string {
	tokens := split(text)
	chosen := map[int]bool{}
	for _, i := range r.Perm(len(tokens))[:(len(tokens)+2)/3] {
		chosen[i] = true
	}
	var out []token
	for i, t := range tokens {
		if !chosen[i] {
			out = append(out, t)
			continue
		}
		other := token{w.other(r, t.dense), t.dense}
		switch r.IntN(3) {
		case 0: // dropped
		case 1:
			out = append(out, other)
		case 2:
			out = append(out, other, t)
		}
	}
	return join(out)
}

func (w *Words) other(r *rand.Rand, dense bool) string {
	list := w.spaced
	if dense {
		list = w.dense
	}
	if len(list) == 0 {
		return "x"
	}
	return list[r.IntN(len(list))]
}

// token is a word, or two letters of a script without spaces between words.
type token struct {
	text  string
	dense bool
}

func split(text string) []token {
	var out []token
	for _, field := range strings.Fields(text) {
		runes := []rune(field)
		for len(runes) > 0 {
			n := len(runes)
			isDense := dense(runes[0])
			if at := slices.IndexFunc(runes, func(r rune) bool { return dense(r) != isDense }); at > 0 {
				n = at
			}
			if isDense {
				n = min(n, 2)
			}
			out = append(out, token{string(runes[:n]), isDense})
			runes = runes[n:]
		}
	}
	return out
}

// join puts spaces between words, and none around those of scripts without.
func join(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && !t.dense && !tokens[i-1].dense {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

func dense(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
