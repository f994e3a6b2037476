package drill

import (
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

var (
	events   = wire.EventStream(models.DefaultTenant)
	verdicts = wire.VerdictStream(models.DefaultTenant)
)

// TestBusIsKilled kills the NATS server under everybody, for longer than it remembers message ids, while publishers send
// again what they got no answer for.
func TestBusIsKilled(t *testing.T) {
	ctx := testContext(t)
	b, h := spawnBus(t), newHerd(t)
	p := newPlan(b.url, h)
	const window = 300 * time.Millisecond
	p.Tenant.Limits.DuplicateWindow = window
	js := b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	const outages = 2
	n := scaled(4_000)
	all := samples(n)
	published := l.publishing(ctx, all)
	for k := range outages {
		l.answered(ctx, (k+1)*n/(outages+2))
		b.child.kill()
		pause(ctx, 2*window) // the outage
		b.start()
	}
	<-published
	l.all(ctx)

	// What is sent again after the window is stored, judged and answered again, and nobody hears of it.
	pause(ctx, 2*window)
	again := n / 4
	l.publish(ctx, all[:again])
	drained(ctx, t, js, events, wire.EngineDurable)
	drained(ctx, t, js, verdicts, wire.GatewayDurable)
	if sum := l.audit(); sum.Inspected != n {
		t.Errorf("%d of %d inspected: no detector was hurt", sum.Inspected, n)
	}
	stored := len(b.read(ctx, js, verdicts.Name))
	t.Logf("%d verdicts stored for %d events", stored, n)
	if stored < n+again {
		t.Errorf("%d verdicts stored for %d events, want %d more: nothing was doubled on the bus", stored, n, again)
	}
}

// TestPublisherSendsTwice has a publisher that never believes the first answer.
func TestPublisherSendsTwice(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h)
	js := b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	n := scaled(3_000)
	var twice []sample
	for _, s := range samples(n) {
		twice = append(twice, s, s)
	}
	l.publish(ctx, twice)
	l.all(ctx)
	drained(ctx, t, js, events, wire.EngineDurable)
	drained(ctx, t, js, verdicts, wire.GatewayDurable)
	if sum := l.audit(); sum.Inspected != n {
		t.Errorf("%d of %d inspected", sum.Inspected, n)
	}
	if stored := len(b.read(ctx, js, verdicts.Name)); stored != n {
		t.Errorf("%d verdicts stored for %d events", stored, n)
	}
}

// TestFullEventStream has publishers that are faster than the engine, which is not even there at first: the stream
// refuses, they try again, and nothing is lost.
func TestFullEventStream(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h)
	p.Tenant.Limits.Events = stream.Bound{MaxBytes: 64 << 10}
	b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)

	n := scaled(3_000)
	published := l.publishing(ctx, samples(n))
	eventually(ctx, t, "the stream is full", func() bool { return l.fullAnswers.Load() > 0 })
	select {
	case <-published:
		t.Error("everything fits: the stream has room for more than it should")
	default:
	}
	startStation(ctx, t, p)
	<-published
	l.all(ctx)
	t.Logf("refused %d times", l.fullAnswers.Load())
	if sum := l.audit(); sum.Inspected != n {
		t.Errorf("%d of %d inspected", sum.Inspected, n)
	}
}
