package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// deepWorker takes the verdicts that policy wants a second opinion on to their final revision.
type deepWorker struct {
	*path
	tenant     Tenant
	maxDeliver uint64
	ackWait    time.Duration
}

// handle finishes one verdict: it is acked when the final revision is stored (Invariant 1).
func (w *deepWorker) handle(ctx context.Context, msgs []jetstream.Msg) {
	stop := beat(msgs, w.ackWait)
	defer stop()
	errs := make([]error, len(msgs))
	deliveries := make([]delivery, len(msgs))
	for i, m := range msgs {
		deliveries[i] = deliveryOf(m)
		errs[i] = w.process(ctx, deliveries[i])
	}
	stop()
	for i, m := range msgs {
		if errs[i] != nil {
			w.log.Warn("giving a deep job back", "subject", m.Subject(), "delivery", deliveries[i].deliveries, "error", errs[i])
		}
		settleMessage(m, errs[i], deliveries[i].deliveries, w.path)
	}
}

// process stores the final revision. On the last delivery the deep detectors get no time: whatever keeps the job from
// an end, the verdict gets one, and says that they did not inspect it (Invariant 2).
func (w *deepWorker) process(ctx context.Context, d delivery) error {
	job, err := wire.DecodeDeepJob(d.msg)
	if err != nil {
		// Only the engine writes here, so this is a fault of ours and no input to keep.
		w.log.Error("dropping an unreadable deep job", "tenant", w.tenant.Name, "sequence", d.sequence, "error", err)
		return nil
	}
	a := answer{event: &job.Event, verdict: job.Verdict}
	deepen := w.withDeep
	if d.deliveries >= w.maxDeliver {
		deepen = w.withoutDeep
	}
	final := deepen(ctx, &a)
	if ctx.Err() != nil {
		return fmt.Errorf("deepening: %w", ctx.Err())
	}
	return w.settle(ctx, []answer{{verdict: final}})[0]
}

// feedbackReader keeps what people say of verdicts readable: what is not feedback moves to the rejected stream.
type feedbackReader struct{ *worker }

func (f *feedbackReader) handle(ctx context.Context, msgs []jetstream.Msg) {
	for _, m := range msgs {
		d := deliveryOf(m)
		settleMessage(m, f.process(ctx, d), d.deliveries, f.path)
	}
}

func (f *feedbackReader) process(ctx context.Context, d delivery) error {
	_, err := wire.DecodeFeedback(d.msg)
	if err == nil {
		return nil
	}
	in := &input{delivery: d, rejected: []models.Rejection{f.rejection(d, d.msg.Data, err)}}
	if f.reject(ctx, []*input{in}); in.err != nil {
		return in.err
	}
	f.meters.inputs.WithLabelValues(f.tenant.Name, resultRejected).Inc()
	return deleteMessage(ctx, f.out.js, d.stream, d.sequence)
}
