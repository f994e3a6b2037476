package heuristic

import (
	"encoding/binary"
	"slices"

	"github.com/aad6b6dc/taster/detectors/heuristic/arguments"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/hiding"
	"github.com/aad6b6dc/taster/detectors/heuristic/noise"
	"github.com/aad6b6dc/taster/detectors/heuristic/purpose"
	"github.com/aad6b6dc/taster/detectors/heuristic/rendering"
	"github.com/aad6b6dc/taster/detectors/heuristic/requests"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/detectors/heuristic/schema"
	"github.com/aad6b6dc/taster/detectors/heuristic/secrets"
	"github.com/aad6b6dc/taster/detectors/heuristic/turns"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// checks are the groups of checks in code that look at the structure of whole events.
var checks = []*check.Group{arguments.Checks, schema.Checks, purpose.Checks, requests.Checks, rendering.Checks, hiding.Checks, noise.Checks, secrets.Checks, turns.Checks}

// groups makes the checks that read such an event.
func (e *examination) groups() {
	if e.event.Found == nil {
		e.event.Found, e.event.Signals = e.found, e.read
	}
	e.event.Reset(e.input)
	for _, g := range checks {
		if g.Reads(e.input.Event.Kind) {
			g.Examine(&e.event)
		}
	}
}

// found keeps a finding of a group, unless the same stretch has one of the class that is as strong; a weaker one it
// replaces.
func (e *examination) found(f models.Finding) {
	if e.without[f.Rule] {
		return
	}
	for i := range e.findings {
		if old := &e.findings[i]; old.Class == f.Class && e.sameStretch(old, &f) {
			if stronger(&f, old) {
				*old = f
			}
			return
		}
	}
	e.findings = append(e.findings, f)
	if len(e.findings) > 2*models.MaxFindings {
		e.keepStrongest()
	}
}

// sameStretch reports whether the first evidence of two findings overlaps.
func (e *examination) sameStretch(f, g *models.Finding) bool {
	return len(f.Evidence) > 0 && len(g.Evidence) > 0 && f.Evidence[0].Segment == g.Evidence[0].Segment && e.overlap(f.Evidence[0], g.Evidence[0])
}

// reading is where the hits of one view are kept.
type reading struct {
	from, to int
	known    bool
}

// forget makes room for the readings of all views of an event.
func (e *examination) forget() {
	e.hits, e.firstView, e.readings = e.hits[:0], e.firstView[:0], e.readings[:0]
	for i := range e.input.Segments {
		e.firstView = append(e.firstView, len(e.readings))
		for range e.input.Segments[i].Views {
			e.readings = append(e.readings, reading{})
		}
	}
}

// keep notes the hits of a view for the groups.
func (e *examination) keep(segment, view int, hits []directive.Hit) {
	from := len(e.hits)
	e.hits = append(e.hits, hits...)
	e.readings[e.firstView[segment]+view] = reading{from, len(e.hits), true}
}

// read returns the hits of a view: those that were kept, or of a text too short for rules, read now.
func (e *examination) read(segment, view int) []directive.Hit {
	r := &e.readings[e.firstView[segment]+view]
	if !r.known {
		e.keep(segment, view, e.memory.read(e.scanner, e.input.Segments[segment].Views[view].Text))
	}
	return e.hits[r.from:r.to:r.to]
}

// memory remembers what was read in short texts, whichever event they stand in: the same few hundred names and types make
// up most of all definitions.
type memory [512]remembered

// remembered is a text of less than minTextBytes bytes, its length, and its hits.
type remembered struct {
	text   [minTextBytes]byte
	length uint8
	count  uint8
	hits   [2]directive.Hit
}

// read returns what scanner reads in text, valid until the next call.
func (m *memory) read(scanner *rulepack.Scanner, text string) []directive.Hit {
	if len(text) >= minTextBytes {
		return scanner.Read(text)
	}
	var bytes [minTextBytes]byte
	copy(bytes[:], text)
	low, high := binary.LittleEndian.Uint64(bytes[:]), binary.LittleEndian.Uint32(bytes[8:])
	r := &m[(low^uint64(high)<<20)*0x9e3779b97f4a7c15>>55]
	if r.text == bytes && r.length == uint8(len(text)) {
		return r.hits[:r.count]
	}
	hits := scanner.Read(text)
	if len(hits) <= len(r.hits) && !slices.ContainsFunc(hits, named) {
		r.text, r.length, r.count = bytes, uint8(len(text)), uint8(copy(r.hits[:], hits))
	}
	return hits
}

// named reports a signal that depends on the names that the event defines.
func named(h directive.Hit) bool {
	return h.Signal == directive.Identifier || h.Signal == directive.Own || h.Signal == directive.Invoked
}
