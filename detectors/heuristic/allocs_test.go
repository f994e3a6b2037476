//go:build !race

package heuristic

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Judging a definition of a tool that is harmless leaves next to nothing behind, once the detector has seen some. Pools
// forget at random where races are looked for.
func TestHarmlessLeavesNothing(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/harmless.txtar")
	if err != nil {
		t.Fatal(err)
	}
	e := &examination{scanner: compileEmbedded(t).Scanner()}
	judged, allocations := 0, 0.0
	for _, s := range archive.Files {
		if !strings.HasSuffix(s.Name, ".tool.json") {
			continue
		}
		doc, err := view.Build(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		in := &detectors.Input{Event: &models.Event{Kind: models.KindTool, Body: s.Data}, Segments: doc.Segments}
		if len(e.judge(in).Findings) > 0 {
			continue
		}
		judged++
		allocations += testing.AllocsPerRun(20, func() { e.judge(in) })
	}
	if judged == 0 || allocations > 0.1*float64(judged) {
		t.Errorf("%v allocations for %d definitions", allocations, judged)
	}
}
