package known

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// likeness says how much a text looks like attacks rather than like harmless texts: by the words that attacks have more
// often.
type likeness struct {
	weights map[string]float64
}

func newLikeness(attacks, harmless []string) *likeness {
	in := func(texts []string) map[string]float64 {
		n := map[string]float64{}
		for _, t := range texts {
			for _, w := range vocabulary(t) {
				n[w]++
			}
		}
		return n
	}
	bad, good := in(attacks), in(harmless)
	l := &likeness{map[string]float64{}}
	for w, n := range bad {
		if odds := math.Log((n + 0.5) / float64(len(attacks)+1) * float64(len(harmless)+1) / (good[w] + 0.5)); n > 1 && odds > 0 {
			l.weights[w] = odds
		}
	}
	return l
}

// most returns at most n of the texts, those that look most like attacks, in the order in which they stand.
func (l *likeness) most(texts []string, n int) []string {
	type ranked struct {
		at    int
		score float64
	}
	order := make([]ranked, len(texts))
	for i, t := range texts {
		order[i] = ranked{i, l.of(t)}
	}
	slices.SortStableFunc(order, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	order = order[:min(n, len(order))]
	slices.SortFunc(order, func(a, b ranked) int { return a.at - b.at })
	out := make([]string, len(order))
	for i, r := range order {
		out[i] = texts[r.at]
	}
	return out
}

func (l *likeness) of(text string) float64 {
	words := vocabulary(text)
	sum := 0.0
	for _, w := range words {
		sum += l.weights[w]
	}
	return sum / math.Sqrt(float64(len(words)+1))
}

// vocabulary are the words of a text, each once, in order; of scripts without spaces, the pairs of letters.
func vocabulary(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !wordRune(r) }) {
		letters := []rune(w)
		if !dense(letters[0]) {
			out = append(out, w)
			continue
		}
		for i := range len(letters) - 1 {
			out = append(out, string(letters[i:i+2]))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
