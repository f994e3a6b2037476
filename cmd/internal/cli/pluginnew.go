package cli

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"golang.org/x/mod/modfile"
)

// The scaffold of a detector of one's own. Its files end in .tmpl so that they are no part of this program.
//
//go:embed scaffold
var scaffold embed.FS

var scaffolded = template.Must(template.ParseFS(scaffold, "scaffold/*.tmpl"))

// scaffoldFiles says where each template goes.
var scaffoldFiles = []struct{ template, path string }{
	{"main.go.tmpl", "main.go"},
	{"main_test.go.tmpl", "main_test.go"},
	{"cases.txtar.tmpl", "testdata/cases.txtar"},
}

// What the scaffold's go.mod says: Taster's module and the Go version that its go.mod asks for.
const (
	tasterModule = "github.com/aad6b6dc/taster"
	scaffoldGo   = "1.26.0"
)

// newPlugin is what the scaffold is made from.
type newPlugin struct {
	Name, Vendor string
	replace      string // a checkout of Taster to build with, or empty
}

var (
	detectorName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,47}$`)
	vendorName   = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	release      = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
)

func (a *app) pluginNewCommand() *cobra.Command {
	var p newPlugin
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write the scaffold of a detector into a new directory",
		Long: `Write a detector that works, with its tests, into a new directory NAME: a Go module of its own.

With --replace it builds with a checkout of Taster, and with the versions of everything else that the checkout has: what
builds there builds here, without a network.`,
		Example: "  taster plugin new shouting && cd shouting && go mod tidy && go test . && go build .",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p.Name = args[0]
			return a.pluginNew(p)
		},
	}
	cmd.Flags().StringVar(&p.Vendor, "vendor", "example", "`NAME` of yours in the classes of its findings (X-NAME-...)")
	cmd.Flags().StringVar(&p.replace, "replace", "", "build with the checkout of Taster in this `DIR`")
	return cmd
}

func (a *app) pluginNew(p newPlugin) error {
	if !detectorName.MatchString(p.Name) {
		return usagef("%q does not match %s", p.Name, detectorName)
	}
	if !vendorName.MatchString(p.Vendor) {
		return usagef("--vendor %q does not match %s", p.Vendor, vendorName)
	}
	files, err := p.files()
	if err != nil {
		return err
	}
	if err := os.Mkdir(p.Name, 0o755); errors.Is(err, os.ErrExist) {
		return usagef("%q exists already", p.Name)
	} else if err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	for path, data := range files {
		if err := writeBelow(p.Name, path, data); err != nil {
			return fmt.Errorf("writing the scaffold: %w", err)
		}
	}
	steps := []string{"cd " + p.Name, "go mod tidy", "go test .", "go build .", "taster plugin test ./" + p.Name}
	if p.replace != "" { // go.mod and go.sum are complete
		steps = append(steps[:1], steps[2:]...)
	}
	a.warn("wrote %s; next: %s", p.Name, strings.Join(steps, " && "))
	return nil
}

// files are the files of the scaffold by path.
func (p *newPlugin) files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, f := range scaffoldFiles {
		var text bytes.Buffer
		if err := scaffolded.ExecuteTemplate(&text, f.template, p); err != nil {
			return nil, fmt.Errorf("making %s: %w", f.path, err)
		}
		files[f.path] = text.Bytes()
	}
	mod := new(modfile.File)
	if err := errors.Join(mod.AddModuleStmt(p.Name), mod.AddGoStmt(scaffoldGo)); err != nil {
		return nil, fmt.Errorf("making go.mod: %w", err)
	}
	if p.replace != "" {
		sums, err := p.useCheckout(mod)
		if err != nil {
			return nil, fmt.Errorf("using the checkout: %w", err)
		}
		files["go.sum"] = sums
	} else if v := thisBuild().Version; release.MatchString(v) {
		// Between releases go mod tidy takes the latest one.
		mod.AddNewRequire(tasterModule, "v"+v, false)
	}
	text, err := mod.Format()
	if err != nil {
		return nil, fmt.Errorf("making go.mod: %w", err)
	}
	files["go.mod"] = text
	return files, nil
}

// useCheckout replaces Taster by the checkout, requires what it requires, and returns its checksums.
func (p *newPlugin) useCheckout(mod *modfile.File) (sums []byte, err error) {
	dir, err := filepath.Abs(p.replace)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	theirs, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil {
		return nil, err
	}
	if theirs.Module == nil || theirs.Module.Mod.Path != tasterModule {
		return nil, fmt.Errorf("%s is not the module %s", dir, tasterModule)
	}
	mod.AddNewRequire(tasterModule, "v0.0.0", false)
	for _, r := range theirs.Require {
		mod.AddNewRequire(r.Mod.Path, r.Mod.Version, true)
	}
	if err := mod.AddReplace(tasterModule, "", dir, ""); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "go.sum"))
}

func writeBelow(dir, path string, data []byte) error {
	path = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
