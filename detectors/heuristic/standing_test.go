package heuristic

import (
	"slices"
	"testing"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// others are rules with a standing that another detector has.
var others = []string{
	"foreign-setting", "house-custom", "open-handed", "pieces-apart", "prose-token", "read-order", "relocated-server",
	"secret-demand", "asked-agent",
}

// Every rule with a standing of its own exists.
func TestStandings(t *testing.T) {
	packs, err := rulepack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Clone(others)
	for _, p := range packs {
		for _, r := range p.Rules {
			known = append(known, r.ID)
		}
	}
	for _, id := range check.Ranked() {
		if !slices.Contains(known, id) && !KnowsCodeRule(id) {
			t.Errorf("no rule is called %q", id)
		}
	}
	if len(check.Ranked()) == 0 {
		t.Error("no rule has a standing")
	}
}

// A finding that is not enough alone asks for nothing, two of different classes do; a rule that stands alone keeps what
// it is worth.
func TestCompany(t *testing.T) {
	for id, want := range map[string]struct {
		severity   models.Severity
		confidence float64
	}{
		"secret-to-sink": {models.SeverityHigh, 0.9},
		"hidden-order":   {models.SeverityHigh, 0.29},
		"waived-consent": {models.SeverityLow, 0.5},
	} {
		severity, confidence := check.StandingOf(id).Weigh(models.SeverityHigh, 0.9)
		if severity != want.severity || confidence != want.confidence {
			t.Errorf("%s: %s %v, want %s %v", id, severity, confidence, want.severity, want.confidence)
		}
	}
}
