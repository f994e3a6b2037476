package catalogue

import (
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

func BenchmarkJudge(b *testing.B) {
	body := []byte(`{"name": "plan_route", "description": "Plans a route over up to 25 points, preferring marked trails. Call list_maps first and pass the id of one of its maps; steep parts are shown in red.", "inputSchema": {"type": "object", "properties": {"points": {"type": "array", "description": "Points as latitude and longitude"}, "profile": {"type": "string", "enum": ["hike", "ride"], "description": "How the way is travelled"}}}}`)
	doc, err := view.Build(body)
	if err != nil {
		b.Fatal(err)
	}
	in := &detectors.Input{Event: &models.Event{Server: "trails", Kind: models.KindTool, Object: "plan_route", Body: body}, Segments: doc.Segments}
	p := newPeers(nil)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		judge(in, p)
	}
}
