package rulepack

import "testing"

// TestEmbedded runs the samples of every embedded pack, and everything else that makes a pack a good one.
func TestEmbedded(t *testing.T) {
	packs, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	samples := 0
	for _, p := range packs {
		for _, problem := range p.Lint() {
			t.Errorf("pack %s: %v", p.Name, problem)
		}
		for i := range p.Rules {
			samples += len(p.Rules[i].Hits) + len(p.Rules[i].Misses)
		}
	}
	if samples == 0 {
		t.Error("no samples")
	}
	if _, err := Compile(packs); err != nil {
		t.Error("together: ", err)
	}
}
