package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/compose"
)

// composeFlags are the flags of the compose command.
type composeFlags struct {
	split, out       string
	axes, techniques []string
	draw             int
	seed             uint64
	list             bool
}

func (a *app) corpusComposeCommand() *cobra.Command {
	f := composeFlags{}
	cmd := &cobra.Command{
		Use:   "compose [FILE|DIR...]",
		Short: "Vary samples by place, disguise and language, for stress tests",
		Long: `Make variations of malicious samples: the same attack at another place of the object, under another disguise, in
another language. Without files the samples are Taster's own. Each technique is applied to each sample that it fits, or
with --draw that many combinations are drawn by chance. The same seed makes the same bytes.

Variations are for measuring what a disguise costs; they share their sentences with what they were made from and are no
corpus of their own. "taster bench --evasion" makes and measures the disguises in one go.`,
		Example: `  taster corpus compose --list
  taster corpus compose --axis placement --split dev > placed.jsonl
  taster corpus compose --technique base64,tags samples.jsonl
  taster corpus compose --draw 5000 --seed 7 --out stress.jsonl`,
		RunE: func(_ *cobra.Command, paths []string) error { return a.compose(&f, paths) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.axes, "axis", nil, "only techniques of these axes: "+words(compose.Axes()))
	flags.StringSliceVar(&f.techniques, "technique", nil, "only the techniques of these `NAMES`")
	flags.IntVar(&f.draw, "draw", 0, "draw `N` combinations of techniques instead of applying each")
	flags.StringVar(&f.split, "split", allSplits, "train, dev, test or all")
	flags.Uint64Var(&f.seed, "seed", 1, "of everything that is left to chance")
	flags.StringVar(&f.out, "out", "-", "write samples to `FILE`; - is standard output")
	flags.BoolVar(&f.list, "list", false, "list the techniques")
	complete(cmd, "axis", compose.Axes())
	complete(cmd, "split", append(corpus.Splits(), allSplits))
	return cmd
}

func (a *app) compose(f *composeFlags, paths []string) error {
	techniques, err := f.chosen()
	if err != nil {
		return err
	}
	if f.list {
		return a.listTechniques(techniques)
	}
	b := benchFlags{data: paths, split: f.split, control: 1, idle: 1, format: "text"}
	if err := b.validate(); err != nil {
		return err
	}
	c, err := b.choose()
	if err != nil {
		return err
	}
	var varied []corpus.Sample
	if f.draw > 0 {
		varied, err = compose.Draw(c.samples, techniques, f.draw, f.seed)
	} else {
		varied, err = compose.Each(c.samples, techniques, f.seed)
	}
	if err != nil {
		return err
	}
	if err := a.writeTo(f.out, func(w io.Writer) error { return writeSamples(w, varied) }); err != nil {
		return err
	}
	a.warn("%s of %s, seed %d", plural(len(varied), "variation"), plural(len(c.samples), "sample"), f.seed)
	if len(varied) == 0 {
		a.warn("%s", needSpans)
	}
	return nil
}

// needSpans says why there may be no variation of any sample.
const needSpans = "a sample varies only if it has spans, which say what the words of the attack are, and if a technique fits it"

func (f *composeFlags) chosen() ([]compose.Technique, error) {
	for _, axis := range f.axes {
		if !slices.Contains(compose.Axes(), compose.Axis(axis)) {
			return nil, usagef("--axis %q is not one of %s", axis, words(compose.Axes()))
		}
	}
	if f.draw < 0 {
		return nil, usagef("--draw must not be negative")
	}
	techniques := compose.Techniques()
	if len(f.techniques) > 0 {
		var err error
		if techniques, err = compose.Named(f.techniques...); err != nil {
			return nil, usagef("--technique: %w", err)
		}
	}
	if len(f.axes) == 0 {
		return techniques, nil
	}
	kept := slices.DeleteFunc(techniques, func(t compose.Technique) bool { return !slices.Contains(f.axes, string(t.Axis)) })
	if len(kept) == 0 {
		return nil, usagef("none of the techniques is of axis %s", words(f.axes))
	}
	return kept, nil
}

// listedTechnique is a technique in the list.
type listedTechnique struct {
	Name  string `json:"name"`
	Axis  string `json:"axis"`
	Class string `json:"class,omitempty"`
	Does  string `json:"does"`
}

func (a *app) listTechniques(techniques []compose.Technique) error {
	var list []listedTechnique
	for _, t := range techniques {
		list = append(list, listedTechnique{t.Name, string(t.Axis), string(t.Class), "the attack " + t.Does})
	}
	if a.json {
		return a.writeJSON(list)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tAXIS\tCLASS\tWHAT IT DOES")
	for _, t := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.Axis, t.Class, t.Does)
	}
	return w.Flush()
}

func writeSamples(w io.Writer, samples []corpus.Sample) error {
	buf := bufio.NewWriter(w)
	var line []byte
	for i := range samples {
		var err error
		if line, err = samples[i].AppendJSON(line[:0]); err != nil {
			return err
		}
		line = append(line, '\n')
		if _, err := buf.Write(line); err != nil {
			return fmt.Errorf("writing samples: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("writing samples: %w", err)
	}
	return nil
}
