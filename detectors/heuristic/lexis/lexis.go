// Package lexis holds what the one reading of an event's texts says to the checks of schemas and purposes: which sort of
// data, deed, person or claim a text speaks of. The words are signals of the lexicon, in its files schema.txt and
// purpose.txt; what follows from them is for the checks to say.
package lexis

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// Sense is one meaning, such as "words that delete".
type Sense uint8

// Senses is a set of meanings.
type Senses uint64

// MaxSenses is how many meanings a set has room for.
const MaxSenses = 64

// senses is what the signals of the lexicon mean. It is built once: it is data of the program.
var senses = index()

// meaning is the sense that a signal has here, if it has one.
type meaning struct {
	set     Senses
	foreign bool
}

type signals struct {
	names    map[string]Sense
	meanings [directive.MaxSignals]meaning
}

// abroad ends the name of a signal of words that are no English.
const abroad = ".abroad"

// shared are signals of the rules that mean what one of these files means.
var shared = map[string]string{"secret": "schema.secret", "address": "schema.outside"}

func index() *signals {
	s := &signals{names: map[string]Sense{}}
	for n, name := range directive.Names().Names() {
		if own, ok := shared[name]; ok {
			name = own
		}
		file, rest, _ := strings.Cut(name, ".")
		if file != "schema" && file != "purpose" {
			continue
		}
		rest, foreign := strings.CutSuffix(rest, abroad)
		sense, ok := s.names[rest]
		if !ok {
			if sense = Sense(len(s.names)); sense == MaxSenses {
				panic("lexis: too many senses")
			}
			s.names[rest] = sense
		}
		s.meanings[n] = meaning{1 << sense, foreign}
	}
	return s
}

// Of returns the sense of that name. It panics if the lexicon has none: names are part of the program.
func Of(name string) Sense {
	s, ok := senses.names[name]
	if !ok {
		panic("lexis: no sense " + name)
	}
	return s
}

// Set returns the senses of those names as a set.
func Set(names ...string) (set Senses) {
	for _, n := range names {
		set |= 1 << Of(n)
	}
	return set
}

// In returns the senses among what was read of a text.
func In(hits []directive.Hit) (set Senses) {
	for i := range hits {
		set |= senses.meanings[hits[i].Signal].set
	}
	return set
}

// Has reports whether s is in the set.
func (set Senses) Has(s Sense) bool { return set>>s&1 != 0 }

// Any reports whether the sets have a sense in common.
func (set Senses) Any(other Senses) bool { return set&other != 0 }

// All reports whether the set holds all of other.
func (set Senses) All(other Senses) bool { return set&other == other }

// Count is the number of senses that the sets have in common.
func (set Senses) Count(other Senses) int { return bits.OnesCount64(uint64(set & other)) }

// Hit is a word or phrase of a sense.
type Hit struct {
	Sense      Sense
	Start, End int
	Sentence   int  // grows with the sentences, lines and halves of sentences that have hits
	Identifier bool // stands within a name such as close_account
	Foreign    bool // no English word
}

// Reading is what was found in a text, in order of the starts.
type Reading struct {
	Text string
	Hits []Hit
	All  Senses
}

// Read fills r with the senses of the hits in text, of several hits of a sense in one place the longest.
func (r *Reading) Read(text string, hits []directive.Hit) {
	*r = Reading{Text: text, Hits: r.Hits[:0]}
	var last [MaxSenses]int // one more than the index of the last hit
	sentence, before, end := 0, 0, 0
	for i := range hits {
		h := &hits[i]
		m := senses.meanings[h.Signal]
		if m.set == 0 {
			continue
		}
		if h.Sentence != before || end < h.Start && strings.ContainsAny(text[end:h.Start], "\n;；؛") {
			sentence, before = sentence+1, h.Sentence
		}
		end = max(end, h.End)
		sense := Sense(bits.TrailingZeros64(uint64(m.set)))
		hit := Hit{sense, h.Start, h.End, sentence, inName(text, h.Start, h.End), m.foreign}
		if n := last[sense]; n > 0 && h.Start < r.Hits[n-1].End {
			if before := &r.Hits[n-1]; h.Start == before.Start && h.End > before.End {
				*before = hit
			}
			continue
		}
		r.Hits = append(r.Hits, hit)
		last[sense] = len(r.Hits)
		r.All |= m.set
	}
}

// inName reports whether the words from start to end are part of a name.
func inName(text string, start, end int) bool {
	if joined(text, start-1, start-2) || joined(text, end, end+1) {
		return true
	}
	word := text[start:end]
	return strings.IndexByte(word, '_') >= 0 && strings.IndexByte(word, ' ') < 0
}

// joined reports whether the byte at i joins the word to another one, which the byte at far belongs to.
func joined(text string, i, far int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	return text[i] == '_' || text[i] == '.' && far >= 0 && far < len(text) && letter(text[far])
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// SamePart reports whether no comma or bracket stands between the two hits.
func (r *Reading) SamePart(a, b Hit) bool {
	if a.Start > b.Start {
		a, b = b, a
	}
	return a.Sentence == b.Sentence && (a.End >= b.Start || !strings.ContainsAny(r.Text[a.End:b.Start], ",;、，،()–—"))
}

// First returns the first hit of one of the senses that is no part of an identifier.
func (r *Reading) First(set Senses) (Hit, bool) {
	for _, h := range r.Hits {
		if set.Has(h.Sense) && !h.Identifier {
			return h, true
		}
	}
	return Hit{}, false
}

// Sentences yields the hits of each sentence that has some.
func (r *Reading) Sentences(yield func(hits []Hit) bool) {
	for from := 0; from < len(r.Hits); {
		to := from
		for to < len(r.Hits) && r.Hits[to].Sentence == r.Hits[from].Sentence {
			to++
		}
		if !yield(r.Hits[from:to]) {
			return
		}
		from = to
	}
}

// SetOf returns the senses of the hits.
func SetOf(hits []Hit) (set Senses) {
	for i := range hits {
		set |= 1 << hits[i].Sense
	}
	return set
}

// Around returns the hits of the sentence that hit i stands in.
func (r *Reading) Around(i int) []Hit {
	from, to := i, i+1
	for from > 0 && r.Hits[from-1].Sentence == r.Hits[i].Sentence {
		from--
	}
	for to < len(r.Hits) && r.Hits[to].Sentence == r.Hits[i].Sentence {
		to++
	}
	return r.Hits[from:to]
}

// SentenceAt returns the bounds of the sentence that holds the byte at i, as far as they are near.
func SentenceAt(text string, i int) (start, end int) {
	start, end = i, i
	for start > 0 && i-start < MaxSentenceBytes && !endsAt(text, start-1) {
		start--
	}
	for end < len(text) && end-i < MaxSentenceBytes && !endsAt(text, end) {
		end++
	}
	return start, end
}

// MaxSentenceBytes is how far a sentence is followed in either direction.
const MaxSentenceBytes = 600

// endsAt reports whether the byte at i is the last of what ends a sentence.
func endsAt(text string, i int) bool {
	for !utf8.RuneStart(text[i]) && i > 0 {
		i--
	}
	c, size := utf8.DecodeRuneInString(text[i:])
	switch c {
	case '\n', '。', '！', '？', '；', '؟', '؛', '।':
		return true
	case '.', '!', '?', ';':
		return i+size == len(text) || text[i+size] == ' ' || text[i+size] == '\n'
	}
	return false
}

// Extent is the stretch from the first to the last hit of the senses.
func Extent(hits []Hit, set Senses) (start, end int) {
	start = -1
	for _, h := range hits {
		if !set.Has(h.Sense) {
			continue
		}
		if start < 0 {
			start = h.Start
		}
		end = max(end, h.End)
	}
	return max(start, 0), end
}
