package client_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/client"
)

func TestRescore(t *testing.T) {
	ctx, w := tenants(t)
	if _, err := w.gateway(t, "acme").Check(ctx, tool("t", "")); err != nil {
		t.Fatal(err)
	}
	operator := w.client(t, "acme", client.NATS(nats.UserInfo("engine", "secret_of_ENGINE")))
	if got, err := operator.Rescore(ctx); err != nil || got != (models.Rescored{Current: 1}) {
		t.Errorf("operator: %+v, %v", got, err)
	}
	if _, err := w.gateway(t, "acme").Rescore(ctx); !errors.Is(err, client.ErrNotPermitted) {
		t.Errorf("a tenant: %v, want %v", err, client.ErrNotPermitted)
	}
	unknown := w.client(t, "nobody", client.NATS(nats.UserInfo("engine", "secret_of_ENGINE")))
	if _, err := unknown.Rescore(ctx); !errors.Is(err, client.ErrNotServed) {
		t.Errorf("a tenant that is not configured: %v, want %v", err, client.ErrNotServed)
	}
	w.stop()
	if _, err := operator.Rescore(ctx); !errors.Is(err, client.ErrNotServed) {
		t.Errorf("without an engine: %v, want %v", err, client.ErrNotServed)
	}
}
