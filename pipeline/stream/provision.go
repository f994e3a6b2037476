package stream

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// Tenant says what to keep for a tenant. Only Name is required.
type Tenant struct {
	Name string
	// Gateways names the durable pull consumers on the verdict stream, one for each gateway that wants every verdict
	// exactly once. Optional: nil means [wire.GatewayDurable].
	Gateways []string
	// KeepRejected keeps the bytes of inputs that can't be read, beside digest and length.
	KeepRejected bool
	Limits       Limits
	Delivery     Delivery
}

// Bound limits a stream. A zero field means the stream's default.
type Bound struct {
	MaxBytes int64
	MaxAge   time.Duration
}

// Limits bounds the tenant's streams and buckets.
//
// Events and Deep refuse when MaxBytes is reached; the others drop their oldest. An event that waits longer than its
// MaxAge is gone: make it longer than any outage of the engine.
type Limits struct {
	Events     Bound // default 1 GiB, 7 days
	Verdicts   Bound // default 1 GiB, 7 days
	Alerts     Bound // default 256 MiB, 30 days
	Rejected   Bound // default 64 MiB, 7 days
	Deep       Bound // default 256 MiB, 1 day
	Notices    Bound // default 16 MiB, 90 days
	Last       Bound // default 512 MiB, 90 days
	Live       Bound // default 512 MiB, 90 days
	Catalogues Bound // default 512 MiB, 90 days
	// DuplicateWindow is how long the server remembers message ids. Default 10 minutes, which is longer than all
	// deliveries of an event take. Subscribers drop what comes twice after that.
	DuplicateWindow time.Duration
}

// Delivery says how events reach the engine. A zero field means the default.
type Delivery struct {
	// AckWait is how long the engine may be silent about a message before it is delivered again. Default 30 s.
	AckWait time.Duration
	// MaxDeliver is how often an event is delivered; the last delivery is not judged but ends not inspected. Default
	// 5, at least 2.
	MaxDeliver int
	// MaxAckPending is how many messages all runners together may have in hand. Default 4096.
	MaxAckPending int
}

func (d Delivery) withDefaults() Delivery {
	return Delivery{
		AckWait:       cmp.Or(d.AckWait, 30*time.Second),
		MaxDeliver:    max(cmp.Or(d.MaxDeliver, 5), 2),
		MaxAckPending: cmp.Or(d.MaxAckPending, 4096),
	}
}

const (
	mib = int64(1) << 20
	day = 24 * time.Hour
)

// Provision creates the tenants' streams, buckets and consumers, and brings those that exist to the given bounds. It
// can be called any number of times, by any number of runners.
func Provision(ctx context.Context, js jetstream.JetStream, tenants []Tenant) error {
	for _, t := range tenants {
		for _, cfg := range t.streams() {
			if _, err := js.CreateOrUpdateStream(ctx, cfg); err != nil {
				return fmt.Errorf("provisioning stream %q: %w", cfg.Name, err)
			}
		}
		for _, c := range t.consumers() {
			if _, err := js.CreateOrUpdateConsumer(ctx, c.stream, c.config); err != nil {
				return fmt.Errorf("provisioning consumer %q of stream %q: %w", c.config.Durable, c.stream, err)
			}
		}
	}
	return nil
}

func (t *Tenant) streams() []jetstream.StreamConfig {
	l := t.Limits
	all := []jetstream.StreamConfig{
		queue(bounded(wire.EventStream(t.Name), l.Events, Bound{1024 * mib, 7 * day})),
		queue(bounded(wire.DeepStream(t.Name), l.Deep, Bound{256 * mib, day})),
		bounded(wire.VerdictStream(t.Name), l.Verdicts, Bound{1024 * mib, 7 * day}),
		bounded(wire.AlertStream(t.Name), l.Alerts, Bound{256 * mib, 30 * day}),
		bounded(wire.RejectedStream(t.Name), l.Rejected, Bound{64 * mib, 7 * day}),
		bounded(wire.NoticeStream(t.Name), l.Notices, Bound{16 * mib, 90 * day}),
		bounded(advisories(t.Name), Bound{}, Bound{16 * mib, 90 * day}),
		bucket(wire.LastBucket(t.Name), l.Last),
		bucket(wire.LiveBucket(t.Name), l.Live),
		bucket(wire.CatalogueBucket(t.Name), l.Catalogues),
	}
	window := cmp.Or(l.DuplicateWindow, 10*time.Minute)
	for i := range all {
		all[i].Duplicates = min(window, all[i].MaxAge)
	}
	return all
}

func bounded(s wire.Stream, b, defaults Bound) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:      s.Name,
		Subjects:  s.Subjects,
		Retention: jetstream.LimitsPolicy,
		Discard:   jetstream.DiscardOld,
		MaxBytes:  cmp.Or(b.MaxBytes, defaults.MaxBytes),
		MaxAge:    cmp.Or(b.MaxAge, defaults.MaxAge),
	}
}

// queue makes the stream one that forgets what was acked and refuses when full (Invariant 4). The server's default
// would drop the oldest unread message without a word.
func queue(c jetstream.StreamConfig) jetstream.StreamConfig {
	c.Retention = jetstream.WorkQueuePolicy
	c.Discard = jetstream.DiscardNew
	return c
}

// bucket is a key-value bucket that, unlike the library's, makes room when it is full: an object that was not seen for
// long must not keep the verdict on a new one out.
func bucket(name string, b Bound) jetstream.StreamConfig {
	c := bounded(wire.Stream{Name: bucketStream(name), Subjects: []string{bucketSubject(name, ">")}}, b, Bound{512 * mib, 90 * day})
	c.MaxMsgsPerSubject = 1
	c.AllowDirect = true
	c.AllowRollup = true
	c.DenyDelete = true
	return c
}

func bucketStream(bucket string) string       { return "KV_" + bucket }
func bucketSubject(bucket, key string) string { return "$KV." + bucket + "." + key }

// advisories keeps what the server says about messages that it gave up delivering.
func advisories(tenant string) wire.Stream {
	subject := func(s wire.Stream, durable string) string {
		return "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." + s.Name + "." + durable
	}
	return wire.Stream{
		Name: "TASTER_ADVISORIES_" + wire.EscapeToken(tenant),
		Subjects: []string{
			subject(wire.EventStream(tenant), wire.EngineDurable),
			subject(wire.DeepStream(tenant), wire.DeepDurable),
		},
	}
}

type consumer struct {
	stream string
	config jetstream.ConsumerConfig
}

func (t *Tenant) consumers() []consumer {
	d := t.Delivery.withDefaults()
	pull := func(s wire.Stream, durable string, maxDeliver int, filters ...string) consumer {
		return consumer{s.Name, jetstream.ConsumerConfig{
			Durable:        durable,
			AckPolicy:      jetstream.AckExplicitPolicy,
			AckWait:        d.AckWait,
			MaxDeliver:     maxDeliver,
			MaxAckPending:  d.MaxAckPending,
			FilterSubjects: filters,
		}}
	}
	all := []consumer{
		pull(wire.EventStream(t.Name), wire.EngineDurable, d.MaxDeliver),
		pull(wire.DeepStream(t.Name), wire.DeepDurable, d.MaxDeliver),
		pull(advisories(t.Name), wire.EngineDurable, -1),
		pull(wire.NoticeStream(t.Name), wire.EngineDurable, -1, wire.NoticeStream(t.Name).Subjects[1]),
	}
	for _, gateway := range t.gateways() {
		all = append(all, pull(wire.VerdictStream(t.Name), gateway, -1))
	}
	return all
}

func (t *Tenant) gateways() []string {
	if t.Gateways == nil {
		return []string{wire.GatewayDurable}
	}
	return t.Gateways
}

// Validate reports the first thing that makes t unusable.
func (t *Tenant) Validate() error {
	if _, err := wire.UnescapeToken(wire.EscapeToken(t.Name)); err != nil || t.Name == "" {
		return &models.FieldError{Field: "tenant", Problem: fmt.Sprintf("%q does not fit a subject token", t.Name)}
	}
	for _, g := range t.gateways() {
		if g == "" || wire.EscapeToken(g) != g {
			return &models.FieldError{Field: "gateways", Problem: fmt.Sprintf("%q: use letters, digits, - and _", g)}
		}
	}
	return nil
}
