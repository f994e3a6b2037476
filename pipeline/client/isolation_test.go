package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
)

// deployed is the configuration that is shipped.
const deployed = "../../cmd/taster/deploy/nats.conf"

// tenants starts the shipped configuration with a runner for both of its tenants.
func tenants(t *testing.T) (context.Context, *world) {
	t.Helper()
	for _, name := range []string{"ENGINE", "ACME", "GLOBEX"} {
		t.Setenv("TASTER_"+name+"_PASSWORD", "secret_of_"+name)
	}
	w := newWorld(t, natsembed.Settings{ConfigFile: deployed, Listen: "127.0.0.1:0"}, []string{"acme", "globex"},
		nats.UserInfo("engine", "secret_of_ENGINE"))
	return testContext(t), w
}

func as(tenant string) client.Option {
	password := map[string]string{"acme": "secret_of_ACME", "globex": "secret_of_GLOBEX"}[tenant]
	return client.NATS(nats.UserInfo(tenant, password))
}

// gateway connects over TCP with the rights of a tenant.
func (w *world) gateway(t *testing.T, tenant string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect(w.srv.ClientURL(), tenant, append(opts, as(tenant))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestGatewayRights(t *testing.T) {
	ctx, w := tenants(t)
	c := w.gateway(t, "acme", client.Cache(10))
	live := collect(ctx, t, c, client.Filter{})
	alerts := collect(ctx, t, c, client.Filter{Alerts: true})
	durable := collect(ctx, t, c, client.Filter{From: client.Durable("")})

	if err := c.Publish(ctx, tool("published", "poison")); err != nil {
		t.Fatal(err)
	}
	frame := models.Frame{Server: "srv", Method: "tools/list", Data: []byte(`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"framed"}]}}`)}
	for name, from := range map[string]<-chan models.Verdict{"live": live, "alerts": alerts, "durable": durable} {
		if v := receive(ctx, t, name, from); v.Subject.Object != "published" {
			t.Errorf("%s: verdict on %q", name, v.Subject.Object)
		}
	}
	if err := c.PublishFrame(ctx, frame); err != nil {
		t.Fatal(err)
	}
	if v := receive(ctx, t, "live", live); v.Subject.Object != "framed" {
		t.Errorf("live: verdict on %q", v.Subject.Object)
	}
	checked, err := c.Check(ctx, tool("checked", ""))
	if err != nil {
		t.Fatal(err)
	}
	if last, err := c.Last(ctx, checked.Subject); err != nil || last.Key() != checked.Key() {
		t.Errorf("last: %q, %v", last.Key(), err)
	}
	if _, err := c.Last(ctx, models.Subject{Server: "x", Kind: models.KindTool, Object: "never"}); !errors.Is(err, client.ErrNoVerdict) {
		t.Errorf("last of what was never seen: %v", err)
	}
	if err := c.Feedback(ctx, models.Feedback{VerdictID: checked.ID, Owner: "ann", Reason: "ours"}); err != nil {
		t.Error(err)
	}
	// What the durable consumer handed out is acked.
	receive(ctx, t, "durable", durable)
	receive(ctx, t, "durable", durable)
	js := w.jetStream(t)
	for {
		cons, err := js.Consumer(ctx, wire.VerdictStream("acme").Name, wire.GatewayDurable)
		if err != nil {
			t.Fatal(err)
		}
		if info := cons.CachedInfo(); info.AckFloor.Stream == 3 && info.NumRedelivered == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := c.Subscribe(ctx, client.Filter{From: client.All()}, nil); !errors.Is(err, client.ErrNotPermitted) {
		t.Errorf("replaying: %v", err)
	}
}

func (w *world) jetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(w.engine)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// intruder is a tenant's raw connection, with what the server objects to.
type intruder struct {
	*nats.Conn
	objections chan error
}

func (w *world) intruder(t *testing.T, tenant string) *intruder {
	t.Helper()
	i := &intruder{objections: make(chan error, 100)}
	c, err := nats.Connect(w.srv.ClientURL(), nats.UserInfo(tenant, "secret_of_ACME"), nats.CustomInboxPrefix("_INBOX_"+tenant),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { i.objections <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	i.Conn = c
	return i
}

// refused sends a request and reports how it was answered, unless the server refused it.
func (i *intruder) refused(ctx context.Context, subject, data string) error {
	inbox := i.NewInbox()
	sub, err := i.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	if err := i.PublishRequest(subject, inbox, []byte(data)); err != nil {
		return err
	}
	answered := make(chan *nats.Msg, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		if m, err := sub.NextMsgWithContext(ctx); err == nil {
			answered <- m
		}
		close(answered)
	}()
	select {
	case err := <-i.objections:
		if errors.Is(err, nats.ErrPermissionViolation) {
			return nil
		}
		return err
	case m, ok := <-answered:
		if !ok {
			return errors.New("no answer and no refusal")
		}
		if m.Header.Get("Status") == "503" {
			return nil
		}
		return fmt.Errorf("answered: %v %s", m.Header, m.Data)
	}
}

// TestTenantIsRefused goes through the verbs of bus and JetStream: none of them may reach another tenant, nor what the
// engine alone may write, even of the tenant's own.
func TestTenantIsRefused(t *testing.T) {
	ctx, w := tenants(t)
	own := w.gateway(t, "acme")
	if _, err := own.Check(ctx, tool("t", "")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gateway(t, "globex").Check(ctx, tool("t", "")); err != nil {
		t.Fatal(err)
	}
	i := w.intruder(t, "acme")
	push := `{"stream_name":%q,"config":{"deliver_subject":"taster.events.globex.srv.tool","ack_policy":"none"}}`
	pull := `{"stream_name":%q,"config":{"durable_name":"mine","ack_policy":"explicit"}}`
	attempts := map[string][2]string{
		"check":                {"taster.check.globex", "{}"},
		"own rescore":          {"taster.rescore.acme", ""},
		"rescore":              {"taster.rescore.globex", ""},
		"own deep job":         {"taster.deep.acme", "{}"},
		"own rejection":        {"taster.rejected.acme", "{}"},
		"own epoch":            {"taster.epochs.acme", "{}"},
		"own verdict":          {"taster.verdicts.acme.srv.tool.t", "{}"},
		"own alert":            {"taster.alerts.acme.allow.srv.tool.t", "{}"},
		"publish event":        {"taster.events.globex.srv.tool", "{}"},
		"publish frame":        {"taster.rpc.globex.srv", "{}"},
		"publish feedback":     {"taster.feedback.globex.v", "{}"},
		"publish to an inbox":  {"_INBOX_globex.x", "{}"},
		"account info":         {"$JS.API.INFO", ""},
		"stream names":         {"$JS.API.STREAM.NAMES", ""},
		"stream list":          {"$JS.API.STREAM.LIST", ""},
		"stream create":        {"$JS.API.STREAM.CREATE.MINE", `{"name":"MINE","subjects":["taster.events.globex.>"]}`},
		"stream update":        {"$JS.API.STREAM.UPDATE.TASTER_EVENTS_globex", `{"name":"TASTER_EVENTS_globex"}`},
		"stream restore":       {"$JS.API.STREAM.RESTORE.TASTER_EVENTS_globex", "{}"},
		"kv put":               {"$KV.TASTER_LAST_globex.srv.tool.t", "{}"},
		"own kv put":           {"$KV.TASTER_LAST_acme.srv.tool.t", "{}"},
		"own live put":         {"$KV.TASTER_LIVE_acme.srv.tool.t", "{}"},
		"known text put":       {wire.IndicatorSubject("ind-000000000000000000000000"), "{}"},
		"known text get":       {"$JS.API.DIRECT.GET.KV_TASTER_INDICATORS." + wire.IndicatorSubject("ind-000000000000000000000000"), ""},
		"known text by number": {"$JS.API.DIRECT.GET.KV_TASTER_INDICATORS", `{"seq":1}`},
		"ack":                  {"$JS.ACK.TASTER_VERDICTS_globex.gateway.1.1.1.1.0", "+TERM"},
		"own event ack":        {"$JS.ACK.TASTER_EVENTS_acme.engine.1.1.1.1.0", "+TERM"},
		"next":                 {"$JS.API.CONSUMER.MSG.NEXT.TASTER_VERDICTS_globex.gateway", "1"},
		"next of own events":   {"$JS.API.CONSUMER.MSG.NEXT.TASTER_EVENTS_acme.engine", "1"},
		"kv get":               {"$JS.API.DIRECT.GET.KV_TASTER_LAST_globex.$KV.TASTER_LAST_globex.srv.tool.t", ""},
		"kv get across":        {"$JS.API.DIRECT.GET.KV_TASTER_LAST_acme.$KV.TASTER_LAST_globex.srv.tool.t", ""},
		"kv get by sequence":   {"$JS.API.DIRECT.GET.KV_TASTER_LAST_globex", `{"seq":1}`},
		"own kv by sequence":   {"$JS.API.DIRECT.GET.KV_TASTER_LAST_acme", `{"seq":1}`},
		"service discovery":    {"$SRV.PING", ""},
		"system":               {"$SYS.REQ.SERVER.PING", ""},
	}
	for _, tenant := range []string{"acme", "globex"} {
		for _, stream := range []string{wire.EventStream(tenant).Name, wire.VerdictStream(tenant).Name, knownStream} {
			for verb, data := range map[string]string{"INFO": "", "PURGE": "", "DELETE": "", "SNAPSHOT": `{"deliver_subject":"x"}`, "MSG.GET": `{"seq":1}`, "MSG.DELETE": `{"seq":1}`} {
				attempts[stream+" "+verb] = [2]string{"$JS.API.STREAM." + verb + "." + stream, data}
			}
			attempts[stream+" push consumer"] = [2]string{"$JS.API.CONSUMER.CREATE." + stream, fmt.Sprintf(push, stream)}
			attempts[stream+" named consumer"] = [2]string{"$JS.API.CONSUMER.CREATE." + stream + ".mine", fmt.Sprintf(pull, stream)}
			attempts[stream+" durable consumer"] = [2]string{"$JS.API.CONSUMER.DURABLE.CREATE." + stream + ".mine", fmt.Sprintf(pull, stream)}
			for _, verb := range []string{"INFO", "DELETE", "PAUSE", "RESET", "UNPIN"} {
				attempts[stream+" consumer "+verb] = [2]string{"$JS.API.CONSUMER." + verb + "." + stream + ".gateway", "{}"}
			}
		}
	}
	for name, a := range attempts {
		if err := i.refused(ctx, a[0], a[1]); err != nil {
			t.Errorf("%s: %s: %v", name, a[0], err)
		}
	}
	for _, subject := range []string{
		">", "taster.>", "taster.events.globex.>", "taster.verdicts.>", "taster.verdicts.globex.>", "taster.alerts.globex.>",
		"taster.epochs.globex", "taster.check.acme", "taster.events.acme.>", "_INBOX_globex.>", "_INBOX.>", "$JS.EVENT.>", "$JS.ACK.>", "$KV.>",
	} {
		sub, err := i.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := receive(ctx, t, "an objection to "+subject, i.objections); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("subscribing to %s: %v", subject, err)
		}
		_ = sub.Unsubscribe()
	}
	w.untouched(ctx, t, "globex", 1)
	w.untouched(ctx, t, "acme", 1)
	w.nothingLearnt(ctx, t)
}

// knownStream holds what is known, for all tenants.
const knownStream = "KV_" + wire.IndicatorBucket

// nothingLearnt fails if anything was ever put into the bucket of what is known.
func (w *world) nothingLearnt(ctx context.Context, t *testing.T) {
	t.Helper()
	s, err := w.jetStream(t).Stream(ctx, knownStream)
	if err != nil {
		t.Fatal(err)
	}
	if state := s.CachedInfo().State; state.LastSeq != 0 {
		t.Errorf("%d messages came into the bucket of what is known", state.LastSeq)
	}
}

// untouched fails if the tenant's streams hold anything but the given number of verdicts.
func (w *world) untouched(ctx context.Context, t *testing.T, tenant string, verdicts uint64) {
	t.Helper()
	js := w.jetStream(t)
	for name, want := range map[string]uint64{
		wire.EventStream(tenant).Name: 0, wire.RejectedStream(tenant).Name: 0, wire.DeepStream(tenant).Name: 0,
		wire.VerdictStream(tenant).Name: verdicts,
	} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		state := s.CachedInfo().State
		if state.Msgs != want || state.LastSeq != want {
			t.Errorf("%s holds %d messages, last sequence %d, want %d", name, state.Msgs, state.LastSeq, want)
		}
	}
}

// TestRepliesStayInTheAccount aims the server's answers to what a tenant may ask at another tenant's subjects.
func TestRepliesStayInTheAccount(t *testing.T) {
	ctx, w := tenants(t)
	own := w.gateway(t, "acme")
	if _, err := own.Check(ctx, tool("t", "")); err != nil {
		t.Fatal(err)
	}
	i := w.intruder(t, "acme")
	for _, target := range []string{
		"taster.events.globex.srv.tool", "taster.rpc.globex.srv", "taster.check.globex", "taster.verdicts.globex.srv.tool.t",
		"$KV.TASTER_LAST_globex.srv.tool.t", "_INBOX_globex.x", "$JS.API.STREAM.PURGE.TASTER_VERDICTS_globex",
		"$JS.API.STREAM.DELETE.TASTER_EVENTS_globex", wire.IndicatorSubject("ind-000000000000000000000000"),
	} {
		for _, m := range []*nats.Msg{
			{Subject: "taster.events.acme.srv.tool", Data: []byte(`{"name":"x"}`)},
			{Subject: "taster.check.acme", Data: []byte(`{"name":"x"}`), Header: nats.Header{"ce-server": {"srv"}, "ce-kind": {"tool"}}},
			{Subject: "taster.feedback.acme.v", Data: []byte(`{}`)},
			{Subject: "$JS.API.CONSUMER.MSG.NEXT.TASTER_VERDICTS_acme.gateway", Data: []byte("10")},
			{Subject: "$JS.ACK.TASTER_VERDICTS_acme.gateway.1.1.1.1.0", Data: []byte("+NXT")},
			{Subject: "$JS.API.DIRECT.GET.KV_TASTER_LAST_acme.$KV.TASTER_LAST_acme.srv.tool.t"},
		} {
			m.Reply = target
			if err := i.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The server takes a connection's messages in order: after this answer all of the above is through.
	if _, err := i.RequestWithContext(ctx, "$JS.API.DIRECT.GET.KV_TASTER_LAST_acme.$KV.TASTER_LAST_acme.srv.tool.t", nil); err != nil {
		t.Fatal(err)
	}
	awaitVerdicts(ctx, t, w, "acme", 1+2*9)
	w.untouched(ctx, t, "globex", 0)
	w.nothingLearnt(ctx, t)
	if _, err := w.gateway(t, "globex").Check(ctx, tool("t", "")); err != nil {
		t.Errorf("the other tenant's service: %v", err)
	}
}

// awaitVerdicts waits until the tenant has so many verdicts.
func awaitVerdicts(ctx context.Context, t *testing.T, w *world, tenant string, want uint64) {
	t.Helper()
	for {
		s, err := w.jetStream(t).Stream(ctx, wire.VerdictStream(tenant).Name)
		if err != nil {
			t.Fatal(err)
		}
		if s.CachedInfo().State.Msgs >= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestTenantCannotSuppressOrDelay has one tenant use up what it has; the other one notices nothing.
func TestTenantCannotSuppressOrDelay(t *testing.T) {
	ctx, w := tenants(t)
	js := w.jetStream(t)
	acme, globex := w.gateway(t, "acme"), w.gateway(t, "globex")
	live := collect(ctx, t, globex, client.Filter{})

	// The same id from the gateway, and the same message id by hand.
	event := tool("same", "")
	event.ID = "the same id"
	m, err := wire.EncodeEvent(&models.Event{Tenant: "globex", ID: event.ID, Server: event.Server, Kind: event.Kind, Body: event.Body})
	if err != nil {
		t.Fatal(err)
	}
	i := w.intruder(t, "acme")
	stolen := &nats.Msg{Subject: "taster.events.acme.srv.tool", Data: event.Body, Header: nats.Header{wire.HeaderMsgID: m.Header[wire.HeaderMsgID]}}
	if _, err := i.RequestMsgWithContext(ctx, stolen); err != nil {
		t.Fatal(err)
	}
	if err := acme.Publish(ctx, event); err != nil {
		t.Fatal(err)
	}
	if err := globex.Publish(ctx, event); err != nil {
		t.Fatal(err)
	}
	if v := receive(ctx, t, "verdict on the event with a known id", live); v.Subject.Tenant != "globex" || v.Subject.Object != "same" {
		t.Errorf("verdict: %+v", v.Subject)
	}
	for {
		v, err := globex.Last(ctx, models.Subject{Server: "srv", Kind: models.KindTool, Object: "same"})
		if errors.Is(err, client.ErrNoVerdict) {
			continue // it follows the stream
		}
		if err != nil || v.Subject.Tenant != "globex" {
			t.Errorf("last verdict: %+v, %v", v.Subject, err)
		}
		break
	}

	// A full event stream, and pulls that nobody reads.
	awaitVerdicts(ctx, t, w, "acme", 2)
	s, err := js.Stream(ctx, wire.EventStream("acme").Name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgs, cfg.MaxBytes = 1, 1
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if err := acme.Publish(ctx, tool("refused", "")); !errors.Is(err, client.ErrFull) {
		t.Errorf("publishing to a full stream: %v", err)
	}
	for range 600 { // more than a consumer's waiting pulls
		if err := i.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.TASTER_VERDICTS_acme.gateway", i.NewInbox(), []byte(`{"batch":100,"expires":60000000000}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.FlushWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	durable := collect(ctx, t, globex, client.Filter{From: client.Durable("")})
	if err := globex.Publish(ctx, tool("next", "")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"same", "next"} {
		if v := receive(ctx, t, "durable verdict", durable); v.Subject.Object != want {
			t.Errorf("durable: %q, want %q", v.Subject.Object, want)
		}
	}
	if _, err := globex.Check(ctx, tool("check", "")); err != nil {
		t.Errorf("check: %v", err)
	}
}
