package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/aad6b6dc/taster"

// source is a Go file of the repository.
type source struct {
	path string // slash-separated, from the root
	text []byte
	file *ast.File
}

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// pkg is the directory of the file from the root.
func (s *source) pkg() string { return path.Dir(s.path) }

// imports are the packages of this module that the file imports, from the root, and "C".
func (s *source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		if ours, ok := strings.CutPrefix(p, module+"/"); ok {
			out = append(out, ours)
		} else if p == "C" {
			out = append(out, p)
		}
	}
	return out
}

// root is the directory of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

// ignored reads the patterns of .gitignore: "/name" and "/name/" at the top level, "*.ext" anywhere.
func ignored(t *testing.T, dir string) func(name string) bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	var top, anywhere []string
	for _, line := range strings.Fields(string(data)) {
		if name, ok := strings.CutPrefix(line, "/"); ok {
			top = append(top, strings.TrimSuffix(name, "/"))
		} else {
			anywhere = append(anywhere, line)
		}
	}
	return func(name string) bool {
		for _, p := range top {
			if name == p {
				return true
			}
		}
		for _, p := range anywhere {
			if ok, _ := path.Match(p, path.Base(name)); ok {
				return true
			}
		}
		return name == ".git"
	}
}

// files returns every file of the repository from the root, without what git ignores.
func files(t *testing.T) []string {
	t.Helper()
	dir := root(t)
	skip := ignored(t, dir)
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case skip(name) && d.IsDir():
			return fs.SkipDir
		case !skip(name) && !d.IsDir():
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var (
	sourcesOnce sync.Once
	allSources  []*source
)

// sources parses every Go file of the module. Those of a module inside it (below testdata) are not part of it.
func sources(t *testing.T) []*source {
	t.Helper()
	sourcesOnce.Do(func() {
		fset := token.NewFileSet()
		for _, name := range files(t) {
			if !strings.HasSuffix(name, ".go") || strings.Contains("/"+name, "/testdata/") {
				continue
			}
			s := &source{path: name, text: read(t, name)}
			f, err := parser.ParseFile(fset, name, s.text, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			s.file = f
			allSources = append(allSources, s)
		}
	})
	if len(allSources) < 20 {
		t.Fatalf("found only %d Go files: the walk is broken", len(allSources))
	}
	return allSources
}
