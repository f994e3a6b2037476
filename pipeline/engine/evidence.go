package engine

import (
	"encoding/json"
	"strings"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
)

const (
	// maxPointerBytes limits a span's pointer, which a server makes as long as it likes; the raw offsets stay exact.
	maxPointerBytes = 1024
	// maxFindingsBytes is the share of [models.MaxVerdictBytes] that findings may take.
	maxFindingsBytes = models.MaxVerdictBytes / 2
	// maxEscapedBytes is what one byte of text takes in JSON at worst: \u00XX.
	maxEscapedBytes = 6
)

// resolve turns the spans of a validated outcome into pointers and bytes of the body, so that the outcome stands
// without the document. Nothing in it points into the document afterwards.
//
// Invariant 7: raw offsets are bytes of what the peer sent.
func resolve(o *models.Outcome, detector string, doc *models.Document, bodyBytes int, excerpts bool) {
	for i := range o.Findings {
		f := &o.Findings[i]
		f.Detector = detector
		for j := range f.Evidence {
			resolveSpan(&f.Evidence[j], doc, bodyBytes, excerpts)
		}
	}
	if len(doc.Skipped) > 0 {
		o.Skipped = capSkipped(append(append([]models.Skipped(nil), doc.Skipped...), o.Skipped...))
	}
	for i := range o.Skipped {
		o.Skipped[i].Pointer = strings.Clone(models.Truncate(o.Skipped[i].Pointer, maxPointerBytes))
	}
}

func resolveSpan(s *models.Span, doc *models.Document, bodyBytes int, excerpts bool) {
	segment := &doc.Segments[s.Segment]
	view := &segment.Views[s.View]
	rawStart, rawEnd := segment.Raw(s.View, s.Start, s.End)
	s.RawStart = min(max(rawStart, 0), bodyBytes)
	s.RawEnd = min(max(rawEnd, s.RawStart), bodyBytes)
	s.Pointer = strings.Clone(models.Truncate(segment.Pointer, maxPointerBytes))
	s.Key, s.ViewKind = segment.Key, view.Kind
	s.Chain = append([]string(nil), view.Chain...)
	s.Excerpt = ""
	if excerpts { // Invariant 11: masked, short, and only where policy wants them
		s.Excerpt = redact.Excerpt(view.Text, s.Start, s.End)
	}
}

// fit returns the findings that a verdict has room for, the gravest first, and the number of those left out. A finding
// that is too large alone stays with the first piece of its evidence, if that fits.
func fit(findings []models.Finding) (kept []models.Finding, omitted int) {
	if upperBound(findings) <= maxFindingsBytes {
		return findings, 0
	}
	room := maxFindingsBytes
	for _, f := range findings {
		size := jsonBytes(&f)
		if size > room && len(f.Evidence) > 1 {
			f.Evidence = f.Evidence[:1:1]
			size = jsonBytes(&f)
		}
		if size > room {
			omitted++
			continue
		}
		room -= size
		kept = append(kept, f)
	}
	return kept, omitted
}

// upperBound is at least what findings take as JSON, and cheap.
func upperBound(findings []models.Finding) int {
	n := 0
	for i := range findings {
		f := &findings[i]
		n += 400 + maxEscapedBytes*(len(f.Detector)+len(f.Rule)+len(f.Version)+len(f.Message))
		for _, s := range f.Evidence {
			n += 300 + maxEscapedBytes*(len(s.Pointer)+len(s.Excerpt))
			for _, c := range s.Chain {
				n += 3 + maxEscapedBytes*len(c)
			}
		}
		for _, c := range f.Counter {
			n += 100 + maxEscapedBytes*(len(c.Kind)+len(c.Message))
		}
	}
	return n
}

func jsonBytes(f *models.Finding) int {
	data, err := json.Marshal(f)
	if err != nil {
		return maxFindingsBytes + 1 // no such value passes Outcome.Validate; left out and counted all the same
	}
	return len(data) + 1
}
