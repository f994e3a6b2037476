package cli

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
)

// splitFlags say how a corpus is split.
type splitFlags struct {
	seed            uint64
	ratio           string
	reassign, check bool
}

func (a *app) corpusSplitCommand() *cobra.Command {
	var f splitFlags
	cmd := &cobra.Command{
		Use:   "split DIR",
		Short: "Split a corpus into train, dev and test, and seal it",
		Long: `Give a split to every sample that has none, so that the numbers by file, label and class come close to the ratio. What hangs
together stays together: groups, catalogues, a definition before and after a change, near-duplicates. Samples that have a
split keep it, unless --reassign starts anew.

The manifest is written anew in any case: after edits by hand, this is the command that seals them. It says what has changed.`,
		Example: "  taster corpus split corpus/data\n  taster corpus split --check corpus/data",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := corpus.Open(args[0])
			if err != nil {
				return err
			}
			if f.check {
				return a.showProblems(c, splitProblems(c))
			}
			plan := planOf(c)
			if cmd.Flags().Changed("seed") {
				plan.Seed = f.seed
			}
			if cmd.Flags().Changed("ratio") {
				if plan.Ratio, err = corpus.ParseRatio(f.ratio); err != nil {
					return &codedError{code: exitUsage, err: err}
				}
			}
			return a.corpusSplit(c, args[0], plan, f.reassign)
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.seed, "seed", corpus.DefaultPlan().Seed, "of the order in which groups are placed; as in the manifest by default")
	flags.StringVar(&f.ratio, "ratio", corpus.DefaultPlan().Ratio.String(), "of train, dev and test; as in the manifest by default")
	flags.BoolVar(&f.reassign, "reassign", false, "move samples that have a split, too")
	flags.BoolVar(&f.check, "check", false, "only check that every sample has a split and nothing is torn apart")
	cmd.MarkFlagsMutuallyExclusive("check", "reassign")
	return cmd
}

func (a *app) corpusSplit(c *corpus.Corpus, dir string, plan corpus.Plan, reassign bool) error {
	for _, p := range manifestProblems(c) {
		a.warn("sealing %s", p)
	}
	n, err := c.Assign(plan, reassign)
	if err != nil {
		return err
	}
	if err := a.saveClean(c, dir, plan); err != nil {
		return err
	}
	st := corpus.Summarise(c)
	if a.json {
		return a.writeJSON(st)
	}
	fmt.Fprintf(a.stdout, "%s given a split, seed %d, ratio %s\n\n", plural(n, "sample"), plan.Seed, plan.Ratio)
	return a.printSplits(&st)
}

// splitProblems are what is wrong with the splits.
func splitProblems(c *corpus.Corpus) []corpus.Problem {
	about := []corpus.Rule{corpus.RuleEmpty, corpus.RuleSplit, corpus.RuleTorn, corpus.RuleNear}
	problems := slices.DeleteFunc(corpus.Lint(c, corpus.Rules{Profile: corpus.OwnFormat, Partial: true}), func(p corpus.Problem) bool {
		return !slices.Contains(about, p.Rule)
	})
	if !slices.ContainsFunc(c.All(), func(s corpus.Sample) bool { return s.Split != "" }) {
		problems = append(problems, corpus.Problem{Rule: corpus.RuleSplit, Message: "no sample has one"})
	}
	return problems
}

func (a *app) printSplits(st *corpus.Stats) error {
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	printByLabel(w, "SPLIT", st.Splits, append(corpus.Splits(), ""))
	return w.Flush()
}

// printByLabel writes a table with one row for each of keys that there is, and one column for each label.
func printByLabel[K ~string](w *tabwriter.Writer, title string, m map[K]corpus.ByLabel, keys []K) {
	fmt.Fprintf(w, "%s\tMALICIOUS\tSTEERING\tBENIGN\n", title)
	for _, k := range keys {
		n, ok := m[k]
		if !ok {
			continue
		}
		name := string(k)
		if name == "" {
			name = "(none)"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", name, n[models.Malicious], n[models.Steering], n[models.Benign])
	}
}
