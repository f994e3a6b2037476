package index

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/aad6b6dc/taster/models"
)

// part is a set of documents that never changes: a generation on disk, or what was added to it since.
type part struct {
	gate  *gate
	texts texts
	words *words // nil for a part in memory, which the gate finds everything in
}

// texts are the indicators of a part, by number.
type texts interface {
	at(doc int) (models.Indicator, error)
	count() int
}

// inMemory are indicators in memory.
type inMemory []models.Indicator

func (m inMemory) at(doc int) (models.Indicator, error) { return m[doc], nil }
func (m inMemory) count() int                           { return len(m) }

// newPart makes a part in memory.
func newPart(indicators []models.Indicator) *part {
	var b gateBuilder
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := range indicators {
		s.tokens = appendTokens(s.tokens[:0], indicators[i].Text)
		b.add(s)
	}
	return &part{gate: b.build(), texts: inMemory(indicators)}
}

// A long text is searched in blocks, each overlapping the next by the longest window.
const (
	blockWords = 2048
	blockStep  = blockWords - (maxWords + maxWords/2 + 4)
)

// search appends to dst the best limit documents, unless they are gone, of which the text in s holds their least share.
func (p *part) search(dst []Match, s *scratch, gone map[uint32]bool, limit int) ([]Match, error) {
	if p == nil || p.texts.count() == 0 {
		return dst, nil
	}
	s.results = s.results[:0]
	for start := 0; ; start += blockStep {
		if err := p.block(s, s.tokens[start:min(start+blockWords, len(s.tokens))], gone); err != nil {
			out, e := p.read(dst, s, limit)
			return out, errors.Join(err, e)
		}
		if start+blockWords >= len(s.tokens) {
			return p.read(dst, s, limit)
		}
	}
}

// block adds the matches of one block to s.results.
func (p *part) block(s *scratch, tokens []token, gone map[uint32]bool) error {
	s.block.read(tokens)
	p.gate.pass(s)
	before := len(s.results)
	compare := func(candidates []uint32) {
		for _, doc := range candidates {
			if m := p.score(s, doc); m.share > 0 && !gone[doc] {
				s.results = append(s.results, result{doc, m.share, tokens[m.first].start, tokens[m.last].end})
			}
		}
	}
	compare(s.candidates) // of what the lists let pass most falls here, without a look at the disk
	if len(s.results) == before {
		return s.budget.err()
	}
	s.passed = true
	known := len(s.candidates)
	if err := p.words.suggest(s, p.gate, tokens); err != nil {
		return fmt.Errorf("asking for candidates: %w", err)
	}
	compare(s.candidates[known:])
	return s.budget.err()
}

// result is a document that was found, and where.
type result struct {
	doc        uint32
	share      float32
	start, end int
}

// read appends to dst the best limit of s.results, each document once.
func (p *part) read(dst []Match, s *scratch, limit int) ([]Match, error) {
	slices.SortFunc(s.results, func(a, b result) int { // documents are in the order of their ids
		return cmp.Or(cmp.Compare(b.share, a.share), cmp.Compare(a.doc, b.doc), cmp.Compare(a.start, b.start))
	})
	kept := map[uint32]bool{}
	for _, r := range s.results {
		if kept[r.doc] {
			continue
		}
		if len(kept) == limit {
			s.more = true
			break
		}
		kept[r.doc] = true
		indicator, err := p.texts.at(int(r.doc))
		if err != nil {
			return dst, fmt.Errorf("reading indicator %d: %w", r.doc, err)
		}
		dst = append(dst, Match{indicator, float64(r.share), float64(p.gate.total[r.doc]), r.start, r.end})
	}
	return dst, nil
}

// scoreSteps is what comparing with one document costs, beside its words.
const scoreSteps = 100

// err is ErrBudget if nothing is left.
func (b *Budget) err() error {
	if b.left < 0 {
		return ErrBudget
	}
	return nil
}

// scored is what the block in a scratch holds of a document.
type scored struct {
	share       float32
	first, last int // words
}

// score returns the exact containment of a document in the block in s; 0 if it is below the document's least share.
// A budget that is used up ends it all: what is not scored any more has 0.
func (p *part) score(s *scratch, doc uint32) scored {
	if s.budget.err() != nil {
		return scored{}
	}
	g := p.gate
	s.budget.left -= scoreSteps + int(g.starts[doc+1]-g.starts[doc])
	least := leastShare(g.total[doc])
	share, first, last := s.block.share(s, g.words[g.starts[doc]:g.starts[doc+1]], g.total[doc], least)
	if share < least {
		return scored{}
	}
	return scored{share, first, last}
}

func (p *part) close() error {
	if p == nil {
		return nil
	}
	err := p.words.close()
	if c, ok := p.texts.(*inFile); ok {
		if e := c.file.Close(); err == nil {
			err = e
		}
	}
	return err
}
