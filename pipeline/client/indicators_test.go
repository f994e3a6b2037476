package client_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
)

func (w *world) signed(t *testing.T, c models.IndicatorChange) wire.SignedChange {
	t.Helper()
	c.Owner, c.Reason = "ann", "seen"
	s, err := wire.SignChange(c, w.signer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChangeIndicator(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	gull := models.Indicator{Label: models.Malicious, Class: "A1", Text: "The gull takes the keys.", Source: "test", FirstSeen: time.Now()}.Identify()
	now := time.Now()
	for n, step := range []struct {
		change models.IndicatorChange
		want   error
		known  bool
	}{
		{models.IndicatorChange{Add: &gull, Time: now}, nil, true},
		{models.IndicatorChange{Remove: gull.ID, Time: now}, client.ErrOutdated, true},
		{models.IndicatorChange{Remove: gull.ID, Time: now.Add(time.Second)}, nil, false},
		{models.IndicatorChange{Add: &gull, Time: now}, client.ErrOutdated, false},
		{models.IndicatorChange{Add: &gull, Time: now.Add(2 * time.Second)}, nil, true},
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if err := c.ChangeIndicator(ctx, w.signed(t, step.change)); !errors.Is(err, step.want) || step.want == nil && err != nil {
				t.Fatalf("got %v, want %v", err, step.want)
			}
			for w.known.has(gull.ID) != step.known {
				if time.Sleep(10 * time.Millisecond); ctx.Err() != nil {
					t.Fatalf("never known = %v", step.known)
				}
			}
		})
	}
	var invalid *wire.Error
	if err := c.ChangeIndicator(ctx, wire.SignedChange{}); !errors.As(err, &invalid) {
		t.Errorf("no change: %v", err)
	}
}

// TestWorthlessChangesAreReplaced: what no engine believes keeps nobody from saying the right thing.
func TestWorthlessChangesAreReplaced(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	js, err := jetstream.New(w.engine)
	if err != nil {
		t.Fatal(err)
	}
	future := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for n, worthless := range []func(x *models.Indicator) wire.SignedChange{
		func(x *models.Indicator) wire.SignedChange {
			return w.signed(t, models.IndicatorChange{Add: x, Time: future})
		},
		func(x *models.Indicator) wire.SignedChange {
			s := w.signed(t, models.IndicatorChange{Add: x, Time: time.Now().Add(wire.MaxClockSkew / 2)})
			s.Signature[0] ^= 1
			return s
		},
		func(x *models.Indicator) wire.SignedChange {
			s := w.signed(t, models.IndicatorChange{Add: x, Time: time.Now().Add(wire.MaxClockSkew / 2)})
			s.Signature = nil
			return s
		},
	} {
		x := models.Indicator{Label: models.Malicious, Class: "A1", Text: fmt.Sprintf("Gull number %d takes the keys.", n), Source: "test", FirstSeen: time.Now()}.Identify()
		s := worthless(&x)
		m, err := wire.EncodeSignedChange(&s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(ctx, m.Subject, m.Data); err != nil {
			t.Fatal(err)
		}
		if err := c.ChangeIndicator(ctx, w.signed(t, models.IndicatorChange{Add: &x, Time: time.Now()})); err != nil {
			t.Errorf("over worthless change %d: %v", n, err)
			continue
		}
		for !w.known.has(x.ID) {
			if time.Sleep(10 * time.Millisecond); ctx.Err() != nil {
				t.Fatalf("indicator %d is never known", n)
			}
		}
	}
}

func TestTrusted(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	stranger, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	if do, doNot, err := c.Trusted(ctx, public(t, w.signer)); do != 1 || doNot != 0 || err != nil {
		t.Errorf("the trusted key: %d, %d, %v", do, doNot, err)
	}
	if do, doNot, err := c.Trusted(ctx, public(t, stranger)); do != 0 || doNot != 1 || err != nil {
		t.Errorf("another key: %d, %d, %v", do, doNot, err)
	}
	w.stop()
	for {
		_, _, err := c.Trusted(ctx, public(t, stranger))
		if errors.Is(err, client.ErrNotServed) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("without an engine: %v", err)
		}
	}
}

func TestVerdictAndDefinition(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, natsembed.Settings{}, []string{"acme"})
	c := w.client(t, "acme")
	if _, err := c.Verdict(ctx, "none"); !errors.Is(err, client.ErrNoVerdict) {
		t.Errorf("without any verdicts: %v", err)
	}
	event := tool("add", "poison")
	first, err := c.Check(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Verdict(ctx, first.ID)
	if err != nil || got.Key() != first.Key() {
		t.Errorf("verdict %q, %v, want %q", got.Key(), err, first.Key())
	}
	e, err := c.Definition(ctx, &first)
	if err != nil || string(e.Body) != string(event.Body) {
		t.Errorf("definition %s, %v", e.Body, err)
	}

	// Another definition of the same object: the verdict on the first one is in the stream only, its bytes are gone.
	if _, err := c.Check(ctx, tool("add", "harmless")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Verdict(ctx, first.ID); err != nil || got.Key() != first.Key() {
		t.Errorf("the older verdict: %q, %v", got.Key(), err)
	}
	if _, err := c.Definition(ctx, &first); !errors.Is(err, client.ErrGone) {
		t.Errorf("the older definition: %v", err)
	}
	if _, err := c.Verdict(ctx, "none"); !errors.Is(err, client.ErrNoVerdict) {
		t.Errorf("an unknown verdict: %v", err)
	}

	result, err := c.Check(ctx, models.Event{Server: "srv", Kind: models.KindToolResult, Object: "add", Body: []byte(`{"content":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Definition(ctx, &result); !errors.Is(err, client.ErrGone) {
		t.Errorf("what is not kept: %v", err)
	}
}

// TestTenantLearnsAndTeachesNothing uses a gateway's connection as if it were an operator's.
func TestTenantLearnsAndTeachesNothing(t *testing.T) {
	ctx, w := tenants(t)
	c := w.gateway(t, "acme")
	if _, _, err := c.Trusted(ctx, public(t, w.signer)); !errors.Is(err, client.ErrNotPermitted) {
		t.Errorf("whom the engine trusts: %v", err)
	}
	if _, err := c.Verdict(ctx, "v"); !errors.Is(err, client.ErrNotPermitted) {
		t.Errorf("a verdict by its id: %v", err)
	}
}
