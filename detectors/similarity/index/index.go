// Package index finds known texts in others: it says which indicators an event's text repeats, how much of each, and where.
package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Index is a set of indicators to search. It is safe for concurrent use, apart from Refresh and Close, which exclude
// nothing but each other.
type Index struct {
	dir     string
	version string // of the directory's content
	entries []entry
}

type entry struct {
	models.Indicator
	known *known
}

// Match is an indicator that was found in a text.
type Match struct {
	Indicator models.Indicator
	// Score is the share of the indicator's text, in (0, 1], that the passage holds, by the weight of its words.
	Score float64
	// Start and End delimit the passage in bytes of the text.
	Start, End int
}

// Stats describes an index.
type Stats struct {
	Indicators int            `json:"indicators"`
	Labels     map[string]int `json:"labels"`
	Classes    map[string]int `json:"classes"`
	Sources    map[string]int `json:"sources"`
	Terms      int            `json:"terms"`
	Bytes      int64          `json:"bytes"` // on disk
	Format     int            `json:"format"`
	Generation string         `json:"generation,omitempty"`
	Revision   string         `json:"revision"`
}

// Memory returns an index of the indicators that has no directory. An indicator that is not valid is an error; of
// several with one id, the last counts.
func Memory(indicators []models.Indicator) (*Index, error) {
	all, err := prepared(indicators)
	if err != nil {
		return nil, err
	}
	x := &Index{}
	x.fill(all)
	return x, nil
}

func (x *Index) fill(all []models.Indicator) {
	x.entries = make([]entry, len(all))
	for i := range all {
		x.entries[i] = entry{all[i], newKnown(all[i].Text)}
	}
}

// Revision is a digest of what decides: it is the same for the same indicators.
func (x *Index) Revision() string {
	var ids strings.Builder
	for i := range x.entries {
		ids.WriteString(x.entries[i].ID)
		ids.WriteString(string(x.entries[i].Class))
	}
	return models.Digest([]byte(ids.String()))
}

// leastScore is the share of an indicator below which it is no match.
const leastScore = 0.3

// Search returns at most limit indicators, of either label, that text holds a part of, best first; of equals, the one
// with the lower id.
func (x *Index) Search(text string, limit int) ([]Match, error) {
	tokens := appendTokens(nil, text)
	var out []Match
	for i := range x.entries {
		e := &x.entries[i]
		score, first, last := e.known.within(tokens)
		if score >= leastScore {
			out = append(out, Match{e.Indicator, score, tokens[first].start, tokens[last].end})
		}
	}
	slices.SortFunc(out, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Indicator.ID, b.Indicator.ID))
	})
	return out[:min(limit, len(out))], nil
}

// Stats counts what the index holds.
func (x *Index) Stats() Stats {
	s := Stats{Indicators: len(x.entries), Labels: map[string]int{}, Classes: map[string]int{}, Sources: map[string]int{},
		Format: Format, Generation: x.version, Revision: x.Revision()}
	for i := range x.entries {
		e := &x.entries[i]
		s.Labels[string(e.Label)]++
		s.Classes[string(e.Class)]++
		s.Sources[e.Source]++
		s.Terms += len(e.known.terms)
	}
	return s
}

// Close releases what the index holds.
func (x *Index) Close() error { return nil }
