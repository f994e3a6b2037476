package similarity

import (
	"testing"

	"github.com/aad6b6dc/taster/models"
)

func TestKnown(t *testing.T) {
	all, err := Known()
	if err != nil {
		t.Fatal(err)
	}
	n := map[models.Label]int{}
	for i := range all {
		n[all[i].Label]++
		if i > 0 && all[i-1].ID >= all[i].ID {
			t.Errorf("%s stands before %s", all[i-1].ID, all[i].ID)
		}
	}
	if n[models.Malicious] < 500 || n[models.Benign] < 500 {
		t.Errorf("only %v", n)
	}
}
