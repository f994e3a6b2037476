package rules

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/cmd/internal/cli"
)

// TestMain makes the test binary serve detectors when a command of the README runs this executable as a plugin.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "plugin-serve" {
		os.Exit(cli.Run(context.Background(), os.Environ(), os.Stdin, os.Stdout, os.Stderr, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// readmeCommands are the commands of README.md's sh blocks: what somebody with a clean clone types first. Those that run
// taster are run here, in the process, from the root of the repository. A command without a row fails, and so does a
// row without a command.
var readmeCommands = map[string]struct {
	exit int
	// covered says what runs the command if not this test.
	covered string
}{
	"go run ./cmd/taster demo": {exit: 0},
	"go test ./...":            {covered: "this test is part of it"},
	"go run ./cmd/taster scan cmd/internal/cli/demo/quick-sums.json": {exit: 3},
	"go run ./cmd/taster bench":                                      {exit: 0},
	"go run ./cmd/taster corpus lint":                                {exit: 0},
}

func TestReadmeCommands(t *testing.T) {
	dir := root(t)
	commands := shellLines(string(read(t, "README.md")))
	if len(commands) == 0 {
		t.Fatal("README.md has no sh block")
	}
	t.Chdir(dir)
	seen := map[string]bool{}
	for _, command := range commands {
		seen[command] = true
		how, ok := readmeCommands[command]
		if !ok {
			t.Errorf("README.md has %q: say in the table how it is run", command)
			continue
		}
		if how.covered != "" {
			continue
		}
		t.Run(command, func(t *testing.T) {
			args, ours := strings.CutPrefix(command, "go run ./cmd/taster ")
			if !ours {
				t.Fatal("only taster itself can be run here")
			}
			var stdout, stderr bytes.Buffer
			code := cli.Run(t.Context(), os.Environ(), strings.NewReader(""), &stdout, &stderr, strings.Fields(args))
			if code != how.exit || stdout.Len() == 0 {
				t.Errorf("exit code %d, want %d\n%s\n%s", code, how.exit, &stdout, &stderr)
			}
		})
	}
	for command := range readmeCommands {
		if !seen[command] {
			t.Errorf("README.md has no %q any more", command)
		}
	}
}

// shellLines returns the lines of the sh blocks without comments.
func shellLines(markdown string) []string {
	var out []string
	inside := false
	for line := range strings.Lines(markdown) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside:
			if command, _, _ := strings.Cut(line, " #"); strings.TrimSpace(command) != "" && !strings.HasPrefix(line, "#") {
				out = append(out, strings.TrimSpace(command))
			}
		}
	}
	return out
}
