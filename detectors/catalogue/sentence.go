package catalogue

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// sentence is a stretch of a string and what it speaks of.
type sentence struct {
	segment, view int
	start, end    int // bytes of the view
	text          string
	last          bool // nothing but space comes after it in the string
	set           concepts
}

func (s *sentence) span() models.Span {
	return models.Span{Segment: s.segment, View: s.view, Start: s.start, End: s.end}
}

// hit is a concept at a place of a text.
type hit struct {
	concept    concept
	start, end int
}

// reader takes strings apart into sentences, in the same memory.
type reader struct {
	words     *directive.Reader
	names     names
	sentences []sentence
	hits      []hit // of one text
	some      []hit // of one sentence
}

func newReader() *reader { return &reader{words: phrases().Reader()} }

// begin forgets what was read.
func (r *reader) begin() { r.sentences = r.sentences[:0] }

// readAll reads the strings of a body that hold prose.
func (r *reader) readAll(segments []models.Segment) {
	for i := range segments {
		s := &segments[i]
		if s.Key {
			continue
		}
		view := plain(s)
		if text := s.Views[view].Text; isText(text) {
			r.read(i, view, text)
		}
	}
}

// isText reports whether a string may hold a sentence.
func isText(text string) bool {
	return len(text) >= shortest && (strings.IndexByte(text, ' ') > 0 || text[0] >= utf8.RuneSelf)
}

// plain returns the number of the view to read: the normalised one where there is one, else the raw one.
func plain(s *models.Segment) int {
	for v := 1; v < len(s.Views); v++ {
		if s.Views[v].Kind == models.ViewNormalised {
			return v
		}
	}
	return 0
}

// read appends the sentences of a view.
func (r *reader) read(segment, view int, text string) {
	r.find(text)
	next := 0
	for at := 0; at < len(text); {
		end := len(text)
		if n := sentenceEnd(text[at:]); n > 0 {
			end = at + n
		}
		if end-at > longest {
			end = at + window(text[at:end])
		}
		from := next
		for next < len(r.hits) && r.hits[next].start < end {
			next++
		}
		r.sentence(sentence{segment: segment, view: view, start: at, end: end, text: text}, r.hits[from:next])
		at = end
	}
}

// find collects the hits of a text, in its order.
func (r *reader) find(text string) {
	r.hits = r.hits[:0]
	l := phrases()
	for _, h := range r.words.Read(text).Hits {
		if c := l.concepts[h.Signal]; c != none {
			r.hits = append(r.hits, hit{c, h.Start, h.End})
		} else if h.Signal == directive.Identifier {
			r.hits = r.names.identifier(text, h.Start, h.End, r.hits)
		} else if h.Signal == directive.Own {
			r.hits = append(r.hits, hit{itself, h.Start, h.End})
		}
	}
	r.hits = shapes(text, r.hits)
	r.hits = r.names.find(text, r.hits)
	slices.SortStableFunc(r.hits, func(a, b hit) int { return a.start - b.start })
}

// window is how much of a sentence that is too long is read at once, to the end of a word.
func window(text string) int {
	n := cut(text, longest/2)
	if space := strings.LastIndexByte(text[:n], ' '); space > 0 {
		return space + 1
	}
	return n
}

// cut is the length of text, or less, so that at most n bytes of whole letters are left.
func cut(text string, n int) int {
	if len(text) <= n {
		return len(text)
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// A sentence below the shortest says nothing. In one above the longest, a list mostly, anything stands near anything: it is read
// in parts.
const (
	shortest = 8
	longest  = 700
)

// maxHits limits the hits in a sentence: what has more is no sentence.
const maxHits = 160

// sentence appends one, which still holds the whole text, with what follows from its hits.
func (r *reader) sentence(s sentence, hits []hit) {
	text := s.text
	s.last = strings.TrimSpace(text[s.end:]) == ""
	for s.start < s.end && space(text[s.start]) {
		s.start++
	}
	for s.end > s.start && space(text[s.end-1]) {
		s.end--
	}
	if s.end-s.start < shortest {
		return
	}
	s.text = text[s.start:s.end]
	r.some = r.some[:0]
	for _, h := range hits[:min(len(hits), maxHits)] {
		if h.end <= s.end && (h.concept != setting || !r.names.sets(text[h.start:h.end])) {
			r.some = append(r.some, h)
			s.set |= 1 << h.concept
		}
	}
	r.follow(text, &s)
	for _, h := range r.some {
		s.set |= 1 << h.concept
	}
	if s.set.has(lifted) {
		s.set &^= of(decides) // by the name of what is lifted
	}
	r.sentences = append(r.sentences, s)
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// sentenceEnd returns the length of the first sentence of text, or 0 if it doesn't end.
func sentenceEnd(text string) int {
	for i := 0; i < len(text); i++ {
		if !endByte[text[i]] {
			continue
		}
		switch c := text[i]; c {
		case '\n':
			return i + 1
		case '.', '!', '?':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\n') && !abbreviated(text[:i]) {
				return i + 1
			}
		case ' ':
			if i > 0 && (strings.HasPrefix(text[i:], " - ") || strings.HasPrefix(text[i:], " • ")) {
				return i + 1
			}
		default:
			for _, mark := range [...]string{"。", "！", "？", "।", "؟"} {
				if strings.HasPrefix(text[i:], mark) {
					return i + len(mark)
				}
			}
		}
	}
	return 0
}

// endByte marks the bytes at which a sentence can end.
var endByte = func() (t [256]bool) {
	for _, mark := range [...]string{"\n", ".", "!", "?", " ", "。", "！", "।", "؟"} {
		t[mark[0]] = true
	}
	return t
}()

// abbreviated reports whether the dot behind text is that of an abbreviation: one letter stands before it.
func abbreviated(text string) bool {
	n := len(text)
	return n > 0 && wordByte(text[n-1]) && (n == 1 || !wordByte(text[n-2]) && text[n-2] < utf8.RuneSelf)
}

// follow adds what follows from the concepts of a sentence that stand near each other.
func (r *reader) follow(text string, s *sentence) {
	if s.set.has(know) {
		r.some = withoutWants(text, r.some)
	}
	if s.set.has(neg) {
		r.some = denials(r.some)
	}
	if s.set.has(will) {
		r.some = wishes(r.some)
	}
	if s.set.has(replaced) {
		r.some = append(r.some, hit{supplant, 0, 0})
	}
	if s.set.has(tool) {
		r.some = kinds(r.some)
	}
}

// withoutWants leaves out the words for asking that ask for a thing rather than a person.
func withoutWants(text string, hits []hit) []hit {
	return slices.DeleteFunc(hits, func(h hit) bool { return h.concept == know && strings.HasPrefix(text[h.end:], " for ") })
}

// denials adds what is said with a no: that nobody is asked, that nothing is kept, that a tool is not used.
func denials(hits []hit) []hit {
	for _, n := range hits {
		if n.concept != neg {
			continue
		}
		for _, d := range [...]struct {
			what, derived concept
			within        int
		}{{know, unasked, 32}, {keep, assured, 24}, {use, supplant, 24}} {
			if near(hits, d.what, n, d.within, d.within) {
				hits = append(hits, hit{d.derived, n.start, n.end})
			}
		}
	}
	for _, m := range hits {
		denied := m.concept == moved && !again(hits, m) || m.concept == demand && !precedes(hits, m)
		if denied && near(hits, neg, m, 3, 0) || m.concept == obey && near(hits, neg, m, 4, 0) {
			hits = append(hits, hit{refrains, m.start, m.end})
		}
	}
	return hits
}

// again reports whether m is also a demand that was made before.
func again(hits []hit, m hit) bool {
	return precedes(hits, m) && slices.Contains(hits, hit{demand, m.start, m.end})
}

// precedes reports whether a demand comes before d, which then only says that it need not be made again.
func precedes(hits []hit, d hit) bool {
	for _, h := range hits {
		if h.concept == demand && h.end < d.start {
			return true
		}
	}
	return false
}

// wishes adds that a person is in charge: a person stands before what people in charge do.
func wishes(hits []hit) []hit {
	for _, w := range hits {
		if w.concept == will && near(hits, user, w, 20, 0) && !near(hits, neg, w, 40, 0) {
			hits = append(hits, hit{wish, w.start, w.end})
		}
	}
	return hits
}

// kinds adds the mentions of tools of a kind: the word for a tool, next to what kind it is of or to "any", "other".
func kinds(hits []hit) []hit {
	for _, t := range hits {
		if t.concept != tool {
			continue
		}
		foreign := near(hits, others, t, 24, 0) || near(hits, domain, t, 20, 16)
		if foreign && !ownNear(hits, t, 24, 10) {
			hits = append(hits, hit{generic, t.start, t.end})
		}
	}
	return hits
}

// ownNear reports whether "this" or "our" stands near t, and not as part of a place: tools of this company are not its own.
func ownNear(hits []hit, t hit, before, after int) bool {
	for _, o := range hits {
		if o.concept != ours || !beside(o, t, before, after) {
			continue
		}
		if !slices.ContainsFunc(hits, func(h hit) bool { return h.concept == house && h.start <= o.start && o.end <= h.end }) {
			return true
		}
	}
	return false
}

// near reports whether a hit of c ends at most before bytes before t, or starts at most after bytes behind it.
func near(hits []hit, c concept, t hit, before, after int) bool {
	for _, h := range hits {
		if h.concept == c && beside(h, t, before, after) {
			return true
		}
	}
	return false
}

func beside(h, t hit, before, after int) bool {
	if gap := t.start - h.end; gap >= -1 && gap <= before {
		return true
	}
	gap := h.start - t.end
	return after > 0 && gap >= 0 && gap <= after
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c >= 'A' && c <= 'Z'
}

// breaks reports whether a word may begin or end before byte i.
func breaks(text string, i int) bool {
	if i <= 0 || i >= len(text) {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	return !bounded(before) || !bounded(after)
}

// bounded reports whether the letter is of a script whose words stand between spaces, without endings on every word.
func bounded(r rune) bool {
	if r < utf8.RuneSelf {
		return wordByte(byte(r))
	}
	return unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek)
}

// lower turns letters into lower case where that changes no length, so that places stay what they are. The text is valid UTF-8.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if l := unicode.ToLower(r); utf8.RuneLen(l) == utf8.RuneLen(r) {
			return l
		}
		return r
	}, text)
}
