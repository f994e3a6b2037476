package drill

import (
	"fmt"
	"testing"

	"github.com/aad6b6dc/taster/models"
)

// tools is samples of one kind, that of definitions: nobody has approved them, so all go to the deep detectors.
func tools(n int) []sample {
	all := make([]sample, n)
	for i := range all {
		s := newSample(i)
		s.event.Kind, s.event.Object, s.poisoned = models.KindTool, fmt.Sprint("tool-", i), false
		all[i] = s.write(i)
	}
	return all
}

// TestDeepDelaysNobody has a deep detector that answers nothing until every event has its first revision.
func TestDeepDelaysNobody(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h, gatedName)
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	all := tools(scaled(1_000))
	for i := range all {
		if i%10 == 0 {
			all[i] = all[i].ordered(i, orders{Deep: orderFind})
		}
	}
	l.publish(ctx, all)
	eventually(ctx, t, "every first revision", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.order) == len(all)
	})
	l.mu.Lock()
	for _, v := range l.order {
		if v.Revision != 1 || v.Final || v.Coverage.Complete {
			t.Errorf("before the gate opened: revision %d, final %v, complete %v", v.Revision, v.Final, v.Coverage.Complete)
		}
	}
	l.mu.Unlock()
	h.openGate()
	l.all(ctx)
	if sum := l.audit(); sum.Inspected != len(all) {
		t.Errorf("%d of %d inspected", sum.Inspected, len(all))
	}
	for i, s := range all {
		first, second := l.revisions(s)
		if got := second.Decision; s.orders.Deep == orderFind && !got.AtLeast(models.RequireApproval) || s.orders.Deep == "" && got != first.Decision {
			t.Errorf("event %d: %q, then %q although the deep detector was to answer %q", i, first.Decision, got, s.orders.Deep)
		}
	}
}

// TestDeepMisbehaves has events that bring out the worst in a deep detector: their verdicts end as they began, with the
// reason.
func TestDeepMisbehaves(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h, secondName)
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	want := map[string]models.Reason{
		orderPanic: models.ReasonError, orderFail: models.ReasonError,
		orderHang: models.ReasonDeadline, orderBusy: models.ReasonDeadline,
		orderShort: models.ReasonBadAnswer, orderEvidence: models.ReasonBadAnswer,
		orderHuge: models.ReasonOversize, orderExit: models.ReasonCrashed,
	}
	all := tools(scaled(1_000))
	i := 3
	for order := range want {
		for range 2 {
			all[i] = all[i].ordered(i, orders{Deep: order})
			i += len(all) / (2*len(want) + 2)
		}
	}
	l.publish(ctx, all)
	l.all(ctx)
	l.audit()
	for i, s := range all {
		first, second := l.revisions(s)
		if first.Decision != second.Decision {
			t.Errorf("event %d, order %q: %q became %q", i, s.orders.Deep, first.Decision, second.Decision)
		}
		if got := l.reason(s, secondName); got != want[s.orders.Deep] {
			t.Errorf("event %d, order %q: reason %q, want %q", i, s.orders.Deep, got, want[s.orders.Deep])
		}
	}
	if len(h.lives(secondName)) < 2 {
		t.Error("the process was never replaced")
	}
}

// revisions returns the two revisions of the sample's verdict.
func (l *ledger) revisions(s sample) (first, second models.Verdict) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.verdicts[s.id()]
	if len(all) != 2 {
		l.t.Fatalf("%s has %d revisions, want 2", s.event.ID, len(all))
	}
	first, second = all[0], all[1]
	if first.Revision > second.Revision {
		first, second = second, first
	}
	if first.Revision != 1 || first.Final || second.Revision != 2 || !second.Final || second.Supersedes != first.Key() {
		l.t.Errorf("%s: revisions %d (final %v) and %d (final %v, supersedes %s)",
			s.event.ID, first.Revision, first.Final, second.Revision, second.Final, second.Supersedes)
	}
	return first, second
}
