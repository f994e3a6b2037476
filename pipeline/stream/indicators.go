package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// Indicators says how a runner follows the changes of what is known. Apply is required.
type Indicators struct {
	// TrustedKeys are the public keys whose changes count ([wire.ValidatePublicKey]). None: no change counts. What a key
	// vouched for that is not among them any more is taken back when the runner starts.
	TrustedKeys []string
	// MaxEntries and MaxBytes bound the bucket, removals included: when it is full, it refuses. 0 means
	// [DefaultMaxIndicators] and [DefaultMaxIndicatorBytes].
	MaxEntries int
	MaxBytes   int64
	// Ledger is the file that remembers the times of the changes that were applied. Each engine has its own. Optional:
	// without it, an engine that starts anew believes an old change that somebody put back into the bucket.
	Ledger string
	// Apply makes texts known and takes others back, by id, and returns when detectors are to heed it. What is known, or
	// not known, already is no error. It is called by one goroutine at a time, and again with the same if it fails.
	Apply func(ctx context.Context, add []models.Indicator, remove []string) error
}

// Bounds of the bucket of indicators.
const (
	DefaultMaxIndicators     = 50_000
	DefaultMaxIndicatorBytes = 128 * mib
)

const (
	// indicatorBatch is how many changes are applied at once at most, and indicatorPause how long a batch waits for more.
	indicatorBatch = 4096
	indicatorPause = 20 * time.Millisecond
	// indicatorWait is how long a batch gathers at most, however fast changes follow each other.
	indicatorWait = 500 * time.Millisecond
)

// Results of a change.
const (
	changeAdded     = "added"
	changeRemoved   = "removed"
	changeStale     = "stale" // a newer one was applied before
	changeUnsigned  = "unsigned"
	changeUntrusted = "untrusted"
	changeForged    = "forged"
	changeMalformed = "malformed"
	changeOverLimit = "over_limit"
	changeTooEarly  = "too_early" // from the future
)

// Validate reports the first thing that makes i unusable.
func (i *Indicators) Validate() error {
	if i.Apply == nil {
		return &models.FieldError{Field: "Apply", Problem: "nil"}
	}
	for n, key := range i.TrustedKeys {
		if err := wire.ValidatePublicKey(key); err != nil {
			return &models.FieldError{Field: fmt.Sprintf("TrustedKeys[%d]", n), Problem: err.Error()}
		}
	}
	return nil
}

func (i *Indicators) maxEntries() int { return cmp.Or(i.MaxEntries, DefaultMaxIndicators) }

// bucket keeps the last change of each indicator. Unlike traffic it has no age: what is known stays known until somebody
// takes it back. It is not deleted from, but by changes that say so.
func (i *Indicators) bucket() jetstream.StreamConfig {
	const overhead = 1 << 10 // subject and headers
	return jetstream.StreamConfig{
		Name:              bucketStream(wire.IndicatorBucket),
		Subjects:          []string{bucketSubject(wire.IndicatorBucket, ">")},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           int64(i.maxEntries()),
		MaxBytes:          cmp.Or(i.MaxBytes, DefaultMaxIndicatorBytes),
		MaxMsgSize:        wire.MaxChangeBytes + overhead,
		MaxMsgsPerSubject: 1,
		AllowDirect:       true,
		DenyDelete:        true,
		DenyPurge:         true,
	}
}

// learner takes changes from the bucket to Apply. Nothing that it refuses keeps anything else from being applied.
type learner struct {
	Indicators
	js     jetstream.JetStream
	meters *metrics
	log    *slog.Logger
	ledger *ledger
}

// provision makes the bucket, and brings one that exists to the given bounds.
func (l *learner) provision(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adminDeadline)
	defer cancel()
	if _, err := l.js.CreateOrUpdateStream(ctx, l.bucket()); err != nil {
		return fmt.Errorf("provisioning bucket %q: %w", wire.IndicatorBucket, err)
	}
	return nil
}

// follow applies what the bucket holds and what comes, until ctx ends. After whatever goes wrong it begins anew: applying
// twice changes nothing.
func (l *learner) follow(ctx context.Context) {
	for wait := backoffFirst; ctx.Err() == nil; wait = min(2*wait, backoffMost) {
		began := time.Now()
		if err := l.watch(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("following the known texts", "error", err)
		}
		if time.Since(began) > backoffMost {
			wait = backoffFirst
		}
		sleep(ctx, wait)
	}
	if l.ledger != nil {
		if err := l.ledger.close(); err != nil {
			l.log.Warn("closing the ledger of indicators", "error", err)
		}
	}
}

func (l *learner) watch(ctx context.Context) error {
	if l.ledger == nil {
		var err error
		if l.ledger, err = openLedger(l.Ledger); err != nil {
			return err
		}
	}
	if err := l.ledger.mend(); err != nil {
		return err
	}
	if err := l.disown(ctx); err != nil {
		return err
	}
	if err := l.provision(ctx); err != nil {
		return err
	}
	cons, err := l.js.OrderedConsumer(ctx, bucketStream(wire.IndicatorBucket), jetstream.OrderedConsumerConfig{
		DeliverPolicy:    jetstream.DeliverLastPerSubjectPolicy,
		MaxResetAttempts: 1, // by default it would try for ever, also when the server has gone
	})
	if err != nil {
		return fmt.Errorf("reading bucket %q: %w", wire.IndicatorBucket, err)
	}
	msgs, err := cons.Messages()
	if err != nil {
		return fmt.Errorf("reading bucket %q: %w", wire.IndicatorBucket, err)
	}
	defer msgs.Stop()
	for {
		batch, err := nextChanges(ctx, msgs)
		if len(batch) > 0 {
			if err := l.learn(ctx, batch); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("reading bucket %q: %w", wire.IndicatorBucket, err)
		}
	}
}

// stored is a message of the bucket.
type stored struct {
	wire.Message
	at time.Time // when the bus took it, by its clock
}

// nextChanges waits for a change and takes those that come right after it, for a while.
func nextChanges(ctx context.Context, msgs jetstream.MessagesContext) (batch []stored, err error) {
	wait := jetstream.NextContext(ctx)
	var began time.Time
	for len(batch) < indicatorBatch && (len(batch) == 0 || time.Since(began) < indicatorWait) {
		m, err := msgs.Next(wait)
		if len(batch) > 0 && errors.Is(err, nats.ErrTimeout) {
			return batch, nil
		}
		if err != nil {
			return batch, err
		}
		if len(batch) == 0 {
			began = time.Now()
		}
		meta, err := m.Metadata()
		if err != nil {
			return batch, err
		}
		batch = append(batch, stored{wire.Message{Subject: m.Subject(), Header: m.Headers(), Data: m.Data()}, meta.Timestamp})
		wait = jetstream.NextMaxWait(indicatorPause)
	}
	return batch, nil
}

// believed is the newest change of each indicator in a batch.
type believed struct {
	changes map[string]wire.SignedChange
	fresh   int // indicators that the ledger does not have
}

// learn applies those of the messages that are to be believed, all at once.
func (l *learner) learn(ctx context.Context, batch []stored) error {
	b := believed{changes: make(map[string]wire.SignedChange, len(batch))}
	for _, m := range batch {
		result, err := l.examine(m, &b)
		if result != "" {
			l.meters.indicators.WithLabelValues(result).Inc()
		}
		if err != nil {
			l.log.Warn("refusing a change of what is known", "subject", m.Subject, "result", result, "error", err)
		}
	}
	if len(b.changes) == 0 {
		return nil
	}
	var add []models.Indicator
	var remove []string
	var noted []ledgerEntry
	for id, s := range b.changes {
		c := &s.Change
		if c.Add != nil {
			add = append(add, *c.Add)
		} else {
			remove = append(remove, id)
		}
		noted = append(noted, ledgerEntry{Indicator: id, Time: c.Time, Key: s.Key, Removed: c.Add == nil, applied: true})
		l.log.Debug("what is known changes", "indicator", id, "removed", c.Add == nil, "owner", c.Owner, "reason", c.Reason, "key", s.Key)
	}
	if err := l.Apply(ctx, add, remove); err != nil {
		return fmt.Errorf("applying %d additions and %d removals of known texts: %w", len(add), len(remove), err)
	}
	l.meters.indicators.WithLabelValues(changeAdded).Add(float64(len(add)))
	l.meters.indicators.WithLabelValues(changeRemoved).Add(float64(len(remove)))
	l.log.Info("what is known has changed", "added", len(add), "removed", len(remove))
	return l.ledger.note(noted)
}

// errOlder says that a newer change of the same indicator was applied, or is about to be.
var errOlder = errors.New("a newer one came before")

// examine puts the change in a message to the believed ones, or returns the result that it comes to instead, with an
// error if it is refused. One that was applied before comes to nothing.
func (l *learner) examine(m stored, b *believed) (result string, err error) {
	s, err := wire.DecodeSignedChange(m.Message)
	if err != nil {
		var e *wire.Error
		if errors.As(err, &e) && e.Reason == models.RejectTooLarge {
			return changeOverLimit, err
		}
		return changeMalformed, err
	}
	id, at := s.Change.Indicator(), s.Change.Time
	known, ok := l.ledger.entries[id]
	queued, again := b.changes[id]
	switch {
	case ok && at.Before(known.Time), again && at.Before(queued.Change.Time):
		return changeStale, errOlder
	case ok && known.applied && at.Equal(known.Time):
		return "", nil
	}
	if result, err := l.believe(&s, m.at); err != nil {
		return result, err
	}
	fresh := !ok && !again
	if n := len(l.ledger.entries) + b.fresh; fresh && n >= l.maxEntries() {
		return changeOverLimit, fmt.Errorf("%d indicators were changed before, the limit is %d", n, l.maxEntries())
	}
	if fresh {
		b.fresh++
	}
	b.changes[id] = s
	return "", nil
}

// believe returns why a change that was stored at a time is refused, whatever it changes. That its time was ahead is judged
// by the bus's clock, so that all engines say the same, also those that start when the time has come.
func (l *learner) believe(s *wire.SignedChange, at time.Time) (result string, err error) {
	switch err := s.Verify(l.TrustedKeys); {
	case errors.Is(err, wire.ErrUnsigned):
		return changeUnsigned, err
	case errors.Is(err, wire.ErrUntrustedKey):
		return changeUntrusted, fmt.Errorf("%w: %q", err, models.Truncate(s.Key, maxShownKey))
	case err != nil:
		return changeForged, err
	}
	if ahead := s.Change.Time.Sub(at); ahead > wire.MaxClockSkew {
		return changeTooEarly, fmt.Errorf("its time is %s ahead, the limit is %s", ahead.Round(time.Second), wire.MaxClockSkew)
	}
	return "", nil
}

const maxShownKey = 64

// disown takes back what keys vouched for that are not trusted any more.
func (l *learner) disown(ctx context.Context) error {
	trusted := make(map[string]bool, len(l.TrustedKeys))
	for _, key := range l.TrustedKeys {
		trusted[key] = true
	}
	var remove []string
	var forgotten []ledgerEntry
	for id, e := range l.ledger.entries {
		if trusted[e.Key] {
			continue
		}
		forgotten = append(forgotten, ledgerEntry{Indicator: id, Forgotten: true})
		if !e.Removed {
			remove = append(remove, id)
		}
	}
	if len(remove) > 0 {
		if err := l.Apply(ctx, nil, remove); err != nil {
			return fmt.Errorf("taking back %d known texts: %w", len(remove), err)
		}
		l.log.Warn("took back what keys vouched for that are not trusted any more", "indicators", len(remove))
	}
	if len(forgotten) == 0 {
		return nil
	}
	return l.ledger.note(forgotten)
}
