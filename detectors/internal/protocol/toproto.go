package protocol

import (
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
	"github.com/aad6b6dc/taster/models"
)

func specToProto(s *detectors.Spec) *pb.Spec {
	return &pb.Spec{
		Name: s.Name, Version: s.Version, Purpose: s.Purpose, Stage: string(s.Stage),
		Classes: texts(s.Classes), Kinds: texts(s.Kinds), Context: texts(s.Context),
		DeadlineUs: uint64(s.Deadline.Microseconds()),
	}
}

// texts converts between slices of string types; nil stays nil.
func texts[S ~string](in []S) []string {
	if in == nil {
		return nil
	}
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

// fill puts inputs into a request without copying bodies: the request is valid as long as they are.
func fill(r *pb.DetectRequest, inputs []detectors.Input) {
	segments := 0
	for i := range inputs {
		segments += len(inputs[i].Segments)
	}
	e := eventEncoder{request: r, numbers: make([]uint32, 4*segments), keys: make([]bool, segments)}
	messages := make([]pb.Event, len(inputs))
	r.Events = make([]*pb.Event, len(inputs))
	for i := range inputs {
		e.encode(&messages[i], &inputs[i])
		r.Events[i] = &messages[i]
	}
}

// eventEncoder holds what the events of a request share: catalogues, transforms and the memory of their columns.
type eventEncoder struct {
	request  *pb.DetectRequest
	numbers  []uint32
	keys     []bool
	indexOf  map[*models.Catalogue]uint32 // index plus one
	byDigest map[string]uint32
}

func (e *eventEncoder) encode(to *pb.Event, in *detectors.Input) {
	ev := in.Event
	to.Server, to.Object, to.Session = bytesOf(ev.Server), bytesOf(ev.Object), bytesOf(ev.Session)
	to.Kind, to.Direction, to.Pin = string(ev.Kind), string(ev.Direction), string(in.Pin)
	to.Body = ev.Body
	to.Catalogue = e.catalogue(in.Siblings)
	to.Skipped = skippedToProto(in.Skipped)
	e.segments(to, in.Segments)
}

// column takes n entries from the batch's memory.
func (e *eventEncoder) column(n int) []uint32 {
	c := e.numbers[:n:n]
	e.numbers = e.numbers[n:]
	return c
}

func (e *eventEncoder) segments(to *pb.Event, segments []models.Segment) {
	n := len(segments)
	if n == 0 {
		return
	}
	to.SegmentStart, to.SegmentEnd = e.column(n), e.column(n)
	to.PointerStart, to.PointerEnd = e.column(n), e.column(n)
	to.SegmentKey, e.keys = e.keys[:n:n], e.keys[n:]
	to.Pointers = make([]byte, 0, pointerBytes(segments))
	for i := range segments {
		s := &segments[i]
		to.SegmentStart[i], to.SegmentEnd[i], to.SegmentKey[i] = uint32(s.Start), uint32(s.End), s.Key
		if i > 0 && s.Pointer == segments[i-1].Pointer {
			to.PointerStart[i], to.PointerEnd[i] = to.PointerStart[i-1], to.PointerEnd[i-1]
		} else {
			to.PointerStart[i] = uint32(len(to.Pointers))
			to.Pointers = append(to.Pointers, s.Pointer...)
			to.PointerEnd[i] = uint32(len(to.Pointers))
		}
	}
	e.views(to, segments)
}

// travels reports whether view j of a segment is sent: all but what the body says anyway.
func travels(s *models.Segment, j int) bool {
	v := &s.Views[j]
	return j > 0 || v.Map != nil || len(v.Text) != s.End-s.Start
}

func (e *eventEncoder) views(to *pb.Event, segments []models.Segment) {
	count, text, runs := viewSizes(segments)
	if count == 0 {
		return
	}
	memory := make([]uint32, 5*count)
	column := func(k int) []uint32 { return memory[k*count : (k+1)*count : (k+1)*count] }
	to.ViewSegment, to.ViewStart, to.ViewEnd, to.ViewTransforms, to.ViewRuns = column(0), column(1), column(2), column(3), column(4)
	to.ViewKind, to.Texts, to.Runs = make([]pb.ViewKind, count), make([]byte, 0, text), make([]uint32, 0, runNumbers*runs)
	k := 0
	for i := range segments {
		for j := range segments[i].Views {
			if !travels(&segments[i], j) {
				continue
			}
			v := &segments[i].Views[j]
			to.ViewSegment[k], to.ViewKind[k] = uint32(i), viewKindToProto(v.Kind)
			to.ViewStart[k] = uint32(len(to.Texts))
			to.Texts = append(to.Texts, v.Text...)
			to.ViewEnd[k] = uint32(len(to.Texts))
			to.ViewTransforms[k], to.ViewRuns[k] = e.transforms(v.Chain), uint32(len(v.Map))
			for _, r := range v.Map {
				to.Runs = append(to.Runs, uint32(r.ViewStart), uint32(r.RawStart), uint32(r.ViewUnit), uint32(r.RawUnit), uint32(r.Count))
			}
			k++
		}
	}
}

// viewSizes counts the views that travel, the bytes of their texts and their runs.
func viewSizes(segments []models.Segment) (count, text, runs int) {
	for i := range segments {
		for j := range segments[i].Views {
			if travels(&segments[i], j) {
				v := &segments[i].Views[j]
				count, text, runs = count+1, text+len(v.Text), runs+len(v.Map)
			}
		}
	}
	return count, text, runs
}

// transforms returns the index plus one of a chain among the request's, adding it if it is new. There are few.
func (e *eventEncoder) transforms(chain []string) uint32 {
	if len(chain) == 0 {
		return 0
	}
	for i, t := range e.request.Transforms {
		if slices.Equal(t.Names, chain) {
			return uint32(i + 1)
		}
	}
	e.request.Transforms = append(e.request.Transforms, &pb.Transforms{Names: chain})
	return uint32(len(e.request.Transforms))
}

func viewKindToProto(k models.ViewKind) pb.ViewKind {
	switch k {
	case models.ViewRaw:
		return pb.ViewKind_VIEW_KIND_RAW
	case models.ViewNormalised:
		return pb.ViewKind_VIEW_KIND_NORMALISED
	case models.ViewDecoded:
		return pb.ViewKind_VIEW_KIND_DECODED
	}
	return pb.ViewKind_VIEW_KIND_UNSPECIFIED
}

func pointerBytes(segments []models.Segment) int {
	n := 0
	for i := range segments {
		if i == 0 || segments[i].Pointer != segments[i-1].Pointer {
			n += len(segments[i].Pointer)
		}
	}
	return n
}

// runNumbers is how many numbers a run has in a message.
const runNumbers = 5

func skippedToProto(skipped []models.Skipped) []*pb.Skipped {
	var to []*pb.Skipped
	for _, s := range skipped {
		to = append(to, &pb.Skipped{Pointer: bytesOf(s.Pointer), Reason: printable(s.Reason)})
	}
	return to
}

// catalogue returns the index plus one of c among the request's, adding it if it is new.
func (e *eventEncoder) catalogue(c *models.Catalogue) uint32 {
	if c == nil {
		return 0
	}
	if i, ok := e.indexOf[c]; ok {
		return i
	}
	if e.indexOf == nil {
		e.indexOf, e.byDigest = map[*models.Catalogue]uint32{}, map[string]uint32{}
	}
	i, ok := e.byDigest[c.Digest]
	if !ok {
		e.request.Catalogues = append(e.request.Catalogues, catalogueToProto(c))
		i = uint32(len(e.request.Catalogues))
		e.byDigest[c.Digest] = i
	}
	e.indexOf[c] = i
	return i
}

func catalogueToProto(c *models.Catalogue) *pb.Catalogue {
	to := &pb.Catalogue{Digest: c.Digest, Entries: make([]*pb.CatalogueObject, len(c.Entries))}
	for i := range c.Entries {
		o := &c.Entries[i]
		to.Entries[i] = &pb.CatalogueObject{
			Server: bytesOf(o.Server), Kind: string(o.Kind), Name: bytesOf(o.Name), Body: o.Body,
		}
	}
	return to
}

func answerToProto(a *detectors.Answer) *pb.Answer {
	to := &pb.Answer{Revision: printable(a.Revision), Outcomes: make([]*pb.Outcome, len(a.Outcomes))}
	messages := make([]pb.Outcome, len(a.Outcomes))
	for i := range a.Outcomes {
		o, m := &a.Outcomes[i], &messages[i]
		m.Status, m.Score = statusToProto(o.Status), o.Score
		m.Reason, m.Detail = printable(string(o.Reason)), printable(o.Detail)
		m.Skipped = skippedToProto(o.Skipped)
		for j := range o.Findings {
			m.Findings = append(m.Findings, findingToProto(&o.Findings[j]))
		}
		to.Outcomes[i] = m
	}
	return to
}

func findingToProto(f *models.Finding) *pb.Finding {
	to := &pb.Finding{
		Rule: printable(f.Rule), Version: printable(f.Version), Class: printable(string(f.Class)),
		Severity: printable(string(f.Severity)), Confidence: f.Confidence, Message: printable(f.Message),
	}
	for _, s := range f.Evidence {
		to.Evidence = append(to.Evidence, &pb.Span{
			Segment: offset(s.Segment), View: offset(s.View), Start: offset(s.Start), End: offset(s.End),
		})
	}
	for _, c := range f.Counter {
		to.Counter = append(to.Counter, &pb.CounterEvidence{Kind: printable(c.Kind), Message: printable(c.Message), Weight: c.Weight})
	}
	return to
}

// offset makes a number that no event can have out of one that does not fit, so that a mistake stays one.
func offset(n int) uint32 {
	const none = 1<<32 - 1
	if n < 0 || n > none {
		return none
	}
	return uint32(n)
}

func statusToProto(s models.Status) pb.Status {
	switch s {
	case models.StatusFound:
		return pb.Status_STATUS_FOUND
	case models.StatusClean:
		return pb.Status_STATUS_CLEAN
	case models.StatusNotInspected:
		return pb.Status_STATUS_NOT_INSPECTED
	}
	return pb.Status_STATUS_UNSPECIFIED
}

// codesToProto has the codes that a plugin may send; anything else arrives as [detectors.CodeInternal].
var codesToProto = map[detectors.Code]pb.Code{
	detectors.CodeInternal:    pb.Code_CODE_INTERNAL,
	detectors.CodeUnavailable: pb.Code_CODE_UNAVAILABLE,
	detectors.CodeOverloaded:  pb.Code_CODE_OVERLOADED,
	detectors.CodeTooLarge:    pb.Code_CODE_TOO_LARGE,
	detectors.CodeDeadline:    pb.Code_CODE_DEADLINE,
}

func errorToProto(err error) *pb.Error {
	e := detectors.AsError(err)
	code, ok := codesToProto[e.Code]
	if !ok {
		code = pb.Code_CODE_INTERNAL
	}
	retry := (e.RetryAfter + time.Millisecond - 1) / time.Millisecond
	return &pb.Error{Code: code, Message: printable(bounded(e.Message)), RetryAfterMs: offset(int(retry))}
}

// bounded cuts a message for a person to what a verdict may hold.
func bounded(s string) string { return models.Truncate(s, models.MaxDetailBytes) }

// printable replaces what is not UTF-8, byte for byte: a message with it could not be sent.
func printable(s string) string { return strings.ToValidUTF8(s, "?") }

// bytesOf returns the bytes of s without a copy. Nobody writes to a message's bytes.
func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
