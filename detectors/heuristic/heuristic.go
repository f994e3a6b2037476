// Package heuristic is the detector of rules: it finds instructions to the model, hidden text and leaking links in
// everything an MCP peer says, by combinations of signals rather than by words. README.md says what it finds and misses.
package heuristic

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

const version = "1.0.0"

// classes are what the rules report, those of loaded packs included.
var classes = []models.Class{"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A12", "A13", "A14", "A15", "A16", "B1", "B2", "B3", "B4", "B5", "B6", "B8", "B9", "B10", "B11", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "E5", "E6", "E7", "E8", "E10", "E11", "E12", "E13", "E14", "E15"}

// Spec describes the detector.
var Spec = detectors.Spec{
	Name:     "heuristic",
	Version:  version,
	Purpose:  "Finds instructions to the model, hidden text and leaking links by combinations of signals.",
	Classes:  classes,
	Stage:    detectors.Fast,
	Deadline: 2 * time.Second,
	New:      newDetector,
}

// detector has the rules of one configuration.
type detector struct {
	rules    *rulepack.Set
	without  map[string]bool // ids of rules in code that are disabled
	revision string          // of the two
	idle     sync.Pool       // of *examination: what has grown to its events is used again
}

func newDetector(_ context.Context, cfg detectors.Config) (detectors.Detector, error) {
	var config Config
	if err := cfg.Decode(&config); err != nil {
		return nil, err
	}
	d, err := config.compile()
	if err != nil {
		return nil, err
	}
	d.idle.New = func() any { return &examination{scanner: d.rules.Scanner(), without: d.without} }
	return d, nil
}

// Detect judges each event on its own. It is safe for concurrent use.
func (d *detector) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	e := d.idle.Get().(*examination)
	answer := detectors.Answer{Outcomes: make([]models.Outcome, 0, len(batch.Inputs)), Revision: d.revision}
	for i := range batch.Inputs {
		if err := ctx.Err(); err != nil {
			return detectors.Answer{}, fmt.Errorf("judging event %d of %d: %w", i+1, len(batch.Inputs), err)
		}
		answer.Outcomes = append(answer.Outcomes, e.judge(&batch.Inputs[i]))
	}
	d.idle.Put(e)
	return answer, nil
}

// judge looks at every view of every segment, then at the event as a whole.
func (e *examination) judge(in *detectors.Input) models.Outcome {
	if in.Event.Oversize != nil {
		return models.NotInspected(models.ReasonOversize, "the event has no body")
	}
	e.input, e.findings = in, nil
	e.forget()
	e.scanner.Begin(in.Segments)
	for i := range in.Segments {
		e.segment(i)
	}
	e.groups()
	e.keepStrongest()
	outcome := models.Found(e.findings...)
	for _, f := range outcome.Findings {
		outcome.Score = max(outcome.Score, f.Confidence*check.Weight(f.Severity))
	}
	e.input, e.findings = nil, nil
	e.event.Reset(nil)
	return outcome
}
