package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// Filter selects what a subscription hears. The zero value is every verdict from now on.
type Filter struct {
	Server string      // empty: any
	Kind   models.Kind // empty: any
	Object string      // empty: any
	// Alerts selects alerts instead of verdicts: what is flagged, and every change away from that.
	Alerts bool
	// From says where verdicts come from. The zero value is [Live].
	From Source
}

// Source says where a subscription's verdicts come from: [Live], [Durable], [Since] or [All].
type Source struct {
	durable string
	replay  bool
	since   time.Time
}

// Live is what is published from now on. What passes while the connection is down is missed, as is what a slow handler
// can't take: see [Client.Last] and [Durable].
func Live() Source { return Source{} }

// Durable is every verdict since the last one that the handler took, over the consumer that the engine provisioned for
// the gateway; empty means [wire.GatewayDurable]. Members of one gateway share it: each verdict goes to one of them.
func Durable(gateway string) Source {
	if gateway == "" {
		gateway = wire.GatewayDurable
	}
	return Source{durable: gateway}
}

// Since is everything stored from a time on, and then what follows. It needs an operator's rights.
func Since(t time.Time) Source { return Source{replay: true, since: t} }

// All is everything that is stored, and then what follows. It needs an operator's rights.
func All() Source { return Source{replay: true} }

// seenVerdicts is how many revisions a subscription remembers, to drop what comes twice.
const seenVerdicts = 1 << 16

// Handler takes a verdict. Calls of one subscription follow one another. An error makes a durable subscription hand the
// verdict out again later; others only log it.
type Handler func(ctx context.Context, v models.Verdict) error

// Subscription is under way until it is closed, its context ends or its client is closed.
type Subscription struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Close ends the subscription and waits for its handler. Do not call it from the handler.
func (s *Subscription) Close() {
	s.cancel()
	<-s.done
}

// Done is closed when the subscription has ended.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Subscribe hands verdicts to handle until ctx ends. When it returns, the subscription is established. Each revision
// of a verdict comes once, even if the bus delivers it twice; it survives lost connections.
//
// Errors: [ErrNotPermitted] for a replay without an operator's rights.
func (c *Client) Subscribe(ctx context.Context, f Filter, handle Handler) (*Subscription, error) {
	seen, err := lru.New[string, struct{}](seenVerdicts)
	if err != nil {
		return nil, fmt.Errorf("subscribing: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(c.ctx, cancel)
	s := &Subscription{cancel: cancel, done: make(chan struct{})}
	l := &listener{client: c, filter: f, handle: handle, seen: seen}
	run, err := l.open(ctx)
	if err != nil {
		detach()
		cancel()
		return nil, fmt.Errorf("subscribing: %w", err)
	}
	c.subs.Go(func() {
		defer close(s.done)
		defer detach()
		defer cancel()
		run(ctx)
	})
	return s, nil
}

// listener is one subscription at work.
type listener struct {
	client *Client
	filter Filter
	handle Handler
	seen   *lru.Cache[string, struct{}]
}

// open establishes the subscription and returns what works on it until its context ends.
func (l *listener) open(ctx context.Context) (run func(context.Context), err error) {
	switch from := l.filter.From; {
	case from.durable != "" && l.filter.Alerts:
		return nil, errors.New("alerts have no durable consumer: subscribe to verdicts")
	case from.durable != "":
		return l.openDurable()
	case from.replay:
		return l.openReplay(ctx)
	}
	return l.openLive()
}

// subject is where the selected messages are published.
func (l *listener) subject() string {
	f := l.selected()
	if l.filter.Alerts {
		return f.Alerts(l.client.tenant)[0]
	}
	return f.Verdicts(l.client.tenant)
}

func (l *listener) selected() wire.Filter {
	return wire.Filter{Server: l.filter.Server, Kind: l.filter.Kind, Object: l.filter.Object}
}

// selects reports whether the filter lets v through.
func (l *listener) selects(v *models.Verdict) bool {
	f, s := l.filter, v.Subject
	return (f.Server == "" || f.Server == s.Server) && (f.Kind == "" || f.Kind == s.Kind) && (f.Object == "" || f.Object == s.Object)
}

// take hands a message's verdict to the handler, unless it came before or is not selected. What can't be read is logged
// and done with: another delivery would not help.
func (l *listener) take(ctx context.Context, m wire.Message) error {
	v, err := wire.DecodeVerdict(m)
	if err != nil {
		l.client.log.Error("reading a verdict", "subject", m.Subject, "error", err)
		return nil
	}
	if !l.selects(&v) || l.seen.Contains(v.Key()) {
		return nil
	}
	if err := l.handle(ctx, v); err != nil {
		l.client.log.Warn("handling a verdict", "verdict", v.Key(), "error", err)
		return err
	}
	l.seen.Add(v.Key(), struct{}{})
	return nil
}

func (l *listener) openLive() (func(context.Context), error) {
	sub, err := l.client.nc.SubscribeSync(l.subject())
	if err == nil {
		err = l.client.nc.Flush()
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		defer unsubscribe(sub)
		for {
			m, err := sub.NextMsgWithContext(ctx)
			switch {
			case err == nil:
				_ = l.take(ctx, fromMsg(m)) // logged
			case errors.Is(err, nats.ErrSlowConsumer): // logged by the connection's handler; what is left goes on
			default:
				return
			}
		}
	}, nil
}

func (l *listener) openReplay(ctx context.Context) (func(context.Context), error) {
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{l.subject()}}
	if since := l.filter.From.since; !since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	}
	stream := wire.VerdictStream(l.client.tenant)
	if l.filter.Alerts {
		stream = wire.AlertStream(l.client.tenant)
	}
	asking, cancel := context.WithTimeout(ctx, replayDeadline)
	defer cancel()
	cons, err := l.client.js.OrderedConsumer(asking, stream.Name, cfg)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return nil, fmt.Errorf("%w: %w", ErrNotPermitted, err)
	case err != nil:
		return nil, err
	}
	msgs, err := cons.Messages()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		defer context.AfterFunc(ctx, msgs.Stop)()
		defer msgs.Stop()
		for {
			m, err := msgs.Next()
			switch {
			case err == nil:
				_ = l.take(ctx, wire.Message{Subject: m.Subject(), Header: m.Headers(), Data: m.Data()}) // logged
			case ctx.Err() != nil || errors.Is(err, jetstream.ErrMsgIteratorClosed):
				return
			default:
				l.client.log.Warn("replaying", "error", err)
				pause(ctx, time.Second)
			}
		}
	}, nil
}

const (
	replayDeadline = 3 * time.Second
	// pullMessages and pullWait are how much a durable subscription asks for at a time, and how long the request stays.
	// Meanwhile the server says every pullHeartbeat that it still has the request; after two without a word it is asked
	// again.
	pullMessages  = 64
	pullWait      = 5 * time.Second
	pullHeartbeat = time.Second
	// workInterval is how often a long handler tells the server that it is still at work.
	workInterval = 5 * time.Second
	// refusedDelay is how long a verdict that the handler refused stays away.
	refusedDelay = time.Second
)

// openDurable pulls by hand: the library's consumers first ask for the consumer's description, which a gateway may not.
func (l *listener) openDurable() (func(context.Context), error) {
	inbox := l.client.nc.NewInbox()
	sub, err := l.client.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	next := fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", wire.VerdictStream(l.client.tenant).Name, l.filter.From.durable)
	request, err := json.Marshal(map[string]int64{"batch": pullMessages, "expires": int64(pullWait), "idle_heartbeat": int64(pullHeartbeat)})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		defer unsubscribe(sub)
		for ctx.Err() == nil {
			if err := l.client.nc.PublishRequest(next, inbox, request); err != nil {
				l.client.log.Warn("pulling verdicts", "error", err)
				pause(ctx, time.Second)
				continue
			}
			if err := l.pulled(ctx, sub); err != nil && ctx.Err() == nil {
				l.client.log.Warn("pulling verdicts", "error", err)
				pause(ctx, time.Second)
			}
		}
	}, nil
}

// pulled takes what one request brings.
func (l *listener) pulled(ctx context.Context, sub *nats.Subscription) error {
	for taken := 0; taken < pullMessages; {
		waiting, cancel := context.WithTimeout(ctx, 2*pullHeartbeat)
		m, err := sub.NextMsgWithContext(waiting)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return nil // the request or its end was lost: ask again
		}
		if err != nil {
			return err
		}
		switch status := m.Header.Get("Status"); status {
		case "100": // a heartbeat
			continue
		case "":
		default:
			return statusError(status, m.Header.Get("Description"))
		}
		if err := l.takeAndAck(ctx, m); err != nil {
			return err
		}
		taken++
	}
	return nil
}

// statusError is nil for a request that just came to its end.
func statusError(status, description string) error {
	switch status {
	case "404", "408":
		return nil
	case "503":
		return ErrNotServed
	}
	return fmt.Errorf("%s %s", status, description)
}

// takeAndAck acks what the handler took and gives back what it refused.
func (l *listener) takeAndAck(ctx context.Context, m *nats.Msg) error {
	stop := working(m)
	err := l.take(ctx, fromMsg(m))
	stop()
	if err != nil {
		return m.Respond(fmt.Appendf(nil, `-NAK {"delay":%d}`, refusedDelay.Nanoseconds()))
	}
	return m.Respond([]byte("+ACK"))
}

// working tells the server that a message is being handled, until stop is called.
func working(m *nats.Msg) (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	stopped := false
	var tick func()
	tick = func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			_ = m.Respond([]byte("+WPI")) // at worst the message comes again
			timer = time.AfterFunc(workInterval, tick)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(workInterval, tick)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

func fromMsg(m *nats.Msg) wire.Message {
	return wire.Message{Subject: m.Subject, Header: m.Header, Data: m.Data}
}

// unsubscribe ends a subscription; on a closed connection it has ended already.
func unsubscribe(sub *nats.Subscription) { _ = sub.Unsubscribe() }

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
