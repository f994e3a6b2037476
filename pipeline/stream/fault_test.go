package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
)

// Variables that make the test binary a NATS server.
const (
	serverDirVariable    = "TASTER_TEST_SERVER_DIR"
	serverListenVariable = "TASTER_TEST_SERVER_LISTEN"
)

// serveForParent is a NATS server until it is killed or its standard input ends. It prints its URL.
func serveForParent(dir string) {
	srv, err := natsembed.Start(natsembed.Settings{Dir: dir, Listen: os.Getenv(serverListenVariable)})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(srv.ClientURL())
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	srv.Shutdown()
}

// outside is a NATS server in a process of its own, that can be killed and started again on the same address.
type outside struct {
	t    *testing.T
	dir  string
	url  string
	cmd  *exec.Cmd
	stop func()
}

func startOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{t: t, dir: t.TempDir(), url: "nats://127.0.0.1:0"}
	o.start()
	t.Cleanup(o.kill)
	return o
}

func (o *outside) start() {
	o.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), serverDirVariable+"="+o.dir, serverListenVariable+"="+strings.TrimPrefix(o.url, "nats://"))
	in, err := cmd.StdinPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "nats://") {
		o.t.Fatalf("server says %q, %v", line, err)
	}
	o.url, o.cmd = strings.TrimSpace(line), cmd
	o.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	})
}

// kill ends the server as a crash does.
func (o *outside) kill() { o.stop() }

func (o *outside) connect() (*nats.Conn, error) {
	return nats.Connect(o.url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // outages are the point
}

// insist publishes an event until it is stored, as a gateway does that gets no answer: it can be stored twice.
func (b *bus) insist(ctx context.Context, e *models.Event) {
	b.t.Helper()
	m, err := wire.EncodeEvent(e)
	if err != nil {
		b.t.Fatal(err)
	}
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		_, err := b.js.PublishMsg(attempt, toMsg(m))
		cancel()
		if err == nil {
			return
		}
		if !sleep(ctx, 20*time.Millisecond) {
			b.t.Fatalf("publishing: %v", err)
		}
	}
}

// audit counts what a subscriber sees against what was published with the ids: nothing is lost, nothing doubled, and
// nothing that was not inspected is clean.
func (b *bus) audit(ctx context.Context, ids []string) (notInspected int) {
	b.t.Helper()
	verdicts := map[string]int{}
	revisions := map[string]bool{}
	for _, v := range b.verdicts(ctx, wire.VerdictStream("acme")) {
		verdicts[v.EventID]++
		if revisions[v.Key()] {
			b.t.Errorf("doubled: %s", v.Key())
		}
		revisions[v.Key()] = true
		missing := false
		for _, d := range v.Detectors {
			missing = missing || d.Status == models.StatusNotInspected
		}
		if missing {
			notInspected++
		}
		if missing && v.Clean() {
			b.t.Errorf("not inspected and clean: %s", v.Key())
		}
	}
	lost, doubled := 0, 0
	for _, id := range ids {
		switch n := verdicts[wire.EventID(&models.Event{Tenant: "acme", ID: id}, "", 0, 0)]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
	}
	if lost+doubled > 0 || len(verdicts) != len(ids) {
		b.t.Errorf("%d events: %d lost, %d doubled, verdicts on %d", len(ids), lost, doubled, len(verdicts))
	}
	return notInspected
}

func TestPublisherSendsTwice(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	var ids []string
	for n := range 200 {
		id := fmt.Sprint("id-", n)
		ids = append(ids, id)
		b.publish(ctx, tool(id, "t", fmt.Sprint(n)))
		b.publish(ctx, tool(id, "t", fmt.Sprint(n)))
	}
	b.idle(ctx, "acme")
	if n := b.audit(ctx, ids); n != 0 {
		t.Errorf("%d not inspected", n)
	}
}

// TestOutage kills the server under a runner and a publisher, again and again, with outages longer than the duplicate
// window.
func TestOutage(t *testing.T) {
	ctx := testContext(t)
	o := startOutside(t)
	nc, err := o.connect()
	b := newBus(t, nc, err)
	tenant := quick("acme")
	tenant.Limits.DuplicateWindow = 200 * time.Millisecond
	tenant.Delivery.MaxDeliver = 50 // an outage is no fault of the event
	b.provision(ctx, tenant)
	own, err := o.connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	run(t, own, newFakeEngine(), nil, tenant)

	const each, outages = 300, 3
	var ids []string
	for n := range each * outages {
		id := fmt.Sprint("id-", n)
		ids = append(ids, id)
		b.insist(ctx, tool(id, fmt.Sprint("t", n%50), "grey or not"))
		if n%each == each/2 {
			o.kill()
			sleep(ctx, 400*time.Millisecond) // the outage
			o.start()
		}
	}
	b.idle(ctx, "acme")
	// Each event is grey: it has two revisions, and the second is final.
	final := map[string]int{}
	keys := map[string]bool{}
	for _, v := range b.verdicts(ctx, wire.VerdictStream("acme")) {
		keys[v.Key()] = true
		if v.Final {
			final[v.EventID]++
		}
	}
	for _, id := range ids {
		if n := final[wire.EventID(tool(id, "", ""), "", 0, 0)]; n != 1 {
			t.Fatalf("event %s has %d final verdicts", id, n)
		}
	}
	if len(final) != len(ids) || len(keys) != 2*len(ids) {
		t.Errorf("%d final verdicts and %d revisions on %d events", len(final), len(keys), len(ids))
	}
}

// TestEngineDiesBetweenPublishAndAck has runners that vanish with everything in hand, without a word to the server.
func TestEngineDiesBetweenPublishAndAck(t *testing.T) {
	ctx := testContext(t)
	o := startOutside(t)
	nc, err := o.connect()
	b := newBus(t, nc, err)
	tenant := quick("acme")
	tenant.Delivery.MaxDeliver = 20
	b.provision(ctx, tenant)
	var ids []string
	for n := range 300 {
		ids = append(ids, fmt.Sprint("id-", n))
		b.publish(ctx, tool(ids[n], fmt.Sprint("t", n%20), ""))
	}
	for range 3 {
		b.dieBeforeAck(ctx, o, tenant)
	}
	if n := b.pending(ctx, wire.EventStream("acme")); n != uint64(len(ids)) {
		t.Fatalf("%d events left after the crashes, want all", n)
	}
	own, err := o.connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	run(t, own, newFakeEngine(), nil, tenant)
	b.idle(ctx, "acme")
	if n := b.audit(ctx, ids); n != 0 {
		t.Errorf("%d not inspected", n)
	}
}

// dieBeforeAck fetches a batch, takes it to stored verdicts and closes the connection instead of acking.
func (b *bus) dieBeforeAck(ctx context.Context, o *outside, tenant Tenant) {
	b.t.Helper()
	nc, err := o.connect()
	if err != nil {
		b.t.Fatal(err)
	}
	defer nc.Close()
	r, err := New(Settings{Conn: nc, Engine: newFakeEngine(), Tenants: []Tenant{tenant}})
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.js.CleanupPublisher()
	s := &source{runner: r, tenant: tenant, stream: wire.EventStream("acme").Name, durable: wire.EngineDurable, batch: 100}
	cons, err := s.open(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	var msgs []jetstream.Msg
	for len(msgs) == 0 {
		if msgs, err = s.fetch(ctx, cons); err != nil {
			b.t.Fatal(err)
		}
	}
	w := r.workers["acme"]
	var inputs []*input
	for _, m := range msgs {
		inputs = append(inputs, w.read(deliveryOf(m)))
	}
	w.process(ctx, inputs)
	for _, in := range inputs {
		if in.err != nil {
			b.t.Fatal(in.err)
		}
	}
}

// TestPoisonEndsNotInspected has an event that no delivery gets an answer for, among others.
func TestPoisonEndsNotInspected(t *testing.T) {
	e := newFakeEngine()
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	tenant := quick("acme")
	b.provision(ctx, tenant)
	r, err := New(Settings{Conn: nc, Engine: e, Tenants: []Tenant{tenant}, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	poison := wire.EventID(tool("killer", "", ""), "", 0, 0)
	e.onJudge = func(_ context.Context, jobs []engine.Job) {
		for _, j := range jobs {
			if j.EventID == poison {
				panic("the engine dies")
			}
		}
	}
	ids := []string{"killer"}
	b.publish(ctx, tool("killer", "killer", ""))
	for n := range 50 {
		ids = append(ids, fmt.Sprint("id-", n))
		b.publish(ctx, tool(ids[n+1], "t", ""))
	}
	// A batch that dies takes its neighbours with it once; after that they come alone.
	s := &source{runner: r, tenant: tenant, stream: wire.EventStream("acme").Name, durable: wire.EngineDurable, batch: 256}
	cons, err := s.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	crashes := 0
	for b.pending(ctx, wire.EventStream("acme")) > 0 {
		msgs, err := s.fetch(ctx, cons)
		if err != nil {
			t.Fatal(err)
		}
		if len(msgs) > 0 && dies(func() { r.workers["acme"].handle(ctx, msgs) }) {
			crashes++
		}
	}
	if crashes != tenant.Delivery.MaxDeliver-1 {
		t.Errorf("%d crashes, want %d", crashes, tenant.Delivery.MaxDeliver-1)
	}
	if n := b.audit(ctx, ids); n != 1 {
		t.Errorf("%d not inspected, want the killer alone", n)
	}
	if v := b.last(ctx, "acme", "srv", models.KindTool, "killer"); v == nil || v.Detectors[0].Reason != models.ReasonDeliveries {
		t.Errorf("verdict on the killer: %+v", v)
	}
	r.js.CleanupPublisher()
}

// dies calls f as a process of its own would: a panic ends it, and nothing more.
func dies(f func()) (died bool) {
	defer func() { died = recover() != nil }()
	f()
	return false
}

// TestBackstop leaves messages behind that the server has given up on, as engines do that die on the last delivery.
func TestBackstop(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	tenant := quick("acme")
	tenant.Delivery.AckWait = 100 * time.Millisecond
	b.provision(ctx, tenant)
	b.publish(ctx, tool("left", "left", ""))
	job := newFakeEngine().Judge(ctx, []engine.Job{{Event: *tool("", "deep", "grey"), EventID: "deep"}})[0]
	e := *tool("", "deep", "grey")
	m, err := wire.EncodeDeepJob(&wire.DeepJob{Event: e, Verdict: withObject(job.Verdict, "deep")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.PublishMsg(ctx, toMsg(m)); err != nil {
		t.Fatal(err)
	}
	for _, at := range [][2]string{{wire.EventStream("acme").Name, wire.EngineDurable}, {wire.DeepStream("acme").Name, wire.DeepDurable}} {
		cons, err := b.js.Consumer(ctx, at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		eventually(ctx, t, "the server gives up on "+at[0], func() bool {
			msg, err := cons.Next(jetstream.FetchMaxWait(300 * time.Millisecond))
			return err != nil && msg == nil && b.advised(ctx, at[0])
		})
	}
	run(t, nc, newFakeEngine(), nil, tenant)
	b.idle(ctx, "acme")
	eventually(ctx, t, "both ended", func() bool { return b.pending(ctx, wire.VerdictStream("acme")) == 2 })
	for _, v := range b.verdicts(ctx, wire.VerdictStream("acme")) {
		if v.Clean() || !v.Final {
			t.Errorf("clean or not final: %+v", v)
		}
	}
}

func withObject(v models.Verdict, object string) models.Verdict {
	v.Subject.Object = object
	return v
}

// advised reports whether the server said that it gave up on a message of the stream.
func (b *bus) advised(ctx context.Context, stream string) bool {
	for _, m := range b.stored(ctx, advisories("acme")) {
		if strings.Contains(m.Subject, "."+stream+".") {
			return true
		}
	}
	return false
}

// TestFullVerdictStreamHoldsTheInputBack fills an output that refuses: the events wait, and all get their verdict when
// there is room again.
func TestFullVerdictStreamHoldsTheInputBack(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	tenant := quick("acme")
	b.provision(ctx, tenant)
	run(t, nc, newFakeEngine(), nil, tenant)
	var ids []string
	publish := func(n int) {
		for range n {
			ids = append(ids, fmt.Sprint("id-", len(ids)))
			b.publish(ctx, tool(ids[len(ids)-1], "t", ""))
		}
	}
	publish(1)
	b.idle(ctx, "acme")
	s, err := b.js.Stream(ctx, wire.VerdictStream("acme").Name)
	if err != nil {
		t.Fatal(err)
	}
	roomy := s.CachedInfo().Config
	narrow := roomy
	narrow.Discard, narrow.MaxMsgs = jetstream.DiscardNew, 5
	if _, err := b.js.UpdateStream(ctx, narrow); err != nil {
		t.Fatal(err)
	}
	publish(100)
	eventually(ctx, t, "the stream is full", func() bool { return b.pending(ctx, wire.VerdictStream("acme")) == 5 })
	sleep(ctx, 2*tenant.Delivery.AckWait) // longer than a message may be in hand unheard of
	if n := b.pending(ctx, wire.EventStream("acme")); n < 96 {
		t.Errorf("%d events left although their verdicts are not stored", n)
	}
	if _, err := b.js.UpdateStream(ctx, roomy); err != nil {
		t.Fatal(err)
	}
	b.idle(ctx, "acme")
	if n := b.audit(ctx, ids); n != 0 {
		t.Errorf("%d not inspected", n)
	}
}

// TestLastVerdictNeverGoesBack has three runners put revisions of verdicts on a few objects in any order, while a
// reader watches.
func TestLastVerdictNeverGoesBack(t *testing.T) {
	ctx := testContext(t)
	srv := embedded(t)
	nc, err := srv.Connect()
	b := newBus(t, nc, err)
	b.provision(ctx, quick("acme"))
	const objects, events = 4, 60
	var all []models.Verdict
	newest := map[string]models.Verdict{}
	e := newFakeEngine()
	for seq := range uint64(events) {
		object := fmt.Sprint("t", seq%objects)
		v := e.verdict(engine.Job{Event: *tool("", object, ""), EventID: fmt.Sprint("event-", seq), Sequence: seq + 1})
		v.Subject.Object, v.Final = object, false
		if seq/objects%2 == 0 {
			v.Decision = models.Block
		}
		second := e.Deepen(ctx, engine.Job{}, v)
		all = append(all, v, v, second) // delivered again, too
		newest[object] = second
	}
	var wg sync.WaitGroup
	for n := range 3 {
		r, err := New(Settings{Conn: nc, Engine: e, Tenants: []Tenant{quick("acme")}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.js.CleanupPublisher()
		wg.Go(func() {
			order := rand.New(rand.NewPCG(1, uint64(n))).Perm(len(all))
			for len(order) > 0 {
				size := min(1+n*5, len(order))
				var answers []answer
				for _, i := range order[:size] {
					answers = append(answers, answer{verdict: all[i]})
				}
				order = order[size:]
				if err := errors.Join(r.path.settle(ctx, answers)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	var looks atomic.Int64
	var watcher sync.WaitGroup
	watcher.Go(func() {
		before := map[string]models.Verdict{}
		for {
			for n := range objects {
				v := b.last(ctx, "acme", "srv", models.KindTool, fmt.Sprint("t", n))
				if v == nil {
					continue
				}
				if old, ok := before[v.Subject.Object]; ok && old.Newer(v) {
					t.Errorf("%s went back from %d/%d to %d/%d", v.Subject.Object, old.Sequence, old.Revision, v.Sequence, v.Revision)
				}
				before[v.Subject.Object] = *v
				looks.Add(1)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	wg.Wait()
	close(stop)
	watcher.Wait()
	if looks.Load() == 0 {
		t.Error("nobody looked")
	}
	for object, want := range newest {
		if got := b.last(ctx, "acme", "srv", models.KindTool, object); got.Key() != want.Key() {
			t.Errorf("%s: last verdict on event %d revision %d, want %d", object, got.Sequence, got.Revision, want.Sequence)
		}
	}
}
