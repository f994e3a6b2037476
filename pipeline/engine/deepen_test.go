package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// opinion is a deep detector with one finding on everything.
func opinion(severity models.Severity) *fake {
	return each(func(detectors.Input) models.Outcome {
		return models.Found(models.Finding{Rule: "opinion", Class: "A5", Severity: severity, Confidence: 0.95, Message: "The judge says so."})
	})
}

func TestDeepen(t *testing.T) {
	failed := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 {
			return detectors.Answer{}, errors.New("no model")
		}
		return detectors.Answer{}, nil
	}}
	for name, tt := range map[string]struct {
		judge        *fake
		first, final models.Decision
		reason       models.Reason
		calls        int64
	}{
		"raises":       {opinion(models.SeverityCritical), models.RequireApproval, models.Block, "", 1},
		"agrees":       {opinion(models.SeverityLow), models.RequireApproval, models.RequireApproval, "", 1},
		"never lowers": {clean(), models.RequireApproval, models.RequireApproval, "", 1},
		"fails":        {failed, models.RequireApproval, models.RequireApproval, models.ReasonError, 1},
		"over budget": {each(func(detectors.Input) models.Outcome { return models.NotInspected(models.ReasonOverBudget, "") }),
			models.RequireApproval, models.RequireApproval, models.ReasonOverBudget, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := withSlots(t, slotOf("words", words(map[string]models.Severity{"DUBIOUS": models.SeverityMedium})), deepOf("judge", tt.judge))
			job := tool("tide", "DUBIOUS")
			first := judgeAll(t, e, []Job{job})[0]
			v := first.Verdict
			if !first.Deep || v.Final || v.Decision != tt.first || report(t, v, "judge").Reason != models.ReasonPending || v.Coverage.Complete {
				t.Fatalf("first %+v", v)
			}
			second := e.Deepen(t.Context(), job, v)
			checkVerdict(t, &second)
			if second.ID != v.ID || second.Revision != 2 || !second.Final || second.Supersedes != v.Key() || second.Cause != CauseDeep {
				t.Errorf("identity %+v", second)
			}
			if r := report(t, second, "judge"); second.Decision != tt.final || r.Reason != tt.reason || len(second.Detectors) != 2 {
				t.Errorf("decision %s, report %+v", second.Decision, r)
			}
			if second.RiskScore < v.RiskScore || second.Severity.Rank() < v.Severity.Rank() {
				t.Errorf("lowered to %v, %s", second.RiskScore, second.Severity)
			}
			if second.Coverage.Complete != (tt.reason == "") {
				t.Errorf("coverage %+v", second.Coverage)
			}
			if tt.judge.calls.Load() != tt.calls {
				t.Errorf("%d calls", tt.judge.calls.Load())
			}
			if len(v.Findings) != 1 || len(v.Detectors) != 2 {
				t.Error("the first revision was changed")
			}
		})
	}
}

func TestCleanOnlyWhenTheJudgeIsDone(t *testing.T) {
	d := clean()
	e := withSlots(t, slotOf("quiet", clean()), deepOf("judge", d))
	job := tool("tide", "Returns the tide.") // unpinned: the judge sees it
	first := judgeAll(t, e, []Job{job})[0]
	if !first.Deep || first.Verdict.Clean() || first.Verdict.Decision != models.Allow {
		t.Errorf("first %+v", first.Verdict)
	}
	for range 2 { // the second time from the cache
		second := e.Deepen(t.Context(), job, first.Verdict)
		if !second.Clean() || second.Decision != models.Allow {
			t.Errorf("second %+v", second)
		}
	}
	if d.calls.Load() != 1 {
		t.Errorf("%d calls", d.calls.Load())
	}
}

func TestDeepenAfterTime(t *testing.T) {
	e := withSlots(t, slotOf("quiet", clean()), deepOf("judge", clean()))
	job := tool("tide", "Returns the tide.")
	first := judgeAll(t, e, []Job{job})[0]
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	v := e.Deepen(ctx, job, first.Verdict)
	if r := report(t, v, "judge"); r.Reason != models.ReasonDeadline || !v.Final || v.Decision != models.Allow || v.Clean() {
		t.Errorf("got %+v", v)
	}
}

// What the first revision was decided by may have become milder since: policy, rules, an approval.
func TestDeepenKeepsTheStricterFirst(t *testing.T) {
	e := withSlots(t, slotOf("quiet", clean()), deepOf("judge", clean()))
	job := tool("tide", "Returns the tide.")
	first := judgeAll(t, e, []Job{job})[0].Verdict
	first.RiskScore, first.Severity, first.Decision = 75, models.SeverityHigh, models.Quarantine
	second := e.Deepen(t.Context(), job, first)
	if second.RiskScore != 75 || second.Severity != models.SeverityHigh || second.Decision != models.Quarantine {
		t.Errorf("lowered to %v, %s, %s", second.RiskScore, second.Severity, second.Decision)
	}
}

func TestFailedFastDetectorStaysVisible(t *testing.T) {
	broken := each(func(detectors.Input) models.Outcome { return models.NotInspected(models.ReasonOverBudget, "") })
	e := withSlots(t, slotOf("broken", broken), deepOf("judge", clean()))
	job := tool("tide", "Returns the tide.")
	first := judgeAll(t, e, []Job{job})[0]
	v := e.Deepen(t.Context(), job, first.Verdict)
	if v.Clean() || v.Decision != models.RequireApproval || report(t, v, "broken").Reason != models.ReasonOverBudget {
		t.Errorf("got %+v", v)
	}
}

func TestNewRevisionOfTheJudge(t *testing.T) {
	revision := "r1"
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		a, err := allClean(b)
		a.Revision = revision
		return a, err
	}}
	e := withSlots(t, slotOf("quiet", clean()), deepOf("judge", d))
	job := tool("tide", "Returns the tide.")
	first := judgeAll(t, e, []Job{job})[0]
	revision = "r2"
	v := e.Deepen(t.Context(), job, first.Verdict)
	if !v.Clean() || d.calls.Load() != 1 || v.ID != first.Verdict.ID {
		t.Errorf("%d calls, verdict %+v", d.calls.Load(), v)
	}
	if e.Epoch("").Epoch == first.Verdict.Epoch {
		t.Error("the judge's new revision started no epoch")
	}
}

// TestDeepNeighbourIsTriedAgain: an event ends the process of the deep detector while others are in it. They get their
// answer from the next process, and only the culprit is held back.
func TestDeepNeighbourIsTriedAgain(t *testing.T) {
	const innocents = 3
	var inside sync.WaitGroup // until the first call of each event is there
	inside.Add(innocents + 1)
	var first atomic.Int64
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		together := len(b.Inputs) > 0 && first.Add(1) <= innocents+1
		if together {
			inside.Done()
			inside.Wait()
		}
		if together || poisoned(b) {
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeUnavailable, Message: "EOF"}
		}
		return allClean(b)
	}}
	e := withSlots(t, slotOf("quiet", clean()), deepOf("judge", d))
	jobs := []Job{tool("a", "x"), tool("b", "x"), tool("c", "POISON"), tool("d", "x")}
	verdicts := make([]models.Verdict, len(jobs))
	var wg sync.WaitGroup
	for i, j := range judgeAll(t, e, jobs) {
		wg.Go(func() { verdicts[i] = e.Deepen(t.Context(), jobs[i], j.Verdict) })
	}
	wg.Wait()
	for i, want := range []models.Reason{"", "", models.ReasonCrashed, ""} {
		if r := report(t, verdicts[i], "judge"); r.Reason != want {
			t.Errorf("event %d: %+v", i, r)
		}
	}
	calls := d.calls.Load()
	v := e.Deepen(t.Context(), jobs[2], judge(t, e, jobs[2]))
	if r := report(t, v, "judge"); r.Reason != models.ReasonHeldBack || d.calls.Load() != calls {
		t.Errorf("the culprit again, %d calls more: %+v", d.calls.Load()-calls, r)
	}
}
