package atr

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

const (
	wantNotes = "want.notes"
	wantPack  = "want.pack"
)

// TestImport compares with testdata/import.txtar: set UPDATE to write into it what comes out.
func TestImport(t *testing.T) {
	const path = "testdata/import.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var files []File
	want := map[string]*txtar.File{}
	for i := range archive.Files {
		f := &archive.Files[i]
		if strings.HasPrefix(f.Name, "want.") {
			want[f.Name] = f
		} else {
			files = append(files, File{f.Name, f.Data})
		}
	}
	result, err := Import("harbour", files)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{wantNotes: listing(result), wantPack: string(result.Pack)}
	for name, f := range want {
		if os.Getenv("UPDATE") != "" {
			f.Data = []byte(got[name])
		} else if diff := cmp.Diff(string(f.Data), got[name]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func listing(result *Result) string {
	var b strings.Builder
	for _, r := range result.Rules {
		fmt.Fprintf(&b, "%s %q: %s\n", r.File, r.Title, strings.Join(r.Imported, " "))
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "  %s %s: %s\n", n.Change, n.Part, n.Reason)
		}
	}
	return b.String()
}

func TestImportNothing(t *testing.T) {
	result, err := Import("harbour", []File{{"none.yaml", []byte("hello: world")}})
	if err != nil || result.Pack != nil || result.Imported() != 0 || len(result.Rules[0].Notes) != 1 {
		t.Errorf("got %+v, %v", result, err)
	}
}
