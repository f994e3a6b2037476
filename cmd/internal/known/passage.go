package known

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// A text is worth knowing if it reads as a sentence: that many words, or letters of a script without spaces between words.
const (
	leastWords   = 4
	leastLetters = models.MinIndicatorRunes
	// leastBytes is what a text has at least in a script with spaces: what is shorter is said in passing by anybody.
	leastBytes = 40
	// fewWords is below what marked words say little without the sentence around them.
	fewWords = 6
	// near is how many bytes may stand between marked words of one passage.
	near = 40
)

// passages are the sentences of a segment that the spans mark, one for each cluster of them.
func passages(g *models.Segment, spans []corpus.Span, hidden bool) []string {
	raw := g.Views[0].Text
	var marked [][2]int
	for _, s := range spans {
		if s.Pointer == g.Pointer && s.Key == g.Key && s.Start < s.End && s.End <= len(raw) {
			marked = append(marked, [2]int{s.Start, s.End})
		}
	}
	if g.Key && len(marked) > 0 {
		return worth(spelt(g))
	}
	var out []string
	for _, c := range clusters(marked) {
		text := ""
		if hidden {
			text = reading(g, c)
		}
		if text == "" {
			from, to := widen(raw, c[0], c[1])
			text = raw[from:to]
		}
		out = append(out, worth(text)...)
	}
	return out
}

// spelt is a member's name as a sentence, if it spells one.
func spelt(g *models.Segment) string {
	for _, v := range g.Views {
		if slices.Contains(v.Chain, "words") {
			return v.Text
		}
	}
	return ""
}

// clusters merges stretches that stand near each other.
func clusters(marked [][2]int) [][2]int {
	slices.SortFunc(marked, func(a, b [2]int) int { return a[0] - b[0] })
	var out [][2]int
	for _, m := range marked {
		if n := len(out); n > 0 && m[0]-out[n-1][1] <= near {
			out[n-1][1] = max(out[n-1][1], m[1])
		} else {
			out = append(out, m)
		}
	}
	return out
}

// reading is what stands in the marked bytes for a reader who undoes the disguise: the first decoded view of them that
// reads as a sentence, else the normalised one where it differs; empty if there is neither.
func reading(g *models.Segment, c [2]int) string {
	lo, hi := g.Raw(0, c[0], c[1])
	normalised := ""
	for i := range g.Views[1:] {
		v := &g.Views[i+1]
		if slices.Contains(v.Chain, "words") {
			continue
		}
		from, to := within(v.Map, lo, hi)
		text := v.Text[from:to]
		switch {
		case v.Kind == models.ViewDecoded && sentence(text):
			return text
		case v.Kind == models.ViewNormalised && normalised == "":
			normalised = text
		}
	}
	return normalised
}

// within is the stretch of a view that comes from the body's bytes [lo, hi).
func within(m models.OffsetMap, lo, hi int) (from, to int) {
	from = -1
	for _, r := range m {
		end := r.RawStart + r.Count*r.RawUnit
		if hi <= r.RawStart || end <= lo {
			continue
		}
		first, last := max(lo-r.RawStart, 0)/r.RawUnit, (min(hi, end)-1-r.RawStart)/r.RawUnit
		start, stop := r.ViewStart+first*r.ViewUnit, r.ViewStart+(last+1)*r.ViewUnit
		if from < 0 || start < from {
			from = start
		}
		to = max(to, stop)
	}
	return max(from, 0), to
}

// widen moves the ends of a stretch out to where words end, and if it has few words, to where the sentence does.
func widen(text string, from, to int) (int, int) {
	few := !enough(text[from:to], fewWords, 2*leastLetters)
	for _, s := range sentences(text) {
		if s[1] <= from || to <= s[0] {
			continue
		}
		if few {
			from, to = min(from, s[0]), max(to, s[1])
		}
	}
	for from > 0 && from < len(text) && inWord(text, from) {
		from--
	}
	for to > 0 && to < len(text) && inWord(text, to) {
		to++
	}
	return from, to
}

// inWord reports whether i is within a word of a script that has spaces between words, or within a rune.
func inWord(text string, i int) bool {
	if !utf8.RuneStart(text[i]) {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	return wordRune(before) && wordRune(after) && !dense(before) && !dense(after)
}

// markup are the tags of HTML, SVG and their like: every document has the same.
var markup = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)

// seen drops what nobody sees.
func seen(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
		return -1
	}
	return r
}

// worth is the text, tidied and cut to what an indicator holds, if it reads as a sentence.
func worth(text string) []string {
	text = strings.Map(seen, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Trim(markup.ReplaceAllString(text, " "), " \t\r\n\v\f|•*>")
	if len(text) > models.MaxIndicatorBytes {
		end := models.MaxIndicatorBytes
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	short := len(text) < leastBytes && !enough(text, math.MaxInt, leastLetters)
	if short || !sentence(text) || utf8.RuneCountInString(text) < models.MinIndicatorRunes {
		return nil
	}
	return []string{text}
}

func sentence(text string) bool { return enough(text, leastWords, leastLetters) }

// enough reports whether a text has so many words, which are what stands between spaces and has two letters in a row, or
// letters of a script without spaces.
func enough(text string, words, letters int) bool {
	n, run, close := 0, 0, 0
	for _, r := range text {
		switch {
		case dense(r):
			close++
		case wordRune(r):
			if run++; run == 2 {
				n++
			}
		case unicode.IsSpace(r):
			run = 0
		case run < 2:
			run = 0
		}
	}
	return n >= words || close >= letters
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

// dense reports whether r is of a script that is written without spaces between words.
func dense(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// sentences are the stretches of a text between full stops, question and exclamation marks, and line breaks.
func sentences(text string) [][2]int {
	var out [][2]int
	start := 0
	cut := func(end int) {
		from, to := start, end
		for from < to && (text[from] == ' ' || text[from] == '\n' || text[from] == '\t' || text[from] == '\r') {
			from++
		}
		for from < to && (text[to-1] == ' ' || text[to-1] == '\n' || text[to-1] == '\t' || text[to-1] == '\r') {
			to--
		}
		if from < to {
			out = append(out, [2]int{from, to})
		}
		start = end
	}
	for i, r := range text {
		end := i + utf8.RuneLen(r)
		switch r {
		case utf8.RuneError:
			continue
		case '\n', '。', '！', '？', '।', '؟':
			cut(end)
		case '.', '!', '?':
			if end == len(text) || text[end] == ' ' || text[end] == '\n' || text[end] == '\r' {
				cut(end)
			}
		}
	}
	cut(len(text))
	return out
}

// longest is the longest value of a document.
func longest(doc *models.Document) string {
	text := ""
	for i := range doc.Segments {
		if g := &doc.Segments[i]; !g.Key && len(g.Views[0].Text) > len(text) {
			text = g.Views[0].Text
		}
	}
	return text
}

// pieceBytes is about how long the pieces are in which a long text is known: as long as several sentences, since an attack
// that borrows from it borrows a few.
const pieceBytes = 600

// pieces cuts a text between sentences.
func pieces(text string) []string {
	var out []string
	from, to := 0, 0
	for _, s := range sentences(text) {
		if s[1]-from > pieceBytes && to > from {
			out = append(out, worth(text[from:to])...)
			from = s[0]
		}
		to = s[1]
	}
	return append(out, worth(text[from:to])...)
}

// Prose returns the sentences of samples, in their order.
func Prose(samples []corpus.Sample) []string {
	var out []string
	for i := range samples {
		if doc, err := view.Build(samples[i].Event.Body); err == nil {
			out = append(out, prose(doc)...)
		}
	}
	return out
}

// prose are the sentences of a document's values.
func prose(doc *models.Document) []string {
	var out []string
	for i := range doc.Segments {
		g := &doc.Segments[i]
		if g.Key {
			continue
		}
		text := g.Views[0].Text
		for _, s := range sentences(text) {
			out = append(out, worth(text[s[0]:s[1]])...)
		}
	}
	return out
}
