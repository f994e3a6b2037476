package drill

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// garbage is a way of publishing what can't be read.
type garbage struct {
	name    string
	subject string
	header  nats.Header
	data    string // with the number of the message, so that no two are equal
	reason  string
}

func allGarbage() []garbage {
	event := wire.EventSubject(models.DefaultTenant, server, models.KindTool)
	frame := wire.FrameSubject(models.DefaultTenant, server)
	below := strings.TrimSuffix(event, ".tool")
	return []garbage{
		{name: "not JSON", subject: event, data: `{"name": %d`, reason: models.RejectMalformed},
		{name: "not UTF-8 and not JSON", subject: event, data: "\xff\xfe%d", reason: models.RejectMalformed},
		{name: "white space", subject: event, data: "%*d", reason: models.RejectMalformed},
		{name: "no such kind", subject: below + ".nonsense", data: `{"n":%d}`, reason: models.RejectMalformed},
		{name: "no kind", subject: below, data: `{"n":%d}`, reason: models.RejectMalformed},
		{name: "broken escape", subject: below + "=ZZ.tool", data: `{"n":%d}`, reason: models.RejectMalformed},
		{name: "another's server", subject: event, header: nats.Header{"ce-server": {"airport"}}, data: `{"n":%d}`, reason: models.RejectServerMismatch},
		{name: "a verdict", subject: event, header: nats.Header{"ce-type": {wire.TypeVerdict}}, data: `{"n":%d}`, reason: models.RejectMalformed},
		{name: "two times of day", subject: event, header: nats.Header{"ce-time": {"noon"}}, data: `{"n":%d}`, reason: models.RejectMalformed},
		{name: "from the future", subject: event, header: nats.Header{"ce-schemaversion": {"2.0.0"}}, data: `{"n":%d}`, reason: models.RejectMalformed},
		{name: "oversize without a digest", subject: event, header: nats.Header{"ce-type": {wire.TypeOversize}}, data: `{"bytes":%d}`, reason: models.RejectMalformed},
		{name: "a frame that is no JSON", subject: frame, data: `%d}`, reason: models.RejectMalformed},
		{name: "a response to nothing known", subject: frame, data: `{"jsonrpc":"2.0","id":%d,"result":{"tools":[]}}`, reason: models.RejectMethodUnknown},
	}
}

// TestUnreadableAmongGood sends every kind of garbage among good events, and events that are too large.
func TestUnreadableAmongGood(t *testing.T) {
	ctx := testContext(t)
	b, h := embedBus(t), newHerd(t)
	p := newPlan(b.url, h)
	js := b.jetStream(ctx, p)
	l := openLedger(ctx, t, b)
	startStation(ctx, t, p)

	n := scaled(3_000)
	all := samples(n)
	var large []sample
	for i := range 4 {
		s := &all[i*n/4+1]
		s.event.Body = slices.Concat([]byte(`{"text":"`), bytes.Repeat([]byte{'a' + byte(i)}, models.MaxEventBytes), []byte(`"}`))
		large = append(large, *s)
	}
	published := l.publishing(ctx, all)
	want := map[string]string{} // reason by digest of the data
	publish := func(m *nats.Msg, reason string) {
		if _, err := js.PublishMsg(ctx, m); err != nil {
			t.Fatal(err)
		}
		want[models.Digest(m.Data)] = reason
	}
	kinds := allGarbage()
	each := n / 150
	for i := range each * len(kinds) {
		g := kinds[i%len(kinds)]
		data := strings.ReplaceAll(g.data, "%d", fmt.Sprint(i))
		if g.name == "white space" {
			data = strings.Repeat(" ", i+1)
		}
		publish(&nats.Msg{Subject: g.subject, Header: g.header, Data: []byte(data)}, g.reason)
	}
	subject := wire.EventSubject(models.DefaultTenant, server, models.KindTool)
	publish(nats.NewMsg(subject), models.RejectMalformed)
	publish(&nats.Msg{Subject: subject, Data: bytes.Repeat([]byte{' '}, models.MaxEventBytes+1)}, models.RejectTooLarge)
	<-published
	l.all(ctx)
	drained(ctx, t, js, events, wire.EngineDurable)

	got := map[string]string{}
	rejected := b.read(ctx, js, wire.RejectedStream(models.DefaultTenant).Name)
	for _, m := range rejected {
		r, err := wire.DecodeRejection(wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
		if err != nil {
			t.Fatal(err)
		}
		got[r.RawDigest] = r.Reason
	}
	t.Logf("%d rejected", len(rejected))
	if diff := cmp.Diff(want, got); diff != "" || len(rejected) != len(want) {
		t.Errorf("%d rejections of %d unreadable inputs; by digest: -want +got\n%s", len(rejected), len(want), diff)
	}
	sum := l.audit()
	if diff := cmp.Diff(tally{n - len(large), map[models.Reason]int{models.ReasonOversize: len(large)}}, sum); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, s := range large {
		if v := l.final(s); v.Subject.Bytes != int64(len(s.event.Body)) || v.Subject.RawDigest != models.Digest(s.event.Body) {
			t.Errorf("oversize event of %d bytes: verdict on %d bytes, %s", len(s.event.Body), v.Subject.Bytes, v.Subject.RawDigest)
		}
	}
}
