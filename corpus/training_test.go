package corpus

import (
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models/view"
)

// TestTraining holds the rows that are for training alone to the rules of their format, and to being no near-duplicates of
// anything that is measured: of dev and test of the own corpus, and of their own dev split.
func TestTraining(t *testing.T) {
	training, err := Open("training")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Lint(training, Rules{Profile: Foreign}) {
		t.Errorf("%s: %s: %s", p.ID, p.Rule, p.Message)
	}
	own, err := Own()
	if err != nil {
		t.Fatal(err)
	}
	var samples []*Sample
	var sets [][]uint64
	counts := map[Split]int{}
	for _, c := range []*Corpus{own, training} {
		for i := range c.Files {
			for j := range c.Files[i].Samples {
				s := &c.Files[i].Samples[j]
				doc, err := view.Build(s.Event.Body)
				if err != nil {
					t.Fatalf("%s: %v", s.ID, err)
				}
				samples, sets = append(samples, s), append(sets, shingles(doc))
				if c == training {
					counts[s.Split]++
				}
			}
		}
	}
	if counts[Train] < 5000 || counts[Dev] < 1000 || counts[Test] > 0 || counts[""] > 0 {
		t.Errorf("rows by split: %v", counts)
	}
	for _, p := range nearDuplicates(sets) {
		a, b := samples[p.A], samples[p.B]
		if !strings.HasPrefix(b.Source, "voice-") || a.Split == b.Split || a.Split == Train && b.Split == Train {
			continue
		}
		t.Errorf("%s in %s: %s in %s has %.0f %% of the smaller text's shingles", b.ID, b.Split, a.ID, a.Split, 100*p.Containment)
	}
}
