// Package similarity is the detector of known texts: it finds what repeats an attack that was seen before, says which one,
// and shows the passage. README.md says what it finds and misses.
package similarity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
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
	for range attempts {
		before := revision(own, d.least)
		outcomes, err := d.judgeAll(ctx, batch.Inputs, own)
		if err != nil {
			return detectors.Answer{}, err
		}
		if revision(own, d.least) == before {
			return detectors.Answer{Outcomes: outcomes, Revision: before}, nil
		}
	}
	return detectors.Answer{}, errors.New("the index of known texts changes faster than events are compared with it")
}

// attempts is how often a batch is judged during which another call followed a change of the index: the outcomes would be
// of two revisions.
const attempts = 5

func (d *detector) judgeAll(ctx context.Context, inputs []detectors.Input, own *index.Index) ([]models.Outcome, error) {
	outcomes := make([]models.Outcome, 0, len(inputs))
	for i := range inputs {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("judging event %d of %d: %w", i+1, len(inputs), err)
		}
		outcome, err := d.judge(ctx, &inputs[i], own)
		if err != nil {
			return nil, fmt.Errorf("judging event %d of %d: %w", i+1, len(inputs), err)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}
