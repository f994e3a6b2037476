package drill

import (
	"testing"

	"github.com/aad6b6dc/taster/models"
)

// TestPluginIsKilled kills the process that everything is inspected by, again and again.
func TestPluginIsKilled(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h)
	p.Batch = 16 // what waits in vain while a process starts is a batch, and on a busy machine a start takes its time
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	const kills = 8
	n := scaled(10_000)
	published := l.publishing(ctx, samples(n))
	for k := range kills {
		l.answered(ctx, (k+1)*n/(kills+2))
		eventually(ctx, t, "the process before was replaced", func() bool { return len(h.lives(heuristicName)) > k })
		h.killLast(heuristicName)
	}
	<-published
	l.all(ctx)
	sum := l.audit()
	l.only(sum, models.ReasonCrashed, models.ReasonUnavailable, models.ReasonDeadline)
	// What died with its process is little, and the process that serves last is well.
	if most := n / 20; n-sum.Inspected > most {
		t.Errorf("%d of %d not inspected, want at most %d", n-sum.Inspected, n, most)
	}
	var after []sample
	for i := range 256 {
		after = append(after, newSample(n+i))
	}
	l.publish(ctx, after)
	l.all(ctx)
	if got := l.audit().Inspected - sum.Inspected; got != len(after) {
		t.Errorf("%d of %d events inspected after the kills", got, len(after))
	}
	if lives := len(h.lives(heuristicName)); lives != kills+1 {
		t.Errorf("%d processes for %d kills", lives, kills)
	}
}

// TestPluginMisbehaves has events that bring out the worst in a detector, among others that it inspects.
func TestPluginMisbehaves(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h, obedientName)
	p.Batch = 32 // one by one, a batch has to fit into the engine's bound of ten seconds on a busy machine, too
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b, obedientName)
	startStation(ctx, t, p)

	want := map[string]models.Reason{
		orderPanic: models.ReasonError, orderFail: models.ReasonError,
		orderHang: models.ReasonDeadline, orderBusy: models.ReasonDeadline,
		orderShort: models.ReasonBadAnswer, orderEvidence: models.ReasonBadAnswer,
		orderHuge: models.ReasonOversize, orderExit: models.ReasonCrashed,
	}
	all := samples(scaled(4_000))
	marked := map[int]bool{}
	i := 50
	for order := range want {
		for range 2 {
			all[i] = all[i].ordered(i, orders{Fast: order})
			marked[i] = true
			i += len(all) / (2*len(want) + 2)
		}
	}
	l.publish(ctx, all)
	l.all(ctx)
	l.audit()
	for i, s := range all {
		if got := l.reason(s, obedientName); got != want[s.orders.Fast] {
			t.Errorf("event %d, order %q: reason %q, want %q", i, s.orders.Fast, got, want[s.orders.Fast])
		}
		if got := l.reason(s, heuristicName); got != "" {
			t.Errorf("event %d: the other process did not inspect it: %s", i, got)
		}
	}
	if len(h.lives(obedientName)) < 2 {
		t.Error("the process was never replaced")
	}
	if lives := len(h.lives(heuristicName)); lives != 1 {
		t.Errorf("%d processes of the detector that did nothing wrong, want 1", lives)
	}
}

// TestCulpritAmongMany has one event in 256 that ends the detector's process. The others must not notice, and the same
// bytes must not do it again.
func TestCulpritAmongMany(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h, patientName)
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b, patientName)
	startStation(ctx, t, p)

	const each, culprits = 256, 8
	all := samples(each * culprits)
	for k := range culprits {
		i := k*each + each/2
		all[i] = all[i].ordered(i, orders{Fast: orderExit})
	}
	l.publish(ctx, all)
	l.all(ctx)
	l.count(all, models.ReasonCrashed, culprits)
	l.settle(ctx, len(all))
	before := len(h.lives(patientName))
	if before <= culprits {
		t.Errorf("%d processes for %d crashes", before, culprits)
	}

	again := make([]sample, len(all))
	for i, s := range all {
		s.event.ID = "again-" + s.event.ID
		again[i] = s
	}
	l.publish(ctx, again)
	l.all(ctx)
	l.count(again, models.ReasonHeldBack, culprits)
	l.audit()
	if after := len(h.lives(patientName)); after != before {
		t.Errorf("%d processes more although the culprits are known", after-before)
	}
}
