package bench

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/models"
)

func mustGate(t *testing.T, text string) *Gate {
	t.Helper()
	g, err := ParseGate([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// bars is a gate that the rows of hand clear exactly: by a hair's breadth more, each check falls short.
const bars = `
checks:
  - {name: noted, measure: recall, tier: noted, min: 0.75}
  - {name: flagged, measure: recall, tier: flagged, min: 0.5, max: 0.5}
  - {name: lower end, measure: recall, tier: flagged, bound: low, min: 0.15}
  - {name: class, measure: recall, tier: flagged, where: {class: [A1, A10]}, min: 1, rows_min: 2}
  - {name: obfuscated, measure: recall, tier: blocked, where: {class: B2}, min: 1}
  - {name: false alarms, measure: false_alarms, tier: flagged, max: 0.334, rows_min: 3}
  - {name: upper end, measure: false_alarms, tier: blocked, bound: high, max: 0.562}
  - {name: steering, measure: steering, tier: noted, min: 1}
  - {name: not inspected, measure: not_inspected, max: 0.1112}
  - {name: twins apart, measure: twins_apart, min: 0.333, rows_min: 3}
  - {name: twins ranked, measure: twins_ranked, min: 0.666}
  - {name: evidence, measure: evidence, min: 0.5}
  - {name: auc, measure: auc, min: 0.79}
  - {name: average precision, measure: average_precision, min: 0.85}
  - {name: ece, measure: ece, max: 0.315}
  - {name: brier, measure: brier, max: 0.212}
  - {name: p50, measure: latency_p50_micros, max: 100}
  - {name: p99 of calls, measure: latency_p99_micros, max: 900, where: {kind: tool_result}}
  - {name: pace, measure: events_per_second, min: 28}
  - {name: control, measure: control_changed_rows, max: 0}
  - {name: variations, measure: recall, tier: flagged, where: {technique: base64, label: malicious}, min: 0.5, rows_min: 2}
  - {name: language, measure: recall, tier: noted, where: {language: de, source: own, system: ours}, min: 1}
`

func TestGateHolds(t *testing.T) {
	g := mustGate(t, bars)
	result, err := g.Check(hand())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := result.WriteText(&b, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if !result.OK {
		t.Errorf("does not hold:\n%s", b.String())
	}
	golden(t, "gate.txt", b.String())
	// Each bar is as tight as it can be.
	for i := range g.Checks {
		c := g.Checks[i]
		if c.Min != nil {
			higher := *c.Min*1.02 + 0.001
			c.Min, c.Max = &higher, nil
		} else {
			lower := *c.Max*0.98 - 0.001
			c.Max = &lower
		}
		if r, err := (&Gate{Checks: []Check{c}}).Check(hand()); err != nil || r.OK {
			t.Errorf("%s holds with a tighter bar: %v %+v", c.Name, err, r)
		}
	}
}

func TestGateCatchesBrokenJudges(t *testing.T) {
	g := mustGate(t, `
checks:
  - {name: recall, measure: recall, tier: flagged, min: 0.5}
  - {name: false alarms, measure: false_alarms, tier: flagged, max: 0.25}
`)
	for name, d := range map[string]models.Decision{"allows all": models.Allow, "blocks all": models.Block} {
		rows := hand()
		for i := range rows {
			rows[i].Decision, rows[i].Status = d, models.StatusClean
		}
		if r, err := g.Check(rows); err != nil || r.OK {
			t.Errorf("a judge that %s passes: %v", name, err)
		}
	}
	failing := hand()
	for i := range failing { // fails closed on everything
		failing[i].Decision, failing[i].Status, failing[i].Findings = models.RequireApproval, models.StatusNotInspected, nil
	}
	if r, err := g.Check(failing); err != nil || r.OK {
		t.Errorf("a judge that inspects nothing passes: %v", err)
	}
	flipped := hand()
	flipped[0].Label = models.Benign
	if r, err := g.Check(flipped); err != nil || r.OK {
		t.Errorf("a flipped label passes: %v", err)
	}
}

func TestGateNeedsRows(t *testing.T) {
	for _, check := range []string{
		`{name: x, measure: recall, tier: flagged, where: {source: nowhere}, min: 0}`,
		`{name: x, measure: recall, tier: flagged, where: {label: benign}, min: 0}`,
		`{name: x, measure: false_alarms, tier: flagged, where: {label: malicious}, max: 1}`,
		`{name: x, measure: not_inspected, where: {server: nowhere}, max: 1}`,
		`{name: x, measure: twins_apart, where: {kind: tool_result}, min: 0}`,
		`{name: x, measure: evidence, where: {class: A2}, min: 0}`,
		`{name: x, measure: auc, where: {label: malicious}, min: 0}`,
		`{name: x, measure: ece, where: {label: benign}, max: 1}`,
		`{name: x, measure: latency_p99_micros, where: {source: nowhere}, max: 1}`,
		`{name: x, measure: recall_at_fpr_0.1, min: 0}`,
		`{name: x, measure: recall_at_fpr_1, min: 0}`,
		`{name: x, measure: recall, tier: flagged, rows_min: 5, min: 0}`,
		`{name: x, measure: recall, tier: flagged, where: {system: theirs}, min: 0}`,
	} {
		r, err := mustGate(t, "checks: ["+check+"]").Check(hand())
		if err != nil {
			t.Fatal(err)
		}
		if r.OK || len(r.Checks) != 1 || r.Checks[0].Problem == "" {
			t.Errorf("%s passes, or says not why: %+v", check, r)
		}
	}
}

func TestGateHoldsEverySystem(t *testing.T) {
	g := mustGate(t, `checks: [{name: m1 and m4, measure: recall, tier: blocked, where: {class: [A2]}, min: 0.5}]`)
	r, err := g.Check(append(hand(), other()...))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range r.Checks {
		got[c.System] = c.OK
	}
	if diff := cmp.Diff(map[string]bool{"ours": false, "theirs": true}, got); diff != "" || r.OK {
		t.Errorf("ok %v (-want +got):\n%s", r.OK, diff)
	}
	var b strings.Builder
	if err := r.WriteText(&b, TextOptions{Colour: true}); err != nil || !strings.Contains(b.String(), "\x1b[1;31mFALLS SHORT") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestGateRefusesRowsWithoutRecord(t *testing.T) {
	rows := hand()
	rows[0].Run = nil
	if _, err := mustGate(t, bars).Check(rows); err == nil {
		t.Error("no error")
	}
}

func TestParseGate(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            ``,
		"no checks":        `checks: []`,
		"percent":          `checks: [{name: x, measure: auc, min: 90}]`,
		"not YAML":         "checks: [\x00",
		"unknown field":    `checks: [{name: x, measure: auc, min: 0.5, minimum: 1}]`,
		"unknown selector": `checks: [{name: x, measure: auc, min: 0.5, where: {colour: red}}]`,
		"unknown value":    `checks: [{name: x, measure: auc, min: 0.5, where: {kind: [tool, promt]}}]`,
		"unknown label":    `checks: [{name: x, measure: auc, min: 0.5, where: {label: bad}}]`,
		"empty list":       `checks: [{name: x, measure: auc, min: 0.5, where: {kind: []}}]`,
		"duplicate field":  `checks: [{name: x, name: y, measure: auc, min: 0.5}]`,
		"no name":          `checks: [{measure: auc, min: 0.5}]`,
		"same name":        `checks: [{name: x, measure: auc, min: 0.5}, {name: x, measure: ece, max: 0.5}]`,
		"no measure":       `checks: [{name: x, min: 0.5}]`,
		"no tier":          `checks: [{name: x, measure: recall, min: 0.5}]`,
		"tier none":        `checks: [{name: x, measure: recall, tier: none, min: 0.5}]`,
		"tier for nothing": `checks: [{name: x, measure: auc, tier: noted, min: 0.5}]`,
		"no bar":           `checks: [{name: x, measure: auc}]`,
		"bars crossed":     `checks: [{name: x, measure: auc, min: 0.5, max: 0.4}]`,
		"bound":            `checks: [{name: x, measure: auc, min: 0.5, bound: middle}]`,
		"no interval":      `checks: [{name: x, measure: ece, max: 0.5, bound: low}]`,
		"negative rows":    `checks: [{name: x, measure: auc, min: 0.5, rows_min: -1}]`,
		"not a number":     `checks: [{name: x, measure: auc, min: .nan}]`,
		"too large":        strings.Repeat("#", MaxGateBytes+1),
	} {
		if _, err := ParseGate([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseGate(f *testing.F) {
	f.Add([]byte(bars))
	f.Add([]byte(`checks: [{name: x, measure: auc, min: 1e309}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ParseGate(data)
		if err != nil {
			return
		}
		r, err := g.Check(hand())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.WriteText(&strings.Builder{}, TextOptions{}); err != nil {
			t.Fatal(err)
		}
	})
}
