package models

import "sort"

// ViewKind says how some reader would see a segment.
type ViewKind string

// The kinds of view.
const (
	// ViewRaw is the string as any JSON parser reads it: escapes resolved, nothing else changed.
	ViewRaw ViewKind = "raw"
	// ViewNormalised is NFKC with control sequences, invisibles and tag characters stripped and look-alikes folded. A
	// second one, with "words" in its chain, spells out an identifier of several words.
	ViewNormalised ViewKind = "normalised"
	// ViewDecoded is what an encoding in the segment hides: base64, hex, percent, HTML entities, rot13, tag characters.
	// It has the hidden text alone where the encoding hides whole words, and the segment with its escapes resolved where
	// it hides single characters.
	ViewDecoded ViewKind = "decoded"
)

// Segment is one string inside an event's body: a member name or a string value.
type Segment struct {
	// Pointer is the RFC 6901 JSON Pointer of the value; for a member name, of the member that it names.
	Pointer string
	// Key is set for a member name. Name and value of a member share the pointer.
	Key bool
	// Start and End delimit the string in the body, without its quotes.
	Start, End int
	// Views are the readings of the segment. Views[0] is always the raw view; a normalised or decoded view is
	// present only where it differs from every view before it.
	Views []View
}

// View is one reading of a segment.
type View struct {
	Kind ViewKind
	// Chain names the transforms that led from the raw view to this one, in order: "nfkc", "strip_invisible",
	// "base64". Empty for the raw view.
	Chain []string
	Text  string
	// Map leads from byte offsets in Text to byte offsets in the event's body. Nil means that Text stands in the
	// body unchanged, from the segment's Start on.
	Map OffsetMap
}

// Run maps Count units of View bytes to as many units of Raw bytes: plain text is 1:1, base64 is 3:4, hex is 1:2, and
// a stretch that maps only as a whole is one unit. Raw bytes between two runs have no counterpart in the view.
type Run struct {
	ViewStart int // first byte in the view
	RawStart  int // first byte in the body
	ViewUnit  int // bytes of view per unit, at least 1
	RawUnit   int // bytes of body per unit, at least 1
	Count     int // units, at least 1
}

// ViewEnd is the first byte of the view behind the run.
func (r Run) ViewEnd() int { return r.ViewStart + r.Count*r.ViewUnit }

// OffsetMap is a list of runs in ascending order of ViewStart that covers its view without gaps. The body offsets
// need not ascend (a reversed text maps backwards).
type OffsetMap []Run

// Raw returns the smallest stretch of the body that contains everything the view's bytes [start, end) came from.
// An empty stretch maps to the empty stretch before the byte at start.
func (m OffsetMap) Raw(start, end int) (rawStart, rawEnd int) {
	if len(m) == 0 {
		return start, end
	}
	last := max(end-1, start)
	first := true
	for i := m.Find(start); i < len(m) && m[i].ViewStart <= last; i++ {
		lo, hi := m[i].raw(start, last)
		if first || lo < rawStart {
			rawStart = lo
		}
		if first || hi > rawEnd {
			rawEnd = hi
		}
		first = false
	}
	if end <= start {
		rawEnd = rawStart
	}
	return rawStart, rawEnd
}

// Find returns the index of the run that holds the view byte at offset: of the last run if offset is behind them all, -1
// in an empty map.
func (m OffsetMap) Find(offset int) int {
	i := sort.Search(len(m), func(i int) bool { return m[i].ViewEnd() > offset })
	return min(i, len(m)-1)
}

// raw returns what the view bytes from start to last, both included, came from within this run.
func (r Run) raw(start, last int) (lo, hi int) {
	from := min(max(start-r.ViewStart, 0)/r.ViewUnit, r.Count-1)
	to := min(max(last-r.ViewStart, 0)/r.ViewUnit, r.Count-1)
	return r.RawStart + from*r.RawUnit, r.RawStart + (to+1)*r.RawUnit
}

// Raw returns the body bytes that [start, end) of the segment's view came from.
func (s *Segment) Raw(view, start, end int) (rawStart, rawEnd int) {
	v := &s.Views[view]
	if v.Map == nil {
		return s.Start + start, s.Start + end
	}
	return v.Map.Raw(start, end)
}

// Document is an event's body taken apart: what every detector reads, made once per event.
type Document struct {
	Segments []Segment
	// CanonicalDigest is SHA-256 over the RFC 8785 form, or empty when the body is not I-JSON. Empty matches nothing.
	CanonicalDigest string
	// Skipped lists what a limit kept from being taken apart. A document with skips is never wholly inspected.
	Skipped []Skipped
}

// Skipped is a part of an event that was not looked at.
type Skipped struct {
	Pointer string `json:"pointer"`
	Reason  string `json:"reason"`
}
