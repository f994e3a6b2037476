package cli

import (
	"testing"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/models"
)

// TestShortcut: a model that lives on length is no better than chance among rows of like length, one that does not is as good.
func TestShortcut(t *testing.T) {
	row := func(length int, score float64) scoredLesson {
		return scoredLesson{&lesson{sample: &corpus.Sample{Event: models.Event{Body: make([]byte, length)}}}, score}
	}
	byLength := shortcut{"length", func(l *lesson) float64 { return float64(len(l.sample.Event.Body)) }}
	lengths := func(scores func(malicious bool, length int) float64) shortcutReport {
		var malicious, harmless []scoredLesson
		for _, n := range []int{100, 200, 400, 400} {
			malicious = append(malicious, row(n, scores(true, n)))
		}
		for _, n := range []int{100, 100, 200, 400} {
			harmless = append(harmless, row(n, scores(false, n)))
		}
		return measureShortcut(classifier.Definitions, byLength, malicious, harmless)
	}
	lives := lengths(func(_ bool, n int) float64 { return float64(n) })
	if lives.Alone != lives.Model || lives.Model <= 0.6 || lives.Matched != 0.5 || lives.Pairs != 5 {
		t.Errorf("one that lives on it: %+v", lives)
	}
	reads := lengths(func(malicious bool, n int) float64 { return float64(btoi(malicious)) })
	if reads.Model != 1 || reads.Matched != 1 || reads.Alone != lives.Alone {
		t.Errorf("one that reads: %+v", reads)
	}
}
