package streambench

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// answer is what the engine stores for one event: the messages that the ceiling stores for every one.
type answer struct {
	verdict wire.Message
	live    []byte
}

// sampleAnswer has the engine judge an event for real, so that the ceiling moves as many bytes as the runner.
func sampleAnswer(ctx context.Context, eng *engine.Engine, e models.Event) answer {
	v := eng.Judge(ctx, []engine.Job{{Event: e, Sequence: 1}})[0].Verdict
	m, err := wire.EncodeVerdict(&v)
	if err != nil {
		panic(err) // the engine's verdict on our own event
	}
	live, err := wire.MarshalEvent(&e)
	if err != nil {
		panic(err)
	}
	return answer{verdict: m, live: live}
}

// relay is the ceiling: events are fetched as the runner does, and the sample is stored for each.
func (s *Settings) relay(b *bus, sample answer, total int) func(context.Context) error {
	return func(ctx context.Context) error {
		js, err := jetstream.New(b.conn, jetstream.WithPublishAsyncMaxPending(8192))
		if err != nil {
			return err
		}
		cons, err := js.Consumer(ctx, wire.EventStream(tenant).Name, wire.EngineDurable)
		if err != nil {
			return err
		}
		r := &relayed{js: js, sample: sample}
		var workers sync.WaitGroup
		errs := make([]error, s.Workers)
		for w := range s.Workers {
			workers.Go(func() {
				for ctx.Err() == nil && errs[w] == nil {
					errs[w] = r.batch(ctx, cons)
				}
			})
		}
		workers.Wait()
		return errors.Join(errs...)
	}
}

type relayed struct {
	js     jetstream.JetStream
	sample answer
	held   sync.Map // bucket subject to the sequence of its value, for conditional writes as the runner's
}

// sent is a message under way.
type sent struct {
	subject string
	bucket  bool
	ack     jetstream.PubAckFuture
}

func (r *relayed) batch(ctx context.Context, cons jetstream.Consumer) error {
	fetching, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	first, err := cons.Next(jetstream.FetchContext(fetching))
	if err != nil {
		if errors.Is(err, nats.ErrTimeout) || fetching.Err() != nil {
			return nil
		}
		return err
	}
	msgs := []jetstream.Msg{first}
	more, err := cons.FetchNoWait(255)
	if err != nil {
		return err
	}
	for m := range more.Messages() {
		msgs = append(msgs, m)
	}
	under := make([]sent, 0, 3*len(msgs))
	for _, m := range msgs {
		for i, out := range r.messages(m) {
			s := sent{subject: out.Subject, bucket: i > 0}
			var opts []jetstream.PublishOpt
			if s.bucket {
				sequence, _ := r.held.LoadOrStore(out.Subject, uint64(0))
				opts = append(opts, jetstream.WithExpectLastSequencePerSubject(sequence.(uint64)))
			}
			var err error
			if s.ack, err = r.js.PublishMsgAsync(out, opts...); err != nil {
				return err
			}
			under = append(under, s)
		}
	}
	for _, s := range under {
		select {
		case ack := <-s.ack.Ok():
			if s.bucket {
				r.held.Store(s.subject, ack.Sequence)
			}
		case err := <-s.ack.Err():
			if !s.bucket { // a value that another worker has replaced meanwhile is not written again here
				return err
			}
		}
	}
	for _, m := range msgs {
		if err := m.Ack(); err != nil {
			return err
		}
	}
	return nil
}

// messages are the verdict, the last verdict and the live definition of one event.
func (r *relayed) messages(m jetstream.Msg) []*nats.Msg {
	object := m.Headers()["ce-object"][0]
	subject := models.Subject{Tenant: tenant, Server: server, Kind: models.KindTool, Object: object}
	key := wire.LastKey(subject)
	verdict := nats.Header(maps.Clone(r.sample.verdict.Header))
	verdict.Set(wire.HeaderMsgID, m.Headers().Get("ce-id")+"/1")
	last := nats.Header(maps.Clone(r.sample.verdict.Header))
	last.Del(wire.HeaderMsgID)
	live := nats.Header{}
	for _, name := range []string{"Taster-Event-Id", "Taster-Epoch"} {
		live.Set(name, "0123456789abcdef0123456789abcdef")
	}
	live.Set("Taster-Sequence", "1")
	live.Set("Taster-Revision", strconv.Itoa(1))
	live.Set("Taster-Time", "2026-01-01T00:00:00.000000000Z")
	return []*nats.Msg{
		{Subject: wire.VerdictSubject(subject), Header: verdict, Data: r.sample.verdict.Data},
		{Subject: "$KV." + wire.LastBucket(tenant) + "." + key, Header: last, Data: r.sample.verdict.Data},
		{Subject: "$KV." + wire.LiveBucket(tenant) + "." + key, Header: live, Data: r.sample.live},
	}
}
