package bench

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
)

// NotStated is the value of rows that have none.
const NotStated = "(not stated)"

// ReportOptions says what a report holds. The zero value is what most people want.
type ReportOptions struct {
	// Changes limits the list of changed rows of each comparison. Optional: 0 means [MaxChanged], a negative number none.
	Changes int
}

// NewReport makes a report from rows, which it leaves as they are. The systems stand in order of their first row, and
// nothing else depends on the order of rows. Rows of a system without a complete [Record] are refused, and so are two
// rows of one system with the same id.
func NewReport(rows []Row, o ReportOptions) (*Report, error) {
	runs, err := systemRuns(rows)
	if err != nil {
		return nil, fmt.Errorf("making report: %w", err)
	}
	limit := o.Changes
	if limit == 0 {
		limit = MaxChanged
	}
	r := &Report{Schema: ReportSchema}
	for _, run := range runs {
		s := run.figures()
		r.Systems = append(r.Systems, s)
		r.Warnings = append(r.Warnings, run.warnings(&s)...)
	}
	for i := 1; i < len(runs); i++ {
		c, warnings := compare(&runs[0], &runs[i], max(limit, 0))
		r.Comparisons = append(r.Comparisons, c)
		r.Warnings = append(r.Warnings, warnings...)
	}
	return r, nil
}

// systemRun is the rows of one system, each part in order of id.
type systemRun struct {
	name   string
	record Record
	rows   []*Row
	// main is what figures are of: all rows but variations, or the variations if there is nothing else.
	main []*Row
}

func systemRuns(rows []Row) ([]systemRun, error) {
	if len(rows) == 0 {
		return nil, errors.New("there are no rows")
	}
	var runs []systemRun
	index := map[string]int{}
	for i := range rows {
		row := &rows[i]
		at, known := index[row.System]
		if !known {
			at = len(runs)
			index[row.System] = at
			runs = append(runs, systemRun{name: row.System})
		}
		runs[at].rows = append(runs[at].rows, row)
	}
	for i := range runs {
		if err := runs[i].settle(); err != nil {
			return nil, fmt.Errorf("system %q: %w", runs[i].name, err)
		}
	}
	return runs, nil
}

// settle sorts the rows, finds their record and sets the variations apart.
func (run *systemRun) settle() error {
	slices.SortFunc(run.rows, func(a, b *Row) int { return strings.Compare(a.ID, b.ID) })
	records := 0
	for i, row := range run.rows {
		if i > 0 && row.ID == run.rows[i-1].ID {
			return &models.FieldError{Field: "id", Problem: fmt.Sprintf("two rows have %q", row.ID)}
		}
		if row.Run != nil {
			records++
			run.record = *row.Run
		}
		if row.From == "" {
			run.main = append(run.main, row)
		}
	}
	if len(run.main) == 0 {
		run.main = run.rows
	}
	if records != 1 {
		return &models.FieldError{Field: "run", Problem: fmt.Sprintf("%d records, a system has one", records)}
	}
	return run.record.Validate()
}

func (run *systemRun) figures() System {
	s := System{
		Name: run.name, Run: run.record, Overall: newSlice(run.main), By: newTables(run.main),
		Twins: newTwins(run.main), Evidence: newEvidence(run.main),
		Latency: run.latency(), Uninspected: newUninspected(run.main), Evasion: run.evasion(),
	}
	ranking := rank(run.main)
	if !ranking.Complete() {
		return s
	}
	calibration := ranking.Calibration()
	s.Calibration = &calibration
	s.Curve = newCurve(ranking, run.record.Seed)
	return s
}

func newSlice(rows []*Row) Slice {
	type count struct{ n, noted, flagged, blocked int }
	counts := map[models.Label]*count{}
	for _, l := range models.Labels() {
		counts[l] = &count{}
	}
	skipped := 0
	for _, r := range rows {
		if r.Status == models.StatusNotInspected {
			skipped++
		}
		c := counts[r.Label]
		if c == nil || !r.counts() {
			continue
		}
		c.n++
		c.noted += one(r.Reached(models.TierNoted))
		c.flagged += one(r.Reached(models.TierFlagged))
		c.blocked += one(r.Reached(models.TierBlocked))
	}
	tiers := func(l models.Label) Tiers {
		c := counts[l]
		return Tiers{score.NewRate(c.noted, c.n), score.NewRate(c.flagged, c.n), score.NewRate(c.blocked, c.n)}
	}
	return Slice{
		Rows: len(rows), Recall: tiers(models.Malicious), Benign: tiers(models.Benign), Steering: tiers(models.Steering),
		NotInspected: score.NewRate(skipped, len(rows)),
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dimension is what a table is by.
type dimension struct {
	name   string
	values func(*Row) []string // empty strings mean "not stated"
	order  []string            // of the values that are known beforehand
	// of is the labels whose rows are expected to have a value. Rows of other labels are left out when they have none.
	of []models.Label
}

// dimensions returns what tables are by, in the order of a report.
func dimensions() []dimension {
	attack, harmless, all := []models.Label{models.Malicious}, []models.Label{models.Benign, models.Steering}, models.Labels()
	return []dimension{
		{"source", func(r *Row) []string { return []string{r.Source} }, nil, all},
		{"kind", func(r *Row) []string { return []string{string(r.Kind)} }, words(models.Kinds()), all},
		{"class", classesOf, nil, attack},
		{"resembles", func(r *Row) []string { return []string{string(r.Resembles)} }, nil, harmless},
		{"language", func(r *Row) []string { return []string{r.language()} }, nil, all},
		{"difficulty", func(r *Row) []string { return []string{string(r.Difficulty)} }, words(corpus.Difficulties()), attack},
		{"field", func(r *Row) []string { return []string{r.Field} }, nil, attack},
		{"signal", func(r *Row) []string { return []string{string(r.Signal)} }, words(corpus.Signals()), attack},
		{"split", func(r *Row) []string { return []string{string(r.Split)} }, words(corpus.Splits()), all},
	}
}

// language is the row's language. None means English where the row has what only Taster's own format has, and is not
// stated elsewhere.
func (r *Row) language() string {
	if r.Language == "" && r.Difficulty == "" && r.Resembles == "" {
		return NotStated
	}
	return cmp.Or(r.Language, corpus.English)
}

func words[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// classesOf returns a row's class, and the B classes (obfuscation) that it also shows: obfuscation comes on top of
// another attack more often than alone, so by the main class its rows would hardly be counted.
func classesOf(r *Row) []string {
	classes := []string{r.Class}
	for _, c := range r.Also {
		if strings.HasPrefix(string(c), "B") && string(c) != r.Class && !slices.Contains(classes, string(c)) {
			classes = append(classes, string(c))
		}
	}
	return classes
}

func newTables(rows []*Row) []Table {
	var out []Table
	for _, d := range dimensions() {
		byValue := map[string][]*Row{}
		for _, r := range rows {
			for _, v := range d.values(r) {
				if v == "" {
					if !slices.Contains(d.of, r.Label) {
						continue
					}
					v = NotStated
				}
				byValue[v] = append(byValue[v], r)
			}
		}
		t := Table{By: d.name}
		for _, v := range slices.SortedFunc(maps.Keys(byValue), d.compare) {
			t.Slices = append(t.Slices, NamedSlice{Value: v, Slice: newSlice(byValue[v])})
		}
		if len(t.Slices) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// compare orders values: the known ones first, then by name with numbers by value (A2 before A10), "not stated" last.
func (d *dimension) compare(a, b string) int {
	place := func(v string) int {
		if v == NotStated {
			return len(d.order) + 1
		}
		if i := slices.Index(d.order, v); i >= 0 {
			return i
		}
		return len(d.order)
	}
	if c := cmp.Compare(place(a), place(b)); c != 0 {
		return c
	}
	return compareNatural(a, b)
}

// compareNatural compares strings with their runs of digits by value.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := leadingDigits(x), leadingDigits(y)
		if m > 0 && n > 0 {
			d, e := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
			if c := cmp.Or(cmp.Compare(len(d), len(e)), strings.Compare(d, e)); c != 0 {
				return c
			}
			x, y = x[m:], y[n:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func leadingDigits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// rank sorts malicious and benign rows by score. Rows of one group of one source are resampled together.
func rank(rows []*Row) *score.Ranking {
	var items []score.Item
	for _, r := range rows {
		if r.Label == models.Steering || !r.counts() {
			continue
		}
		it := score.Item{Score: r.Score, Positive: r.Label == models.Malicious}
		if r.Group != "" {
			it.Group = r.Source + "\x00" + r.Group
		}
		items = append(items, it)
	}
	return score.Rank(items)
}

// curveStep is how near the points of a curve in a report may be; a plot shows no more.
const curveStep = 0.001

// rates at which recall is reported.
const (
	fprPerThousand = 0.001
	fprPerHundred  = 0.01
)

func newCurve(r *score.Ranking, seed uint64) *Curve {
	c := &Curve{
		ROC: score.Thin(r.ROC(), curveStep), PR: score.Thin(r.PR(), curveStep),
		At: []score.Operating{r.At(fprPerThousand), r.At(fprPerHundred)},
	}
	c.AUC, c.Average = r.Areas(seed)
	return c
}

func newTwins(rows []*Row) *Twins {
	type set struct{ source, group string }
	sets := map[set][]*Row{}
	for _, r := range rows {
		if r.Twin && r.Group != "" {
			s := set{r.Source, r.Group}
			sets[s] = append(sets[s], r)
		}
	}
	t := &Twins{}
	apart, ranked := 0, 0
	for _, members := range sets {
		before := t.Pairs
		for _, m := range members {
			for _, b := range members {
				if m.Label == models.Malicious && b.Label == models.Benign {
					t.Pairs++
					apart += one(b.counts() && m.Reached(models.TierFlagged) && !b.Reached(models.TierFlagged))
					ranked += one(b.counts() && m.Score > b.Score)
				}
			}
		}
		t.Sets += one(t.Pairs > before)
	}
	if t.Pairs == 0 {
		return nil
	}
	t.Apart, t.Ranked = score.NewRate(apart, t.Pairs), score.NewRate(ranked, t.Pairs)
	return t
}

func newEvidence(rows []*Row) *score.Rate {
	n, hits := 0, 0
	for _, r := range rows {
		if r.Label == models.Malicious && r.Located != nil {
			n++
			hits += one(*r.Located)
		}
	}
	if n == 0 {
		return nil
	}
	rate := score.NewRate(hits, n)
	return &rate
}

func (run *systemRun) latency() Latency {
	var all []float64
	byDetector := map[string][]float64{}
	for _, r := range run.main {
		all = append(all, r.Micros)
		for _, d := range r.Detectors {
			byDetector[d.Name] = append(byDetector[d.Name], d.Micros)
		}
	}
	l := Latency{Total: score.NewQuantiles(all)}
	for name, micros := range byDetector {
		if l.Detectors == nil {
			l.Detectors = map[string]score.Quantiles{}
		}
		l.Detectors[name] = score.NewQuantiles(micros)
	}
	if run.record.Seconds > 0 {
		l.PerSecond = float64(len(run.rows)) / run.record.Seconds
	}
	return l
}

func newUninspected(rows []*Row) Uninspected {
	u := Uninspected{}
	n := 0
	for _, r := range rows {
		u.Parts += one(r.Skipped > 0)
		if r.Status != models.StatusNotInspected {
			continue
		}
		n++
		if u.Reasons == nil {
			u.Reasons = map[string]int{}
		}
		u.Reasons[cmp.Or(r.Reason, NotStated)]++
	}
	u.Events = score.NewRate(n, len(rows))
	return u
}

// evasion pairs each variation with the row that it was made from.
func (run *systemRun) evasion() []Evasion {
	type counts struct{ pairs, original, variation, lost, gained, benign, alarms int }
	byTechnique := map[string]*counts{}
	for _, v := range run.rows {
		if v.From == "" {
			continue
		}
		t := cmp.Or(v.Technique, NotStated)
		if byTechnique[t] == nil {
			byTechnique[t] = &counts{}
		}
		c := byTechnique[t]
		after := v.Reached(models.TierFlagged)
		if v.Label == models.Benign && v.counts() {
			c.benign++
			c.alarms += one(after)
		}
		original := run.row(v.From)
		if v.Label != models.Malicious || original == nil {
			continue
		}
		before := original.Reached(models.TierFlagged)
		c.pairs++
		c.original += one(before)
		c.variation += one(after)
		c.lost += one(before && !after)
		c.gained += one(after && !before)
	}
	var out []Evasion
	for _, t := range slices.SortedFunc(maps.Keys(byTechnique), compareNatural) {
		c := byTechnique[t]
		out = append(out, Evasion{
			Technique: t, Original: score.NewRate(c.original, c.pairs), Variation: score.NewRate(c.variation, c.pairs),
			Lost: c.lost, Gained: c.gained, P: score.McNemar(c.lost, c.gained), FalseAlarms: score.NewRate(c.alarms, c.benign),
		})
	}
	return out
}

// row returns the row with an id, or nil.
func (run *systemRun) row(id string) *Row {
	i, found := slices.BinarySearchFunc(run.rows, id, func(r *Row, id string) int { return strings.Compare(r.ID, id) })
	if !found {
		return nil
	}
	return run.rows[i]
}

// How few rows make a figure doubtful.
const (
	fewMalicious = 30
	fewBenign    = 300
)

func (run *systemRun) warnings(s *System) []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, run.name+": "+fmt.Sprintf(format, args...)) }
	malicious, benign := s.Overall.Recall.Noted.N, s.Overall.Benign.Noted.N
	switch {
	case malicious == 0:
		warn("no malicious rows, so there is no recall and no curve")
	case malicious < fewMalicious:
		warn("only %s", plural(malicious, "malicious row"))
	}
	switch {
	case benign == 0:
		warn("no benign rows, so there are no false alarms and no curve")
	case benign < fewBenign:
		warn("only %s", plural(benign, "benign row"))
	}
	if s.Curve != nil {
		for _, at := range s.Curve.At {
			if !at.Shown {
				warn("%s, too few to show a false positive rate of %s", plural(benign, "benign row"), percent(at.FPR))
			}
		}
	}
	if n := s.Uninspected.Events; n.Hits > 0 {
		warn("%s of %s not inspected", count(n.Hits), plural(n.N, "row"))
	}
	if s.Run.Stored {
		warn("the answers were read from a file: there are no times and no A/A control")
	}
	if aa := s.Run.AA; aa != nil && aa.Changed > 0 {
		warn("the A/A control changed %d of %d rows: smaller differences mean nothing", aa.Changed, aa.Rows)
	}
	if s.Run.Modified {
		warn("measured with changes that no commit holds")
	}
	if len(run.main) == len(run.rows) && run.main[0].From != "" {
		warn("there are only variations, so the figures are of them")
	}
	if n := run.orphans(); n > 0 && len(run.main) < len(run.rows) {
		warn("%s without an original among the rows", plural(n, "variation"))
	}
	return out
}

// orphans counts variations whose original is not among the rows.
func (run *systemRun) orphans() int {
	n := 0
	for _, r := range run.rows {
		n += one(r.From != "" && run.row(r.From) == nil)
	}
	return n
}

func compare(a, b *systemRun, limit int) (Comparison, []string) {
	c := Comparison{A: a.name, B: b.name, Changed: []Change{}}
	type counts struct{ n, a, b, onlyA, onlyB int }
	var recall, benign counts
	relabelled := 0
	for _, x := range a.main {
		y := b.row(x.ID)
		switch {
		case y == nil:
			continue
		case x.Label != y.Label:
			relabelled++
			continue
		}
		c.Rows++
		fa, fb := x.Reached(models.TierFlagged), y.Reached(models.TierFlagged)
		for label, k := range map[models.Label]*counts{models.Malicious: &recall, models.Benign: &benign} {
			if x.Label == label && x.counts() && y.counts() {
				k.n++
				k.a += one(fa)
				k.b += one(fb)
				k.onlyA += one(fa && !fb)
				k.onlyB += one(fb && !fa)
			}
		}
		if x.Tier == y.Tier {
			continue
		}
		if len(c.Changed) == limit {
			c.Omitted++
			continue
		}
		c.Changed = append(c.Changed, Change{
			ID: x.ID, Source: x.Source, Label: string(x.Label), Class: x.Class,
			A: x.Tier, B: y.Tier, ScoreA: x.Score, ScoreB: y.Score,
		})
	}
	paired := func(k counts) Paired {
		return Paired{
			A: score.NewRate(k.a, k.n), B: score.NewRate(k.b, k.n), OnlyA: k.onlyA, OnlyB: k.onlyB,
			P: score.McNemar(k.onlyA, k.onlyB),
		}
	}
	c.Recall, c.Benign = paired(recall), paired(benign)
	var warnings []string
	if c.Rows+relabelled < max(len(a.main), len(b.main)) {
		warnings = append(warnings, fmt.Sprintf("%s and %s did not answer the same rows: %d and %d, %d of them both",
			a.name, b.name, len(a.main), len(b.main), c.Rows+relabelled))
	}
	if relabelled > 0 {
		warnings = append(warnings, fmt.Sprintf("%d rows have other labels for %s than for %s and are not compared", relabelled, b.name, a.name))
	}
	return c, warnings
}
