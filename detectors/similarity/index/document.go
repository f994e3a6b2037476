package index

// document is a known text as terms, each once.
type document struct {
	terms   []term
	weights []float32
	total   float32
	words   int
}

// A known text counts up to its first maxWords words, and so with at most maxTerms terms.
const (
	maxWords = 512
	maxTerms = 2 * maxWords
)

// read makes d the document of a text. The set numbers its terms afterwards.
func (d *document) read(s *scratch, text string) {
	s.knownText = appendTokens(s.knownText[:0], text)
	tokens := s.knownText[:min(len(s.knownText), maxWords)]
	d.terms, d.weights, d.total, d.words = d.terms[:0], d.weights[:0], 0, len(tokens)
	s.set.reset(2 * len(tokens))
	for i := range tokens {
		d.add(s, tokens[i].term, tokens[i].weight)
		if i > 0 {
			d.add(s, pair(tokens[i-1].term, tokens[i].term), pairWeight(&tokens[i-1], &tokens[i]))
		}
	}
}

func (d *document) add(s *scratch, t term, weight float32) {
	if s.set.add(t, len(d.terms)) {
		d.terms = append(d.terms, t)
		d.weights = append(d.weights, weight)
		d.total += weight
	}
}

// textTerm is a term of the text that is searched.
type textTerm struct {
	term   term
	weight float32
	word   int32 // at which it ends
}

func appendTerms(dst []textTerm, tokens []token) []textTerm {
	for i := range tokens {
		dst = append(dst, textTerm{tokens[i].term, tokens[i].weight, int32(i)})
		if i > 0 {
			dst = append(dst, textTerm{pair(tokens[i-1].term, tokens[i].term), pairWeight(&tokens[i-1], &tokens[i]), int32(i)})
		}
	}
	return dst
}

// hit is a document's term in the text.
type hit struct {
	word   int32
	number int32
}

// window is how many words of another text a document of so many words is looked for in: half as many again, and a few.
func window(words int) int { return words + words/2 + 4 }

// within returns the share of the document, by weight, that the best window of the text in s holds, and the first and
// the last word that match there. s.set must be the document's.
func (d *document) within(s *scratch, text []textTerm) (share float64, first, last int) {
	s.hits = s.hits[:0]
	for i := range text {
		if n, ok := s.set.number(text[i].term); ok {
			s.hits = append(s.hits, hit{text[i].word, int32(n)})
		}
	}
	if len(s.hits) == 0 || d.total == 0 {
		return 0, 0, 0
	}
	s.counts = append(s.counts[:0], make([]int32, len(d.terms))...)
	width := int32(window(d.words))
	var sum, best float32
	var from, to, left int
	for right, h := range s.hits {
		if s.counts[h.number]++; s.counts[h.number] == 1 {
			sum += d.weights[h.number]
		}
		for ; s.hits[left].word <= h.word-width; left++ {
			n := s.hits[left].number
			if s.counts[n]--; s.counts[n] == 0 {
				sum -= d.weights[n]
			}
		}
		if sum > best {
			best, from, to = sum, left, right+1
		}
	}
	hits := d.core(s.hits[from:to])
	clear(s.counts)
	sum = 0
	for _, h := range hits {
		if s.counts[h.number]++; s.counts[h.number] == 1 {
			sum += d.weights[h.number]
		}
	}
	return float64(min(sum/d.total, 1)), int(hits[0].word), int(hits[len(hits)-1].word)
}

// core returns the hits without those at either end that stand apart from the others by chance: if the words between would
// weigh, at the document's average, more than four times as much.
func (d *document) core(hits []hit) []hit {
	cost := d.total / float32(d.words) / 4
	between := func(i int) float32 { return cost * float32(max(hits[i+1].word-hits[i].word-1, 0)) }
	from, to := 0, len(hits)
	var sum, least float32
	for i := range len(hits) - 1 {
		if sum += d.weights[hits[i].number] - between(i); sum < least {
			least, from = sum, i+1
		}
	}
	sum, least = 0, 0
	for i := len(hits) - 1; i > from; i-- {
		if sum += d.weights[hits[i].number] - between(i-1); sum < least {
			least, to = sum, i
		}
	}
	return hits[from:to]
}
