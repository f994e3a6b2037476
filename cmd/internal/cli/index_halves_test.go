package cli

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/aad6b6dc/taster/corpus"
)

// Each group with several attacks is cut in two, the known part the smaller one; what stands alone is in neither.
func TestHalves(t *testing.T) {
	var attacks []corpus.Sample
	for group, n := range map[string]int{"a": 1, "b": 2, "c": 5, "": 4} {
		for i := range n {
			attacks = append(attacks, corpus.Sample{ID: fmt.Sprint(group, i), Source: "s", Group: group})
		}
	}
	half, other, families := halves(attacks, 1)
	if families != 2 || len(half) != 3 || len(other) != 4 {
		t.Fatalf("%d families, %d and %d", families, len(half), len(other))
	}
	seen := map[string]bool{}
	for _, s := range append(half, other...) {
		if seen[s.ID] || s.Group == "" || s.Group == "a" {
			t.Errorf("%q is in a half twice, or stands alone", s.ID)
		}
		seen[s.ID] = true
	}
	again, _, _ := halves(attacks, 1)
	if !reflect.DeepEqual(half, again) {
		t.Error("the same seed makes other halves")
	}
}
