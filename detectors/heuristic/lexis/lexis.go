// Package lexis reads words for what they mean: which sort of data, deed, person or claim a text speaks of, in ten
// languages. The words are stems in lexicon.txt; what follows from them is for the checks to say.
package lexis

import (
	_ "embed"
	"fmt"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed lexicon.txt
var source string

// lexicon is built once: it is data of the program.
var lexicon = parse(source)

// Sense is one meaning, such as "words that delete".
type Sense uint8

// Senses is a set of meanings.
type Senses uint64

// MaxSenses is how many meanings a set has room for.
const MaxSenses = 64

// Of returns the sense of that name. It panics if the lexicon has none: names are part of the program.
func Of(name string) Sense {
	s, ok := lexicon.names[name]
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
	Sentence   int  // number of the sentence in the text
	Part       int  // number of the part between commas in the text
	Identifier bool // stands within a name such as close_account
	Foreign    bool // no English word
}

// Reading is what was found in a text, in order of the starts.
type Reading struct {
	Text string
	Hits []Hit
	All  Senses
}

// maxTextBytes is how much of a text is read: attacks that need more words than that are seen elsewhere.
const maxTextBytes = 64 << 10

// Read finds all words of the lexicon. A stem matches from the beginning of a word, and anywhere in scripts without
// spaces between words.
func Read(text string) Reading {
	r := Reading{Text: text}
	r.read()
	return r
}

// Reuse is [Read] into the memory of r.
func (r *Reading) Reuse(text string) {
	*r = Reading{Text: text, Hits: r.Hits[:0]}
	r.read()
}

func (r *Reading) read() {
	text := r.Text[:min(len(r.Text), maxTextBytes)]
	sentence, part := 0, 0
	var before rune
	for i := 0; i < len(text); {
		c, size := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case endsSentence(text, i, c, size):
			sentence++
			part++
		case c == ',' || c == '、' || c == '，' || c == '،' || c == '(' || c == ')' || c == '–' || c == '—':
			part++
		case lexicon.begins(before, c) && lexicon.likely(text, i):
			r.match(i, sentence, part)
		}
		before = c
		i += size
	}
}

func endsSentence(text string, i int, c rune, size int) bool {
	switch c {
	case '\n', '。', '！', '？', '；', '؟', '؛', '।':
		return true
	case '.', '!', '?', ';':
		return i+size == len(text) || text[i+size] == ' ' || text[i+size] == '\n'
	}
	return false
}

// match notes the longest term of each sense that begins at start.
func (r *Reading) match(start, sentence, part int) {
	lexicon.walk(r.Text, start, func(senses, foreign Senses, end int) {
		identifier := joined(r.Text, start-1, start-2) || joined(r.Text, end, end+1)
		for set := senses; set != 0; set &= set - 1 {
			sense := Sense(bits.TrailingZeros64(uint64(set)))
			r.note(Hit{sense, start, end, sentence, part, identifier, foreign.Has(sense)})
		}
	})
}

// joined reports whether the byte at i joins the word to another one, which the byte at far belongs to.
func joined(text string, i, far int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	return text[i] == '_' || text[i] == '.' && far >= 0 && far < len(text) && letter(text[far])
}

// note keeps a hit; one of the same sense from the same start it replaces.
func (r *Reading) note(h Hit) {
	for i := len(r.Hits) - 1; i >= 0 && r.Hits[i].Start == h.Start; i-- {
		if r.Hits[i].Sense == h.Sense {
			r.Hits[i] = h
			return
		}
	}
	r.Hits = append(r.Hits, h)
	r.All |= 1 << h.Sense
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

// Sentences calls f for each sentence that has hits, with its number and its hits.
func (r *Reading) Sentences(f func(set Senses, hits []Hit)) {
	for from := 0; from < len(r.Hits); {
		to, set := from, Senses(0)
		for to < len(r.Hits) && r.Hits[to].Sentence == r.Hits[from].Sentence {
			set |= 1 << r.Hits[to].Sense
			to++
		}
		f(set, r.Hits[from:to])
		from = to
	}
}

// SentenceAt returns the bounds of the sentence that holds the byte at i, as far as they are near.
func SentenceAt(text string, i int) (start, end int) {
	start, end = i, i
	for start > 0 && i-start < maxSentenceBytes && !endsAt(text, start-1) {
		start--
	}
	for end < len(text) && end-i < maxSentenceBytes && !endsAt(text, end) {
		end++
	}
	return start, end
}

// maxSentenceBytes is how far a sentence is followed in either direction.
const maxSentenceBytes = 600

// endsAt reports whether the byte at i is the last of what ends a sentence.
func endsAt(text string, i int) bool {
	for !utf8.RuneStart(text[i]) && i > 0 {
		i--
	}
	c, size := utf8.DecodeRuneInString(text[i:])
	return endsSentence(text, i, c, size)
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

// words is a trie of terms, each node with its first child and next sibling.
type words struct {
	names map[string]Sense
	nodes []node
	first [256]int32     // the node of a term's first byte
	pairs [1 << 16]int32 // the node of a term's first two bytes
}

type node struct {
	b             byte
	child, next   int32
	senses, whole Senses // of terms that end here: of stems, of whole words
	foreign       Senses // of those, what is no English
}

// parse reads "[sense]" headings, each followed by terms between commas. "=" after a term confines it to whole words;
// "a|b" within a term stands for either word; "~ " begins a line of words that are no English.
func parse(text string) *words {
	w := &words{names: map[string]Sense{}, nodes: make([]node, 1)}
	var sense Sense
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			if len(w.names) == MaxSenses {
				panic("lexis: too many senses")
			}
			sense = Sense(len(w.names))
			w.names[strings.Trim(line, "[]")] = sense
		default:
			line, foreign := strings.CutPrefix(line, "~ ")
			for term := range strings.SplitSeq(line, ",") {
				if term = strings.TrimSpace(term); term != "" {
					w.product("", term, sense, foreign)
				}
			}
		}
	}
	w.index()
	return w
}

// index notes the nodes that are two bytes away from the beginning.
func (w *words) index() {
	for b, at := range w.first {
		if at == 0 {
			continue
		}
		for child := w.nodes[at].child; child != 0; child = w.nodes[child].next {
			w.pairs[b<<8|int(w.nodes[child].b)] = child
		}
	}
}

// product adds the terms that begin with done and go on with one choice for each word of rest.
func (w *words) product(done, rest string, sense Sense, foreign bool) {
	if rest == "" {
		term := strings.TrimSpace(done)
		w.add(strings.TrimSuffix(term, "="), sense, strings.HasSuffix(term, "="), foreign)
		return
	}
	word, rest, _ := strings.Cut(rest, " ")
	for choice := range strings.SplitSeq(word, "|") {
		w.product(done+choice+" ", rest, sense, foreign)
	}
}

func (w *words) add(term string, sense Sense, whole, foreign bool) {
	if term != strings.ToLower(term) {
		panic(fmt.Sprintf("lexis: %q has capitals", term))
	}
	at := w.first[term[0]]
	if at == 0 {
		at = w.node(term[0])
		w.first[term[0]] = at
	}
	for i := 1; i < len(term); i++ {
		child := w.step(at, term[i])
		if child == 0 {
			child = w.node(term[i])
			w.nodes[child].next = w.nodes[at].child
			w.nodes[at].child = child
		}
		at = child
	}
	if foreign {
		w.nodes[at].foreign |= 1 << sense
	}
	if whole {
		w.nodes[at].whole |= 1 << sense
	} else {
		w.nodes[at].senses |= 1 << sense
	}
}

func (w *words) node(b byte) int32 {
	w.nodes = append(w.nodes, node{b: b})
	return int32(len(w.nodes) - 1)
}

func (w *words) step(at int32, b byte) int32 {
	for child := w.nodes[at].child; child != 0; child = w.nodes[child].next {
		if w.nodes[child].b == b {
			return child
		}
	}
	return 0
}

// likely reports whether a term may begin with the bytes at i, as far as a quick look tells.
func (w *words) likely(text string, i int) bool {
	if i+1 >= len(text) || text[i] >= utf8.RuneSelf || text[i+1] >= utf8.RuneSelf {
		return true
	}
	second := lower(text[i+1])
	if second == '_' || second == '-' || second == '\n' || w.pairs[int(lower(text[i]))<<8|int(second)] != 0 {
		return true
	}
	return false
}

// begins reports whether a term may begin at c after before.
func (w *words) begins(before, c rune) bool {
	switch {
	case c < utf8.RuneSelf && w.first[lower(byte(c))] == 0:
		return false
	case unspaced(c):
		return true
	case before < utf8.RuneSelf && c < utf8.RuneSelf:
		return !letter(byte(before)) || 'a' <= before && before <= 'z' && 'A' <= c && c <= 'Z'
	}
	return !unicode.IsLetter(before) || unicode.IsLower(before) && unicode.IsUpper(c) || unspaced(before)
}

// unspaced reports whether words of the script run together, or carry prefixes.
func unspaced(c rune) bool {
	return 0x0600 <= c && c <= 0x06ff || 0x2e80 <= c && c <= 0xd7ff || 0x0e00 <= c && c <= 0x0eff
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// walk calls found for each term that begins at start. A blank in a term stands for a blank, a hyphen, an underscore or
// the joint of camelCase.
func (w *words) walk(text string, start int, found func(senses, foreign Senses, end int)) {
	at, depth, previous := int32(0), 0, byte(0)
	for i := start; i < len(text); {
		c, size := text[i], 1
		var folded [utf8.UTFMax]byte
		n := 1
		if c < utf8.RuneSelf {
			folded[0] = lower(c)
			if c == '_' || c == '-' || c == '\n' {
				folded[0] = ' '
			}
		} else {
			r, s := utf8.DecodeRuneInString(text[i:])
			size, n = s, utf8.EncodeRune(folded[:], unicode.ToLower(r))
		}
		if at != 0 && i > start && 'A' <= c && c <= 'Z' && 'a' <= text[i-1] && text[i-1] <= 'z' {
			if joint := w.step(at, ' '); joint != 0 {
				at = joint
			}
		}
		for _, b := range folded[:n] {
			switch {
			case at == 0:
				at = w.first[b]
			case depth == 1:
				at = w.pairs[int(previous)<<8|int(b)]
			default:
				at = w.step(at, b)
			}
			depth++
			previous = b
			if at == 0 {
				return
			}
		}
		i += size
		nd := &w.nodes[at]
		if senses := nd.senses | nd.wholeAt(text, i); senses != 0 {
			found(senses, nd.foreign, wordEnd(text, i))
		}
	}
}

// wholeAt is the senses of whole words if a word ends at i.
func (n *node) wholeAt(text string, i int) Senses {
	if n.whole != 0 && i < len(text) {
		if c, _ := utf8.DecodeRuneInString(text[i:]); unicode.IsLetter(c) && !unspaced(c) {
			if prev := text[i-1]; !('a' <= prev && prev <= 'z' && 'A' <= text[i] && text[i] <= 'Z') {
				return 0
			}
		}
	}
	return n.whole
}

// maxSuffixBytes is how far the end of a word is looked for after its stem.
const maxSuffixBytes = 24

// wordEnd is where the word that goes on at i ends.
func wordEnd(text string, i int) int {
	for limit := min(len(text), i+maxSuffixBytes); i < limit; {
		c, size := utf8.DecodeRuneInString(text[i:])
		if !unicode.IsLetter(c) || unspaced(c) {
			break
		}
		i += size
	}
	return i
}
