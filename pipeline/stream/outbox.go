package stream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/models/wire"
)

const (
	// publishWindow is how many messages one caller has on the way to the server at a time.
	publishWindow = 256
	// publishPending is how many all callers together may have.
	publishPending = 8192
	// publishDeadline is how long the server may take to store a message before it is published again.
	publishDeadline = 5 * time.Second
	backoffFirst    = 50 * time.Millisecond
	backoffMost     = 5 * time.Second
)

// JetStream error codes that the library does not name.
const (
	codeStoreFailed    jetstream.ErrorCode = 10077 // the stream is full
	codeMessageTooLong jetstream.ErrorCode = 10054
)

// outbox stores messages in streams. A message that the server does not take now is published again until it does:
// full streams, restarts and lost connections hold the input back and lose nothing (Invariant 4). Message ids make the
// repetition harmless.
type outbox struct {
	js      jetstream.JetStream
	log     *slog.Logger
	retries prometheus.Counter
}

// store returns when every message is stored, refused for good or ctx has ended: one error, or nil, for each.
func (o *outbox) store(ctx context.Context, msgs []*nats.Msg, refused func(error) bool) []error {
	errs := make([]error, len(msgs))
	pending := make([]int, len(msgs))
	for i := range pending {
		pending[i] = i
	}
	for wait := backoffFirst; len(pending) > 0; wait = min(2*wait, backoffMost) {
		for window := range slices.Chunk(pending, publishWindow) {
			o.publish(msgs, window, errs)
		}
		pending = slices.DeleteFunc(pending, func(i int) bool { return errs[i] == nil || refused(errs[i]) })
		if len(pending) == 0 {
			break
		}
		o.retries.Add(float64(len(pending)))
		o.log.Warn("storing messages again", "messages", len(pending), "subject", msgs[pending[0]].Subject, "error", errs[pending[0]])
		if !sleep(ctx, wait) {
			break
		}
	}
	return errs
}

// publish sends msgs[i] for each i of the window and sets errs[i] to what came of it.
func (o *outbox) publish(msgs []*nats.Msg, window []int, errs []error) {
	futures := make([]jetstream.PubAckFuture, len(window))
	for n, i := range window {
		futures[n], errs[i] = o.js.PublishMsgAsync(msgs[i])
	}
	for n, i := range window {
		if errs[i] == nil {
			_, errs[i] = await(futures[n])
		}
	}
}

// await waits for the server's answer; the library ends a future at its own deadline.
func await(f jetstream.PubAckFuture) (*jetstream.PubAck, error) {
	select {
	case ack := <-f.Ok():
		return ack, nil
	case err := <-f.Err():
		return nil, err
	}
}

// tooLong reports whether the server will never take a message with this error.
func tooLong(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || hasCode(err, codeMessageTooLong)
}

func full(err error) bool { return hasCode(err, codeStoreFailed) }

func hasCode(err error, codes ...jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	var js jetstream.JetStreamError
	switch {
	case errors.As(err, &api):
	case errors.As(err, &js):
		api = js.APIError()
	}
	return api != nil && slices.Contains(codes, api.ErrorCode)
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func toMsg(m wire.Message) *nats.Msg {
	return &nats.Msg{Subject: m.Subject, Header: nats.Header(m.Header), Data: m.Data}
}
