package drill

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors/judge/judgetest"
	"github.com/aad6b6dc/taster/models"
)

// withJudge is a station with the judge in a process of its own, which asks the model.
func withJudge(t *testing.T, b *bus, endpoint *judgetest.Server, model string, settings map[string]any) plan {
	t.Helper()
	p := newPlan(b.url, newHerd(t), judgeName)
	section := map[string]any{"base_url": endpoint.URL + "/v1", "model": model, "retries": 0, "look_twice": false,
		"budget": map[string]int{"tokens_per_minute": 0, "tokens_per_day": 0}}
	for k, v := range settings {
		section[k] = v
	}
	data, err := json.Marshal(section)
	if err != nil {
		t.Fatal(err)
	}
	p.Configs = map[string]json.RawMessage{judgeName: data}
	return p
}

func endpoint(t *testing.T) *judgetest.Server {
	t.Helper()
	s := judgetest.New()
	t.Cleanup(s.Close)
	return s
}

// TestJudgeDelaysNobody has a model that answers nothing until every event has its first revision.
func TestJudgeDelaysNobody(t *testing.T) {
	ctx := testContext(t)
	b, s := embedBus(t), endpoint(t)
	p := withJudge(t, b, s, judgetest.Gated, nil)
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	all := tools(scaled(300))
	l.publish(ctx, all)
	eventually(ctx, t, "every first revision, and a question that waits", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.order) == len(all) && len(s.Requests()) > 0
	})
	l.mu.Lock()
	for _, v := range l.order {
		if v.Revision != 1 || v.Final {
			t.Errorf("before the model answered: revision %d, final %v", v.Revision, v.Final)
		}
	}
	l.mu.Unlock()
	s.Open()
	l.all(ctx)
	if sum := l.audit(); sum.Inspected != len(all) {
		t.Errorf("%d of %d inspected", sum.Inspected, len(all))
	}
	for i, one := range all {
		if first, second := l.revisions(one); first.Decision != second.Decision {
			t.Errorf("event %d: %s became %s", i, first.Decision, second.Decision)
		}
	}
}

// TestJudgeFails has an endpoint that fails in every way: no event is lost, the first decision stands, and the final revision
// says why.
func TestJudgeFails(t *testing.T) {
	for model, want := range map[string]models.Reason{
		judgetest.Hang: models.ReasonDeadline, judgetest.Garbage: models.ReasonBadAnswer, judgetest.Huge: models.ReasonBadAnswer,
		judgetest.Cut: models.ReasonUnavailable, judgetest.Busy: models.ReasonUnavailable, judgetest.Down: models.ReasonUnavailable,
		judgetest.Forbidden: models.ReasonError, judgetest.Blind: models.ReasonRefused,
	} {
		t.Run(model, func(t *testing.T) {
			ctx := testContext(t)
			b, s := embedBus(t), endpoint(t)
			p := withJudge(t, b, s, model, map[string]any{"deadline_seconds": 1, "breaker_failures": 1000})
			b.jetStream(ctx, p)
			l := openLedger(ctx, t, b)
			startStation(ctx, t, p)
			all := tools(8)
			l.publish(ctx, all)
			l.all(ctx)
			l.audit()
			for i, one := range all {
				first, second := l.revisions(one)
				if first.Decision != second.Decision {
					t.Errorf("event %d: %s became %s", i, first.Decision, second.Decision)
				}
				if got := l.reason(one, judgeName); got != want {
					t.Errorf("event %d: reason %q, want %q", i, got, want)
				}
			}
		})
	}
}

// TestJudgeLatency asks for first revisions with and without a judge whose model takes five seconds, in turn, and prints what
// they took.
func TestJudgeLatency(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures, and asserts next to nothing")
	}
	ctx := testContext(t)
	s := endpoint(t)
	s.Delay = 5 * time.Second
	var ledgers []*ledger
	for _, judged := range []bool{false, true} {
		b := embedBus(t)
		p := newPlan(b.url, newHerd(t))
		if judged {
			p = withJudge(t, b, s, judgetest.Slow, nil)
		}
		b.jetStream(ctx, p)
		ledgers = append(ledgers, openLedger(ctx, t, b))
		startStation(ctx, t, p)
		eventually(ctx, t, "checks are answered", func() bool {
			_, err := ledgers[len(ledgers)-1].client.Check(ctx, newSample(1).event)
			return err == nil
		})
	}
	took := make([][]time.Duration, len(ledgers))
	for _, one := range tools(300) {
		for i, l := range ledgers {
			took[i] = append(took[i], l.firstRevision(ctx, one))
		}
	}
	if len(s.Requests()) == 0 {
		t.Error("the model was never asked")
	}
	for i := range took {
		slices.Sort(took[i])
	}
	for _, q := range []int{50, 99} {
		without, with := took[0][len(took[0])*q/100], took[1][len(took[1])*q/100]
		t.Logf("first revision, p%d: %v without a judge, %v with one that takes 5 s: ratio %.2f", q, without, with, float64(with)/float64(without))
	}
}

func (l *ledger) firstRevision(ctx context.Context, s sample) time.Duration {
	l.t.Helper()
	began := time.Now()
	v, err := l.client.Check(ctx, s.event)
	if err != nil || v.Revision != 1 {
		l.t.Fatalf("revision %d, %v", v.Revision, err)
	}
	return time.Since(began)
}
