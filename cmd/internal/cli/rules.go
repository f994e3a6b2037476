package cli

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/detectors/heuristic"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

func (a *app) rulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List, check, test, explain, import and pin the heuristic detector's rules",
		Long: `Work with rule packs: YAML files of rules for the heuristic detector, each rule with samples that it must hit and must
not hit. Without files the packs are those that Taster ships.

Exit codes: 0 clean, 3 problems were found, 2 usage, 1 the command broke.`,
	}
	cmd.AddCommand(
		a.rulesDigestCommand(),
		a.rulesExplainCommand(),
		a.rulesImportCommand(),
		a.rulesLintCommand(),
		a.rulesListCommand(),
		a.rulesTestCommand(),
	)
	return cmd
}

const lintHint = "taster rules lint FILE lists everything that is wrong with a rule pack"

// packFile is a pack and where it is from: a path, or its name for a shipped one.
type packFile struct {
	file string
	pack *rulepack.Pack
}

// openPacks opens the files, or without any the packs that are compiled in.
func openPacks(paths []string) ([]packFile, error) {
	if len(paths) == 0 {
		return shippedPacks()
	}
	var files []packFile
	for _, path := range paths {
		data, err := readPack(path)
		if err != nil {
			return nil, err
		}
		p, err := rulepack.Parse(data)
		if err != nil {
			return nil, hinted(fmt.Errorf("%s: %w", path, err), lintHint)
		}
		files = append(files, packFile{path, p})
	}
	return files, nil
}

func readPack(path string) ([]byte, error) {
	data, err := readFile(path, rulepack.MaxPackBytes)
	if err != nil {
		return nil, fmt.Errorf("reading rule pack: %w", err)
	}
	return data, nil
}

func shippedPacks() ([]packFile, error) {
	packs, err := rulepack.Embedded()
	if err != nil {
		return nil, err
	}
	var files []packFile
	for _, p := range packs {
		files = append(files, packFile{p.Name, p})
	}
	return files, nil
}

// listedRule is a rule in the list.
type listedRule struct {
	ID         string           `json:"id"`
	Version    string           `json:"version"`
	Class      models.Class     `json:"class"`
	Severity   models.Severity  `json:"severity"`
	Confidence float64          `json:"confidence"`
	Pack       string           `json:"pack"` // of a rule in code, the group of checks
	InCode     bool             `json:"in_code,omitempty"`
	Message    string           `json:"message"`
	Kinds      []models.Kind    `json:"kinds"` // what it reads
	Fields     []rulepack.Field `json:"fields,omitempty"`
	Against    []string         `json:"against,omitempty"`
	References []string         `json:"references,omitempty"`
	Hits       int              `json:"hits"`
	Misses     int              `json:"misses"`
}

func (a *app) rulesListCommand() *cobra.Command {
	var classes, kinds []string
	cmd := &cobra.Command{
		Use:     "list [FILE...]",
		Short:   "List rules",
		Long:    "List the rules of the files, or those that Taster ships: of its packs, and of its checks in code. --json has what a rule reads and refers to as well.",
		Example: "  taster rules list\n  taster rules list --class A1,A7 --kind tool_result\n  taster rules list --json acme.yaml",
		RunE: func(_ *cobra.Command, paths []string) error {
			if err := checkListFlags(classes, kinds); err != nil {
				return err
			}
			files, err := openPacks(paths)
			if err != nil {
				return err
			}
			list := listedRules(files)
			if len(paths) == 0 {
				list = append(list, listedCode()...)
			}
			return a.listRules(slices.DeleteFunc(list, func(r listedRule) bool { return !r.selected(classes, kinds) }))
		},
	}
	cmd.Flags().StringSliceVar(&classes, "class", nil, "only rules of these threat `CLASSES`")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only rules that read events of these `KINDS`")
	complete(cmd, "class", classIDs())
	complete(cmd, "kind", models.Kinds())
	return cmd
}

func classIDs() []models.Class {
	var ids []models.Class
	for _, c := range models.Classes() {
		ids = append(ids, c.ID)
	}
	return ids
}

// checkListFlags refuses what selects nothing because it is no class and no kind.
func checkListFlags(classes, kinds []string) error {
	for _, c := range classes {
		if !models.Class(c).Valid() {
			return usagef("--class %q is neither a threat class nor X-<vendor>-<name>", c)
		}
	}
	for _, k := range kinds {
		if !models.Kind(k).Valid() {
			return usagef("--kind %q is not one of %s", k, words(models.Kinds()))
		}
	}
	return nil
}

func listedRules(files []packFile) []listedRule {
	list := []listedRule{} // [] in JSON, never null
	for _, f := range files {
		for i := range f.pack.Rules {
			r := &f.pack.Rules[i]
			list = append(list, listedRule{
				ID: r.ID, Version: r.Version, Class: r.Class, Severity: r.Severity, Confidence: r.Confidence, Pack: f.pack.Name, Message: r.Message,
				Kinds:  slices.DeleteFunc(models.Kinds(), func(k models.Kind) bool { return !r.Reads(k, nil) }),
				Fields: r.Fields, Against: r.Against, References: r.References, Hits: len(r.Hits), Misses: len(r.Misses),
			})
		}
	}
	return list
}

// listedCode are the rules of the detector's checks in code.
func listedCode() []listedRule {
	var list []listedRule
	for _, r := range heuristic.CodeRules() {
		kinds := r.Kinds
		if len(kinds) == 0 {
			kinds = models.Kinds()
		}
		list = append(list, listedRule{
			ID: r.ID, Version: r.Version, Class: r.Class, Severity: r.Severity, Confidence: r.Confidence, Pack: r.Group, InCode: true,
			Message: r.Message, Kinds: kinds,
		})
	}
	return list
}

// selected reports whether the rule is of one of the classes and reads one of the kinds; none means any.
func (r *listedRule) selected(classes, kinds []string) bool {
	reads := slices.ContainsFunc(r.Kinds, func(k models.Kind) bool { return slices.Contains(kinds, string(k)) })
	return (len(classes) == 0 || slices.Contains(classes, string(r.Class))) && (len(kinds) == 0 || reads)
}

// home is where the rule stands.
func (r *listedRule) home() string {
	if r.InCode {
		return r.Pack + " (code)"
	}
	return r.Pack
}

func (a *app) listRules(list []listedRule) error {
	if a.json {
		return a.writeJSON(list)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tVERSION\tCLASS\tSEVERITY\tCONFIDENCE\tPACK\tMESSAGE")
	for _, r := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2f\t%s\t%s\n", output.Visible(r.ID), output.Visible(r.Version), output.Visible(string(r.Class)),
			output.Visible(string(r.Severity)), r.Confidence, output.Visible(r.home()), output.Visible(r.Message))
	}
	return w.Flush()
}

// packProblem is something wrong with the rules of a file.
type packProblem struct {
	File    string `json:"file"`
	Rule    string `json:"rule,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func (p packProblem) String() string {
	s := p.File + ": "
	if p.Rule != "" {
		s += "rule " + p.Rule + ": "
	}
	if p.Field != "" {
		s += p.Field + ": "
	}
	lines := strings.Split(s+p.Message, "\n") // a parser's message shows the place
	for i, line := range lines {
		lines[i] = output.Visible(line)
	}
	return strings.Join(lines, "\n")
}

// packProblems are what lint finds, and the classes that the detector would refuse.
func packProblems(f packFile) []packProblem {
	var problems []packProblem
	for _, p := range f.pack.Lint() {
		problems = append(problems, packProblem{f.file, p.Rule, p.Field, p.Message})
	}
	for i := range f.pack.Rules {
		if r := &f.pack.Rules[i]; r.Class.Valid() && !slices.Contains(heuristic.Spec.Classes, r.Class) {
			problems = append(problems, packProblem{f.file, r.ID, "class", fmt.Sprintf("the detector reports %s, not %s", words(heuristic.Spec.Classes), r.Class)})
		}
	}
	return problems
}

// lintedPacks is what lint has to say.
type lintedPacks struct {
	Packs    int           `json:"packs"`
	Rules    int           `json:"rules"`
	Problems []packProblem `json:"problems"`
}

func (a *app) rulesLintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "Check rule packs",
		Long: `Check that packs can be read, that their rules are whole, bounded and not too weak, that every rule has samples and passes
them, and that the packs can be loaded side by side.`,
		Example: "  taster rules lint acme.yaml",
		RunE: func(_ *cobra.Command, paths []string) error {
			l, err := lintPacks(paths)
			if err != nil {
				return err
			}
			return a.showLinted(l)
		},
	}
}

// lintPacks fails only if a file can't be read: what is no pack is a problem of the file.
func lintPacks(paths []string) (lintedPacks, error) {
	l := lintedPacks{Problems: []packProblem{}} // [] in JSON, never null
	var sound []packFile
	add := func(f packFile) {
		l.Packs, l.Rules = l.Packs+1, l.Rules+len(f.pack.Rules)
		problems := packProblems(f)
		if l.Problems = append(l.Problems, problems...); len(problems) == 0 {
			sound = append(sound, f)
		}
	}
	if len(paths) == 0 {
		files, err := shippedPacks()
		if err != nil {
			return l, err
		}
		for _, f := range files {
			add(f)
		}
	}
	for _, path := range paths {
		data, err := readPack(path)
		if err != nil {
			return l, err
		}
		p, err := rulepack.Parse(data)
		if err != nil {
			l.Problems = append(l.Problems, packProblem{File: path, Message: strings.TrimSpace(err.Error())})
			continue
		}
		add(packFile{path, p})
	}
	l.Problems = append(l.Problems, clashes(sound)...)
	return l, nil
}

// clashes are the packs that can't be loaded beside those before them.
func clashes(sound []packFile) []packProblem {
	var problems []packProblem
	var together []*rulepack.Pack
	for _, f := range sound {
		if _, err := rulepack.Compile(append(slices.Clip(together), f.pack)); err != nil {
			problems = append(problems, packProblem{File: f.file, Message: err.Error()})
			continue
		}
		together = append(together, f.pack)
	}
	return problems
}

func (a *app) showLinted(l lintedPacks) error {
	if a.json {
		if err := a.writeJSON(l); err != nil {
			return err
		}
	} else {
		for _, p := range l.Problems {
			fmt.Fprintln(a.stdout, p)
		}
		fmt.Fprintf(a.stdout, "%s in %s, %s\n", plural(l.Rules, "rule"), plural(l.Packs, "pack"), plural(len(l.Problems), "problem"))
	}
	if len(l.Problems) > 0 {
		return &codedError{code: exitFound}
	}
	return nil
}

// testedSample is a sample that its rule has not passed.
type testedSample struct {
	File string `json:"file"`
	rulepack.SampleResult
}

// testedPacks is what came out of the samples of packs.
type testedPacks struct {
	Packs    int            `json:"packs"`
	Rules    int            `json:"rules"`
	Samples  int            `json:"samples"`
	Failures []testedSample `json:"failures"`
}

func (a *app) rulesTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "test [FILE...]",
		Short:   "Run the samples of rule packs",
		Long:    "Run the samples that each rule must hit, and those that it must not hit, against the rule. Only failures are shown.",
		Example: "  taster rules test\n  taster rules test acme.yaml",
		RunE: func(_ *cobra.Command, paths []string) error {
			files, err := openPacks(paths)
			if err != nil {
				return err
			}
			t, err := testPacks(files)
			if err != nil {
				return err
			}
			return a.showTested(t)
		},
	}
}

func testPacks(files []packFile) (testedPacks, error) {
	t := testedPacks{Packs: len(files), Failures: []testedSample{}} // [] in JSON, never null
	for _, f := range files {
		results, err := rulepack.Test(f.pack)
		if err != nil {
			return t, hinted(fmt.Errorf("testing %s: %w", f.file, err), lintHint)
		}
		t.Rules += len(f.pack.Rules)
		t.Samples += len(results)
		for _, r := range results {
			if !r.Passed {
				t.Failures = append(t.Failures, testedSample{f.file, r})
			}
		}
	}
	return t, nil
}

func (a *app) showTested(t testedPacks) error {
	if a.json {
		if err := a.writeJSON(t); err != nil {
			return err
		}
	} else {
		for i := range t.Failures {
			printFailure(a.stdout, &t.Failures[i])
		}
		fmt.Fprintf(a.stdout, "%s of %s in %s, %d failed\n", plural(t.Samples, "sample"), plural(t.Rules, "rule"), plural(t.Packs, "pack"), len(t.Failures))
	}
	if len(t.Failures) > 0 {
		return &codedError{code: exitFound}
	}
	return nil
}

func printFailure(w io.Writer, f *testedSample) {
	list := "misses"
	if f.Hit {
		list = "hits"
	}
	fmt.Fprintf(w, "%s: rule %s: %s[%d]: %s\n", f.File, f.Rule, list, f.Index, output.Visible(f.Detail))
	for _, m := range f.Matches {
		fmt.Fprintf(w, "  %s (%s), confidence %.2f: %s\n", output.Visible(cmp.Or(m.Pointer, "/")), m.View, m.Confidence, output.Visible(m.Text))
	}
}

// pinnedPack is how a configuration names a pack.
type pinnedPack struct {
	Path   string `json:"path" yaml:"path"`
	SHA256 string `json:"sha256" yaml:"sha256"`
}

func (a *app) rulesDigestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "digest FILE...",
		Short: "Print what pins rule packs as they are now",
		Long: `Print the entries that make the heuristic detector load the files as they are now: they belong under "packs" in its section
of the configuration (detectors, sections, heuristic). A file that changes afterwards is not loaded. What the detector
would refuse is not pinned: a pack in which lint finds problems, or one that clashes with those that Taster ships.`,
		Example: "  taster rules digest acme.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			files, err := openPacks(paths)
			if err != nil {
				return err
			}
			pins, err := pinPacks(files)
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(pins)
			}
			data, err := yaml.Marshal(pins)
			if err != nil {
				return fmt.Errorf("writing entries: %w", err)
			}
			_, err = a.stdout.Write(data)
			return err
		},
	}
}

// pinPacks refuses what the detector would refuse, which loads packs beside the shipped ones.
func pinPacks(files []packFile) ([]pinnedPack, error) {
	packs, err := rulepack.Embedded()
	if err != nil {
		return nil, err
	}
	packs = slices.Clone(packs)
	var pins []pinnedPack
	for _, f := range files {
		if problems := packProblems(f); len(problems) > 0 {
			return nil, hinted(fmt.Errorf("%s, the first of %s", problems[0], plural(len(problems), "problem")), lintHint)
		}
		path, err := filepath.Abs(f.file)
		if err != nil {
			return nil, fmt.Errorf("naming rule pack: %w", err)
		}
		packs = append(packs, f.pack)
		pins = append(pins, pinnedPack{path, f.pack.Digest})
	}
	if _, err := rulepack.Compile(packs); err != nil {
		return nil, fmt.Errorf("loading the packs beside the shipped ones: %w", err)
	}
	return pins, nil
}
