package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
)

const (
	registerCached = 16384
	readDeadline   = 5 * time.Second
	readsAtOnce    = 32
)

// register is a bucket that holds the newest value for each object of a tenant, newest as [models.Verdict.Newer] has
// it: an older one never replaces a newer one, whatever order they come in and however many runners write (Invariant 2).
type register struct {
	js     jetstream.JetStream
	bucket func(tenant string) string
	// order reads the verdict that gives a stored value its place; findings are not needed.
	order func(*jetstream.RawStreamMsg) (models.Verdict, error)
	known *lru.Cache[string, held]
	open  sync.Map // bucket name to jetstream.Stream
}

// held is what a key holds: its revision in the bucket, 0 for nothing, and the verdict that gives it its place.
type held struct {
	revision uint64
	place    models.Verdict
}

// entry is a value to put.
type entry struct {
	tenant, key string
	subject     string // of the key in the register's bucket
	header      nats.Header
	data        []byte
	place       *models.Verdict
}

func newRegister(js jetstream.JetStream, bucket func(string) string, order func(*jetstream.RawStreamMsg) (models.Verdict, error)) *register {
	known, err := lru.New[string, held](registerCached)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &register{js: js, bucket: bucket, order: order, known: known}
}

func (r *register) subject(tenant, key string) string { return bucketSubject(r.bucket(tenant), key) }

// get returns what the key holds, from memory if it is known. What is remembered can be old; put finds out.
func (r *register) get(ctx context.Context, tenant, key string) (held, error) {
	subject := r.subject(tenant, key)
	if h, ok := r.known.Get(subject); ok {
		return h, nil
	}
	msg, err := r.read(ctx, tenant, key)
	if err != nil || msg == nil {
		return held{}, err
	}
	place, err := r.order(msg)
	if err != nil {
		// Unreadable, so nothing can be older. It is replaced.
		return held{revision: msg.Sequence}, nil
	}
	h := held{msg.Sequence, placeOf(&place)}
	r.known.Add(subject, h)
	return h, nil
}

// read returns the stored value, or nil if there is none.
func (r *register) read(ctx context.Context, tenant, key string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	s, err := r.stream(ctx, r.bucket(tenant))
	if err != nil {
		return nil, err
	}
	msg, err := s.GetLastMsgForSubject(ctx, r.subject(tenant, key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q from bucket %q: %w", key, r.bucket(tenant), err)
	}
	return msg, nil
}

func (r *register) stream(ctx context.Context, bucket string) (jetstream.Stream, error) {
	if s, ok := r.open.Load(bucket); ok {
		return s.(jetstream.Stream), nil
	}
	s, err := r.js.Stream(ctx, bucketStream(bucket))
	if err != nil {
		return nil, fmt.Errorf("opening bucket %q: %w", bucket, err)
	}
	r.open.Store(bucket, s)
	return s, nil
}

// guess returns what each entry's key is known to hold, and nothing for those that are not known. It asks nobody: a
// wrong guess costs one refused put, a right one, for an object that is new, saves a read.
func (r *register) guess(entries []entry) []held {
	all := make([]held, len(entries))
	for i, e := range entries {
		all[i], _ = r.known.Get(e.subject)
	}
	return all
}

// getAll is get for many entries.
func (r *register) getAll(ctx context.Context, entries []entry) ([]held, error) {
	all := make([]held, len(entries))
	errs := make([]error, len(entries))
	var wg sync.WaitGroup
	slots := make(chan struct{}, readsAtOnce)
	for i, e := range entries {
		if h, ok := r.known.Get(e.subject); ok {
			all[i] = h
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			all[i], errs[i] = r.get(ctx, e.tenant, e.key)
			<-slots
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// put writes the entries, each on condition that its key still holds what old says, and reports for each whether it
// did. Keys must differ.
func (r *register) put(entries []entry, old []held) (done []bool, err error) {
	futures := make([]jetstream.PubAckFuture, len(entries))
	errs := make([]error, len(entries))
	done = make([]bool, len(entries))
	for i, e := range entries {
		msg := &nats.Msg{Subject: e.subject, Header: e.header, Data: e.data}
		futures[i], errs[i] = r.js.PublishMsgAsync(msg, jetstream.WithExpectLastSequencePerSubject(old[i].revision))
	}
	for i, e := range entries {
		var ack *jetstream.PubAck
		if errs[i] == nil {
			ack, errs[i] = await(futures[i])
		}
		switch {
		case errs[i] == nil:
			done[i] = true
			r.known.Add(e.subject, held{ack.Sequence, placeOf(e.place)})
		case hasCode(errs[i], jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant):
			errs[i] = nil
			fallthrough
		default:
			r.known.Remove(e.subject)
		}
	}
	return done, errors.Join(errs...)
}

// keep puts the entries that are newer than what is held, and returns when each is held or outdone, or ctx has ended.
func (r *register) keep(ctx context.Context, entries []entry) error {
	old := r.guess(entries)
	for wait := backoffFirst; ; wait = min(2*wait, backoffMost) {
		rest, err := r.keepOnce(entries, old)
		if len(rest) == 0 {
			return nil
		}
		if err == nil {
			old, err = r.getAll(ctx, rest)
		}
		if entries = rest; err != nil {
			if !sleep(ctx, wait) {
				return err
			}
			old = r.guess(entries)
		}
	}
}

// keepOnce puts the entries that are newer than old, and returns those that another writer was faster on.
func (r *register) keepOnce(entries []entry, old []held) (rest []entry, err error) {
	var newer []entry
	var replaced []held
	for i, e := range entries {
		if old[i].precedes(e.place) {
			newer, replaced = append(newer, e), append(replaced, old[i])
		}
	}
	done, err := r.put(newer, replaced)
	for i, ok := range done {
		if !ok {
			rest = append(rest, newer[i])
		}
	}
	return rest, err
}

// precedes reports whether v replaces what is held.
func (h *held) precedes(v *models.Verdict) bool { return h.place.ID == "" || v.Newer(&h.place) }

// placeOf keeps of a verdict what its place and its tier depend on.
func placeOf(v *models.Verdict) models.Verdict {
	return models.Verdict{
		ID: v.ID, EventID: v.EventID, Sequence: v.Sequence, Revision: v.Revision, Time: v.Time, Epoch: v.Epoch,
		Decision: v.Decision, Subject: models.Subject{Kind: v.Subject.Kind},
	}
}
