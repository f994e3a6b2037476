package streambench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

// tenant and server of all events.
const (
	tenant = "bench"
	server = "bench"
)

// Settings say what to measure.
type Settings struct {
	Events  int // per variant and round
	Bytes   int // of each event's body, about
	Rounds  int
	Workers int
	// InProcess and Plugins open engines with the shipped detectors in the two placements. The function they return
	// closes what was opened.
	InProcess, Plugins func(context.Context) (*engine.Engine, func() error, error)
	Logger             *slog.Logger
	// Progress hears of each variant before it runs. Optional.
	Progress func(round int, variant string)
}

// Variant is one way of working on the events.
type Variant struct {
	Name string `json:"name"`
	// Rates are events per second, one for each round; Ratios the same divided by the round's ceiling.
	Rates  []float64 `json:"events_per_second"`
	Ratios []float64 `json:"ratio_to_ceiling"`
}

// The variants.
const (
	Ceiling       = "ceiling"
	CachedCeiling = "ceiling, repeated events"
	InProcess     = "in-process"
	Plugins       = "plugins"
	Cached        = "cached"
)

// Throughput measures all variants, round by round.
func Throughput(ctx context.Context, s Settings) ([]Variant, error) {
	unique := tools(s.Events, s.Events, s.Bytes)
	repeated := tools(s.Events, max(s.Events/4, 1), s.Bytes)
	results := []Variant{{Name: Ceiling}, {Name: InProcess}, {Name: Plugins}, {Name: CachedCeiling}, {Name: Cached}}
	for round := range s.Rounds {
		var ceiling float64
		for i := range results {
			if s.Progress != nil {
				s.Progress(round+1, results[i].Name)
			}
			rate, err := s.measure(ctx, results[i].Name, unique, repeated)
			if err != nil {
				return nil, fmt.Errorf("measuring %s: %w", results[i].Name, err)
			}
			if results[i].Name == Ceiling || results[i].Name == CachedCeiling {
				ceiling = rate
			}
			results[i].Rates = append(results[i].Rates, rate)
			results[i].Ratios = append(results[i].Ratios, rate/ceiling)
		}
	}
	return results, nil
}

// measure returns the rate of one variant in events per second.
func (s *Settings) measure(ctx context.Context, variant string, unique, repeated []models.Event) (float64, error) {
	b, err := openBus(ctx, s.Logger)
	if err != nil {
		return 0, err
	}
	defer b.close()
	open := s.InProcess
	if variant == Plugins {
		open = s.Plugins
	}
	eng, closeEngine, err := open(ctx)
	if err != nil {
		return 0, err
	}
	defer closeEngine()
	events, warm := unique, []models.Event(nil)
	if variant == Cached || variant == CachedCeiling {
		events, warm = repeated, repeated[:max(len(repeated)/4, 1)]
	}
	work := s.run(b, eng)
	if variant == Ceiling || variant == CachedCeiling {
		work = s.relay(b, sampleAnswer(ctx, eng, events[0]), len(warm)+len(events))
	}
	return b.drain(ctx, work, warm, events)
}

// run is the real runner.
func (s *Settings) run(b *bus, eng *engine.Engine) func(context.Context) error {
	return func(ctx context.Context) error {
		r, err := stream.New(stream.Settings{
			Conn: b.conn, Engine: eng, Tenants: []stream.Tenant{{Name: tenant}}, Logger: s.Logger, Workers: s.Workers,
		})
		if err != nil {
			return err
		}
		return r.Run(ctx)
	}
}

// bus is a server of its own with a connection to work over and one to publish over.
type bus struct {
	dir       string
	server    *natsembed.Server
	conn, pub *nats.Conn
	js        jetstream.JetStream
}

func openBus(ctx context.Context, log *slog.Logger) (_ *bus, err error) {
	b := &bus{}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "taster-bench-"); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	if b.server, err = natsembed.Start(natsembed.Settings{Dir: b.dir, Listen: "127.0.0.1:0", Logger: log}); err != nil {
		return nil, fmt.Errorf("starting a server: %w", err)
	}
	for _, c := range []**nats.Conn{&b.conn, &b.pub} {
		if *c, err = nats.Connect(b.server.ClientURL()); err != nil {
			return nil, fmt.Errorf("connecting: %w", err)
		}
	}
	if b.js, err = jetstream.New(b.pub, jetstream.WithPublishAsyncMaxPending(1024)); err != nil {
		return nil, fmt.Errorf("opening JetStream: %w", err)
	}
	if err := stream.Provision(ctx, b.js, []stream.Tenant{{Name: tenant}}); err != nil {
		return nil, fmt.Errorf("making streams: %w", err)
	}
	return b, nil
}

func (b *bus) close() {
	for _, c := range []*nats.Conn{b.conn, b.pub} {
		if c != nil {
			c.Close()
		}
	}
	if b.server != nil {
		b.server.Shutdown()
	}
	os.RemoveAll(b.dir)
}

// drain publishes warm and waits until it is worked off, then publishes events and returns the rate at which they were
// worked off.
func (b *bus) drain(ctx context.Context, work func(context.Context) error, warm, events []models.Event) (float64, error) {
	working, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- work(working) }()
	defer func() { stop(); <-done }()
	if err := b.publish(warm, "warm"); err != nil {
		return 0, err
	}
	if err := b.empty(ctx, done, len(warm)); err != nil {
		return 0, err
	}
	started := time.Now()
	if err := b.publish(events, "run"); err != nil {
		return 0, err
	}
	if err := b.empty(ctx, done, len(warm)+len(events)); err != nil {
		return 0, err
	}
	return float64(len(events)) / time.Since(started).Seconds(), nil
}

// publish stores the events and returns when all are.
func (b *bus) publish(events []models.Event, run string) error {
	futures := make([]jetstream.PubAckFuture, 0, len(events))
	for i := range events {
		e := events[i]
		e.ID = run + "/" + strconv.Itoa(i)
		m, err := wire.EncodeEvent(&e)
		if err != nil {
			return err
		}
		f, err := b.js.PublishMsgAsync(&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}, jetstream.WithStallWait(time.Minute))
		if err != nil {
			return fmt.Errorf("publishing: %w", err)
		}
		futures = append(futures, f)
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return fmt.Errorf("publishing: %w", err)
		}
	}
	return nil
}

// empty waits until every event is acknowledged, and checks that there are as many verdicts.
func (b *bus) empty(ctx context.Context, done chan error, verdicts int) error {
	in, err := b.js.Stream(ctx, wire.EventStream(tenant).Name)
	if err != nil {
		return err
	}
	for {
		info, err := in.Info(ctx)
		if err != nil {
			return err
		}
		if info.State.Msgs == 0 {
			break
		}
		select {
		case err := <-done:
			done <- err
			return errors.Join(errors.New("the work ended early"), err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	out, err := b.js.Stream(ctx, wire.VerdictStream(tenant).Name)
	if err != nil {
		return err
	}
	info, err := out.Info(ctx)
	if err != nil {
		return err
	}
	if info.State.Msgs != uint64(verdicts) {
		return fmt.Errorf("%d verdicts are stored, %d are due", info.State.Msgs, verdicts)
	}
	return nil
}

// tools returns n harmless tool definitions of about size bytes, of which distinct differ.
func tools(n, distinct, size int) []models.Event {
	events := make([]models.Event, n)
	for i := range events {
		name := fmt.Sprintf("list_records_%d", i%distinct)
		description := fmt.Sprintf("Lists the records of table %d, newest first. ", i%distinct) +
			strings.Repeat("Results come in pages; ask for the next one with the cursor of the last. ", size/74+1)
		body, err := json.Marshal(map[string]any{
			"name": name, "description": description[:max(size-250, 60)],
			"inputSchema": map[string]any{"type": "object", "properties": map[string]any{
				"cursor": map[string]any{"type": "string", "description": "Where to go on; empty for the first page."},
				"limit":  map[string]any{"type": "integer", "minimum": 1, "maximum": 100},
			}},
		})
		if err != nil {
			panic(err) // maps of strings and numbers
		}
		events[i] = models.Event{Tenant: tenant, Server: server, Kind: models.KindTool, Object: name, Body: body}
	}
	return events
}
