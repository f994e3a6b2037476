package engine

import (
	"maps"
	"math"
	"slices"

	"github.com/aad6b6dc/taster/models"
)

// Risk is what all that was found on one event comes to.
type Risk struct {
	// Score is from 0 to 100; its tens follow [bandTop].
	Score float64
	// Severity is the highest severity found, however sure the detector was.
	Severity models.Severity
	// Critical is the highest confidence of a critical finding; 0 without one.
	Critical float64
	// Probability is the verdict's.
	Probability float64
	// Shares has the share of each report's detector in the evidence, 0 to 1. They add up to 1, or to 0 without evidence.
	Shares []float64
}

// Fusion makes one risk of what the detectors said of an event.
type Fusion struct {
	// Version goes into the epoch. Required; a change of Fuse is a change of Version.
	Version string
	// Fuse gets the findings, each with its detector's name, and a report of each detector that reads events of the kind. It
	// must be pure and monotone: one more finding, or a higher confidence, severity or score, never lowers score, severity,
	// critical or probability. Required.
	Fuse func(k models.Kind, findings []models.Finding, reports []models.DetectorReport) Risk
}

// DefaultFusion fuses by the shipped [Calibration].
func DefaultFusion() Fusion { return shippedCalibration().Fusion() }

// fuseVersion changes when the same calibration makes another risk.
const fuseVersion = "evidence/1"

// bandTop is the risk of a certain finding of each severity: the upper ends of the bands 0-9, 10-39, 40-69, 70-89 and
// 90-100 in which gateways and SIEMs read info, low, medium, high and critical (OCSF risk levels, SARIF
// security-severity).
var bandTop = map[models.Severity]float64{
	models.SeverityInfo: 9, models.SeverityLow: 39, models.SeverityMedium: 69, models.SeverityHigh: 89, models.SeverityCritical: 100,
}

// scoreSeverity is what a detector's score counts as: it says "an attack", but not how bad.
const scoreSeverity = models.SeverityMedium

// Fusion returns the fusion that the calibration stands for.
//
// Detectors that the calibration knows give evidence: what their findings and scores are worth was measured, and adds up
// to a log-odds of which risk and probability follow. A detector that it does not know (the judge, one from outside) is
// taken at its word, by [bands], and so is a known one's finding of which it is sure. The risk is the higher of the two.
//
// So many findings make it surer that something is wrong, but no worse than the worst of them: the risk stays in the
// band of the highest severity, or in that of medium for scores alone.
func (c *Calibration) Fusion() Fusion {
	return Fusion{Version: fuseVersion + " " + c.digest, Fuse: c.fuse}
}

func (c *Calibration) fuse(k models.Kind, findings []models.Finding, reports []models.DetectorReport) Risk {
	var risk Risk
	for i := range findings {
		f := &findings[i]
		if f.Severity.Rank() > risk.Severity.Rank() {
			risk.Severity = f.Severity
		}
		if f.Severity == models.SeverityCritical {
			risk.Critical = max(risk.Critical, f.Confidence)
		}
	}
	e, g := c.evidence(k, findings, reports), c.Groups[k.Group()]
	risk.Score = max(bands(append(e.sure, e.unknown...), e.score), min(g.risk(e.points), bandTop[risk.Severity]), min(g.risk(e.scored), bandTop[scoreSeverity]))
	risk.Score = math.Round(risk.Score*100) / 100
	risk.Probability = math.Round(e.probability()*1e4) / 1e4
	risk.Shares = e.shares
	return risk
}

// bands is the risk of what is taken at its word. For each severity it takes the probability that at least one finding of that
// severity or above is right (noisy-or, the best finding of each class counting once, since findings of one class are
// hardly independent) times the top of the severity's band; the risk is the maximum over the severities.
func bands(findings []*models.Finding, score float64) (risk float64) {
	if len(findings) == 0 && score == 0 {
		return 0
	}
	for _, s := range models.Severities() {
		doubt := doubtOf(findings, s)
		if s.Rank() <= scoreSeverity.Rank() {
			doubt *= 1 - score
		}
		risk = max(risk, bandTop[s]*(1-doubt))
	}
	return risk
}

// doubtOf is the probability that no finding of severity s or above is right. It is a product in a fixed order, which
// keeps it monotone and the same to the last bit whatever the order of the findings.
func doubtOf(findings []*models.Finding, s models.Severity) float64 {
	best := make(map[models.Class]float64, len(findings))
	for _, f := range findings {
		if f.Severity.Rank() >= s.Rank() {
			best[f.Class] = max(best[f.Class], f.Confidence)
		}
	}
	doubt := 1.0
	for _, c := range slices.Sorted(maps.Keys(best)) {
		doubt *= 1 - best[c]
	}
	return doubt
}
