package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aad6b6dc/taster/detectors"
)

// Options are the host's side of running a plugin. The zero value is usable.
type Options struct {
	// Logger gets what the host does and what plugins print. Nil discards it.
	Logger *slog.Logger
	// SocketDir is where directories for sockets are made. "" means the system's temporary directory. Keep it short: the
	// path of a Unix socket has at most 107 bytes.
	SocketDir string
	// LaunchTimeout limits each launch, probe included. 0 means 10 seconds.
	LaunchTimeout time.Duration
	// Backoff is the delay after a first failure, doubled with each further one up to MaxBackoff, give or take a fifth.
	// 0 means 100 milliseconds and 30 seconds.
	Backoff, MaxBackoff time.Duration
	// MaxFailures launches or probes in a row open the circuit. 0 means 5.
	MaxFailures int
	// MaxOverruns calls past their deadline without an answer make a process stuck. 0 means 3.
	MaxOverruns int
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.LaunchTimeout = orDefault(o.LaunchTimeout, 10*time.Second)
	o.Backoff = orDefault(o.Backoff, 100*time.Millisecond)
	o.MaxBackoff = orDefault(o.MaxBackoff, 30*time.Second)
	o.MaxFailures = orDefault(o.MaxFailures, 5)
	o.MaxOverruns = orDefault(o.MaxOverruns, 3)
	return o
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Process is a supervised plugin. It is safe for concurrent use.
type Process struct {
	source  Source
	opts    Options
	specs   []detectors.Spec
	group   string // unique in this host
	sockets string
	release func()

	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	current  *instance     // nil: none is running
	changed  chan struct{} // closed and replaced when current changes
	failures int           // launches, probes and lives without service that failed in a row
	next     time.Time     // of the next attempt, while none is running
	closed   bool
}

// launched counts processes, so that two of one source have different names.
var launched atomic.Uint64

// Launch starts a plugin, checks, configures and probes its detectors, and supervises the process from then on. ctx
// limits the start only. The caller closes the Process. An error that is about the process and not the source has
// [*detectors.Error] in its chain.
func Launch(ctx context.Context, source Source, opts Options) (*Process, error) {
	if err := source.Validate(); err != nil {
		return nil, fmt.Errorf("checking plugin %q: %w", source.Name, err)
	}
	p := &Process{source: source, opts: opts.withDefaults(), done: make(chan struct{}), changed: make(chan struct{})}
	p.opts.Logger = p.opts.Logger.With("plugin", source.Name)
	p.group = fmt.Sprintf("%s/%d", source.Name, launched.Add(1))
	var err error
	if p.sockets, p.release, err = newSocketDir(p.opts.SocketDir, source.User); err != nil {
		return nil, fmt.Errorf("launching plugin %q: %w", source.Name, err)
	}
	inst, specs, err := p.launch(ctx)
	if err != nil {
		p.release()
		var typed *detectors.Error
		if !errors.As(err, &typed) {
			err = fmt.Errorf("%w: %w", err, &detectors.Error{Code: detectors.CodeUnavailable, Message: "not started"})
		}
		return nil, fmt.Errorf("launching plugin %q: %w", source.Name, err)
	}
	p.specs = specs
	p.set(inst)
	run, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go p.supervise(run, inst)
	return p, nil
}

// Detectors returns the plugin's detectors, in its order. They stay valid across restarts and until Close.
func (p *Process) Detectors() []Loaded {
	loaded := make([]Loaded, len(p.specs))
	code := p.source.codeDigest()
	for i, spec := range p.specs {
		loaded[i] = Loaded{
			Spec: spec, Detector: guard{&remote{p, spec}}, Process: p.group,
			Digest: detectorDigest(code, &spec, p.source.Configs[spec.Name]),
		}
	}
	return loaded
}

// Close stops the process, waits until it is gone and removes its sockets. Calls under way end with
// [detectors.CodeUnavailable].
func (p *Process) Close() error {
	p.cancel()
	<-p.done
	return nil
}

// Join puts the detectors of several processes together. Two with one name are an error.
func Join(groups ...[]Loaded) ([]Loaded, error) {
	var all []Loaded
	owner := map[string]string{}
	for _, group := range groups {
		for _, l := range group {
			if other, twice := owner[l.Spec.Name]; twice {
				return nil, fmt.Errorf("joining detectors: %q is in %q and in %q", l.Spec.Name, other, l.Process)
			}
			owner[l.Spec.Name] = l.Process
			all = append(all, l)
		}
	}
	return all, nil
}

// remote is one detector of a process.
type remote struct {
	process *Process
	spec    detectors.Spec
}

func (r *remote) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.spec.Deadline+r.process.opts.LaunchTimeout)
		defer cancel()
	}
	for {
		inst, err := r.process.acquire(ctx)
		if err != nil {
			return detectors.Answer{}, err
		}
		answer, err := inst.detect(ctx, &r.spec, batch, r.process.opts.MaxOverruns)
		if errors.Is(err, errAlreadyDead) {
			continue // with the next process: this batch is not to blame
		}
		return answer, err
	}
}

// acquire returns the running instance, waiting for one while the circuit is closed.
func (p *Process) acquire(ctx context.Context) (*instance, error) {
	for {
		p.mu.Lock()
		inst, changed, err := p.current, p.changed, p.refusal()
		p.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if inst != nil {
			select {
			case <-inst.condemned: // its replacement is on the way
			case <-inst.child.exited:
			default:
				return inst, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, p.unavailable(detectors.CodeUnavailable, "waiting for the process to start: "+ctx.Err().Error())
		}
	}
}

// refusal says why no call can be served now, if so. The caller holds mu.
func (p *Process) refusal() error {
	switch {
	case p.closed:
		return p.unavailable(detectors.CodeUnavailable, "the host has closed the plugin")
	case p.current == nil && p.failures >= p.opts.MaxFailures:
		e := p.unavailable(detectors.CodeCircuitOpen, fmt.Sprintf("the process failed %d times in a row", p.failures))
		e.RetryAfter = max(time.Until(p.next), p.opts.Backoff)
		return e
	}
	return nil
}

func (p *Process) unavailable(code detectors.Code, why string) *detectors.Error {
	return &detectors.Error{Code: code, Message: fmt.Sprintf("plugin %q: %s", p.source.Name, why), RetryAfter: p.opts.Backoff}
}

func (p *Process) set(inst *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = inst
	p.wake()
}

// wake tells those who wait that something changed. The caller holds mu.
func (p *Process) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// supervise replaces the process whenever it dies, until ctx ends.
func (p *Process) supervise(ctx context.Context, inst *instance) {
	defer close(p.done)
	defer p.release()
	for inst != nil {
		select {
		case <-ctx.Done():
			p.close()
			inst.stop()
			return
		case <-inst.child.exited:
		case <-inst.condemned:
		}
		p.bury(inst)
		inst = p.replace(ctx)
	}
	p.close()
}

func (p *Process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.current = true, nil
	p.wake()
}

// bury takes a dead or condemned instance out of service. Only a process that died for nothing, without ever having
// served, counts as a failure: events that crash a detector must not switch it off for others.
func (p *Process) bury(inst *instance) {
	over := inst.diedOverCall()
	inst.condemn("the process ended") // unless a call was faster; from here on why does not change
	inst.kill()
	p.mu.Lock()
	p.current = nil
	if over || inst.served.Load() {
		p.failures = 0
	} else {
		p.failures++
	}
	p.wake()
	p.mu.Unlock()
	p.opts.Logger.Warn("plugin process ended", "pid", inst.child.ID(), "during_call", over, "cause", inst.why, "exit", fmt.Sprint(inst.child.err))
}

// replace launches until it succeeds or ctx ends; then it returns nil.
func (p *Process) replace(ctx context.Context) *instance {
	for {
		if !p.pause(ctx) {
			return nil
		}
		inst, specs, err := p.launch(ctx)
		if err == nil && !sameSpecs(specs, p.specs) {
			inst.kill()
			err = errors.New("its detectors are no longer what they were")
		}
		if err == nil {
			p.set(inst)
			p.opts.Logger.Info("plugin process started", "pid", inst.child.ID())
			return inst
		}
		if ctx.Err() != nil {
			return nil
		}
		p.opts.Logger.Error("plugin process could not be started", "error", err)
		p.mu.Lock()
		p.failures++
		p.mu.Unlock()
	}
}

func (p *Process) launch(ctx context.Context) (*instance, []detectors.Spec, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opts.LaunchTimeout)
	defer cancel()
	return launch(ctx, &p.source, p.sockets, &p.opts)
}

// pause waits as long as the failures so far demand; false means that ctx ended.
func (p *Process) pause(ctx context.Context) bool {
	p.mu.Lock()
	delay := p.delay()
	p.next = time.Now().Add(delay)
	p.wake() // the circuit may have opened
	p.mu.Unlock()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// delay doubles with each failure and has a fifth of jitter. The caller holds mu.
func (p *Process) delay() time.Duration {
	if p.failures == 0 {
		return 0
	}
	d := p.opts.MaxBackoff
	if shift := p.failures - 1; shift < 16 {
		d = min(d, p.opts.Backoff<<shift)
	}
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}
