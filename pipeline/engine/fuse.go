package engine

import (
	"maps"
	"math"
	"slices"

	"github.com/aad6b6dc/taster/models"
)

// Risk is what all findings on one event come to.
type Risk struct {
	// Score is from 0 to 100; its tens follow [bandTop].
	Score float64
	// Severity is the highest severity found, however sure the detector was.
	Severity models.Severity
	// Critical is the highest confidence of a critical finding; 0 without one.
	Critical float64
}

// Fusion makes one risk of findings and of the detectors' scores in [0, 1].
type Fusion struct {
	// Version goes into the epoch. Required; a change of Fuse is a change of Version.
	Version string
	// Fuse must be pure and monotone: one more finding, or a higher confidence, severity or score, never lowers any
	// field of the result. Required.
	Fuse func(findings []models.Finding, scores []float64) Risk
}

// DefaultFusion is [Fuse].
func DefaultFusion() Fusion { return Fusion{Version: "bands/1", Fuse: Fuse} }

// bandTop is the risk of a certain finding of each severity: the upper ends of the bands 0-9, 10-39, 40-69, 70-89 and
// 90-100 in which gateways and SIEMs read info, low, medium, high and critical (OCSF risk levels, SARIF
// security-severity).
var bandTop = map[models.Severity]float64{
	models.SeverityInfo: 9, models.SeverityLow: 39, models.SeverityMedium: 69, models.SeverityHigh: 89, models.SeverityCritical: 100,
}

// scoreSeverity is what a detector's score counts as: it says "an attack", but not how bad.
const scoreSeverity = models.SeverityMedium

// Fuse is the default [Fusion]. For each severity it takes the probability that at least one finding of that
// severity or above is right (noisy-or, the best finding of each class counting once, since findings of one class are
// hardly independent) times the top of the severity's band; the risk is the maximum over the severities.
//
// So many findings make it surer that something is wrong, but no worse than the worst of them: no number of low
// findings leaves the low band.
func Fuse(findings []models.Finding, scores []float64) Risk {
	var risk Risk
	if len(findings) == 0 && maximum(scores) == 0 {
		return risk
	}
	for i := range findings {
		f := &findings[i]
		if f.Severity.Rank() > risk.Severity.Rank() {
			risk.Severity = f.Severity
		}
		if f.Severity == models.SeverityCritical {
			risk.Critical = max(risk.Critical, f.Confidence)
		}
	}
	for _, s := range models.Severities() {
		doubt := doubtOf(findings, s)
		if s.Rank() <= scoreSeverity.Rank() {
			doubt *= 1 - maximum(scores)
		}
		risk.Score = max(risk.Score, bandTop[s]*(1-doubt))
	}
	risk.Score = math.Round(risk.Score*100) / 100
	return risk
}

// doubtOf is the probability that no finding of severity s or above is right. It is a product in a fixed order, which
// keeps it monotone and the same to the last bit whatever the order of the findings.
func doubtOf(findings []models.Finding, s models.Severity) float64 {
	best := make(map[models.Class]float64, len(findings))
	for i := range findings {
		if f := &findings[i]; f.Severity.Rank() >= s.Rank() {
			best[f.Class] = max(best[f.Class], f.Confidence)
		}
	}
	doubt := 1.0
	for _, c := range slices.Sorted(maps.Keys(best)) {
		doubt *= 1 - best[c]
	}
	return doubt
}

func maximum(values []float64) float64 {
	var m float64
	for _, v := range values {
		m = max(m, v)
	}
	return m
}
