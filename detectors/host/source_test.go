package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aad6b6dc/taster/detectors"
)

var zeros = strings.Repeat("0", 64)

func TestParseManifest(t *testing.T) {
	text := `
name: acme
command: [bin/node, detector.js]
files:
  - {path: bin/node, sha256: "` + zeros + `"}
  - {path: /opt/detector.js, sha256: "sha256:` + zeros + `"}
tls: off
user: nobody
config:
  acme-urls: {threshold: 0.5, names: [a, b]}
`
	got, err := parseManifest([]byte(text), "/plugins")
	if err != nil {
		t.Fatal(err)
	}
	want := Source{
		Name: "acme", Command: []string{"bin/node", "detector.js"}, Dir: "/plugins", User: "nobody",
		Files:   []File{{"/plugins/bin/node", "sha256:" + zeros}, {"/opt/detector.js", "sha256:" + zeros}},
		Configs: map[string]detectors.Config{"acme-urls": detectors.Config(`{"names":["a","b"],"threshold":0.5}`)},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Source{})); diff != "" {
		t.Error(diff)
	}
}

func TestManifestMistakes(t *testing.T) {
	files := "files: [{path: p, sha256: '" + zeros + "'}]\n"
	tests := []struct{ text, problem string }{
		{"name: a\ncommand: [p]\n" + files + "sandbox: true\n", "sandbox"},
		{"name: A\ncommand: [p]\n" + files, "name"},
		{"name: a\n" + files, "command"},
		{"name: a\ncommand: [q]\n" + files, "not listed"},
		{"name: a\ncommand: [p]\nfiles: [{path: p, sha256: 'abc'}]\n", "64 hex digits"},
		{"name: a\ncommand: [p]\n" + files + "tls: maybe\n", "tls"},
		{"name: [", "name"},
	}
	for _, tt := range tests {
		if _, err := parseManifest([]byte(tt.text), "/plugins"); err == nil || !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.problem)
		}
	}
}

func TestDiscover(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p"), []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(file, name string) {
		t.Helper()
		m, err := Manifest(name, dir, []string{"p", "-v"})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), m, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("b.yaml", "second")
	write("a.yaml", "first")
	got, err := Discover(dir)
	if err != nil || len(got) != 2 || got[0].Name != "first" || got[1].Name != "second" || !got[0].TLS {
		t.Fatalf("got %+v, %v", got, err)
	}
	write("c.yaml", "first")
	if _, err := Discover(dir); err == nil || !strings.Contains(err.Error(), "c.yaml") || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("got %v, want both files named", err)
	}
	if got, err := Discover(filepath.Join(dir, "none")); err != nil || len(got) != 0 {
		t.Errorf("a directory that is not there: %v, %v", got, err)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte("name: a\ncommand: [p]\nfiles: [{path: p, sha256: '" + zeros + "'}]\nconfig: {d: {x: 1}}\n"))
	f.Add([]byte("name: [\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseManifest(data, "/plugins")
		if err == nil && s.Validate() != nil {
			t.Error("accepted an invalid source")
		}
	})
}
