// Package view takes an event's body apart into segments, and each segment into views.
//
// # Segments
//
// Every string of the body, member names as well as values, becomes a segment, in the order of the bytes: duplicate keys,
// unknown members and names included. Numbers, booleans and null do not. The raw view of a segment is always valid
// UTF-8: a byte that is not, and a lone surrogate, reads as U+FFFD there, and its place in the body stays known.
//
// Images, audio and files are not read: they stand in Document.Skipped.
//
// # Normalised views
//
// One normalised view undoes what hides text from a reader or a rule while a model still reads it: terminal escapes and
// control characters, invisible characters, compatibility forms, stacked marks, look-alikes. Joiners in Persian or Hindi,
// emoji sequences and bidirectional marks go too; whether they were suspicious is for a detector to say, from the raw view.
// A second one, with "words" in its chain, spells out an identifier of four or more words (read_ssh_key_and_put) as a
// sentence, since models take instructions from names.
//
// # Decoded views
//
// A decoded view shows text that an encoding hides, and only that: what was found in one, was hidden. Base64, base32,
// base58, base85, hex and other lists of codes, rot13 and other shifts, reversed text, Morse code, leet, letters that stand
// apart, the spelling alphabet and invisible alphabets yield the text of the encoded parts alone, one part per line. So do
// files in base64: what their metadata and compressed parts say. Percent, HTML and backslash escapes, which stand for
// single characters, and words with gaps yield the whole segment with the escapes resolved. Decoding goes on in what was
// decoded, [MaxDecodings] deep. What decodes to something other than text (digests, pixels, keys, signatures) makes no view.
//
// Everything here is a pure function of the body, safe to call concurrently.
package view

import (
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Limits on what one document is taken apart into. What a limit cuts is listed in Document.Skipped.
const (
	// MaxDepth is how deep objects and arrays may be nested; strings below are skipped.
	MaxDepth = 512
	// MaxSegments is the largest number of segments.
	MaxSegments = 1 << 16
	// MaxPointerBytes limits the pointers of all segments together, the pointer that name and value share counted once.
	MaxPointerBytes = 16 << 20
	// MaxViewBytes limits the normalised and decoded views of all segments together: their text, and 16 bytes for each
	// run of their maps.
	MaxViewBytes = 16 << 20
	// MaxViews limits the views of one segment.
	MaxViews = 16
	// MaxDecodings is how many encodings one decoded view may have undone.
	MaxDecodings = 3

	maxNesting = 10000 // as encoding/json has it
	maxSkipped = 64
	runBytes   = 16
)

const (
	reasonDepth    = "nested deeper than 512 levels"
	reasonSegments = "more than 65536 strings: none is taken apart from here on"
	reasonPointers = "pointers over 16 MiB: some strings are left out from here on"
	reasonViews    = "views over 16 MiB: some are left out from here on"
	reasonFanOut   = "more than 16 views of one string"
	reasonSkips    = "more than 64 parts are skipped"
)

// Build takes a body apart. It returns a [*SyntaxError] if body is not one JSON value, or nested deeper than 10,000
// levels; every other oddity survives.
func Build(body []byte) (*models.Document, error) {
	s := scanner{
		body:      string(body),
		doc:       &models.Document{},
		budget:    budget{segments: MaxSegments, pointers: MaxPointerBytes, views: MaxViewBytes},
		canonical: newCanonical(len(body)),
	}
	room := min(strings.Count(s.body, `"`)/2, MaxSegments)
	s.doc.Segments = make([]models.Segment, 0, room)
	s.views = make([]models.View, 0, room)
	if err := s.document(); err != nil {
		return nil, err
	}
	s.skipBinary()
	s.doc.CanonicalDigest = s.canonical.digest(body)
	return s.doc, nil
}

// shortest is the length below which a text without any oddity can hide nothing.
const shortest = minWords * minWordBytes

// read adds the views that differ from the raw one.
func (s *scanner) read(seg *models.Segment) {
	raw := seg.Views[0]
	f := survey(raw.Text)
	if f&^hasSpace == 0 && len(raw.Text) < shortest {
		return
	}
	r := reading{text: raw.Text, start: seg.Start, runs: raw.Map}
	clean, cleanFeatures := normalise(r, f)
	s.view(seg, models.ViewNormalised, clean)
	if b := words(clean.text); b != nil {
		s.view(seg, models.ViewNormalised, clean.then("words", b))
	}
	s.decode(seg, r, f, hidden, 1)
	s.decode(seg, clean, cleanFeatures, encodings, 1)
}

// decode adds what each decoder finds in r, whose features are f, and goes on in what it finds.
func (s *scanner) decode(seg *models.Segment, r reading, f features, decoders []decoder, depth int) {
	for _, d := range decoders {
		if d.needs != 0 && !f.has(d.needs) || d.idle(r.text) {
			continue
		}
		b := d.apply(r.text)
		if b == nil {
			continue
		}
		found := r.then(d.name, b)
		if !s.view(seg, models.ViewDecoded, found) {
			continue
		}
		f := survey(found.text)
		clean, cleanFeatures := normalise(found, f)
		s.view(seg, models.ViewDecoded, clean)
		if depth < MaxDecodings {
			s.decode(seg, found, f, hidden, depth+1)
			s.decode(seg, clean, cleanFeatures, encodings, depth+1)
		}
	}
}

// view adds r to the segment unless it reads as a view that is already there. It reports whether it did.
func (s *scanner) view(seg *models.Segment, kind models.ViewKind, r reading) bool {
	if r.text == "" {
		return false
	}
	for i := range seg.Views {
		if seg.Views[i].Text == r.text {
			return false
		}
	}
	cost := len(r.text) + runBytes*len(r.runs)
	switch {
	case len(seg.Views) == MaxViews:
		s.skipRest(reasonFanOut)
		return false
	case s.budget.views < cost:
		s.skipRest(reasonViews)
		return false
	}
	s.budget.views -= cost
	seg.Views = append(seg.Views, models.View{Kind: kind, Chain: r.chain, Text: r.text, Map: r.runs})
	return true
}
