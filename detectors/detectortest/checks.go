package detectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// subject is a detector under test with what it is asked.
type subject struct {
	spec     *detectors.Spec
	detector detectors.Detector
	samples  []detectors.Input
	odd      []detectors.Input
	unstable bool
}

func newSubject(spec *detectors.Spec, d detectors.Detector, unstable bool) (*subject, error) {
	ordinary, err := samples(spec)
	if err != nil {
		return nil, err
	}
	odd, err := oddities(spec)
	if err != nil {
		return nil, err
	}
	return &subject{spec: spec, detector: d, samples: ordinary, odd: odd, unstable: unstable}, nil
}

// check is one requirement of the contract.
type check struct {
	name string
	what string // the requirement, in words
	run  func(context.Context, *subject) error
}

// checks is the conformance suite, from the simplest requirement to the hardest.
func checks() []check {
	return []check{
		{"probe", "answers an empty batch with no outcomes", probes},
		{"outcomes", "gives one valid outcome per event, of classes that the spec names", givesValidOutcomes},
		{"odd input", "survives empty, broken, huge and deeply nested events", survivesOddInput},
		{"determinism", "gives the same answer to the same batch", repeatsItself},
		{"batching", "judges an event alone as in company, whatever the order", judgesAlone},
		{"concurrency", "gives the same answers to several callers at once", answersManyAtOnce},
		{"context", "returns when its context has ended", returnsWhenCancelled},
		{"ownership", "leaves its batch as it was", leavesBatchAlone},
	}
}

// patience is how long a check waits for an answer. It is long, because the suite tests behaviour and not pace: the
// host holds the spec's deadline.
const patience = time.Minute

func (s *subject) ask(ctx context.Context, inputs []detectors.Input) ([]models.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := s.detector.Detect(ctx, &detectors.Batch{Inputs: inputs})
	if err != nil {
		return nil, fmt.Errorf("asking about %d events: %w", len(inputs), err)
	}
	if len(answer.Outcomes) != len(inputs) {
		return nil, fmt.Errorf("%d outcomes for %d events", len(answer.Outcomes), len(inputs))
	}
	for i := range answer.Outcomes {
		if err := s.valid(&answer.Outcomes[i], inputs[i].Segments); err != nil {
			return nil, fmt.Errorf("outcome %d, on %.80q: %w", i, inputs[i].Event.Body, err)
		}
	}
	return answer.Outcomes, nil
}

func (s *subject) valid(o *models.Outcome, segments []models.Segment) error {
	if err := o.Validate(segments); err != nil {
		return err
	}
	for _, f := range o.Findings {
		if !slices.Contains(s.spec.Classes, f.Class) {
			return fmt.Errorf("rule %q reports class %s, which the spec does not name", f.Rule, f.Class)
		}
		if !utf8.ValidString(f.Message) || !utf8.ValidString(f.Rule) {
			return fmt.Errorf("rule %q has a message that is not UTF-8", f.Rule)
		}
	}
	return nil
}

func probes(ctx context.Context, s *subject) error {
	_, err := s.ask(ctx, nil)
	return err
}

func givesValidOutcomes(ctx context.Context, s *subject) error {
	_, err := s.ask(ctx, s.samples)
	return err
}

func survivesOddInput(ctx context.Context, s *subject) error {
	var errs []error
	for i := range s.odd {
		if _, err := s.ask(ctx, s.odd[i:i+1]); err != nil {
			errs = append(errs, fmt.Errorf("event %.80q: %w", s.odd[i].Event.Body, err))
		}
	}
	if len(errs) == 0 {
		_, err := s.ask(ctx, s.odd)
		return err
	}
	return errors.Join(errs...)
}

func repeatsItself(ctx context.Context, s *subject) error {
	first, err := s.ask(ctx, s.samples)
	if err != nil {
		return err
	}
	again, err := s.ask(ctx, s.samples)
	if err != nil {
		return err
	}
	return s.same("the second time", s.samples, first, again)
}

func judgesAlone(ctx context.Context, s *subject) error {
	together, err := s.ask(ctx, s.samples)
	if err != nil {
		return err
	}
	backwards := slices.Clone(s.samples)
	slices.Reverse(backwards)
	reversed, err := s.ask(ctx, backwards)
	if err != nil {
		return err
	}
	slices.Reverse(reversed)
	if err := s.same("in reverse order", s.samples, together, reversed); err != nil {
		return err
	}
	for i := range s.samples {
		alone, err := s.ask(ctx, s.samples[i:i+1])
		if err != nil {
			return err
		}
		if err := s.same("alone", s.samples[i:i+1], together[i:i+1], alone); err != nil {
			return err
		}
	}
	return nil
}

func answersManyAtOnce(ctx context.Context, s *subject) error {
	want, err := s.ask(ctx, s.samples)
	if err != nil {
		return err
	}
	const callers = 8
	var wait sync.WaitGroup
	errs := make([]error, callers)
	for i := range errs {
		wait.Go(func() {
			got, err := s.ask(ctx, s.samples)
			if err == nil {
				err = s.same("beside other callers", s.samples, want, got)
			}
			errs[i] = err
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// returnsWhenCancelled allows an answer as well as an error: work already done may be handed over.
func returnsWhenCancelled(ctx context.Context, s *subject) error {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		_, _ = s.detector.Detect(cancelled, &detectors.Batch{Inputs: s.samples})
	}()
	select {
	case <-returned:
		return nil
	case <-time.After(patience / 2):
		return fmt.Errorf("still busy %v after its context had ended", patience/2)
	}
}

func leavesBatchAlone(ctx context.Context, s *subject) error {
	before := make([]string, len(s.samples))
	for i := range s.samples {
		before[i] = print(&s.samples[i])
	}
	if _, err := s.ask(ctx, s.samples); err != nil {
		return err
	}
	for i := range s.samples {
		if print(&s.samples[i]) != before[i] {
			return fmt.Errorf("event %d, %.80q, was changed", i, s.samples[i].Event.Body)
		}
	}
	return nil
}

// print shows everything in an input.
func print(in *detectors.Input) string {
	return fmt.Sprintf("%+v %+v %+v %+v %s", *in.Event, in.Segments, in.Skipped, in.Siblings, in.Pin)
}

// same compares outcomes of an unstable detector by number only, which ask has done.
func (s *subject) same(when string, inputs []detectors.Input, want, got []models.Outcome) error {
	if s.unstable {
		return nil
	}
	return sameOutcomes(when, inputs, want, got)
}

func sameOutcomes(when string, inputs []detectors.Input, want, got []models.Outcome) error {
	for i := range want {
		if a, b := show(&want[i]), show(&got[i]); a != b {
			return fmt.Errorf("event %d, %.80q, was judged otherwise %s:\n  %s\n  %s", i, inputs[i].Event.Body, when, a, b)
		}
	}
	return nil
}

// show prints what of an outcome is the detector's to say.
func show(o *models.Outcome) string {
	said := *o
	said.Findings = nil
	for _, f := range o.Findings {
		f.Detector = ""
		spans := f.Evidence
		f.Evidence = nil
		for _, e := range spans {
			f.Evidence = append(f.Evidence, models.Span{Segment: e.Segment, View: e.View, Start: e.Start, End: e.End})
		}
		said.Findings = append(said.Findings, f)
	}
	return fmt.Sprintf("%+v", said)
}
