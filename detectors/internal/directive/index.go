package directive

import (
	"cmp"
	"math"
	"slices"
)

// indexed is the patterns whose rarest element has a word.
type indexed struct {
	alone  []alone
	others []candidate
}

// alone is a pattern of one element.
type alone struct {
	pattern int32
	signal  Signal
	inner   bool
}

// candidate is a pattern of several elements with what can be said against it before it is looked at: the bits of the
// words that must stand next before and behind its rarest element, of which at least one must be set within the span.
type candidate struct {
	before, behind         uint64
	pattern                int32
	beforeSpan, behindSpan uint8 // indices of [spans]
	inner                  bool
}

// spans are the numbers of tokens within which [neighbours] tells words, the last of them any in the sentence.
var spans = [...]int{1, 4, math.MaxInt}

const inSentence = uint8(len(spans) - 1)

func spanOf(tokens int) uint8 {
	for i, most := range spans {
		if tokens <= most {
			return uint8(i)
		}
	}
	return inSentence
}

// index makes byRarest.
func (c *setMaker) index(l *Lexicon) {
	l.bit = c.bits(l.patterns)
	l.byRarest = make([]indexed, len(l.vocabulary.texts))
	for i := range l.patterns {
		p := &l.patterns[i]
		a := alone{int32(i), p.signal, p.inner}
		o := candidate{pattern: int32(i), inner: p.inner, before: ^uint64(0), behind: ^uint64(0), beforeSpan: inSentence, behindSpan: inSentence}
		if e := p.next(-1); e != nil {
			o.before, o.beforeSpan = l.bitsOf(&e.words), spanOf(p.back)
		}
		if e := p.next(+1); e != nil {
			o.behind, o.behindSpan = l.bitsOf(&e.words), spanOf(p.ahead)
		}
		p.elements[p.rarest].words.each(func(w uint16) {
			if x := &l.byRarest[w]; len(p.elements) == 1 {
				x.alone = append(x.alone, a)
			} else {
				x.others = append(x.others, o)
			}
		})
	}
}

// next returns the element right before or behind the rarest one, nil if there is none that must stand there.
func (p *pattern) next(step int) *element {
	k := p.rarest + step
	if k < 0 || k == len(p.elements) || p.elements[k].optional {
		return nil
	}
	return &p.elements[k]
}

func (l *Lexicon) bitsOf(words *wordSet) (set uint64) {
	words.each(func(w uint16) { set |= 1 << l.bit[w] })
	return set
}

// bits gives each word one of 64 bits. Words of one set share a bit, so that few bits stand for a set, and sets are spread
// so that each bit is set about as often in ordinary text.
func (c *setMaker) bits(patterns []pattern) []uint8 {
	bit := make([]uint8, len(c.vocabulary.texts))
	var load [64]float64
	assign := func(words []uint16) {
		least := uint8(0)
		for b := range load {
			if load[b] < load[least] {
				least = uint8(b)
			}
		}
		for _, w := range words {
			bit[w] = least
			load[least] += max(c.common[w], rareShare)
		}
	}
	given := make([]bool, len(bit))
	for _, set := range neighbouringSets(patterns) {
		var words []uint16
		set.each(func(w uint16) {
			if !given[w] {
				given[w], words = true, append(words, w)
			}
		})
		assign(words)
	}
	return bit
}

// neighbouringSets returns the sets of words that must stand beside the rarest element of a pattern, those of most
// patterns first.
func neighbouringSets(patterns []pattern) []*wordSet {
	uses := map[*uint64]int{}
	var sets []*wordSet
	for i := range patterns {
		for _, step := range []int{-1, +1} {
			e := patterns[i].next(step)
			if e == nil {
				continue
			}
			first := &e.words.bits[0] // sets are made once
			if uses[first]++; uses[first] == 1 {
				sets = append(sets, &e.words)
			}
		}
	}
	slices.SortStableFunc(sets, func(a, b *wordSet) int { return cmp.Compare(uses[&b.bits[0]], uses[&a.bits[0]]) })
	return sets
}

// neighbours tells which words stand around a token: a bit is set if one of those that share it does.
type neighbours struct {
	bits     []uint64 // by token, with a margin on either side
	sentence []uint64 // by sentence
}

const margin = 4 // the longest of the spans that are counted

// mark takes in the tokens of a text.
func (n *neighbours) mark(l *Lexicon, tokens []token) {
	n.bits, n.sentence = append(n.bits[:0], make([]uint64, margin)...), n.sentence[:0]
	for i := range tokens {
		b := uint64(0)
		if w := tokens[i].word; w != 0 {
			b = 1 << l.bit[w]
		}
		n.bits = append(n.bits, b)
		for len(n.sentence) <= tokens[i].sentence {
			n.sentence = append(n.sentence, 0)
		}
		n.sentence[tokens[i].sentence] |= b
	}
	n.bits = append(n.bits, make([]uint64, margin)...)
}

// around returns the bits of the words before and behind token i, by span.
func (n *neighbours) around(i, sentence int) (before, behind [len(spans)]uint64) {
	b := n.bits[i : i+2*margin+1]
	s := n.sentence[sentence]
	return [...]uint64{b[3], b[0] | b[1] | b[2] | b[3], s}, [...]uint64{b[5], b[5] | b[6] | b[7] | b[8], s}
}
