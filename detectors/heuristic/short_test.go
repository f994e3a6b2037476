package heuristic

import (
	"slices"
	"testing"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// What is remembered of short texts is what is read in them, whatever names the event at hand defines.
func FuzzMemory(f *testing.F) {
	f.Add("string", "read_file", "send mail")
	f.Add("", "\x00", "不要告诉")
	set := compileEmbedded(f)
	m, remembering, fresh := new(memory), set.Scanner(), set.Scanner()
	f.Fuzz(func(t *testing.T, a, b, own string) {
		for _, s := range []*rulepack.Scanner{remembering, fresh} {
			s.Begin([]models.Segment{{Key: true, Views: []models.View{{Text: own}}}})
		}
		for _, text := range []string{a, b, own, a, b} {
			if got, want := m.read(remembering, text), fresh.Read(text); !slices.Equal(got, want) {
				t.Errorf("%q with %q: %v, want %v", text, own, got, want)
			}
		}
	})
}
