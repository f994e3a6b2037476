package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

const (
	// isolationLimit bounds how long a failed batch is tried event by event: so long can its group be kept waiting.
	isolationLimit = 10 * time.Second
	// restartLimit is how long a detector that went down gets to come back before its events end unavailable.
	restartLimit = 2 * time.Second
	// downFor is how long a detector that did not come back is taken at its word when it says so again: its batches end
	// unavailable at once, instead of each waiting for restartLimit.
	downFor      = 5 * time.Second
	firstBackoff = 5 * time.Millisecond
	maxBackoff   = 200 * time.Millisecond
	// maxAbandoned is how many calls of a detector may be running past their deadline. At that number it gets no more.
	maxAbandoned = 8
	// maxSkipped bounds the parts that one detector, or one verdict, lists as left out.
	maxSkipped = 32
)

// slot runs one detector: it adds deadline, recovery, checks and isolation, so that a call always ends with one
// sound outcome per event.
type slot struct {
	Slot
	gate         *gate
	log          *slog.Logger
	meters       *slotMeters
	restartLimit time.Duration
	abandoned    atomic.Int32              // calls running past their deadline
	downUntil    atomic.Pointer[time.Time] // nil: not known to be down
}

// answer is one detector's outcome for one event.
type answer struct {
	outcome  models.Outcome
	revision string // of the data that decided; only of inspected events
	culprit  models.Reason
	asked    bool // whether the detector reads the event at all
	cached   bool
	micros   int64
}

func (a *answer) inspected() bool { return a.outcome.Status != models.StatusNotInspected }

// inspect returns one answer per input. A batch that fails as a whole is tried again event by event.
func (s *slot) inspect(ctx context.Context, inputs []detectors.Input) []answer {
	if err := s.gate.enter(ctx); err != nil {
		return notInspected(len(inputs), detectors.AsError(err))
	}
	answers, err := s.call(ctx, inputs)
	s.gate.leave()
	switch {
	case err == nil:
		return answers
	case ctx.Err() != nil || blameless(err) || s.isDown(err):
		return notInspected(len(inputs), err)
	case s.Spec.Stage == detectors.Deep && err.Code != detectors.CodeUnavailable:
		// Deep events come alone, so this one has had its try. A process that ended may have ended over another's.
		return notInspected(len(inputs), err)
	}
	s.log.Warn("batch failed, trying its events one by one", "events", len(inputs), "error", err)
	return s.isolate(ctx, inputs)
}

// blameless reports whether err says nothing about the events of the call.
func blameless(err *detectors.Error) bool {
	return err.Code == detectors.CodeCircuitOpen || err.Code == detectors.CodeOverloaded
}

// noteDown remembers that the detector did not come back, unless it was the caller who ran out of time.
func (s *slot) noteDown(caller context.Context) {
	if caller.Err() == nil {
		until := time.Now().Add(downFor)
		s.downUntil.Store(&until)
	}
}

// isDown reports whether err comes from a detector that was waited for in vain just now.
func (s *slot) isDown(err *detectors.Error) bool {
	until := s.downUntil.Load()
	return err.Code == detectors.CodeUnavailable && until != nil && time.Now().Before(*until)
}

// isolate tries each event alone, once, while the detector's group has no other call running, so that nobody else's
// event can be what brings it down.
//
// Invariant 5: no event can switch a detector off for others. Only an event that fails a detector known to be up is a
// culprit.
func (s *slot) isolate(ctx context.Context, inputs []detectors.Input) []answer {
	limited, cancel := context.WithTimeout(ctx, isolationLimit)
	defer cancel()
	if err := s.gate.enterAlone(limited); err != nil {
		return notInspected(len(inputs), detectors.AsError(err))
	}
	defer s.gate.leaveAlone()
	answers := make([]answer, 0, len(inputs))
	culprits, up, late := 0, false, false
	for len(answers) < len(inputs) {
		i := len(answers)
		if !up {
			if err := s.awaitUp(limited); err != nil {
				s.noteDown(limited)
				return append(answers, notInspected(len(inputs)-i, err)...)
			}
		}
		alone, err := s.call(limited, inputs[i:i+1])
		up = err == nil
		switch {
		case err == nil:
			answers, late = append(answers, alone...), false
			continue
		case limited.Err() != nil || blameless(err):
			return append(answers, notInspected(len(inputs)-i, err)...)
		case late && err.Code == detectors.CodeUnavailable:
			late = false // the host ended the process for the event before: this one is tried again
			continue
		}
		late = err.Code == detectors.CodeDeadline
		culprits++
		answers = append(answers, blamed(err))
	}
	if culprits == len(inputs) && culprits > 1 {
		// Not one event passed: the fault is the detector's, and nobody is held back for it.
		for i := range answers {
			answers[i].culprit = ""
		}
	}
	return answers
}

// blamed is the answer for an event that alone failed a detector that was up.
func blamed(err *detectors.Error) answer {
	reason := err.Reason()
	if err.Code == detectors.CodeUnavailable {
		reason = models.ReasonCrashed
	}
	return answer{asked: true, culprit: reason, outcome: models.NotInspected(reason, err.Message)}
}

func notInspected(n int, err *detectors.Error) []answer {
	answers := make([]answer, n)
	for i := range answers {
		answers[i] = answer{asked: true, outcome: models.NotInspected(err.Reason(), err.Message)}
	}
	return answers
}

// awaitUp probes until the detector answers. The host restarts it meanwhile.
func (s *slot) awaitUp(ctx context.Context) *detectors.Error {
	ctx, cancel := context.WithTimeout(ctx, s.restartLimit)
	defer cancel()
	for backoff := firstBackoff; ; backoff = min(2*backoff, maxBackoff) {
		err := s.probe(ctx)
		switch {
		case err == nil:
			return nil
		case err.Code == detectors.CodeCircuitOpen:
			return err
		case err.Code != detectors.CodeUnavailable && err.Code != detectors.CodeDeadline:
			return nil // it answers, if not well
		}
		if !sleep(ctx, max(backoff, err.RetryAfter)) {
			return err
		}
	}
}

func (s *slot) probe(ctx context.Context) *detectors.Error {
	ctx, cancel := context.WithTimeout(ctx, s.Spec.Deadline)
	defer cancel()
	_, err := s.attempt(ctx, nil)
	return err
}

// call asks the detector once, and once more if it is overloaded and says when to come back within the deadline.
func (s *slot) call(ctx context.Context, inputs []detectors.Input) ([]answer, *detectors.Error) {
	ctx, cancel := context.WithTimeout(ctx, s.Spec.Deadline)
	defer cancel()
	began := time.Now()
	result, err := s.attempt(ctx, inputs)
	if err != nil && err.Code == detectors.CodeOverloaded && err.RetryAfter > 0 && sleep(ctx, err.RetryAfter) {
		result, err = s.attempt(ctx, inputs)
	}
	took := time.Since(began)
	s.meters.seconds.Observe(took.Seconds())
	if err != nil {
		return nil, err
	}
	return s.check(result, inputs, took)
}

// check makes answers of what the detector returned. A wrong count says nothing about any event; a wrong outcome only
// about its own.
func (s *slot) check(result detectors.Answer, inputs []detectors.Input, took time.Duration) ([]answer, *detectors.Error) {
	if len(result.Outcomes) != len(inputs) {
		return nil, &detectors.Error{
			Code: detectors.CodeBadAnswer, Message: fmt.Sprintf("%d outcomes for %d events", len(result.Outcomes), len(inputs)),
		}
	}
	answers := make([]answer, len(inputs))
	for i, o := range result.Outcomes {
		if err := o.Validate(inputs[i].Segments); err != nil {
			o = models.NotInspected(models.ReasonBadAnswer, err.Error())
		}
		o.Reason = checkReason(o.Reason)
		o.Detail = models.Truncate(o.Detail, models.MaxDetailBytes)
		o.Skipped = capSkipped(o.Skipped)
		answers[i] = answer{asked: true, outcome: o, revision: result.Revision, micros: took.Microseconds() / int64(len(inputs))}
	}
	return answers, nil
}

// maxReasonBytes limits a reason that a detector made up.
const maxReasonBytes = 64

// checkReason keeps pending for the engine, which alone knows whether another revision comes.
func checkReason(r models.Reason) models.Reason {
	if r == models.ReasonPending {
		return models.ReasonError
	}
	return models.Reason(models.Truncate(string(r), maxReasonBytes))
}

// attempt calls Detect and comes back when ctx ends, even if the detector does not. A panic counts as a crash.
func (s *slot) attempt(ctx context.Context, inputs []detectors.Input) (detectors.Answer, *detectors.Error) {
	if n := s.abandoned.Load(); n >= maxAbandoned {
		return detectors.Answer{}, &detectors.Error{
			Code: detectors.CodeUnavailable, Message: fmt.Sprintf("%d calls are running past their deadline", n),
		}
	}
	type reply struct {
		answer detectors.Answer
		err    error
	}
	done := make(chan reply, 1)
	var late atomic.Bool
	go func() {
		var r reply
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("detector panicked", "panic", p, "stack", string(debug.Stack()))
				r.err = &detectors.Error{Code: detectors.CodeUnavailable, Message: fmt.Sprintf("panic: %v", p)}
			}
			done <- r
			if !late.CompareAndSwap(false, true) {
				s.abandoned.Add(-1)
			}
		}()
		r.answer, r.err = s.Detector.Detect(ctx, &detectors.Batch{Inputs: inputs})
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return detectors.Answer{}, detectors.AsError(r.err)
		}
		return r.answer, nil
	case <-ctx.Done():
		s.abandoned.Add(1)
		if !late.CompareAndSwap(false, true) { // it came back just now
			s.abandoned.Add(-1)
		}
		return detectors.Answer{}, &detectors.Error{Code: detectors.CodeDeadline, Message: deadlineMessage(ctx, s.Spec.Deadline)}
	}
}

func deadlineMessage(ctx context.Context, deadline time.Duration) string {
	if errors.Is(ctx.Err(), context.Canceled) {
		return "the caller gave up"
	}
	return fmt.Sprintf("no answer within %v", deadline)
}

// sleep waits for d and reports whether ctx still has time then; it does not begin to wait in vain.
func sleep(ctx context.Context, d time.Duration) bool {
	if until, ok := ctx.Deadline(); ok && time.Until(until) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func capSkipped(skipped []models.Skipped) []models.Skipped {
	if len(skipped) <= maxSkipped {
		return skipped
	}
	more := models.Skipped{Reason: fmt.Sprintf("and %d more parts", len(skipped)-maxSkipped+1)}
	return append(skipped[:maxSkipped-1:maxSkipped-1], more)
}

// gate lets many batches into a group of detectors at once, or one caller alone. Who comes first goes first.
type gate struct{ places *semaphore.Weighted }

const gatePlaces = 1 << 20

func newGate() *gate { return &gate{semaphore.NewWeighted(gatePlaces)} }

func (g *gate) enter(ctx context.Context) error      { return g.places.Acquire(ctx, 1) }
func (g *gate) leave()                               { g.places.Release(1) }
func (g *gate) enterAlone(ctx context.Context) error { return g.places.Acquire(ctx, gatePlaces) }
func (g *gate) leaveAlone()                          { g.places.Release(gatePlaces) }
