package stream

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
)

// BenchmarkStream is events of about 1 KiB from the full event stream to stored verdicts, with an engine that does
// nothing: what the bus costs. Definitions are all different; results are all of one tool, as traffic mostly is.
func BenchmarkStream(b *testing.B) {
	for _, kind := range []models.Kind{models.KindTool, models.KindToolResult} {
		b.Run(string(kind), func(b *testing.B) { benchmarkStream(b, kind) })
	}
}

func benchmarkStream(b *testing.B, kind models.Kind) {
	ctx := context.Background()
	srv, err := natsembed.Start(natsembed.Settings{Dir: b.TempDir(), Listen: ":0"})
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Shutdown()
	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	defer js.CleanupPublisher()
	tenant := Tenant{Name: "acme"}
	if err := Provision(ctx, js, []Tenant{tenant}); err != nil {
		b.Fatal(err)
	}
	for n := range b.N {
		e := tool("", fmt.Sprint("t", n), fmt.Sprintf("%1000d", n))
		if e.Kind = kind; kind == models.KindToolResult {
			e.Object = "t"
		}
		m, err := wire.EncodeEvent(e)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := js.PublishMsgAsync(toMsg(m)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	r, err := New(Settings{Conn: nc, Engine: newFakeEngine(), Tenants: []Tenant{tenant}})
	if err != nil {
		b.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	b.ResetTimer()
	go func() { done <- r.Run(running) }()
	s, err := js.Stream(ctx, wire.EventStream("acme").Name)
	if err != nil {
		b.Fatal(err)
	}
	for {
		info, err := s.Info(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if info.State.Msgs == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
