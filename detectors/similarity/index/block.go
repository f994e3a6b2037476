package index

import (
	"cmp"
	"slices"
)

// A known text counts up to its first maxWords words, and so with at most maxTerms terms.
const (
	maxWords = 512
	maxTerms = 2 * maxWords
)

// window is how many words of another text a document of so many words is looked for in: half as many again, and a few.
func window(words int) int { return words + words/2 + 4 }

// block is a stretch of the text that is searched, as terms, each once, with the words at which they end.
type block struct {
	set     termSet // numbers terms
	terms   []term
	weights []float32
	// first is the last place of each term in places, and places lead on to those before.
	first  []int32
	places []place
	// seen tells which terms the document at hand has had already.
	seen  []uint32
	round uint32
}

// place is a word at which a term ends, and the place before of the same term; -1 is none.
type place struct{ word, before int32 }

func (b *block) read(tokens []token) {
	b.set.reset(2 * len(tokens))
	b.terms, b.weights, b.first, b.places, b.seen, b.round = b.terms[:0], b.weights[:0], b.first[:0], b.places[:0], b.seen[:0], 0
	for i := range tokens {
		b.add(tokens[i].term, tokens[i].weight, i)
		if i > 0 {
			b.add(pair(tokens[i-1].term, tokens[i].term), pairWeight(&tokens[i-1], &tokens[i]), i)
		}
	}
}

func (b *block) add(t term, weight float32, word int) {
	n, added := b.set.add(t)
	if added {
		b.terms, b.weights = append(b.terms, t), append(b.weights, weight)
		b.first, b.seen = append(b.first, -1), append(b.seen, 0)
	}
	b.places = append(b.places, place{int32(word), b.first[n]})
	b.first[n] = int32(len(b.places) - 1)
}

// hitSteps is what a hit costs, sorting included.
const hitSteps = 20

// hit is a term of a document at a word of the block.
type hit struct{ word, term int32 }

// share returns how much of a document, by weight, the best window of the block holds, and the first and the last word that
// match there. It gives up, with 0, where the whole block holds less than least.
func (b *block) share(s *scratch, words []term, total, least float32) (share float32, first, last int) {
	b.round++
	s.numbers = s.numbers[:0]
	var sum float32
	for i, w := range words {
		sum += b.meet(s, w)
		if i > 0 {
			sum += b.meet(s, pair(words[i-1], w))
		}
	}
	if sum < (least-rounding)*total || len(s.numbers) == 0 {
		return 0, 0, 0
	}
	s.hits = s.hits[:0]
	for _, n := range s.numbers {
		for p := b.first[n]; p >= 0; p = b.places[p].before {
			s.hits = append(s.hits, hit{b.places[p].word, n})
		}
	}
	s.budget.left -= hitSteps * len(s.hits)
	slices.SortFunc(s.hits, func(x, y hit) int { return cmp.Or(cmp.Compare(x.word, y.word), cmp.Compare(x.term, y.term)) })
	hits := b.core(b.best(s, int32(window(len(words)))), total/float32(len(words))/spread)
	return min(b.weigh(s, hits)/total, 1), int(hits[0].word), int(hits[len(hits)-1].word)
}

// meet returns the weight of a term that the block has, once for each document.
func (b *block) meet(s *scratch, t term) float32 {
	n, ok := b.set.number(t)
	if !ok || b.seen[n] == b.round {
		return 0
	}
	b.seen[n] = b.round
	s.numbers = append(s.numbers, int32(n))
	return b.weights[n]
}

// best returns the hits in the window of so many words that weighs most.
func (b *block) best(s *scratch, width int32) []hit {
	s.clearCounts(len(b.terms))
	var sum, best float32
	var from, to, left int
	for right, h := range s.hits {
		if s.counts[h.term]++; s.counts[h.term] == 1 {
			sum += b.weights[h.term]
		}
		for ; s.hits[left].word <= h.word-width; left++ {
			n := s.hits[left].term
			if s.counts[n]--; s.counts[n] == 0 {
				sum -= b.weights[n]
			}
		}
		if sum > best || right == 0 {
			best, from, to = sum, left, right+1
		}
	}
	return s.hits[from:to]
}

// spread is how many times a word between must outweigh what stands apart for that to be left out.
const spread = 4

// core returns the hits without those at either end that stand apart from the others by chance: that weigh less than the
// words between, each of which counts for cost.
func (b *block) core(hits []hit, cost float32) []hit {
	between := func(i int) float32 { return cost * float32(max(hits[i+1].word-hits[i].word-1, 0)) }
	from, to := 0, len(hits)
	var sum, least float32
	for i := range len(hits) - 1 {
		if sum += b.weights[hits[i].term] - between(i); sum < least {
			least, from = sum, i+1
		}
	}
	sum, least = 0, 0
	for i := len(hits) - 1; i > from; i-- {
		if sum += b.weights[hits[i].term] - between(i-1); sum < least {
			least, to = sum, i
		}
	}
	return hits[from:to]
}

// weigh returns the weight of the terms among the hits, each once.
func (b *block) weigh(s *scratch, hits []hit) (sum float32) {
	s.clearCounts(len(b.terms))
	for _, h := range hits {
		if s.counts[h.term]++; s.counts[h.term] == 1 {
			sum += b.weights[h.term]
		}
	}
	return sum
}
