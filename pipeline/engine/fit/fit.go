// Package fit makes the numbers by which the engine fuses evidence, of labelled events.
//
// It is a logistic regression with weights that can't be negative: evidence can only add. The step from one weight to the
// next is Newton's, weight by weight, until none moves (cyclic coordinate descent: Friedman, Hastie and Tibshirani,
// "Regularization Paths for Generalized Linear Models via Coordinate Descent", 2010). The same examples give the same numbers.
package fit

import (
	"fmt"
	"math"
	"slices"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// Example is an event of which it is known whether it is malicious, and what the detectors said of it.
type Example struct {
	Kind      models.Kind
	Malicious bool
	Findings  []models.Finding
	Reports   []models.DetectorReport
}

// Options are the choices of a fit.
type Options struct {
	// Findings and Scores are the detectors whose findings, and whose scores, are evidence.
	Findings, Scores []string
	// LookAlikes and Real are the shares of harmless events that may reach each step of the risk.
	LookAlikes, Real [4]float64
}

// Defaults returns what the shipped calibration is fitted with. Of look-alikes, which are as hard as can be and rare, more
// may be noted than of real traffic, which comes by the thousand; what is withheld is above nearly all of both.
func Defaults() Options {
	return Options{
		Findings:   []string{"catalogue", "heuristic", "similarity"},
		Scores:     []string{"classifier"},
		LookAlikes: [4]float64{0.3, 0.01, 0, 0},
		Real:       [4]float64{0.01, 0.003, 0.0005, 0},
	}
}

const (
	// ridge keeps weights of which little is known small.
	ridge = 1.0
	// sweeps bounds the passes over all weights; settled ends them.
	sweeps  = 500
	settled = 1e-6
	// apart is the least distance between two steps of the risk.
	apart = 0.05
	// margin is how much more evidence the third step takes, and twice that the last: a thousand harmless events don't show
	// what one in ten thousand has.
	margin = 0.5
)

// Bars are further events, which say at which scale evidence counts and where steps are, but not what it is worth.
type Bars struct {
	// Hard are labelled events like those that probabilities speak of. nil means that those which are learned are.
	Hard []Example
	// Real are harmless events of real traffic, which set steps alone.
	Real []Example
}

// Fit makes a calibration of labelled events.
func Fit(labelled []Example, bars Bars, o Options) (*engine.Calibration, error) {
	c := &engine.Calibration{Findings: o.Findings, Scores: o.Scores, Weights: map[models.Severity]float64{}, Groups: map[models.Group]*engine.GroupCalibration{}}
	for _, g := range models.Groups() {
		c.Groups[g] = &engine.GroupCalibration{Scores: map[string]float64{}, Missing: map[string]float64{}}
	}
	p, err := newProblem(c, labelled)
	if err != nil {
		return nil, err
	}
	p.solve()
	p.write(c)
	for _, name := range slices.Concat(o.Findings, o.Scores) {
		p.without(name).missing(c, name)
	}
	if bars.Hard == nil {
		bars.Hard = labelled
	} else if err := rescale(c, bars.Hard); err != nil {
		return nil, fmt.Errorf("hard events: %w", err)
	}
	for _, g := range models.Groups() {
		c.Groups[g].Steps = steps(c, g, bars, o)
	}
	return c, nil
}

// problem is the regression: a row for each example, a column for each number that is sought.
type problem struct {
	labelled []Example
	columns  []column
	rows     [][]float64 // by example, a value for each column
	weight   []float64   // by example
	x        []float64   // log-odds by example
	numbers  []float64   // by column
	c        *engine.Calibration
}

// column is what a number stands for: the silence of a group, the weight of a severity, that of a score in a group, or the scale
// of all evidence.
type column struct {
	group    models.Group
	severity models.Severity
	score    string
	scale    bool
}

func (c column) silence() bool { return c.severity == "" && c.score == "" && !c.scale }

func newProblem(c *engine.Calibration, labelled []Example) (*problem, error) {
	p := &problem{labelled: labelled, c: c}
	for _, g := range models.Groups() {
		p.columns = append(p.columns, column{group: g})
		for _, name := range c.Scores {
			p.columns = append(p.columns, column{group: g, score: name})
		}
	}
	for _, s := range models.Severities() {
		if s != models.SeverityInfo {
			p.columns = append(p.columns, column{severity: s})
		}
	}
	if err := p.fill(); err != nil {
		return nil, err
	}
	return p, nil
}

// fill reckons the values of all examples, and weighs them so that both labels weigh the same in each group.
func (p *problem) fill() error {
	p.numbers, p.x = make([]float64, len(p.columns)), make([]float64, len(p.labelled))
	counts := map[models.Group]*[2]float64{}
	for _, g := range models.Groups() {
		counts[g] = &[2]float64{}
	}
	for i := range p.labelled {
		e := &p.labelled[i]
		counts[e.Kind.Group()][label(e)]++
		p.rows = append(p.rows, p.values(e))
	}
	for _, g := range models.Groups() {
		if n := counts[g]; n[0] == 0 || n[1] == 0 {
			return fmt.Errorf("%s: %v harmless and %v malicious events to learn from; some of both are needed", g, n[0], n[1])
		}
	}
	for i := range p.labelled {
		n := counts[p.labelled[i].Kind.Group()]
		p.weight = append(p.weight, (n[0]+n[1])/2/n[label(&p.labelled[i])])
	}
	return nil
}

func label(e *Example) int {
	if e.Malicious {
		return 1
	}
	return 0
}

// values has an example's value in every column.
func (p *problem) values(e *Example) []float64 {
	g := e.Kind.Group()
	removed, scores := p.c.Evidence(e.Findings, e.Reports)
	row := make([]float64, len(p.columns))
	for i, col := range p.columns {
		switch {
		case col.scale:
			row[i] = p.c.Points(e.Kind, e.Findings, e.Reports)
		case col.severity != "":
			row[i] = removed[col.severity]
		case col.group != g:
		case col.score != "":
			row[i] = scores[col.score]
		default:
			row[i] = 1
		}
	}
	return row
}

func (p *problem) solve() {
	for range sweeps {
		moved := 0.0
		for i := range p.columns {
			moved = max(moved, p.newton(i))
		}
		if moved < settled {
			return
		}
	}
}

// newton moves one number to where its own derivative is about 0, and says how far that was.
func (p *problem) newton(column int) float64 {
	gradient, curve := 0.0, 1e-9
	for i, row := range p.rows {
		v := row[column]
		if v == 0 {
			continue
		}
		q := 1 / (1 + math.Exp(-p.x[i]))
		gradient += p.weight[i] * v * (q - float64(label(&p.labelled[i])))
		curve += p.weight[i] * v * v * q * (1 - q)
	}
	now := p.numbers[column]
	if !p.columns[column].silence() {
		gradient += ridge * now
		curve += ridge
	}
	next := now - gradient/curve
	next = min(max(next, now-1), now+1)
	if !p.columns[column].silence() {
		next = max(next, 0)
	}
	for i, row := range p.rows {
		p.x[i] += (next - now) * row[column]
	}
	p.numbers[column] = next
	return math.Abs(next - now)
}

// rescale fits, on events like those that probabilities speak of, the silence of each group and one scale for all evidence.
func rescale(c *engine.Calibration, hard []Example) error {
	p := &problem{labelled: hard, c: c, columns: []column{{scale: true}}}
	for _, g := range models.Groups() {
		p.columns = append(p.columns, column{group: g})
	}
	if err := p.fill(); err != nil {
		return err
	}
	p.solve()
	scale := p.numbers[0]
	for s, w := range c.Weights {
		c.Weights[s] = digits(scale * w)
	}
	for i, g := range models.Groups() {
		group := c.Groups[g]
		group.Silence = digits(p.numbers[1+i])
		for _, values := range []map[string]float64{group.Scores, group.Missing} {
			for name, w := range values {
				values[name] = digits(scale * w)
			}
		}
	}
	return nil
}

// digits keeps numbers short in the file.
func digits(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func (p *problem) write(c *engine.Calibration) {
	for i, col := range p.columns {
		switch {
		case col.severity != "":
			c.Weights[col.severity] = digits(p.numbers[i])
		case col.score != "":
			c.Groups[col.group].Scores[col.score] = digits(p.numbers[i])
		default:
			c.Groups[col.group].Silence = digits(p.numbers[i])
		}
	}
}

// without is the problem without what one detector says, of which the weights are known.
func (p *problem) without(name string) *problem {
	rest := &problem{columns: p.columns, weight: p.weight, c: p.c, x: make([]float64, len(p.labelled)), numbers: slices.Clone(p.numbers)}
	for i := range p.labelled {
		e := p.labelled[i]
		e.Findings = slices.DeleteFunc(slices.Clone(e.Findings), func(f models.Finding) bool { return f.Detector == name })
		e.Reports = slices.DeleteFunc(slices.Clone(e.Reports), func(r models.DetectorReport) bool { return r.Name == name })
		rest.labelled = append(rest.labelled, e)
		row := rest.values(&e)
		rest.rows = append(rest.rows, row)
		for j, v := range row {
			rest.x[i] += v * rest.numbers[j]
		}
	}
	return rest
}

// missing fits silences alone, and notes how much higher they are.
func (p *problem) missing(c *engine.Calibration, name string) {
	for range sweeps {
		moved := 0.0
		for i, col := range p.columns {
			if col.silence() {
				moved = max(moved, p.newton(i))
			}
		}
		if moved < settled {
			break
		}
	}
	for i, col := range p.columns {
		if col.silence() {
			g := c.Groups[col.group]
			g.Missing[name] = digits(max(0, p.numbers[i]-g.Silence))
		}
	}
}

// steps are the points that so many harmless events reach.
func steps(c *engine.Calibration, g models.Group, bars Bars, o Options) (steps [4]float64) {
	points := func(examples []Example) (list []float64) {
		for i := range examples {
			if e := &examples[i]; !e.Malicious && e.Kind.Group() == g {
				list = append(list, c.Points(e.Kind, e.Findings, e.Reports))
			}
		}
		slices.Sort(list)
		slices.Reverse(list)
		return list
	}
	alike, traffic := points(bars.Hard), points(bars.Real)
	below := 0.0
	for i := range steps {
		at := max(above(alike, o.LookAlikes[i]), above(traffic, o.Real[i]))
		at += margin * float64(max(0, i-1))
		steps[i] = digits(max(at, below+apart))
		below = steps[i]
	}
	return steps
}

// above is just more than what all but a share of a falling list have; 0 of an empty one.
func above(falling []float64, share float64) float64 {
	if len(falling) == 0 {
		return 0
	}
	return falling[min(int(share*float64(len(falling))), len(falling)-1)] + 1e-3
}
