package index

import (
	"fmt"

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
	var d document
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := range indicators {
		d.read(s, indicators[i].Text)
		b.add(&d)
	}
	return &part{gate: b.build(), texts: inMemory(indicators)}
}

// A long text is searched in blocks, each overlapping the next by the longest window.
const (
	blockWords = 2048
	blockStep  = blockWords - (maxWords + maxWords/2 + 4)
)

// search calls found for each document, unless it is gone, of which the text in s holds at least [leastScore].
func (p *part) search(s *scratch, gone map[uint32]bool, found func(Match)) error {
	if p == nil || p.texts.count() == 0 {
		return nil
	}
	for start := 0; ; start += blockStep {
		tokens := s.tokens[start:min(start+blockWords, len(s.tokens))]
		if err := p.block(s, tokens, gone, found); err != nil {
			return err
		}
		if start+blockWords >= len(s.tokens) {
			return nil
		}
	}
}

func (p *part) block(s *scratch, tokens []token, gone map[uint32]bool, found func(Match)) error {
	s.text = appendTerms(s.text[:0], tokens)
	p.gate.pass(s, s.text)
	if len(s.candidates) == 0 {
		return nil
	}
	s.passed = true
	if err := p.words.suggest(s, tokens); err != nil {
		return fmt.Errorf("asking for candidates: %w", err)
	}
	for _, c := range s.candidates {
		if gone[c.doc] {
			continue
		}
		indicator, err := p.texts.at(int(c.doc))
		if err != nil {
			return fmt.Errorf("reading candidate %d: %w", c.doc, err)
		}
		s.known.read(s, indicator.Text)
		if share, first, last := s.known.within(s, s.text); share >= leastScore {
			found(Match{indicator, share, float64(s.known.total), tokens[first].start, tokens[last].end})
		}
	}
	return nil
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
