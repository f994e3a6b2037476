package cli

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/detectors/classifier/train"
	"github.com/aad6b6dc/taster/models"
)

// leftOut is what a model that has not seen a source finds in it.
type leftOut struct {
	Source string `json:"source"`
	Head   string `json:"head"`
	// Malicious and Harmless count the rows; of definitions, malicious ones whose text is neutral are left away.
	Malicious int `json:"malicious"`
	Harmless  int `json:"harmless"`
	// AUC is how often a malicious row scores above a harmless one of the source, 0.5 if it has none.
	AUC float64 `json:"auc"`
	At  []atBar `json:"at"`
}

// atBar is what reaches the score that a share of some harmless rows reaches.
type atBar struct {
	// Of names the harmless rows: "real" and "look-alikes" are held out, "own" the source's. Or it names a tier, with its
	// threshold; then Share is 0.
	Of    string  `json:"of"`
	Share float64 `json:"share"`
	// Found counts malicious rows at or above it, Alarms the source's harmless rows.
	Found  int `json:"found"`
	Alarms int `json:"alarms"`
	// FoundByWords is Found for the layer that does not read what directive analysis finds.
	FoundByWords int `json:"found_by_words"`
}

// bars are the shares that leave-one-out reports.
var bars = []struct {
	of     string
	shares []float64
}{
	{"real", []float64{0.001, 0.005, 0.01}},
	{"look-alikes", []float64{0.01, 0.03}},
	{"own", []float64{0.01, 0.02, 0.03, 0.1}},
}

func (a *app) leaveOneOut(ctx context.Context, f *trainFlags, c *course) error {
	var all []leftOut
	for _, source := range f.leaveOut {
		some := false
		for _, h := range classifier.Heads() {
			rows := c.of(source, h)
			if len(rows) == 0 || len(f.heads) > 0 && !slices.Contains(f.heads, h.String()) {
				continue
			}
			m, err := c.train(ctx, f, []classifier.Head{h}, source)
			if err != nil {
				return err
			}
			all, some = append(all, c.measure(m, h, source, rows)), true
		}
		if !some {
			return usagef("--leave-one-out %s: no samples of that source", source)
		}
	}
	if a.json {
		return a.writeJSON(all)
	}
	return a.printLeftOut(all)
}

// of returns the rows of a source that a head is measured on.
func (c *course) of(source string, h classifier.Head) (rows []*lesson) {
	malicious := false
	for i := range c.lessons {
		l := &c.lessons[i]
		if l.from(source) && l.Head == h && !(l.Malicious && neutral(l.sample)) {
			rows, malicious = append(rows, l), malicious || l.Malicious
		}
	}
	if !malicious {
		return nil
	}
	return rows
}

// neutral reports whether a malicious definition has no sentence that makes it so.
func neutral(s *corpus.Sample) bool {
	return s.Event.Kind == models.KindTool && s.Split == "" && s.Signal != "" && s.Signal != corpus.Instruction
}

func (c *course) measure(m *classifier.Model, h classifier.Head, source string, rows []*lesson) leftOut {
	type scores struct{ full, words []float32 }
	by := map[string]*scores{"real": {}, "look-alikes": {}, "own": {}, "malicious": {}}
	note := func(what string, l *lesson) {
		full, words := l.Score(m)
		by[what].full, by[what].words = append(by[what].full, full), append(by[what].words, words)
	}
	for i := range c.lessons {
		l := &c.lessons[i]
		switch {
		case !l.held || l.Malicious || l.Head != h:
		case l.from(source): // it is measured, so it must not set the bar
		case l.real:
			note("real", l)
		case l.sample.Split == corpus.Dev:
			note("look-alikes", l)
		}
	}
	for _, l := range rows {
		if l.Malicious {
			note("malicious", l)
		} else {
			note("own", l)
		}
	}
	out := leftOut{Source: source, Head: h.String(), Malicious: len(by["malicious"].full), Harmless: len(by["own"].full)}
	out.AUC = aucOf(by["malicious"].full, by["own"].full)
	for _, bar := range bars {
		harmless := by[bar.of]
		if len(harmless.full) == 0 {
			continue
		}
		for _, share := range bar.shares {
			t := train.Quantile(harmless.full, share)
			out.At = append(out.At, atBar{
				Of: bar.of, Share: share, Found: reach(by["malicious"].full, t), Alarms: reach(by["own"].full, t),
				FoundByWords: reach(by["malicious"].words, train.Quantile(harmless.words, share)),
			})
		}
	}
	tiers := m.Tiers(h)
	for _, tier := range []struct {
		name string
		from float32
	}{{"noted", tiers.Noted}, {"flagged", tiers.Flagged}, {"blocked", tiers.Blocked}} {
		out.At = append(out.At, atBar{Of: tier.name, Found: reach(by["malicious"].full, tier.from), Alarms: reach(by["own"].full, tier.from)})
	}
	return out
}

func aucOf(malicious, harmless []float32) float64 {
	var a auc
	for _, m := range malicious {
		for _, h := range harmless {
			a.add(float64(m), float64(h))
		}
	}
	return a.value()
}

// bar says where the bar is.
func (b *atBar) bar() string {
	if b.Share == 0 {
		return b.Of
	}
	return fmt.Sprintf("%g %% of %s", 100*b.Share, b.Of)
}

func (l *leftOut) auc() string {
	if l.Harmless == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", l.AUC)
}

// words says what the words alone find; their layer has no tiers.
func (b *atBar) words(of int) string {
	if b.Share == 0 {
		return ""
	}
	return percent(b.FoundByWords, of)
}

func reach(scores []float32, t float32) (n int) {
	for _, s := range scores {
		if s >= t {
			n++
		}
	}
	return n
}

func (a *app) printLeftOut(all []leftOut) error {
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tHEAD\tMALICIOUS\tHARMLESS\tAUC\tAT\tFOUND\tBY WORDS ALONE\tOWN ALARMS")
	for i := range all {
		l := &all[i]
		for j := range l.At {
			b := &l.At[j]
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", l.Source, l.Head, l.Malicious, l.Harmless, l.auc(), b.bar(),
				percent(b.Found, l.Malicious), b.words(l.Malicious), percent(b.Alarms, l.Harmless))
		}
	}
	sums := together(all)
	for i := range sums {
		l := &sums[i]
		for j := range l.At {
			b := &l.At[j]
			fmt.Fprintf(w, "together\t%s\t%d\t%d\t\t%s\t%s\t%s\t\n", l.Head, l.Malicious, l.Harmless, b.bar(), percent(b.Found, l.Malicious), b.words(l.Malicious))
		}
	}
	return w.Flush()
}

// together adds up, head by head, what was found in several sources, at the bars that all of them have.
func together(all []leftOut) (sums []leftOut) {
	for _, h := range classifier.Heads() {
		sum, n := leftOut{Head: h.String()}, 0
		for i := range all {
			l := &all[i]
			if l.Head != sum.Head {
				continue
			}
			if n++; n == 1 {
				sum.At = slices.Clone(l.At)
			} else {
				sum.At = slices.DeleteFunc(sum.At, func(b atBar) bool { return l.at(b.bar()) == nil })
				for j := range sum.At {
					b := l.at(sum.At[j].bar())
					sum.At[j].Found += b.Found
					sum.At[j].FoundByWords += b.FoundByWords
				}
			}
			sum.Malicious += l.Malicious
			sum.Harmless += l.Harmless
		}
		if n > 1 {
			sums = append(sums, sum)
		}
	}
	return sums
}

func (l *leftOut) at(bar string) *atBar {
	for i := range l.At {
		if l.At[i].bar() == bar {
			return &l.At[i]
		}
	}
	return nil
}

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}
