package stream

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// Codes of an inline check's error reply, in the header [micro.ErrorCodeHeader].
const (
	CheckBadRequest = "400" // the event can't be read; the description says why
	CheckFailed     = "500" // the verdict could not be stored
	CheckOverloaded = "503" // too many checks at once; ask again later
)

// checker answers inline checks: an event is judged alone, stored and streamed like any other, and its verdict is the
// reply. The runners of all engines share the requests.
type checker struct {
	workers  map[string]*worker // by tenant
	atOnce   int                // for each tenant: none can use up another's
	deadline time.Duration
	busy     sync.WaitGroup
}

// serve registers the endpoints and returns what takes them down again: it waits for the checks in hand.
func (c *checker) serve(ctx context.Context, nc *nats.Conn) (stop func(), err error) {
	svc, err := micro.AddService(nc, micro.Config{
		Name:        "taster-check",
		Version:     "1.0.0",
		Description: "Judges one event and replies with its verdict.",
		QueueGroup:  "taster",
	})
	if err != nil {
		return nil, fmt.Errorf("registering the check service: %w", err)
	}
	stop = func() {
		_ = svc.Stop() // the connection may be gone already
		c.busy.Wait()
	}
	for tenant, w := range c.workers {
		slots := make(chan struct{}, c.atOnce)
		endpoint := micro.HandlerFunc(func(req micro.Request) { c.accept(ctx, w, slots, req) })
		if err := svc.AddEndpoint("check", endpoint, micro.WithEndpointSubject(wire.CheckSubject(tenant))); err != nil {
			stop()
			return nil, fmt.Errorf("registering the check endpoint of tenant %q: %w", tenant, err)
		}
	}
	return stop, nil
}

// accept answers in a goroutine of its own if there is room for one more, and says so if there is none.
func (c *checker) accept(ctx context.Context, w *worker, slots chan struct{}, req micro.Request) {
	select {
	case slots <- struct{}{}:
	default:
		w.countCheck(checkOverloaded)
		w.reply(req.Error(CheckOverloaded, fmt.Sprintf("%d checks are under way already", c.atOnce), nil))
		return
	}
	c.busy.Go(func() {
		defer func() { <-slots }()
		w.check(ctx, req, c.deadline)
	})
}

// check judges within the deadline; what was not inspected by then is so in the verdict.
func (w *worker) check(ctx context.Context, req micro.Request, deadline time.Duration) {
	d := delivery{
		msg:    wire.Message{Subject: req.Subject(), Header: map[string][]string(req.Headers()), Data: req.Data()},
		stored: time.Now(),
	}
	e, err := wire.DecodeEvent(d.msg)
	if err != nil {
		w.checkRejected(ctx, req, d, err)
		return
	}
	job := engine.Job{Event: e, EventID: wire.EventID(&e, "check/"+nuid.Next(), 0, 0)}
	judging, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	j := w.engine.Judge(judging, []engine.Job{job})[0]
	if j.Err != nil {
		w.checkRejected(ctx, req, d, j.Err)
		return
	}
	ctx, cancel = context.WithTimeout(ctx, publishDeadline)
	defer cancel()
	answers := []answer{{event: &job.Event, verdict: j.Verdict, deep: j.Deep}}
	if err := w.settle(ctx, answers)[0]; err != nil {
		w.countCheck(checkFailed)
		w.log.Warn("answering a check", "tenant", w.tenant.Name, "error", err)
		w.reply(req.Error(CheckFailed, "the verdict could not be stored", nil))
		return
	}
	header := maps.Clone(answers[0].encoded.Header)
	delete(header, wire.HeaderMsgID) // the reply is not to be stored
	w.countCheck(checkAnswered)
	w.reply(req.Respond(answers[0].encoded.Data, micro.WithHeaders(micro.Headers(header))))
}

// checkRejected keeps what can't be read like any other input, and tells the caller.
func (w *worker) checkRejected(ctx context.Context, req micro.Request, d delivery, err error) {
	w.countCheck(checkRejected)
	in := &input{delivery: d, rejected: []models.Rejection{w.rejection(d, d.msg.Data, err)}}
	if w.reject(ctx, []*input{in}); in.err != nil {
		w.log.Warn("keeping a rejected check", "tenant", w.tenant.Name, "error", in.err)
	}
	w.reply(req.Error(CheckBadRequest, models.Truncate(err.Error(), models.MaxDetailBytes), nil))
}

func (w *worker) countCheck(result string) {
	w.meters.checks.WithLabelValues(w.tenant.Name, result).Inc()
}

func (w *worker) reply(err error) {
	if err != nil {
		w.log.Warn("replying to a check", "tenant", w.tenant.Name, "error", err)
	}
}
