package directive

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed lexicon.txt
var lexiconText string

// Lexicon is a compiled set of word patterns, see lexicon.txt for the notation.
type Lexicon struct {
	vocabulary map[string]uint16
	patterns   []pattern
	byFirst    [][]int // word number to the patterns that can start with it
	negation   uint16  // the word "not"
	auxiliary  wordSet // list @auxiliary: verbs that a hit beginning with "not" takes in, as in "do not tell"
}

// Default returns the lexicon that is compiled into the program.
var Default = sync.OnceValues(func() (*Lexicon, error) { return Parse(lexiconText) })

// Source is the text of the default lexicon: what a detector's revision is a digest of.
func Source() string { return lexiconText }

// pattern is a sequence of elements that must stand in one sentence.
type pattern struct {
	signal   Signal
	elements []element
}

// element matches one word out of a set, after at most gap other words.
type element struct {
	words    wordSet
	gap      int
	optional bool
}

// wordSet is a bit set over the vocabulary.
type wordSet []uint64

func (s wordSet) has(w uint16) bool { i := int(w >> 6); return i < len(s) && s[i]&(1<<(w&63)) != 0 }

func (s *wordSet) add(w uint16) {
	for int(w>>6) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[w>>6] |= 1 << (w & 63)
}

func (s *wordSet) addAll(t wordSet) {
	for i, bits := range t {
		for i >= len(*s) {
			*s = append(*s, 0)
		}
		(*s)[i] |= bits
	}
}

// Parse compiles a lexicon.
func Parse(text string) (*Lexicon, error) {
	p := parser{lexicon: &Lexicon{vocabulary: map[string]uint16{}}, lists: map[string]wordSet{}, section: numSignals}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(strings.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("reading lexicon line %d: %w", i+1, err)
		}
	}
	p.lexicon.negation, p.lexicon.auxiliary = p.lexicon.vocabulary["not"], p.lists["@auxiliary"]
	p.lexicon.index()
	return p.lexicon, nil
}

// index notes which patterns can start with which word.
func (l *Lexicon) index() {
	l.byFirst = make([][]int, len(l.vocabulary)+1)
	for i, p := range l.patterns {
		for w := range l.byFirst {
			if p.elements[0].words.has(uint16(w)) {
				l.byFirst[w] = append(l.byFirst[w], i)
			}
		}
	}
}

type parser struct {
	lexicon *Lexicon
	lists   map[string]wordSet
	section Signal
}

func (p *parser) line(line string) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case line[0] == '[':
		return p.open(strings.Trim(line, "[]"))
	case line[0] == '@' && strings.Contains(line, "="):
		name, words, _ := strings.Cut(line, "=")
		return p.define(strings.TrimSpace(name), strings.Fields(words))
	}
	return p.pattern(strings.Fields(line))
}

func (p *parser) open(name string) error {
	s, ok := ByName(name)
	if !ok {
		return fmt.Errorf("%q is no signal", name)
	}
	p.section = s
	return nil
}

func (p *parser) define(name string, words []string) error {
	if _, ok := p.lists[name]; ok {
		return fmt.Errorf("%s is defined twice", name)
	}
	set, err := p.set(words)
	p.lists[name] = set
	return err
}

// set returns the set of words and of the lists among them.
func (p *parser) set(words []string) (wordSet, error) {
	var set wordSet
	for _, w := range words {
		if w == "" {
			return nil, fmt.Errorf("an empty alternative")
		}
		if w[0] == '@' {
			list, ok := p.lists[w]
			if !ok {
				return nil, fmt.Errorf("%s is not defined", w)
			}
			set.addAll(list)
			continue
		}
		if strings.ContainsAny(w[1:], "-.'\"") {
			return nil, fmt.Errorf("%q is cut where it is not a word", w)
		}
		set.add(p.word(w))
	}
	return set, nil
}

func (p *parser) word(w string) uint16 {
	n, ok := p.lexicon.vocabulary[w]
	if !ok {
		n = uint16(len(p.lexicon.vocabulary) + 1)
		p.lexicon.vocabulary[w] = n
	}
	return n
}

func (p *parser) pattern(fields []string) error {
	if p.section == numSignals {
		return fmt.Errorf("a pattern before the first section")
	}
	var elements []element
	gap := 0
	for _, f := range fields {
		if n, ok := strings.CutPrefix(f, ".."); ok {
			var err error
			if gap, err = strconv.Atoi(n); err != nil {
				return fmt.Errorf("reading the gap %q: %w", f, err)
			}
			continue
		}
		f, optional := strings.CutSuffix(f, "?")
		set, err := p.set(strings.Split(f, "|"))
		if err != nil {
			return err
		}
		elements = append(elements, element{words: set, gap: gap, optional: optional})
		gap = 0
	}
	if len(elements) == 0 || elements[0].optional || elements[0].gap > 0 || gap > 0 {
		return fmt.Errorf("a pattern begins and ends with a word")
	}
	p.lexicon.patterns = append(p.lexicon.patterns, pattern{signal: p.section, elements: elements})
	return nil
}
