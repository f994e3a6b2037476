package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/models/wire"
)

// Settings wire a runner. Conn, Engine and Tenants are required; a zero field otherwise means the default.
type Settings struct {
	// Conn is the connection to the bus, with the rights of the engine's account. The caller closes it, after Run. Let
	// it reconnect for ever (nats.MaxReconnects(-1)): the runner goes on when the server is back.
	Conn   *nats.Conn
	Engine Engine
	// Tenants are provisioned when the runner starts.
	Tenants []Tenant
	// Indicators has the runner follow what is known. Optional: nil leaves that alone.
	Indicators *Indicators
	// Catalogues is the store that the engine reads from. Optional: nil opens one.
	Catalogues *Catalogues
	Logger     *slog.Logger
	// Registerer gets the runner's metrics. Optional.
	Registerer prometheus.Registerer
	// OnReady is called once, by Run, when the tenants are provisioned and checks are answered. Optional.
	OnReady func()
	// Workers is how many micro-batches of a tenant are under way at once. Default: one for each CPU, at least 2.
	Workers int
	// BatchEvents is the most messages in a micro-batch. A batch takes what is there and waits for nothing. Default 256.
	BatchEvents int
	// DeepWorkers is how many deep jobs of a tenant are under way at once. Default 4.
	DeepWorkers int
	// Checks is how many inline checks of a tenant may be under way at once. Default 256.
	Checks int
	// CheckDeadline is how long an inline check may take. Default 10 s.
	CheckDeadline time.Duration
	// DrainDeadline is how long Run finishes what is in hand after its context has ended. Default 30 s. Deep jobs may take
	// longer than that.
	DrainDeadline time.Duration
}

// Runner takes events to verdicts. Make it with [New].
type Runner struct {
	Settings
	log     *slog.Logger
	js      jetstream.JetStream
	path    *path
	workers map[string]*worker
	changed map[string]chan struct{} // by tenant: the epoch is another
	stale   map[string]*atomic.Bool  // by tenant: a live definition may have missed being judged again
	learner *learner                 // nil without indicators
}

// pollWait is how long a worker waits for a message before it asks the server again: the longest that it stays idle
// after a server lost its request.
const pollWait = 2 * time.Second

// New checks the settings and makes a runner. Nothing is sent yet.
func New(s Settings) (*Runner, error) {
	if s.Conn == nil || s.Engine == nil || len(s.Tenants) == 0 {
		return nil, errors.New("making a runner: connection, engine and tenants are required")
	}
	for i := range s.Tenants {
		if err := s.Tenants[i].Validate(); err != nil {
			return nil, fmt.Errorf("making a runner: %w", err)
		}
	}
	if s.Indicators != nil {
		if err := s.Indicators.Validate(); err != nil {
			return nil, fmt.Errorf("making a runner: indicators.%w", err)
		}
	}
	s.Workers = cmp.Or(s.Workers, max(runtime.NumCPU(), 2))
	s.BatchEvents = cmp.Or(s.BatchEvents, 256)
	s.DeepWorkers = cmp.Or(s.DeepWorkers, 4)
	s.Checks = cmp.Or(s.Checks, 256)
	s.CheckDeadline = cmp.Or(s.CheckDeadline, 10*time.Second)
	s.DrainDeadline = cmp.Or(s.DrainDeadline, 30*time.Second)
	r := &Runner{Settings: s, log: s.Logger, workers: map[string]*worker{}, changed: map[string]chan struct{}{}, stale: map[string]*atomic.Bool{}}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if err := r.wire(); err != nil {
		return nil, fmt.Errorf("making a runner: %w", err)
	}
	return r, nil
}

// wire makes the path and each tenant's worker.
func (r *Runner) wire() (err error) {
	r.js, err = jetstream.New(r.Conn, jetstream.WithPublishAsyncMaxPending(publishPending), jetstream.WithPublishAsyncTimeout(publishDeadline))
	if err != nil {
		return err
	}
	meters, err := newMetrics(r.Registerer)
	if err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	if r.Catalogues == nil {
		r.Catalogues = NewCatalogues(r.js)
	}
	r.path = &path{
		engine: r.Engine,
		out:    &outbox{js: r.js, log: r.log, retries: meters.retries},
		last:   newRegister(r.js, wire.LastBucket, readVerdict),
		live:   newRegister(r.js, wire.LiveBucket, readPlace),
		meters: meters,
		log:    r.log,
		outdated: func(tenant string) {
			if stale := r.stale[tenant]; stale != nil {
				stale.Store(true)
				r.EpochChanged(tenant)
			}
		},
	}
	if r.Indicators != nil {
		r.learner = &learner{Indicators: *r.Indicators, js: r.js, meters: meters, log: r.log}
	}
	for _, t := range r.Tenants {
		d := t.Delivery.withDefaults()
		r.workers[t.Name] = &worker{path: r.path, tenant: t, catalogues: r.Catalogues, maxDeliver: uint64(d.MaxDeliver), ackWait: d.AckWait}
		r.changed[t.Name] = make(chan struct{}, 1)
		r.stale[t.Name] = &atomic.Bool{}
	}
	return nil
}

// Run provisions the tenants and works until ctx ends. Then it fetches no more, finishes, stores and acks what it has
// in hand, and returns nil; or an error if that took longer than the drain deadline, in which case what is left comes
// again to the next runner. So do deep jobs that take longer, and that is no error: their first revision is stored. It
// survives restarts of the server and lost connections.
func (r *Runner) Run(ctx context.Context) error {
	if err := Provision(ctx, r.js, r.Tenants); err != nil {
		return err
	}
	if r.learner != nil {
		if err := r.learner.provision(ctx); err != nil {
			return err
		}
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx for the drain
	defer cancel()
	defer r.js.CleanupPublisher()

	check := &checker{workers: r.workers, atOnce: r.Checks, deadline: r.CheckDeadline}
	stopChecks, err := check.serve(work, r.Conn)
	if err != nil {
		return err
	}
	stopControl, err := r.serveControl(ctx)
	if err != nil {
		stopChecks()
		return err
	}
	var busy, deep sync.WaitGroup
	for _, t := range r.Tenants {
		r.start(ctx, work, r.workers[t.Name], &busy, &deep)
	}
	if r.learner != nil {
		busy.Go(func() { r.learner.follow(ctx) })
	}
	r.await(ctx)
	if r.OnReady != nil {
		r.OnReady()
	}
	<-ctx.Done()
	expire := time.AfterFunc(r.DrainDeadline, cancel)
	defer expire.Stop()
	stopControl()
	stopChecks()
	busy.Wait()
	late := work.Err() != nil
	deep.Wait()
	if late {
		return fmt.Errorf("draining: not done within %s: what is left will be delivered again", r.DrainDeadline)
	}
	return nil
}

// await returns when the bus knows what this runner answers to: until then others' requests find nobody.
func (r *Runner) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, registerDeadline)
	defer cancel()
	if err := r.Conn.FlushWithContext(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("registering for requests", "error", err) // the connection tells the bus anew when it is back
	}
}

// registerDeadline is how long the bus may take to know of a runner before it goes on without its word.
const registerDeadline = 10 * time.Second

// start starts the goroutines of a tenant: they fetch while ctx lives and finish what they have in work.
func (r *Runner) start(ctx, work context.Context, w *worker, busy, deepBusy *sync.WaitGroup) {
	tenant := w.tenant.Name
	deep := &deepWorker{path: r.path, tenant: w.tenant, maxDeliver: w.maxDeliver, ackWait: w.ackWait}
	run := func(group *sync.WaitGroup, n int, stream wire.Stream, durable string, batch int, handle func(context.Context, []jetstream.Msg)) {
		source := &source{runner: r, tenant: w.tenant, stream: stream.Name, durable: durable, batch: batch}
		for range n {
			group.Go(func() { source.consume(ctx, func(msgs []jetstream.Msg) { handle(work, msgs) }) })
		}
	}
	run(busy, r.Workers, wire.EventStream(tenant), wire.EngineDurable, r.BatchEvents, w.handle)
	run(deepBusy, r.DeepWorkers, wire.DeepStream(tenant), wire.DeepDurable, 1, deep.handle)
	run(busy, 1, advisories(tenant), wire.EngineDurable, 1, (&backstop{w, deep}).handle)
	run(busy, 1, wire.NoticeStream(tenant), wire.EngineDurable, 1, (&feedbackReader{w}).handle)
	busy.Go(func() { r.follow(ctx, w, r.changed[tenant]) })
}

// EpochChanged tells the runner that what decides for a tenant has changed: the new epoch is announced, and the live
// definitions are judged again. It returns at once.
func (r *Runner) EpochChanged(tenant string) {
	select {
	case r.changed[tenant] <- struct{}{}:
	default: // told before and not yet heard, or a tenant that is not configured
	}
}

// source is a durable consumer that goroutines and runners share.
type source struct {
	runner          *Runner
	tenant          Tenant
	stream, durable string
	batch           int
}

// consume hands what it fetches to handle until ctx ends. Whatever goes wrong in between is tried again.
func (s *source) consume(ctx context.Context, handle func([]jetstream.Msg)) {
	var cons jetstream.Consumer
	wait := backoffFirst
	for ctx.Err() == nil {
		var err error
		if cons == nil {
			cons, err = s.open(ctx)
		}
		var msgs []jetstream.Msg
		if err == nil {
			msgs, err = s.fetch(ctx, cons)
		}
		if len(msgs) > 0 {
			handle(msgs)
		}
		if err == nil {
			wait = backoffFirst
			continue
		}
		cons = nil
		if ctx.Err() == nil {
			s.runner.log.Warn("fetching", "stream", s.stream, "consumer", s.durable, "error", err)
			sleep(ctx, wait)
			wait = min(2*wait, backoffMost)
		}
	}
}

// open finds the consumer, and provisions anew when it is gone.
func (s *source) open(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, adminDeadline)
	defer cancel()
	cons, err := s.runner.js.Consumer(ctx, s.stream, s.durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := Provision(ctx, s.runner.js, []Tenant{s.tenant}); err != nil {
			return nil, err
		}
		cons, err = s.runner.js.Consumer(ctx, s.stream, s.durable)
	}
	return cons, err
}

// fetch waits for a message and takes what else is there. A message that came before is handed out alone: if it was
// what broke the engine then, it takes no other down with it.
func (s *source) fetch(ctx context.Context, cons jetstream.Consumer) ([]jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, pollWait)
	defer cancel()
	first, err := cons.Next(jetstream.FetchContext(ctx))
	switch {
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, nil
	case err != nil:
		return nil, err
	}
	msgs := []jetstream.Msg{first}
	if s.batch == 1 || deliveryOf(first).deliveries > 1 {
		return msgs, nil
	}
	more, err := cons.FetchNoWait(s.batch - 1)
	if err != nil {
		return msgs, err
	}
	for m := range more.Messages() {
		msgs = append(msgs, m)
	}
	return msgs, more.Error()
}
