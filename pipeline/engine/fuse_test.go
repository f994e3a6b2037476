package engine

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aad6b6dc/taster/models"
)

const (
	low, medium, high, critical = models.SeverityLow, models.SeverityMedium, models.SeverityHigh, models.SeverityCritical
)

func found(class models.Class, severity models.Severity, confidence float64) models.Finding {
	return models.Finding{Detector: "outside", Class: class, Severity: severity, Confidence: confidence}
}

// by is the same finding of another detector.
func by(detector string, f models.Finding) models.Finding {
	f.Detector = detector
	return f
}

func said(name string, score float64) models.DetectorReport {
	return models.DetectorReport{Name: name, Status: models.StatusClean, Score: score}
}

// TestUnknownDetectors: what no calibration knows is taken at its word.
func TestUnknownDetectors(t *testing.T) {
	for name, tt := range map[string]struct {
		findings []models.Finding
		scores   []float64
		want     Risk
	}{
		"nothing":                    {nil, nil, Risk{}},
		"clean with a score":         {nil, []float64{0.5}, Risk{Score: 34.5}},
		"best of scores counts":      {nil, []float64{0.5, 0.1, 0.5}, Risk{Score: 34.5}},
		"one certain":                {[]models.Finding{found("A1", high, 1)}, nil, Risk{Score: 89, Severity: high}},
		"confidence scales":          {[]models.Finding{found("A1", high, 0.5)}, nil, Risk{Score: 44.5, Severity: high}},
		"one class counts once":      {[]models.Finding{found("A1", medium, 0.5), found("A1", medium, 0.5)}, nil, Risk{Score: 34.5, Severity: medium}},
		"classes add up":             {[]models.Finding{found("A1", medium, 0.5), found("A2", medium, 0.5)}, nil, Risk{Score: 51.75, Severity: medium}},
		"lows stay low":              {[]models.Finding{found("A1", low, 1), found("A2", low, 1), found("A3", low, 1)}, nil, Risk{Score: 39, Severity: low}},
		"graver counts for milder":   {[]models.Finding{found("A1", high, 0.5), found("A2", medium, 0.5)}, nil, Risk{Score: 51.75, Severity: high}},
		"score backs a finding":      {[]models.Finding{found("A1", medium, 0.5)}, []float64{0.5}, Risk{Score: 51.75, Severity: medium}},
		"score is no high":           {[]models.Finding{found("A1", high, 0.9)}, []float64{1}, Risk{Score: 80.1, Severity: high}},
		"critical of low confidence": {[]models.Finding{found("A1", critical, 0.1)}, nil, Risk{Score: 10, Severity: critical, Critical: 0.1}},
		"best critical":              {[]models.Finding{found("A1", critical, 0.2), found("A3", critical, 0.9)}, nil, Risk{Score: 92, Severity: critical, Critical: 0.9}},
	} {
		t.Run(name, func(t *testing.T) {
			var reports []models.DetectorReport
			for _, s := range tt.scores {
				reports = append(reports, said("outside", s))
			}
			got := fuseTest(t, tt.findings, reports)
			if got.Score != tt.want.Score || got.Severity != tt.want.Severity || got.Critical != tt.want.Critical {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// testCalibration knows a detector of rules and one that learned. Its numbers are easy to reckon with.
const testCalibration = `{"findings":["rules"],"scores":["learned"],"weights":{"medium":1,"high":1},"groups":{` +
	`"definitions":{"silence":-1,"scores":{"learned":0.5},"missing":{"learned":0.5,"rules":0.25},"steps":[1,2,4,8]},` +
	`"data":{"silence":0,"scores":{"learned":1},"missing":{},"steps":[2,4,6,8]},` +
	`"prompts":{"silence":0,"scores":{},"missing":{},"steps":[1,2,3,4]},` +
	`"calls":{"silence":0,"scores":{},"missing":{},"steps":[1,2,3,4]}}}`

func testFusion(t testing.TB) Fusion {
	c, err := ParseCalibration([]byte(testCalibration))
	if err != nil {
		t.Fatal(err)
	}
	return c.Fusion()
}

func fuseTest(t testing.TB, findings []models.Finding, reports []models.DetectorReport) Risk {
	return testFusion(t).Fuse(models.KindTool, findings, reports)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestKnownDetectors(t *testing.T) {
	both := func(score float64) []models.DetectorReport {
		return []models.DetectorReport{said("rules", 0), said("learned", score)}
	}
	half := math.Ln2 // the doubt that a confidence of one half removes
	rule := func(s models.Severity, confidence float64) models.Finding {
		return by("rules", found("A1", s, confidence))
	}
	for name, tt := range map[string]struct {
		findings []models.Finding
		reports  []models.DetectorReport
		score    float64
		log      float64 // odds of the probability
		shares   []float64
	}{
		"silence":                     {nil, both(0), 0, -1, []float64{0, 0}},
		"nobody ran":                  {nil, nil, 0, -0.25, nil},
		"one did not inspect":         {nil, []models.DetectorReport{said("rules", 0), {Name: "learned", Status: models.StatusNotInspected}}, 0, -0.5, []float64{0, 0}},
		"a medium finding":            {[]models.Finding{rule(medium, 0.5)}, both(0), 20 * half, -1 + half, []float64{1, 0}},
		"a high one counts twice":     {[]models.Finding{rule(high, 0.5)}, both(0), 20 + 20*(2*half-1), -1 + 2*half, []float64{1, 0}},
		"a low one is worth nothing":  {[]models.Finding{rule(low, 0.5)}, both(0), 0, -1, []float64{0, 0}},
		"a score, half of 6 above":    {nil, both(0.5), 20 + 20.0 + 30*0.5, -1 + 3, []float64{0, 1}},
		"both":                        {[]models.Finding{rule(high, 0.5)}, both(0.5), 70 + 20*(2*half+3-4)/4, -1 + 3 + 2*half, []float64{0.3161, 0.6839}},
		"no worse than the worst":     {[]models.Finding{rule(medium, 0.9)}, both(1), 69, -1 + 6 - math.Log(0.1), []float64{0.2773, 0.7227}},
		"a sure one stands":           {[]models.Finding{rule(low, 0.75)}, both(0), 29.25, -1, []float64{0, 0}},
		"beyond the last step":        {[]models.Finding{rule(critical, 0.89)}, both(1), 90 + 10*(1-math.Exp(8-6+2*math.Log(0.11))), -1 + 6 - 2*math.Log(0.11), []float64{0.4239, 0.5761}},
		"the learned one's own words": {[]models.Finding{by("learned", found("A1", high, 0.5))}, both(0.5), 55, 2, []float64{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got := fuseTest(t, tt.findings, tt.reports)
			if math.Abs(got.Score-tt.score) > 0.006 || math.Abs(got.Probability-sigmoid(tt.log)) > 6e-5 || !slices.Equal(got.Shares, tt.shares) {
				t.Errorf("risk %v, probability %v, shares %v; want %v, %v, %v", got.Score, got.Probability, got.Shares, tt.score, sigmoid(tt.log), tt.shares)
			}
		})
	}
}

// TestJudgeBesideKnown: what is taken at its word raises what is known, and the other way round.
func TestJudgeBesideKnown(t *testing.T) {
	rules, judge := by("rules", found("A1", high, 0.5)), by("judge", found("A1", high, 0.9))
	reports := []models.DetectorReport{said("rules", 0), said("learned", 0), said("judge", 0)}
	alone, together := fuseTest(t, []models.Finding{rules}, reports), fuseTest(t, []models.Finding{rules, judge}, reports)
	if together.Score != 80.1 || together.Probability <= alone.Probability || together.Shares[2] == 0 {
		t.Errorf("alone %+v, together %+v", alone, together)
	}
}

func TestGroupsDiffer(t *testing.T) {
	f := testFusion(t)
	reports := []models.DetectorReport{said("rules", 0), said("learned", 0.5)}
	tool, result := f.Fuse(models.KindTool, nil, reports), f.Fuse(models.KindToolResult, nil, reports)
	if tool.Score != 55 || result.Score != 69 {
		t.Errorf("tool %v, result %v", tool.Score, result.Score)
	}
}

func anyFinding(t *rapid.T, label string) models.Finding {
	f := found(
		rapid.SampledFrom([]models.Class{"A1", "A2", "B1", "C10", "X-acme-shout"}).Draw(t, label+" class"),
		rapid.SampledFrom(models.Severities()).Draw(t, label+" severity"),
		rapid.Float64Range(math.SmallestNonzeroFloat64, 1).Draw(t, label+" confidence"),
	)
	return by(rapid.SampledFrom([]string{"heuristic", "similarity", "classifier", "judge", "outside"}).Draw(t, label+" detector"), f)
}

// TestMoreNeverLowers is the promise of Fusion, and through policy of every decision.
func TestMoreNeverLowers(t *testing.T) {
	fusion := DefaultFusion()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(models.Kinds()).Draw(t, "kind")
		findings := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Finding { return anyFinding(t, "a") }), 0, 6).Draw(t, "findings")
		var reports, higher []models.DetectorReport
		for _, name := range []string{"heuristic", "similarity", "catalogue", "classifier", "outside"} {
			r := said(name, rapid.Float64Range(0, 1).Draw(t, name))
			reports = append(reports, r)
			r.Score = rapid.Float64Range(r.Score, 1).Draw(t, name+", more")
			higher = append(higher, r)
		}
		before := fusion.Fuse(kind, findings, reports)
		at := rapid.IntRange(0, len(findings)).Draw(t, "at")
		after := fusion.Fuse(kind, slices.Insert(slices.Clone(findings), at, anyFinding(t, "one more")), higher)
		if after.Score < before.Score || after.Severity.Rank() < before.Severity.Rank() || after.Critical < before.Critical || after.Probability < before.Probability {
			t.Fatalf("from %+v to %+v", before, after)
		}
		if !(after.Score >= 0 && after.Score <= 100 && after.Probability >= 0 && after.Probability <= 1) {
			t.Fatalf("%+v", after)
		}
		p := DefaultPolicy()
		facts := Facts{
			Kind:     kind,
			Pin:      rapid.SampledFrom([]models.PinState{models.Unpinned, models.PinMatch, models.PinMismatch}).Draw(t, "pin"),
			Complete: rapid.Bool().Draw(t, "complete"),
		}
		facts.Risk = before
		mild := p.Decide(facts).Decision
		facts.Risk = after
		strict := p.Decide(facts).Decision
		if !strict.AtLeast(mild) {
			t.Fatalf("%+v gets %s, %+v gets %s", before, mild, after, strict)
		}
		if !facts.Kind.MayGet(strict) {
			t.Fatalf("%s is not for %s", strict, facts.Kind)
		}
		if !facts.Complete && mild == models.Allow {
			t.Fatal("allowed without being inspected")
		}
	})
}

func TestOrderOfFindingsDoesNotMatter(t *testing.T) {
	fusion := DefaultFusion()
	rapid.Check(t, func(t *rapid.T) {
		findings := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Finding { return anyFinding(t, "a") }), 2, 6).Draw(t, "findings")
		shuffled := rapid.Permutation(findings).Draw(t, "shuffled")
		a, b := fusion.Fuse(models.KindTool, findings, nil), fusion.Fuse(models.KindTool, shuffled, nil)
		if a.Score != b.Score || a.Probability != b.Probability || a.Severity != b.Severity || a.Critical != b.Critical {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func TestParseCalibration(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, want string }{
		"unknown member":   {`"scores":["learned"],`, `"scores":["learned"],"extra":1,`, "extra"},
		"negative weight":  {`"medium":1`, `"medium":-1`, "weights.medium"},
		"unknown severity": {`"medium":1`, `"grave":1`, `"grave" is not one of`},
		"missing group":    {`"prompts":`, `"promts":`, "groups.prompts: missing"},
		"wild silence":     {`"silence":-1`, `"silence":-100`, "groups.definitions.silence"},
		"negative score":   {`"learned":0.5}`, `"learned":-0.5}`, "groups.definitions.scores.learned"},
		"negative missing": {`"rules":0.25`, `"rules":-0.25`, "groups.definitions.missing.rules"},
		"steps that fall":  {`[1,2,4,8]`, `[1,2,2,8]`, "groups.definitions.steps"},
		"a step at 0":      {`[1,2,4,8]`, `[0,2,3,8]`, "groups.definitions.steps"},
		"no JSON":          {testCalibration, `weights: 1`, "reading calibration"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(testCalibration, tt.from, tt.to, 1)
			if text == testCalibration {
				t.Fatal("nothing was replaced")
			}
			if _, err := ParseCalibration([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestShippedCalibration: every detector that ships and is known has its worth, and what stands in for it.
func TestShippedCalibration(t *testing.T) {
	c, err := ParseCalibration(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Findings) == 0 || len(c.Scores) == 0 || len(c.Source) == 0 {
		t.Fatalf("%+v", c)
	}
	for _, g := range models.Groups() {
		for _, name := range slices.Concat(c.Findings, c.Scores) {
			if _, ok := c.Groups[g].Missing[name]; !ok {
				t.Errorf("%s: nothing stands in for %s", g, name)
			}
		}
	}
}
