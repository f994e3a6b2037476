// Package index finds known texts in others: it says which indicators an event's text repeats, how much of each, and where.
//
// What is compared are words and pairs of neighbouring words, weighed by how rare a word is in harmless text. The score
// of an indicator is its containment: the share of its weight that the best window of the text holds. So a known text is
// found where it is embedded in a longer one, and where some of its words were changed.
//
// A search goes three steps. A gate of hashed terms in memory says which indicators can reach [leastScore] at all; most
// texts end there. For what passes, bleve adds the indicators that have the text's rarest words. The exact containment of
// those candidates is what counts.
//
// # Bounds
//
// The gate's bound is exact: what the containment of every single indicator would find in a block of [blockWords] words,
// the search finds, as long as no more than [maxCandidates] indicators can reach the score there; of more, those with
// the highest bound are compared.
//
// # The directory
//
// An index that several processes share is a directory:
//
//	index.json      which generation holds, its counts and the digests of its files; replaced as a whole
//	gen-0007/       indicators.jsonl  the source, by id
//	                gate              the hashed terms
//	                words/            bleve (scorch)
//	                journal.jsonl     what was added and removed since
//	lock            held by the process that writes
//
// A writer makes a new generation beside the old one and then replaces index.json, or appends one line to the journal.
// What is killed in between leaves the old index whole. Readers hold no lock: [Index.Refresh] follows.
package index

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aad6b6dc/taster/models"
)

// Index is a set of indicators to search. It is safe for concurrent use.
type Index struct {
	dir  string
	mu   sync.RWMutex
	held *state
	// refreshing keeps two calls of Refresh from opening the same files.
	refreshing sync.Mutex
}

// state is what an index holds at one time.
type state struct {
	base  *part
	added *part
	gone  map[uint32]bool // documents of base that were removed or replaced
	sum   contents
	seen  version
	// damage is why the files of the generation beside its source are not used.
	damage error
}

// Match is an indicator that was found in a text.
type Match struct {
	Indicator models.Indicator
	// Score is the share of the indicator's text, in (0, 1], that the passage holds, by the weight of its words.
	Score float64
	// Weight is what the indicator's words and pairs weigh together: the longer and the rarer its words, the more.
	Weight float64
	// Start and End delimit the passage in bytes of the text.
	Start, End int
}

// Memory returns an index of the indicators that has no directory. An indicator that is not valid is an error; of
// several with one id, the last counts.
func Memory(indicators []models.Indicator) (*Index, error) {
	all, err := prepared(indicators)
	if err != nil {
		return nil, fmt.Errorf("making index: %w", err)
	}
	st := &state{base: newPart(all)}
	for i := range all {
		if err := st.sum.add(&all[i], 1); err != nil {
			return nil, fmt.Errorf("making index: %w", err)
		}
	}
	return &Index{held: st}, nil
}

// prepared returns valid indicators by id, each once.
func prepared(indicators []models.Indicator) ([]models.Indicator, error) {
	out := slices.Clone(indicators)
	for i := range out {
		if err := out[i].Validate(); err != nil {
			return nil, fmt.Errorf("indicator %d of %d: %w", i+1, len(out), err)
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b models.Indicator) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(out, func(a, b models.Indicator) bool { return a.ID == b.ID }), nil
}

// leastScore is the share of an indicator below which it is no match.
const leastScore = 0.3

// Search returns at most limit indicators, of either label, that text holds a part of, best first; of equals, the one
// with the lower id.
func (x *Index) Search(text string, limit int) ([]Match, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	return x.search(s, text, limit)
}

// Passes reports whether the gate lets a text pass: whether a search of it goes on to the slower steps.
func (x *Index) Passes(text string) (bool, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	_, err := x.search(s, text, 1)
	return s.passed, err
}

func (x *Index) search(s *scratch, text string, limit int) ([]Match, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.held == nil {
		return nil, errClosed
	}
	s.passed = false
	if s.tokens = appendTokens(s.tokens[:0], text); len(s.tokens) == 0 {
		return nil, nil
	}
	var out []Match
	keep := func(m Match) { out = append(out, m) }
	err := x.held.search(s, text, keep)
	if err == nil && len(out) == 0 && x.held.foreign(s) {
		turned := rot13(text)
		s.tokens = appendTokens(s.tokens[:0], turned)
		err = x.held.search(s, turned, keep)
	}
	if err != nil {
		return nil, fmt.Errorf("searching index: %w", err)
	}
	return best(out, limit), nil
}

// search calls keep for what matches the words in s of a text.
func (st *state) search(s *scratch, text string, keep func(Match)) error {
	st.unglue(s, text)
	return errors.Join(st.base.search(s, st.gone, keep), st.added.search(s, nil, keep))
}

// knows reports whether a word is common, or in what is indexed.
func (st *state) knows(t term) bool {
	_, ok := common().weights[t]
	return ok || st.holds(t)
}

// holds reports whether a word is in what is indexed.
func (st *state) holds(t term) bool {
	return st.base.gate.has(t) || st.added != nil && st.added.gate.has(t)
}

// spells is [state.knows] for a word of which the order of the letters is known, too.
func (st *state) spells(t term, spelled uint32) bool {
	if _, ok := common().weights[t]; ok {
		return common().spelled[spelled]
	}
	return st.holds(t)
}

var errClosed = errors.New("the index is closed")

// best sorts matches, keeps the best of each indicator, and at most limit.
func best(matches []Match, limit int) []Match {
	slices.SortFunc(matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Indicator.ID, b.Indicator.ID), cmp.Compare(a.Start, b.Start))
	})
	out := matches[:0]
	for _, m := range matches {
		if len(out) < limit && !slices.ContainsFunc(out, func(o Match) bool { return o.Indicator.ID == m.Indicator.ID }) {
			out = append(out, m)
		}
	}
	return out
}

// Revision is a digest of the indicators that are held: the same for the same ones, however they came there.
func (x *Index) Revision() string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.held == nil {
		return ""
	}
	return x.held.sum.revision()
}

// Close releases what the index holds. Searches after it fail.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	st := x.held
	x.held = nil
	return st.close()
}

func (st *state) close() error {
	if st == nil {
		return nil
	}
	return st.base.close()
}
