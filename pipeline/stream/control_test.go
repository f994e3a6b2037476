package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/micro"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

func TestRescoreOnRequest(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	e := newFakeEngine()
	ready := make(chan struct{})
	stop := run(t, nc, e, func(s *Settings) { s.OnReady = func() { close(ready) } })
	<-ready
	b.publish(ctx, tool("", "good", "fine"))
	b.publish(ctx, tool("", "bad", "poison"))
	b.idle(ctx, "acme")

	request := func(tenant string) (models.Rescored, string) {
		t.Helper()
		reply, err := nc.RequestWithContext(ctx, wire.RescoreSubject(tenant), nil)
		if err != nil {
			t.Fatal(err)
		}
		if code := reply.Header.Get(micro.ErrorCodeHeader); code != "" {
			return models.Rescored{}, code
		}
		var count models.Rescored
		if err := json.Unmarshal(reply.Data, &count); err != nil {
			t.Fatal(err)
		}
		return count, ""
	}
	if got, code := request("acme"); got != (models.Rescored{Current: 2}) {
		t.Errorf("in the same epoch: %+v %s", got, code)
	}

	// While one request is being worked on, another one is told so.
	judging, resume := make(chan struct{}), make(chan struct{})
	begun := sync.OnceFunc(func() { close(judging) }) // the live definitions may come in several batches
	e.set(func(f *fakeEngine) {
		f.epoch, f.strict = "epoch-2", true
		f.onJudge = func(context.Context, []engine.Job) { begun(); <-resume }
	})
	type answer struct {
		count models.Rescored
		code  string
	}
	first := make(chan answer, 1)
	go func() {
		count, code := request("acme")
		first <- answer{count, code}
	}()
	<-judging
	if _, code := request("acme"); code != ControlBusy {
		t.Errorf("a second request got %q, want %q", code, ControlBusy)
	}
	close(resume)
	want := answer{count: models.Rescored{Judged: 2, Changed: 1, Unchanged: 1}}
	if diff := cmp.Diff(want, <-first, cmp.AllowUnexported(answer{})); diff != "" {
		t.Error(diff)
	}
	if v := b.last(ctx, "acme", "srv", models.KindTool, "good"); v.Decision != models.Block || v.Cause != causeRescored {
		t.Errorf("last verdict: %s because %q", v.Decision, v.Cause)
	}

	// A runner that stops does not wait for the end of a long rescore: the request is told, and can be made again.
	judging = make(chan struct{})
	begun = sync.OnceFunc(func() { close(judging) })
	e.set(func(f *fakeEngine) {
		f.epoch = "epoch-3"
		f.onJudge = func(ctx context.Context, _ []engine.Job) { begun(); <-ctx.Done() }
	})
	go func() {
		count, code := request("acme")
		first <- answer{count, code}
	}()
	<-judging
	stop()
	if got := <-first; got.code != ControlFailed {
		t.Errorf("interrupted: %+v, want code %s", got, ControlFailed)
	}
}

// TestRescoreNoticesThatTheServerIsGone: neither is what was not read taken for the end, nor waited for without one.
func TestRescoreNoticesThatTheServerIsGone(t *testing.T) {
	ctx := testContext(t)
	srv := embedded(t)
	nc, err := srv.Connect()
	b := newBus(t, nc, err)
	ready := make(chan struct{})
	r, err := New(Settings{
		Conn: nc, Engine: newFakeEngine(), Tenants: []Tenant{quick("acme")}, Logger: testLog(t), OnReady: func() { close(ready) },
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, r)
	<-ready
	for i := range rescoreBatch + 1 { // one more than is read at once
		b.publish(ctx, tool("", fmt.Sprintf("good%d", i), "fine"))
	}
	b.idle(ctx, "acme")
	stop()
	seen := 0
	err = r.workers["acme"].liveDefinitions(ctx, func(batch []definition) error {
		seen += len(batch)
		srv.Shutdown()
		return nil
	})
	if err == nil || ctx.Err() != nil || seen == 0 || seen > rescoreBatch {
		t.Errorf("read %d definitions, %v", seen, err)
	}
}
