package bench

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
)

// MaxGateBytes limits a gate's file.
const MaxGateBytes = 1 << 20

// Gate is a list of bars that figures must clear: floors for recall, ceilings for false alarms and so on. Its file is
// YAML:
//
//	checks:
//	  - name: recall of poisoned definitions
//	    where: {source: [a1, a2], kind: tool}
//	    measure: recall
//	    tier: flagged
//	    min: 0.90
//	    rows_min: 200
//	  - name: few false blocks
//	    measure: false_alarms
//	    tier: blocked
//	    max: 0.002
//	    bound: high
type Gate struct {
	// Checks must each hold, for each system among the rows. Required, at least one.
	Checks []Check `yaml:"checks"`
}

// Check is one bar.
type Check struct {
	// Name tells checks apart for a reader. Required, unique in a gate.
	Name string `yaml:"name"`
	// Where chooses rows. Optional: all but variations.
	Where Where `yaml:"where"`
	// Measure is what is measured. Required.
	Measure Measure `yaml:"measure"`
	// Tier is noted, flagged or blocked. Required for recall, false_alarms and steering, and for them alone.
	Tier string `yaml:"tier"`
	// Min and Max are the bars, both included, in the measure's unit (shares are in [0, 1]). At least one is required.
	Min *float64 `yaml:"min"`
	Max *float64 `yaml:"max"`
	// RowsMin is over how many rows the figure must be at least: malicious rows for recall, benign ones for false_alarms,
	// pairs for twins, and so on. Optional: 0 means 1, so that a choice which matches nothing never passes.
	RowsMin int `yaml:"rows_min"`
	// Bound is which number is held against the bars: value, or the low or high end of the 95 % interval. Optional: value.
	// ece and brier have no interval.
	Bound string `yaml:"bound"`
}

// Where chooses rows. Each field is one value or a list of them; a row must have one of the values of each field that
// is given.
type Where struct {
	System     OneOf `yaml:"system"`
	Source     OneOf `yaml:"source"`
	Split      OneOf `yaml:"split"`
	Label      OneOf `yaml:"label"`
	Class      OneOf `yaml:"class"` // as in the report: B classes of also count
	Resembles  OneOf `yaml:"resembles"`
	Signal     OneOf `yaml:"signal"`
	Difficulty OneOf `yaml:"difficulty"`
	Language   OneOf `yaml:"language"`
	Kind       OneOf `yaml:"kind"`
	Server     OneOf `yaml:"server"`
	Field      OneOf `yaml:"field"`
	// Technique chooses variations, which are left out otherwise.
	Technique OneOf `yaml:"technique"`
}

// OneOf is a set of accepted values; an empty one accepts any.
type OneOf []string

// UnmarshalYAML reads a value or a list of values.
func (o *OneOf) UnmarshalYAML(unmarshal func(any) error) error {
	var list []string
	if err := unmarshal(&list); err == nil {
		if len(list) == 0 {
			return &models.FieldError{Field: "where", Problem: "an empty list matches nothing"}
		}
		*o = list
		return nil
	}
	var one string
	if err := unmarshal(&one); err != nil {
		return err
	}
	*o = OneOf{one}
	return nil
}

func (o OneOf) accepts(value string) bool { return len(o) == 0 || slices.Contains(o, value) }

func (w *Where) accepts(r *Row) bool {
	return w.Source.accepts(r.Source) && w.Split.accepts(string(r.Split)) && w.Label.accepts(string(r.Label)) &&
		(len(w.Class) == 0 || slices.ContainsFunc(classesOf(r), w.Class.accepts)) &&
		w.Resembles.accepts(string(r.Resembles)) && w.Signal.accepts(string(r.Signal)) &&
		w.Difficulty.accepts(string(r.Difficulty)) && w.Language.accepts(r.language()) && w.Kind.accepts(string(r.Kind)) &&
		w.Server.accepts(r.Server) && w.Field.accepts(r.Field) && w.Technique.accepts(r.Technique)
}

// Measure names a figure that a gate can hold against a bar.
type Measure string

// The measures. Those of ranking leave steering rows out and need rows of both other labels.
const (
	MeasureRecall           Measure = "recall"               // of malicious rows, at a tier
	MeasureFalseAlarms      Measure = "false_alarms"         // of benign rows, at a tier
	MeasureSteering         Measure = "steering"             // of steering rows, at a tier
	MeasureNotInspected     Measure = "not_inspected"        // of all rows
	MeasureTwinsApart       Measure = "twins_apart"          // of twin pairs, see Twins
	MeasureTwinsRanked      Measure = "twins_ranked"         // of twin pairs, see Twins
	MeasureEvidence         Measure = "evidence"             // of malicious rows with spans and with evidence
	MeasureAUC              Measure = "auc"                  // of malicious and benign rows, as the following
	MeasureAveragePrecision Measure = "average_precision"    //
	MeasureECE              Measure = "ece"                  //
	MeasureBrier            Measure = "brier"                //
	MeasureRecallAtThousand Measure = "recall_at_fpr_0.1"    // recall at a false positive rate of 0.1 %
	MeasureRecallAtHundred  Measure = "recall_at_fpr_1"      // recall at a false positive rate of 1 %
	MeasureLatencyP50       Measure = "latency_p50_micros"   // of all rows, as the following
	MeasureLatencyP99       Measure = "latency_p99_micros"   //
	MeasurePerSecond        Measure = "events_per_second"    // of the whole run, whatever rows are chosen
	MeasureControlChanged   Measure = "control_changed_rows" // share of the A/A control's rows, whatever rows are chosen
)

// taken is a measured number with its interval and the count of rows that it is of. A problem, if there is one, is why
// it can't clear a bar whatever it is.
type taken struct {
	score.Interval
	n       int
	problem string
}

func rateFigure(r score.Rate) taken {
	return taken{Interval: score.Interval{Value: r.Value, Low: r.Low, High: r.High}, n: r.N}
}

func exactFigure(v float64, n int) taken {
	return taken{Interval: score.Interval{Value: v, Low: v, High: v}, n: n}
}

// measure is how a [Measure] is taken.
type measure struct {
	tiered   bool
	interval bool // has an interval
	take     func(run *systemRun, rows []*Row, tier models.Tier) taken
}

// measures is the table of all measures.
var measures = map[Measure]measure{
	MeasureRecall:      {true, true, tieredFigure(func(s *Slice) *Tiers { return &s.Recall })},
	MeasureFalseAlarms: {true, true, tieredFigure(func(s *Slice) *Tiers { return &s.Benign })},
	MeasureSteering:    {true, true, tieredFigure(func(s *Slice) *Tiers { return &s.Steering })},
	MeasureNotInspected: {false, true, func(_ *systemRun, rows []*Row, _ models.Tier) taken {
		return rateFigure(newSlice(rows).NotInspected)
	}},
	MeasureTwinsApart:  {false, true, twinsFigure(func(t *Twins) score.Rate { return t.Apart })},
	MeasureTwinsRanked: {false, true, twinsFigure(func(t *Twins) score.Rate { return t.Ranked })},
	MeasureEvidence: {false, true, func(_ *systemRun, rows []*Row, _ models.Tier) taken {
		if e := newEvidence(rows); e != nil {
			return rateFigure(*e)
		}
		return taken{}
	}},
	MeasureAUC: {false, true, rankingFigure(func(r *score.Ranking, seed uint64) taken {
		auc, _ := r.Areas(seed)
		return taken{Interval: auc}
	})},
	MeasureAveragePrecision: {false, true, rankingFigure(func(r *score.Ranking, seed uint64) taken {
		_, ap := r.Areas(seed)
		return taken{Interval: ap}
	})},
	MeasureECE:              {false, false, rankingFigure(func(r *score.Ranking, _ uint64) taken { return exactFigure(r.Calibration().ECE, 0) })},
	MeasureBrier:            {false, false, rankingFigure(func(r *score.Ranking, _ uint64) taken { return exactFigure(r.Calibration().Brier, 0) })},
	MeasureRecallAtThousand: {false, true, rankingFigure(operatingFigure(fprPerThousand))},
	MeasureRecallAtHundred:  {false, true, rankingFigure(operatingFigure(fprPerHundred))},
	MeasureLatencyP50:       {false, false, latencyFigure(func(q *score.Quantiles) float64 { return q.P50 })},
	MeasureLatencyP99:       {false, false, latencyFigure(func(q *score.Quantiles) float64 { return q.P99 })},
	MeasurePerSecond: {false, false, func(run *systemRun, _ []*Row, _ models.Tier) taken {
		if run.record.Seconds <= 0 {
			return taken{}
		}
		return exactFigure(float64(len(run.rows))/run.record.Seconds, len(run.rows))
	}},
	MeasureControlChanged: {false, true, func(run *systemRun, _ []*Row, _ models.Tier) taken {
		if run.record.Stored {
			return taken{problem: "no A/A control: the answers were read from a file"}
		}
		return rateFigure(score.NewRate(run.record.AA.Changed, run.record.AA.Rows))
	}},
}

func tieredFigure(part func(*Slice) *Tiers) func(*systemRun, []*Row, models.Tier) taken {
	return func(_ *systemRun, rows []*Row, tier models.Tier) taken {
		s := newSlice(rows)
		return rateFigure(part(&s).at(tier))
	}
}

func twinsFigure(part func(*Twins) score.Rate) func(*systemRun, []*Row, models.Tier) taken {
	return func(_ *systemRun, rows []*Row, _ models.Tier) taken {
		if t := newTwins(rows); t != nil {
			return rateFigure(part(t))
		}
		return taken{}
	}
}

func rankingFigure(take func(r *score.Ranking, seed uint64) taken) func(*systemRun, []*Row, models.Tier) taken {
	return func(run *systemRun, rows []*Row, _ models.Tier) taken {
		r := rank(rows)
		if !r.Complete() {
			return taken{problem: "no rows of one of the labels"}
		}
		f := take(r, run.record.Seed)
		pos, neg := r.Counts()
		f.n = pos + neg
		return f
	}
}

func operatingFigure(fpr float64) func(*score.Ranking, uint64) taken {
	return func(r *score.Ranking, _ uint64) taken {
		at := r.At(fpr)
		f := rateFigure(at.Recall)
		if !at.Shown {
			f.problem = fmt.Sprintf("%d benign rows are too few to show %s", at.FalseAlarms.N, percent(fpr))
		}
		return f
	}
}

func latencyFigure(part func(*score.Quantiles) float64) func(*systemRun, []*Row, models.Tier) taken {
	return func(run *systemRun, rows []*Row, _ models.Tier) taken {
		if run.record.Stored {
			return taken{problem: "no times: the answers were read from a file"}
		}
		micros := make([]float64, len(rows))
		for i, r := range rows {
			micros[i] = r.Micros
		}
		q := score.NewQuantiles(micros)
		return exactFigure(part(&q), q.N)
	}
}

// Measures returns every measure, in order of name.
func Measures() []Measure {
	var out []Measure
	for m := range measures {
		out = append(out, m)
	}
	slices.Sort(out)
	return out
}

// ParseGate reads and validates a gate. Fields that it does not know, and duplicate ones, are errors that name the line.
func ParseGate(data []byte) (*Gate, error) {
	if len(data) > MaxGateBytes {
		return nil, &models.FieldError{Field: "gate", Problem: fmt.Sprintf("%d bytes, the limit is %d", len(data), MaxGateBytes)}
	}
	g := &Gate{}
	if err := yaml.UnmarshalWithOptions(data, g, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading gate: %w", err)
	}
	if err := g.validate(); err != nil {
		return nil, fmt.Errorf("reading gate: %w", err)
	}
	return g, nil
}

func (g *Gate) validate() error {
	if len(g.Checks) == 0 {
		return &models.FieldError{Field: "checks", Problem: "there are none, and nothing can fall short of nothing"}
	}
	names := map[string]bool{}
	for i := range g.Checks {
		c := &g.Checks[i]
		err := c.validate()
		if err == nil && names[c.Name] {
			err = &models.FieldError{Field: "name", Problem: "used twice"}
		}
		if err != nil {
			return fmt.Errorf("checks[%d] (%q): %w", i, c.Name, err)
		}
		names[c.Name] = true
	}
	return nil
}

func (c *Check) validate() error {
	m, known := measures[c.Measure]
	_, tierErr := parseTier(c.Tier)
	switch {
	case strings.TrimSpace(c.Name) == "":
		return &models.FieldError{Field: "name", Problem: "empty"}
	case !known:
		return &models.FieldError{Field: "measure", Problem: fmt.Sprintf("%q is not one of %v", c.Measure, Measures())}
	case m.tiered && tierErr != nil:
		return tierErr
	case !m.tiered && c.Tier != "":
		return &models.FieldError{Field: "tier", Problem: fmt.Sprintf("%s has none", c.Measure)}
	case c.Min == nil && c.Max == nil:
		return &models.FieldError{Field: "min", Problem: "give min, max or both"}
	case !finite(c.Min) || !finite(c.Max):
		return &models.FieldError{Field: "min", Problem: "not a finite number"}
	case !c.possible():
		return &models.FieldError{Field: "min", Problem: fmt.Sprintf("%s is from 0 to 1, and so are its bars", c.Measure)}
	case c.Min != nil && c.Max != nil && *c.Min > *c.Max:
		return &models.FieldError{Field: "min", Problem: "above max"}
	case c.RowsMin < 0:
		return &models.FieldError{Field: "rows_min", Problem: "negative"}
	case c.Bound != "" && c.Bound != "value" && c.Bound != "low" && c.Bound != "high":
		return &models.FieldError{Field: "bound", Problem: fmt.Sprintf("%q is not value, low or high", c.Bound)}
	case c.Bound != "" && c.Bound != "value" && !m.interval:
		return &models.FieldError{Field: "bound", Problem: fmt.Sprintf("%s has no interval", c.Measure)}
	}
	return c.Where.validate()
}

// possible says whether bars are in the measure's range: 90 is no share, and was meant for 0.9.
func (c *Check) possible() bool {
	switch c.Measure {
	case MeasureLatencyP50, MeasureLatencyP99, MeasurePerSecond:
		return true
	}
	in := func(bar *float64) bool { return bar == nil || *bar >= 0 && *bar <= 1 }
	return in(c.Min) && in(c.Max)
}

func finite(bar *float64) bool { return bar == nil || !math.IsNaN(*bar) && !math.IsInf(*bar, 0) }

// validate refuses values that no row can have: in a list, a misspelt one would quietly narrow the choice.
func (w *Where) validate() error {
	for _, f := range []struct {
		name   string
		values OneOf
		known  []string
	}{
		{"label", w.Label, words(models.Labels())}, {"kind", w.Kind, words(models.Kinds())},
		{"split", w.Split, words(corpus.Splits())}, {"difficulty", w.Difficulty, words(corpus.Difficulties())},
		{"signal", w.Signal, words(corpus.Signals())},
	} {
		for _, v := range f.values {
			if !slices.Contains(f.known, v) {
				return &models.FieldError{Field: "where." + f.name, Problem: fmt.Sprintf("%q is not one of %v", v, f.known)}
			}
		}
	}
	return nil
}

func parseTier(name string) (models.Tier, error) {
	for t := models.TierNoted; t <= models.TierBlocked; t++ {
		if TierName(t) == name {
			return t, nil
		}
	}
	return 0, &models.FieldError{Field: "tier", Problem: fmt.Sprintf("%q is not noted, flagged or blocked", name)}
}

// GateResult is how rows fared at a gate.
type GateResult struct {
	OK     bool          `json:"ok"` // every check passed
	Checks []CheckResult `json:"checks"`
}

// CheckResult is how one system fared at one check.
type CheckResult struct {
	Name    string  `json:"name"`
	System  string  `json:"system"` // empty where the check matches no system
	Measure Measure `json:"measure"`
	Tier    string  `json:"tier,omitempty"`
	Rows    int     `json:"rows"` // that the figure is of
	score.Interval
	Bound string   `json:"bound"` // which number was held against the bars
	Min   *float64 `json:"min,omitempty"`
	Max   *float64 `json:"max,omitempty"`
	OK    bool     `json:"ok"`
	// Problem says why the check could not pass whatever the figure is, such as too few rows.
	Problem string `json:"problem,omitempty"`
}

// Check holds rows against the gate, each system for itself. Like [NewReport] it refuses a system without a complete
// [Record]: an error, not a result.
func (g *Gate) Check(rows []Row) (GateResult, error) {
	runs, err := systemRuns(rows)
	if err != nil {
		return GateResult{}, fmt.Errorf("checking gate: %w", err)
	}
	result := GateResult{OK: len(g.Checks) > 0}
	for i := range g.Checks {
		c := &g.Checks[i]
		matched := false
		for j := range runs {
			if c.Where.System.accepts(runs[j].name) {
				matched = true
				result.add(c.on(&runs[j]))
			}
		}
		if !matched {
			result.add(c.result("", taken{problem: "no such system"}))
		}
	}
	return result, nil
}

func (g *GateResult) add(c CheckResult) {
	g.Checks = append(g.Checks, c)
	g.OK = g.OK && c.OK
}

func (c *Check) on(run *systemRun) CheckResult {
	from := run.main
	if len(c.Where.Technique) > 0 {
		from = run.rows
	}
	var rows []*Row
	for _, r := range from {
		if c.Where.accepts(r) {
			rows = append(rows, r)
		}
	}
	tier, _ := parseTier(c.Tier) // validated; none where the measure has no tier
	return c.result(run.name, measures[c.Measure].take(run, rows, tier))
}

func (c *Check) result(system string, f taken) CheckResult {
	r := CheckResult{
		Name: c.Name, System: system, Measure: c.Measure, Tier: c.Tier, Rows: f.n, Interval: f.Interval,
		Bound: cmp.Or(c.Bound, "value"), Min: c.Min, Max: c.Max, Problem: f.problem,
	}
	if need := max(c.RowsMin, 1); r.Problem == "" && f.n < need {
		r.Problem = fmt.Sprintf("%d rows, needs %d", f.n, need)
	}
	held := map[string]float64{"value": f.Value, "low": f.Low, "high": f.High}[r.Bound]
	r.OK = r.Problem == "" && (c.Min == nil || held >= *c.Min) && (c.Max == nil || held <= *c.Max)
	return r
}

// WriteText writes the result as a table for a person.
func (g *GateResult) WriteText(w io.Writer, o TextOptions) error {
	t := table{columns: []string{"check", "system", "measure", "rows", "figure", "bar", ""}, leftmost: 3}
	short := 0
	for i := range g.Checks {
		c := &g.Checks[i]
		verdict := cell{text: "ok", paint: green}
		if !c.OK {
			short++
			verdict = cell{text: strings.TrimSpace("FALLS SHORT " + c.Problem), paint: red}
		}
		t.add(cell{text: c.Name}, cell{text: c.System}, cell{text: strings.TrimSpace(string(c.Measure) + " " + c.Tier)},
			cell{text: count(c.Rows)}, cell{text: c.figure()}, cell{text: c.bar()}, verdict)
	}
	summary := fmt.Sprintf("The gate holds: %s.", plural(len(g.Checks), "check"))
	if !g.OK {
		summary = fmt.Sprintf("The gate does not hold: %d of %s fell short.", short, plural(len(g.Checks), "check"))
	}
	return writeText(w, []section{{title: "Gate", tables: []table{t}, lines: []string{summary}}}, o)
}

func (c *CheckResult) figure() string {
	if c.Rows == 0 {
		return "-"
	}
	f := number(c.Value)
	if measures[c.Measure].interval {
		f += fmt.Sprintf(" [%s, %s]", number(c.Low), number(c.High))
	}
	return f
}

func (c *CheckResult) bar() string {
	var bars []string
	if c.Min != nil {
		bars = append(bars, "≥ "+number(*c.Min))
	}
	if c.Max != nil {
		bars = append(bars, "≤ "+number(*c.Max))
	}
	if c.Bound != "value" {
		bars = append(bars, "("+c.Bound+")")
	}
	return strings.Join(bars, " ")
}
