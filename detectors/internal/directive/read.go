package directive

import (
	"slices"
	"sort"
)

// Hit is a signal at a place in a text.
type Hit struct {
	Signal     Signal
	Start, End int // bytes of the text
	Sentence   int
}

// Reading is what a text holds.
type Reading struct {
	// Hits are in the order of the text. Hits of one signal may overlap those of another.
	Hits          []Hit
	sentenceStart []int
}

// Sentence returns the number of the sentence that holds the byte at offset.
func (r *Reading) Sentence(offset int) int {
	return max(sort.SearchInts(r.sentenceStart, offset+1)-1, 0)
}

// Reader reads one text after the other, in the same memory. It is not safe for concurrent use.
type Reader struct {
	lexicon *Lexicon
	tokens  []token
	reading Reading
}

// Reader returns a new reader with the lexicon.
func (l *Lexicon) Reader() *Reader { return &Reader{lexicon: l} }

// Read finds all signals in text. What it returns is valid until the next call.
func (rd *Reader) Read(text string) *Reading {
	rd.tokens = rd.lexicon.tokenise(text, rd.tokens[:0])
	r := &rd.reading
	r.sentenceStart = r.sentenceStart[:0]
	for _, t := range rd.tokens {
		if t.sentence == len(r.sentenceStart) {
			r.sentenceStart = append(r.sentenceStart, t.start)
		}
	}
	r.Hits = rd.lexicon.matchIndexed(rd.tokens, r.Hits[:0])
	words := len(r.Hits)
	r.shapes(text)
	if len(r.Hits) > words {
		r.Hits = slices.DeleteFunc(r.Hits, insideAddress(r.Hits[words:]))
	}
	slices.SortStableFunc(r.Hits, func(a, b Hit) int { return a.Start - b.Start })
	return r
}

// insideAddress reports hits of words that are part of an address: a host called example is no example.
func insideAddress(shapes []Hit) func(Hit) bool {
	var addresses []Hit
	for _, h := range shapes {
		if h.Signal == Address {
			addresses = append(addresses, h)
		}
	}
	slices.SortFunc(addresses, func(a, b Hit) int { return a.Start - b.Start })
	return func(h Hit) bool {
		i := sort.Search(len(addresses), func(i int) bool { return addresses[i].Start > h.Start }) - 1
		return i >= 0 && h.End <= addresses[i].End && h.Signal != Address && h.Signal != Execute && h.Signal != Secret
	}
}

func (r *Reading) add(s Signal, start, end int) {
	r.Hits = append(r.Hits, Hit{Signal: s, Start: start, End: end, Sentence: r.Sentence(start)})
}

// matchIndexed tries at each word only the patterns that can start with it.
func (l *Lexicon) matchIndexed(tokens []token, hits []Hit) []Hit {
	for i, t := range tokens {
		if t.word == 0 {
			continue
		}
		for _, p := range l.byFirst[t.word] {
			hits = l.try(&l.patterns[p], tokens, i, hits)
		}
	}
	return hits
}

func (l *Lexicon) try(p *pattern, tokens []token, i int, hits []Hit) []Hit {
	last := p.match(0, tokens, i, tokens[i].sentence)
	if last < 0 {
		return hits
	}
	first := i
	if i > 0 && tokens[i].word == l.negation && tokens[i-1].sentence == tokens[i].sentence && l.auxiliary.has(tokens[i-1].word) {
		first = i - 1
	}
	return append(hits, Hit{Signal: p.signal, Start: tokens[first].start, End: tokens[last].end, Sentence: tokens[i].sentence})
}

// match returns the index of the last token that elements[e:] match from token i on, or -1.
func (p *pattern) match(e int, tokens []token, i, sentence int) int {
	el := &p.elements[e]
	for skipped := 0; skipped <= el.gap && i+skipped < len(tokens); skipped++ {
		at := i + skipped
		if tokens[at].sentence != sentence {
			break
		}
		if !el.words.has(tokens[at].word) {
			continue
		}
		if e+1 == len(p.elements) {
			return at
		}
		if last := p.match(e+1, tokens, at+1, sentence); last >= 0 {
			return last
		}
		if p.restOptional(e + 1) {
			return at
		}
	}
	if el.optional && e+1 < len(p.elements) {
		return p.match(e+1, tokens, i, sentence)
	}
	return -1
}

func (p *pattern) restOptional(e int) bool {
	for _, el := range p.elements[e:] {
		if !el.optional {
			return false
		}
	}
	return true
}
