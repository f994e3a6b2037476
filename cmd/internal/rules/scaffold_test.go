package rules

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/aad6b6dc/taster/cmd/internal/cli"
)

// TestScaffoldAsksForTheSameGo compares what `taster plugin new` writes with what this module needs.
func TestScaffoldAsksForTheSameGo(t *testing.T) {
	line := regexp.MustCompile(`(?m)^go \S+$`)
	want := line.Find(read(t, "go.mod"))
	t.Chdir(t.TempDir())
	var stderr bytes.Buffer
	if code := cli.Run(t.Context(), nil, nil, nil, &stderr, []string{"plugin", "new", "scaffold"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	made, err := os.ReadFile(filepath.Join("scaffold", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if got := line.Find(made); want == nil || !bytes.Equal(got, want) {
		t.Errorf("the scaffold's go.mod says %q, ours %q", got, want)
	}
}
