package rulepack

import (
	"slices"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Match is a rule that holds in a text.
type Match struct {
	Rule       *Rule
	Pack       *Pack
	Start, End int // bytes of the view's text: the evidence
	// Confidence is the rule's, after everything that stands around has been weighed.
	Confidence float64
	Amplified  bool // more than the rule needs speaks for it
	Counter    []models.CounterEvidence

	compiled *rule
	number   int               // of the rule in the set
	near     *near             // the alternative that holds, of a Near condition
	against  [numCounters]bool // the counter-evidence that was weighed
	anchor   int               // index of the hit that the match is anchored to: of a signal, or among those of the anchor's class
}

// Scanner matches one text after the other, in the same memory. It is not safe for concurrent use.
type Scanner struct {
	set     *Set
	reader  *directive.Reader
	reading *directive.Reading
	long    bool // the current text is long data
	around  [MaxReach + 1][]neighbourhood
	known   [MaxReach + 1]bool // which of around hold for the current text
	terms   [][]termHit        // by class, in ascending order of their ends
	touched []int              // the classes that have hits
	scans   uint32             // counts the scans
	seen    []uint32           // by rule: the last scan in which it was tried
	matches []Match
	event   event
	// searches has the automata of Near conditions by their numbers.
	searches map[int]*search
}

// termHit is a term at a place in a text.
type termHit struct{ start, end int }

// Scanner returns a new scanner of the set.
func (s *Set) Scanner() *Scanner {
	return &Scanner{set: s, reader: s.lexicon.Reader(), terms: make([][]termHit, s.classes), seen: make([]uint32, len(s.rules)), searches: map[int]*search{}}
}

// Reading is what package directive read in the last view that was scanned, valid until the next scan.
func (sc *Scanner) Reading() *directive.Reading { return sc.reading }

// Read returns what package directive reads in a text that no rule is tried on, valid until the next call.
func (sc *Scanner) Read(text string) []directive.Hit { return sc.reader.Read(text).Hits }

// Knows reports whether the set has a rule with the id.
func (sc *Scanner) Knows(id string) bool { return sc.set.ids[id] }

// Scan returns the best place in view v of the segment at which each rule holds that reads such a segment of an event
// of kind k. What it returns is valid until the next scan.
func (sc *Scanner) Scan(k models.Kind, seg *models.Segment, v int) []Match {
	text := seg.Views[v].Text
	sc.reading, sc.long = sc.reader.Read(text), len(text) > longBytes && !k.Definition()
	clear(sc.known[:])
	sc.touched = sc.set.automaton.scan(text, sc.terms, sc.touched)
	sc.matches = sc.matches[:0]
	sc.scans++
	var present directive.Signals
	for _, h := range sc.reading.Hits {
		present.Add(h.Signal)
	}
	at := place{text: text, kind: kindBit(k), segment: seg}
	for s := range present.All() {
		for _, i := range sc.set.bySignal[s] {
			sc.tryRule(i, &at, &present)
		}
	}
	for _, class := range sc.touched {
		for _, i := range sc.set.byTerm[class] {
			sc.tryRule(i, &at, &present)
		}
	}
	slices.SortFunc(sc.matches, func(a, b Match) int { return a.number - b.number })
	return sc.matches
}

// place is what a rule is tried on.
type place struct {
	text    string
	kind    uint32
	segment *models.Segment
	fields  fieldSet // of the segment; 0 until a rule asks
}

// within reports whether the place belongs to one of the fields.
func (at *place) within(fields fieldSet) bool {
	if fields == allFields {
		return true
	}
	if at.fields == 0 {
		at.fields = fieldsOf(at.segment)
	}
	return at.fields&fields != 0
}

// tryRule tries rule number i, once in each scan.
func (sc *Scanner) tryRule(i int, at *place, present *directive.Signals) {
	r := &sc.set.rules[i]
	if sc.seen[i] == sc.scans || r.kinds&at.kind == 0 || !at.within(r.fields) {
		return
	}
	sc.seen[i] = sc.scans
	var m Match
	ok := false
	if r.nears != nil {
		m, ok = sc.near(r, at.text)
	} else if r.satisfied(present) {
		m, ok = sc.signals(r)
	}
	if ok {
		m.Rule, m.Pack, m.compiled, m.number, m.Counter = r.Rule, r.pack, r, i, counterEvidence(m.against)
		sc.matches = append(sc.matches, m)
	}
}

// maxPlaces is how many places where a rule holds are compared in one text.
const maxPlaces = 64

// Part is one thing that a match is made of.
type Part struct {
	// Name is the signal's or the term class's; "pattern" for what the regular expression matched.
	Name string `json:"name"`
	// Start and End are bytes of the view's text.
	Start int `json:"start"`
	End   int `json:"end"`
}

// Step is one step in how a confidence came about.
type Step struct {
	Reason     string  `json:"reason"`
	Confidence float64 `json:"confidence"` // after the step
}

// Explain takes a match of the last scan apart: what it is made of, in the order of the condition, and how its
// confidence came about.
func (sc *Scanner) Explain(text string, m *Match) ([]Part, []Step) {
	steps := []Step{{"the rule's own confidence", m.Rule.Confidence}}
	if m.near != nil {
		again := Match{near: m.near, anchor: m.anchor}
		sc.weighNear(m.compiled, &again, &steps)
		return sc.gather(text, &again), steps
	}
	hits := sc.reading.Hits
	n := sc.neighbourhoods(m.compiled.Signals.Reach)[m.anchor]
	parts := []Part{{sc.set.lexicon.Name(hits[m.anchor].Signal), hits[m.anchor].Start, hits[m.anchor].End}}
	for _, set := range m.compiled.need[1:] {
		if h, ok := nearest(hits[n.from:n.to], m.anchor-n.from, &set); ok {
			parts = append(parts, Part{sc.set.lexicon.Name(h.Signal), h.Start, h.End})
		}
	}
	sc.signalsAt(m.compiled, hits, m.anchor, n, &steps)
	return parts, steps
}
