// Package judge is the detector that asks a language model. It runs in the deep stage, on what policy sends it, and only
// where an endpoint is configured; see README.md for what it does and why. Three words to begin with: the plant is a harmful
// sentence of ours in every question, which a sound answer reports; the control is the same words in alphabetical order, asked
// about when an answer is not sound; the second look asks about each half of the sentences where nothing was found.
//
// The files: text.go chooses what of an event the model sees, prompt.go dresses it up, client.go asks, budget.go keeps the
// cost, answer.go checks what comes back, rubric.go makes findings of it, examine.go tells an answer that the text has
// swayed from one that is merely bad, signs.go finds text that speaks to the judge without asking any model.
package judge

import (
	"context"
	"errors"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// Spec is the judge.
var Spec = detectors.Spec{
	Name:     "judge",
	Version:  "1.0.0",
	Purpose:  "Asks a language model about texts that rules do not settle.",
	Classes:  classes(),
	Stage:    detectors.Deep,
	Deadline: maxDeadline + graceTime,
	New: func(_ context.Context, cfg detectors.Config) (detectors.Detector, error) {
		c, err := ParseConfig(cfg)
		if err != nil {
			return nil, err
		}
		return New(c)
	},
}

// graceTime is what the judge needs to answer that its own deadline has passed, so that the host never sees it overrun.
const graceTime = 5 * time.Second

// Judge asks a model. It is safe for concurrent use.
type Judge struct {
	config Config
	asker  asker // nil: no endpoint is configured
	drawer drawer
	cache  *cache
	fit    fitness
	signs  *signs
}

// New makes a judge. One without an endpoint looks for text that speaks to it and inspects nothing else.
func New(c Config) (*Judge, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	j := &Judge{config: c, cache: newCache(c.CacheEntries), drawer: drawFresh, signs: newSigns()}
	if c.BaseURL == "" {
		return j, nil
	}
	var err error
	if j.asker, err = newClient(c); err != nil {
		return nil, err
	}
	return j, j.openRecords()
}

// Detect judges each event by itself: deep events come alone, and a batch of many is as slow as all of them.
func (j *Judge) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	answer := detectors.Answer{Revision: revision()}
	for i := range batch.Inputs {
		answer.Outcomes = append(answer.Outcomes, j.outcome(ctx, &batch.Inputs[i]))
	}
	return answer, nil
}

// outcome is found where the text speaks to the judge: then the model does not see it. Showing it would cost money and
// could only blur what is known already. Otherwise the model's answer decides.
func (j *Judge) outcome(ctx context.Context, in *detectors.Input) models.Outcome {
	if found := j.signs.find(in); len(found) > 0 {
		return models.Found(found...)
	}
	if j.asker == nil {
		return models.NotInspected(models.ReasonUnavailable, "no endpoint is configured")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(j.config.DeadlineSeconds)*time.Second)
	defer cancel()
	return j.examine(ctx, newText(in, j.config.MaxTextBytes))
}

// failure is why a text could not be judged.
type failure struct {
	reason models.Reason
	detail string
}

func (f *failure) Error() string { return string(f.reason) + ": " + f.detail }

func (f *failure) outcome() models.Outcome { return models.NotInspected(f.reason, f.detail) }

// failed makes a failure of any error of an asker.
func failed(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &failure{reason: models.ReasonDeadline, detail: "no answer in time"}
	}
	return &failure{reason: models.ReasonError, detail: err.Error()}
}
