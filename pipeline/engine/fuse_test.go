package engine

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/aad6b6dc/taster/models"
)

func found(class models.Class, severity models.Severity, confidence float64) models.Finding {
	return models.Finding{Class: class, Severity: severity, Confidence: confidence}
}

func TestFuse(t *testing.T) {
	const low, medium, high, critical = models.SeverityLow, models.SeverityMedium, models.SeverityHigh, models.SeverityCritical
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
			if got := Fuse(tt.findings, tt.scores); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func anyFinding(t *rapid.T, label string) models.Finding {
	return found(
		rapid.SampledFrom([]models.Class{"A1", "A2", "B1", "C10", "X-acme-shout"}).Draw(t, label+" class"),
		rapid.SampledFrom(models.Severities()).Draw(t, label+" severity"),
		rapid.Float64Range(math.SmallestNonzeroFloat64, 1).Draw(t, label+" confidence"),
	)
}

// TestMoreNeverLowers is the promise of Fusion, and through policy of every decision.
func TestMoreNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		findings := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Finding { return anyFinding(t, "a") }), 0, 6).Draw(t, "findings")
		scores := rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 3).Draw(t, "scores")
		before := Fuse(findings, scores)
		at := rapid.IntRange(0, len(findings)).Draw(t, "at")
		after := Fuse(slices.Insert(slices.Clone(findings), at, anyFinding(t, "one more")), append(slices.Clone(scores), rapid.Float64Range(0, 1).Draw(t, "score")))
		if after.Score < before.Score || after.Severity.Rank() < before.Severity.Rank() || after.Critical < before.Critical {
			t.Fatalf("from %+v to %+v", before, after)
		}
		if !(after.Score >= 0 && after.Score <= 100) {
			t.Fatalf("score %v", after.Score)
		}
		p := DefaultPolicy()
		facts := Facts{
			Kind:     rapid.SampledFrom(models.Kinds()).Draw(t, "kind"),
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
	rapid.Check(t, func(t *rapid.T) {
		findings := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Finding { return anyFinding(t, "a") }), 2, 6).Draw(t, "findings")
		shuffled := rapid.Permutation(findings).Draw(t, "shuffled")
		if a, b := Fuse(findings, nil), Fuse(shuffled, nil); a != b {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
