package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// Slot is a detector as the engine runs it.
type Slot struct {
	Spec     detectors.Spec // New may be nil: the detector is there already
	Detector detectors.Detector
	// Digest identifies code and configuration. Required.
	Digest string
	// Group names the process that the detector shares with others: while one event is tried alone, the group's other
	// calls wait. Optional: empty means a group of its own.
	Group string
}

// Settings wires an engine.
type Settings struct {
	Slots []Slot
	// Policy is optional: the zero value means [DefaultPolicy].
	Policy Policy
	// Tenants are those whose change of epoch is announced. Optional: nil means [models.DefaultTenant]. Others are judged
	// all the same.
	Tenants []string
	// Fusion is optional: the zero value means [DefaultFusion].
	Fusion Fusion
	// Catalogues finds a tenant's catalogue by digest, for detectors that read siblings. It is called from several
	// goroutines, under a deadline of [CatalogueDeadline]. Optional: without it such detectors end not inspected on
	// events that name a catalogue.
	Catalogues func(ctx context.Context, tenant, digest string) (*models.Catalogue, error)
	// OnEpoch hears of every new epoch of Tenants, from the goroutine that caused it, under no lock. Optional.
	OnEpoch func(models.EpochNotice)
	// Logger is optional: nil discards.
	Logger *slog.Logger
	// Metrics is optional: nil counts for nobody.
	Metrics prometheus.Registerer
	// CacheEntries and CacheBytes bound the cache of outcomes. Optional: 0 means [DefaultCacheEntries] and
	// [DefaultCacheBytes].
	CacheEntries int
	CacheBytes   int64
	// Now is optional: nil means time.Now.
	Now func() time.Time
}

// Bounds of the engine's memory and time.
const (
	DefaultCacheEntries = 1 << 18
	DefaultCacheBytes   = 128 << 20
	// CatalogueDeadline is how long finding a catalogue may take.
	CatalogueDeadline = 2 * time.Second

	bodyEntries = 1 << 16
	bodyBytes   = 32 << 20
	heldEntries = 1 << 14
	heldBytes   = 8 << 20
	// heldFor is how long an event is held back from a detector that it brought down.
	heldFor = 10 * time.Minute
	// probeLimit is how long a detector may take to tell its revision at start.
	probeLimit = 5 * time.Second
)

// decisionVersion stands in the epoch for what the engine itself decides: views, evidence, policy. It changes when the
// same input, detectors and policy would get another verdict.
const decisionVersion = "1"

// Engine judges events. It is safe for concurrent use.
type Engine struct {
	tenants    []string
	fusion     Fusion
	catalogues func(ctx context.Context, tenant, digest string) (*models.Catalogue, error)
	onEpoch    func(models.EpochNotice)
	log        *slog.Logger
	now        func() time.Time

	outcomes *lru[outcomeKey, models.Outcome]
	bodies   *lru[bodyKey, bodyFacts]
	held     *lru[heldKey, heldBack]
	meters   *meters

	change sync.Mutex // held while a new state is made
	state  atomic.Pointer[state]
}

// heldKey names bytes that are held back from a detector.
type heldKey struct {
	detector unique.Handle[string] // name and digest of code and configuration
	raw      string
}

type heldBack struct {
	reason models.Reason
	until  time.Time
}

// New makes an engine and asks each detector, with an empty batch, for its revision. A detector that does not answer
// is no error: it will be asked with every batch, and the verdicts say how that ended.
func New(ctx context.Context, s Settings) (*Engine, error) {
	if err := validateSlots(s.Slots); err != nil {
		return nil, fmt.Errorf("checking detectors: %w", err)
	}
	if s.Policy.Rules == nil {
		s.Policy = DefaultPolicy()
	}
	if err := s.Policy.Validate(); err != nil {
		return nil, fmt.Errorf("checking policy: %w", err)
	}
	if s.Fusion.Fuse == nil {
		s.Fusion = DefaultFusion()
	}
	e := &Engine{
		tenants:    s.Tenants,
		fusion:     s.Fusion,
		catalogues: s.Catalogues,
		onEpoch:    s.OnEpoch,
		log:        cmp.Or(s.Logger, slog.New(slog.DiscardHandler)),
		now:        s.Now,
		outcomes:   newLRU[outcomeKey, models.Outcome](cmp.Or(s.CacheEntries, DefaultCacheEntries), cmp.Or(s.CacheBytes, DefaultCacheBytes)),
		bodies:     newLRU[bodyKey, bodyFacts](bodyEntries, bodyBytes),
		held:       newLRU[heldKey, heldBack](heldEntries, heldBytes),
	}
	if e.now == nil {
		e.now = time.Now
	}
	if len(e.tenants) == 0 {
		e.tenants = []string{models.DefaultTenant}
	}
	var err error
	if e.meters, err = newMeters(s.Metrics); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	slots := e.newSlots(s.Slots)
	first := &state{crew: newCrew(slots), policy: s.Policy, revisions: probe(ctx, slots, slog.LevelWarn, unknown)}
	e.settle(first, nil)
	e.state.Store(first)
	return e, nil
}

func validateSlots(slots []Slot) error {
	specs := make([]detectors.Spec, len(slots))
	var errs []error
	for i, s := range slots {
		specs[i] = s.Spec
		if s.Spec.New == nil { // the host made the detector
			specs[i].New = func(context.Context, detectors.Config) (detectors.Detector, error) { return s.Detector, nil }
		}
		if s.Detector == nil {
			errs = append(errs, fmt.Errorf("detector %q: %w", s.Spec.Name, &models.FieldError{Field: "Detector", Problem: "nil"}))
		}
		if s.Digest == "" {
			errs = append(errs, fmt.Errorf("detector %q: %w", s.Spec.Name, &models.FieldError{Field: "Digest", Problem: "empty"}))
		}
	}
	return errors.Join(append(errs, detectors.Validate(specs...))...)
}

// newSlots sorts by name, so that the order in which detectors were found changes no verdict and no epoch.
func (e *Engine) newSlots(from []Slot) []*slot {
	gates := map[string]*gate{}
	var slots []*slot
	for _, s := range from {
		group := s.Group
		if group == "" {
			group = "\x00" + s.Spec.Name
		}
		if gates[group] == nil {
			gates[group] = newGate()
		}
		slots = append(slots, &slot{
			Slot: s, gate: gates[group], restartLimit: restartLimit,
			log: e.log.With("detector", s.Spec.Name), meters: e.meters.forDetector(s.Spec.Name),
		})
	}
	slices.SortFunc(slots, func(a, b *slot) int { return cmp.Compare(a.Spec.Name, b.Spec.Name) })
	return slots
}

// probe asks every detector for its revision, all at once. One that does not tell has the revision that is given.
func probe(ctx context.Context, slots []*slot, level slog.Level, otherwise func(slot int) string) []string {
	revisions := make([]string, len(slots))
	var wg sync.WaitGroup
	for i, s := range slots {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, min(probeLimit, s.Spec.Deadline))
			defer cancel()
			answer, err := s.attempt(ctx, nil)
			if err != nil {
				s.log.Log(ctx, level, "detector did not tell its revision", "error", err)
				answer.Revision = otherwise(i)
			}
			revisions[i] = answer.Revision
		})
	}
	wg.Wait()
	return revisions
}

func unknown(int) string { return "" }

// Probe asks every detector for its revision. Those that tell another one than before begin a new epoch, which an event
// would only do if it were not answered from memory. Whoever changes what a detector decides with calls it, and whoever
// does not hear of changes calls it now and then.
func (e *Engine) Probe(ctx context.Context) {
	st := e.enter()
	defer st.leave()
	for i, revision := range probe(ctx, st.slots, slog.LevelDebug, func(i int) string { return st.revisions[i] }) {
		if revision != st.revisions[i] {
			e.advance(st, i, revision)
		}
	}
}

// SetPolicy replaces the policy; the epoch of every tenant whose policy differs changes. Calls under way end with the
// policy they began with.
func (e *Engine) SetPolicy(p Policy) error {
	if p.Rules == nil {
		p = DefaultPolicy()
	}
	if err := p.Validate(); err != nil {
		return fmt.Errorf("checking policy: %w", err)
	}
	e.update(func(next *state) bool {
		next.policy = p
		return true
	})
	return nil
}

// Replace replaces policy and detectors at once: one new epoch for every tenant that decides otherwise by them. Calls
// under way end with what they began with; the channel is closed when none is left that uses the old detectors, which
// may go then. On an error everything stays as it was.
func (e *Engine) Replace(ctx context.Context, p Policy, from []Slot) (idle <-chan struct{}, err error) {
	if p.Rules == nil {
		p = DefaultPolicy()
	}
	if err := errors.Join(validateSlots(from), p.Validate()); err != nil {
		return nil, fmt.Errorf("checking detectors and policy: %w", err)
	}
	slots := e.newSlots(from)
	revisions := probe(ctx, slots, slog.LevelWarn, unknown)
	var old *crew
	e.update(func(next *state) bool {
		old = next.crew
		next.crew, next.policy, next.revisions = newCrew(slots), p, revisions
		return true
	})
	return old.retire(), nil
}

// Epoch returns the tenant's current epoch.
func (e *Engine) Epoch(tenant string) models.EpochNotice {
	st := e.state.Load()
	return st.notice(cmp.Or(tenant, models.DefaultTenant))
}
