package stream

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverDirVariable); dir != "" {
		serveForParent(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// fakeEngine blocks what contains "poison", wants a second opinion on "grey", and finds nothing else. Hooks may change
// what happens.
type fakeEngine struct {
	mu      sync.Mutex
	epoch   string
	judged  map[string]int // by event id
	onJudge func(context.Context, []engine.Job)
	onDeep  func(context.Context, engine.Job)
	after   func(context.Context, []engine.Job) // judging
	strict  bool                                // block everything
}

func newFakeEngine() *fakeEngine { return &fakeEngine{epoch: "epoch-1", judged: map[string]int{}} }

func (f *fakeEngine) verdict(job engine.Job) models.Verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := job.Event
	return models.Verdict{
		SchemaVersion: models.VerdictSchemaVersion,
		ID:            models.VerdictID(e.Tenant, job.EventID, f.epoch),
		EventID:       job.EventID, Sequence: job.Sequence, Revision: 1, Final: true,
		Supersedes: job.Supersedes, Cause: job.Cause,
		Time: time.Now(), Epoch: f.epoch,
		Subject: models.Subject{
			Tenant: e.Tenant, Server: e.Server, Kind: e.Kind, Object: e.Object, Direction: e.Direction,
			RawDigest: e.RawDigest(), Bytes: int64(len(e.Body)), Catalogue: e.Catalogue, Pin: models.Unpinned,
		},
		Decision: models.Allow, Mode: models.Enforce, Findings: []models.Finding{}, Coverage: models.Coverage{Complete: true},
	}
}

func (f *fakeEngine) Judge(ctx context.Context, jobs []engine.Job) []engine.Judgement {
	f.mu.Lock()
	hook, after, strict := f.onJudge, f.after, f.strict
	for _, j := range jobs {
		f.judged[j.EventID]++
	}
	f.mu.Unlock()
	if hook != nil {
		hook(ctx, jobs)
	}
	out := make([]engine.Judgement, len(jobs))
	for i, j := range jobs {
		v := f.verdict(j)
		body := string(j.Event.Body)
		if j.Event.Oversize != nil {
			v.Coverage = models.Coverage{Degraded: []string{"fake"}}
		}
		if strict || strings.Contains(body, "poison") {
			v.Decision, v.Severity, v.RiskScore = models.Block, models.SeverityHigh, 90
		}
		deep := strings.Contains(body, "grey")
		v.Final = !deep
		out[i] = engine.Judgement{Verdict: v, Deep: deep, Err: j.Event.Validate()}
	}
	if after != nil {
		after(ctx, jobs)
	}
	return out
}

func (f *fakeEngine) Deepen(ctx context.Context, job engine.Job, first models.Verdict) models.Verdict {
	f.mu.Lock()
	hook := f.onDeep
	f.mu.Unlock()
	if hook != nil {
		hook(ctx, job)
	}
	v := first
	v.Revision, v.Final, v.Supersedes, v.Cause, v.Time = 2, true, first.Key(), engine.CauseDeep, time.Now()
	if ctx.Err() != nil {
		v.Coverage = models.Coverage{Degraded: []string{"judge"}}
		return v
	}
	v.Decision, v.Severity = models.Quarantine, models.SeverityHigh
	return v
}

func (f *fakeEngine) NotInspected(job engine.Job, reason models.Reason, detail string) models.Verdict {
	v := f.verdict(job)
	v.Decision = models.RequireApproval
	v.Coverage = models.Coverage{Degraded: []string{"fake"}}
	v.Detectors = []models.DetectorReport{{Name: "fake", Status: models.StatusNotInspected, Reason: reason, Detail: detail}}
	return v
}

func (f *fakeEngine) Epoch(tenant string) models.EpochNotice {
	f.mu.Lock()
	defer f.mu.Unlock()
	return models.EpochNotice{Tenant: tenant, Epoch: f.epoch, Time: time.Now()}
}

func (f *fakeEngine) set(change func(*fakeEngine)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func embedded(t *testing.T) *natsembed.Server {
	t.Helper()
	srv, err := natsembed.Start(natsembed.Settings{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	return srv
}

// bus is a connection with JetStream, for a test to publish and look.
type bus struct {
	t  *testing.T
	nc *nats.Conn
	js jetstream.JetStream
}

func newBus(t *testing.T, nc *nats.Conn, err error) *bus {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(js.CleanupPublisher)
	return &bus{t, nc, js}
}

func testLog(t *testing.T) *slog.Logger {
	if os.Getenv("TASTER_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// quick is a tenant with short waits.
func quick(name string) Tenant {
	return Tenant{Name: name, Delivery: Delivery{AckWait: time.Second, MaxDeliver: 3}}
}

// run starts a runner and returns what drains it; it is drained at the end of the test at the latest.
func run(t *testing.T, nc *nats.Conn, e Engine, change func(*Settings), tenants ...Tenant) (stop func()) {
	t.Helper()
	if len(tenants) == 0 {
		tenants = []Tenant{quick("acme")}
	}
	s := Settings{Conn: nc, Engine: e, Tenants: tenants, Logger: testLog(t), Workers: 2, DrainDeadline: 20 * time.Second}
	if change != nil {
		change(&s)
	}
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, r)
}

func start(t *testing.T, r *Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func tool(id, name, description string) *models.Event {
	return &models.Event{
		ID: id, Tenant: "acme", Server: "srv", Kind: models.KindTool,
		Body: []byte(fmt.Sprintf(`{"name":%q,"description":%q}`, name, description)),
	}
}

func (b *bus) publish(ctx context.Context, e *models.Event) uint64 {
	b.t.Helper()
	m, err := wire.EncodeEvent(e)
	if err != nil {
		b.t.Fatal(err)
	}
	ack, err := b.js.PublishMsg(ctx, toMsg(m))
	if err != nil {
		b.t.Fatal(err)
	}
	return ack.Sequence
}

// provision makes the streams before any runner does.
func (b *bus) provision(ctx context.Context, tenants ...Tenant) {
	b.t.Helper()
	if err := Provision(ctx, b.js, tenants); err != nil {
		b.t.Fatal(err)
	}
}

// eventually fails the test unless ok holds before the context ends.
func eventually(ctx context.Context, t *testing.T, what string, ok func() bool) {
	t.Helper()
	for !ok() {
		if !sleep(ctx, 10*time.Millisecond) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (b *bus) pending(ctx context.Context, s wire.Stream) uint64 {
	b.t.Helper()
	stream, err := b.js.Stream(ctx, s.Name)
	if err != nil {
		b.t.Fatal(err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return info.State.Msgs
}

// idle waits until nothing is left to do for the tenant.
func (b *bus) idle(ctx context.Context, tenant string) {
	b.t.Helper()
	eventually(ctx, b.t, "all events acked", func() bool { return b.pending(ctx, wire.EventStream(tenant)) == 0 })
	eventually(ctx, b.t, "all deep jobs acked", func() bool { return b.pending(ctx, wire.DeepStream(tenant)) == 0 })
}

// stored reads a whole stream.
func (b *bus) stored(ctx context.Context, s wire.Stream) []*jetstream.RawStreamMsg {
	b.t.Helper()
	stream, err := b.js.Stream(ctx, s.Name)
	if err != nil {
		b.t.Fatal(err)
	}
	info := stream.CachedInfo().State
	var msgs []*jetstream.RawStreamMsg
	for seq := max(info.FirstSeq, 1); seq <= info.LastSeq; seq++ {
		if m, err := stream.GetMsg(ctx, seq); err == nil {
			msgs = append(msgs, m)
		}
	}
	return msgs
}

// verdicts reads a stream of verdicts as a subscriber would: without what it has seen by (id, revision).
func (b *bus) verdicts(ctx context.Context, s wire.Stream) []models.Verdict {
	b.t.Helper()
	seen := map[string]bool{}
	var verdicts []models.Verdict
	for _, m := range b.stored(ctx, s) {
		v, err := wire.DecodeVerdict(wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
		if err != nil {
			b.t.Fatal(err)
		}
		if !seen[v.Key()] {
			seen[v.Key()] = true
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

func (b *bus) last(ctx context.Context, tenant, server string, kind models.Kind, object string) *models.Verdict {
	b.t.Helper()
	p := &path{last: newRegister(b.js, wire.LastBucket, readVerdict)}
	v, err := p.lastVerdict(ctx, tenant, wire.LastKey(models.Subject{Server: server, Kind: kind, Object: object}))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}
