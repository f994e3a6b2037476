package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
)

func (a *app) corpusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "corpus",
		Short: "Check, count, extend and split corpora of labelled samples",
		Long: `Work with corpora: files of JSON lines, each an event with a label.

Exit codes: 0 clean, 3 problems were found, 2 usage, 1 the command broke.`,
		Args: cobra.NoArgs, // so that a misspelt command is an error
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.corpusAddCommand(),
		a.corpusComposeCommand(),
		a.corpusLintCommand(),
		a.corpusSplitCommand(),
		a.corpusStatsCommand(),
	)
	return cmd
}

// openCorpus opens files and directories, or without any Taster's own corpus.
func openCorpus(paths []string) (*corpus.Corpus, error) {
	if len(paths) == 0 {
		return corpus.Own()
	}
	return corpus.Open(paths...)
}

// planOf is how the corpus was split so far.
func planOf(c *corpus.Corpus) corpus.Plan {
	if c.Manifest == nil || c.Manifest.Plan == (corpus.Plan{}) {
		return corpus.DefaultPlan()
	}
	return c.Manifest.Plan
}

// linted is the JSON form of what lint has to say.
type linted struct {
	Digest   string           `json:"digest,omitempty"`
	Files    int              `json:"files"`
	Samples  int              `json:"samples"`
	Problems []corpus.Problem `json:"problems"`
}

// showProblems writes what lint found, and ends the command with exit code 3 if that is anything.
func (a *app) showProblems(c *corpus.Corpus, problems []corpus.Problem) error {
	l := linted{Problems: append([]corpus.Problem{}, problems...)} // [] in JSON, never null
	if len(c.Files) > 0 {
		l.Digest, l.Files, l.Samples = c.Digest(), len(c.Files), len(c.All())
	}
	if a.json {
		if err := a.writeJSON(l); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(a.stdout, p)
		}
		fmt.Fprintf(a.stdout, "%s in %s, %s\n", plural(l.Samples, "sample"), plural(l.Files, "file"), plural(len(problems), "problem"))
	}
	if len(problems) > 0 {
		return &codedError{code: exitFound}
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (a *app) corpusLintCommand() *cobra.Command {
	var rules corpus.Rules
	var profile string
	cmd := &cobra.Command{
		Use:   "lint [FILE|DIR]...",
		Short: "Check a corpus, Taster's own by default",
		Long: `Check that figures on a corpus can mean something: rows are well-formed and labelled consistently, spans select text,
twin sets have both sides, groups and near-duplicates are in one split, malicious and harmless samples are of like length, and
a directory's files are what its manifest says. With --complete also that there is enough of every threat class, label,
kind and language.

A file in which no row has split, difficulty, resembles or spans is taken for somebody else's collection and held to the
format alone: unique ids, labels, languages, events. --profile says so of every file, or of none.`,
		Example: "  taster corpus lint\n  taster corpus lint --profile foreign rows.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			rules.Profile = corpus.Profile(profile)
			if profile != "" && !slices.Contains(corpus.Profiles(), rules.Profile) {
				return usagef("--profile %q is not one of %s", profile, words(corpus.Profiles()))
			}
			if len(args) == 0 && !cmd.Flags().Changed("complete") {
				rules.Complete = corpus.Complete
			}
			c, err := openCorpus(args)
			if errors.Is(err, corpus.ErrEmpty) {
				return a.showProblems(&corpus.Corpus{}, []corpus.Problem{{Rule: corpus.RuleEmpty, Message: err.Error()}})
			}
			if err != nil {
				return err
			}
			return a.showProblems(c, corpus.Lint(c, rules))
		},
	}
	cmd.Flags().StringVar(&profile, "profile", "", "what to hold every file to: "+words(corpus.Profiles())+"; each file tells otherwise")
	cmd.Flags().BoolVar(&rules.Complete, "complete", false, "check that there is enough of everything; the default for Taster's own corpus once it is complete")
	complete(cmd, "profile", corpus.Profiles())
	return cmd
}

func (a *app) corpusAddCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "add --to DIR FILE...",
		Short: "Add drafts to a corpus directory",
		Long: `Turn drafts into samples and add them to the files of the same names in a corpus directory. A draft is a row without
id, source and split, in whose body the words that make it an attack stand between ⟦ and ⟧ (U+27E6, U+27E7); the marks
become spans. A draft's "name" is a handle for the "before" of others in its file.

The result is checked as a whole, except for lengths, and new groups are given a split. If there is a problem, all of them
are shown, and nothing is written.`,
		Example: "  taster corpus add --to corpus/data drafts/a1.jsonl",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.corpusAdd(dir, args) },
	}
	cmd.Flags().StringVar(&dir, "to", "", "corpus `DIR`, made if need be (required)")
	_ = cmd.MarkFlagRequired("to") // the flag exists
	return cmd
}

func (a *app) corpusAdd(dir string, files []string) error {
	c, err := openToExtend(dir)
	if err != nil {
		return err
	}
	if changed := manifestProblems(c); len(changed) > 0 {
		return a.showProblems(c, changed)
	}
	before := len(c.All())
	for _, name := range files {
		if err := addDrafts(c, name); err != nil {
			return err
		}
	}
	plan := planOf(c)
	if _, err := c.Assign(plan, false); err != nil {
		return err
	}
	if err := a.saveClean(c, dir, plan); err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(corpus.Summarise(c))
	}
	after := len(c.All())
	_, err = fmt.Fprintf(a.stdout, "added %s: %s in %s\n", plural(after-before, "sample"), plural(after, "sample"), plural(len(c.Files), "file"))
	return err
}

// openToExtend opens a directory that need not exist or hold anything yet.
func openToExtend(dir string) (*corpus.Corpus, error) {
	c, err := corpus.Open(dir)
	if errors.Is(err, corpus.ErrEmpty) || errors.Is(err, fs.ErrNotExist) {
		return &corpus.Corpus{}, nil
	}
	return c, err
}

func addDrafts(c *corpus.Corpus, name string) error {
	if filepath.Ext(name) != corpus.Extension {
		return usagef("%s: drafts are %s files", name, corpus.Extension)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("reading drafts: %w", err)
	}
	defer f.Close()
	drafts, err := corpus.ReadDrafts(name, f)
	if err != nil {
		return err
	}
	return c.Add(drafts)
}

// manifestProblems are the files that changed behind the manifest's back.
func manifestProblems(c *corpus.Corpus) []corpus.Problem {
	return slices.DeleteFunc(corpus.Lint(c, corpus.Rules{Partial: true}), func(p corpus.Problem) bool { return p.Rule != corpus.RuleManifest })
}

// saveClean saves a corpus in which lint finds nothing, and shows what it finds otherwise.
func (a *app) saveClean(c *corpus.Corpus, dir string, plan corpus.Plan) error {
	c.Manifest = nil // it tells of the files before
	if problems := corpus.Lint(c, corpus.Rules{Profile: corpus.OwnFormat, Partial: true}); len(problems) > 0 {
		a.warn("nothing is written to %s", dir)
		return a.showProblems(c, problems)
	}
	return c.Save(dir, plan)
}
