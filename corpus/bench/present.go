package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
)

// section is a part of a report as a person reads it, before it becomes text or Markdown.
type section struct {
	title  string
	tables []table
	lines  []string // after the tables
	alarm  bool     // the lines are warnings
}

// table has a head and rows of as many cells.
type table struct {
	columns  []string
	leftmost int // how many columns hold words; the others hold figures
	rows     [][]cell
}

type cell struct {
	text  string
	paint string // one of the colours, or empty
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func (t *table) addTexts(texts ...string) {
	cells := make([]cell, len(texts))
	for i, s := range texts {
		cells[i].text = s
	}
	t.add(cells...)
}

// shownChanges is how many changed rows text and Markdown list of each comparison.
const shownChanges = 50

// present arranges a report: the answer first, how it was obtained last.
func present(r *Report) []section {
	sections := []section{summary(r)}
	if len(r.Warnings) > 0 {
		sections = append(sections, section{title: "Before you believe it", lines: r.Warnings, alarm: true})
	}
	sections = append(sections, byDimension(r)...)
	for _, s := range []section{
		operatingPoints(r), twins(r), calibration(r), latency(r), uninspected(r), evasion(r),
	} {
		if len(s.tables) > 0 {
			sections = append(sections, s)
		}
	}
	for i := range r.Comparisons {
		sections = append(sections, comparison(&r.Comparisons[i]))
	}
	for i := range r.Systems {
		sections = append(sections, provenance(&r.Systems[i]))
	}
	return sections
}

// summary has a line for each figure and a column for each system.
func summary(r *Report) section {
	t := table{columns: []string{""}, leftmost: 1}
	for i := range r.Systems {
		t.columns = append(t.columns, r.Systems[i].Name)
	}
	line := func(name string, of func(s *System) string) {
		texts, any := []string{name}, false
		for i := range r.Systems {
			v := of(&r.Systems[i])
			any = any || v != nothing
			texts = append(texts, v)
		}
		if any {
			t.addTexts(texts...)
		}
	}
	rows := func(name string, of func(s *Slice) *Tiers) {
		line(name, func(s *System) string { return someCount(of(&s.Overall).Noted.N) })
	}
	tiers := func(name string, format func(score.Rate) string, of func(s *Slice) *Tiers) {
		for tier := models.TierNoted; tier <= models.TierBlocked; tier++ {
			line(name+", "+TierName(tier), func(s *System) string { return format(of(&s.Overall).at(tier)) })
		}
	}
	recall, alarms, steering := func(s *Slice) *Tiers { return &s.Recall }, func(s *Slice) *Tiers { return &s.Benign }, func(s *Slice) *Tiers { return &s.Steering }
	rows("malicious rows", recall)
	tiers("recall", percentRate, recall)
	rows("benign rows", alarms)
	tiers("false alarms per 1,000", thousandRate, alarms)
	rows("steering rows", steering)
	tiers("steering", percentRate, steering)
	curve := func(of func(c *Curve) string) func(s *System) string {
		return func(s *System) string {
			if s.Curve == nil {
				return nothing
			}
			return of(s.Curve)
		}
	}
	line("AUC", curve(func(c *Curve) string { return interval(c.AUC) }))
	line("average precision", curve(func(c *Curve) string { return interval(c.Average) }))
	for i, fpr := range []float64{fprPerThousand, fprPerHundred} {
		line("recall at "+percent(fpr)+" false positives", curve(func(c *Curve) string { return shown(&c.At[i]) }))
	}
	line("twins told apart", func(s *System) string {
		if s.Twins == nil {
			return nothing
		}
		return percentRate(s.Twins.Apart)
	})
	line("evidence at the marked words", func(s *System) string {
		if s.Evidence == nil {
			return nothing
		}
		return percentRate(*s.Evidence)
	})
	line("calibration error (ECE), Brier score", func(s *System) string {
		if s.Calibration == nil {
			return nothing
		}
		return fmt.Sprintf("%.3f, %.3f", s.Calibration.ECE, s.Calibration.Brier)
	})
	line("time per event, p50 and p99", func(s *System) string {
		if s.Run.Stored {
			return nothing
		}
		return duration(s.Latency.Total.P50) + ", " + duration(s.Latency.Total.P99)
	})
	line("events per second", func(s *System) string {
		if s.Latency.PerSecond == 0 {
			return nothing
		}
		return count(int(s.Latency.PerSecond + 0.5))
	})
	line("not inspected", func(s *System) string {
		return fmt.Sprintf("%s of %s", count(s.Uninspected.Events.Hits), count(s.Uninspected.Events.N))
	})
	return section{title: "Result", tables: []table{t}, lines: []string{
		"In brackets: 95 % intervals. Noted is any decision but allow; flagged asks for approval or withholds; blocked withholds the whole. Each includes the next.",
		"Of the rows that were not inspected, malicious ones count as missed, and harmless ones are in no rate.",
	}}
}

func someCount(n int) string {
	if n == 0 {
		return nothing
	}
	return count(n)
}

func someOf(r score.Rate) string {
	if r.N == 0 {
		return nothing
	}
	return count(r.Hits) + " of " + count(r.N)
}

// shown formats the recall at an operating point, or says that it can't be told.
func shown(o *score.Operating) string {
	if !o.Shown {
		return "too few benign rows"
	}
	return percentRate(o.Recall)
}

// byDimension has recall and false alarms by each dimension that says something.
func byDimension(r *Report) []section {
	var out []section
	for _, d := range dimensions() {
		values := map[string]bool{}
		bySystem := make([]map[string]*Slice, len(r.Systems))
		for i := range r.Systems {
			bySystem[i] = r.Systems[i].slices(d.name)
			for v := range bySystem[i] {
				values[v] = true
			}
		}
		order := slices.SortedFunc(maps.Keys(values), d.compare)
		for _, part := range []struct {
			title  string
			format func(score.Rate) string
			of     func(*Slice) *Tiers
		}{
			{"Recall by " + d.name, percentRate, func(s *Slice) *Tiers { return &s.Recall }},
			{"False alarms per 1,000 by " + d.name, thousandRate, func(s *Slice) *Tiers { return &s.Benign }},
		} {
			t := sliceTable(r, d.name, order, bySystem, part.format, part.of)
			if len(t.rows) == 0 || len(t.rows) == 1 && t.rows[0][0].text == NotStated {
				continue
			}
			s := section{title: part.title, tables: []table{t}}
			if len(r.Systems) > 1 {
				s.title += ", flagged"
			}
			out = append(out, s)
		}
	}
	return out
}

func (s *System) slices(by string) map[string]*Slice {
	out := map[string]*Slice{}
	for i := range s.By {
		if s.By[i].By == by {
			for j := range s.By[i].Slices {
				out[s.By[i].Slices[j].Value] = &s.By[i].Slices[j].Slice
			}
		}
	}
	return out
}

// sliceTable has a row for each value. One system shows all tiers; several stand side by side with flagged alone.
func sliceTable(r *Report, by string, order []string, bySystem []map[string]*Slice,
	format func(score.Rate) string, of func(*Slice) *Tiers) table {
	t := table{columns: []string{by, "rows"}, leftmost: 1}
	if len(r.Systems) == 1 {
		t.columns = append(t.columns, "noted", "flagged", "blocked")
	} else {
		for i := range r.Systems {
			t.columns = append(t.columns, r.Systems[i].Name)
		}
	}
	for _, v := range order {
		n, texts := 0, []string{}
		for _, byValue := range bySystem {
			s := byValue[v]
			if s == nil || of(s).Noted.N == 0 {
				texts = append(texts, nothing)
				continue
			}
			tiers := of(s)
			n = cmp.Or(n, tiers.Noted.N)
			if len(r.Systems) == 1 {
				texts = append(texts, format(tiers.Noted), format(tiers.Flagged), format(tiers.Blocked))
				continue
			}
			text := format(tiers.Flagged)
			if tiers.Flagged.N != n {
				text += " of " + count(tiers.Flagged.N)
			}
			texts = append(texts, text)
		}
		if n > 0 {
			t.addTexts(append([]string{v, count(n)}, texts...)...)
		}
	}
	return t
}

func operatingPoints(r *Report) section {
	t := table{columns: []string{"system", "false positives at most", "threshold", "recall", "malicious", "false alarms per 1,000", "benign"}, leftmost: 1}
	few := false
	for i := range r.Systems {
		s := &r.Systems[i]
		if s.Curve == nil {
			continue
		}
		for j := range s.Curve.At {
			at := &s.Curve.At[j]
			few = few || !at.Shown
			t.addTexts(s.Name, percent(at.FPR), fmt.Sprintf("%.4f", at.Threshold), shown(at), count(at.Recall.N),
				thousandRate(at.FalseAlarms), count(at.FalseAlarms.N))
		}
	}
	s := section{title: "Points of the curve"}
	if len(t.rows) > 0 {
		s.tables = []table{t}
	}
	if few {
		s.lines = []string{"A false positive rate can't be shown with fewer benign rows than its reciprocal."}
	}
	return s
}

func twins(r *Report) section {
	t := table{columns: []string{"system", "sets", "pairs", "told apart when flagged", "ranked by score"}, leftmost: 1}
	for i := range r.Systems {
		if w := r.Systems[i].Twins; w != nil {
			t.addTexts(r.Systems[i].Name, count(w.Sets), count(w.Pairs), percentRate(w.Apart), percentRate(w.Ranked))
		}
	}
	return unlessEmpty("Twins: the same carrier, poisoned and benign", t)
}

func unlessEmpty(title string, t table) section {
	if len(t.rows) == 0 {
		return section{}
	}
	return section{title: title, tables: []table{t}}
}

func calibration(r *Report) section {
	t := table{columns: []string{"score"}, leftmost: 1}
	var measured []*System
	for i := range r.Systems {
		if r.Systems[i].Calibration != nil {
			measured = append(measured, &r.Systems[i])
			t.columns = append(t.columns, r.Systems[i].Name)
		}
	}
	for b := range score.Bins {
		texts := []string{fmt.Sprintf("%.1f–%.1f", float64(b)/score.Bins, float64(b+1)/score.Bins)}
		for _, s := range measured {
			bin := &s.Calibration.Bins[b]
			if bin.N == 0 {
				texts = append(texts, nothing)
				continue
			}
			texts = append(texts, fmt.Sprintf("%.2f: %.1f %% of %s", bin.MeanScore, 100*bin.Rate.Value, count(bin.N)))
		}
		if len(measured) > 0 {
			t.addTexts(texts...)
		}
	}
	s := unlessEmpty("Calibration", t)
	if len(measured) > 0 {
		s.lines = []string{"Mean score of the rows in each range, and how many of them are malicious. The two should agree."}
	}
	return s
}

func latency(r *Report) section {
	t := table{columns: []string{"system", "detector", "events", "mean", "p50", "p95", "p99", "most"}, leftmost: 2}
	add := func(system, detector string, q score.Quantiles) {
		t.addTexts(system, detector, count(q.N), duration(q.Mean), duration(q.P50), duration(q.P95), duration(q.P99), duration(q.Max))
	}
	for i := range r.Systems {
		s := &r.Systems[i]
		if s.Run.Stored {
			continue
		}
		add(s.Name, "in all", s.Latency.Total)
		for _, d := range slices.Sorted(maps.Keys(s.Latency.Detectors)) {
			add(s.Name, d, s.Latency.Detectors[d])
		}
	}
	return unlessEmpty("Time per event", t)
}

func uninspected(r *Report) section {
	t := table{columns: []string{"reason"}, leftmost: 1}
	reasons, parts := map[string]bool{}, 0
	for i := range r.Systems {
		t.columns = append(t.columns, r.Systems[i].Name)
		parts += r.Systems[i].Uninspected.Parts
		for reason := range r.Systems[i].Uninspected.Reasons {
			reasons[reason] = true
		}
	}
	line := func(name string, of func(*Uninspected) int) {
		texts := []string{name}
		for i := range r.Systems {
			texts = append(texts, count(of(&r.Systems[i].Uninspected)))
		}
		t.addTexts(texts...)
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		line(reason, func(u *Uninspected) int { return u.Reasons[reason] })
	}
	if parts > 0 {
		line("only a part of the event, such as an image", func(u *Uninspected) int { return u.Parts })
	}
	return unlessEmpty("Not inspected", t)
}

func evasion(r *Report) section {
	t := table{columns: []string{"technique", "system", "pairs", "original", "variation", "lost", "gained", "p", "benign flagged"}, leftmost: 2}
	for i := range r.Systems {
		for _, e := range r.Systems[i].Evasion {
			t.addTexts(e.Technique, r.Systems[i].Name, count(e.Original.N), percentRate(e.Original), percentRate(e.Variation),
				count(e.Lost), count(e.Gained), chance(e.P), someOf(e.FalseAlarms))
		}
	}
	s := unlessEmpty("Evasion: malicious rows flagged before and after", t)
	if len(s.tables) > 0 {
		s.lines = []string{"More variations than originals flagged means that the disguise is seen, whatever it hides. Harmless text is only moved, never disguised."}
	}
	return s
}

func comparison(c *Comparison) section {
	s := section{title: fmt.Sprintf("%s beside %s", c.B, c.A)}
	paired := table{columns: []string{"flagged", "rows", c.A, c.B, "only " + c.A, "only " + c.B, "p"}, leftmost: 1}
	for _, p := range []struct {
		name   string
		paired *Paired
		format func(score.Rate) string
	}{{"recall", &c.Recall, percentRate}, {"false alarms per 1,000", &c.Benign, thousandRate}} {
		paired.addTexts(p.name, count(p.paired.A.N), p.format(p.paired.A), p.format(p.paired.B),
			count(p.paired.OnlyA), count(p.paired.OnlyB), chance(p.paired.P))
	}
	s.tables = append(s.tables, paired)
	all := len(c.Changed) + c.Omitted
	s.lines = []string{fmt.Sprintf("%s in both runs, %s in another tier. p is of McNemar's exact test.", plural(c.Rows, "row"), count(all))}
	if len(c.Changed) == 0 {
		return s
	}
	changes := table{columns: []string{"changed row", "source", "label", "class", c.A, c.B}, leftmost: 4}
	for _, x := range c.Changed[:min(len(c.Changed), shownChanges)] {
		changes.addTexts(x.ID, x.Source, x.Label, x.Class, fmt.Sprintf("%s %.2f", x.A, x.ScoreA), fmt.Sprintf("%s %.2f", x.B, x.ScoreB))
	}
	s.tables = append(s.tables, changes)
	if more := all - len(changes.rows); more > 0 {
		s.lines = append(s.lines, fmt.Sprintf("%s more changed; the file of rows has them all.", count(more)))
	}
	return s
}

func provenance(s *System) section {
	r := &s.Run
	line := func(name, format string, args ...any) string { return name + ": " + fmt.Sprintf(format, args...) }
	var files, detectors []string
	for _, f := range slices.SortedFunc(slices.Values(r.Corpora), func(a, b CorpusFile) int { return compareNatural(a.Name, b.Name) }) {
		files = append(files, fmt.Sprintf("%s (%s, %s)", f.Name, plural(f.Rows, "row"), short(f.Digest)))
	}
	for _, d := range r.Detectors {
		detectors = append(detectors, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", d.Name, d.Version, short(d.Digest))), " "))
	}
	control := "none"
	if r.AA != nil {
		control = fmt.Sprintf("%s of %s changed, time %.2f-fold", count(r.AA.Changed), plural(r.AA.Rows, "row"), r.AA.Latency)
	}
	lines := []string{
		line("time", "%s, %.1f s with %s", r.Time.UTC().Format("2006-01-02 15:04:05 UTC"), r.Seconds, plural(r.Workers, "worker")),
		line("corpus", "%s", r.Digest),
		line("files", "%s", strings.Join(files, ", ")),
		line("split", "%s", r.Split),
		line("seed", "%d", r.Seed),
		line("detectors", "%s", strings.Join(detectors, ", ")),
		line("configuration", "%s", strings.TrimSpace(r.Config+" "+r.ConfigDigest)),
		line("program", "%s", r.program()),
		line("machine", "%s", strings.Join(slices.DeleteFunc([]string{r.Machine.OS + "/" + r.Machine.Arch, r.Machine.CPU, plural(r.Machine.CPUs, "CPU"), r.Machine.Go},
			func(s string) bool { return s == "" }), ", ")),
		line("A/A control", "%s", control),
	}
	return section{title: "How " + s.Name + " was measured", lines: lines}
}

// program is the version and the commit, or the digest of the program where there is no commit.
func (r *Record) program() string {
	p := "version " + r.Version + ", "
	if !strings.HasPrefix(r.Commit, "program ") {
		p += "commit "
	}
	p += r.Commit
	if r.Modified {
		p += " with changes that no commit holds"
	}
	return p
}

// short returns the first 12 digits of a digest.
func short(digest string) string {
	_, hex, found := strings.Cut(digest, ":")
	if !found {
		hex = digest
	}
	return models.Truncate(hex, 12)
}
