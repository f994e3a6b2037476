package protocol

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
	"github.com/aad6b6dc/taster/models"
)

func specFromProto(s *pb.Spec) detectors.Spec {
	return detectors.Spec{
		Name: s.GetName(), Version: s.GetVersion(), Purpose: s.GetPurpose(), Stage: detectors.Stage(s.GetStage()),
		Classes: fromTexts[models.Class](s.GetClasses()), Kinds: fromTexts[models.Kind](s.GetKinds()),
		Context: fromTexts[detectors.Context](s.GetContext()), Deadline: microseconds(s.GetDeadlineUs()),
	}
}

// microseconds keeps a number too large for a duration too large for every limit.
func microseconds(us uint64) time.Duration {
	const most = uint64(1<<63-1) / uint64(time.Microsecond)
	return time.Duration(min(us, most)) * time.Microsecond
}

func fromTexts[S ~string](in []string) []S {
	if in == nil {
		return nil
	}
	out := make([]S, len(in))
	for i, s := range in {
		out[i] = S(s)
	}
	return out
}

// batchFromProto converts a request. The batch shares the request's memory: texts are slices of bodies, not copies.
func batchFromProto(r *pb.DetectRequest) (*detectors.Batch, error) {
	catalogues := make([]*models.Catalogue, len(r.GetCatalogues()))
	for i, c := range r.GetCatalogues() {
		catalogues[i] = catalogueFromProto(c)
	}
	chains := make([][]string, len(r.GetTransforms()))
	for i, t := range r.GetTransforms() {
		chains[i] = t.GetNames()
	}
	inputs := make([]detectors.Input, len(r.GetEvents()))
	events := make([]models.Event, len(inputs))
	for i, e := range r.GetEvents() {
		inputs[i].Event = &events[i]
		if err := inputFromProto(&inputs[i], e, catalogues, chains); err != nil {
			return nil, fmt.Errorf("reading event %d: %w", i, err)
		}
	}
	return &detectors.Batch{Inputs: inputs}, nil
}

func catalogueFromProto(c *pb.Catalogue) *models.Catalogue {
	to := &models.Catalogue{Digest: c.GetDigest(), Entries: make([]models.CatalogueObject, len(c.GetEntries()))}
	for i, o := range c.GetEntries() {
		to.Entries[i] = models.CatalogueObject{
			Server: stringOf(o.GetServer()), Kind: models.Kind(o.GetKind()), Name: stringOf(o.GetName()), Body: o.GetBody(),
		}
	}
	return to
}

func inputFromProto(to *detectors.Input, e *pb.Event, catalogues []*models.Catalogue, chains [][]string) error {
	*to.Event = models.Event{
		Server: stringOf(e.GetServer()), Kind: models.Kind(e.GetKind()), Object: stringOf(e.GetObject()),
		Direction: models.Direction(e.GetDirection()), Session: stringOf(e.GetSession()), Body: e.GetBody(),
	}
	to.Pin = models.PinState(e.GetPin())
	to.Skipped = skippedFromProto(e.GetSkipped())
	if c := int(e.GetCatalogue()); c > len(catalogues) {
		return fmt.Errorf("names catalogue %d of %d", c, len(catalogues))
	} else if c > 0 {
		to.Siblings = catalogues[c-1]
	}
	var err error
	to.Segments, err = segmentsFromProto(e, chains)
	return err
}

func segmentsFromProto(e *pb.Event, chains [][]string) ([]models.Segment, error) {
	n := len(e.GetSegmentStart())
	if len(e.GetSegmentEnd()) != n || len(e.GetSegmentKey()) != n || len(e.GetPointerStart()) != n || len(e.GetPointerEnd()) != n {
		return nil, errors.New("columns of segments differ in length")
	}
	more, err := newViewDecoder(e, chains)
	if err != nil || n == 0 {
		return nil, err
	}
	body, pointers := stringOf(e.GetBody()), stringOf(e.GetPointers())
	segments := make([]models.Segment, n)
	views := make([]models.View, 0, n+more.left())
	for i := range segments {
		s := &segments[i]
		text, ok := slice(body, e.GetSegmentStart()[i], e.GetSegmentEnd()[i])
		pointer, ok2 := slice(pointers, e.GetPointerStart()[i], e.GetPointerEnd()[i])
		if !ok || !ok2 {
			return nil, fmt.Errorf("segment %d is outside the body or the pointers", i)
		}
		s.Pointer, s.Key = pointer, e.GetSegmentKey()[i]
		s.Start, s.End = int(e.GetSegmentStart()[i]), int(e.GetSegmentEnd()[i])
		first := len(views)
		if !more.of(i) || more.kind() != models.ViewRaw {
			views = append(views, models.View{Kind: models.ViewRaw, Text: text})
		}
		for more.of(i) {
			v, err := more.next()
			if err != nil {
				return nil, fmt.Errorf("view of segment %d: %w", i, err)
			}
			views = append(views, v)
		}
		s.Views = views[first:len(views):len(views)]
	}
	if more.left() > 0 {
		return nil, errors.New("views are out of order")
	}
	return segments, nil
}

// slice cuts s, unless it is too short.
func slice(s string, start, end uint32) (string, bool) {
	if start > end || int(end) > len(s) {
		return "", false
	}
	return s[start:end], true
}

// viewDecoder reads an event's columns of views one view after the other.
type viewDecoder struct {
	event  *pb.Event
	chains [][]string
	texts  string
	k      int              // the next view
	runs   models.OffsetMap // of the views from k on
}

func newViewDecoder(e *pb.Event, chains [][]string) (*viewDecoder, error) {
	n := len(e.GetViewSegment())
	if len(e.GetViewKind()) != n || len(e.GetViewStart()) != n || len(e.GetViewEnd()) != n || len(e.GetViewTransforms()) != n || len(e.GetViewRuns()) != n {
		return nil, errors.New("columns of views differ in length")
	}
	runs, err := runsFromProto(e.GetRuns())
	return &viewDecoder{event: e, chains: chains, texts: stringOf(e.GetTexts()), runs: runs}, err
}

func runsFromProto(numbers []uint32) (models.OffsetMap, error) {
	if len(numbers)%runNumbers != 0 {
		return nil, fmt.Errorf("%d numbers for runs of %d", len(numbers), runNumbers)
	}
	runs := make(models.OffsetMap, len(numbers)/runNumbers)
	for i := range runs {
		r := numbers[i*runNumbers:]
		if r[2] == 0 || r[3] == 0 || r[4] == 0 {
			return nil, fmt.Errorf("run %d has a zero unit or count", i)
		}
		runs[i] = models.Run{
			ViewStart: int(r[0]), RawStart: int(r[1]), ViewUnit: int(r[2]), RawUnit: int(r[3]), Count: int(r[4]),
		}
	}
	return runs, nil
}

func (d *viewDecoder) left() int { return len(d.event.GetViewSegment()) - d.k }

// of reports whether the next view is one of a segment's.
func (d *viewDecoder) of(segment int) bool {
	return d.left() > 0 && int(d.event.GetViewSegment()[d.k]) == segment
}

func (d *viewDecoder) kind() models.ViewKind { return viewKindFromProto(d.event.GetViewKind()[d.k]) }

func (d *viewDecoder) next() (v models.View, err error) {
	e, k := d.event, d.k
	text, ok := slice(d.texts, e.GetViewStart()[k], e.GetViewEnd()[k])
	runs, chain := int(e.GetViewRuns()[k]), int(e.GetViewTransforms()[k])
	if !ok || runs > len(d.runs) || chain > len(d.chains) {
		return v, errors.New("its text, runs or transforms are not there")
	}
	v.Kind, v.Text = d.kind(), text
	if chain > 0 {
		v.Chain = d.chains[chain-1]
	}
	if runs > 0 {
		v.Map, d.runs = d.runs[:runs:runs], d.runs[runs:]
	}
	d.k++
	return v, nil
}

func viewKindFromProto(k pb.ViewKind) models.ViewKind {
	switch k {
	case pb.ViewKind_VIEW_KIND_RAW:
		return models.ViewRaw
	case pb.ViewKind_VIEW_KIND_NORMALISED:
		return models.ViewNormalised
	}
	return models.ViewDecoded
}

func skippedFromProto(skipped []*pb.Skipped) []models.Skipped {
	var to []models.Skipped
	for _, s := range skipped {
		to = append(to, models.Skipped{Pointer: stringOf(s.GetPointer()), Reason: s.GetReason()})
	}
	return to
}

func answerFromProto(a *pb.Answer) detectors.Answer {
	to := detectors.Answer{Revision: a.GetRevision(), Outcomes: make([]models.Outcome, len(a.GetOutcomes()))}
	for i, o := range a.GetOutcomes() {
		to.Outcomes[i] = models.Outcome{
			Status: statusFromProto(o.GetStatus()), Score: o.GetScore(), Reason: models.Reason(o.GetReason()),
			Detail: o.GetDetail(), Skipped: skippedFromProto(o.GetSkipped()),
		}
		for _, f := range o.GetFindings() {
			to.Outcomes[i].Findings = append(to.Outcomes[i].Findings, findingFromProto(f))
		}
	}
	return to
}

func findingFromProto(f *pb.Finding) models.Finding {
	to := models.Finding{
		Rule: f.GetRule(), Version: f.GetVersion(), Class: models.Class(f.GetClass()),
		Severity: models.Severity(f.GetSeverity()), Confidence: f.GetConfidence(), Message: f.GetMessage(),
	}
	for _, s := range f.GetEvidence() {
		to.Evidence = append(to.Evidence, models.Span{
			Segment: int(s.GetSegment()), View: int(s.GetView()), Start: int(s.GetStart()), End: int(s.GetEnd()),
		})
	}
	for _, c := range f.GetCounter() {
		to.Counter = append(to.Counter, models.CounterEvidence{Kind: c.GetKind(), Message: c.GetMessage(), Weight: c.GetWeight()})
	}
	return to
}

// statusFromProto returns a status that no outcome may have for one that it does not know.
func statusFromProto(s pb.Status) models.Status {
	switch s {
	case pb.Status_STATUS_FOUND:
		return models.StatusFound
	case pb.Status_STATUS_CLEAN:
		return models.StatusClean
	case pb.Status_STATUS_NOT_INSPECTED:
		return models.StatusNotInspected
	}
	return ""
}

func errorFromProto(e *pb.Error) *detectors.Error {
	to := &detectors.Error{
		Code: detectors.CodeInternal, Message: bounded(e.GetMessage()),
		RetryAfter: time.Duration(e.GetRetryAfterMs()) * time.Millisecond,
	}
	for code, sent := range codesToProto {
		if sent == e.GetCode() {
			to.Code = code
		}
	}
	return to
}

// stringOf returns b as a string without a copy. Nobody writes to a message's bytes.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
