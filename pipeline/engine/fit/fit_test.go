package fit

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

var kinds = []models.Kind{models.KindTool, models.KindToolResult, models.KindUserPrompt, models.KindToolCall}

var options = Options{Findings: []string{"rules"}, Scores: []string{"learned"}, LookAlikes: [4]float64{0.2, 0.05, 0.01, 0}, Real: [4]float64{0.01, 0.001, 0, 0}}

func example(k models.Kind, malicious bool, confidence, logOdds float64) Example {
	e := Example{Kind: k, Malicious: malicious, Reports: []models.DetectorReport{
		{Name: "rules", Status: models.StatusClean},
		{Name: "learned", Status: models.StatusClean, Score: 1 / (1 + math.Exp(-logOdds))},
	}}
	if confidence > 0 {
		e.Findings = []models.Finding{{Detector: "rules", Class: "A1", Severity: models.SeverityMedium, Confidence: confidence}}
	}
	return e
}

// drawn are examples of a known law: an event is malicious with the log-odds silence + weight·doubt + worth·score.
func drawn(n int, silence, weight, worth float64) (all []Example) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		confidence := 0.0
		if r.Float64() < 0.5 {
			confidence = 0.6 * r.Float64()
		}
		logOdds := r.NormFloat64()*2 - 3
		x := silence + weight*-math.Log(1-confidence) + worth*(min(max(logOdds, -6), 6)+6)
		all = append(all, example(kinds[i%len(kinds)], r.Float64() < 1/(1+math.Exp(-x)), confidence, logOdds))
	}
	return all
}

func TestFitFindsTheLaw(t *testing.T) {
	c, err := Fit(drawn(10000, -3, 1.5, 0.8), Bars{}, options)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: %v, want about %v", what, got, want)
		}
	}
	near("weight of medium and low", c.Weights[models.SeverityMedium]+c.Weights[models.SeverityLow], 1.5, 0.2)
	for _, g := range models.Groups() {
		near(string(g)+": score", c.Groups[g].Scores["learned"], 0.8, 0.08)
		if m := c.Groups[g].Missing; m["learned"] < 1.5 || m["rules"] < 0.05 || m["rules"] > 1 {
			t.Errorf("%s: what stands in: %v", g, m)
		}
	}
}

// TestProbabilitiesAreShares: of what gets a probability of p, a share of p is malicious, where labels are even.
func TestProbabilitiesAreShares(t *testing.T) {
	rows := drawn(10000, -3, 1.5, 0.8)
	c, err := Fit(rows, Bars{}, options)
	if err != nil {
		t.Fatal(err)
	}
	if ece := calibrationError(parsed(t, c).Fusion(), rows); ece > 0.03 {
		t.Errorf("calibration error %v", ece)
	}
}

// calibrationError is the mean distance of probability and share over ten bins, where both labels weigh the same.
func calibrationError(fusion engine.Fusion, rows []Example) (ece float64) {
	var counts [2]float64
	for i := range rows {
		counts[label(&rows[i])]++
	}
	var off [10]float64
	for i := range rows {
		e := &rows[i]
		p := fusion.Fuse(e.Kind, e.Findings, e.Reports).Probability
		off[min(int(p*10), 9)] += (p - float64(label(e))) * 0.5 / counts[label(e)]
	}
	for _, x := range off {
		ece += math.Abs(x)
	}
	return ece
}

func parsed(t *testing.T, c *engine.Calibration) *engine.Calibration {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = engine.ParseCalibration(data); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWeightsAreNeverNegative, even where the examples say that evidence speaks against an attack.
func TestWeightsAreNeverNegative(t *testing.T) {
	rows := drawn(4000, 3, -2, -0.8)
	c, err := Fit(rows, Bars{}, options)
	if err != nil {
		t.Fatal(err)
	}
	for s, w := range c.Weights {
		if w != 0 {
			t.Errorf("%s: %v", s, w)
		}
	}
	for _, g := range models.Groups() {
		if w := c.Groups[g].Scores["learned"]; w != 0 {
			t.Errorf("%s: score %v", g, w)
		}
	}
}

// TestSteps: no more of the harmless rows reach a step than its share, of look-alikes and of real traffic.
func TestSteps(t *testing.T) {
	rows := drawn(8000, -3, 1.5, 0.8)
	var traffic []Example
	for i := range 2000 {
		traffic = append(traffic, example(kinds[i%len(kinds)], false, 0, 4*float64(i)/2000))
	}
	for name, real := range map[string][]Example{"look-alikes": nil, "traffic": traffic} {
		t.Run(name, func(t *testing.T) {
			c, err := Fit(rows, Bars{Real: real}, options)
			if err != nil {
				t.Fatal(err)
			}
			shares, harmless := options.LookAlikes, rows
			if real != nil {
				shares, harmless = options.Real, real
			}
			for _, g := range models.Groups() {
				var reached, n [4]float64
				highest := 0.0
				for _, e := range harmless {
					if e.Malicious || e.Kind.Group() != g {
						continue
					}
					highest = max(highest, c.Points(e.Kind, e.Findings, e.Reports))
					for i, step := range c.Groups[g].Steps {
						n[i]++
						if c.Points(e.Kind, e.Findings, e.Reports) >= step {
							reached[i]++
						}
					}
				}
				for i := range reached {
					if reached[i] > shares[i]*n[i] {
						t.Errorf("%s: %v of %v reach step %d", g, reached[i], n[i], i+1)
					}
				}
				if last := c.Groups[g].Steps[3]; last < highest+2*margin {
					t.Errorf("%s: the last step is %v, harmless rows reach %v", g, last, highest)
				}
				if reached[0] == 0 {
					t.Errorf("%s: nothing reaches the first step", g)
				}
			}
		})
	}
}

// TestHardEvents: where the events that probabilities speak of say less by the same evidence, the scale is smaller, and
// probabilities are right for them.
func TestHardEvents(t *testing.T) {
	easy, hard := drawn(8000, -3, 1.5, 0.8), drawn(8000, -1.5, 0.75, 0.4)
	c, err := Fit(easy, Bars{Hard: hard}, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range models.Groups() {
		if w := c.Groups[g].Scores["learned"]; w < 0.3 || w > 0.5 {
			t.Errorf("%s: score %v, want about 0.4", g, w)
		}
	}
	if w := c.Weights[models.SeverityMedium] + c.Weights[models.SeverityLow]; w < 0.55 || w > 0.95 {
		t.Errorf("findings weigh %v, want about 0.75", w)
	}
	if ece := calibrationError(parsed(t, c).Fusion(), hard); ece > 0.03 {
		t.Errorf("calibration error %v", ece)
	}
	if _, err := Fit(easy, Bars{Hard: easy[:3]}, options); err == nil || !strings.Contains(err.Error(), "hard events") {
		t.Errorf("got %v", err)
	}
}

func TestTheSameTwice(t *testing.T) {
	rows := drawn(1000, -1, 1, 0.5)
	var files []string
	for range 2 {
		c, err := Fit(rows, Bars{}, options)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(data))
	}
	if files[0] != files[1] {
		t.Errorf("%s\n%s", files[0], files[1])
	}
}

func TestTooLittle(t *testing.T) {
	if _, err := Fit([]Example{example(models.KindTool, true, 0, 0), example(models.KindTool, false, 0, 0)}, Bars{}, options); err == nil || !strings.Contains(err.Error(), "data: 0 harmless and 0 malicious") {
		t.Errorf("got %v", err)
	}
}
