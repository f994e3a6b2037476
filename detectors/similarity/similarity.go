// Package similarity is the detector of known texts: it finds what repeats an attack that was seen before, says which one,
// and shows the passage. README.md says what it finds and misses.
package similarity

import (
	"context"
	"fmt"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// Spec describes the detector.
var Spec = detectors.Spec{
	Name:     "similarity",
	Version:  "1.0.0",
	Purpose:  "Finds what repeats a known attack, and names the attack.",
	Classes:  classes(),
	Stage:    detectors.Fast,
	Deadline: 2 * time.Second,
	New:      newDetector,
}

// classes are all of them: what is known can be any attack.
func classes() []models.Class {
	var out []models.Class
	for _, c := range models.Classes() {
		out = append(out, c.ID)
	}
	return out
}

// Config is the detector's section of the configuration. The zero value is the shipped texts alone.
type Config struct {
	// Dir is the directory of an index beside the shipped one, absolute; it is followed as it changes, and may appear
	// later. Empty means none.
	Dir string `json:"dir"`
	// MinProbability is the least probability, in (0, 1], of a finding that is reported. 0 means [leastProbability].
	MinProbability float64 `json:"min_probability"`
}

// leastProbability is what a finding must have to be reported: it is likelier an attack than not. What is weaker would only tip
// the scales where other detectors already doubt a harmless text.
const leastProbability = 0.5

type detector struct {
	own   *follower
	least float64
}

func newDetector(_ context.Context, section detectors.Config) (detectors.Detector, error) {
	cfg := Config{}
	if err := section.Decode(&cfg); err != nil {
		return nil, err
	}
	if !(cfg.MinProbability >= 0 && cfg.MinProbability <= 1) {
		return nil, &models.FieldError{Field: "min_probability", Problem: fmt.Sprintf("%v is outside [0, 1]", cfg.MinProbability)}
	}
	if cfg.MinProbability == 0 {
		cfg.MinProbability = leastProbability
	}
	own, err := newFollower(cfg.Dir)
	if err != nil {
		return nil, err
	}
	go func() { _, _ = shipped() }() // so that the first event does not wait; it gets the error, if there is one
	return &detector{own, cfg.MinProbability}, nil
}

// Detect compares every view of every string with what is known. It is safe for concurrent use.
func (d *detector) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	// An empty batch is the engine's question for the revision, as it asks when the index has changed.
	own := d.own.current(len(batch.Inputs) == 0)
	answer := detectors.Answer{Outcomes: make([]models.Outcome, 0, len(batch.Inputs)), Revision: revision(own, d.least)}
	for i := range batch.Inputs {
		if err := ctx.Err(); err != nil {
			return detectors.Answer{}, fmt.Errorf("judging event %d of %d: %w", i+1, len(batch.Inputs), err)
		}
		outcome, err := d.judge(ctx, &batch.Inputs[i], own)
		if err != nil {
			return detectors.Answer{}, fmt.Errorf("judging event %d of %d: %w", i+1, len(batch.Inputs), err)
		}
		answer.Outcomes = append(answer.Outcomes, outcome)
	}
	return answer, nil
}
