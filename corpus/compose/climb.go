package compose

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models/view"
)

// Climbed is how an adaptive attack on one sample ended.
type Climbed struct {
	// Text is the string that was mutated, as it stood at the end; From and To are the scores at the beginning and the end.
	Text     string
	From, To float64
	Queries  int
}

// Climb mutates the string that holds the first marked words of a sample, and keeps whatever scores lower, until the score is
// below the bar or so many queries are used up. It reports false for a sample without marked words in a value, or one
// that is below the bar to begin with. The sample is not changed.
func Climb(s *corpus.Sample, score func(*corpus.Sample) (float64, error), bar float64, queries int, r *rand.Rand) (Climbed, bool, error) {
	at := slices.IndexFunc(s.Spans, func(s corpus.Span) bool { return !s.Key })
	if at < 0 {
		return Climbed{}, false, nil
	}
	doc, err := view.Build(s.Event.Body)
	if err != nil {
		return Climbed{}, false, fmt.Errorf("sample %q: %w", s.ID, err)
	}
	g := find(doc, s.Spans[at].Pointer, false, s.Spans[at].End)
	if g == nil {
		return Climbed{}, false, nil
	}
	original, body, now := g.Views[0].Text, s.Event.Body, *s
	c := Climbed{Text: original}
	if c.From, err = score(&now); err != nil {
		return Climbed{}, false, err
	}
	c.To = c.From
	for n := 0; n < queries && c.To >= bar; n++ {
		next := Mutate(r, c.Text)
		if !Bearable(original, next) {
			continue
		}
		now.Event.Body = splice(body, g.Start, g.End, next)
		got, err := score(&now)
		if err != nil {
			return Climbed{}, false, err
		}
		if c.Queries++; got < c.To {
			c.To, c.Text = got, next
		}
	}
	return c, c.From >= bar, nil
}
