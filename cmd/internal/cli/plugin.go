package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/catalog"
	"github.com/aad6b6dc/taster/detectors/detectortest"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/models"
)

// pluginTestDeadline is how long the conformance suite may take.
const pluginTestDeadline = 5 * time.Minute

func (a *app) pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Detectors: list, test, write a new one",
		Long: `Detectors run as plugins: the shipped ones, which are part of this program, and those of others, each a program of its own
with a manifest that pins the SHA-256 of every file that runs.`,
	}
	cmd.AddCommand(a.pluginListCommand(), a.pluginManifestCommand(), a.pluginNewCommand(), a.pluginTestCommand())
	return cmd
}

// listed is a detector in the list.
type listed struct {
	Name     string         `json:"name"`
	Version  string         `json:"version"`
	Purpose  string         `json:"purpose"`
	Stage    string         `json:"stage"`
	Kinds    []models.Kind  `json:"kinds,omitempty"` // absent: all
	Classes  []models.Class `json:"classes"`
	Deadline string         `json:"deadline"`
	Origin   string         `json:"origin"` // "shipped" or the plugin's name
}

func listing(s *detectors.Spec, origin string) listed {
	return listed{s.Name, s.Version, s.Purpose, string(s.Stage), s.Kinds, s.Classes, s.Deadline.String(), origin}
}

func (a *app) pluginListCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the shipped detectors, and those of a plugin directory",
		Long:  "List the shipped detectors. With --plugin-dir also the outside ones, which are started to be asked what they are.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.pluginList(cmd.Context(), dir)
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(list)
			}
			return a.printList(list)
		},
	}
	cmd.Flags().StringVar(&dir, "plugin-dir", "", "`DIR` with the manifests of outside plugins")
	return cmd
}

func (a *app) pluginList(ctx context.Context, dir string) ([]listed, error) {
	var list []listed
	for _, s := range catalog.Specs() {
		list = append(list, listing(&s, "shipped"))
	}
	sources, err := discover(dir)
	if err != nil {
		return nil, err
	}
	for _, source := range sources {
		if err := a.withPlugin(ctx, source, func(loaded []host.Loaded) {
			for _, l := range loaded {
				list = append(list, listing(&l.Spec, source.Name))
			}
		}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// discover reads the manifests of a plugin directory; there are none in "".
func discover(dir string) ([]host.Source, error) {
	if dir == "" {
		return nil, nil
	}
	sources, err := host.Discover(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for plugins: %w", err)
	}
	return sources, nil
}

func (a *app) printList(list []listed) error {
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tORIGIN\tSTAGE\tKINDS\tDEADLINE\tPURPOSE")
	for _, l := range list {
		kinds := "all"
		if len(l.Kinds) > 0 {
			kinds = words(l.Kinds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Version, l.Origin, l.Stage, kinds, l.Deadline, l.Purpose)
	}
	return w.Flush()
}

// withPlugin starts a plugin, hands its detectors to use, and stops it.
func (a *app) withPlugin(ctx context.Context, source host.Source, use func([]host.Loaded)) error {
	process, err := host.Launch(ctx, source, host.Options{Logger: a.logger()})
	if err != nil {
		return fmt.Errorf("starting plugin %q: %w", source.Name, err)
	}
	use(process.Detectors())
	return process.Close()
}

func (a *app) pluginTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test FILE|NAME",
		Short: "Tell whether a plugin keeps the contract",
		Long: `Run the conformance suite on a plugin: a program, a manifest (*.yaml), or the name of a shipped detector.

The exit code is 0 if everything holds and 1 if something does not.`,
		Example: "  taster plugin test ./shouting\n  taster plugin test plugins/acme.yaml\n  taster plugin test heuristic",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := pluginSource(args[0])
			if err != nil {
				return err
			}
			return a.pluginTest(cmd.Context(), source)
		},
	}
}

// pluginSource finds the plugin that a person means: a shipped detector, a manifest, or a program.
func pluginSource(arg string) (host.Source, error) {
	if specs, err := shipped(arg); err == nil {
		return selfSource(specs)
	}
	if strings.HasSuffix(arg, ".yaml") {
		s, err := host.ReadManifest(arg)
		if err != nil {
			return host.Source{}, fmt.Errorf("reading plugin manifest %s: %w", arg, err)
		}
		return s, nil
	}
	path, err := filepath.Abs(arg)
	if err != nil {
		return host.Source{}, err
	}
	program, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return host.Source{}, usagef("%q is no file and no shipped detector", arg)
	}
	if err != nil {
		return host.Source{}, fmt.Errorf("reading the plugin: %w", err)
	}
	return host.Source{
		Name: pluginName(path), Command: []string{path}, TLS: true,
		Files: []host.File{{Path: path, SHA256: models.Digest(program)}},
	}, nil
}

// pluginName makes a plugin's name of a program's path.
func pluginName(path string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, base)
	return models.Truncate(name, 48)
}

func (a *app) pluginTest(ctx context.Context, source host.Source) error {
	ctx, cancel := context.WithTimeout(ctx, pluginTestDeadline)
	defer cancel()
	var report detectortest.Report
	if err := a.withPlugin(ctx, source, func(loaded []host.Loaded) { report = detectortest.Check(ctx, loaded) }); err != nil {
		return err
	}
	if a.json {
		if err := a.writeJSON(checks(report)); err != nil {
			return err
		}
	} else if _, err := fmt.Fprint(a.stdout, report); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	if !report.OK() {
		return &codedError{code: exitBroke, err: fmt.Errorf("%d of %d checks do not hold", report.Failed(), len(report.Results))}
	}
	return nil
}

// checked is the JSON form of a check's result.
type checked struct {
	Detector string `json:"detector"`
	Check    string `json:"check"`
	What     string `json:"what"`
	Error    string `json:"error,omitempty"`
	Micros   int64  `json:"micros"`
}

func checks(r detectortest.Report) []checked {
	out := []checked{}
	for _, x := range r.Results {
		c := checked{Detector: x.Detector, Check: x.Check, What: x.What, Micros: x.Took.Microseconds()}
		if x.Err != nil {
			c.Error = x.Err.Error()
		}
		out = append(out, c)
	}
	return out
}

func (a *app) pluginManifestCommand() *cobra.Command {
	var name, out string
	cmd := &cobra.Command{
		Use:   "manifest [flags] PROGRAM [FILE...] [-- ARG...]",
		Short: "Write the manifest that trusts a plugin's files as they are now",
		Long: `Write the manifest of a plugin: its command, and the SHA-256 that the program and every further FILE have now. For a program
in an interpreted language name the script and its lock file as well. A file that changes afterwards does not run.`,
		Example: "  taster plugin manifest ./shouting > plugins/shouting.yaml\n  taster plugin manifest --name acme /usr/bin/node detector.js package-lock.json -- detector.js",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var rest []string
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				args, rest = args[:dash], args[dash:]
			}
			if len(args) == 0 {
				return usagef("name the program before --")
			}
			return a.pluginManifest(name, out, args, rest)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`NAME` of the plugin; the program's by default")
	cmd.Flags().StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	return cmd
}

func (a *app) pluginManifest(name, out string, files, args []string) error {
	paths := map[string]string{} // of files, by what they were called
	var rest []string
	for i, f := range files {
		path, err := filepath.Abs(f)
		if err != nil {
			return err
		}
		if paths[f] = path; i > 0 {
			rest = append(rest, path)
		}
	}
	command := []string{paths[files[0]]}
	for _, arg := range args { // a plugin has a working directory of its own
		command = append(command, cmp.Or(paths[arg], arg))
	}
	data, err := host.Manifest(cmp.Or(name, pluginName(files[0])), "", command, rest...)
	if err != nil {
		return fmt.Errorf("making a manifest: %w", err)
	}
	if out == "" {
		_, err = a.stdout.Write(data)
		return err
	}
	if err := os.WriteFile(out, data, 0o644); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}
