package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

// plan says what a station runs. It crosses to a station's process as JSON.
type plan struct {
	URL    string
	Herd   string     // the directory of [herd]
	Groups [][]string // the detectors of each plugin process
	// Configs has the configuration of a detector, by its name.
	Configs map[string]json.RawMessage
	Tenant  stream.Tenant
	Batch   int // events in a micro-batch; 0: the default
}

// newPlan is a station with the heuristic detector in one process and others in a second one. What a dead engine had in
// hand comes again after a second instead of thirty.
func newPlan(url string, h *herd, others ...string) plan {
	p := plan{URL: url, Herd: h.dir, Groups: [][]string{{heuristicName}}}
	if len(others) > 0 {
		p.Groups = append(p.Groups, others)
	}
	p.Tenant = stream.Tenant{Name: models.DefaultTenant, Delivery: stream.Delivery{AckWait: time.Second}}
	return p
}

// station is what `taster serve` runs: plugin processes, the engine and its runner, on a connection of its own.
type station struct {
	runner    *stream.Runner
	conn      *nats.Conn
	processes []*host.Process
}

func openStation(ctx context.Context, p plan, log *slog.Logger) (_ *station, err error) {
	s := &station{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	var groups [][]host.Loaded
	for _, names := range p.Groups {
		source, err := host.SelfSource(append([]string{playDetectors, p.Herd}, names...)...)
		if err != nil {
			return nil, err
		}
		source.Configs = map[string]detectors.Config{}
		for _, name := range names {
			source.Configs[name] = detectors.Config(p.Configs[name])
		}
		process, err := host.Launch(ctx, source, host.Options{Logger: log})
		if err != nil {
			return nil, err
		}
		s.processes = append(s.processes, process)
		groups = append(groups, process.Detectors())
	}
	loaded, err := host.Join(groups...)
	if err != nil {
		return nil, err
	}
	var slots []engine.Slot
	for _, l := range loaded {
		slots = append(slots, engine.Slot{Spec: l.Spec, Detector: l.Detector, Digest: l.Digest, Group: l.Process})
	}
	if s.conn, err = connect(p.URL); err != nil {
		return nil, err
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, err
	}
	catalogues := stream.NewCatalogues(js)
	var runner atomic.Pointer[stream.Runner]
	e, err := engine.New(ctx, engine.Settings{
		Slots: slots, Catalogues: catalogues.Get, Logger: log,
		OnEpoch: func(n models.EpochNotice) {
			if r := runner.Load(); r != nil {
				r.EpochChanged(n.Tenant)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	s.runner, err = stream.New(stream.Settings{
		Conn: s.conn, Engine: e, Tenants: []stream.Tenant{p.Tenant}, Catalogues: catalogues, Logger: log, BatchEvents: p.Batch,
	})
	runner.Store(s.runner)
	return s, err
}

func (s *station) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	for _, p := range s.processes {
		_ = p.Close() // always nil
	}
}

// startStation runs a station inside the test until stop is called, at the latest at the end.
func startStation(ctx context.Context, t *testing.T, p plan) (stop func()) {
	t.Helper()
	s, err := openStation(ctx, p, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.runner.Run(running) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.close()
	})
	t.Cleanup(stop)
	return stop
}

// spawnStation runs a station in a process of its own.
func spawnStation(t *testing.T, p plan) *child {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return spawn(t, playStation, string(data))
}

func serveStation(data string) error {
	var p plan
	if err := json.Unmarshal([]byte(data), &p); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := openStation(ctx, p, slog.New(slog.DiscardHandler))
	if err != nil {
		cancel()
		return err
	}
	fmt.Println("serving")
	go func() {
		untilParentEnds()
		cancel()
	}()
	err = s.runner.Run(ctx)
	s.close()
	return err
}

// connect connects as often as it takes, as every part does that shall outlive the server.
func connect(url string) (*nats.Conn, error) {
	return nats.Connect(url, reconnecting()...)
}

func reconnecting() []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // outages are the point
	}
}

// bus is a NATS server: in the test, or in a process of its own that can be killed and started again.
type bus struct {
	t     testing.TB
	url   string
	dir   string
	child *child // nil: in the test
}

func embedBus(t testing.TB) *bus {
	t.Helper()
	s, err := natsembed.Start(natsembed.Settings{Dir: t.TempDir(), Listen: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return &bus{t: t, url: s.ClientURL()}
}

func spawnBus(t *testing.T) *bus {
	t.Helper()
	b := &bus{t: t, dir: t.TempDir(), url: "nats://127.0.0.1:0"}
	b.start()
	return b
}

// start starts the server, on the port that it had if it ran before.
func (b *bus) start() {
	b.t.Helper()
	b.child = spawn(b.t, playServer, b.dir, strings.TrimPrefix(b.url, "nats://"))
	b.url = b.child.said
}

func serveBus(dir, listen string) error {
	s, err := natsembed.Start(natsembed.Settings{Dir: dir, Listen: listen})
	if err != nil {
		return err
	}
	fmt.Println(s.ClientURL())
	untilParentEnds()
	s.Shutdown()
	return nil
}

// jetStream opens a view of the bus that has nothing to do with the parts under test, provisioned for the plan.
func (b *bus) jetStream(ctx context.Context, p plan) jetstream.JetStream {
	b.t.Helper()
	nc, err := connect(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err == nil {
		err = stream.Provision(ctx, js, []stream.Tenant{p.Tenant})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// read returns everything that a stream holds.
func (b *bus) read(ctx context.Context, js jetstream.JetStream, name string) []*jetstream.RawStreamMsg {
	b.t.Helper()
	s, err := js.Stream(ctx, name)
	if err != nil {
		b.t.Fatal(err)
	}
	var msgs []*jetstream.RawStreamMsg
	state := s.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			b.t.Fatal(err)
		}
		msgs = append(msgs, m)
	}
	return msgs
}

// drained waits until everything is acked and returns how many deliveries that took.
func drained(ctx context.Context, t *testing.T, js jetstream.JetStream, from wire.Stream, durable string) uint64 {
	t.Helper()
	cons, err := js.Consumer(ctx, from.Name, durable)
	if err != nil {
		t.Fatal(err)
	}
	var info *jetstream.ConsumerInfo
	eventually(ctx, t, "everything is acked", func() bool {
		info, err = cons.Info(ctx)
		return err == nil && info.NumPending == 0 && info.NumAckPending == 0
	})
	return info.Delivered.Consumer
}

// testLog shows what happens where somebody wants to see it.
func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() || os.Getenv("TASTER_DRILL_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
