package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"text/tabwriter"

	"github.com/aad6b6dc/taster/cmd/internal/known"
	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/similarity"
	"github.com/aad6b6dc/taster/models"
)

// halvesMeasurement is the result of --half-families.
type halvesMeasurement struct {
	measuredIndex
	Split    string `json:"split"`
	Digest   string `json:"corpus_digest"`
	Families int    `json:"families"` // groups with two attacks and more
	Known    int    `json:"known"`    // texts of their known halves
	// Other is the attacks of the families' other halves, with and without the known halves in the index.
	Other pair `json:"other"`
	// Unseen is all attacks of the split, without any of them in the index.
	Unseen found `json:"unseen"`
	// FalseAlarms are those on the harmless samples of the split.
	FalseAlarms pair `json:"false_alarms"`
}

// pair is the same with and without something.
type pair struct {
	With    found `json:"with"`
	Without found `json:"without"`
}

func (a *app) measureHalves(ctx context.Context, f *indexMeasureFlags) (err error) {
	b := benchFlags{data: f.data, split: f.split, control: 1, idle: 1, format: "text"}
	c, err := b.choose()
	if err != nil {
		return err
	}
	attacks, harmless := labelled(c.samples, models.Malicious), labelled(c.samples, models.Benign)
	half, other, families := halves(attacks, f.seed)
	if families == 0 {
		return fmt.Errorf("no group of split %s has two attacks", c.split)
	}
	texts, err := known.Of(half, known.Options{Seen: known.Published, Whole: true})
	if err != nil {
		return err
	}
	own, err := f.own()
	if err != nil {
		return err
	}
	dir, remove, err := a.temporaryIndex(ctx, slices.Concat(own, texts.Indicators))
	if err != nil {
		return err
	}
	defer remove()
	without, err := a.openSubject(ctx, f.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, without.close()) }()
	with, err := a.openSubject(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, with.close()) }()
	m := halvesMeasurement{Split: c.split, Digest: c.digest, Families: families, Known: len(texts.Indicators)}
	shipped, err := similarity.Known()
	if err != nil {
		return err
	}
	if m.measuredIndex, err = a.describe(ctx, f, with, slices.Concat(shipped, own, texts.Indicators)); err != nil {
		return err
	}
	for _, part := range []struct {
		into    *found
		subject *subject
		samples []corpus.Sample
		what    string
	}{
		{&m.Other.With, with, other, "other halves"},
		{&m.Other.Without, without, other, "other halves"},
		{&m.Unseen, without, attacks, "unseen"},
		{&m.FalseAlarms.With, with, harmless, "harmless"},
		{&m.FalseAlarms.Without, without, harmless, "harmless"},
	} {
		if *part.into, err = a.foundIn(ctx, part.subject, part.samples, part.what); err != nil {
			return err
		}
	}
	if a.json {
		return a.writeJSON(m)
	}
	return a.printHalves(&m)
}

// foundIn judges samples, of which there may be none.
func (a *app) foundIn(ctx context.Context, s *subject, samples []corpus.Sample, what string) (found, error) {
	if len(samples) == 0 {
		return foundOf(nil), nil
	}
	rows, err := a.rows(ctx, s, samples, what)
	return foundOf(rows), err
}

// labelled are the samples of a label, apart from what was listed with them and what they were before, which the detector
// does not read.
func labelled(samples []corpus.Sample, label models.Label) []corpus.Sample {
	var out []corpus.Sample
	for _, s := range samples {
		if s.Label == label {
			s.Catalogue, s.Before = "", ""
			out = append(out, s)
		}
	}
	return out
}

// halves divides the attacks of each group that has several, by chance: the known half is the smaller one.
func halves(attacks []corpus.Sample, seed uint64) (half, other []corpus.Sample, families int) {
	type family struct{ source, group string }
	members := map[family][]corpus.Sample{}
	var order []family
	for _, s := range attacks {
		f := family{s.Source, s.Group}
		if s.Group == "" {
			continue
		}
		if members[f] == nil {
			order = append(order, f)
		}
		members[f] = append(members[f], s)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for _, f := range order {
		all := members[f]
		if len(all) < 2 {
			continue
		}
		families++
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		half = append(half, all[:len(all)/2]...)
		other = append(other, all[len(all)/2:]...)
	}
	return half, other, families
}

func (a *app) printHalves(m *halvesMeasurement) error {
	a.printMeasured(&m.measuredIndex)
	fmt.Fprintf(a.stdout, "%s of split %s, of which one half is known by %s; corpus %s\n\n", plural(m.Families, "group"), m.Split,
		plural(m.Known, "text"), m.Digest)
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "MEASURED\tIN THE INDEX\tN\tFLAGGED\t95 %\tNOTED")
	for _, row := range []struct {
		what, with string
		found
	}{
		{"other halves", "the known halves", m.Other.With},
		{"other halves", "nothing of the split", m.Other.Without},
		{"all attacks", "nothing of the split", m.Unseen},
		{"harmless (false alarms)", "the known halves", m.FalseAlarms.With},
		{"harmless (false alarms)", "nothing of the split", m.FalseAlarms.Without},
	} {
		fmt.Fprintf(w, "%s\t%s\t%s\n", row.what, row.with, rateCells(row.found))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	return nil
}
