package arguments

import (
	"iter"
	"strings"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// sentence is the signals of one sentence.
type sentence struct {
	hits       []directive.Hit
	has        directive.Signals
	start, end int // from its first signal to its last
	rest       []directive.Hit
}

// sentences yields the sentences that have signals; the end of a line ends one.
func sentences(text string, hits []directive.Hit) iter.Seq[sentence] {
	return func(yield func(sentence) bool) {
		for len(hits) > 0 {
			s := sentence{start: hits[0].Start}
			n := 0
			for ; n < len(hits) && hits[n].Sentence == hits[0].Sentence; n++ {
				if h := hits[n]; h.Start > s.end && s.end > 0 && strings.IndexByte(text[s.end:h.Start], '\n') >= 0 {
					break
				}
				s.has.Add(hits[n].Signal)
				s.end = max(s.end, hits[n].End)
			}
			s.hits, s.rest = hits[:n], hits[n:]
			if !yield(s) {
				return
			}
			hits = hits[n:]
		}
	}
}

// count returns how many places of the sentence have one of the signals.
func (s *sentence) count(signals *directive.Signals) (n int) {
	end := 0
	for _, h := range s.hits {
		if signals.Has(h.Signal) && h.Start >= end {
			n++
			end = h.End
		}
	}
	return n
}

// withNext returns the signals of the sentence and of the one behind it.
func (s *sentence) withNext() directive.Signals {
	set := s.has
	for _, h := range s.rest {
		if h.Sentence > s.hits[0].Sentence+1 {
			break
		}
		set.Add(h.Signal)
	}
	return set
}
