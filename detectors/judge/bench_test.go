package judge

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// BenchmarkSigns looks for signs in a definition of ordinary size, and in a text that is as large as an attacker likes.
func BenchmarkSigns(b *testing.B) {
	s := newSigns()
	for name, text := range map[string]string{
		"definition": "Tides of a harbour: high and low water for one day, with heights in metres. Times are local. The day is a date.",
		"256 KiB":    strings.Repeat("Tides of a harbour, as on the chart of the reviewer. ", 5000),
		"no spaces":  strings.Repeat("a\ue000", 64<<10),
	} {
		body, err := json.Marshal(map[string]string{"name": "tides", "description": text})
		if err != nil {
			b.Fatal(err)
		}
		doc, err := view.Build(body)
		if err != nil {
			b.Fatal(err)
		}
		in := &detectors.Input{Event: &models.Event{Kind: models.KindTool}, Segments: doc.Segments}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				s.find(in)
			}
		})
	}
}
