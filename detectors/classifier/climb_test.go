package classifier_test

import (
	"math/rand/v2"
	"testing"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/compose"
	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// queries is how often the attacker may ask.
const queries = 200

// maxEscapes is the share of attacks that get away. It is high: a linear model bears little rewording, and the bar is here so
// that it does not get worse.
const maxEscapes = 0.6

// TestClimb rewords definitions of the own corpus that are found, up hill against the detector's own score, until they are
// clean.
func TestClimb(t *testing.T) {
	own, err := corpus.Own()
	if err != nil {
		t.Fatal(err)
	}
	d, err := classifier.Spec.New(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	score := func(s *corpus.Sample) (float64, error) {
		doc, err := view.Build(s.Event.Body)
		if err != nil {
			return 0, err
		}
		answer, err := d.Detect(t.Context(), &detectors.Batch{Inputs: []detectors.Input{{Event: &s.Event, Segments: doc.Segments}}})
		if err != nil {
			return 0, err
		}
		o := &answer.Outcomes[0]
		return float64(len(o.Findings)) + o.Score/2, nil
	}
	seeds, escaped := 0, 0
	for i, s := range own.All() {
		if s.Split == corpus.Test || s.Label != models.Malicious || s.Event.Kind != models.KindTool {
			continue
		}
		c, ok, err := compose.Climb(&s, score, 1, queries, rand.New(rand.NewPCG(1, uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		if seeds++; c.To < 1 {
			escaped++
		}
	}
	if seeds < 50 {
		t.Fatalf("%d seeds", seeds)
	}
	share := float64(escaped) / float64(seeds)
	t.Logf("%d of %d escape (%.2f) within %d queries", escaped, seeds, share, queries)
	if share > maxEscapes {
		t.Errorf("%.2f escape, the bar is %.2f", share, maxEscapes)
	}
}
