package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models/wire"
)

const adminDeadline = 5 * time.Second

// backstop ends what the server has given up delivering: an engine that died on the last delivery left it in the
// stream, where nobody would ever see it again (Invariant 2).
type backstop struct {
	events *worker
	deep   *deepWorker
}

// advisory is the part of the server's max-deliveries advisory that is used here.
type advisory struct {
	Stream     string `json:"stream"`
	Sequence   uint64 `json:"stream_seq"`
	Deliveries uint64 `json:"deliveries"`
}

func (b *backstop) handle(ctx context.Context, msgs []jetstream.Msg) {
	for _, m := range msgs {
		err := b.process(ctx, m.Data())
		if err != nil {
			b.events.log.Warn("ending an undelivered message", "error", err)
		}
		settleMessage(m, err, deliveryOf(m).deliveries, b.events.path)
	}
}

func (b *backstop) process(ctx context.Context, data []byte) error {
	var a advisory
	if err := json.Unmarshal(data, &a); err != nil {
		b.events.log.Error("dropping an unreadable advisory", "error", err)
		return nil
	}
	d, err := b.fetch(ctx, a)
	if err != nil || d == nil {
		return err
	}
	if a.Stream == wire.DeepStream(b.deep.tenant.Name).Name {
		err = b.deep.process(ctx, *d)
	} else {
		in := b.events.read(*d)
		b.events.process(ctx, []*input{in})
		err = in.err
	}
	if err != nil {
		return err
	}
	return deleteMessage(ctx, b.events.out.js, a.Stream, a.Sequence)
}

// fetch reads the message as if it were delivered once more, or nil when it is gone.
func (b *backstop) fetch(ctx context.Context, a advisory) (*delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, adminDeadline)
	defer cancel()
	s, err := b.events.out.js.Stream(ctx, a.Stream)
	if err != nil {
		return nil, fmt.Errorf("opening stream %q: %w", a.Stream, err)
	}
	msg, err := s.GetMsg(ctx, a.Sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading message %d of %q: %w", a.Sequence, a.Stream, err)
	}
	return &delivery{
		msg:    wire.Message{Subject: msg.Subject, Header: msg.Header, Data: msg.Data},
		stream: a.Stream, sequence: a.Sequence, stored: msg.Time,
		deliveries: max(a.Deliveries, b.events.maxDeliver),
	}, nil
}

// deleteMessage removes a message; one that is gone already is no error.
func deleteMessage(ctx context.Context, js jetstream.JetStream, stream string, sequence uint64) error {
	ctx, cancel := context.WithTimeout(ctx, adminDeadline)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("opening stream %q: %w", stream, err)
	}
	err = s.DeleteMsg(ctx, sequence)
	if err == nil {
		return nil
	}
	if _, gone := s.GetMsg(ctx, sequence); errors.Is(gone, jetstream.ErrMsgNotFound) {
		return nil
	}
	return fmt.Errorf("removing message %d of %q: %w", sequence, stream, err)
}
