package engine

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/aad6b6dc/taster/models"
)

// Calibration says what evidence is worth. Its numbers are fitted to labelled events by `taster bench calibrate`; every
// weight is positive or 0, so that more evidence never lowers anything.
type Calibration struct {
	// Source says how it was made: the command and the digests of what it read.
	Source json.RawMessage `json:"source,omitempty"`
	// Findings are the detectors whose findings count, Scores those whose score counts.
	Findings []string `json:"findings"`
	Scores   []string `json:"scores"`
	// Weights gives the log-odds that a unit of doubt removed by findings of each severity or above is worth. The unit is
	// a factor of e.
	Weights map[models.Severity]float64 `json:"weights"`
	// Groups has every group.
	Groups map[models.Group]*GroupCalibration `json:"groups"`

	digest string
}

// GroupCalibration is what differs from group to group.
type GroupCalibration struct {
	// Silence is the log-odds of an attack where every detector ran and found nothing, among as many attacks as
	// harmless look-alikes.
	Silence float64 `json:"silence"`
	// Scores gives the log-odds that each detector's score is worth, for each unit of its own log-odds above ScoreFloor.
	Scores map[string]float64 `json:"scores"`
	// Missing is added to the log-odds of the probability for each detector that did not inspect the event: it says
	// nothing, and that is not the same as finding nothing.
	Missing map[string]float64 `json:"missing"`
	// Steps are the points of evidence from which the risk is 20, 40, 70 and 90: something to note, to flag, to withhold
	// and to block. They rise.
	Steps [4]float64 `json:"steps"`
}

// MaxCalibrationBytes limits a file that holds a calibration.
const MaxCalibrationBytes = 1 << 20

const (
	// ScoreFloor is the log-odds of a score that says nothing.
	ScoreFloor = -6.0
	// scoreTop bounds what a score can be worth.
	scoreTop = 6.0
	// sureFrom is the confidence from which a finding of a known detector is taken at its word as well, so that a deterministic
	// rule stands, whatever others say. Of events that no rule was written for, 182 of 2,261 attacks and 25 of 2,617 harmless
	// look-alikes had such a finding of medium severity or above, and 3 of 4,182 real tools.
	sureFrom = 0.65
	// doubtFloor is the doubt that no number of findings removes.
	doubtFloor = 1e-3
)

// riskSteps are the risks at [GroupCalibration.Steps].
var riskSteps = [4]float64{20, 40, 70, 90}

//go:embed calibration.json
var shipped []byte

// shippedCalibration reads the shipped calibration once.
var shippedCalibration = sync.OnceValue(func() *Calibration {
	c, err := ParseCalibration(shipped)
	if err != nil {
		panic(fmt.Sprintf("reading the shipped calibration: %v", err)) // a test reads it: cannot happen
	}
	return c
})

// ParseCalibration reads and validates a calibration.
func ParseCalibration(data []byte) (*Calibration, error) {
	var c Calibration
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("reading calibration: %w", err)
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	c.digest = models.Digest(data)
	return &c, nil
}

func (c *Calibration) validate() error {
	positive := func(field string, x float64) error {
		if !(x >= 0 && x <= 100) {
			return &models.FieldError{Field: field, Problem: fmt.Sprintf("%v is outside [0, 100]", x)}
		}
		return nil
	}
	for _, s := range slices.Sorted(maps.Keys(c.Weights)) {
		if s == "" || s.Rank() < 0 {
			return &models.FieldError{Field: "weights", Problem: fmt.Sprintf("%q is not one of %v", s, models.Severities())}
		}
		if err := positive("weights."+string(s), c.Weights[s]); err != nil {
			return err
		}
	}
	for _, name := range models.Groups() {
		g, path := c.Groups[name], "groups."+string(name)
		if g == nil {
			return &models.FieldError{Field: path, Problem: "missing"}
		}
		if !(g.Silence >= -20 && g.Silence <= 20) {
			return &models.FieldError{Field: path + ".silence", Problem: fmt.Sprintf("%v is outside [-20, 20]", g.Silence)}
		}
		for part, values := range map[string]map[string]float64{"scores": g.Scores, "missing": g.Missing} {
			for _, d := range slices.Sorted(maps.Keys(values)) {
				if err := positive(path+"."+part+"."+d, values[d]); err != nil {
					return err
				}
			}
		}
		below := 0.0
		for _, step := range g.Steps {
			if !(step > below) {
				return &models.FieldError{Field: path + ".steps", Problem: fmt.Sprintf("%v: must rise from above 0", g.Steps)}
			}
			below = step
		}
	}
	return nil
}

// evidence is what the detectors said of an event.
type evidence struct {
	// points is the log-odds above silence, scored what of it is scores'; missing stands in for what was not inspected.
	points, scored, missing float64
	silence                 float64
	// unknown and score are what detectors said that no calibration knows: their findings, and the highest of their scores.
	unknown []*models.Finding
	score   float64
	// sure are the findings of known detectors from [sureFrom] on.
	sure   []*models.Finding
	shares []float64
}

func (c *Calibration) evidence(k models.Kind, findings []models.Finding, reports []models.DetectorReport) evidence {
	g := c.Groups[k.Group()]
	e := evidence{silence: g.Silence, shares: make([]float64, len(reports))}
	var known []*models.Finding
	for i := range findings {
		switch f := &findings[i]; {
		case slices.Contains(c.Findings, f.Detector):
			known = append(known, f)
			if f.Confidence >= sureFrom {
				e.sure = append(e.sure, f)
			}
		case !slices.Contains(c.Scores, f.Detector):
			e.unknown = append(e.unknown, f)
		}
	}
	e.points = c.worth(known)
	for _, names := range [...][]string{c.Findings, c.Scores} {
		for _, name := range names {
			if !inspected(reports, name) {
				e.missing += g.Missing[name]
			}
		}
	}
	for i := range reports {
		r := &reports[i]
		switch {
		case slices.Contains(c.Scores, r.Name):
			e.shares[i] = g.Scores[r.Name] * scorePoints(r.Score)
			e.scored += e.shares[i]
		case slices.Contains(c.Findings, r.Name):
			e.shares[i] = c.worth(of(known, r.Name))
		default:
			e.score = max(e.score, r.Score)
			e.shares[i] = -math.Log(max(doubtOf(of(e.unknown, r.Name), models.SeverityInfo)*(1-r.Score), doubtFloor))
		}
	}
	e.points += e.scored
	scaleToOne(e.shares)
	return e
}

// worth is the log-odds that findings are worth.
func (c *Calibration) worth(findings []*models.Finding) (points float64) {
	if len(findings) == 0 {
		return 0
	}
	for _, s := range models.Severities() {
		points += c.Weights[s] * removed(findings, s)
	}
	return points
}

// removed is how much doubt findings of severity s or above remove, in units of a factor of e.
func removed(findings []*models.Finding, s models.Severity) float64 {
	return -math.Log(max(doubtOf(findings, s), doubtFloor))
}

// Points is the log-odds above silence of what the detectors said of an event.
func (c *Calibration) Points(k models.Kind, findings []models.Finding, reports []models.DetectorReport) float64 {
	e := c.evidence(k, findings, reports)
	return e.points
}

// Evidence is what [Calibration.Weights] and [GroupCalibration.Scores] multiply: the doubt that findings of each severity or
// above remove, and how far each score's log-odds are above [ScoreFloor].
func (c *Calibration) Evidence(findings []models.Finding, reports []models.DetectorReport) (doubt map[models.Severity]float64, scores map[string]float64) {
	var known []*models.Finding
	for i := range findings {
		if f := &findings[i]; slices.Contains(c.Findings, f.Detector) {
			known = append(known, f)
		}
	}
	doubt, scores = map[models.Severity]float64{}, map[string]float64{}
	for _, s := range models.Severities() {
		doubt[s] = removed(known, s)
	}
	for i := range reports {
		if r := &reports[i]; slices.Contains(c.Scores, r.Name) {
			scores[r.Name] = scorePoints(r.Score)
		}
	}
	return doubt, scores
}

// scorePoints is how far a score's log-odds are above the floor.
func scorePoints(score float64) float64 {
	if score <= 0 {
		return 0
	}
	return min(max(math.Log(score/max(1-score, 1e-9)), ScoreFloor), scoreTop) - ScoreFloor
}

func inspected(reports []models.DetectorReport, name string) bool {
	return slices.ContainsFunc(reports, func(r models.DetectorReport) bool {
		return r.Name == name && r.Status != models.StatusNotInspected
	})
}

func of(findings []*models.Finding, detector string) (own []*models.Finding) {
	for _, f := range findings {
		if f.Detector == detector {
			own = append(own, f)
		}
	}
	return own
}

func scaleToOne(shares []float64) {
	sum := 0.0
	for _, s := range shares {
		sum += s
	}
	if sum == 0 {
		return
	}
	for i := range shares {
		shares[i] = math.Round(shares[i]/sum*1e4) / 1e4
	}
}

// probability is that of an attack, given all evidence.
func (e *evidence) probability() float64 {
	doubt := 1 / (1 + math.Exp(e.silence+e.missing+e.points))
	return 1 - doubt*doubtOf(e.unknown, scoreSeverity)*(1-e.score)
}

// risk is the risk of so much evidence: 0 at none, [riskSteps] at the steps, straight lines between, and from the last step on
// towards 100.
func (g *GroupCalibration) risk(points float64) float64 {
	from, low := 0.0, 0.0
	for i, step := range g.Steps {
		if points < step {
			return low + (riskSteps[i]-low)*(points-from)/(step-from)
		}
		from, low = step, riskSteps[i]
	}
	return 100 - (100-low)*math.Exp(from-points)
}
