package similarity

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
)

// Likeness is a passage of an event that repeats a known attack.
type Likeness struct {
	index.Match
	// Segment and View are where the passage stands, as in a [models.Span].
	Segment, View int
	// Harmless is the known harmless text that is nearest to the same passage; nil if none is near.
	Harmless *index.Match
	// Probability is the estimate that the event is an attack.
	Probability float64
}

// contrast is how much of the nearest harmless text the passage holds.
func (l *Likeness) contrast() float64 {
	if l.Harmless == nil {
		return 0
	}
	return l.Harmless.Score
}

const (
	// shortestText is how many bytes a string has that is compared: as much as four characters of Chinese.
	shortestText = 12
	// matchesPerText is how many known texts are looked at for one string: one that has more, of either label, was not
	// compared to the end.
	matchesPerText = 128
)

// What comparing an event may take, in steps of a few nanoseconds: some at all, and some for each byte of its views.
const (
	eventSteps = 2_000_000
	byteSteps  = 32
)

// Likenesses returns the [maxFindings] likeliest of what the strings of an event of some kind have of known attacks, the
// likeliest first. Of several that share a passage only the first is there. Strings that were made to be like many known
// texts are not compared to the end: they come back as skipped.
func Likenesses(ctx context.Context, kind models.Kind, segments []models.Segment, indexes ...*index.Index) (found []Likeness, skipped []models.Skipped, err error) {
	budget := index.NewBudget(eventSteps + byteSteps*size(segments))
	for i := range segments {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		var all []Likeness
		for j := range segments[i].Views {
			text := segments[i].Views[j].Text
			if len(text) < shortestText {
				continue
			}
			matches, err := search(budget, text, indexes)
			if errors.Is(err, index.ErrBudget) {
				skipped = skip(skipped, segments[i].Pointer)
			} else if err != nil {
				return nil, nil, err
			}
			for _, m := range matches {
				if m.Indicator.Label == models.Malicious {
					l := Likeness{Match: m, Segment: i, View: j, Harmless: nearest(matches, m)}
					l.Probability = curveOf(kind).probability(l.Features())
					all = append(all, l)
				}
			}
		}
		if all = apart(all, segments); len(all) > 0 { // strings share no bytes
			found = append(found, all...)
			sortLikenesses(found)
			found = found[:min(maxFindings, len(found))]
		}
	}
	return found, skipped, nil
}

// size is how many bytes the views of an event have.
func size(segments []models.Segment) (sum int) {
	for i := range segments {
		for j := range segments[i].Views {
			sum += len(segments[i].Views[j].Text)
		}
	}
	return sum
}

// maxSkipped is how many strings of one event are listed that were not compared to the end.
const maxSkipped = 16

func skip(skipped []models.Skipped, pointer string) []models.Skipped {
	if n := len(skipped); n == maxSkipped || n > 0 && skipped[n-1].Pointer == pointer {
		return skipped
	}
	return append(skipped, models.Skipped{Pointer: pointer, Reason: string(models.ReasonOverBudget)})
}

// search returns the matches in all indexes; with [index.ErrBudget] those that were found before.
func search(budget *index.Budget, text string, indexes []*index.Index) ([]index.Match, error) {
	var out []index.Match
	for _, x := range indexes {
		if x == nil {
			continue
		}
		matches, err := x.SearchWithin(budget, text, matchesPerText)
		out = append(out, matches...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// nearest returns the harmless match with the highest score that covers half of the attack's passage or more.
func nearest(matches []index.Match, attack index.Match) *index.Match {
	var best *index.Match
	for i := range matches {
		m := &matches[i]
		common := min(m.End, attack.End) - max(m.Start, attack.Start)
		if m.Indicator.Label == models.Benign && 2*common >= attack.End-attack.Start && (best == nil || m.Score > best.Score) {
			best = m
		}
	}
	return best
}

func sortLikenesses(all []Likeness) {
	slices.SortStableFunc(all, func(a, b Likeness) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(b.Score, a.Score), cmp.Compare(a.Indicator.ID, b.Indicator.ID))
	})
}

// apart sorts likenesses and leaves out those whose passage overlaps a likelier one's in the bytes of the body.
func apart(all []Likeness, segments []models.Segment) []Likeness {
	sortLikenesses(all)
	type stretch struct{ start, end int }
	var taken []stretch
	return slices.DeleteFunc(all, func(l Likeness) bool {
		start, end := segments[l.Segment].Raw(l.View, l.Start, l.End)
		if slices.ContainsFunc(taken, func(t stretch) bool { return start < t.end && t.start < end }) {
			return true
		}
		taken = append(taken, stretch{start, end})
		return false
	})
}
