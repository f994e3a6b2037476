package index

// known is an indicator's text as terms.
type known struct {
	terms  map[term]float32
	total  float32
	tokens int
}

func newKnown(text string) *known {
	tokens := appendTokens(nil, text)
	k := &known{terms: make(map[term]float32, 2*len(tokens)), tokens: len(tokens)}
	each(tokens, func(_ int, t term, weight float32) {
		if _, seen := k.terms[t]; !seen {
			k.terms[t] = weight
			k.total += weight
		}
	})
	return k
}

// each calls f with the terms of a text and the place of the word at which they end.
func each(tokens []token, f func(at int, t term, weight float32)) {
	for i := range tokens {
		f(i, tokens[i].term, tokens[i].weight)
		if i > 0 {
			f(i, pair(tokens[i-1].term, tokens[i].term), pairWeight(&tokens[i-1], &tokens[i]))
		}
	}
}

// hit is a term of a known text at a place of another text.
type hit struct {
	at     int
	term   term
	weight float32
}

// within returns the share of the known text, by weight, that the best window of another text contains, and the words
// of the window, from the first that matches to the last.
func (k *known) within(tokens []token) (share float64, first, last int) {
	if k.total == 0 {
		return 0, 0, 0
	}
	var hits []hit
	each(tokens, func(at int, t term, _ float32) {
		if w, ok := k.terms[t]; ok {
			hits = append(hits, hit{at, t, w})
		}
	})
	width := k.tokens + k.tokens/2 + 4
	in := map[term]int{}
	var sum, best float32
	var from, to int
	left := 0
	for right, h := range hits {
		if in[h.term]++; in[h.term] == 1 {
			sum += h.weight
		}
		for hits[left].at <= h.at-width {
			if in[hits[left].term]--; in[hits[left].term] == 0 {
				sum -= hits[left].weight
			}
			left++
		}
		if sum > best {
			best, from, to = sum, left, right+1
		}
	}
	if best == 0 {
		return 0, 0, 0
	}
	first, last = k.core(hits[from:to])
	return float64(min(best/k.total, 1)), first, last
}

// core returns the words between which the bulk of the hits stands: chance hits far from the others are left out.
func (k *known) core(hits []hit) (first, last int) {
	cost := k.total / float32(k.tokens) / 4 // of a word between
	from, to := 0, len(hits)
	var sum, least float32
	for i, h := range hits[:len(hits)-1] {
		if sum += h.weight - cost*float32(max(hits[i+1].at-h.at-1, 0)); sum < least {
			least, from = sum, i+1
		}
	}
	sum, least = 0, 0
	for i := len(hits) - 1; i > from; i-- {
		if sum += hits[i].weight - cost*float32(max(hits[i].at-hits[i-1].at-1, 0)); sum < least {
			least, to = sum, i
		}
	}
	return hits[from].at, hits[to-1].at
}
