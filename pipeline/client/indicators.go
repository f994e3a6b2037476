package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

var (
	// ErrOutdated says that a change of the same indicator is stored that is newer, or as new.
	ErrOutdated = errors.New("a newer change of this indicator is there")
	// ErrGone says that the bus does not hold the object any more, or holds another version of it.
	ErrGone = errors.New("gone")
)

// ChangeIndicator stores a signed change of what is known, for every engine that trusts its key. It needs an operator's
// rights.
//
// Errors: [ErrOutdated], [ErrFull], [ErrNotServed], [ErrNotPermitted].
func (c *Client) ChangeIndicator(ctx context.Context, s wire.SignedChange) error {
	m, err := wire.EncodeSignedChange(&s)
	if err == nil {
		ctx, cancel := bounded(ctx)
		defer cancel()
		err = c.changeIndicator(ctx, m, s.Change.Time)
	}
	if err != nil {
		return fmt.Errorf("storing the change of %s: %w", s.Change.Indicator(), err)
	}
	return nil
}

// changeIndicator replaces what is stored if it is older. It begins with the guess that nothing is: for what is new that
// saves asking.
func (c *Client) changeIndicator(ctx context.Context, m wire.Message, at time.Time) error {
	for sequence := uint64(0); ; {
		_, err := c.js.PublishMsg(ctx, toMsg(m), jetstream.WithExpectLastSequencePerSubject(sequence))
		if !outrun(err) {
			return storing(err)
		}
		stored, err := c.storedValue(ctx, wire.IndicatorBucket, m.Subject)
		if err != nil {
			return err
		}
		if old, ok := believable(stored); ok && !at.After(old.Time) {
			return ErrOutdated
		}
		sequence = stored.Sequence
	}
}

// believable returns the change that is stored, unless it is worth nothing to any engine, whomever it trusts: it can't be
// read, its signature is another's, or it came from the future, by the bus's own clock.
func believable(stored *jetstream.RawStreamMsg) (models.IndicatorChange, bool) {
	s, err := wire.DecodeSignedChange(wire.Message{Subject: stored.Subject, Data: stored.Data})
	if err != nil || s.Verify([]string{s.Key}) != nil {
		return models.IndicatorChange{}, false
	}
	return s.Change, s.Change.Time.Sub(stored.Time) <= wire.MaxClockSkew
}

// outrun reports whether something else is stored than a message was to replace.
func outrun(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// storedValue reads the last value of a key, with the subject that it has in the bucket.
func (c *Client) storedValue(ctx context.Context, bucket, subject string) (*jetstream.RawStreamMsg, error) {
	s, err := c.js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, operators(err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, ErrGone
	}
	return m, err
}

// operators explains an error of what only operators may ask. A bus does not answer others at all.
func operators(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: %w", ErrNotServed, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	return err
}

// trustedKeys is the entry of an engine's metadata that lists the keys it trusts.
const trustedKeys = "trusted_keys"

// answerPause is how long the next engine's answer may take after the last one.
const answerPause = 200 * time.Millisecond

// Trusted asks the engines that are there whether they believe changes that the key signed, and returns how many do, and
// how many do not. It needs an operator's rights.
//
// Errors: [ErrNotServed] if there is none, [ErrNotPermitted].
func (c *Client) Trusted(ctx context.Context, key string) (do, doNot int, err error) {
	answers, err := c.engines(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("asking whom engines trust: %w", err)
	}
	for _, a := range answers {
		if slices.Contains(strings.Split(a.Metadata[trustedKeys], ","), key) {
			do++
		} else {
			doNot++
		}
	}
	return do, doNot, nil
}

// engines are the answers of those that take an operator's requests.
func (c *Client) engines(ctx context.Context) ([]micro.Ping, error) {
	inbox := c.nc.NewInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer unsubscribe(sub)
	if err := c.nc.PublishRequest(controlPing, inbox, nil); err != nil {
		return nil, err
	}
	var answers []micro.Ping
	for wait := controlDeadline; ; wait = answerPause {
		waiting, cancel := context.WithTimeout(ctx, wait)
		m, err := sub.NextMsgWithContext(waiting)
		cancel()
		var a micro.Ping
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && len(answers) > 0:
			return answers, nil
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			return nil, ErrNotPermitted
		case errors.Is(err, nats.ErrNoResponders), err == nil && m.Header.Get("Status") == "503":
			return nil, ErrNotServed
		case err != nil:
			return nil, err
		case json.Unmarshal(m.Data, &a) == nil:
			answers = append(answers, a)
		}
	}
}

// Verdict finds the last revision of a verdict by its id, among the last verdicts on objects, then among all that are
// stored, which takes a while. It needs an operator's rights.
//
// Errors: [ErrNoVerdict], [ErrNotPermitted], [ErrNotServed].
func (c *Client) Verdict(ctx context.Context, id string) (models.Verdict, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for _, stream := range []string{"KV_" + wire.LastBucket(c.tenant), wire.VerdictStream(c.tenant).Name} {
		v, err := c.findVerdict(ctx, stream, id)
		if err == nil || !errors.Is(err, ErrNoVerdict) {
			return v, err
		}
	}
	return models.Verdict{}, ErrNoVerdict
}

// findVerdict looks through the headers of a stream.
func (c *Client) findVerdict(ctx context.Context, stream, id string) (models.Verdict, error) {
	fail := func(err error) (models.Verdict, error) {
		return models.Verdict{}, fmt.Errorf("looking for the verdict in %s: %w", stream, err)
	}
	asking, cancel := context.WithTimeout(ctx, replayDeadline)
	defer cancel()
	s, err := c.js.Stream(asking, stream)
	if err != nil {
		return fail(operators(err))
	}
	last := s.CachedInfo().State.LastSeq
	if s.CachedInfo().State.Msgs == 0 {
		return models.Verdict{}, ErrNoVerdict
	}
	cons, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{HeadersOnly: true, MaxResetAttempts: 1})
	if err != nil {
		return fail(err)
	}
	msgs, err := cons.Messages()
	if err != nil {
		return fail(err)
	}
	defer msgs.Stop()
	var found uint64
	for reached := uint64(0); reached < last; {
		m, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fail(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fail(err)
		}
		reached = meta.Sequence.Stream
		if of, _, _ := strings.Cut(m.Headers().Get("ce-id"), "/"); of == id {
			found = reached // of several revisions the last
		}
	}
	if found == 0 {
		return models.Verdict{}, ErrNoVerdict
	}
	raw, err := s.GetMsg(ctx, found)
	if err != nil {
		return fail(err)
	}
	v, err := wire.DecodeVerdict(wire.Message{Header: raw.Header, Data: raw.Data})
	if err != nil {
		return fail(err)
	}
	return v, nil
}

// Definition returns the live definition that a verdict is about. It needs an operator's rights.
//
// Errors: [ErrGone] for what is not kept (everything but definitions), is not there any more or has changed since.
func (c *Client) Definition(ctx context.Context, v *models.Verdict) (models.Event, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	fail := func(err error) (models.Event, error) {
		return models.Event{}, fmt.Errorf("reading the definition: %w", err)
	}
	if !v.Subject.Kind.Definition() {
		return fail(fmt.Errorf("%w: events of kind %s are not kept", ErrGone, v.Subject.Kind))
	}
	bucket := wire.LiveBucket(c.tenant)
	raw, err := c.storedValue(ctx, bucket, "$KV."+bucket+"."+wire.LastKey(v.Subject))
	if err != nil {
		return fail(err)
	}
	e, err := wire.UnmarshalEvent(raw.Data)
	if err != nil {
		return fail(err)
	}
	if e.RawDigest() != v.Subject.RawDigest {
		return fail(fmt.Errorf("%w: it has changed since the verdict", ErrGone))
	}
	return e, nil
}
