package directive

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"math/bits"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed lexicon/*.txt
var lexiconFiles embed.FS

// Lexicon is a compiled set of word patterns, see lexicon/core.txt for the notation.
type Lexicon struct {
	*Naming
	vocabulary *vocabulary
	patterns   []pattern
	data       Signals   // kinds of data: what a clause asks for, and what a tool may be for
	byRarest   []indexed // by word number
	bit        []uint8   // by word number, see [neighbours]
	negation   uint16    // the word "not"
	invoking   wordSet   // list @invoking: words before the name of what is to be called
	invoked    wordSet   // list @invoked: words behind it
	auxiliary  wordSet   // list @auxiliary: verbs that a hit beginning with "not" takes in, as in "do not tell"
}

// File is a part of a lexicon.
type File struct{ Name, Text string }

// Default returns the lexicon that is compiled into the program.
var Default = sync.OnceValues(func() (*Lexicon, error) { return Parse(Files()...) })

// Files returns the parts of the default lexicon, core.txt first.
var Files = sync.OnceValue(func() []File {
	entries, err := fs.ReadDir(lexiconFiles, "lexicon")
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	var files []File
	for _, e := range entries {
		text, err := fs.ReadFile(lexiconFiles, path.Join("lexicon", e.Name()))
		if err != nil {
			panic(err)
		}
		files = append(files, File{e.Name(), string(text)})
	}
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(rank(a), rank(b)) })
	return files
})

// rank puts core.txt before the files that use its lists.
func rank(f File) int {
	if f.Name == "core.txt" {
		return 0
	}
	return 1
}

// Source is the text of the default lexicon: what a detector's revision is a digest of.
func Source() string {
	var b strings.Builder
	for _, f := range Files() {
		b.WriteString(f.Text)
	}
	return b.String()
}

// Data returns the signals that are kinds of data: what a clause asks for, and what a tool may be for.
func (l *Lexicon) Data() Signals { return l.data }

// pattern is a sequence of elements that must stand in one sentence.
type pattern struct {
	signal   Signal
	inner    bool // holds within identifiers, too
	elements []element
	rarest   int // index of the element that is looked for first
	before   int // how many words at most may stand before it
	back     int // how far before it the element before it may begin
	ahead    int // how far behind it the element behind it may begin
}

// element matches one word out of a set, after at most gap other words.
type element struct {
	words    wordSet
	gap      int
	optional bool
}

// wordSet is a bit set over the vocabulary; words holds the bits from number 64*base on.
type wordSet struct {
	base uint16
	bits []uint64
}

func (s *wordSet) has(w uint16) bool {
	i := int(w>>6) - int(s.base)
	return uint(i) < uint(len(s.bits)) && s.bits[i]&(1<<(w&63)) != 0
}

// setOf returns the set of the given words.
func setOf(words []uint16) wordSet {
	if len(words) == 0 {
		return wordSet{}
	}
	least, most := slices.Min(words)>>6, slices.Max(words)>>6
	set := wordSet{least, make([]uint64, most-least+1)}
	for _, w := range words {
		set.bits[w>>6-least] |= 1 << (w & 63)
	}
	return set
}

func (s *wordSet) each(do func(w uint16)) {
	for i, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			do((s.base+uint16(i))<<6 + uint16(bits.TrailingZeros64(word)))
		}
	}
}

// Parse compiles a lexicon of several files; each may use the lists of those before it.
func Parse(files ...File) (*Lexicon, error) {
	naming, err := name(files)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, f := range files {
		size += len(f.Text)
	}
	p := newParser(naming, size)
	for _, f := range files {
		p.section = -1
		for i, line := range strings.Split(f.Text, "\n") {
			if err := p.line(strings.TrimSpace(line)); err != nil {
				return nil, fmt.Errorf("reading lexicon %s line %d: %w", f.Name, i+1, err)
			}
		}
	}
	return p.compile(), nil
}

// parser gathers lists and patterns by the texts of their words; sets are made when all words are known.
type parser struct {
	lexicon *Lexicon
	lists   map[string][]uint16
	common  map[uint16]float64 // words to their share of ordinary text
	drafts  []draft
	section int // signal, or -1 before the first, or sectionCommon
}

const sectionCommon = -2

type draft struct {
	signal   Signal
	elements []draftElement
}

type draftElement struct {
	words    []uint16
	gap      int
	optional bool
}

func newParser(n *Naming, size int) *parser {
	l := &Lexicon{Naming: n, vocabulary: newVocabulary(size)}
	return &parser{lexicon: l, lists: map[string][]uint16{}, common: map[uint16]float64{}}
}

func (p *parser) line(line string) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case line[0] == '[':
		p.open(readSection(line))
		return nil
	case line[0] == '@' && strings.Contains(line, "="):
		name, words, _ := strings.Cut(line, "=")
		return p.define(strings.TrimSpace(name), strings.Fields(words))
	case p.section == sectionCommon:
		return p.frequency(strings.Fields(line))
	}
	return p.pattern(strings.Fields(line))
}

// open begins the section of a signal, or of the common words.
func (p *parser) open(s section) {
	if s.name == commonSection {
		p.section = sectionCommon
		return
	}
	signal := p.lexicon.byName[s.name]
	if s.data {
		p.lexicon.data.Add(signal)
	}
	p.section = int(signal)
}

func (p *parser) define(name string, words []string) error {
	if _, ok := p.lists[name]; ok {
		return fmt.Errorf("%s is defined twice", name)
	}
	set, err := p.words(words)
	p.lists[name] = set
	return err
}

// words returns the numbers of words, stems and of what the lists among them hold.
func (p *parser) words(texts []string) ([]uint16, error) {
	var out []uint16
	for _, w := range texts {
		if w == "" {
			return nil, fmt.Errorf("an empty alternative")
		}
		if w[0] == '@' {
			list, ok := p.lists[w]
			if !ok {
				return nil, fmt.Errorf("%s is not defined", w)
			}
			out = append(out, list...)
			continue
		}
		if strings.ContainsAny(w[1:], "-.'\"") || strings.Contains(w[:len(w)-1], "*") {
			return nil, fmt.Errorf("%q is cut where it is not a word", w)
		}
		out = append(out, p.lexicon.vocabulary.number(w))
	}
	return out, nil
}

// frequency reads a common word and how often it stands in a million words.
func (p *parser) frequency(fields []string) error {
	if len(fields) != 2 {
		return fmt.Errorf("a common word has one number: its count in a million words")
	}
	n, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return fmt.Errorf("reading the count of %q: %w", fields[0], err)
	}
	p.common[p.lexicon.vocabulary.number(fields[0])] = n
	return nil
}

func (p *parser) pattern(fields []string) error {
	if p.section < 0 {
		return fmt.Errorf("a pattern before the first section")
	}
	d := draft{signal: Signal(p.section)}
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
		words, err := p.words(strings.Split(f, "|"))
		if err != nil {
			return err
		}
		d.elements = append(d.elements, draftElement{words: words, gap: gap, optional: optional})
		gap = 0
	}
	if len(d.elements) == 0 || d.elements[0].optional || d.elements[0].gap > 0 || gap > 0 {
		return fmt.Errorf("a pattern begins and ends with a word")
	}
	p.drafts = append(p.drafts, d)
	return nil
}

// compile makes the sets, now that each stem can take in all words that begin with it, and the index.
func (p *parser) compile() *Lexicon {
	l := p.lexicon
	c := setMaker{vocabulary: l.vocabulary, sorted: l.vocabulary.sorted(), common: p.common, made: map[string]*madeSet{}}
	for _, d := range p.drafts {
		l.patterns = append(l.patterns, c.pattern(d, strings.Contains(l.names[d.signal], ".")))
	}
	l.auxiliary = c.set(p.lists["@auxiliary"]).words
	l.invoking, l.invoked = c.set(p.lists["@invoking"]).words, c.set(p.lists["@invoked"]).words
	l.negation = l.vocabulary.known["not"]
	c.index(l)
	return l
}

// pattern compiles a draft.
func (c *setMaker) pattern(d draft, inner bool) pattern {
	out := pattern{signal: d.signal, inner: inner}
	best, before := 0.0, 0
	tokens := make([]int, len(d.elements))
	for i, e := range d.elements {
		set := c.set(e.words)
		tokens[i] = set.tokens
		before += e.gap
		if !e.optional && (i == 0 || set.share < best) {
			best, out.rarest, out.before = set.share, i, before
		}
		before += set.tokens
		out.elements = append(out.elements, element{set.words, e.gap, e.optional})
	}
	if out.rarest > 0 {
		out.back = d.elements[out.rarest].gap + tokens[out.rarest-1]
	}
	if out.rarest+1 < len(d.elements) {
		out.ahead = d.elements[out.rarest+1].gap + tokens[out.rarest]
	}
	return out
}

// rareShare is what a word counts that is not among the common ones, in a million words.
const rareShare = 20

// setMaker makes each set once.
type setMaker struct {
	vocabulary *vocabulary
	sorted     []uint16
	common     map[uint16]float64
	made       map[string]*madeSet
}

// madeSet is a set of words with what the index needs to know of it.
type madeSet struct {
	words wordSet
	// share estimates how often a word of the set stands in a million words.
	share float64
	// tokens is how many tokens at most begin within a word of the set: more than one in scripts without blanks.
	tokens int
}

func (c *setMaker) set(words []uint16) *madeSet {
	slices.Sort(words)
	key := make([]byte, 0, 2*len(words))
	for _, w := range words {
		key = append(key, byte(w), byte(w>>8))
	}
	made := c.made[string(key)]
	if made == nil {
		made = c.make(words)
		c.made[string(key)] = made
	}
	return made
}

func (c *setMaker) make(words []uint16) *madeSet {
	var all []uint16
	for _, w := range words {
		all = append(all, c.vocabulary.covered(w, c.sorted)...)
	}
	made := &madeSet{words: setOf(all), tokens: 1}
	made.words.each(func(w uint16) {
		made.share += max(c.common[w], rareShare)
		stem := strings.TrimSuffix(c.vocabulary.texts[w], "*")
		if last, _ := utf8.DecodeLastRuneInString(stem); unspaced(last) {
			made.tokens = max(made.tokens, utf8.RuneCountInString(stem))
		}
	})
	return made
}
