// Package bench measures detectors, chains of them and foreign scanners against labelled samples.
//
// A [Judge] answers events; [Run] makes a [Row] of each sample and its answer. Rows are all that is kept: [NewReport]
// works out every figure from them, with intervals, and [Gate] holds figures against bars. A system whose rows carry no
// complete [Record] of how they were obtained gets no figures.
package bench

import (
	"context"

	"github.com/aad6b6dc/taster/models"
)

// Judge is what is measured: a detector, a chain of them, or somebody else's scanner.
type Judge interface {
	// Judge answers each event, in order. An event that could not be judged gets an answer that says so
	// ([NotInspected]), an error ends the run. It is called from several goroutines.
	Judge(ctx context.Context, events []models.Event) ([]Answer, error)
}

// Answer is what a judge says of one event.
type Answer struct {
	Decision models.Decision `json:"decision"`
	// Score is the judge's estimate in [0, 1] that the event is an attack. A judge that gives none gets one from its
	// tier ([TierScore]), which makes a curve of four points.
	Score    float64          `json:"score"`
	Severity models.Severity  `json:"severity,omitempty"`
	Findings []models.Finding `json:"findings"`
	// Detectors has the outcome of each detector.
	Detectors []Outcome `json:"detectors"`
	// Status is not_inspected when a detector that should have did not inspect the event, found or clean otherwise.
	Status models.Status `json:"status"`
	Reason string        `json:"reason,omitempty"` // why not inspected
	// Skipped counts parts of the event that nobody looked at, such as images.
	Skipped int `json:"skipped,omitempty"`
	// Micros is the time that the event took, in microseconds.
	Micros float64 `json:"micros"`
}

// Outcome is how one detector ended with the event.
type Outcome struct {
	Name     string        `json:"name"`
	Status   models.Status `json:"status"`
	Reason   models.Reason `json:"reason,omitempty"`
	Score    float64       `json:"score,omitempty"`
	Findings int           `json:"findings,omitempty"`
	Micros   float64       `json:"micros"`
}

// NotInspected is the answer for an event that was not judged.
func NotInspected(reason string) Answer {
	return Answer{Decision: models.Allow, Status: models.StatusNotInspected, Reason: reason}
}

// TierScore is the score of a judge that gives decisions alone.
func TierScore(t models.Tier) float64 { return float64(t) / float64(models.TierBlocked) }
