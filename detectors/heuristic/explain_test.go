package heuristic

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

func compileEmbedded(t testing.TB) *rulepack.Set {
	t.Helper()
	d, err := (&Config{}).compile()
	if err != nil {
		t.Fatal(err)
	}
	return d.rules
}

// What is explained is what is answered, and the arithmetic ends at the confidence.
func TestExplain(t *testing.T) {
	body := marshal(t, object{"name": "tide_table", "description": textbook})
	got, err := Explain(compileEmbedded(t), &models.Event{Kind: models.KindTool, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inspect(t, newTestDetector(t), models.KindTool, body), got.Outcome); diff != "" {
		t.Error("the outcome is another than the detector's:\n", diff)
	}
	reported := 0
	for _, m := range got.Matches {
		if last := m.Steps[len(m.Steps)-1]; last.Confidence != m.Confidence {
			t.Errorf("%s: the steps lead to %v, not to %v", m.Rule, last.Confidence, m.Confidence)
		}
		for _, p := range m.Parts {
			if p.Text == "" || textbook[p.Start:p.End] != p.Text {
				t.Errorf("%s: part %s is %q", m.Rule, p.Name, p.Text)
			}
		}
		if m.Reported {
			reported++
		}
	}
	if reported == 0 || reported > len(got.Outcome.Findings) {
		t.Errorf("%d matches are reported in %d findings", reported, len(got.Outcome.Findings))
	}
	first := got.Matches[0]
	if first.Rule != "conceal-action" || first.Pack != "concealment" || first.Pointer != "/description" || first.Text != "Do not tell the user" {
		t.Errorf("the first match is %+v", first)
	}
}

func TestExplainRefusesWhatIsNotJSON(t *testing.T) {
	if _, err := Explain(compileEmbedded(t), &models.Event{Kind: models.KindTool, Body: []byte("{")}); err == nil {
		t.Error("no error")
	}
}
