package train

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

//go:embed thesaurus.txt
var thesaurusText string

// thesaurus has, for each word, the words that may stand for it.
var thesaurus = sync.OnceValue(func() map[string][]string {
	others := map[string][]string{}
	for line := range strings.Lines(thesaurusText) {
		name, list, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		words := strings.Fields(strings.ReplaceAll(list, "_", "\u00a0"))
		for _, w := range words {
			if len(w) >= minReworded && !keepsMeaning[w] && !strings.Contains(w, "\u00a0") {
				others[w] = append(others[w], words...)
			}
		}
	}
	return others
})

// minReworded is the length of the shortest word that is replaced: shorter ones hold a sentence together.
const minReworded = 4

// keepsMeaning are longer words that do so too, or that turn a sentence into its opposite.
var keepsMeaning = set("this that these those with from your they always never without unless except only before after user")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// minProse is how many words a string has at least that is reworded: shorter ones are names and values.
const minProse = 4

// Reword returns the example with about a share of the words that have others of a like meaning replaced by one of those, drawn
// by chance. The result reads badly, but says about the same: it is there so that no single word is learned by heart. Spans
// keep their places in the text.
func Reword(e *Example, r *rand.Rand, share float64) (*Example, error) {
	var body any
	if err := json.Unmarshal(e.Event.Body, &body); err != nil {
		return nil, fmt.Errorf("rewording an event: %w", err)
	}
	w := rewording{random: r, share: share, spans: slices.Clone(e.Spans)}
	body = w.value("", body)
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("rewording an event: %w", err)
	}
	out := *e
	out.Event.Body, out.Spans = raw, w.spans
	return &out, nil
}

type rewording struct {
	random *rand.Rand
	share  float64
	spans  []Span
}

// value rewords the strings of a JSON value, in a fixed order.
func (w *rewording) value(pointer string, v any) any {
	switch v := v.(type) {
	case string:
		return w.text(pointer, v)
	case []any:
		for i := range v {
			v[i] = w.value(pointer+"/"+strconv.Itoa(i), v[i])
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			v[k] = w.value(pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(k), v[k])
		}
	}
	return v
}

// text rewords one string, and moves the spans in it.
func (w *rewording) text(pointer, text string) string {
	if len(strings.Fields(text)) < minProse {
		return text
	}
	var out strings.Builder
	moved := make(map[int]int) // offsets of word boundaries, before and after
	for i := 0; i < len(text); {
		n := wordLength(text[i:])
		moved[i] = out.Len()
		if n == 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(w.word(text[i : i+n]))
		i += n
	}
	moved[len(text)] = out.Len()
	for i := range w.spans {
		s := &w.spans[i]
		if s.Pointer == pointer && !s.Key {
			s.Start, s.End = boundary(moved, s.Start), boundary(moved, s.End)
		}
	}
	return out.String()
}

// boundary is where the last boundary at or before an offset has gone.
func boundary(moved map[int]int, offset int) int {
	for ; offset > 0; offset-- {
		if to, ok := moved[offset]; ok {
			return to
		}
	}
	return 0
}

// wordLength is how many bytes the letters at the beginning of text take.
func wordLength(text string) int {
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		return len(text)
	}
	return end
}

func (w *rewording) word(word string) string {
	others := thesaurus()[strings.ToLower(word)]
	if len(others) == 0 || w.random.Float64() >= w.share {
		return word
	}
	other := strings.ReplaceAll(others[w.random.IntN(len(others))], "\u00a0", " ")
	if unicode.IsUpper(rune(word[0])) {
		return strings.ToUpper(other[:1]) + other[1:]
	}
	return other
}
