package directive

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"
)

// Hit is a signal at a place in a text.
type Hit struct {
	Signal     Signal
	Start, End int // bytes of the text
	Sentence   int

	pattern int32 // that made it: at one place, hits are in the order of the lexicon
}

// Reading is what a text holds.
type Reading struct {
	// Hits are in the order of the text. Hits of one signal may overlap those of another.
	Hits          []Hit
	sentenceStart []int
	addresses     []Hit
	settled       int   // how many hits, from the first, are in order
	late          []Hit // those that were found out of order
}

// Sentence returns the number of the sentence that holds the byte at offset.
func (r *Reading) Sentence(offset int) int {
	return max(sort.SearchInts(r.sentenceStart, offset+1)-1, 0)
}

// Reader reads one text after the other, in the same memory. It is not safe for concurrent use.
type Reader struct {
	// Own lists at most [MaxOwn] identifiers that the event itself defines: what is among them is [Own], any other
	// [Identifier].
	Own []string

	lexicon     *Lexicon
	tokens      []token
	identifiers []int   // indices of tokens
	inner       []token // the parts of one identifier
	reading     Reading
	text        uint32    // counts the texts
	tried       []attempt // by pattern
	neighbours  neighbours
	memory      memory
}

// Bounds returns the bytes of sentence n in a text of the given size: from its first word to that of the next one.
func (r *Reading) Bounds(n, size int) (start, end int) {
	if n >= len(r.sentenceStart) {
		return size, size
	}
	if end = size; n+1 < len(r.sentenceStart) {
		end = r.sentenceStart[n+1]
	}
	return r.sentenceStart[n], end
}

// MaxOwn keeps hostile events from making identifiers expensive.
const MaxOwn = 64

// attempt is the last start at which a pattern was tried in a text.
type attempt struct {
	text  uint32
	start int32
}

// Reader returns a new reader with the lexicon.
func (l *Lexicon) Reader() *Reader {
	return &Reader{lexicon: l, tried: make([]attempt, len(l.patterns))}
}

// Read finds all signals in text. What it returns is valid until the next call.
func (rd *Reader) Read(text string) *Reading {
	rd.identifiers = rd.identifiers[:0]
	rd.tokenise(text)
	r := &rd.reading
	r.sentenceStart = r.sentenceStart[:0]
	for _, t := range rd.tokens {
		if t.sentence == len(r.sentenceStart) {
			r.sentenceStart = append(r.sentenceStart, t.start)
		}
	}
	r.Hits, r.settled = r.Hits[:0], 0
	rd.matchIndexed(rd.tokens, false)
	r.settled = len(r.Hits)
	rd.matchInner(text)
	words := len(r.Hits)
	r.shapes(text)
	r.dropInsideAddresses(words)
	rd.addIdentifiers(text)
	r.settle()
	return r
}

// order is the total order of hits.
func order(a, b *Hit) int {
	return cmp.Or(a.Start-b.Start, int(a.pattern)-int(b.pattern), a.End-b.End)
}

// insert puts a hit where it belongs among those that are not settled yet: not far from the end, since texts are read from
// the front.
func (r *Reading) insert(s Signal, pattern int32, start, end, sentence int) {
	n := len(r.Hits)
	r.Hits = slices.Grow(r.Hits, 1)[:n+1]
	hits, i := r.Hits, n
	for ; i > r.settled; i-- {
		if last := &hits[i-1]; last.Start < start || last.Start == start && (last.pattern < pattern || last.pattern == pattern && last.End <= end) {
			break
		}
		hits[i] = hits[i-1]
	}
	h := &hits[i]
	h.Signal, h.Start, h.End, h.Sentence, h.pattern = s, start, end, sentence, pattern
}

// settle brings the hits into order, of which the first are already.
func (r *Reading) settle() {
	r.late = append(r.late[:0], r.Hits[r.settled:]...)
	slices.SortFunc(r.late, func(a, b Hit) int { return order(&a, &b) })
	i := r.settled - 1
	for n := len(r.Hits) - 1; len(r.late) > 0; n-- {
		if last := &r.late[len(r.late)-1]; i < 0 || order(&r.Hits[i], last) <= 0 {
			r.Hits[n], r.late = *last, r.late[:len(r.late)-1]
		} else {
			r.Hits[n] = r.Hits[i]
			i--
		}
	}
	r.settled = len(r.Hits)
}

// noPattern puts hits that no pattern made behind those of patterns.
const noPattern = math.MaxInt32

func (rd *Reader) addIdentifiers(text string) {
	for _, i := range rd.identifiers {
		t := rd.tokens[i]
		s := Identifier
		for _, own := range rd.Own {
			if len(own) == t.end-t.start && strings.EqualFold(own, text[t.start:t.end]) {
				s = Own
			}
		}
		rd.reading.Hits = append(rd.reading.Hits, Hit{s, t.start, t.end, t.sentence, noPattern})
		if s == Identifier && rd.invoked(text, i) {
			rd.reading.Hits = append(rd.reading.Hits, Hit{Invoked, t.start, t.end, t.sentence, noPattern})
		}
	}
}

// invoked reports whether the words right before or behind token i say that what it names is to be called.
func (rd *Reader) invoked(text string, i int) bool {
	t := rd.tokens[i]
	if i > 0 {
		b := rd.tokens[i-1]
		if rd.lexicon.invoking.has(b.word) && b.sentence == t.sentence && onlyQuotes(text[b.end:t.start]) {
			return true
		}
	}
	if i+1 < len(rd.tokens) {
		a := rd.tokens[i+1]
		return rd.lexicon.invoked.has(a.word) && a.sentence == t.sentence && onlyQuotes(text[t.end:a.start])
	}
	return false
}

// onlyQuotes reports whether the gap between two words holds nothing but a blank and quotes.
func onlyQuotes(gap string) bool { return len(gap) <= 4 && strings.Trim(gap, " `'\"") == "" }

// dropInsideAddresses drops hits of words, those before from, that are part of an address: a host called example is no
// example.
func (r *Reading) dropInsideAddresses(from int) {
	r.addresses = r.addresses[:0]
	for _, h := range r.Hits[from:] {
		if h.Signal == Address {
			r.addresses = append(r.addresses, h)
		}
	}
	if len(r.addresses) == 0 {
		return
	}
	slices.SortFunc(r.addresses, func(a, b Hit) int { return a.Start - b.Start })
	n := 0
	settled := r.settled
	for i, h := range r.Hits {
		if i == settled {
			r.settled = n
		}
		if i >= from || h.Signal == Execute || h.Signal == Secret || !r.insideAddress(h) {
			r.Hits[n] = h
			n++
		}
	}
	r.Hits = r.Hits[:n]
	r.settled = min(r.settled, n)
}

func (r *Reading) insideAddress(h Hit) bool {
	i := sort.Search(len(r.addresses), func(i int) bool { return r.addresses[i].Start > h.Start }) - 1
	return i >= 0 && h.End <= r.addresses[i].End
}

func (r *Reading) add(s Signal, start, end int) {
	r.Hits = append(r.Hits, Hit{s, start, end, r.Sentence(start), noPattern})
}

// matchIndexed notes, at each word, the patterns that are this word, and tries those whose rarest element has it, from
// every word before at which such a pattern can start.
func (rd *Reader) matchIndexed(tokens []token, inner bool) {
	l := rd.lexicon
	rd.text++
	rd.neighbours.mark(l, tokens)
	for i := range tokens {
		x := &l.byRarest[tokens[i].word]
		for _, a := range x.alone {
			if !inner || a.inner {
				rd.hit(a.signal, a.pattern, tokens, i, i)
			}
		}
		if len(x.others) == 0 {
			continue
		}
		before, behind := rd.neighbours.around(i, tokens[i].sentence)
		for c := range x.others {
			o := &x.others[c]
			if before[o.beforeSpan]&o.before != 0 && behind[o.behindSpan]&o.behind != 0 && (!inner || o.inner) {
				rd.tryAround(o.pattern, tokens, i)
			}
		}
	}
}

// tryAround tries pattern n from every word at which it can start if its rarest element is the word at token i.
func (rd *Reader) tryAround(n int32, tokens []token, i int) {
	p := &rd.lexicon.patterns[n]
	if !p.neighboured(tokens, i) {
		return
	}
	from := i - p.before
	if a := &rd.tried[n]; a.text == rd.text {
		from = max(from, int(a.start)+1)
	}
	for start := max(from, 0); start <= i-p.rarestDistance(); start++ {
		if p.elements[0].words.has(tokens[start].word) && tokens[start].sentence == tokens[i].sentence {
			if last := p.match(0, tokens, start, tokens[start].sentence); last >= 0 {
				rd.hit(p.signal, n, tokens, start, last)
			}
		}
	}
	rd.tried[n] = attempt{rd.text, int32(i - p.rarestDistance())}
}

// matchInner tries the words that the identifiers of the text are put together of.
func (rd *Reader) matchInner(text string) {
	for _, i := range rd.identifiers {
		rd.inner = rd.lexicon.vocabulary.parts(text, rd.tokens[i], rd.inner[:0])
		rd.matchIndexed(rd.inner, true)
	}
}

// neighboured reports whether the pattern can hold around its rarest element at token i: what must stand right before
// and behind it is there.
func (p *pattern) neighboured(tokens []token, i int) bool {
	if k := p.rarest - 1; k >= 0 && !p.elements[k].optional && !p.elements[k].among(tokens, i-p.back, i, tokens[i].sentence) {
		return false
	}
	k := p.rarest + 1
	return k == len(p.elements) || p.elements[k].optional || p.elements[k].among(tokens, i+1, i+1+p.ahead, tokens[i].sentence)
}

// among reports whether one of tokens[from:to] is the element's, within the sentence.
func (e *element) among(tokens []token, from, to, sentence int) bool {
	for j := max(from, 0); j < min(to, len(tokens)); j++ {
		if e.words.has(tokens[j].word) && tokens[j].sentence == sentence {
			return true
		}
	}
	return false
}

// rarestDistance is how many words at least stand between the pattern's start and its rarest element.
func (p *pattern) rarestDistance() int { return min(p.rarest, 1) }

// hit notes a signal at tokens i to last, with the verb that the "not" at its beginning belongs to.
func (rd *Reader) hit(s Signal, pattern int32, tokens []token, i, last int) {
	t, start := &tokens[i], tokens[i].start
	if l := rd.lexicon; t.word == l.negation && i > 0 && tokens[i-1].sentence == t.sentence && l.auxiliary.has(tokens[i-1].word) {
		start = tokens[i-1].start
	}
	rd.reading.insert(s, pattern, start, tokens[last].end, t.sentence)
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
		if last := p.match(e+1, tokens, behind(tokens, at), sentence); last >= 0 {
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

// behind returns the first token that begins where the one at index i has ended: where words have no blanks between
// them, tokens overlap.
func behind(tokens []token, i int) int {
	next := i + 1
	for next < len(tokens) && tokens[next].start < tokens[i].end {
		next++
	}
	return next
}

func (p *pattern) restOptional(e int) bool {
	for _, el := range p.elements[e:] {
		if !el.optional {
			return false
		}
	}
	return true
}
