package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keyword finds a word in bodies. Its revision can be changed, which begins a new epoch.
type keyword struct {
	word     string
	mu       sync.Mutex
	revision string
}

func (k *keyword) Detect(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := detectors.Answer{Revision: k.revision}
	for _, in := range b.Inputs {
		o := models.Clean()
		if bytes.Contains(in.Event.Body, []byte(k.word)) {
			o = models.Found(models.Finding{
				Rule: "keyword", Version: "1.0.0", Class: "A1", Severity: models.SeverityCritical, Confidence: 0.99, Message: "The word is there.",
			})
		}
		a.Outcomes = append(a.Outcomes, o)
	}
	return a, nil
}

// newEngine makes an engine with one detector, which finds the word.
func newEngine(ctx context.Context, k *keyword, tenants []string, onEpoch func(models.EpochNotice)) (*engine.Engine, error) {
	return engine.New(ctx, engine.Settings{
		Tenants: tenants,
		OnEpoch: onEpoch,
		Slots: []engine.Slot{{
			Spec: detectors.Spec{
				Name: "keyword", Version: "1.0.0", Purpose: "Finds a word.", Classes: []models.Class{"A1"},
				Stage: detectors.Fast, Deadline: time.Second,
			},
			Detector: k,
			Digest:   "keyword/" + k.word,
		}},
	})
}

// start runs a runner until the test ends or stop is called.
func start(t *testing.T, r *stream.Runner) (stop func()) {
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

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// world is a bus with a runner for the tenants.
type world struct {
	srv     *natsembed.Server
	engine  *nats.Conn
	keyword *keyword
	signer  nkeys.KeyPair // whom the runner trusts
	known   *known
	stop    func()
}

// known is what the engine was told to know, by id.
type known struct {
	mu    sync.Mutex
	texts map[string]models.Indicator
}

func (k *known) apply(_ context.Context, add []models.Indicator, remove []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, x := range add {
		k.texts[x.ID] = x
	}
	for _, id := range remove {
		delete(k.texts, id)
	}
	return nil
}

func (k *known) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.texts[id]
	return ok
}

func newWorld(t *testing.T, s natsembed.Settings, tenants []string, opts ...nats.Option) *world {
	t.Helper()
	ctx := testContext(t)
	s.Dir = t.TempDir()
	srv, err := natsembed.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	nc, err := srv.Connect(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	w := &world{srv: srv, engine: nc, keyword: &keyword{word: "poison", revision: "1"}, known: &known{texts: map[string]models.Indicator{}}}
	var runner *stream.Runner
	eng, err := newEngine(ctx, w.keyword, tenants, func(n models.EpochNotice) { runner.EpochChanged(n.Tenant) })
	if err != nil {
		t.Fatal(err)
	}
	if w.signer, err = nkeys.CreateAccount(); err != nil {
		t.Fatal(err)
	}
	settings := stream.Settings{Conn: nc, Engine: eng, Indicators: &stream.Indicators{TrustedKeys: []string{public(t, w.signer)}, Apply: w.known.apply}}
	for _, name := range tenants {
		settings.Tenants = append(settings.Tenants, stream.Tenant{Name: name})
	}
	ready := make(chan struct{})
	settings.OnReady = func() { close(ready) }
	if runner, err = stream.New(settings); err != nil {
		t.Fatal(err)
	}
	w.stop = start(t, runner)
	receive(ctx, t, "readiness", ready)
	return w
}

func public(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	p, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// awaitService waits until the runner answers checks, which it does when all streams are there.
func (w *world) awaitService(ctx context.Context, t *testing.T) {
	t.Helper()
	for {
		_, err := w.engine.RequestWithContext(ctx, "$SRV.PING.taster-check", nil)
		switch {
		case err == nil:
			return
		case !errors.Is(err, nats.ErrNoResponders):
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *world) client(t *testing.T, tenant string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect("", tenant, append([]client.Option{client.InProcess(w.srv)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func tool(name, description string) models.Event {
	return models.Event{Server: "srv", Kind: models.KindTool, Body: fmt.Appendf(nil, `{"name":%q,"description":%q}`, name, description)}
}

// collect subscribes and hands the verdicts to a channel.
func collect(ctx context.Context, t *testing.T, c *client.Client, f client.Filter) <-chan models.Verdict {
	t.Helper()
	got := make(chan models.Verdict, 1000)
	sub, err := c.Subscribe(ctx, f, func(_ context.Context, v models.Verdict) error {
		got <- v
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return got
}

// receive waits for a value.
func receive[T any](ctx context.Context, t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatalf("never received: %s", what)
		panic("unreachable")
	}
}
