package drill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// TestEngineIsKilled kills the process of the engine in the middle of its work, with everything that it has in hand.
func TestEngineIsKilled(t *testing.T) {
	ctx := testContext(t)
	b, h := spawnBus(t), newHerd(t)
	p := newPlan(b.url, h)
	js := b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	engine := spawnStation(t, p)

	const kills = 2
	n := scaled(10_000)
	published := l.publishing(ctx, samples(n))
	for k := range kills {
		l.answered(ctx, (k+1)*n/(kills+2))
		engine.kill()
		eventually(ctx, t, "the plugin process ends with its engine", func() bool {
			return !slices.ContainsFunc(h.lives(heuristicName), h.alive)
		})
		engine = spawnStation(t, p)
	}
	<-published
	l.all(ctx)
	if sum := l.audit(); sum.Inspected != n {
		t.Errorf("%d of %d inspected: no detector was hurt", sum.Inspected, n)
	}
	if lives := len(h.lives(heuristicName)); lives != kills+1 {
		t.Errorf("%d plugin processes, want one for each life of the engine: %d", lives, kills+1)
	}
	deliveries := drained(ctx, t, js, wire.EventStream(models.DefaultTenant), wire.EngineDurable)
	t.Logf("%d deliveries", deliveries)
	if deliveries <= uint64(n) {
		t.Error("nothing was delivered again: the engine had nothing in hand when it died")
	}
}

// TestThreeEnginesOnTheSameObjects has three engines answer for the same few objects, with delays that bring their
// verdicts out of order, and looks at every value that the last verdict of an object ever had.
func TestThreeEnginesOnTheSameObjects(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h, patientName, gatedName)
	h.openGate()
	p.Batch = 8
	js := b.jetStream(ctx, p)
	l := openLedger(ctx, t, b, patientName)
	const engines, objects = 3, 8
	for range engines {
		startStation(ctx, t, p)
	}
	awaitEngines(ctx, t, l, engines, b)
	bucket := keepHistory(ctx, t, js)

	random := rand.New(rand.NewPCG(1, 2))
	all := samples(scaled(2_000))
	for i := range all {
		all[i].event.Kind, all[i].event.Object = models.KindTool, fmt.Sprint("tool-", i%objects)
		o := orders{Fast: orderWait, Deep: orderWait, Millis: random.IntN(25)}
		if i%5 == 0 {
			o.Deep = orderFind
		}
		all[i] = all[i].ordered(i, o)
	}
	l.publish(ctx, all)
	l.all(ctx)
	sum := l.audit()
	l.only(sum)

	newest := map[string]models.Verdict{}
	outOfOrder := 0
	for _, v := range l.order {
		switch old, ok := newest[v.Subject.Object]; {
		case !ok || v.Newer(&old):
			newest[v.Subject.Object] = v
		default:
			outOfOrder++
		}
	}
	if outOfOrder == 0 {
		t.Error("every verdict came in order: nothing was tried")
	}
	held := map[string]models.Verdict{}
	values := b.read(ctx, js, bucket)
	for _, m := range values {
		v, err := wire.DecodeVerdict(wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
		if err != nil {
			t.Fatal(err)
		}
		if old, ok := held[m.Subject]; ok && !v.Newer(&old) {
			t.Errorf("%s went from %d/%d back to %d/%d", m.Subject, old.Sequence, old.Revision, v.Sequence, v.Revision)
		}
		held[m.Subject] = v
	}
	t.Logf("%d verdicts out of order, %d values of %d objects", outOfOrder, len(values), len(held))
	if len(held) != objects || len(values) < 2*objects {
		t.Errorf("%d values of %d objects", len(values), len(held))
	}
	for object, want := range newest {
		got, err := l.client.Last(ctx, want.Subject)
		if err != nil || got.Key() != want.Key() {
			t.Errorf("last verdict on %s is on event %d, revision %d, %v; want %d/%d", object, got.Sequence, got.Revision, err, want.Sequence, want.Revision)
		}
	}
}

// awaitEngines waits until so many engines answer checks: then they have provisioned.
func awaitEngines(ctx context.Context, t *testing.T, l *ledger, n int, b *bus) {
	t.Helper()
	nc, err := connect(b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ping, err := micro.ControlSubject(micro.PingVerb, "taster-check", "")
	if err != nil {
		t.Fatal(err)
	}
	pongs := nc.NewInbox()
	sub, err := nc.SubscribeSync(pongs)
	if err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "all engines serve", func() bool {
		before, _, err := sub.Pending()
		if err != nil || nc.PublishRequest(ping, pongs, nil) != nil {
			return false
		}
		pause(ctx, 50*time.Millisecond)
		after, _, err := sub.Pending()
		return err == nil && after-before >= n
	})
}

// keepHistory makes the bucket of last verdicts keep every value that it ever held, and returns its stream.
func keepHistory(ctx context.Context, t *testing.T, js jetstream.JetStream) string {
	t.Helper()
	name := "KV_" + wire.LastBucket(models.DefaultTenant)
	s, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgsPerSubject = -1
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	return name
}
