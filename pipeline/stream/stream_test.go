package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// setup is an embedded server, a runner of tenant acme on it and a bus to look at both.
func setup(t *testing.T, e *fakeEngine, change func(*Settings)) (context.Context, *bus) {
	t.Helper()
	ctx := testContext(t)
	srv := embedded(t)
	nc, err := srv.Connect()
	b := newBus(t, nc, err)
	b.provision(ctx, quick("acme"))
	run(t, nc, e, change)
	return ctx, b
}

func TestEventToVerdict(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	seq := b.publish(ctx, tool("id-1", "add", "adds"))
	b.publish(ctx, tool("", "rm", "poison"))
	b.idle(ctx, "acme")

	got := map[string]models.Decision{}
	for _, v := range b.verdicts(ctx, wire.VerdictStream("acme")) {
		got[v.Subject.Object] = v.Decision
	}
	want := map[string]models.Decision{"add": models.Allow, "rm": models.Block}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if alerts := b.verdicts(ctx, wire.AlertStream("acme")); len(alerts) != 1 || alerts[0].Subject.Object != "rm" {
		t.Errorf("alerts: %v", alerts)
	}
	last := b.last(ctx, "acme", "srv", models.KindTool, "add")
	if last == nil || last.Sequence != seq || last.EventID != wire.EventID(tool("id-1", "", ""), "", 0, 0) {
		t.Errorf("last verdict: %+v", last)
	}
}

func TestFrameBecomesCatalogueAndEvents(t *testing.T) {
	e := newFakeEngine()
	var catalogues *Catalogues
	seen := make(chan error, 100)
	ctx, b := setup(t, e, func(s *Settings) {
		js, err := jetstream.New(s.Conn)
		if err != nil {
			t.Fatal(err)
		}
		catalogues = NewCatalogues(js)
		s.Catalogues = catalogues
		e.onJudge = func(ctx context.Context, jobs []engine.Job) {
			for _, j := range jobs {
				_, err := catalogues.Get(ctx, "acme", j.Event.Catalogue)
				seen <- err
			}
		}
	})
	frame := models.Frame{Tenant: "acme", Server: "srv", Method: "tools/list", Data: []byte(
		`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a", "x":"<b>"},{"name":"b","description":"poison"}]}}`)}
	m, err := wire.EncodeFrame(&frame)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.PublishMsg(ctx, toMsg(m)); err != nil {
		t.Fatal(err)
	}
	b.idle(ctx, "acme")
	verdicts := b.verdicts(ctx, wire.VerdictStream("acme"))
	if len(verdicts) != 2 {
		t.Fatalf("%d verdicts, want 2", len(verdicts))
	}
	for range verdicts {
		if err := <-seen; err != nil {
			t.Errorf("catalogue when its events were judged: %v", err)
		}
	}
	c, err := catalogues.Get(ctx, "acme", verdicts[0].Subject.Catalogue)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.Entries[0].Body); got != `{"name":"a", "x":"<b>"}` {
		t.Errorf("catalogue's body %s is not verbatim", got)
	}
	if _, err := catalogues.Get(ctx, "acme", models.Digest(nil)); !errors.Is(err, ErrNoCatalogue) {
		t.Errorf("unknown catalogue: %v", err)
	}
}

func TestUnreadableIsKeptAndBlocksNothing(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	for _, m := range []*nats.Msg{
		{Subject: "taster.events.acme.srv.tool", Data: []byte(`{"name":`)},
		{Subject: "taster.events.acme.srv.nothing", Data: []byte(`{}`)},
		{Subject: "taster.rpc.acme.srv", Data: []byte(`{"jsonrpc":"2.0","id":1,"result":{}}`)},
		{Subject: "taster.events.acme.srv.tool", Data: []byte(`{"name":"x"}`), Header: nats.Header{"ce-server": {"other"}}},
		{Subject: "taster.events.acme.srv.tool", Data: []byte(`"` + strings.Repeat("x", models.MaxEventBytes) + `"`)},
	} {
		if _, err := b.js.PublishMsg(ctx, m); err != nil {
			t.Fatal(err)
		}
		b.publish(ctx, tool("", "good", "fine"))
	}
	b.publish(ctx, &models.Event{Tenant: "acme", Server: "srv", Kind: models.KindTool, Object: "huge",
		Oversize: &models.Oversize{RawDigest: models.Digest(nil), Bytes: 5 << 20}})
	b.idle(ctx, "acme")

	reasons := map[string]int{}
	for _, m := range b.stored(ctx, wire.RejectedStream("acme")) {
		r, err := wire.DecodeRejection(wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
		if err != nil {
			t.Fatal(err)
		}
		if r.Body != nil || r.RawDigest == "" || r.Bytes == 0 {
			t.Errorf("rejection keeps bytes, or lacks digest or length: %+v", r)
		}
		reasons[r.Reason]++
	}
	want := map[string]int{models.RejectMalformed: 2, models.RejectMethodUnknown: 1, models.RejectServerMismatch: 1, models.RejectTooLarge: 1}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Error(diff)
	}
	verdicts := b.verdicts(ctx, wire.VerdictStream("acme"))
	if len(verdicts) != 6 {
		t.Errorf("%d verdicts, want 5 good and 1 oversize", len(verdicts))
	}
	for _, v := range verdicts {
		if v.Clean() == (v.Subject.Object == "huge") {
			t.Errorf("%s: clean %v", v.Subject.Object, v.Clean())
		}
	}
}

func TestDeepJobEndsInRevisionTwo(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	b.publish(ctx, tool("", "maybe", "grey"))
	b.idle(ctx, "acme")
	verdicts := b.verdicts(ctx, wire.VerdictStream("acme"))
	if len(verdicts) != 2 || verdicts[0].Final || verdicts[1].Revision != 2 || !verdicts[1].Final || verdicts[0].ID != verdicts[1].ID {
		t.Fatalf("verdicts: %+v", verdicts)
	}
	eventually(ctx, t, "revision 2 is the last verdict", func() bool {
		v := b.last(ctx, "acme", "srv", models.KindTool, "maybe")
		return v != nil && v.Revision == 2
	})
}

func TestFullDeepStreamHoldsNothingBack(t *testing.T) {
	e := newFakeEngine()
	release := make(chan struct{})
	e.onDeep = func(ctx context.Context, _ engine.Job) {
		if ctx.Err() == nil { // has time
			<-release
		}
	}
	ctx, b := setup(t, e, nil)
	b.publish(ctx, tool("", "first", ""))
	b.idle(ctx, "acme") // the runner has provisioned
	s, err := b.js.Stream(ctx, wire.DeepStream("acme").Name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgs = 2
	if _, err := b.js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		b.publish(ctx, tool("", fmt.Sprint("t", n), "grey"))
	}
	eventually(ctx, t, "the events are acked", func() bool { return b.pending(ctx, wire.EventStream("acme")) == 0 })
	close(release)
	b.idle(ctx, "acme")
	inspected, not := 0, 0
	for _, v := range b.verdicts(ctx, wire.VerdictStream("acme")) {
		switch {
		case v.Revision == 2 && v.Coverage.Complete:
			inspected++
		case v.Revision == 2:
			not++
		}
	}
	if inspected != 2 || not != 8 {
		t.Errorf("%d final verdicts with the deep detectors and %d without, want 2 and 8", inspected, not)
	}
}

func TestAlertOnChangeAway(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	for _, description := range []string{"fine", "poison", "fine", "fine"} {
		b.publish(ctx, tool("", "t", description))
		b.idle(ctx, "acme")
	}
	var got []models.Decision
	for _, v := range b.verdicts(ctx, wire.AlertStream("acme")) {
		got = append(got, v.Decision)
	}
	if diff := cmp.Diff([]models.Decision{models.Block, models.Allow}, got); diff != "" {
		t.Error(diff)
	}
}

// check asks as a gateway does.
func (b *bus) check(ctx context.Context, e *models.Event) *nats.Msg {
	b.t.Helper()
	m, err := wire.EncodeCheck(e)
	if err != nil {
		b.t.Fatal(err)
	}
	reply, err := b.nc.RequestMsgWithContext(ctx, toMsg(m))
	if err != nil {
		b.t.Fatal(err)
	}
	return reply
}

func TestCheck(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	eventually(ctx, t, "the check service is there", func() bool {
		_, err := b.nc.Request("$SRV.PING.taster-check", nil, time.Second)
		return err == nil
	})
	reply := b.check(ctx, tool("", "rm", "poison"))
	v, err := wire.DecodeVerdict(wire.Message{Header: reply.Header, Data: reply.Data})
	if err != nil {
		t.Fatal(err)
	}
	if v.Decision != models.Block {
		t.Errorf("decision %s", v.Decision)
	}
	// Stored and streamed before the reply.
	if got := b.verdicts(ctx, wire.VerdictStream("acme")); len(got) != 1 || got[0].Key() != v.Key() {
		t.Errorf("verdict stream: %v", got)
	}
	if last := b.last(ctx, "acme", "srv", models.KindTool, "rm"); last == nil || last.Key() != v.Key() {
		t.Errorf("last verdict: %v", last)
	}
	if again := b.check(ctx, tool("", "rm", "poison")); again.Header.Get("ce-id") == reply.Header.Get("ce-id") {
		t.Error("two checks without an id are one occurrence")
	}

	bad := &nats.Msg{Subject: wire.CheckSubject("acme"), Data: []byte("{}")}
	reply, err = b.nc.RequestMsgWithContext(ctx, bad)
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.Header.Get(micro.ErrorCodeHeader); got != CheckBadRequest {
		t.Errorf("unreadable check: code %q", got)
	}
	if n := len(b.stored(ctx, wire.RejectedStream("acme"))); n != 1 {
		t.Errorf("%d rejections, want 1", n)
	}
}

func TestCheckOverload(t *testing.T) {
	e := newFakeEngine()
	entered, release := make(chan struct{}), make(chan struct{})
	e.onJudge = func(context.Context, []engine.Job) {
		entered <- struct{}{}
		<-release
	}
	ctx, b := setup(t, e, func(s *Settings) { s.Checks = 1 })
	eventually(ctx, t, "the check service is there", func() bool {
		_, err := b.nc.Request("$SRV.PING.taster-check", nil, time.Second)
		return err == nil
	})
	first := make(chan *nats.Msg)
	go func() { first <- b.check(ctx, tool("", "a", "")) }()
	<-entered
	if got := b.check(ctx, tool("", "b", "")).Header.Get(micro.ErrorCodeHeader); got != CheckOverloaded {
		t.Errorf("code %q, want %q", got, CheckOverloaded)
	}
	close(release)
	if code := (<-first).Header.Get(micro.ErrorCodeHeader); code != "" {
		t.Errorf("the check in hand ended in %q", code)
	}
}

func TestLongIsolationIsNotDeliveredTwice(t *testing.T) {
	e := newFakeEngine()
	e.onJudge = func(ctx context.Context, _ []engine.Job) { sleep(ctx, 3*time.Second) } // three times AckWait
	ctx, b := setup(t, e, nil)
	b.publish(ctx, tool("slow", "slow", ""))
	b.idle(ctx, "acme")
	if n := e.judged[wire.EventID(tool("slow", "", ""), "", 0, 0)]; n != 1 {
		t.Errorf("judged %d times", n)
	}
}

func TestDrainFinishesWhatIsInHand(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	e := newFakeEngine()
	entered := make(chan struct{}, 100)
	release := make(chan struct{})
	e.onJudge = func(context.Context, []engine.Job) {
		entered <- struct{}{}
		<-release
	}
	b.provision(ctx, quick("acme"))
	stop := run(t, nc, e, nil)
	b.publish(ctx, tool("", "t", ""))
	<-entered
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	close(release)
	<-stopped
	b.idle(ctx, "acme")
	if n := len(b.verdicts(ctx, wire.VerdictStream("acme"))); n != 1 {
		t.Errorf("%d verdicts after the drain, want 1", n)
	}
}

// TestDrainGivesDeepJobsBack has a second opinion take longer than the drain: the runner ends as it should, and the next one
// makes the final revision.
func TestDrainGivesDeepJobsBack(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	e := newFakeEngine()
	entered := make(chan struct{}, 1)
	e.onDeep = func(ctx context.Context, _ engine.Job) {
		entered <- struct{}{}
		<-ctx.Done()
	}
	b.provision(ctx, quick("acme"))
	stop := run(t, nc, e, func(s *Settings) { s.DrainDeadline = 100 * time.Millisecond })
	b.publish(ctx, tool("", "t", "grey"))
	<-entered
	stop()
	if n := b.pending(ctx, wire.DeepStream("acme")); n != 1 {
		t.Fatalf("%d deep jobs after the drain, want 1", n)
	}
	e.set(func(e *fakeEngine) { e.onDeep = nil })
	run(t, nc, e, nil)
	b.idle(ctx, "acme")
	verdicts := b.verdicts(ctx, wire.VerdictStream("acme"))
	if len(verdicts) != 2 || !verdicts[1].Final || !verdicts[1].Coverage.Complete {
		t.Errorf("%+v", verdicts)
	}
}

func TestEpochIsAnnouncedAndRescored(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	e := newFakeEngine()
	r, err := New(Settings{Conn: nc, Engine: e, Tenants: []Tenant{quick("acme")}, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	b.provision(ctx, quick("acme"))
	start(t, r)
	for i := range 300 {
		b.publish(ctx, tool("", fmt.Sprintf("tool-%d", i), "fine"))
	}
	b.publish(ctx, tool("", "bad", "poison"))
	b.publish(ctx, &models.Event{Tenant: "acme", Server: "srv", Kind: models.KindToolResult, Object: "x", Body: []byte(`{}`)})
	b.idle(ctx, "acme")
	before := len(b.verdicts(ctx, wire.VerdictStream("acme")))

	e.set(func(f *fakeEngine) { f.epoch, f.strict = "epoch-2", true })
	r.EpochChanged("acme")
	r.EpochChanged("nobody")
	eventually(ctx, t, "300 definitions have changed", func() bool {
		return b.pending(ctx, wire.VerdictStream("acme")) == uint64(before+300)
	})
	for _, v := range b.verdicts(ctx, wire.VerdictStream("acme"))[before:] {
		if v.Epoch != "epoch-2" || v.Cause != causeRescored || v.Supersedes == "" || v.Subject.Object == "bad" || !v.Subject.Kind.Definition() {
			t.Fatalf("rescored verdict: %+v", v)
		}
	}
	eventually(ctx, t, "the last verdict is the rescored one", func() bool {
		return b.last(ctx, "acme", "srv", models.KindTool, "tool-7").Epoch == "epoch-2"
	})
	var epochs []string
	for _, m := range b.stored(ctx, wire.NoticeStream("acme")) {
		n, err := wire.DecodeEpoch(wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
		if err != nil {
			t.Fatal(err)
		}
		epochs = append(epochs, n.Previous+">"+n.Epoch)
	}
	if diff := cmp.Diff([]string{">epoch-1", "epoch-1>epoch-2"}, epochs); diff != "" {
		t.Error(diff)
	}
	again, err := r.Rescore(ctx, "acme")
	if err != nil || again.Changed != 0 {
		t.Errorf("second rescore: %+v, %v", again, err)
	}
	if _, err := r.Rescore(ctx, "nobody"); err == nil {
		t.Error("rescored a tenant that is not configured")
	}
}

// A definition that was judged before an epoch began, and is stored when all others were judged again in it, is judged
// again, too.
func TestLateDefinitionIsRescored(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	e := newFakeEngine()
	r, err := New(Settings{Conn: nc, Engine: e, Tenants: []Tenant{quick("acme")}, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	b.provision(ctx, quick("acme"))
	scored := func(epoch string) func() bool {
		return func() bool {
			marker, err := r.path.live.read(ctx, "acme", rescoredKey)
			return err == nil && marker != nil && string(marker.Data) == epoch
		}
	}
	var once sync.Once
	e.after = func(ctx context.Context, _ []engine.Job) {
		once.Do(func() {
			e.set(func(f *fakeEngine) { f.epoch, f.strict = "epoch-2", true })
			r.EpochChanged("acme")
			eventually(ctx, t, "all others are judged again", scored("epoch-2"))
		})
	}
	start(t, r)
	eventually(ctx, t, "the first epoch is scored", scored("epoch-1"))
	b.publish(ctx, tool("", "late", "fine"))
	eventually(ctx, t, "the late one is judged again", func() bool {
		if b.pending(ctx, wire.VerdictStream("acme")) < 2 {
			return false
		}
		v := b.last(ctx, "acme", "srv", models.KindTool, "late")
		return v.Epoch == "epoch-2" && v.Cause == causeRescored && v.Decision == models.Block
	})
}

func TestFeedbackIsValidated(t *testing.T) {
	ctx, b := setup(t, newFakeEngine(), nil)
	good, err := wire.EncodeFeedback(&models.Feedback{VerdictID: "v", Tenant: "acme", Owner: "ann", Reason: "seen"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*nats.Msg{toMsg(good), {Subject: wire.FeedbackSubject("acme", "w"), Data: []byte(`{"owner":1}`)}} {
		if _, err := b.js.PublishMsg(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(ctx, t, "the bad one is rejected", func() bool { return b.pending(ctx, wire.RejectedStream("acme")) == 1 })
	eventually(ctx, t, "the good one and the epoch are kept", func() bool { return b.pending(ctx, wire.NoticeStream("acme")) == 2 })
}

func TestProvisionIsIdempotentAndUpdates(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	tenant := Tenant{Name: "a.b c_d", Gateways: []string{"east", "west"}}
	b.provision(ctx, tenant)
	tenant.Limits.Events = Bound{MaxBytes: 1 << 20, MaxAge: time.Hour}
	b.provision(ctx, tenant)
	s, err := b.js.Stream(ctx, wire.EventStream(tenant.Name).Name)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	if c.MaxBytes != 1<<20 || c.MaxAge != time.Hour || c.Discard != jetstream.DiscardNew || c.Retention != jetstream.WorkQueuePolicy {
		t.Errorf("event stream: %+v", c)
	}
	for _, gateway := range tenant.Gateways {
		if _, err := b.js.Consumer(ctx, wire.VerdictStream(tenant.Name).Name, gateway); err != nil {
			t.Errorf("gateway %s: %v", gateway, err)
		}
	}
	streams := 0
	for info := range b.js.ListStreams(ctx).Info() {
		streams++
		if info.Config.MaxAge <= 0 || info.Config.MaxBytes <= 0 {
			t.Errorf("Invariant 11: stream %s has no age or no size", info.Config.Name)
		}
	}
	if streams != 10 {
		t.Errorf("%d streams, want 10", streams)
	}
}

func TestNewRefuses(t *testing.T) {
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	registered := prometheus.NewRegistry()
	if _, err := New(Settings{Conn: b.nc, Engine: newFakeEngine(), Tenants: []Tenant{{Name: "a"}}, Registerer: registered}); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Settings{
		"nothing":           {},
		"no tenants":        {Conn: b.nc, Engine: newFakeEngine()},
		"empty tenant":      {Conn: b.nc, Engine: newFakeEngine(), Tenants: []Tenant{{}}},
		"long tenant":       {Conn: b.nc, Engine: newFakeEngine(), Tenants: []Tenant{{Name: strings.Repeat("x", 100)}}},
		"gateway":           {Conn: b.nc, Engine: newFakeEngine(), Tenants: []Tenant{{Name: "a", Gateways: []string{"x.y"}}}},
		"metrics are taken": {Conn: b.nc, Engine: newFakeEngine(), Tenants: []Tenant{{Name: "a"}}, Registerer: registered},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(s); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestAdvisoryIsReadAsTheServerWritesIt(t *testing.T) {
	var a advisory
	if err := json.Unmarshal([]byte(`{"type":"io.nats.jetstream.advisory.v1.max_deliver","stream":"S","consumer":"c","stream_seq":7,"deliveries":3}`), &a); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(advisory{"S", 7, 3}, a); diff != "" {
		t.Error(diff)
	}
}
