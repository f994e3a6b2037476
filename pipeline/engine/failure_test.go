package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// poisoned reports whether the batch holds the event that fails the fakes below.
func poisoned(b *detectors.Batch) bool {
	return slices.ContainsFunc(b.Inputs, func(in detectors.Input) bool { return strings.Contains(string(in.Event.Body), "POISON") })
}

func allClean(b *detectors.Batch) (detectors.Answer, error) {
	return detectors.Answer{Outcomes: slices.Repeat([]models.Outcome{models.Clean()}, len(b.Inputs))}, nil
}

// crashing is down for some probes after each poisoned batch, as a process that has to be restarted.
type crashing struct {
	downFor int
	mu      sync.Mutex
	down    int
}

func (c *crashing) detect(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down > 0 {
		c.down--
		return detectors.Answer{}, &detectors.Error{Code: detectors.CodeUnavailable, Message: "restarting"}
	}
	if poisoned(b) {
		c.down = c.downFor
		return detectors.Answer{}, &detectors.Error{Code: detectors.CodeUnavailable, Message: "EOF"}
	}
	return allClean(b)
}

// TestCulprit puts one bad event among 255 good ones: only it is not inspected, and it does not get a second chance.
func TestCulprit(t *testing.T) {
	for name, tt := range map[string]struct {
		detect func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error)
		reason models.Reason
	}{
		"crash": {(&crashing{downFor: 2}).detect, models.ReasonCrashed},
		"panic": {func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
			if poisoned(b) {
				panic("poison")
			}
			return allClean(b)
		}, models.ReasonCrashed},
		"error": {func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
			if poisoned(b) {
				return detectors.Answer{}, errors.New("poison")
			}
			return allClean(b)
		}, models.ReasonError},
		"hang": {func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
			if poisoned(b) {
				<-ctx.Done()
				return detectors.Answer{}, ctx.Err()
			}
			return allClean(b)
		}, models.ReasonDeadline},
		"wrong count": {func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
			a, _ := allClean(b)
			if poisoned(b) {
				a.Outcomes = append(a.Outcomes, models.Clean())
			}
			return a, nil
		}, models.ReasonBadAnswer},
		"too large": {func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
			if poisoned(b) {
				return detectors.Answer{}, &detectors.Error{Code: detectors.CodeTooLarge, Message: "poison"}
			}
			return allClean(b)
		}, models.ReasonOversize},
	} {
		t.Run(name, func(t *testing.T) {
			d := &fake{detect: tt.detect}
			slot := slotOf("weak", d)
			if name == "hang" {
				slot.Spec.Deadline = 50 * time.Millisecond
			}
			now := newClock()
			e := newEngine(t, Settings{Slots: []Slot{slot, slotOf("quiet", clean())}, Now: now.Now})
			jobs := tools(256)
			jobs[100] = tool("tool-100", "POISON")
			for i, j := range judgeAll(t, e, jobs) {
				r := report(t, j.Verdict, "weak")
				if want := (i == 100); (r.Status == models.StatusNotInspected) != want || want && r.Reason != tt.reason {
					t.Errorf("event %d: %+v", i, r)
				}
				if report(t, j.Verdict, "quiet").Status != models.StatusClean {
					t.Errorf("event %d: the other detector: %+v", i, j.Verdict.Detectors)
				}
			}
			// Held back: the detector does not see it again, under whatever name.
			before := d.events.Load()
			again := jobs[100]
			again.Event.Server = "elsewhere"
			v := judge(t, e, again)
			if r := report(t, v, "weak"); r.Reason != models.ReasonHeldBack || d.events.Load() != before {
				t.Errorf("again: %+v, %d more events", r, d.events.Load()-before)
			}
			now.move(heldFor)
			judge(t, e, again)
			if d.events.Load() == before {
				t.Error("held back for ever")
			}
		})
	}
}

func TestBadOutcomeIsItsOwnFault(t *testing.T) {
	bad := map[string]models.Outcome{
		"span":   models.Found(models.Finding{Rule: "r", Class: "A1", Severity: models.SeverityLow, Confidence: 1, Message: "m", Evidence: []models.Span{{Segment: 99}}}),
		"class":  models.Found(models.Finding{Rule: "r", Class: "Z9", Severity: models.SeverityLow, Confidence: 1, Message: "m"}),
		"status": {Status: "fine"},
		"both":   {Status: models.StatusClean, Reason: models.ReasonError},
		"zero":   {},
	}
	for name, outcome := range bad {
		t.Run(name, func(t *testing.T) {
			d := each(func(in detectors.Input) models.Outcome {
				if strings.Contains(string(in.Event.Body), "POISON") {
					return outcome
				}
				return models.Clean()
			})
			e := withSlots(t, slotOf("odd", d))
			judgements := judgeAll(t, e, []Job{tool("a", "x"), tool("b", "POISON"), tool("c", "x")})
			for i, want := range []models.Reason{"", models.ReasonBadAnswer, ""} {
				if r := report(t, judgements[i].Verdict, "odd"); r.Reason != want {
					t.Errorf("event %d: %+v", i, r)
				}
			}
			if d.calls.Load() != 1 {
				t.Errorf("%d calls: one bad outcome failed the batch", d.calls.Load())
			}
		})
	}
}

func TestNotInspectedIsNeverCached(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	for name, failing := range map[string]func() (detectors.Answer, error){
		"outcome": func() (detectors.Answer, error) {
			return detectors.Answer{Outcomes: []models.Outcome{models.NotInspected(models.ReasonOverBudget, "")}}, nil
		},
		"unavailable": func() (detectors.Answer, error) {
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeCircuitOpen}
		},
		"overloaded": func() (detectors.Answer, error) {
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeOverloaded}
		},
		"bad outcome": func() (detectors.Answer, error) { return detectors.Answer{Outcomes: []models.Outcome{{}}}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			broken.Store(true)
			d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
				if broken.Load() && len(b.Inputs) > 0 {
					return failing()
				}
				return allClean(b)
			}}
			e := withSlots(t, slotOf("weak", d))
			if v := judge(t, e, tool("a", "x")); v.Clean() || report(t, v, "weak").Status != models.StatusNotInspected {
				t.Fatalf("got %+v", v)
			}
			broken.Store(false)
			if v := judge(t, e, tool("a", "x")); !v.Clean() {
				t.Errorf("still %+v", v.Detectors)
			}
		})
	}
}

// TestBlamelessFailures: a detector that is down, or asks to be left alone, holds nobody back.
func TestBlamelessFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		err    *detectors.Error
		reason models.Reason
		calls  int64
	}{
		"circuit open":               {&detectors.Error{Code: detectors.CodeCircuitOpen}, models.ReasonCircuitOpen, 1},
		"overloaded":                 {&detectors.Error{Code: detectors.CodeOverloaded}, models.ReasonError, 1},
		"overloaded, come back":      {&detectors.Error{Code: detectors.CodeOverloaded, RetryAfter: time.Millisecond}, models.ReasonError, 2},
		"overloaded beyond deadline": {&detectors.Error{Code: detectors.CodeOverloaded, RetryAfter: time.Hour}, models.ReasonError, 1},
		"unavailable and stays down": {&detectors.Error{Code: detectors.CodeUnavailable, RetryAfter: time.Hour}, models.ReasonUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			broken.Store(true)
			d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
				if broken.Load() {
					return detectors.Answer{}, tt.err
				}
				return allClean(b)
			}}
			e := withSlots(t, slotOf("weak", d))
			for _, j := range judgeAll(t, e, tools(3)) {
				if r := report(t, j.Verdict, "weak"); r.Reason != tt.reason {
					t.Errorf("got %+v", r)
				}
			}
			if d.calls.Load() != tt.calls {
				t.Errorf("%d calls, want %d", d.calls.Load(), tt.calls)
			}
			broken.Store(false)
			for _, j := range judgeAll(t, e, tools(3)) {
				if !j.Verdict.Clean() {
					t.Errorf("held back: %+v", j.Verdict.Detectors)
				}
			}
		})
	}
}

func TestOverloadedOnce(t *testing.T) {
	var refused atomic.Bool
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 && refused.CompareAndSwap(false, true) {
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeOverloaded, RetryAfter: time.Millisecond}
		}
		return allClean(b)
	}}
	if v := judge(t, withSlots(t, slotOf("busy", d)), tool("a", "x")); !v.Clean() {
		t.Errorf("got %+v", v.Detectors)
	}
}

// TestBrokenDetectorHoldsNobodyBack: when every event of a batch fails, the events are not to blame.
func TestBrokenDetectorHoldsNobodyBack(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if broken.Load() && len(b.Inputs) > 0 {
			return detectors.Answer{}, errors.New("no index")
		}
		return allClean(b)
	}}
	e := withSlots(t, slotOf("weak", d))
	judgeAll(t, e, tools(5))
	broken.Store(false)
	for _, j := range judgeAll(t, e, tools(5)) {
		if !j.Verdict.Clean() {
			t.Errorf("got %+v", j.Verdict.Detectors)
		}
	}
}

// TestNeighbourIsNoCulprit: while one batch of a process is tried event by event, no other call of that process runs,
// not even another detector's.
func TestNeighbourIsNoCulprit(t *testing.T) {
	process := &crashing{downFor: 1}
	var inside, crowded atomic.Int64
	detect := func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if n := inside.Add(1); n > 1 && len(b.Inputs) == 1 && poisoned(b) {
			crowded.Add(1)
		}
		defer inside.Add(-1)
		return process.detect(ctx, b)
	}
	one, two := slotOf("one", &fake{detect: detect}), slotOf("two", &fake{detect: detect})
	one.Group, two.Group = "process", "process"
	e := withSlots(t, one, two)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				jobs := tools(4)
				for k := range jobs {
					jobs[k] = tool(string(rune('a'+w))+string(rune('a'+i))+string(rune('a'+k)), "x")
				}
				jobs[2] = tool(string(rune('a'+w))+string(rune('a'+i)), "POISON")
				for k, j := range e.Judge(t.Context(), jobs) {
					for _, r := range j.Verdict.Detectors {
						if k != 2 && r.Status != models.StatusClean {
							t.Errorf("an innocent event: %+v", r)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	if crowded.Load() > 0 {
		t.Errorf("%d times a culprit was looked for in company", crowded.Load())
	}
}

// TestStuckDetector ignores its deadline: the engine goes on without it, and in the end stops calling it.
func TestStuckDetector(t *testing.T) {
	release := make(chan struct{})
	done := make(chan struct{}, maxAbandoned)
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 {
			<-release
			done <- struct{}{}
		}
		return allClean(b)
	}}
	slot := slotOf("stuck", d)
	slot.Spec.Deadline = time.Millisecond
	e := withSlots(t, slot, slotOf("quiet", clean()))
	for _, s := range e.state.Load().slots {
		s.restartLimit = 10 * time.Millisecond
	}
	for i := range 2 * maxAbandoned {
		v := judge(t, e, tool("a", strings.Repeat("x", i)))
		if r := report(t, v, "stuck"); r.Status != models.StatusNotInspected {
			t.Errorf("got %+v", r)
		}
		if r := report(t, v, "quiet"); r.Status != models.StatusClean {
			t.Errorf("the other detector: %+v", r)
		}
	}
	if n := d.calls.Load(); n != maxAbandoned {
		t.Errorf("%d calls, want %d", n, maxAbandoned)
	}
	close(release)
	for range maxAbandoned {
		<-done
	}
}

func TestCallerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &fake{detect: func(inner context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 && ctx.Err() == nil {
			cancel()
			<-inner.Done()
			return detectors.Answer{}, inner.Err()
		}
		return allClean(b)
	}}
	e := withSlots(t, slotOf("slow", d))
	for _, j := range e.Judge(ctx, tools(3)) {
		if r := report(t, j.Verdict, "slow"); r.Reason != models.ReasonDeadline {
			t.Errorf("got %+v", r)
		}
	}
	if d.calls.Load() != 1 {
		t.Errorf("%d calls for a caller that is gone", d.calls.Load())
	}
	for _, j := range judgeAll(t, e, tools(3)) {
		if !j.Verdict.Clean() {
			t.Errorf("held back: %+v", j.Verdict.Detectors)
		}
	}
}

// TestDownIsNotWaitedForTwice: only the first batch waits for a detector that does not come back, and a later one finds
// it at work again.
func TestDownIsNotWaitedForTwice(t *testing.T) {
	var broken atomic.Bool
	var probes atomic.Int64
	broken.Store(true)
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) == 0 {
			probes.Add(1)
		}
		if broken.Load() {
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeUnavailable, Message: "gone"}
		}
		return allClean(b)
	}}
	e := withSlots(t, slotOf("weak", d))
	e.state.Load().slots[0].restartLimit = 10 * time.Millisecond
	judge(t, e, tool("a", "x"))
	waited := probes.Load()
	if v := judge(t, e, tool("b", "x")); report(t, v, "weak").Reason != models.ReasonUnavailable {
		t.Errorf("got %+v", v.Detectors)
	}
	if waited < 2 || probes.Load() != waited {
		t.Errorf("%d probes, then %d", waited, probes.Load())
	}
	broken.Store(false)
	if v := judge(t, e, tool("b", "x")); !v.Clean() {
		t.Errorf("got %+v", v.Detectors)
	}
}

// TestKilledForAnother: the host ends a process whose call ran late, just after it answered a probe. The next event,
// which finds the process gone, is not to blame.
func TestKilledForAnother(t *testing.T) {
	var gone atomic.Bool
	d := &fake{detect: func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
		switch {
		case poisoned(b):
			<-ctx.Done()
			gone.Store(len(b.Inputs) == 1)
			return detectors.Answer{}, ctx.Err()
		case len(b.Inputs) > 0 && gone.CompareAndSwap(true, false):
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeUnavailable, Message: "killed"}
		}
		return allClean(b)
	}}
	slot := slotOf("weak", d)
	slot.Spec.Deadline = 20 * time.Millisecond
	e := withSlots(t, slot)
	judgements := judgeAll(t, e, []Job{tool("a", "x"), tool("b", "POISON"), tool("c", "x")})
	for i, want := range []models.Reason{"", models.ReasonDeadline, ""} {
		if r := report(t, judgements[i].Verdict, "weak"); r.Reason != want {
			t.Errorf("event %d: %+v", i, r)
		}
	}
}

// TestMadeUpReasons: a detector can neither promise another revision nor flood the verdict.
func TestMadeUpReasons(t *testing.T) {
	for given, want := range map[models.Reason]models.Reason{
		models.ReasonPending:                     models.ReasonError,
		models.Reason(strings.Repeat("x", 1000)): models.Reason(strings.Repeat("x", maxReasonBytes)),
		"moody":                                  "moody",
	} {
		e := withSlots(t, slotOf("odd", each(func(detectors.Input) models.Outcome { return models.NotInspected(given, "") })))
		if r := report(t, judge(t, e, tool("a", "x")), "odd"); r.Reason != want {
			t.Errorf("%.20s becomes %s", given, r.Reason)
		}
	}
}
