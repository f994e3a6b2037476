package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/detectors/heuristic/atr"
)

func (a *app) rulesImportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Make a rule pack of rules in another format"}
	cmd.AddCommand(a.rulesImportATRCommand())
	return cmd
}

const importATRHelp = `Make a rule pack of rules in the format of Agent Threat Rules: YAML files, one rule each; of a directory, all of them.

The pack goes to standard output, or to the file of --out. A regular expression is matched near literals that it requires,
and its repetitions are bounded. What could not be imported, finds less than the original or reads more texts is listed
with the reason on standard error, or with --json, which needs --out, as data on standard output. The rule's own test cases
decide: what finds a true negative, or no true positive, is left out.

Exit codes: 0 everything was imported, 4 not everything was, 1 nothing was or the command broke, 2 usage.`

// importFlags are the flags of rules import.
type importFlags struct{ out, name string }

var packName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)

func (a *app) rulesImportATRCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:     "atr FILE|DIR...",
		Short:   "Make a rule pack of Agent Threat Rules",
		Long:    importATRHelp,
		Example: "  taster rules import atr --out atr.yaml node_modules/agent-threat-rules/rules\n  taster rules import atr one.yaml two.yaml > atr.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			switch {
			case !packName.MatchString(f.name):
				return usagef("--name %q is not lower-case letters, digits and dashes", f.name)
			case a.json && f.out == "":
				return usagef("--json needs --out: both go to standard output")
			}
			return a.importATR(f, paths)
		},
	}
	cmd.Flags().StringVar(&f.out, "out", "", "write the pack to this `FILE`")
	cmd.Flags().StringVar(&f.name, "name", "atr", "`NAME` of the pack")
	return cmd
}

func (a *app) importATR(f importFlags, paths []string) error {
	files, err := readRuleFiles(paths)
	if err != nil {
		return err
	}
	result, err := atr.Import(f.name, files)
	if err != nil {
		return err
	}
	if err := a.showImported(f, result); err != nil {
		return err
	}
	switch n := result.Imported(); {
	case n == 0:
		return fmt.Errorf("none of %s could be imported", plural(len(files), "file"))
	case !whole(result):
		return &codedError{code: exitIncomplete}
	}
	return nil
}

// whole reports whether every rule was imported as it is.
func whole(result *atr.Result) bool {
	for i := range result.Rules {
		if len(result.Rules[i].Notes) > 0 {
			return false
		}
	}
	return true
}

// importedRules is what there is to say of an import.
type importedRules struct {
	Pack     string     `json:"pack,omitempty"` // the file, if one was written
	Files    int        `json:"files"`
	Imported int        `json:"imported"` // files of which something was
	Rules    []atr.Rule `json:"rules"`
}

func (a *app) showImported(f importFlags, result *atr.Result) error {
	listed := importedRules{Files: len(result.Rules), Imported: result.Imported(), Rules: result.Rules}
	if result.Pack != nil {
		listed.Pack = f.out
		if err := a.writePack(f.out, result.Pack); err != nil {
			return err
		}
	}
	if a.json {
		return a.writeJSON(listed)
	}
	for i := range result.Rules {
		r := &result.Rules[i]
		for _, n := range r.Notes {
			where := r.File
			if r.ID != "" {
				where += ": " + r.ID
			}
			if n.Part != "" {
				where += ": " + n.Part
			}
			fmt.Fprintf(a.stderr, "%s: %s: %s\n", output.Visible(where), n.Change, output.Visible(n.Reason))
		}
	}
	fmt.Fprintf(a.stderr, "%d of %s imported\n", listed.Imported, plural(listed.Files, "file"))
	return nil
}

func (a *app) writePack(path string, data []byte) error {
	if path == "" {
		if _, err := a.stdout.Write(data); err != nil {
			return fmt.Errorf("writing rule pack: %w", err)
		}
		return nil
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("writing rule pack: %w", err)
	}
	return nil
}

// maxRuleFiles is how many files an import reads.
const maxRuleFiles = 10_000

// readRuleFiles reads files, and of directories all that are YAML, at any depth, in the order of their names.
func readRuleFiles(paths []string) ([]atr.File, error) {
	var files []atr.File
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path != root && !isYAML(path) {
				return err
			}
			if len(files) == maxRuleFiles {
				return errors.New("more than 10,000 files")
			}
			data, err := readFile(path, atr.MaxFileBytes)
			files = append(files, atr.File{Path: path, Data: data})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
	}
	return files, nil
}

func isYAML(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yaml" || ext == ".yml"
}
