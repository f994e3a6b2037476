package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

func TestCheck(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	v, err := c.Check(ctx, tool("rm", "poison"))
	if err != nil {
		t.Fatal(err)
	}
	if !v.Flagged() || v.Subject.Tenant != "acme" || v.Subject.Object != "rm" {
		t.Errorf("verdict: %+v", v)
	}
	last, err := c.Last(ctx, models.Subject{Server: "srv", Kind: models.KindTool, Object: "rm"})
	if err != nil || last.Key() != v.Key() {
		t.Errorf("last verdict %q, %v; want %q", last.Key(), err, v.Key())
	}
	if _, err := c.Last(ctx, models.Subject{Server: "srv", Kind: models.KindTool, Object: "other"}); !errors.Is(err, client.ErrNoVerdict) {
		t.Errorf("last verdict on what was never seen: %v", err)
	}
	var invalid *wire.Error
	if _, err := c.Check(ctx, models.Event{Server: "srv", Kind: models.KindTool, Body: []byte("{")}); !errors.As(err, &invalid) {
		t.Errorf("checking what is not JSON: %v", err)
	}
	huge := tool("huge", string(bytes.Repeat([]byte("x"), models.MaxEventBytes)))
	if v, err = c.Check(ctx, huge); err != nil || v.Clean() || v.Subject.Object != "huge" || v.Subject.Bytes != int64(len(huge.Body)) {
		t.Errorf("oversize: %+v, %v", v, err)
	}
}

func TestNotServed(t *testing.T) {
	ctx := testContext(t)
	srv, err := natsembed.Start(natsembed.Settings{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	c := (&world{srv: srv}).client(t, "acme")
	if _, err := c.Check(ctx, tool("a", "")); !errors.Is(err, client.ErrNotServed) {
		t.Errorf("check: %v", err)
	}
	if err := c.Publish(ctx, tool("a", "")); !errors.Is(err, client.ErrNotServed) {
		t.Errorf("publish: %v", err)
	}
	if _, err := c.Last(ctx, models.Subject{Server: "s", Kind: models.KindTool}); !errors.Is(err, client.ErrNotServed) {
		t.Errorf("last: %v", err)
	}
}

func TestFull(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	w.stop()
	js, err := jetstream.New(w.engine)
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.StreamConfig{Name: wire.EventStream("acme").Name, Subjects: wire.EventStream("acme").Subjects,
		Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, MaxMsgs: 1}
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	c := w.client(t, "acme")
	if err := c.Publish(ctx, tool("a", "")); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(ctx, tool("b", "")); !errors.Is(err, client.ErrFull) {
		t.Errorf("publishing to a full stream: %v", err)
	}
}

// TestSources publishes the same to three kinds of subscription.
func TestSources(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	alerts := collect(ctx, t, c, client.Filter{Alerts: true})
	onlyTwo := collect(ctx, t, c, client.Filter{Object: "two"})
	refusals := new(atomic.Int32)
	durable := make(chan models.Verdict, 10)
	sub, err := c.Subscribe(ctx, client.Filter{From: client.Durable("")}, func(_ context.Context, v models.Verdict) error {
		if v.Subject.Object == "two" && refusals.Add(1) == 1 {
			return errors.New("not now")
		}
		durable <- v
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.PublishCatalogue(ctx, []models.CatalogueObject{
		{Server: "srv", Kind: models.KindTool, Body: json.RawMessage(`{"name":"one"}`)},
		{Server: "srv", Kind: models.KindTool, Body: json.RawMessage(`{"name":"two","description":"poison"}`)},
		{Server: "srv", Kind: models.KindPrompt, Body: json.RawMessage(`{"name":"three"}`)},
		{Server: "srv", Kind: models.KindInstructions, Body: json.RawMessage(`"four"`)},
	}); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for range 4 {
		v := receive(ctx, t, "durable verdict", durable)
		got[string(v.Subject.Kind)+" "+v.Subject.Object] = v.Subject.Catalogue
	}
	sub.Close()
	if got["tool one"] == "" || got["tool one"] != got["tool two"] || got["prompt three"] == got["tool one"] {
		t.Errorf("catalogues: %v", got)
	}
	if _, ok := got["instructions "]; !ok {
		t.Errorf("no verdict on the instructions: %v", got)
	}
	if n := refusals.Load(); n != 2 {
		t.Errorf("the refused verdict was handed out %d times, want 2", n)
	}
	if v := receive(ctx, t, "alert", alerts); v.Subject.Object != "two" {
		t.Errorf("alert on %q", v.Subject.Object)
	}
	if v := receive(ctx, t, "filtered verdict", onlyTwo); v.Subject.Object != "two" {
		t.Errorf("filtered verdict on %q", v.Subject.Object)
	}
	replayed := collect(ctx, t, c, client.Filter{From: client.All()})
	for range 4 {
		receive(ctx, t, "replayed verdict", replayed)
	}
	since := collect(ctx, t, c, client.Filter{From: client.Since(time.Now().Add(-time.Hour)), Kind: models.KindPrompt})
	if v := receive(ctx, t, "replayed prompt", since); v.Subject.Object != "three" {
		t.Errorf("replayed %q", v.Subject.Object)
	}
	if _, err := c.Subscribe(ctx, client.Filter{From: client.Durable(""), Alerts: true}, nil); err == nil {
		t.Error("subscribed durably to alerts")
	}
}

// TestDuplicatesAreDropped delivers each verdict twice, as after an outage longer than the server's duplicate window.
func TestDuplicatesAreDropped(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	live := collect(ctx, t, c, client.Filter{})
	for _, name := range []string{"a", "b"} {
		v, err := c.Check(ctx, tool(name, ""))
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.EncodeVerdict(&v)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.engine.Publish(m.Subject, m.Data); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"a", "b"} {
		if v := receive(ctx, t, "verdict", live); v.Subject.Object != want {
			t.Errorf("got %q, want %q", v.Subject.Object, want)
		}
	}
}

func TestEpochDropsTheCache(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme", client.Cache(10))
	check := func() models.Verdict {
		v, err := c.Check(ctx, tool("a", "fine"))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := check()
	for second := check(); second.Key() != first.Key(); second = check() { // until the first epoch is announced
		first = second
	}
	w.keyword.mu.Lock()
	w.keyword.revision = "2"
	w.keyword.mu.Unlock()
	for third := first; third.Epoch == first.Epoch; {
		// The engine notices the new revision with the next event that it has not seen.
		if _, err := c.Check(ctx, tool("b", time.Now().String())); err != nil {
			t.Fatal(err)
		}
		third = check()
	}
}

func TestFeedback(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	sub, err := w.engine.SubscribeSync(wire.FeedbackSubject("acme", "v-1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := c.Feedback(ctx, models.Feedback{VerdictID: "v-1", Owner: "ann", Reason: "ours", Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f, err := wire.DecodeFeedback(wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
	if err != nil {
		t.Fatal(err)
	}
	f.Time = time.Time{}
	if diff := cmp.Diff(models.Feedback{VerdictID: "v-1", Tenant: "acme", Owner: "ann", Reason: "ours", Confirmed: true}, f); diff != "" {
		t.Error(diff)
	}
	if err := c.Feedback(ctx, models.Feedback{VerdictID: "v-1"}); err == nil {
		t.Error("feedback without owner and reason was published")
	}
}

func TestConnectRefuses(t *testing.T) {
	if _, err := client.Connect("nats://127.0.0.1:1", "acme"); err == nil {
		t.Error("connected to nothing")
	}
	if _, err := client.Connect("", string(bytes.Repeat([]byte("x"), 200))); err == nil {
		t.Error("connected for a tenant that fits no subject")
	}
}

// TestSubscriptionsSurviveARestart stops the server under a client and starts it again on the same address and files.
func TestSubscriptionsSurviveARestart(t *testing.T) {
	ctx := testContext(t)
	settings := natsembed.Settings{Dir: t.TempDir(), Listen: "127.0.0.1:0"}
	srv, err := natsembed.Start(settings)
	if err != nil {
		t.Fatal(err)
	}
	settings.Listen = strings.TrimPrefix(srv.ClientURL(), "nats://")
	reconnect := []nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0)}
	nc, err := nats.Connect(srv.ClientURL(), append(reconnect, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	eng, err := newEngine(ctx, &keyword{word: "poison"}, []string{"acme"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	runner, err := stream.New(stream.Settings{Conn: nc, Engine: eng, Tenants: []stream.Tenant{{Name: "acme"}}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, runner)
	w := &world{srv: srv, engine: nc}
	w.awaitService(ctx, t)
	c, err := client.Connect(srv.ClientURL(), "acme", client.NATS(reconnect...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	sources := map[string]<-chan models.Verdict{
		"live":    collect(ctx, t, c, client.Filter{}),
		"durable": collect(ctx, t, c, client.Filter{From: client.Durable("")}),
		"replay":  collect(ctx, t, c, client.Filter{From: client.All()}),
	}
	heard := func(object string) {
		t.Helper()
		for name, from := range sources {
			if v := receive(ctx, t, name, from); v.Subject.Object != object {
				t.Errorf("%s: verdict on %q, want %q", name, v.Subject.Object, object)
			}
		}
	}
	if err := c.Publish(ctx, tool("before", "")); err != nil {
		t.Fatal(err)
	}
	heard("before")
	srv.Shutdown()
	if srv, err = natsembed.Start(settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	event := tool("after", "")
	event.ID = "published until stored"
	for c.Publish(ctx, event) != nil {
		if ctx.Err() != nil {
			t.Fatal("never published")
		}
	}
	heard("after")
}
