package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/bench"
	"github.com/aad6b6dc/taster/models"
)

const benchHelp = `Judge a labelled corpus, and say how much was found, how often the alarm was false, and how sure that is.

Without --data it is Taster's own corpus, of which the dev split is measured: the test split is for releases and the
gate. --data takes files of samples, or directories of them. What is measured is the shipped detectors together, or those
that --detectors names, with the built-in policy except that a changed pin alone is noted and not flagged. Foreign
scanners stand beside them: --external runs one, which gets the events as JSON lines on its standard input and answers
with a JSON line for each; --sarif reads what one wrote about the files of "taster bench export".

Every figure comes with its number of rows and a 95 % interval, and with a record of corpus digest, split, seed,
detectors, configuration, commit, machine and an A/A control. --rows keeps one JSON line for each event, from which
"taster bench report" makes every report again.

Exit codes: 0 measured, 3 a bar of the --gate is not met, 2 usage, 1 the command broke.`

const benchExample = `  taster bench
  taster bench --data samples.jsonl --rows rows.jsonl --out report.html
  taster bench --detectors none --external 'mine=node scanner.mjs' --data samples.jsonl
  taster bench --split test --gate corpus/gate.yaml`

// benchFlags are the flags of the bench command.
type benchFlags struct {
	data, detectors, external, sarif, out []string

	split, policy, pluginDir, rows, gate string
	plugins, ablation, evasion           bool
	seed                                 uint64
	control, workers                     int
	idle                                 time.Duration
	format                               string
	judge                                benchJudge
	fusion                               calibrationFlag
}

// allSplits stands for no choice of split.
const allSplits = "all"

func (a *app) benchCommand() *cobra.Command {
	f := benchFlags{}
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "Measure detectors against a labelled corpus",
		Long:    benchHelp,
		Example: benchExample,
		Args:    onlyCommands,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("data") && len(f.data) == 0 {
				return usagef("--data is empty")
			}
			if err := f.validate(); err != nil {
				return err
			}
			return a.bench(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.data, "data", nil, "`FILES` or directories of samples; Taster's own corpus otherwise")
	flags.StringVar(&f.split, "split", "", "train, dev, test or all; dev of the own corpus, all of --data otherwise. Samples without a split always count")
	flags.StringSliceVar(&f.detectors, "detectors", nil, "`NAMES` of the detectors to measure, or none; all otherwise")
	flags.StringVar(&f.pluginDir, "plugin-dir", "", "`DIR` with the manifests of outside detectors")
	flags.BoolVar(&f.plugins, "plugins", false, "run the shipped detectors in a process of their own")
	flags.StringVar(&f.policy, "policy", "", "policy `FILE` (YAML)")
	f.fusion.addTo(flags)
	flags.StringArrayVar(&f.external, "external", nil, "`NAME=COMMAND` of a foreign scanner; can be repeated")
	flags.DurationVar(&f.idle, "external-idle", bench.DefaultIdle, "how long a foreign scanner may stay silent")
	flags.StringArrayVar(&f.sarif, "sarif", nil, "`NAME=FILE` with a foreign scanner's results; can be repeated")
	flags.BoolVar(&f.ablation, "ablation", false, "measure also without each of the detectors")
	flags.BoolVar(&f.evasion, "evasion", false, "measure also variations of every sample: what does each place, language and disguise cost?")
	flags.StringVar(&f.rows, "rows", "", "write one JSON line for each event to `FILE`, or to standard output (-) instead of the report")
	flags.StringSliceVar(&f.out, "out", nil, "write the report also to `FILE`, as its extension says: .html, .md, .json or .txt; can be repeated")
	flags.StringVar(&f.format, "format", "text", "of the report on standard output: "+words(reportFormats()))
	flags.StringVar(&f.gate, "gate", "", "exit with 3 unless every bar in `FILE` (YAML) is met")
	flags.Uint64Var(&f.seed, "seed", 1, "of resampling, variations and the A/A control's choice")
	flags.IntVar(&f.control, "aa", 1000, "samples, about, that are judged a second time as A/A control")
	flags.IntVar(&f.workers, "workers", 0, "events judged at the same time; one for each CPU otherwise")
	f.judge.addTo(cmd)
	complete(cmd, "format", reportFormats())
	complete(cmd, "split", append(corpus.Splits(), allSplits))
	cmd.AddCommand(a.benchCalibrateCommand(), a.benchClimbCommand(), a.benchCompareCommand(), a.benchExportCommand(), a.benchReportCommand(), a.benchStreamCommand())
	return cmd
}

// onlyCommands refuses arguments, and says of files where they belong.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		if _, err := os.Stat(args[0]); err == nil {
			return usagef("%s is not a command; to measure a file of samples: --data %[1]s", args[0])
		}
	}
	return cobra.NoArgs(cmd, args)
}

func (f *benchFlags) validate() error {
	switch {
	case f.split != "" && f.split != allSplits && !corpus.Split(f.split).Valid():
		return usagef("--split %q is not one of %s, %s", f.split, words(corpus.Splits()), allSplits)
	case !slices.Contains(reportFormats(), f.format):
		return usagef("--format %q is not one of %s", f.format, words(reportFormats()))
	case f.control < 1:
		return usagef("--aa must be positive: no figure without an A/A control")
	case f.workers < 0, f.idle <= 0:
		return usagef("--workers and --external-idle must not be negative")
	}
	for _, name := range f.out {
		if _, err := formatOf(name); err != nil {
			return err
		}
	}
	return nil
}

// chosen is the corpus that the flags name and its samples that are measured.
type chosen struct {
	samples []corpus.Sample
	split   string
	files   []bench.CorpusFile
	digest  string
}

func (f *benchFlags) choose() (*chosen, error) {
	c, split, err := f.open()
	if err != nil {
		return nil, err
	}
	out := &chosen{split: split, digest: c.Digest()}
	for _, file := range c.Files {
		n := 0
		for _, s := range file.Samples {
			if split == allSplits || s.Split == "" || string(s.Split) == split {
				out.samples = append(out.samples, s)
				n++
			}
		}
		out.files = append(out.files, bench.CorpusFile{Name: file.Name, Digest: file.Digest, Rows: n})
	}
	if len(out.samples) == 0 {
		return nil, fmt.Errorf("split %s: %w", split, corpus.ErrEmpty)
	}
	for i := range out.samples {
		if err := countable(&out.samples[i]); err != nil {
			return nil, hinted(err, "taster corpus lint FILE lists all that is wrong")
		}
	}
	if id, twice := duplicate(out.samples); twice {
		return nil, fmt.Errorf("two samples are called %q: ids are unique over all that is measured together", id)
	}
	if f.evasion {
		varied, err := variations(out.samples, f.seed)
		if err != nil {
			return nil, err
		}
		out.samples = append(out.samples, varied...)
	}
	return out, nil
}

// countable says what keeps a sample out of every figure.
func countable(s *corpus.Sample) error {
	switch {
	case s.ID == "":
		return fmt.Errorf("a sample of %s has no id", s.Source)
	case !s.Label.Valid():
		return fmt.Errorf("sample %q: label %q is not one of %s", s.ID, s.Label, words(models.Labels()))
	case !s.Event.Kind.Valid():
		return fmt.Errorf("sample %q: kind %q is not one of %s", s.ID, s.Event.Kind, words(models.Kinds()))
	}
	return nil
}

func (f *benchFlags) open() (*corpus.Corpus, string, error) {
	if len(f.data) == 0 {
		c, err := corpus.Own()
		return c, cmp.Or(f.split, string(corpus.Dev)), err
	}
	c, err := corpus.Open(f.data...)
	return c, cmp.Or(f.split, allSplits), err
}

func duplicate(samples []corpus.Sample) (string, bool) {
	seen := make(map[string]bool, len(samples))
	for i := range samples {
		if seen[samples[i].ID] {
			return samples[i].ID, true
		}
		seen[samples[i].ID] = true
	}
	return "", false
}

func (a *app) bench(ctx context.Context, f *benchFlags) error {
	a.tuneMemory()
	gate, err := readGate(f.gate)
	if err != nil {
		return err
	}
	c, err := f.choose()
	if err != nil {
		return err
	}
	if f.evasion && !slices.ContainsFunc(c.samples, func(s corpus.Sample) bool { return s.From != "" }) {
		a.warn("no variations: %s", needSpans)
	}
	systems, err := a.contestants(ctx, f, c)
	if err != nil {
		return err
	}
	var rows []bench.Row
	for _, s := range systems {
		own, err := a.measure(ctx, f, c, s)
		if err != nil {
			return err
		}
		rows = append(rows, own...)
	}
	if f.rows != "" {
		if err := a.writeTo(f.rows, func(w io.Writer) error { return bench.WriteRows(w, rows) }); err != nil {
			return err
		}
	}
	return a.conclude(rows, gate, f.rows == "-", f.format, f.out)
}

// measure runs a system over the samples, and over some of them a second time, unless its answers are stored.
func (a *app) measure(ctx context.Context, f *benchFlags, c *chosen, s contestant) ([]bench.Row, error) {
	begun := time.Now().UTC()
	rows, took, err := a.pass(ctx, f, s, c.samples, "")
	if err != nil {
		return nil, err
	}
	b := measuringBuild(ctx)
	rows[0].Run = &bench.Record{
		System: s.name, Time: begun, Version: b.Version, Commit: b.Commit, Modified: b.Modified, Machine: thisMachine(),
		Corpora: c.files, Digest: c.digest, Split: c.split, Seed: f.seed, Detectors: s.detectors,
		ConfigDigest: s.configDigest, Config: s.config, Workers: s.workers(f), Stored: s.stored,
	}
	if !s.stored {
		again, _, err := a.pass(ctx, f, s, control(c.samples, min(f.control, cmp.Or(s.control, f.control)), f.seed), ", A/A control")
		if err != nil {
			return nil, err
		}
		rows[0].Run.Seconds, rows[0].Run.AA = took.Seconds(), bench.Repeat(rows, again)
	}
	if err := rows[0].Run.Validate(); err != nil {
		return nil, err
	}
	return rows, nil
}

// pass judges samples with a judge that has seen none of them.
func (a *app) pass(ctx context.Context, f *benchFlags, s contestant, samples []corpus.Sample, what string) (_ []bench.Row, _ time.Duration, err error) {
	_, catalogues := bench.Events(samples)
	judge, stop, err := s.open(catalogues)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	settings := bench.Settings{System: s.name, Judge: judge, Samples: samples, Workers: s.workers(f)}
	if s.whole {
		settings.Batch = len(samples)
	}
	bar := a.progressBar(len(samples), s.name+what)
	settings.Progress = func(done, _ int) { _ = bar.Set(done) } // drawing a bar is not worth failing for
	defer func() { _ = bar.Clear() }()
	return bench.Run(ctx, settings)
}

// progressBar shows the rate of events and the time left, if standard error is a terminal.
func (a *app) progressBar(all int, what string) *progressbar.ProgressBar {
	return a.progressBarOf(all, what, "events")
}

func (a *app) progressBarOf(all int, what, unit string) *progressbar.ProgressBar {
	var w io.Writer = io.Discard
	if isTerminal(a.stderr) {
		w = a.stderr
	}
	return progressbar.NewOptions(all,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionEnableColorCodes(false))
}

// control chooses about n samples, group by group, so that each keeps its catalogue and its earlier definition.
func control(samples []corpus.Sample, n int, seed uint64) []corpus.Sample {
	type family struct{ source, group string }
	families := map[family][]int{}
	var order []family
	for i := range samples {
		f := family{samples[i].Source, cmp.Or(samples[i].Group, samples[i].ID)}
		if families[f] == nil {
			order = append(order, f)
		}
		families[f] = append(families[f], i)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	var picked []corpus.Sample
	for _, f := range order {
		for _, i := range families[f] {
			picked = append(picked, samples[i])
		}
		if len(picked) >= n {
			break
		}
	}
	return picked
}

// writeTo writes to a file, or to standard output if its name is "-".
func (a *app) writeTo(name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(a.stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// formatOf is the report's format that a file's extension asks for.
func formatOf(name string) (string, error) {
	ext := strings.ToLower(filepath.Ext(name))
	for _, f := range []struct{ ext, format string }{{".html", "html"}, {".md", "markdown"}, {".json", "json"}, {".txt", "text"}} {
		if ext == f.ext {
			return f.format, nil
		}
	}
	return "", usagef("--out %q: the extension is none of .html, .md, .json, .txt", name)
}
