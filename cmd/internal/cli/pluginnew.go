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
	{"go.mod.tmpl", "go.mod"},
}

// newPlugin is what the scaffold is made from.
type newPlugin struct {
	Name, Vendor string
	Version      string // of Taster's module
	Replace      string // a checkout to build with instead, or empty
}

var detectorName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,47}$`)

func (a *app) pluginNewCommand() *cobra.Command {
	var p newPlugin
	cmd := &cobra.Command{
		Use:     "new NAME",
		Short:   "Write the scaffold of a detector into a new directory",
		Long:    "Write a detector that works, with its tests, into a new directory NAME: a Go module of its own.",
		Example: "  taster plugin new shouting && cd shouting && go mod tidy && go test . && go build .",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p.Name = args[0]
			return a.pluginNew(p)
		},
	}
	cmd.Flags().StringVar(&p.Vendor, "vendor", "example", "`NAME` of yours in the classes of its findings (X-NAME-...)")
	cmd.Flags().StringVar(&p.Replace, "replace", "", "build with the checkout of Taster in this `DIR`")
	return cmd
}

func (a *app) pluginNew(p newPlugin) error {
	if !detectorName.MatchString(p.Name) {
		return usagef("%q does not match %s", p.Name, detectorName)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`).MatchString(p.Vendor) {
		return usagef("--vendor %q must have 1 to 32 letters and digits", p.Vendor)
	}
	p.Version = moduleVersion()
	if p.Replace != "" {
		dir, err := filepath.Abs(p.Replace)
		if err != nil {
			return err
		}
		p.Replace = dir
	}
	if err := os.Mkdir(p.Name, 0o755); errors.Is(err, os.ErrExist) {
		return usagef("%q exists already", p.Name)
	} else if err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	for _, f := range scaffoldFiles {
		if err := writeScaffold(p, f.template, filepath.Join(p.Name, f.path)); err != nil {
			return fmt.Errorf("writing the scaffold: %w", err)
		}
	}
	a.warn("wrote %s; next: cd %s && go mod tidy && go test . && go build . && taster plugin test ./%s", p.Name, p.Name, p.Name)
	return nil
}

func writeScaffold(p newPlugin, name, path string) error {
	var text bytes.Buffer
	if err := scaffolded.ExecuteTemplate(&text, name, p); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}

// moduleVersion is the version of Taster's module that go can fetch: this build's if it has one, else any.
func moduleVersion() string {
	if v := thisBuild().Version; strings.HasPrefix(v, "v") {
		return v
	}
	return "v0.0.0"
}
