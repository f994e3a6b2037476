package heuristic

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check/checktest"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// FuzzNeeds makes the checks of all groups with and without asking for what they need.
func FuzzNeeds(f *testing.F) {
	for _, body := range seeds(f) {
		for kind := range models.Kinds() {
			f.Add(body, uint8(kind))
		}
	}
	kinds := models.Kinds()
	f.Fuzz(func(t *testing.T, body []byte, kind uint8) {
		for _, g := range checks {
			checktest.Rules(t, g, kinds[int(kind)%len(kinds)], body)
		}
	})
}

// seeds are the bodies of all cases.
func seeds(f *testing.F) (bodies [][]byte) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range archive.Files {
			if filepath.Ext(s.Name) == ".json" {
				bodies = append(bodies, s.Data)
			}
		}
	}
	if len(bodies) == 0 {
		f.Fatal("no seeds")
	}
	return bodies
}

// FuzzDetect judges arbitrary bodies as each kind: no panic, and only outcomes that keep the contract.
func FuzzDetect(f *testing.F) {
	for i, body := range seeds(f) {
		f.Add(body, uint8(i))
	}
	f.Add([]byte(`"`+"\U0001f3f4\U000e0067\u200d\ufe0f\u202e"+`<!-- ![](http{}"`), uint8(0))
	d := newTestDetector(f)
	kinds := models.Kinds()
	f.Fuzz(func(t *testing.T, body []byte, kind uint8) {
		doc, err := view.Build(body)
		if err != nil {
			t.Skip()
		}
		ev := &models.Event{Server: "server", Kind: kinds[int(kind)%len(kinds)], Body: body}
		answer, err := d.Detect(t.Context(), &detectors.Batch{Inputs: []detectors.Input{{Event: ev, Segments: doc.Segments}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Outcomes[0].Validate(doc.Segments); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkHarmless reads the harmless cases.
func BenchmarkHarmless(b *testing.B) { benchmark(b, "testdata/harmless.txtar") }

// BenchmarkAttacks reads the textbook cases: every text is full of signals.
func BenchmarkAttacks(b *testing.B) { benchmark(b, "testdata/textbook.txtar") }

func benchmark(b *testing.B, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var batch detectors.Batch
	bytes := 0
	for _, s := range archive.Files {
		if filepath.Ext(s.Name) != ".json" {
			continue
		}
		doc, err := view.Build(s.Data)
		if err != nil {
			b.Fatal(err)
		}
		batch.Inputs = append(batch.Inputs, detectors.Input{Event: &models.Event{Kind: models.KindTool, Body: s.Data}, Segments: doc.Segments})
		bytes += len(s.Data)
	}
	d := newTestDetector(b)
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Detect(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
}
