// Package check is what the heuristic detector's checks in code have in common: those that look at the structure of an
// event rather than at the words of one string. A [Group] is some checks that are made together; it reports by [Rule].
package check

import (
	"bytes"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Rule is what a check reports under: the same that a rule of a pack says of itself, without the condition.
type Rule struct {
	ID         string // lower-case letters, digits and dashes; unique in the detector
	Version    string // semantic version
	Class      models.Class
	Severity   models.Severity
	Confidence float64 // in (0, 1]
	Message    string  // one sentence for a person who never saw the rule
}

// Group is checks that are made together. It is safe for concurrent use.
type Group struct {
	Name string
	// Kinds are the kinds of event that it reads. Optional: none means all.
	Kinds []models.Kind
	// Rules lists all that it can report, in the order of the documentation.
	Rules []*Rule
	// Checks are made one after the other.
	Checks []Check
}

// Check looks at an event.
type Check struct {
	// Kinds are those of the group's that it looks at. Optional: none means all.
	Kinds []models.Kind
	// Needs reports, at little cost, whether the event has what Examine can find anything in. It may say yes too often,
	// never no. Optional.
	Needs func(e *Event) bool
	// Examine reports what it finds. It must not keep the event.
	Examine func(e *Event)
}

// Examine makes the checks for which the event has what they need.
func (g *Group) Examine(e *Event) {
	for i := range g.Checks {
		if c := &g.Checks[i]; reads(c.Kinds, e.Event.Kind) && (c.Needs == nil || c.Needs(e)) {
			c.Examine(e)
		}
	}
}

// Reads reports whether the group reads events of kind k.
func (g *Group) Reads(k models.Kind) bool { return reads(g.Kinds, k) }

func reads(kinds []models.Kind, k models.Kind) bool {
	return len(kinds) == 0 || slices.Contains(kinds, k)
}

// Always is the group without what its checks need.
func (g *Group) Always() *Group {
	always := *g
	always.Checks = slices.Clone(g.Checks)
	for i := range always.Checks {
		always.Checks[i].Needs = nil
	}
	return &always
}

// Event is an event under examination. It belongs to one goroutine.
type Event struct {
	*detectors.Input
	// Found is told of every finding.
	Found func(models.Finding)
	// Signals returns what the lexicon finds in a view of a segment, in the order of the text. Each view is read once,
	// whoever asks. The answer is valid until the examination of the event ends, and must not be changed.
	Signals func(segment, view int) []directive.Hit

	// Notes are what a package that checks share remembers of the event, nil for nothing.
	Notes Notes

	bytes []Bytes // by segment, as far as they were asked for
	long  union   // of texts of MinLong bytes and more
	short []int   // segments with shorter texts, once long is known
	all   union
}

// Notes can be forgotten, so that they can be taken of another event.
type Notes interface{ Forget() }

// union is the signals of several texts.
type union struct {
	signals directive.Signals
	known   bool
}

// Reset makes room for another event, or for none.
func (e *Event) Reset(input *detectors.Input) {
	e.Input, e.bytes, e.long.known, e.all.known = input, e.bytes[:0], false, false
	if e.Notes != nil {
		e.Notes.Forget()
	}
}

// MinLong is the length, in bytes, from which texts are read for the rules anyway.
const MinLong = 12

// Long returns the signals of all raw views of MinLong bytes and more.
func (e *Event) Long() *directive.Signals {
	if !e.long.known {
		e.long, e.short = union{known: true}, e.short[:0]
		for i := range e.Segments {
			if len(e.Segments[i].Views[0].Text) < MinLong {
				e.short = append(e.short, i)
			} else {
				e.long.add(e.Signals(i, 0))
			}
		}
	}
	return &e.long.signals
}

// All returns the signals of all raw views.
func (e *Event) All() *directive.Signals {
	if !e.all.known {
		e.all = union{*e.Long(), true}
		for _, i := range e.short {
			e.all.add(e.Signals(i, 0))
		}
	}
	return &e.all.signals
}

func (u *union) add(hits []directive.Hit) {
	for i := range hits {
		u.signals.Add(hits[i].Signal)
	}
}

// Has returns the signals of a view as a set.
func (e *Event) Has(segment, view int) (set directive.Signals) {
	for _, h := range e.Signals(segment, view) {
		set.Add(h.Signal)
	}
	return set
}

// Signals returns the named signals of the shipped lexicon as a set. It panics on an unknown name: names are part of
// the program.
func Signals(names ...string) (set directive.Signals) {
	for _, name := range names {
		set.Add(Signal(name))
	}
	return set
}

// Signal returns the named signal of the shipped lexicon, and panics if there is none.
func Signal(name string) directive.Signal {
	s, ok := directive.Names().Signal(name)
	if !ok {
		panic("check: no signal " + name)
	}
	return s
}

// Report tells of a finding by the rule, as sure as the rule is, with what counts against it.
func (e *Event) Report(r *Rule, counter []models.CounterEvidence, evidence ...models.Span) {
	e.ReportAs(r, r.Severity, r.Confidence, counter, evidence...)
}

// ReportAs is Report with a severity and a confidence of its own. Either counts as far as the rule's standing allows.
func (e *Event) ReportAs(r *Rule, s models.Severity, confidence float64, counter []models.CounterEvidence, evidence ...models.Span) {
	s, confidence = StandingOf(r.ID).Weigh(s, confidence)
	kept := evidence[:min(len(evidence), models.MaxEvidence)]
	e.Found(models.Finding{
		Rule: r.ID, Version: r.Version, Class: r.Class, Severity: s, Confidence: confidence, Message: r.Message,
		Evidence: kept, Omitted: len(evidence) - len(kept), Counter: counter,
	})
}

// Whole is the whole raw view of segment i.
func (e *Event) Whole(i int) models.Span {
	return models.Span{Segment: i, End: len(e.Segments[i].Views[0].Text)}
}

// At returns the number of the segment that is the value, or for a key the name, of the member at pointer.
func (e *Event) At(pointer string, key bool) (int, bool) {
	for i := range e.Segments {
		if s := &e.Segments[i]; s.Key == key && s.Pointer == pointer {
			return i, true
		}
	}
	return 0, false
}

// Scalar is the number, true, false or null that the member named by key segment i has, as it stands; "" for others.
func (e *Event) Scalar(i int) string { return string(e.RawScalar(i)) }

// RawScalar is Scalar as bytes of the body, which must not be changed.
func (e *Event) RawScalar(i int) []byte {
	end := e.Segments[i].End + 1
	if !e.Segments[i].Key || end >= len(e.Event.Body) {
		return nil
	}
	rest := bytes.TrimLeft(e.Event.Body[end:min(len(e.Event.Body), end+maxScalarBytes)], " \t\r\n:")
	return rest[:max(bytes.IndexAny(rest, ",}] \t\r\n"), 0)]
}

// maxScalarBytes is how far behind its name a scalar may end.
const maxScalarBytes = 48

// Last is the last token of the segment's pointer: the member's name or the element's index.
func Last(s *models.Segment) string { return s.Pointer[strings.LastIndexByte(s.Pointer, '/')+1:] }

// Below reports whether the segment stands in or below the member at pointer, "/inputSchema".
func Below(s *models.Segment, pointer string) bool {
	rest, ok := strings.CutPrefix(s.Pointer, pointer)
	return ok && (rest == "" || rest[0] == '/')
}
