package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/rpc"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// input is one message of the event stream on its way through a worker.
type input struct {
	delivery
	jobs      []engine.Job
	catalogue *models.Catalogue
	rejected  []models.Rejection // of the whole, or of parts of a frame
	err       error              // why it has to come again
}

// delivery is a stored message, wherever it was read.
type delivery struct {
	msg        wire.Message
	stream     string
	sequence   uint64
	stored     time.Time
	deliveries uint64
}

// worker takes a tenant's events and frames from the stream to their verdicts.
type worker struct {
	*path
	tenant     Tenant
	catalogues *Catalogues
	maxDeliver uint64
	ackWait    time.Duration
}

// handle is one micro-batch: every message is acked, or given back, when it returns.
func (w *worker) handle(ctx context.Context, msgs []jetstream.Msg) {
	started := time.Now()
	stop := beat(msgs, w.ackWait)
	defer stop()
	inputs := make([]*input, len(msgs))
	for i, m := range msgs {
		inputs[i] = w.read(deliveryOf(m))
	}
	w.process(ctx, inputs)
	stop()
	for i, in := range inputs {
		w.finish(msgs[i], in)
	}
	w.meters.batch.Observe(time.Since(started).Seconds())
}

// process stores what the inputs lead to; afterwards each has an error or is done with.
func (w *worker) process(ctx context.Context, inputs []*input) {
	w.keepCatalogues(ctx, inputs)
	answers, owners := w.judge(ctx, inputs)
	w.reject(ctx, inputs)
	for i, err := range w.settle(ctx, answers) {
		if err != nil {
			owners[i].err = errors.Join(owners[i].err, err)
		}
	}
}

// deliveryOf reads what the server says of a message. Its reply subject is the server's own, so it can't be malformed;
// the zero metadata of one that is gives an event id of its own all the same.
func deliveryOf(m jetstream.Msg) delivery {
	d := delivery{msg: wire.Message{Subject: m.Subject(), Header: m.Headers(), Data: m.Data()}}
	if meta, err := m.Metadata(); err == nil {
		d.stream, d.sequence, d.stored, d.deliveries = meta.Stream, meta.Sequence.Stream, meta.Timestamp, meta.NumDelivered
	}
	return d
}

// read takes a message apart into jobs, or finds out why it, or a part of it, can't be read.
func (w *worker) read(d delivery) *input {
	in := &input{delivery: d}
	events, catalogue, err := decode(d.msg)
	if err != nil {
		in.rejected = append(in.rejected, w.rejection(d, d.msg.Data, err))
		return in
	}
	in.catalogue = catalogue
	place := fmt.Sprintf("%s@%d", d.stream, d.stored.UnixNano()) // a stream made anew counts from 1 again
	for part, e := range events {
		if err := e.ValidateEnvelope(); err != nil { // that the body is JSON was seen in decoding
			in.rejected = append(in.rejected, w.rejection(d, e.Body, err))
			continue
		}
		in.jobs = append(in.jobs, engine.Job{Event: e, EventID: wire.EventID(&e, place, d.sequence, part), Sequence: d.sequence})
	}
	return in
}

// decode reads an event or a frame. A parser that panics has met something that it can't read.
func decode(m wire.Message) (events []models.Event, catalogue *models.Catalogue, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &wire.Error{Reason: models.RejectMalformed, Detail: models.Truncate(fmt.Sprintf("the parser broke: %v", p), models.MaxDetailBytes)}
		}
	}()
	if !wire.IsFrame(m.Subject) {
		e, err := wire.DecodeEvent(m)
		return []models.Event{e}, nil, err
	}
	frame, err := wire.DecodeFrame(m)
	if err != nil {
		return nil, nil, err
	}
	batch, err := rpc.Events(frame)
	return batch.Events, batch.Catalogue, err
}

// rejection is what is kept of an input, or a part of it, that can't be read (Invariant 4).
func (w *worker) rejection(d delivery, body []byte, err error) models.Rejection {
	r := models.Rejection{
		Tenant: w.tenant.Name, Subject: d.msg.Subject, Sequence: d.sequence,
		RawDigest: models.Digest(body), Bytes: len(body), Time: d.stored,
	}
	r.Reason, r.Detail = explain(err)
	if w.tenant.KeepRejected {
		r.Body = body
	}
	return r
}

func explain(err error) (reason, detail string) {
	var onWire *wire.Error
	var inFrame *rpc.Error
	switch {
	case errors.As(err, &onWire):
		return onWire.Reason, onWire.Detail
	case errors.As(err, &inFrame):
		return inFrame.Reason, inFrame.Detail
	}
	return models.RejectMalformed, models.Truncate(err.Error(), models.MaxDetailBytes)
}

// reject stores the rejections among the inputs.
func (w *worker) reject(ctx context.Context, inputs []*input) {
	var msgs []*nats.Msg
	var owners []*input
	for _, in := range inputs {
		for _, r := range in.rejected {
			m, err := encodeRejection(r)
			if err != nil {
				in.err = err
				continue
			}
			msgs, owners = append(msgs, m), append(owners, in)
		}
	}
	for i, err := range w.out.store(ctx, msgs, tooLong) {
		if err != nil {
			owners[i].err = fmt.Errorf("storing rejection: %w", err)
		}
	}
}

// encodeRejection leaves the bytes out when they would not fit.
func encodeRejection(r models.Rejection) (*nats.Msg, error) {
	const overhead = 64 << 10
	if len(r.Body)/3*4 > wire.MaxPayloadBytes-overhead {
		r.Body = nil
	}
	m, err := wire.EncodeRejection(&r)
	if err != nil {
		return nil, fmt.Errorf("encoding rejection: %w", err)
	}
	return toMsg(m), nil
}

// keepCatalogues stores the catalogues of frames before their events are judged. One that can't be stored is not
// worth the verdicts: detectors that need it end not inspected.
func (w *worker) keepCatalogues(ctx context.Context, inputs []*input) {
	var msgs []*nats.Msg
	for _, in := range inputs {
		if in.catalogue == nil {
			continue
		}
		m, err := w.catalogues.message(w.tenant.Name, in.catalogue)
		if err != nil {
			w.log.Warn("keeping a catalogue", "subject", in.msg.Subject, "error", err)
		}
		if m != nil {
			msgs = append(msgs, m)
		}
	}
	for i, err := range w.out.store(ctx, msgs, tooLong) {
		if err != nil {
			w.log.Warn("keeping a catalogue", "subject", msgs[i].Subject, "error", err)
			continue
		}
		w.catalogues.remember(msgs[i])
	}
}

// judge has the engine answer for every job, except on an input's last delivery: whatever kept it from an answer so
// often may be its content, so that ends not inspected (Invariant 3).
func (w *worker) judge(ctx context.Context, inputs []*input) (answers []answer, owners []*input) {
	var jobs []engine.Job
	for _, in := range inputs {
		for i := range in.jobs {
			if in.deliveries >= w.maxDeliver {
				v := w.engine.NotInspected(in.jobs[i], models.ReasonDeliveries, fmt.Sprintf("delivered %d times without an answer", in.deliveries))
				answers, owners = append(answers, answer{event: &in.jobs[i].Event, verdict: v}), append(owners, in)
				continue
			}
			jobs = append(jobs, in.jobs[i])
		}
	}
	judgements := w.engine.Judge(ctx, jobs)
	n := 0
	for _, in := range inputs {
		if in.deliveries >= w.maxDeliver {
			continue
		}
		for i := range in.jobs {
			j := judgements[n]
			n++
			if ctx.Err() != nil { // the engine was stopped, not answered: another one will answer
				in.err = fmt.Errorf("judging: %w", ctx.Err())
				continue
			}
			if j.Err != nil {
				in.rejected = append(in.rejected, w.rejection(in.delivery, in.jobs[i].Event.Body, j.Err))
				continue
			}
			answers, owners = append(answers, answer{event: &in.jobs[i].Event, verdict: j.Verdict, deep: j.Deep}), append(owners, in)
		}
	}
	return answers, owners
}

// finish acks what is stored (Invariant 1) and gives the rest back, to come again later.
func (w *worker) finish(m jetstream.Msg, in *input) {
	result := resultJudged
	switch {
	case in.err != nil:
		result = resultRedelivered
		w.log.Warn("giving an input back", "subject", in.msg.Subject, "sequence", in.sequence, "delivery", in.deliveries, "error", in.err)
	case len(in.rejected) > 0:
		result = resultRejected
	case in.deliveries >= w.maxDeliver:
		result = resultNotInspected
	}
	w.meters.inputs.WithLabelValues(w.tenant.Name, result).Inc()
	settleMessage(m, in.err, in.deliveries, w.path)
}

// settleMessage acks a message, or gives it back to come again after a while that grows with its deliveries.
func settleMessage(m jetstream.Msg, err error, deliveries uint64, p *path) {
	if err == nil {
		err = m.Ack()
	} else {
		err = m.NakWithDelay(redeliveryDelay(deliveries))
	}
	if err != nil { // it comes again by itself
		p.log.Warn("answering for a message", "subject", m.Subject(), "error", err)
	}
}

func redeliveryDelay(deliveries uint64) time.Duration {
	return min(time.Second<<min(deliveries, 10), 30*time.Second)
}

// beat tells the server that the messages are being worked on, until stop is called.
func beat(msgs []jetstream.Msg, ackWait time.Duration) (stop func()) {
	done := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(ackWait / 3)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				for _, m := range msgs {
					_ = m.InProgress() // at worst the message comes again
				}
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-finished
	})
}
