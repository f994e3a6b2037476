package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/indexbench"
	"github.com/aad6b6dc/taster/cmd/internal/known"
	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/bench"
	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/detectors/similarity"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

const indexMeasureHelp = `Measure how well the similarity detector finds known attacks after a change, how often it raises a false alarm, and what it
costs: memory, and time for events that hold something known and for those that do not.

The attacks are those that Taster ships and those of the index that --dir names; of them --sample are drawn. Each is looked
for as it is, with a third of its words edited, in the middle of a harmless text five times as long, and under each disguise
of "taster corpus compose". Found means flagged: the detector alone, in the engine, under the built-in policy. Harmless
events are those of --benign, else the harmless ones of the dev split of Taster's own corpus; they also lend the sentences
in which attacks are embedded.

--half-families measures instead what knowing some of a family is worth: of each group of attacks in a corpus half is added
to the index, and the other half is looked for; beside it all of them with nothing added.

The same seed measures the same events. Exit codes: 0 measured, 2 usage, 1 the command broke.`

// indexMeasureFlags are the flags of index measure.
type indexMeasureFlags struct {
	dir          string
	benign, data []string
	split        string
	sample, fill int
	repeat       int
	seed         uint64
	halves       bool
}

func (a *app) indexMeasureCommand() *cobra.Command {
	var f indexMeasureFlags
	cmd := &cobra.Command{
		Use:   "measure",
		Short: "Measure what is found of known texts after a change, and what it costs",
		Long:  indexMeasureHelp,
		Example: "  taster index measure\n  taster index measure --benign tools.jsonl --fill 50000\n" +
			"  taster index measure --half-families --split test",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.sample < 0, f.fill < 0, f.repeat < 1:
				return usagef("--sample and --fill must not be negative, --repeat must be positive")
			case f.split != allSplits && !corpus.Split(f.split).Valid():
				return usagef("--split %q is not one of %s, %s", f.split, words(corpus.Splits()), allSplits)
			case f.halves && (f.fill > 0 || len(f.benign) > 0):
				return usagef("--half-families takes its samples from a corpus, and needs neither --fill nor --benign")
			case !f.halves && len(f.data) > 0:
				return usagef("--data is for --half-families; --benign names harmless events")
			}
			a.tuneMemory()
			if f.halves {
				return a.measureHalves(cmd.Context(), &f)
			}
			return a.measureIndex(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "`DIR` of an index to measure beside what Taster ships")
	flags.StringSliceVar(&f.benign, "benign", nil, "`FILES` of samples, of which the harmless ones are judged; of the own corpus otherwise")
	flags.IntVar(&f.sample, "sample", 300, "measure `N` attacks, drawn by the seed; 0 for all")
	flags.IntVar(&f.fill, "fill", 0, "fill the index up to `N` texts, made by chance, before measuring")
	flags.IntVar(&f.repeat, "repeat", 1, "judge each harmless event `N` times and take the shortest time: for machines that do other work")
	flags.Uint64Var(&f.seed, "seed", 1, "of everything that is left to chance")
	flags.BoolVar(&f.halves, "half-families", false, "measure the other half of families of which half is known")
	flags.StringSliceVar(&f.data, "data", nil, "`FILES` or directories of samples for --half-families; Taster's own corpus otherwise")
	flags.StringVar(&f.split, "split", string(corpus.Dev), "of the corpus: train, dev, test or all. Samples without a split always count")
	complete(cmd, "split", append(corpus.Splits(), allSplits))
	return cmd
}

// measuredIndex says what was measured, and under what circumstances.
type measuredIndex struct {
	Version    string        `json:"version"`
	Commit     string        `json:"commit"`
	Modified   bool          `json:"modified,omitempty"`
	Machine    bench.Machine `json:"machine"`
	Policy     string        `json:"policy"`
	Seed       uint64        `json:"seed"`
	Detector   string        `json:"detector"` // version and digest
	Revision   string        `json:"revision"` // of all indicators that decide
	Indicators int           `json:"indicators"`
	Attacks    int           `json:"attacks"`
	Filled     int           `json:"filled,omitempty"`
	// HeapBytes is what the detector keeps in memory, DiskBytes the index beside what Taster ships.
	HeapBytes int64 `json:"heap_bytes"`
	DiskBytes int64 `json:"disk_bytes,omitempty"`
}

// found is how much of something was flagged, and how much was at least noted.
type found struct {
	Flagged score.Rate `json:"flagged"`
	Noted   score.Rate `json:"noted"`
}

func foundOf(rows []bench.Row) found {
	flagged, noted := 0, 0
	for i := range rows {
		if rows[i].Reached(models.TierFlagged) {
			flagged++
		}
		if rows[i].Reached(models.TierNoted) {
			noted++
		}
	}
	return found{score.NewRate(flagged, len(rows)), score.NewRate(noted, len(rows))}
}

// subject is the detector with an index, alone in an engine.
type subject struct {
	judge    engineJudge
	detector string
	policy   string
	heap     int64
	indexes  []*index.Index // what the detector looks in
}

// openSubject makes the detector with what Taster ships and the index in a directory, if there is one.
func (a *app) openSubject(ctx context.Context, dir string) (*subject, error) {
	var cfg similarity.Config
	var err error
	if dir != "" {
		if cfg.Dir, err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("finding the index: %w", err)
		}
	}
	section, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("configuring the detector: %w", err)
	}
	policy, description, err := benchPolicy("")
	if err != nil {
		return nil, err
	}
	before := heapBytes()
	loaded, err := host.InProcess(ctx, []detectors.Spec{similarity.Spec}, map[string]detectors.Config{similarity.Spec.Name: section})
	if err != nil {
		return nil, fmt.Errorf("making the detector: %w", err)
	}
	s := &subject{policy: description, detector: similarity.Spec.Version + " " + loaded[0].Digest}
	event := &models.Event{Kind: models.KindTool, Body: []byte("{}")} // makes what is made with the first event
	if _, err := loaded[0].Detector.Detect(ctx, &detectors.Batch{Inputs: []detectors.Input{{Event: event}}}); err != nil {
		return nil, fmt.Errorf("asking the detector: %w", err)
	}
	s.heap = heapBytes() - before
	eng, err := engine.New(ctx, engine.Settings{Slots: slots(loaded), Policy: policy, Logger: a.logger(), CacheEntries: 1})
	if err != nil {
		return nil, fmt.Errorf("starting the engine: %w", err)
	}
	s.judge = engineJudge{eng}
	return s, s.openIndexes(cfg.Dir)
}

// openIndexes opens what the detector looks in, apart from it.
func (s *subject) openIndexes(dir string) error {
	all, err := similarity.Known()
	if err != nil {
		return err
	}
	x, err := index.Memory(all)
	if err != nil {
		return err
	}
	s.indexes = append(s.indexes, x)
	if dir == "" {
		return nil
	}
	if x, err = index.Open(dir); err != nil {
		return err
	}
	s.indexes = append(s.indexes, x)
	return nil
}

// disk is how many bytes the files have.
func (s *subject) disk() (bytes int64) {
	for _, x := range s.indexes {
		bytes += x.Stats().Bytes
	}
	return bytes
}

// close lets go of the indexes.
func (s *subject) close() error {
	var errs []error
	for _, x := range s.indexes {
		errs = append(errs, x.Close())
	}
	return errors.Join(errs...)
}

// passes reports whether the gate lets a string of an event pass, in any view.
func (s *subject) passes(body []byte) (bool, error) {
	doc, err := view.Build(body)
	if err != nil {
		return false, nil // nobody looks into it
	}
	for i := range doc.Segments {
		for j := range doc.Segments[i].Views {
			for _, x := range s.indexes {
				if pass, err := x.Passes(doc.Segments[i].Views[j].Text); pass || err != nil {
					return pass, err
				}
			}
		}
	}
	return false, nil
}

// heapBytes is what is in use after a collection.
func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers let go
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// rows judges samples one after the other, so that times are those of a detector with a CPU to itself.
func (a *app) rows(ctx context.Context, s *subject, samples []corpus.Sample, what string) ([]bench.Row, error) {
	bar := a.progressBar(len(samples), what)
	defer func() { _ = bar.Clear() }() // drawing a bar is not worth failing for
	rows, _, err := bench.Run(ctx, bench.Settings{
		System: similarity.Spec.Name, Judge: s.judge, Samples: samples, Workers: 1,
		Progress: func(done, _ int) { _ = bar.Set(done) },
	})
	return rows, err
}

// describe says what is measured with the subject and the indicators that it knows.
func (a *app) describe(ctx context.Context, f *indexMeasureFlags, s *subject, all []models.Indicator) (measuredIndex, error) {
	x, err := index.Memory(all)
	if err != nil {
		return measuredIndex{}, err
	}
	defer x.Close()
	b := measuringBuild(ctx)
	return measuredIndex{
		Version: b.Version, Commit: b.Commit, Modified: b.Modified, Machine: thisMachine(), Policy: s.policy, Seed: f.seed,
		Detector: s.detector, Revision: x.Revision(), Indicators: x.Stats().Indicators, Attacks: len(malicious(all)),
		HeapBytes: s.heap, DiskBytes: s.disk(),
	}, nil
}

func malicious(all []models.Indicator) []models.Indicator {
	return slices.DeleteFunc(slices.Clone(all), func(x models.Indicator) bool { return x.Label != models.Malicious })
}

// indexMeasurement is the result.
type indexMeasurement struct {
	measuredIndex
	Sampled     int         `json:"sampled"` // attacks that were looked for
	Recall      []variation `json:"recall"`
	Benign      string      `json:"benign"` // what the harmless events are
	Digest      string      `json:"corpus_digest"`
	FalseAlarms found       `json:"false_alarms"`
	Passing     score.Rate  `json:"passing"` // events that the gate let pass
	Repeat      int         `json:"repeat"`  // judgements of each harmless event, of which the fastest counts
	Micros      latencies   `json:"micros"`
}

// variation is how much was found of the attacks in one variation.
type variation struct {
	Name  string       `json:"name"`
	Class models.Class `json:"class,omitempty"`
	found
}

// latencies are the times of harmless events with the detector, in microseconds.
type latencies struct {
	All     score.Quantiles `json:"all"`
	Passed  score.Quantiles `json:"passed"`
	Stopped score.Quantiles `json:"stopped"`
}

func (a *app) measureIndex(ctx context.Context, f *indexMeasureFlags) (err error) {
	e, err := f.experiment()
	if err != nil {
		return err
	}
	fill := e.varier.Fill(e.attacks, max(f.fill-len(e.all), 0))
	dir := f.dir
	if len(fill) > 0 {
		var remove func()
		if dir, remove, err = a.temporaryIndex(ctx, slices.Concat(e.own, fill)); err != nil {
			return err
		}
		defer remove()
	}
	s, err := a.openSubject(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	m := indexMeasurement{Benign: e.what, Digest: e.digest, Repeat: f.repeat}
	if m.measuredIndex, err = a.describe(ctx, f, s, slices.Concat(e.all, fill)); err != nil {
		return err
	}
	m.Filled = len(fill)
	if err := a.measureAlarms(ctx, &m, s, e.harmless); err != nil {
		return err
	}
	if err := a.measureRecall(ctx, &m, s, e.varier, drawn(e.attacks, f.sample, f.seed)); err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(m)
	}
	return a.printMeasurement(&m)
}

// experiment is what an index is measured with.
type experiment struct {
	own, all, attacks []models.Indicator // of the directory; with the shipped ones; the malicious ones of these
	harmless          []corpus.Sample
	what, digest      string // the harmless samples in words, and their corpus
	varier            *indexbench.Varier
}

func (f *indexMeasureFlags) experiment() (*experiment, error) {
	e := &experiment{}
	var err error
	if e.all, err = similarity.Known(); err != nil {
		return nil, err
	}
	if e.own, err = f.own(); err != nil {
		return nil, err
	}
	e.all = append(e.all, e.own...)
	e.attacks = malicious(e.all)
	if e.harmless, e.digest, e.what, err = f.harmless(); err != nil {
		return nil, err
	}
	e.varier = &indexbench.Varier{Seed: f.seed, Words: indexbench.WordsOf(e.all), Sentences: known.Prose(e.harmless)}
	if len(e.varier.Sentences) == 0 {
		return nil, fmt.Errorf("none of %s has a sentence to embed attacks in", e.what)
	}
	return e, nil
}

// temporaryIndex builds an index that remove takes away.
func (a *app) temporaryIndex(ctx context.Context, all []models.Indicator) (dir string, remove func(), err error) {
	if dir, err = os.MkdirTemp("", "taster-index-"); err != nil {
		return "", nil, fmt.Errorf("making an index: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) } // what is left is the system's to clear
	if _, err := a.buildIndex(ctx, dir, all); err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

// measureRecall looks for attacks in every variation.
func (a *app) measureRecall(ctx context.Context, m *indexMeasurement, s *subject, v *indexbench.Varier, attacks []models.Indicator) error {
	varied, err := v.All(attacks)
	if err != nil {
		return err
	}
	rows, err := a.rows(ctx, s, varied, "attacks")
	if err != nil {
		return err
	}
	m.Sampled, m.Recall = len(attacks), recallOf(rows)
	return nil
}

// own are the indicators of the index that the flags name, none without one.
func (f *indexMeasureFlags) own() ([]models.Indicator, error) {
	if f.dir == "" {
		return nil, nil
	}
	all, err := index.All(f.dir)
	return all, noIndex(f.dir, err)
}

// drawn are n of the indicators by chance, all for 0.
func drawn(all []models.Indicator, n int, seed uint64) []models.Indicator {
	if n == 0 || n >= len(all) {
		return all
	}
	all = slices.Clone(all)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// harmless are the events on which every alarm is false.
func (f *indexMeasureFlags) harmless() (samples []corpus.Sample, digest, what string, err error) {
	b := benchFlags{data: f.benign, control: 1, idle: 1, format: "text"}
	c, err := b.choose()
	if err != nil {
		return nil, "", "", err
	}
	samples = labelled(c.samples, models.Benign)
	what = fmt.Sprintf("%s of split %s", plural(len(samples), "harmless event"), c.split)
	if len(samples) == 0 {
		return nil, "", "", fmt.Errorf("%s: %w", what, corpus.ErrEmpty)
	}
	return samples, c.digest, what, nil
}

// measureAlarms judges harmless events, tells those that the gate lets pass from the others, and times both.
func (a *app) measureAlarms(ctx context.Context, m *indexMeasurement, s *subject, harmless []corpus.Sample) error {
	if _, err := a.rows(ctx, s, harmless[:min(len(harmless), 500)], "warming up"); err != nil {
		return err
	}
	rows, shortest, err := a.repeated(ctx, s, harmless, m.Repeat)
	if err != nil {
		return err
	}
	m.FalseAlarms = foundOf(rows)
	var all, passed, stopped []float64
	for i, micros := range shortest {
		if len(rows[i].Detectors) == 0 {
			continue
		}
		all = append(all, micros)
		if pass, err := s.passes(harmless[i].Event.Body); err != nil {
			return err
		} else if pass {
			passed = append(passed, micros)
		} else {
			stopped = append(stopped, micros)
		}
	}
	m.Passing = score.NewRate(len(passed), len(all))
	m.Micros = latencies{score.NewQuantiles(all), score.NewQuantiles(passed), score.NewQuantiles(stopped)}
	return nil
}

// repeated judges samples n times, and returns the rows and the shortest time of each.
func (a *app) repeated(ctx context.Context, s *subject, samples []corpus.Sample, n int) (rows []bench.Row, shortest []float64, err error) {
	shortest = make([]float64, len(samples))
	for pass := range n {
		if rows, err = a.rows(ctx, s, samples, "harmless"); err != nil {
			return nil, nil, err
		}
		for i := range rows {
			if d := rows[i].Detectors; len(d) > 0 && (pass == 0 || d[0].Micros < shortest[i]) {
				shortest[i] = d[0].Micros
			}
		}
	}
	return rows, shortest, nil
}

// recallOf counts rows by variation, in the order in which they first come.
func recallOf(rows []bench.Row) []variation {
	by := map[string][]bench.Row{}
	var order []string
	for _, r := range rows {
		if by[r.Technique] == nil {
			order = append(order, r.Technique)
		}
		by[r.Technique] = append(by[r.Technique], r)
	}
	var out []variation
	for _, name := range order {
		v := variation{Name: name, found: foundOf(by[name])}
		if own := by[name][0].Also; len(own) > 0 {
			v.Class = own[len(own)-1]
		}
		out = append(out, v)
	}
	return out
}

func (a *app) printMeasurement(m *indexMeasurement) error {
	a.printMeasured(&m.measuredIndex)
	fmt.Fprintf(a.stdout, "%s drawn, looked for in each variation that fits them\n\n", plural(m.Sampled, "attack"))
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "VARIATION\tCLASS\tN\tFLAGGED\t95 %\tNOTED")
	for _, v := range m.Recall {
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, v.Class, rateCells(v.found))
	}
	fmt.Fprintf(w, "\t\t\t\t\t\nFALSE ALARMS\t\t%s\n", rateCells(m.FalseAlarms))
	fmt.Fprintf(w, "gate passed\t\t%d\t%.4f\t%.4f to %.4f\t\n", m.Passing.N, m.Passing.Value, m.Passing.Low, m.Passing.High)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	fmt.Fprintf(a.stdout, "\nflagged per 1,000: %.2f (%.2f to %.2f) of %s, corpus %s\n\n", m.FalseAlarms.Flagged.PerThousand(),
		1000*m.FalseAlarms.Flagged.Low, 1000*m.FalseAlarms.Flagged.High, m.Benign, m.Digest)
	if m.Repeat > 1 {
		fmt.Fprintf(a.stdout, "shortest of %d times each\n", m.Repeat)
	}
	fmt.Fprintln(w, "MICROSECONDS\tN\tMEAN\tP50\tP95\tP99\tMAX")
	for _, l := range []struct {
		name string
		score.Quantiles
	}{{"harmless events", m.Micros.All}, {"that the gate passed", m.Micros.Passed}, {"that the gate stopped", m.Micros.Stopped}} {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", l.name, l.N, l.Mean, l.P50, l.P95, l.P99, l.Max)
	}
	return w.Flush()
}

// rateCells are number, share, interval and the share that was noted.
func rateCells(f found) string {
	return fmt.Sprintf("%d\t%.4f\t%.4f to %.4f\t%.4f", f.Flagged.N, f.Flagged.Value, f.Flagged.Low, f.Flagged.High, f.Noted.Value)
}

const mebibyte = 1 << 20

func (a *app) printMeasured(m *measuredIndex) {
	modified := ""
	if m.Modified {
		modified = " (modified)"
	}
	fmt.Fprintf(a.stdout, "%s: %s %s, commit %s%s\n%s, %d CPUs, %s\n%s, seed %d\n", similarity.Spec.Name, m.Version, m.Detector, m.Commit, modified,
		m.Machine.CPU, m.Machine.CPUs, m.Machine.Go, m.Policy, m.Seed)
	fmt.Fprintf(a.stdout, "%s, %s, %d of them filled in; %.1f MiB in memory, %.1f MiB on disk\n%s\n", plural(m.Indicators, "indicator"),
		plural(m.Attacks, "attack"), m.Filled, float64(m.HeapBytes)/mebibyte, float64(m.DiskBytes)/mebibyte, m.Revision)
}
