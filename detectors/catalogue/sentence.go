package catalogue

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// sentence is a stretch of a string and what it speaks of.
type sentence struct {
	segment, view int
	start, end    int // bytes of the view
	text          string
	low           string // the text in lower case, byte by byte
	last          bool   // nothing but space comes after it in the string
	set           concepts
	hits          []hit // in bytes of text
}

func (s *sentence) span() models.Span {
	return models.Span{Segment: s.segment, View: s.view, Start: s.start, End: s.end}
}

// reader takes strings apart into sentences, in the same memory.
type reader struct {
	names     names
	sentences []sentence
}

// read appends the sentences of a view.
func (r *reader) read(segment, view int, text string) {
	low := lower(text)
	for at := 0; at < len(text); {
		end := len(text)
		if n := sentenceEnd(low[at:]); n > 0 {
			end = at + n
		}
		if end-at > longest {
			end = at + window(low[at:end])
		}
		r.sentence(segment, view, text, low, at, end)
		at = end
	}
}

// window is how much of a sentence that is too long is read at once, to the end of a word.
func window(text string) int {
	n := cut(text, longest/2)
	if space := strings.LastIndexByte(text[:n], ' '); space > 0 {
		return space + 1
	}
	return n
}

// A sentence below the shortest says nothing. In one above the longest, a list mostly, anything stands near anything: it is read
// in parts.
const (
	shortest = 8
	longest  = 700
)

func (r *reader) sentence(segment, view int, text, low string, from, to int) {
	for from < to && strings.IndexByte(" \t\r\n", text[from]) >= 0 {
		from++
	}
	for to > from && strings.IndexByte(" \t\r\n", text[to-1]) >= 0 {
		to--
	}
	if to-from < shortest {
		return
	}
	s := sentence{segment: segment, view: view, start: from, end: to, text: text[from:to], low: low[from:to], last: strings.TrimSpace(text[to:]) == ""}
	s.hits = shapes(s.text, phrases().scan(s.low, nil))
	s.hits = r.names.find(s.text, s.low, s.hits)
	s.hits = kinds(s.low, denials(s.low, s.hits))
	for _, h := range s.hits {
		if h.concept != setting || !r.names.sets(s.low[h.start:h.end]) {
			s.set |= 1 << h.concept
		}
	}
	r.sentences = append(r.sentences, s)
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

// sentenceEnd returns the length of the first sentence of text, or 0 if it doesn't end.
func sentenceEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			return i + 1
		case c == '.' || c == '!' || c == '?':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\n') && !abbreviated(text[:i]) {
				return i + 1
			}
		case c == ' ' && (strings.HasPrefix(text[i:], " - ") || strings.HasPrefix(text[i:], " • ")) && i > 0:
			return i + 1
		case c >= 0xd8:
			for _, mark := range [...]string{"。", "！", "？", "।", "؟"} {
				if strings.HasPrefix(text[i:], mark) {
					return i + len(mark)
				}
			}
		}
	}
	return 0
}

// abbreviated reports whether the dot behind text is that of an abbreviation: one letter stands before it.
func abbreviated(text string) bool {
	n := len(text)
	return n > 0 && wordByte(text[n-1]) && (n == 1 || !wordByte(text[n-2]) && text[n-2] < utf8.RuneSelf)
}

// kinds adds the mentions of tools of a kind: the word for a tool, next to what kind it is of or to "any", "other".
func kinds(low string, hits []hit) []hit {
	for _, t := range hits {
		if t.concept != tool {
			continue
		}
		if compound(low, t) && !ownNear(hits, t, 12, 0) {
			hits = append(hits, hit{generic, t.start, t.end})
			continue
		}
		foreign := near(hits, others, t, 24, 0) || near(hits, domain, t, 20, 16)
		if foreign && !ownNear(hits, t, 24, 20) {
			hits = append(hits, hit{generic, t.start, t.end})
		}
	}
	return hits
}

// ownNear reports whether "this" or "our" stands near t, and not as part of a place: tools of this company are not its own.
func ownNear(hits []hit, t hit, before, after int) bool {
	for _, o := range hits {
		if o.concept != own || !near([]hit{o}, own, t, before, after) {
			continue
		}
		if !slices.ContainsFunc(hits, func(h hit) bool { return h.concept == house && h.start <= o.start && o.end <= h.end }) {
			return true
		}
	}
	return false
}

// compound reports whether the word for a tool ends a longer word.
func compound(low string, t hit) bool { return !breaksBefore(low, t.start) }

// near reports whether a hit of c ends at most before bytes before t, or starts at most after bytes behind it.
func near(hits []hit, c concept, t hit, before, after int) bool {
	for _, h := range hits {
		if h.concept != c {
			continue
		}
		if gap := t.start - h.end; gap >= -1 && gap <= before {
			return true
		}
		if gap := h.start - t.end; after > 0 && gap >= 0 && gap <= after {
			return true
		}
	}
	return false
}

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

// plain returns the number of the view to read: the normalised one where there is one, else the raw one.
func plain(s *models.Segment) int {
	for v := 1; v < len(s.Views); v++ {
		if s.Views[v].Kind == models.ViewNormalised {
			return v
		}
	}
	return 0
}

// denials adds what is said with a no: that nobody is asked, that nothing is kept, that a tool is not used.
func denials(low string, hits []hit) []hit {
	hits = withoutWants(low, hits)
	for _, n := range hits {
		if n.concept != neg {
			continue
		}
		for _, d := range [...]struct {
			what, derived concept
			within        int
		}{{know, unasked, 32}, {keep, assured, 24}, {use, supplant, 24}} {
			if near(hits, d.what, hit{start: n.start, end: n.end}, d.within, d.within) {
				hits = append(hits, hit{d.derived, n.start, n.end})
			}
		}
	}
	for _, w := range hits {
		if w.concept == will && near(hits, user, w, 20, 0) && !near(hits, neg, w, 40, 0) {
			hits = append(hits, hit{wish, w.start, w.end})
		}
	}
	for _, m := range hits {
		denied := m.concept == moved || m.concept == demand && !precedes(hits, m)
		if denied && near(hits, neg, m, 3, 0) || m.concept == obey && near(hits, neg, m, 4, 0) {
			hits = append(hits, hit{refrains, m.start, m.end})
		}
	}
	for _, h := range hits {
		if h.concept == replaced {
			hits = append(hits, hit{supplant, h.start, h.end})
		}
	}
	return hits
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

// isText reports whether a string may hold a sentence.
func isText(text string) bool {
	return len(text) >= shortest && (strings.IndexByte(text, ' ') > 0 || text[0] >= utf8.RuneSelf)
}

// withoutWants leaves out the words for asking that ask for a thing rather than a person.
func withoutWants(low string, hits []hit) []hit {
	return slices.DeleteFunc(hits, func(h hit) bool { return h.concept == know && strings.HasPrefix(low[h.end:], " for ") })
}
