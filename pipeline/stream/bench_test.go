package stream

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
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

// BenchmarkIndicators is a change from the bucket to what three engines are told to apply: what the bus costs, and how
// long each batch waits for more.
func BenchmarkIndicators(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	srv, err := natsembed.Start(natsembed.Settings{Dir: b.TempDir(), Listen: ":0"})
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Shutdown()
	s := newSigner(b)
	const engines = 3
	applied := make(chan struct{}, engines)
	var following sync.WaitGroup
	var js jetstream.JetStream
	for range engines {
		nc, err := nats.Connect(srv.ClientURL())
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		if js, err = jetstream.New(nc); err != nil {
			b.Fatal(err)
		}
		meters, err := newMetrics(nil)
		if err != nil {
			b.Fatal(err)
		}
		l := &learner{js: js, meters: meters, log: slog.New(slog.DiscardHandler), Indicators: Indicators{
			TrustedKeys: []string{s.public}, Ledger: filepath.Join(b.TempDir(), "ledger"),
			Apply: func(context.Context, []models.Indicator, []string) error {
				applied <- struct{}{}
				return nil
			},
		}}
		if err := l.provision(ctx); err != nil {
			b.Fatal(err)
		}
		following.Go(func() { l.follow(ctx) })
	}
	defer following.Wait()
	defer cancel()
	for n := range b.N {
		change := s.add(fmt.Sprintf("Gull number %d takes the harbour keys.", n))
		m, err := wire.EncodeSignedChange(&change)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := js.PublishMsg(ctx, toMsg(m)); err != nil {
			b.Fatal(err)
		}
		for range engines {
			<-applied
		}
	}
}

// BenchmarkLearn is a late joiner's work on each of many changes, apart from applying them.
func BenchmarkLearn(b *testing.B) {
	s := newSigner(b)
	meters, err := newMetrics(nil)
	if err != nil {
		b.Fatal(err)
	}
	l := &learner{meters: meters, log: slog.New(slog.DiscardHandler), Indicators: Indicators{
		TrustedKeys: []string{s.public}, MaxEntries: b.N,
		Apply: func(context.Context, []models.Indicator, []string) error { return nil },
	}}
	if l.ledger, err = openLedger(""); err != nil {
		b.Fatal(err)
	}
	batch := make([]stored, b.N)
	for n := range batch {
		change := s.add(fmt.Sprintf("Gull number %d takes the harbour keys.", n))
		batch[n].at = time.Now()
		if batch[n].Message, err = wire.EncodeSignedChange(&change); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	if err := l.learn(context.Background(), batch); err != nil {
		b.Fatal(err)
	}
	if len(l.ledger.entries) != b.N {
		b.Fatalf("%d of %d learnt", len(l.ledger.entries), b.N)
	}
}
