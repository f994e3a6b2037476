package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
)

// kibTools is a batch of 256 different tools of about 1 KiB each.
func kibTools(batch int) []Job {
	jobs := make([]Job, 256)
	for i := range jobs {
		body, err := json.Marshal(map[string]any{
			"name":        fmt.Sprintf("tide_%d_%d", batch, i),
			"description": strings.Repeat("Returns the tide at a harbour for a day and the wind. ", 12),
			"inputSchema": map[string]any{"type": "object", "properties": map[string]any{
				"harbour": map[string]any{"type": "string", "description": "Name of the harbour as the list of harbours has it."},
				"day":     map[string]any{"type": "string", "format": "date", "description": "The day, today if it is left out."},
				"unit":    map[string]any{"type": "string", "enum": []string{"metre", "foot"}, "default": "metre"},
			}, "required": []string{"harbour"}},
		})
		if err != nil {
			panic(err)
		}
		jobs[i] = Job{Event: models.Event{Server: "harbour", Kind: models.KindTool, Body: body}, EventID: fmt.Sprint(i), Sequence: uint64(i + 1)}
	}
	return jobs
}

func benchmarkJudge(b *testing.B, batches int, slots ...Slot) {
	e := newEngine(b, Settings{Slots: slots, CacheEntries: 256 * len(slots)})
	e.bodies.maxEntries = 256
	work := make([][]Job, batches)
	for i := range work {
		work[i] = kibTools(i)
	}
	b.ReportAllocs()
	b.SetBytes(int64(256 * len(work[0][0].Event.Body)))
	for i := 0; b.Loop(); i++ {
		e.Judge(b.Context(), work[i%batches])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/event")
}

// BenchmarkJudge measures batches of 256 tools of 1 KiB with detectors that do nothing: cached, the same batch over and
// over; uncached, sixteen batches and a memory for one.
func BenchmarkJudge(b *testing.B) {
	var slots []Slot
	for i := range 6 {
		slots = append(slots, slotOf(fmt.Sprintf("noop-%d", i), clean()))
	}
	b.Run("cached/1", func(b *testing.B) { benchmarkJudge(b, 1, slots[0]) })
	b.Run("cached/6", func(b *testing.B) { benchmarkJudge(b, 1, slots...) })
	b.Run("uncached/1", func(b *testing.B) { benchmarkJudge(b, 16, slots[0]) })
	b.Run("uncached/6", func(b *testing.B) { benchmarkJudge(b, 16, slots...) })
}
