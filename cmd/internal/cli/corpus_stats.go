package cli

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
)

func (a *app) corpusStatsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats [FILE|DIR]...",
		Short: "Say what is in a corpus, Taster's own by default",
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := openCorpus(args)
			if err != nil {
				return err
			}
			st := corpus.Summarise(c)
			if a.json {
				return a.writeJSON(st)
			}
			return a.printStats(&st)
		},
	}
}

func (a *app) printStats(st *corpus.Stats) error {
	fmt.Fprintf(a.stdout, "%s in %s, %s, %s, %s, %s\n%s\n\n",
		plural(st.Samples, "sample"), plural(len(st.Files), "file"), plural(st.Groups, "group"), plural(st.TwinSets, "twin set"),
		plural(st.Catalogues, "catalogue"), plural(st.Changes, "change"), st.Digest)
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	printByLabel(w, "LABEL", map[string]corpus.ByLabel{"all": st.Labels}, []string{"all"})
	fmt.Fprintln(w)
	printByLabel(w, "KIND", st.Kinds, models.Kinds())
	fmt.Fprintln(w)
	printByLabel(w, "SPLIT", st.Splits, append(corpus.Splits(), ""))
	fmt.Fprintln(w)
	printByLabel(w, "LANGUAGE", st.Languages, slices.Sorted(maps.Keys(st.Languages)))
	fmt.Fprintln(w)
	printByLabel(w, "FILE", st.Files, slices.Sorted(maps.Keys(st.Files)))
	fmt.Fprintln(w)
	printLengths(w, st)
	fmt.Fprintln(w)
	printClasses(w, st)
	return w.Flush()
}

func printLengths(w *tabwriter.Writer, st *corpus.Stats) {
	fmt.Fprintln(w, "BYTES OF BODIES\tLABEL\tP10\tMEDIAN\tP90")
	for _, kind := range models.Kinds() {
		for _, label := range models.Labels() {
			if l, ok := st.Lengths[kind][label]; ok {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", kind, label, l.P10, l.Median, l.P90)
			}
		}
	}
}

// printClasses writes the threat classes in their order, then the categories of other collections.
func printClasses(w *tabwriter.Writer, st *corpus.Stats) {
	fmt.Fprintln(w, "CLASS\tMALICIOUS\tBLATANT\tMODERATE\tSUBTLE\tRESEMBLING: STEERING\tBENIGN\tNAME")
	others := maps.Clone(st.Classes)
	for _, info := range models.Classes() {
		if c, ok := others[info.ID]; ok {
			printClass(w, info.ID, c, info.Name)
			delete(others, info.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(others)) {
		printClass(w, id, others[id], "")
	}
}

func printClass(w *tabwriter.Writer, id models.Class, c *corpus.ClassStats, name string) {
	d, r := c.Difficulties, c.Resembling
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n",
		id, c.Malicious(), d[corpus.Blatant], d[corpus.Moderate], d[corpus.Subtle], r[models.Steering], r[models.Benign], name)
}
