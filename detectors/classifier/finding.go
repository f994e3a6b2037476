package classifier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// rules are what each head reports under: the model tells attacks from look-alikes, not classes from each other.
var rules = [heads]struct {
	id    string
	class models.Class
	says  string
}{
	Definitions: {"learned-definition", "A1", "Reads like an instruction that is hidden in a definition"},
	Results:     {"learned-result", "C1", "Reads like an instruction that is planted in data"},
	Prompts:     {"learned-prompt", "C10", "Reads like a prompt that is meant to take over the model"},
	Calls:       {"learned-call", "D5", "Reads like the arguments of a call that does harm"},
}

// weigh returns what a score at or above Noted counts as. How likely an attack is, with what others found, is for the fusion
// to say, by the outcome's score; the severity bounds what may come of it.
func (h *head) weigh(score float32, judge Head, notedOnly bool) (models.Severity, float64) {
	within := func(from, to float32, low, high float64) float64 {
		if to <= from {
			return high
		}
		return low + (high-low)*float64(min(1, (score-from)/(to-from)))
	}
	switch {
	case notedOnly:
		return models.SeverityLow, within(h.Noted, h.Blocked, 0.3, 0.8)
	case score < h.Flagged:
		return models.SeverityMedium, within(h.Noted, h.Flagged, 0.3, 0.6)
	case score < h.Blocked || judge == Definitions:
		return models.SeverityHigh, within(h.Flagged, h.Blocked, 0.6, 0.8)
	}
	// Less than would block on its own.
	return models.SeverityCritical, within(h.Blocked, h.Blocked+4, 0.8, 0.89)
}

// evidence is the highest window, without the short sentence at its beginning that was too little to be a window.
func (x *examination) evidence(in *detectors.Input) models.Span {
	w := &x.best
	text, start := in.Segments[w.segment].Views[w.view].Text, w.start
	for i := 1; i < min(minWindow, len(w.tokens)); i++ {
		if strings.ContainsAny(text[w.tokens[i-1].end:w.tokens[i].start], ".!?") {
			start = int(w.tokens[i].start)
		}
	}
	return models.Span{Segment: w.segment, View: w.view, Start: start, End: w.end}
}

// named is how many words a message names at most, and shortest how many bytes one has at least: shorter ones say nothing to a
// person.
const (
	named    = 3
	shortest = 5
)

// message says which words weighed most. Those of run-time traffic are not for messages: evidence says where they stand.
func (x *examination) message(h *head, judge Head, in *detectors.Input) string {
	says := rules[judge].says
	if judge != Definitions {
		return says + "."
	}
	words := x.weightiest(&h.Full, in.Segments[x.best.segment].Views[x.best.view].Text)
	if len(words) == 0 {
		return says + "."
	}
	return fmt.Sprintf("%s; these words weigh most: %s.", says, strings.Join(words, ", "))
}

// weightiest returns the words of the highest window that weigh most, in the order of the text.
func (x *examination) weightiest(l *layer, text string) []string {
	type word struct {
		token  token
		weight int32
	}
	var words []word
	for i, t := range x.best.tokens {
		if !isLetter(text[t.start]) || t.end-t.start > maxWord || t.end-t.start < shortest {
			continue
		}
		weight := int32(l.words[single(t.hash)>>(32-wordBits)])
		if i > 0 {
			weight += int32(l.words[pair(x.best.tokens[i-1].hash, t.hash)>>(32-wordBits)])
		}
		if weight > 0 {
			words = append(words, word{t, weight})
		}
	}
	slices.SortStableFunc(words, func(a, b word) int { return cmp.Compare(b.weight, a.weight) })
	words = words[:min(named, len(words))]
	slices.SortFunc(words, func(a, b word) int { return cmp.Compare(a.token.start, b.token.start) })
	var out []string
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q", text[w.token.start:w.token.end]))
	}
	return out
}

func isLetter(c byte) bool { return classes[c] == letter || classes[c] == beyond }
