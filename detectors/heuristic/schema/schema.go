// Package schema finds definitions whose structure is the attack: schemas that reach outside, multiply or stall whoever
// reads them, header mappings that smuggle, hints that deny what the description says, and orders where names and
// values belong.
package schema

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

const version = "1.0.0"

// Checks is the group.
var Checks = &check.Group{
	Name:  "schema",
	Kinds: []models.Kind{models.KindTool, models.KindPrompt, models.KindResource, models.KindElicitation, models.KindSampling, models.KindInstructions, models.KindAgentCard},
	Rules: []*check.Rule{
		outsideRef, refBomb, slowPattern, hugeMinimum, unreal, prototype, headerInjection, headerReserved, headerSecret, duplicateMember, deepSchema,
		readOnlyLie, repeatLie, closedWorldLie, waivedReview, hiddenAudience, commandBehindHint, proseOrder, namedOrder,
	},
	Checks: []check.Check{{Examine: examine}},
}

func examine(event *check.Event) {
	e := &reader{Event: event, book: lexis.Open(event)}
	structure(e)
	if e.Input.Event.Kind == models.KindTool {
		hints(e)
	}
	claims(e)
	audience(e)
	prose(e)
}

// reader is an event and what was read of it.
type reader struct {
	*check.Event
	book *lexis.Book
}

// structure makes the checks that need no more than the members' names.
func structure(e *reader) {
	var room [16]int
	refs := room[:0]
	var headers []int
	for i := range e.Segments {
		s := &e.Segments[i]
		switch last := check.Last(s); {
		case s.Key:
			switch last {
			case "minLength", "minItems", "minProperties":
				minimum(e, i)
			case "minimum", "maximum", "multipleOf", "maxLength", "maxItems", "exclusiveMinimum", "exclusiveMaximum":
				overflow(e, i)
			case "__proto__":
				e.Report(prototype, nil, e.Whole(i))
			}
			if strings.HasPrefix(s.Pointer, "/") && strings.HasSuffix(s.Pointer[:len(s.Pointer)-len(last)], "/patternProperties/") {
				pattern(e, i)
			}
		case last == "$ref" || last == "$dynamicRef" || last == "$schema" || last == "$id":
			refs = reference(e, i, refs)
		case last == "pattern":
			pattern(e, i)
		case last == "x-mcp-header":
			headers = append(headers, i)
		}
	}
	if len(refs) > 1 {
		expansion(e, refs)
	}
	if len(headers) > 0 {
		mappings(e, headers)
	}
	duplicates(e)
	depth(e)
}

// literal reports whether the place is part of a value, where keywords of the schema have no meaning.
func literal(s *models.Segment) bool {
	for _, member := range []string{"/default/", "/examples/", "/example/", "/const/", "/enum/"} {
		if strings.Contains(s.Pointer, member) && !strings.Contains(s.Pointer, "/properties"+member) {
			return true
		}
	}
	return false
}

func text(e *reader, i int) string { return e.Segments[i].Views[0].Text }

// valueAt returns the text of the value at pointer, and its segment or -1.
func valueAt(e *reader, pointer string) (string, int) {
	if i, ok := e.At(pointer, false); ok {
		return text(e, i), i
	}
	return "", -1
}

var hugeMinimum = &check.Rule{
	ID: "schema-huge-minimum", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.7,
	Message: "A schema demands so much data that nobody has it: a call exhausts the client or is padded with what the model knows.",
}

// least sizes that no honest schema demands
const (
	hugeLength = 100_000
	hugeCount  = 20_000
)

func minimum(e *reader, i int) {
	n, err := strconv.ParseFloat(e.Scalar(i), 64)
	limit := float64(hugeCount)
	if check.Last(&e.Segments[i]) == "minLength" {
		limit = hugeLength
	}
	if err == nil && n >= limit && !literal(&e.Segments[i]) {
		e.Report(hugeMinimum, nil, e.Whole(i))
	}
}

var unreal = &check.Rule{
	ID: "schema-unreal-number", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.65,
	Message: "A bound in a schema is a number that programs cannot hold: what it becomes differs from client to client.",
}

// minUnreal is the length of the shortest number that no program holds: a digit, the sign of an exponent, three digits more.
const minUnreal = len("1e309")

// overflow reports a number that is infinite once it is read, or no bound at all.
func overflow(e *reader, i int) {
	value := e.RawScalar(i)
	if len(value) < minUnreal || literal(&e.Segments[i]) {
		return
	}
	if n, err := strconv.ParseFloat(string(value), 64); err != nil && math.IsInf(n, 0) {
		e.Report(unreal, nil, e.Whole(i))
	}
}

var prototype = &check.Rule{
	ID: "schema-prototype-member", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.7,
	Message: "A member is called __proto__: a client in JavaScript that copies it changes all its objects.",
}

var duplicateMember = &check.Rule{
	ID: "schema-duplicate-member", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.7,
	Message: "An object has a member twice: whoever reviews it may read the one, and the client the other.",
}

// duplicates reports members that have a sibling of the same name. For all but huge events, a small table of hashes tells
// that there are none.
func duplicates(e *reader) {
	var seen [64]uint64
	var names map[string]int
	if len(e.Segments) > maxHashed {
		names = make(map[string]int, len(e.Segments))
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		if !s.Key {
			continue
		}
		before, twice := -1, false
		if names != nil {
			before, twice = names[s.Pointer]
			names[s.Pointer] = i
		} else {
			h := hash(s.Pointer) % (64 * uint32(len(seen)))
			bit := uint64(1) << (h % 64)
			if seen[h/64]&bit != 0 {
				before, twice = e.At(s.Pointer, true)
				twice = twice && before != i
			}
			seen[h/64] |= bit
		}
		if twice {
			e.Report(duplicateMember, nil, e.Whole(i), e.Whole(before))
			return
		}
	}
}

// maxHashed is how many segments the table of hashes serves well.
const maxHashed = 1024

// hash mixes eight bytes of s at a time.
func hash(s string) uint32 {
	const factor = 0x9e3779b97f4a7c15
	h := uint64(len(s))
	for ; len(s) >= 8; s = s[8:] {
		word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		h = (bits.RotateLeft64(h, 29) ^ word) * factor
	}
	for i := range len(s) {
		h = (bits.RotateLeft64(h, 29) ^ uint64(s[i])) * factor
	}
	return uint32(h >> 32)
}

var deepSchema = &check.Rule{
	ID: "schema-depth", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.6,
	Message: "A definition is nested so deeply that whoever walks it runs out of stack.",
}

const maxDepth = 48

func depth(e *reader) {
	for i := range e.Segments {
		if p := e.Segments[i].Pointer; len(p) >= 2*maxDepth && strings.Count(p, "/") >= maxDepth {
			e.Report(deepSchema, nil, e.Whole(i))
			return
		}
	}
}
