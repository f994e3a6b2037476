package catalog

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
)

func TestSpecs(t *testing.T) {
	if err := detectors.Validate(Specs()...); err != nil {
		t.Error(err)
	}
	names := specNames()
	if !slices.IsSorted(names) {
		t.Errorf("not in alphabetical order: %q", names)
	}
}

func specNames() []string {
	var names []string
	for _, s := range Specs() {
		names = append(names, s.Name)
	}
	return names
}

// Every detector's package is in the list, and is what a reader expects of one.
func TestEveryDetectorIsListed(t *testing.T) {
	packages := detectorPackages(t)
	for dir, name := range packages {
		t.Run(name, func(t *testing.T) {
			if !slices.Contains(specNames(), name) {
				t.Errorf("%s is not in Specs", dir)
			}
			checkReadme(t, filepath.Join(dir, "README.md"))
			if cases, _ := filepath.Glob(filepath.Join(dir, "testdata", "*.txtar")); len(cases) == 0 {
				t.Errorf("%s has no case file", filepath.Join(dir, "testdata"))
			}
		})
	}
	if len(packages) != len(Specs()) {
		t.Errorf("%d packages with a Spec, %d in the list", len(packages), len(Specs()))
	}
}

var heading = regexp.MustCompile(`(?m)^## (.+)$`)

func checkReadme(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range heading.FindAllSubmatch(text, -1) {
		got = append(got, string(m[1]))
	}
	if want := []string{"Name", "Description", "Config", "Examples", "Misses"}; !slices.Equal(got, want) {
		t.Errorf("%s has the sections %q, want %q", path, got, want)
	}
}

// detectorPackages returns the directories beside this one that declare a variable Spec, with the name in it.
func detectorPackages(t *testing.T) map[string]string {
	files, err := filepath.Glob("../*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files beside the catalogue: %v", err)
	}
	found := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if name := specName(file); name != "" {
			found[filepath.Dir(path)] = name
		}
	}
	return found
}

// specName returns the Name of a top-level variable Spec, or "".
func specName(file *ast.File) (name string) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if v.Names[0].Name == "Spec" && len(v.Values) == 1 {
				name = nameField(v.Values[0])
			}
		}
	}
	return name
}

func nameField(e ast.Expr) (name string) {
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return ""
	}
	for _, el := range lit.Elts {
		kv, ok := el.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, _ := kv.Key.(*ast.Ident)
		value, _ := kv.Value.(*ast.BasicLit)
		if key != nil && value != nil && key.Name == "Name" {
			name, _ = strconv.Unquote(value.Value)
		}
	}
	return name
}
