package rules

import (
	"bytes"
	"go/ast"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTopLevel(t *testing.T) {
	allowed := []string{
		"cmd", "detectors", "pipeline", "corpus", "models", "go.mod", "go.sum", "docker-compose.yml", "README.md",
	}
	dir := root(t)
	skip := ignored(t, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); !skip(n) && !strings.HasPrefix(n, ".") && !slices.Contains(allowed, n) {
			t.Errorf("%s does not belong at the top level: %v and dotfiles do", n, allowed)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	if n := bytes.Count(read(t, "cmd/taster/main.go"), []byte("\n")); n >= 40 {
		t.Errorf("cmd/taster/main.go has %d lines, 39 are enough", n)
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		if ast.IsGenerated(s.file) {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: what a program holds is written out, not registered", s.path)
			}
		}
	}
}

func TestNoCgo(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(s.imports(), "C") {
			t.Errorf("%s: import \"C\": everything builds without cgo", s.path)
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test() || ast.IsGenerated(s.file) {
			continue
		}
		documented[s.pkg()] = documented[s.pkg()] || s.file.Doc.Text() != ""
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", pkg)
		}
	}
}

func TestNoBagPackages(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "misc"}, path.Base(s.pkg())) {
			t.Errorf("%s: a package is named after what it holds", s.path)
		}
	}
}

// machinePath is a path that exists on somebody's machine only.
var machinePath = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.~-])/(?:work|tmp|root|Users)/[A-Za-z0-9_.-]`)

// machinePathAllowed says which files may hold such paths, and why. A row without a hit fails.
var machinePathAllowed = map[string]string{}

// TestNoMachinePaths looks at code and documentation. Data, cases and tests hold attacks, and attacks hold paths.
func TestNoMachinePaths(t *testing.T) {
	seen, hits := 0, map[string]bool{}
	for _, name := range files(t) {
		base := path.Base(name)
		readable := slices.Contains([]string{".go", ".md", ".yml", ".yaml", ".sh", ".proto", ""}, path.Ext(base)) || base == "Dockerfile"
		if !readable || strings.HasSuffix(name, "_test.go") || strings.Contains("/"+name, "/testdata/") || strings.HasPrefix(name, "corpus/data/") {
			continue
		}
		seen++
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			if !machinePath.MatchString(line) {
				continue
			}
			hits[name] = true
			if machinePathAllowed[name] == "" {
				t.Errorf("%s:%d: a path of one machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
	if seen == 0 {
		t.Fatal("looked at no file")
	}
	for name := range machinePathAllowed {
		if !hits[name] {
			t.Errorf("%s is allowed to hold machine paths and holds none", name)
		}
	}
}
