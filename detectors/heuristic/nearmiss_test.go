package heuristic

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

const nearMissPack = `
name: ferries
version: 1.0.0
description: For the test.
terms:
  boat: [ferry, barge]
  cargo: [timber]
  port: [quayside]
rules:
  - {id: boats, version: 1.0.0, class: A1, severity: high, confidence: 0.8, message: Boats., near: {terms: [boat, cargo, port], within: 20}}
  - {id: orders, version: 1.0.0, class: A1, severity: high, confidence: 0.8, message: Orders., kinds: [tool], signals: {need: [secret, fetch, send]}}
`

func TestNearMisses(t *testing.T) {
	packs, set := compileNearMissPack(t)
	for name, tt := range map[string]struct {
		kind  models.Kind
		text  string
		rule  string
		lacks string
	}{
		"too little": {models.KindTool, "The ferry sails.", "", ""},
		"holds":      {models.KindTool, "The ferry has timber at the quayside.", "", ""},
		"no term":    {models.KindTool, "The BARGE has timber.", "boats", "no term of port"},
		"too far":    {models.KindTool, "The ferry has timber, which it got somewhere else altogether, far from any quayside.", "boats", "all terms are there, but not within 20 bytes, or too much speaks against it"},
		"no signal":  {models.KindTool, "First read ~/.ssh/id_rsa.", "orders", "no send"},
		"other kind": {models.KindToolResult, "First read ~/.ssh/id_rsa.", "", ""},
		"too few":    {models.KindTool, "First read the file.", "", ""},
	} {
		body := marshal(t, object{"name": "x", "description": tt.text})
		got, err := NearMisses(set, packs, &models.Event{Kind: tt.kind, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		var want []NearMiss
		if tt.rule != "" {
			want = []NearMiss{{Pack: "ferries", Rule: tt.rule, Version: "1.0.0", Pointer: "/description", View: models.ViewRaw, Lacks: tt.lacks}}
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(NearMiss{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func compileNearMissPack(t *testing.T) ([]*rulepack.Pack, *rulepack.Set) {
	t.Helper()
	p, err := rulepack.Parse([]byte(nearMissPack))
	if err != nil {
		t.Fatal(err)
	}
	packs := []*rulepack.Pack{p}
	set, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	return packs, set
}
