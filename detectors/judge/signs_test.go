package judge

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// TestSignsOnCorpus looks for signs in the harmless rows of our corpus that are not kept for tests. They are made to resemble
// attacks, some of them attacks on a judge.
func TestSignsOnCorpus(t *testing.T) {
	files, err := filepath.Glob("../../corpus/data/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	s := newSigns()
	found, all := 0, 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			var row struct {
				ID, Split string
				Label     models.Label
				Event     struct {
					Kind models.Kind
					Body json.RawMessage
				}
			}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			if row.Label != models.Benign || row.Split != "train" && row.Split != "dev" {
				continue
			}
			doc, err := view.Build(row.Event.Body)
			if err != nil {
				t.Fatal(err)
			}
			all++
			if signs := s.find(&detectors.Input{Event: &models.Event{Kind: row.Event.Kind}, Segments: doc.Segments}); len(signs) > 0 {
				found++
				t.Logf("%s: %s", row.ID, signs[0].Rule)
			}
		}
		f.Close()
	}
	t.Logf("%d of %d", found, all)
	if all < 1000 || found*100 > all {
		t.Errorf("signs in %d of %d harmless rows", found, all)
	}
}
