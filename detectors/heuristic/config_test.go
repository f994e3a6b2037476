package heuristic

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

const ownPack = `name: harbour
version: 0.1.0
description: What only this harbour needs.
terms:
  bell: [ring the bell]
  tower: [north tower, south tower]
rules:
  - id: bell-tower
    version: 0.1.0
    class: A2
    severity: medium
    confidence: 0.7
    message: Has a bell rung in a tower.
    near: {terms: [bell, tower], within: 40}
    hits: [Before use ring the bell of the north tower.]
    misses: [Ring the bell.]
`

func writePack(t *testing.T, text string) PackFile {
	t.Helper()
	p, err := rulepack.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "harbour.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return PackFile{Path: path, SHA256: p.Digest}
}

func newConfigured(t *testing.T, config any) (detectors.Detector, error) {
	t.Helper()
	return Spec.New(context.Background(), detectors.Config(marshal(t, config)))
}

func revision(t *testing.T, d detectors.Detector) string {
	t.Helper()
	answer, err := d.Detect(t.Context(), &detectors.Batch{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Revision
}

// A loaded pack judges beside the embedded ones, and is part of the revision.
func TestPackIsLoaded(t *testing.T) {
	file := writePack(t, ownPack)
	d, err := newConfigured(t, object{"packs": []object{{"path": file.Path, "sha256": file.SHA256}}})
	if err != nil {
		t.Fatal(err)
	}
	body := marshal(t, object{"name": "x", "description": "RING THE BELL in the South Tower. " + textbook})
	rules := map[string]bool{}
	for _, f := range inspect(t, d, models.KindTool, body).Findings {
		rules[f.Rule] = true
	}
	if !rules["bell-tower"] || !rules["secret-to-sink"] {
		t.Errorf("found %v", rules)
	}
	plain := newTestDetector(t)
	if revision(t, d) == revision(t, plain) {
		t.Error("the revision does not cover the loaded pack")
	}
}

// The rules of a running detector stay when its file changes; the changed file is refused where it is loaded anew.
func TestChangedPack(t *testing.T) {
	file := writePack(t, ownPack)
	config := object{"packs": []object{{"path": file.Path, "sha256": strings.ToUpper(file.SHA256)}}}
	d, err := newConfigured(t, config)
	if err != nil {
		t.Fatal(err)
	}
	before := revision(t, d)
	if err := os.WriteFile(file.Path, []byte(ownPack+"# changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = newConfigured(t, config)
	var pin *PinError
	if !errors.As(err, &pin) || pin.Pinned != file.SHA256 || !strings.Contains(err.Error(), pin.Found) {
		t.Errorf("the changed file is loaded: %v", err)
	}
	if got := revision(t, d); got != before {
		t.Errorf("the running detector's revision went from %s to %s", before, got)
	}
}

func TestDisabled(t *testing.T) {
	d, err := newConfigured(t, object{"disabled": []string{"conceal-action", "conceal-only"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range inspect(t, d, models.KindTool, marshal(t, object{"name": "x", "description": textbook})).Findings {
		if f.Class == "A7" {
			t.Errorf("%s is found", f.Rule)
		}
	}
	if revision(t, d) == revision(t, newTestDetector(t)) {
		t.Error("the revision does not cover what is disabled")
	}
}

func TestConfigRefused(t *testing.T) {
	good := writePack(t, ownPack)
	pack := func(f PackFile) object { return object{"packs": []object{{"path": f.Path, "sha256": f.SHA256}}} }
	for name, test := range map[string]struct {
		config object
		want   string
	}{
		"no digest":      {object{"packs": []object{{"path": good.Path}}}, "pinned by the 64 hex digits"},
		"relative path":  {pack(PackFile{"harbour.yaml", good.SHA256}), "not an absolute path"},
		"no file":        {pack(PackFile{good.Path + "x", good.SHA256}), "no such file"},
		"twice":          {object{"packs": []object{{"path": good.Path, "sha256": good.SHA256}, {"path": good.Path, "sha256": good.SHA256}}}, "another pack has this name"},
		"unknown rule":   {object{"disabled": []string{"no-such-rule"}}, "no pack has it"},
		"unknown member": {object{"rules": []string{}}, "unknown field"},
		"bad sample":     {pack(writePack(t, strings.Replace(ownPack, "hits: [Before", "hits: [Never, Before", 1))), "hits[0]"},
		"foreign class":  {pack(writePack(t, strings.Replace(ownPack, "A2", "X-acme-bells", 1))), "not one that the detector declares"},
		"shadowing":      {pack(writePack(t, strings.Replace(ownPack, "id: bell-tower", "id: override", 1))), "another pack has a rule"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newConfigured(t, test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
