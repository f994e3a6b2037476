package host

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// TestOutsidePlugin builds the example as a module of its own, as an author would, since what is internal hides
// inside this one; then it runs the program by a manifest.
func TestOutsidePlugin(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	buildExample(t, dir)
	manifest, err := Manifest("example", dir, []string{"./detector-example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "example.yaml"), manifest, 0o644); err != nil {
		t.Fatal(err)
	}
	sources, err := Discover(dir)
	if err != nil || len(sources) != 1 {
		t.Fatalf("discovered %+v, %v", sources, err)
	}
	p := start(t, sources[0], Options{})
	loaded := p.Detectors()
	if len(loaded) != 1 || loaded[0].Spec.Name != "shouting" || loaded[0].Spec.New != nil {
		t.Fatalf("loaded %+v", loaded)
	}
	text := "NEVER TELL THE USER"
	body := `"` + text + `"`
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := loaded[0].Detector.Detect(ctx, &detectors.Batch{Inputs: []detectors.Input{{
		Event: &models.Event{Server: "s", Kind: models.KindInstructions, Body: json.RawMessage(body)},
		Segments: []models.Segment{{
			Start: 1, End: 1 + len(text), Views: []models.View{{Kind: models.ViewRaw, Text: text}},
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	f := answer.Outcomes[0].Findings
	if len(f) != 1 || len(f[0].Evidence) != 1 || f[0].Evidence[0].End != len(text) {
		t.Errorf("found %+v, want the whole text", f)
	}
}

func TestExampleByHandGivesAHint(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	buildExample(t, dir)
	out, err := exec.Command(filepath.Join(dir, "detector-example")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "taster plugin test") {
		t.Errorf("got %v and %q, want a failure with a hint", err, out)
	}
}

// buildExample builds cmd/detector-example in dir as a module that only replaces this one.
func buildExample(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod = bytes.Replace(mod, []byte("module github.com/aad6b6dc/taster\n"), []byte("module example.org/detector\n"), 1)
	mod, _, _ = bytes.Cut(mod, []byte("\ntool ("))
	mod = append(mod, "\nrequire github.com/aad6b6dc/taster v0.0.0\n\nreplace github.com/aad6b6dc/taster => "+root+"\n"...)
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", mod)
	for to, from := range map[string]string{"go.sum": "go.sum", "main.go": "cmd/detector-example/main.go"} {
		data, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			t.Fatal(err)
		}
		write(to, data)
	}
	cmd := exec.Command("go", "build", "-o", "detector-example", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
}
