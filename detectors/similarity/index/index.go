// Package index finds known texts in others: it says which indicators an event's text repeats, how much of each, and where.
//
// What is compared are words and pairs of neighbouring words, weighed by how rare a word is in harmless text. The score
// of an indicator is its containment: the share of its weight that the best window of the text holds. So a known text is
// found where it is embedded in a longer one, and where some of its words were changed.
//
// A search goes three steps. A gate of hashed words in memory says which indicators can reach their [leastShare] at all; most
// texts end there. For what passes, bleve adds the indicators that have the text's rarest words. The exact containment of
// those candidates in windows of the text is what counts.
//
// Words come from any script. Those of scripts without spaces are pairs of characters. A term does not mind the order of
// the letters in a word, nor of the words in a pair, nor digits that look like letters, nor letters that a backspace takes
// back: so a text that is misspelt, written backwards or in "leet" still has the terms of the plain one. Words that were run
// together are taken apart, and a text of unknown words is tried as rot13.
//
// # Bounds
//
// The gate's "no" is exact: no indicator is kept back whose containment in a window of the text reaches its least share. A
// text of more than [blockWords] words is searched in blocks that overlap by the longest window. An indicator counts up to
// its first [maxWords] words.
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
	"math"
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

// A match must have [leastScore] of an indicator; of one that weighs little, which means a few common words, more: it would be
// found everywhere.
const (
	leastScore = 0.36
	lightBias  = 1.42
	lightSlope = 0.3
)

// leastShare is the score that an indicator of some weight must have.
func leastShare(weight float32) float32 {
	return max(leastScore, min(1, lightBias-lightSlope*float32(math.Log1p(float64(weight)))))
}

// Search returns at most limit indicators, of either label, that text holds a part of, best first; of equals, the one
// with the lower id.
func (x *Index) Search(text string, limit int) ([]Match, error) {
	return x.SearchWithin(nil, text, limit)
}

// Budget is how much work searches may do together, in steps of a few nanoseconds. It is for one goroutine.
type Budget struct{ left int }

// NewBudget returns a budget of so many steps. A text of ordinary words takes about ten for each byte.
func NewBudget(steps int) *Budget { return &Budget{steps} }

// ErrBudget says that a budget was used up. What was found until then is returned beside it.
var ErrBudget = errors.New("the text has too much of too many known texts to compare it with all of them")

// SearchWithin is [Index.Search] within a budget; nil means no bound. A text that was made to be like many known texts
// costs much more than any other: it ends with [ErrBudget]. So does one that more than limit indicators are found in, since
// the best may be a crowd for another to hide in.
func (x *Index) SearchWithin(budget *Budget, text string, limit int) ([]Match, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if s.budget = budget; budget == nil {
		s.unbounded()
	}
	out, err := x.search(s, text, limit)
	if err == nil && budget != nil && s.more {
		err = ErrBudget
	}
	return out, err
}

// Passes reports whether the gate lets a text pass: whether a search of it goes on to the slower steps.
func (x *Index) Passes(text string) (bool, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.unbounded()
	_, err := x.search(s, text, 1)
	return s.passed, err
}

func (x *Index) search(s *scratch, text string, limit int) ([]Match, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.held == nil {
		return nil, errClosed
	}
	s.passed, s.more = false, false
	if s.tokens = appendTokens(s.tokens[:0], text); len(s.tokens) == 0 {
		return nil, nil
	}
	out, err := x.held.search(s, text, limit)
	if err == nil && len(out) == 0 && x.held.foreign(s) {
		turned := rot13(text)
		s.tokens = appendTokens(s.tokens[:0], turned)
		out, err = x.held.search(s, turned, limit)
	}
	sortMatches(out)
	if len(out) > limit {
		out, s.more = out[:limit], true
	}
	if err != nil {
		return out, fmt.Errorf("searching index: %w", err)
	}
	return out, nil
}

// search returns the best matches of the words in s of a text.
func (st *state) search(s *scratch, text string, limit int) ([]Match, error) {
	st.unglue(s, text)
	out, err := st.base.search(nil, s, st.gone, limit)
	if err != nil {
		return out, err
	}
	return st.added.search(out, s, nil, limit)
}

// knows reports whether a word is common, or in what is indexed.
func (st *state) knows(t term) bool {
	_, ok := common().weights[t]
	return ok || st.holds(t)
}

// holds reports whether a word is in what is indexed.
func (st *state) holds(t term) bool {
	return st.base.gate.find(t) >= 0 || st.added != nil && st.added.gate.find(t) >= 0
}

// spells is [state.knows] for a word of which the order of the letters is known, too.
func (st *state) spells(t term, spelled uint32) bool {
	if _, ok := common().weights[t]; ok {
		return common().spelled[spelled]
	}
	return st.holds(t)
}

var errClosed = errors.New("the index is closed")

func sortMatches(matches []Match) {
	slices.SortFunc(matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Indicator.ID, b.Indicator.ID))
	})
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
