package catalogue

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// concept is one thing that a sentence can speak of. Those of the lexicon come first; the rest are found in its shape.
type concept uint8

const (
	always   concept = iota // holds without exception
	argument                // what a call carries
	private                 // what people and houses keep to themselves
	secret                  // a credential
	outward                 // where anybody, or a stranger, can have it
	moved                   // data is moved
	stranger                // content of people whom nobody vouches for
	obey                    // what a text asks for is done
	decides                 // the user stays in charge
	mention                 // the text speaks about attacks, or gives an example
	tool                    // a tool, server or program
	others                  // "other", "any"
	domain                  // what tools are for: "mail", "payment"
	own                     // "this", "our"
	samename                // one of two of the same name
	assemble                // parts are to be put together
	official                // claims to be the real one
	demand                  // asks for an entry
	browser                 // an honest way to sign in
	neg                     // says no
	know                    // to ask a person, or let them know
	user                    // a person
	keep                    // to keep or show data
	use                     // to use a tool
	replaced                // takes another thing's place
	leave                   // leaves it to others, or only describes
	will                    // what a person does who is in charge
	encoding                // how text is hidden in letters
	taken                   // data is got hold of
	house                   // a place whose customs a text claims to know
	deed                    // what tools of other kinds do

	unasked  // no asking, no telling
	assured  // no keeping, no showing
	supplant // a tool is replaced, or not to be used
	refrains // no data is moved
	wish     // a person is in charge

	address  // a mail address, a host that is a number, a file transfer address, an account number
	link     // an address of the web
	setting  // an argument with its value: "force=true"
	path     // a file's path or a channel
	named    // an identifier that is not the definition's own
	foreign  // a tool or server that is another server's
	relative // a tool of the same server
	generic  // tools of a kind: "the mail tool"
	numConcepts
)

var conceptNames = [numConcepts]string{
	"always", "argument", "private", "secret", "outward", "moved", "stranger", "obey", "decides",
	"mention", "tool", "others", "domain", "own", "samename", "assemble", "official", "demand", "browser",
	"neg", "know", "user", "keep", "use", "replaced", "leave", "will", "encoding", "taken", "house", "deed", "unasked", "assured", "supplant", "refrains", "wish",
	"address", "link", "setting", "path", "named", "foreign", "relative", "generic",
}

func (c concept) String() string { return conceptNames[c] }

// concepts is a set.
type concepts uint64

func of(list ...concept) concepts {
	var set concepts
	for _, c := range list {
		set |= 1 << c
	}
	return set
}

func (s concepts) has(c concept) bool { return s&(1<<c) != 0 }

//go:embed lexicon.txt
var lexiconText string

// phrases is the lexicon. It is safe for concurrent use.
var phrases = sync.OnceValue(func() *lexicon { return newLexicon(lexiconText) })

// gapBytes is how far apart the parts of a phrase may be.
const gapBytes = 48

// lexicon finds phrases by their first parts, in a tree of bytes.
type lexicon struct {
	first [256]int32 // the nodes below the root
	nodes []node     // the first is the root
}

type node struct {
	value       byte
	child, next int32 // the first child, and the next child of the same parent; 0: none
	phrases     []phrase
}

// below returns the child of node at for byte b, or 0.
func (l *lexicon) below(at int32, b byte) int32 {
	if at == 0 {
		return l.first[b]
	}
	for at = l.nodes[at].child; at != 0 && l.nodes[at].value != b; at = l.nodes[at].next {
	}
	return at
}

// grow returns the child of node at for byte b, which is made if need be.
func (l *lexicon) grow(at int32, b byte) int32 {
	if child := l.below(at, b); child != 0 {
		return child
	}
	child := int32(len(l.nodes))
	l.nodes = append(l.nodes, node{value: b, next: l.nodes[at].child})
	l.nodes[at].child = child
	if at == 0 {
		l.first[b] = child
	}
	return child
}

type phrase struct {
	concept concept
	open    bool     // the part may end inside a word
	inner   bool     // the part must begin inside a word
	rest    []string // further parts, with "*" at the end of an open one
}

func newLexicon(text string) *lexicon {
	l := &lexicon{nodes: make([]node, 1)}
	for line := range strings.Lines(text) {
		name, list, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		c := conceptByName(strings.TrimSpace(name))
		for p := range strings.SplitSeq(list, ";") {
			if p = strings.TrimSpace(p); p != "" {
				l.add(c, p)
			}
		}
	}
	return l
}

func conceptByName(name string) concept {
	for c, n := range conceptNames {
		if n == name {
			return concept(c)
		}
	}
	panic("the lexicon has an unknown concept: " + name)
}

func (l *lexicon) add(c concept, text string) {
	parts := strings.Split(text, " ~ ")
	first, inner := strings.CutPrefix(parts[0], "*")
	first, open := strings.CutSuffix(first, "*")
	at := int32(0)
	for i := range len(first) {
		at = l.grow(at, first[i])
	}
	l.nodes[at].phrases = append(l.nodes[at].phrases, phrase{concept: c, open: open, inner: inner, rest: parts[1:]})
}

// hit is a phrase at a place.
type hit struct {
	concept    concept
	start, end int
}

// maxHits limits the hits in a sentence: what has more is no sentence.
const maxHits = 160

// scan appends what the lexicon finds in text, which is in lower case.
func (l *lexicon) scan(text string, hits []hit) []hit {
	for i := 0; i < len(text) && len(hits) < maxHits; {
		inside := i > 0 && !breaksBefore(text, i)
		at := int32(0)
		for j := i; j < len(text); j++ {
			if at = l.below(at, text[j]); at == 0 {
				break
			}
			for k := range l.nodes[at].phrases {
				p := &l.nodes[at].phrases[k]
				if p.inner != inside || !p.open && !breaksBefore(text, j+1) {
					continue
				}
				if end := p.complete(text, j+1); end > 0 {
					hits = append(hits, hit{p.concept, i, end})
				}
			}
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	return hits
}

// complete returns where the phrase ends whose first part ends at i, or 0.
func (p *phrase) complete(text string, i int) int {
	for _, part := range p.rest {
		part, open := strings.CutSuffix(part, "*")
		window := text[i:min(i+gapBytes+len(part), len(text))]
		if end := sentenceEnd(window); end > 0 {
			window = window[:end]
		}
		at := strings.Index(window, part)
		for at >= 0 && !(breaksBefore(text, i+at) && (open || breaksBefore(text, i+at+len(part)))) {
			next := strings.Index(window[at+1:], part)
			if next < 0 {
				return 0
			}
			at += 1 + next
		}
		if at < 0 {
			return 0
		}
		i += at + len(part)
	}
	return i
}

// breaksBefore reports whether a word may begin or end before byte i: next to something that is no letter, and anywhere
// in a script that is written without spaces or with endings on every word.
func breaksBefore(text string, i int) bool {
	if i <= 0 || i >= len(text) {
		return true
	}
	if text[i-1] < utf8.RuneSelf && text[i] < utf8.RuneSelf {
		return !wordByte(text[i-1]) || !wordByte(text[i])
	}
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	return !bounded(before) || !bounded(after)
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c >= 'A' && c <= 'Z'
}

func bounded(r rune) bool {
	if r < utf8.RuneSelf {
		return wordByte(byte(r))
	}
	return unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek)
}
