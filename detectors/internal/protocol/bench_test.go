package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
	"github.com/aad6b6dc/taster/models"
)

// typicalInputs returns events of about 1 KiB with 24 segments, one in eight with an escape and a normalised view.
func typicalInputs(n int) []detectors.Input {
	inputs := make([]detectors.Input, n)
	for i := range inputs {
		var body strings.Builder
		var segments []models.Segment
		body.WriteByte('{')
		for k := range 12 {
			name, value := fmt.Sprintf("property_%d", k), strings.Repeat("describes it ", 5)
			pointer := "/inputSchema/properties/" + name
			for part, text := range []string{name, value} {
				body.WriteByte('"')
				start := body.Len()
				s := models.Segment{Pointer: pointer, Key: part == 0, Start: start, End: start + len(text), Views: []models.View{{Kind: models.ViewRaw, Text: text}}}
				if k%4 == 0 && part == 1 {
					m := models.OffsetMap{{ViewStart: 0, RawStart: start, ViewUnit: 1, RawUnit: 1, Count: len(text)}}
					s.Views[0].Map = m
					s.Views = append(s.Views, models.View{Kind: models.ViewNormalised, Chain: []string{"nfkc"}, Text: text, Map: m})
				}
				segments = append(segments, s)
				body.WriteString(text)
				body.WriteString(`",`)
			}
		}
		inputs[i] = detectors.Input{Segments: segments, Event: &models.Event{
			Server: "server", Kind: models.KindTool, Object: fmt.Sprintf("tool_%d", i), Direction: models.ServerToClient,
			Body: json.RawMessage(body.String()),
		}}
	}
	return inputs
}

func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}

func BenchmarkConvert(b *testing.B) {
	inputs := typicalInputs(detectors.MaxBatchEvents)
	b.SetBytes(int64(len(inputs) * len(inputs[0].Event.Body)))
	b.ReportAllocs()
	for b.Loop() {
		r := &pb.DetectRequest{}
		fill(r, inputs)
		data, err := proto.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		var got pb.DetectRequest
		if err := proto.Unmarshal(data, &got); err != nil {
			b.Fatal(err)
		}
		if _, err := batchFromProto(&got); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, len(inputs))
}

func BenchmarkLine(b *testing.B) {
	for _, n := range []int{1, 16, detectors.MaxBatchEvents} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := connect(b, clean)
			batch := &detectors.Batch{Inputs: typicalInputs(n)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Detect(b.Context(), "d", time.Minute, batch); err != nil {
					b.Fatal(err)
				}
			}
			perEvent(b, n)
		})
	}
}
