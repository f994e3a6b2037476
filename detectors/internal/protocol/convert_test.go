package protocol

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
	"github.com/aad6b6dc/taster/models"
)

// anyBytes draws text of which nothing promises UTF-8, as a peer sends it.
var anyBytes = rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) })

func drawMap(t *rapid.T) models.OffsetMap {
	number := rapid.IntRange(1, 1<<22)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Run {
		return models.Run{
			ViewStart: number.Draw(t, "view") - 1, RawStart: number.Draw(t, "raw") - 1,
			ViewUnit: number.Draw(t, "view unit"), RawUnit: number.Draw(t, "raw unit"), Count: number.Draw(t, "count"),
		}
	}), 1, 3).Draw(t, "map")
}

func drawView(kind models.ViewKind) *rapid.Generator[models.View] {
	return rapid.Custom(func(t *rapid.T) models.View {
		v := models.View{Kind: kind, Text: anyBytes.Draw(t, "text"), Map: drawMap(t)}
		if kind != models.ViewRaw {
			v.Chain = rapid.SliceOfN(rapid.SampledFrom([]string{"nfkc", "base64"}), 1, 3).Draw(t, "chain")
		}
		return v
	})
}

func drawSegment(t *rapid.T, body string) models.Segment {
	start := rapid.IntRange(0, len(body)).Draw(t, "start")
	end := rapid.IntRange(start, len(body)).Draw(t, "end")
	s := models.Segment{
		Pointer: anyBytes.Draw(t, "pointer"), Key: rapid.Bool().Draw(t, "key"), Start: start, End: end,
		Views: []models.View{{Kind: models.ViewRaw, Text: body[start:end]}},
	}
	if rapid.Bool().Draw(t, "escaped") {
		s.Views[0] = drawView(models.ViewRaw).Draw(t, "raw")
	}
	more := drawView(rapid.SampledFrom([]models.ViewKind{models.ViewNormalised, models.ViewDecoded}).Draw(t, "kind"))
	s.Views = append(s.Views, rapid.SliceOfN(more, 0, 2).Draw(t, "views")...)
	return s
}

func drawInput(t *rapid.T, catalogues []*models.Catalogue) detectors.Input {
	body := string(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "body"))
	in := detectors.Input{
		Event: &models.Event{
			Server: anyBytes.Draw(t, "server"), Kind: rapid.SampledFrom(models.Kinds()).Draw(t, "kind"),
			Object: anyBytes.Draw(t, "object"), Direction: models.ServerToClient, Session: anyBytes.Draw(t, "session"),
			Body: json.RawMessage(body),
		},
		Pin: rapid.SampledFrom([]models.PinState{"", models.PinMatch, models.PinMismatch, models.Unpinned}).Draw(t, "pin"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "segments") {
		s := drawSegment(t, body)
		if n := len(in.Segments); n > 0 && rapid.Bool().Draw(t, "same pointer") {
			s.Pointer = in.Segments[n-1].Pointer
		}
		in.Segments = append(in.Segments, s)
	}
	for range rapid.IntRange(0, 2).Draw(t, "skipped") {
		in.Skipped = append(in.Skipped, models.Skipped{Pointer: anyBytes.Draw(t, "pointer"), Reason: "too deep"})
	}
	if i := rapid.IntRange(-1, len(catalogues)-1).Draw(t, "catalogue"); i >= 0 {
		in.Siblings = catalogues[i]
	}
	return in
}

// wire sends a message over the wire and back.
func wire[M proto.Message](t interface{ Fatal(...any) }, sent, received M) M {
	data, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(data, received); err != nil {
		t.Fatal(err)
	}
	return received
}

func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := func(name string) []models.CatalogueObject {
			return []models.CatalogueObject{{Server: "s\xff", Kind: models.KindTool, Name: name, Body: json.RawMessage(`{}`)}}
		}
		catalogues := []*models.Catalogue{models.NewCatalogue(entry("a")), models.NewCatalogue(append(entry("b"), entry("c\xfe")...))}
		var inputs []detectors.Input
		for range rapid.IntRange(0, 4).Draw(t, "inputs") {
			inputs = append(inputs, drawInput(t, catalogues))
		}
		r := &pb.DetectRequest{}
		fill(r, inputs)
		batch, err := batchFromProto(wire(t, r, &pb.DetectRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if len(inputs) == 0 {
			inputs = []detectors.Input{}
		}
		if diff := cmp.Diff(inputs, batch.Inputs); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestCatalogueTravelsOnce(t *testing.T) {
	one := models.NewCatalogue([]models.CatalogueObject{{Server: "s", Name: "a", Body: json.RawMessage(`{}`)}})
	same := models.NewCatalogue(one.Entries)
	inputs := make([]detectors.Input, 5)
	for i := range inputs {
		inputs[i] = detectors.Input{Event: &models.Event{}, Siblings: one}
	}
	inputs[4].Siblings = same // another value, the same digest
	r := &pb.DetectRequest{}
	fill(r, inputs)
	if n := len(r.GetCatalogues()); n != 1 {
		t.Errorf("%d catalogues, want 1", n)
	}
	batch, err := batchFromProto(r)
	if err != nil {
		t.Fatal(err)
	}
	if batch.Inputs[0].Siblings != batch.Inputs[4].Siblings {
		t.Error("two events of one catalogue have two")
	}
}

func TestUnchangedTextsDoNotTravel(t *testing.T) {
	body := `{"name":"add"}`
	inputs := []detectors.Input{{Event: &models.Event{Body: json.RawMessage(body)}, Segments: []models.Segment{
		{Pointer: "/name", Key: true, Start: 2, End: 6, Views: []models.View{{Kind: models.ViewRaw, Text: "name"}}},
		{Pointer: "/name", Start: 9, End: 12, Views: []models.View{{Kind: models.ViewRaw, Text: "add"}}},
	}}}
	r := &pb.DetectRequest{}
	fill(r, inputs)
	if n := len(r.GetEvents()[0].GetViewSegment()); n != 0 {
		t.Errorf("%d views travel, want none", n)
	}
	if got := string(r.GetEvents()[0].GetPointers()); got != "/name" {
		t.Errorf("pointers %q, want the shared one once", got)
	}
}

func TestAnswerRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 20, 40)
	number := rapid.IntRange(0, 1<<22)
	finding := rapid.Custom(func(t *rapid.T) models.Finding {
		f := models.Finding{
			Rule: text.Draw(t, "rule"), Version: text.Draw(t, "version"), Class: "A1", Severity: models.SeverityHigh,
			Confidence: rapid.Float64Range(0, 1).Draw(t, "confidence"), Message: text.Draw(t, "message"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "spans") {
			f.Evidence = append(f.Evidence, models.Span{
				Segment: number.Draw(t, "segment"), View: number.Draw(t, "view"), Start: number.Draw(t, "start"), End: number.Draw(t, "end"),
			})
			f.Counter = append(f.Counter, models.CounterEvidence{Kind: text.Draw(t, "kind"), Message: text.Draw(t, "message"), Weight: 0.25})
		}
		return f
	})
	outcome := rapid.Custom(func(t *rapid.T) models.Outcome {
		switch rapid.IntRange(0, 2).Draw(t, "status") {
		case 0:
			return models.Clean()
		case 1:
			o := models.NotInspected(models.ReasonUnsupported, text.Draw(t, "detail"))
			o.Skipped = []models.Skipped{{Pointer: anyBytes.Draw(t, "pointer"), Reason: "image"}}
			return o
		}
		o := models.Found(rapid.SliceOfN(finding, 1, 3).Draw(t, "findings")...)
		o.Score = rapid.Float64Range(0, 1).Draw(t, "score")
		return o
	})
	rapid.Check(t, func(t *rapid.T) {
		want := detectors.Answer{Revision: text.Draw(t, "revision"), Outcomes: rapid.SliceOfN(outcome, 0, 4).Draw(t, "outcomes")}
		got := answerFromProto(wire(t, answerToProto(&want), &pb.Answer{}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSpecRoundTrip(t *testing.T) {
	specs := []detectors.Spec{
		{},
		{
			Name: "n", Version: "1.2.3", Purpose: "P.", Classes: []models.Class{"A1", "X-a-b"}, Kinds: models.Kinds(),
			Stage: detectors.Deep, Context: []detectors.Context{detectors.ContextPin}, Deadline: 1500 * time.Microsecond,
		},
	}
	for _, want := range specs {
		got := specFromProto(wire(t, specToProto(&want), &pb.Spec{}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	huge := specFromProto(&pb.Spec{DeadlineUs: 1<<64 - 1})
	if huge.Deadline <= detectors.MaxDeadline {
		t.Errorf("an enormous deadline became %v", huge.Deadline)
	}
}

func TestErrorRoundTrip(t *testing.T) {
	tests := []struct {
		sent error
		want detectors.Error
	}{
		{&detectors.Error{Code: detectors.CodeOverloaded, Message: "later", RetryAfter: 1500 * time.Millisecond},
			detectors.Error{Code: detectors.CodeOverloaded, Message: "later", RetryAfter: 1500 * time.Millisecond}},
		{&detectors.Error{Code: detectors.CodeOverloaded, RetryAfter: time.Microsecond},
			detectors.Error{Code: detectors.CodeOverloaded, RetryAfter: time.Millisecond}},
		{errors.New("bad \xff"), detectors.Error{Code: detectors.CodeInternal, Message: "bad ?"}},
		// What only the host may say of a plugin is an internal error from the plugin's mouth.
		{&detectors.Error{Code: detectors.CodeCircuitOpen}, detectors.Error{Code: detectors.CodeInternal}},
	}
	for _, tt := range tests {
		got := errorFromProto(wire(t, errorToProto(tt.sent), &pb.Error{}))
		if diff := cmp.Diff(tt.want, *got); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzBatchFromProto(f *testing.F) {
	body := []byte(`{"a":"b"}`)
	for _, r := range []*pb.DetectRequest{
		{},
		{Events: []*pb.Event{{Body: body, SegmentStart: []uint32{2}, SegmentEnd: []uint32{3}, SegmentKey: []bool{true},
			PointerStart: []uint32{0}, PointerEnd: []uint32{2}, Pointers: []byte("/a"),
			ViewSegment: []uint32{0}, ViewKind: []pb.ViewKind{pb.ViewKind_VIEW_KIND_RAW}, ViewStart: []uint32{0}, ViewEnd: []uint32{1},
			Texts: []byte("x"), ViewTransforms: []uint32{1}, ViewRuns: []uint32{1}, Runs: []uint32{0, 2, 1, 1, 1}}},
			Transforms: []*pb.Transforms{{Names: []string{"nfkc"}}}},
		{Events: []*pb.Event{{Body: body, SegmentStart: []uint32{9}, SegmentEnd: []uint32{8}, SegmentKey: []bool{true}, PointerStart: []uint32{0}, PointerEnd: []uint32{0}}}},
		{Events: []*pb.Event{{Catalogue: 3, ViewSegment: []uint32{7}}}},
	} {
		data, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r pb.DetectRequest
		if proto.Unmarshal(data, &r) != nil {
			return
		}
		batch, err := batchFromProto(&r)
		if err != nil {
			return
		}
		for _, in := range batch.Inputs {
			for _, s := range in.Segments {
				if s.Start > s.End || s.End > len(in.Event.Body) || len(s.Views) == 0 {
					t.Fatalf("segment %+v of a body of %d bytes", s, len(in.Event.Body))
				}
				for v := range s.Views {
					s.Raw(v, 0, len(s.Views[v].Text))
				}
			}
		}
	})
}
