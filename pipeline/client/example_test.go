package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

// A gateway asks about a tool before it shows it to a model, and hears of every flagged object from then on.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, stop := demoEngine(ctx) // elsewhere: `taster serve`
	defer stop()

	c, err := client.Connect("", "acme", client.InProcess(server)) // elsewhere: a URL
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	alerts := make(chan models.Verdict)
	if _, err := c.Subscribe(ctx, client.Filter{Alerts: true}, func(_ context.Context, v models.Verdict) error {
		alerts <- v
		return nil
	}); err != nil {
		log.Fatal(err)
	}
	if err := c.Publish(ctx, models.Event{
		Server: "files", Kind: models.KindTool, Body: []byte(`{"name":"read","description":"Reads poison."}`),
	}); err != nil {
		log.Fatal(err)
	}
	alert := <-alerts
	fmt.Println("alert:", alert.Subject.Object, "flagged:", alert.Flagged())

	v, err := c.Check(ctx, models.Event{
		Server: "weather", Kind: models.KindTool, Body: []byte(`{"name":"forecast","description":"Tells the weather."}`),
	})
	switch {
	case errors.Is(err, client.ErrNotServed):
		fmt.Println("nobody looked: treat as not inspected")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("check:", v.Subject.Object, v.Action(), "clean:", v.Clean())
	}
	// Output:
	// alert: read flagged: true
	// check: forecast allow clean: true
}

// demoEngine is a bus and an engine with one small detector.
func demoEngine(ctx context.Context) (server *natsembed.Server, stop func()) {
	dir, err := os.MkdirTemp("", "taster-example")
	if err != nil {
		log.Fatal(err)
	}
	if server, err = natsembed.Start(natsembed.Settings{Dir: dir}); err != nil {
		log.Fatal(err)
	}
	nc, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	eng, err := newEngine(ctx, &keyword{word: "poison"}, []string{"acme"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	runner, err := stream.New(stream.Settings{Conn: nc, Engine: eng, Tenants: []stream.Tenant{{Name: "acme"}}})
	if err != nil {
		log.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- runner.Run(running) }()
	for {
		if _, err := nc.Request("$SRV.PING.taster-check", nil, time.Second); !errors.Is(err, nats.ErrNoResponders) {
			break
		}
	}
	return server, func() {
		cancel()
		if err := <-done; err != nil {
			log.Print(err)
		}
		nc.Close()
		server.Shutdown()
		if err := os.RemoveAll(dir); err != nil {
			log.Print(err)
		}
	}
}
