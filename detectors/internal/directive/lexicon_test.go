package directive

import "testing"

func TestDefaultLexicon(t *testing.T) {
	l, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d words, %d patterns", len(l.vocabulary), len(l.patterns))
}
