package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/compose"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/detectors/classifier/train"
	"github.com/aad6b6dc/taster/models"
)

const trainHelp = `Train the learned detector on the train split of Taster's own corpus and on the samples of --data, and write its weights.
The same inputs and flags give the same bytes.

Thresholds are chosen on rows that are not learned: the dev split, and of --data the groups that --hold-out sets aside. The
test split is never read. With --leave-one-out nothing is written: for each source named, a model is trained without
it and measured on it, which is what tells whether attacks are found that were never seen. With --shortcuts nothing is written either: it
says by what else than their meaning malicious rows differ from harmless ones, and what is left of the model where they don't.`

const trainExample = `  taster train --out weights.bin
  taster train --data samples.jsonl --out weights.bin
  taster train --data poisoned.jsonl,real.jsonl --leave-one-out poisoned`

// trainFlags are the flags of the train command.
type trainFlags struct {
	data, leaveOut, heads []string
	without               []string
	out, aside            string
	holdOut               float64
	varied, reworded      int
	own, shortcuts        bool
	options               train.Options
}

func (a *app) trainCommand() *cobra.Command {
	f := trainFlags{options: train.Defaults()}
	cmd := &cobra.Command{
		Use:     "train",
		Short:   "Train the learned detector, or measure it on sources that it has not seen",
		Long:    trainHelp,
		Example: trainExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.train(cmd.Context(), &f) },
	}
	d := train.Defaults()
	flags := cmd.Flags()
	flags.StringSliceVar(&f.data, "data", nil, "`FILES` or directories of samples to learn beside the own corpus")
	flags.BoolVar(&f.own, "own", true, "learn Taster's own corpus")
	flags.StringVar(&f.out, "out", "", "write the weights to `FILE`")
	flags.StringVar(&f.aside, "aside", "", "write the samples that --hold-out sets aside to `FILE`, with --out")
	flags.StringSliceVar(&f.leaveOut, "leave-one-out", nil, "`SOURCES` to measure, each with a model that has not seen it; dev is the dev split")
	flags.Float64Var(&f.holdOut, "hold-out", 0.3, "share of the groups of harmless --data without splits that thresholds are chosen on")
	flags.StringSliceVar(&f.without, "without", nil, "`SOURCES` to leave out altogether")
	flags.IntVar(&f.reworded, "reworded", 1, "learn also `N` rewordings of each row of the train split")
	flags.IntVar(&f.varied, "varied", 0, "learn also `N` variations of the own corpus, drawn by chance")
	flags.Uint64Var(&f.options.Seed, "seed", d.Seed, "of everything that is left to chance")
	flags.IntVar(&f.options.Epochs, "epochs", d.Epochs, "times that every row is seen")
	flags.IntVar(&f.options.Rounds, "rounds", d.Rounds, "times that training is repeated; the mean is kept")
	flags.Float32Var(&f.options.Rate, "rate", d.Rate, "step of learning")
	flags.Float32Var(&f.options.Malicious, "malicious", d.Malicious, "weight of malicious rows")
	flags.Float32Var(&f.options.Foreign, "foreign", d.Foreign, "weight of rows of other kinds")
	flags.Float32Var(&f.options.Requests, "requests", d.Requests, "weight of harmless user prompts as what results must not say")
	flags.Float32Var(&f.options.Dropped, "drop", d.Dropped, "share of words of malicious rows left out at each look")
	flags.StringSliceVar(&f.heads, "heads", nil, "only the `HEADS` of these names, with --leave-one-out: "+words(headNames()))
	flags.BoolVar(&f.shortcuts, "shortcuts", false, "write no weights; say how much the model owes to lengths, schemas and repeated sentences")
	flags.BoolVar(&f.options.WithoutSignals, "without-signals", false, "learn words alone, without what directive analysis finds")
	return cmd
}

func (f *trainFlags) validate() error {
	o := &f.options
	switch {
	case f.out == "" && len(f.leaveOut) == 0 && !f.shortcuts:
		return usagef("--out, --leave-one-out or --shortcuts is needed")
	case f.aside != "" && f.out == "":
		return usagef("--aside is for --out")
	case f.shortcuts && (f.out != "" || len(f.leaveOut) > 0):
		return usagef("--shortcuts measures alone: leave --out and --leave-one-out away")
	case f.out != "" && len(f.leaveOut) > 0:
		return usagef("--leave-one-out measures and writes no weights: leave --out away")
	case slices.ContainsFunc(f.heads, func(name string) bool { return !slices.Contains(headNames(), name) }):
		return usagef("--heads %s: the heads are %s", strings.Join(f.heads, ","), words(headNames()))
	case !f.own && len(f.data) == 0:
		return usagef("nothing to learn: --own=false without --data")
	case !(f.holdOut > 0 && f.holdOut < 1):
		return usagef("--hold-out must be above 0 and below 1")
	case o.Epochs < 1 || o.Epochs > 100, o.Rounds < 1 || o.Rounds > 100:
		return usagef("--epochs and --rounds must be from 1 to 100")
	case !(o.Rate > 0 && o.Rate <= 10), !(o.Malicious > 0 && o.Malicious <= 100), !(o.Foreign >= 0 && o.Foreign <= 1), !(o.Requests >= 0 && o.Requests <= 1), !(o.Dropped >= 0 && o.Dropped < 1):
		return usagef("--rate and --malicious must be above 0, --foreign, --requests and --drop between 0 and 1")
	case f.varied < 0, f.reworded < 0 || f.reworded > 10:
		return usagef("--varied must not be negative, --reworded from 0 to 10")
	}
	return nil
}

func headNames() (all []string) {
	for _, h := range classifier.Heads() {
		all = append(all, h.String())
	}
	return all
}

// lesson is a sample taken apart.
type lesson struct {
	*train.Row
	sample *corpus.Sample
	weight float32 // 0 means 1
	held   bool    // thresholds are chosen on it: it is not learned
	real   bool    // it tells how real, harmless traffic scores
}

// devSource stands for the rows of all dev splits, which no model learns.
const devSource = "dev"

// from reports whether the lesson is of a source.
func (l *lesson) from(source string) bool {
	return source != "" && l.sample.Source == source || source == devSource && l.sample.Split == corpus.Dev
}

// course is all that is learned and held out.
type course struct {
	lessons []lesson
	inputs  []classifier.InputFile
}

func (a *app) train(ctx context.Context, f *trainFlags) error {
	if err := f.validate(); err != nil {
		return err
	}
	c, err := f.prepare(ctx)
	if err != nil {
		return err
	}
	if len(f.leaveOut) > 0 {
		return a.leaveOneOut(ctx, f, c)
	}
	if f.shortcuts {
		return a.reportShortcuts(ctx, f, c)
	}
	m, err := c.train(ctx, f, classifier.Heads(), "")
	if err != nil {
		return err
	}
	data, err := m.Append(nil)
	if err != nil {
		return err
	}
	if err := a.writeTo(f.out, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return err
	}
	if err := a.writeAside(f.aside, c); err != nil {
		return err
	}
	for _, h := range classifier.Heads() {
		t := m.Tiers(h)
		fmt.Fprintf(a.stderr, "%-12s noted from %.2f, flagged from %.2f, blocked from %.2f\n", h, t.Noted, t.Flagged, t.Blocked)
	}
	fmt.Fprintf(a.stderr, "%s, %d bytes\n", m.Digest(), len(data))
	return nil
}

// writeAside writes the real, harmless samples that were not learned, for whoever wants to set thresholds by them.
func (a *app) writeAside(path string, c *course) error {
	if path == "" {
		return nil
	}
	return a.writeTo(path, func(w io.Writer) error {
		var line []byte
		for i := range c.lessons {
			l := &c.lessons[i]
			if !l.real {
				continue
			}
			var err error
			if line, err = l.sample.AppendJSON(line[:0]); err != nil {
				return fmt.Errorf("sample %q: %w", l.sample.ID, err)
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
}

// prepare reads the samples and takes them apart.
func (f *trainFlags) prepare(ctx context.Context) (*course, error) {
	var files []corpus.File
	if f.own {
		own, err := corpus.Own()
		if err != nil {
			return nil, err
		}
		files = append(files, own.Files...)
	}
	external := len(files)
	if len(f.data) > 0 {
		data, err := corpus.Open(f.data...)
		if err != nil {
			return nil, err
		}
		files = append(files, data.Files...)
	}
	p, err := train.NewPreparer()
	if err != nil {
		return nil, err
	}
	c := &course{}
	var originals []corpus.Sample
	for n := range files {
		read := 0
		for i := range files[n].Samples {
			s := &files[n].Samples[i]
			if !teaches(s) || slices.Contains(f.without, s.Source) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			l := lesson{sample: s, held: s.Split == corpus.Dev}
			if n >= external && s.Split == "" && s.Label == models.Benign && share(cmp.Or(s.Group, s.ID)) < f.holdOut {
				l.held, l.real = true, true
			}
			if err := c.add(p, l); err != nil {
				return nil, err
			}
			if s.Split == corpus.Train {
				if err := c.reword(p, l, f); err != nil {
					return nil, err
				}
			}
			if n < external && s.Split == corpus.Train {
				originals = append(originals, *s)
			}
			read++
		}
		c.inputs = append(c.inputs, classifier.InputFile{Name: files[n].Name, Digest: files[n].Digest, Rows: read})
	}
	if f.varied > 0 {
		varied, err := compose.Draw(originals, compose.Techniques(), f.varied, f.options.Seed)
		if err != nil {
			return nil, fmt.Errorf("varying samples: %w", err)
		}
		for i := range varied {
			if err := c.add(p, lesson{sample: &varied[i]}); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// capability is what collections call a tool whose text is honest about something harmful: no injection.
const capability = "capability"

// teaches reports whether a sample may be looked at in training at all.
func teaches(s *corpus.Sample) bool {
	return s.Split != corpus.Test && s.Event.Oversize == nil && s.Signal != capability
}

func (c *course) add(p *train.Preparer, l lesson) error {
	return c.addExample(p, l, exampleOf(l.sample))
}

func (c *course) addExample(p *train.Preparer, l lesson, e *train.Example) error {
	row, err := p.Row(e)
	if err != nil {
		return fmt.Errorf("sample %q: %w", l.sample.ID, err)
	}
	row.Weight = l.weight
	l.Row = row
	c.lessons = append(c.lessons, l)
	return nil
}

func exampleOf(s *corpus.Sample) *train.Example {
	e := &train.Example{Event: s.Event, Malicious: s.Label == models.Malicious}
	for _, span := range s.Spans {
		e.Spans = append(e.Spans, train.Span{Pointer: span.Pointer, Key: span.Key, Start: span.Start, End: span.End})
	}
	return e
}

const (
	// rewordedShare is the share of words that rewordings replace, of those that have others of a like meaning.
	rewordedShare = 0.3
	// rewordedWeight is what a rewording weighs beside its original: it reads badly.
	rewordedWeight = 0.4
)

// reword adds rewordings of a lesson, always the same ones. A body that is no JSON value has none.
func (c *course) reword(p *train.Preparer, l lesson, f *trainFlags) error {
	if !json.Valid(l.sample.Event.Body) {
		return nil
	}
	r := rand.New(rand.NewPCG(f.options.Seed, uint64(len(c.lessons))))
	l.weight = rewordedWeight
	for range f.reworded {
		e, err := train.Reword(exampleOf(l.sample), r, rewordedShare)
		if err != nil {
			return fmt.Errorf("sample %q: %w", l.sample.ID, err)
		}
		if err := c.addExample(p, l, e); err != nil {
			return err
		}
	}
	return nil
}

// share places a group between 0 and 1, the same everywhere.
func share(group string) float64 {
	h := fnv.New32a()
	io.WriteString(h, group)
	return float64(h.Sum32()*2654435761>>8) / (1 << 24)
}

// train makes a model of the given heads without the samples of one source.
func (c *course) train(ctx context.Context, f *trainFlags, which []classifier.Head, without string) (*classifier.Model, error) {
	var rows, held []*train.Row
	counts := map[string][2]int{}
	for i := range c.lessons {
		l := &c.lessons[i]
		switch {
		case l.from(without):
		case l.held:
			held = append(held, l.Row)
		default:
			rows = append(rows, l.Row)
			n := counts[l.Head.String()]
			n[btoi(!l.Malicious)]++
			counts[l.Head.String()] = n
		}
	}
	parts := map[classifier.Head]*classifier.Assembled{}
	for _, h := range which {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		parts[h] = train.Head(h, rows, held, &f.options)
	}
	header := classifier.Header{Command: f.command(), Inputs: c.inputs, Seed: f.options.Seed, Rows: counts}
	m, err := classifier.Assemble(header, parts)
	if err != nil {
		return nil, err
	}
	for _, h := range which {
		parts[h].Tiers = c.tiers(m, h, without)
	}
	return classifier.Assemble(header, parts)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// command is the call that makes the same weights.
func (f *trainFlags) command() string {
	var names []string
	for _, path := range f.data {
		names = append(names, filepath.Base(path))
	}
	o := &f.options
	return fmt.Sprintf("taster train --own=%v --data %s --without=%s --hold-out %g --reworded %d --varied %d --seed %d --epochs %d --rounds %d --rate %g --malicious %g --foreign %g --requests %g --drop %g --without-signals=%v",
		f.own, strings.Join(names, ","), strings.Join(f.without, ","), f.holdOut, f.reworded, f.varied, o.Seed, o.Epochs, o.Rounds, o.Rate, o.Malicious, o.Foreign, o.Requests, o.Dropped, o.WithoutSignals)
}

// scarcity is the share of held-out harmless rows that may reach each tier.
type scarcity struct{ noted, flagged, blocked float64 }

// A finding is worth showing where one look-alike in four has one, and grave where hardly any does. Real definitions come by
// the thousand when a client connects, so fewer of them may have one. What collections call harmless at run time has too
// many attacks in it to set a threshold.
var (
	alikeShares = scarcity{0.25, 0.02, 0.002}
	realShares  = scarcity{0.02, 0.001, 0}
)

// margin is how much more than any of few harmless rows an event must score to be blocked: a thousand rows don't show what
// one in ten thousand scores.
const margin = 0.5

// tiers chooses the thresholds of a head on what was held out, but for the rows of one source.
func (c *course) tiers(m *classifier.Model, h classifier.Head, without string) classifier.Tiers {
	real, alike := c.harmless(m, h, without)
	at := func(a, r float64) float32 {
		t := train.Quantile(alike, a)
		if h == classifier.Definitions && len(real) > 0 {
			t = max(t, train.Quantile(real, r))
		}
		return t
	}
	t := classifier.Tiers{
		Noted:   at(alikeShares.noted, realShares.noted),
		Flagged: at(alikeShares.flagged, realShares.flagged),
		Blocked: at(alikeShares.blocked, realShares.blocked),
	}
	t.Flagged = max(t.Flagged, t.Noted)
	t.Blocked = max(t.Blocked, t.Flagged) + margin
	return t
}

// harmless returns the scores of held-out rows that are not malicious, real ones and look-alikes, but for those of one source.
func (c *course) harmless(m *classifier.Model, h classifier.Head, without string) (real, alike []float32) {
	for i := range c.lessons {
		l := &c.lessons[i]
		if !l.held || l.Malicious || l.Head != h || l.from(without) {
			continue
		}
		full, _ := l.Score(m)
		if l.real {
			real = append(real, full)
		} else {
			alike = append(alike, full)
		}
	}
	return real, alike
}
