// Package client is what a gateway imports: it publishes what servers and clients say, asks for a verdict and waits,
// subscribes to verdicts, and reads the last verdict on an object.
//
//	c, err := client.Connect("nats://taster:4222", "acme", client.NATS(nats.UserInfo("acme", password)))
//	...
//	defer c.Close()
//	v, err := c.Check(ctx, models.Event{Server: "weather", Kind: models.KindTool, Body: definition})
//	switch {
//	case err != nil || !v.Coverage.Complete: // not inspected, which is never the same as clean
//	case v.Action() == models.Block:
//	}
//
// It needs the rights of one tenant and no more (cmd/taster/deploy/nats.conf). What needs an operator's says so.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// Errors that a gateway reacts to.
var (
	// ErrNotServed says that nobody takes the message now: no engine answers checks, or the tenant is not provisioned.
	ErrNotServed = errors.New("not served: no engine is running for this tenant")
	// ErrFull says that a stream is at its bounds and refuses. The event stream: the engine can't keep up; try again later.
	ErrFull = errors.New("the stream is full")
	// ErrOverloaded says that the engine has too many checks under way. Try again later.
	ErrOverloaded = errors.New("the engine is overloaded")
	// ErrNoVerdict says that there is no verdict on the object.
	ErrNoVerdict = errors.New("no verdict on this object")
	// ErrNotPermitted says that the bus did not answer what only an operator may ask.
	ErrNotPermitted = errors.New("not permitted: this needs an operator's rights")
)

// RejectedError says that the engine could not read what it was sent.
type RejectedError struct{ Detail string }

func (e *RejectedError) Error() string { return "rejected: " + e.Detail }

// defaultDeadline bounds a call whose context has no deadline.
const defaultDeadline = 15 * time.Second

// Option changes how [Connect] connects.
type Option func(*options)

type options struct {
	nats  []nats.Option
	log   *slog.Logger
	cache int
}

// NATS passes options to the connection: users, certificates, names.
func NATS(opts ...nats.Option) Option {
	return func(o *options) { o.nats = append(o.nats, opts...) }
}

// InProcess connects to a server in the same process; the URL is ignored. Such a connection does not survive its server.
func InProcess(server nats.InProcessConnProvider) Option { return NATS(nats.InProcessServer(server)) }

// Logger gets what happens beside calls: lost connections, messages that could not be read. Default: discarded.
func Logger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// Cache remembers up to entries verdicts of Check: the same bytes of the same object are answered from memory, and the
// engine does not see them again. A verdict leaves when it is no longer valid, the epoch changes or the connection was
// lost. What was not wholly inspected, or is not final, is never remembered. Default: no cache.
func Cache(entries int) Option { return func(o *options) { o.cache = entries } }

// Client is a gateway's connection for one tenant. It is safe for concurrent use and reconnects by itself.
type Client struct {
	tenant string
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *slog.Logger
	cache  *cache // nil without one
	subs   sync.WaitGroup
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
}

// Connect connects to the bus at url (nats://, tls://, ws://) for a tenant; empty means [models.DefaultTenant].
func Connect(url, tenant string, opts ...Option) (*Client, error) {
	o := options{log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&o)
	}
	c := &Client{tenant: cmp.Or(tenant, models.DefaultTenant), log: o.log}
	token := wire.EscapeToken(c.tenant)
	if _, err := wire.UnescapeToken(token); err != nil {
		return nil, fmt.Errorf("connecting: tenant %q does not fit a subject token", tenant)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if o.cache > 0 {
		c.cache = newCache(o.cache)
	}
	var err error
	c.nc, err = nats.Connect(url, append([]nats.Option{
		nats.Name("taster client"),
		nats.CustomInboxPrefix("_INBOX_" + token),
		nats.MaxReconnects(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.log.Warn("bus", "error", err) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.lost(err) }),
	}, o.nats...)...)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if c.js, err = jetstream.New(c.nc); err == nil && c.cache != nil {
		err = c.followEpochs()
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return c, nil
}

// lost is called when the connection breaks: the announcement of an epoch may be missed.
func (c *Client) lost(err error) {
	if err != nil {
		c.log.Warn("connection lost", "error", err)
	}
	if c.cache != nil {
		c.cache.drop()
	}
}

func (c *Client) followEpochs() error {
	_, err := c.nc.Subscribe(wire.EpochSubject(c.tenant), func(*nats.Msg) { c.cache.drop() })
	return cmp.Or(err, c.nc.Flush())
}

// Close ends all subscriptions, waits for their handlers and closes the connection.
func (c *Client) Close() {
	c.cancel()
	c.subs.Wait()
	c.nc.Close()
}

// Publish stores an event for judgement and returns when it is stored; the verdict follows on the verdict stream. The
// tenant is the client's. A body above [models.MaxEventBytes] is published as an oversize event, which ends not
// inspected. Give the event an ID to be able to publish it again without it counting twice.
//
// Errors: [ErrFull], [ErrNotServed], [*wire.Error] for an event that is not valid.
func (c *Client) Publish(ctx context.Context, e models.Event) error {
	m, err := wire.EncodeEvent(c.own(&e))
	if err != nil {
		return fmt.Errorf("publishing event: %w", err)
	}
	return c.publish(ctx, m, "publishing event")
}

// PublishFrame stores a raw JSON-RPC frame. A frame above [models.MaxFrameBytes] is refused: publish its objects.
func (c *Client) PublishFrame(ctx context.Context, f models.Frame) error {
	f.Tenant = c.tenant
	m, err := wire.EncodeFrame(&f)
	if err != nil {
		return fmt.Errorf("publishing frame: %w", err)
	}
	return c.publish(ctx, m, "publishing frame")
}

// Feedback stores a person's word on a verdict.
func (c *Client) Feedback(ctx context.Context, f models.Feedback) error {
	f.Tenant = c.tenant
	if f.Time.IsZero() {
		f.Time = time.Now()
	}
	m, err := wire.EncodeFeedback(&f)
	if err != nil {
		return fmt.Errorf("publishing feedback: %w", err)
	}
	return c.publish(ctx, m, "publishing feedback")
}

// own makes the event the client's: its tenant, and no body that the bus does not take.
func (c *Client) own(e *models.Event) *models.Event {
	e.Tenant = c.tenant
	if len(e.Body) > models.MaxEventBytes {
		e.Normalise() // while there is a body to take the name from
		e.Oversize = &models.Oversize{RawDigest: models.Digest(e.Body), Bytes: int64(len(e.Body))}
		e.Body = nil
	}
	return e
}

func (c *Client) publish(ctx context.Context, m wire.Message, doing string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := c.js.PublishMsg(ctx, toMsg(m)); err != nil {
		return fmt.Errorf("%s: %w", doing, storing(err))
	}
	return nil
}

// storing explains an error of storing.
func storing(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return ErrNotServed
	case errors.As(err, &api) && api.ErrorCode == codeStoreFailed:
		return ErrFull
	}
	return err
}

// codeStoreFailed is JetStream's error for a stream at its bounds.
const codeStoreFailed jetstream.ErrorCode = 10077

// listMember says in which list of which method a kind of definition stands.
var listMember = map[models.Kind]struct{ method, member string }{
	models.KindTool:     {"tools/list", "tools"},
	models.KindPrompt:   {"prompts/list", "prompts"},
	models.KindResource: {"resources/list", "resources"},
}

// PublishCatalogue stores definitions that are offered together. Those of one server and kind go as one list, so that
// detectors see them as siblings; a list that is too large for the bus, and other kinds, go one by one.
func (c *Client) PublishCatalogue(ctx context.Context, objects []models.CatalogueObject) error {
	type list struct {
		server string
		kind   models.Kind
	}
	lists := map[list][]json.RawMessage{}
	var order []list
	for _, o := range objects {
		l := list{o.Server, o.Kind}
		if _, ok := lists[l]; !ok {
			order = append(order, l)
		}
		lists[l] = append(lists[l], o.Body)
	}
	for _, l := range order {
		if err := c.publishList(ctx, l.server, l.kind, lists[l]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) publishList(ctx context.Context, server string, kind models.Kind, bodies []json.RawMessage) error {
	as, ok := listMember[kind]
	frame := models.Frame{Server: server, Method: as.method, Direction: models.ServerToClient}
	if ok {
		frame.Data = listResult(as.member, bodies)
		ok = len(frame.Data) <= models.MaxFrameBytes
	}
	if ok {
		return c.PublishFrame(ctx, frame)
	}
	for _, body := range bodies {
		if err := c.Publish(ctx, models.Event{Server: server, Kind: kind, Body: body}); err != nil {
			return err
		}
	}
	return nil
}

// listResult is the response that offers the bodies, each byte for byte.
func listResult(member string, bodies []json.RawMessage) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"jsonrpc":"2.0","id":0,"result":{%q:[`, member)
	for i, body := range bodies {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(body)
	}
	b.WriteString(`]}}`)
	return b.Bytes()
}

// Check asks for a verdict and waits for it. The event is stored and streamed like a published one. A nil error says
// that there is a verdict, not that everything was inspected: see its Coverage.
//
// Errors: [ErrNotServed], [ErrOverloaded], [*RejectedError], [*wire.Error] for an event that is not valid, and the
// context's. On any of them the event counts as not inspected.
func (c *Client) Check(ctx context.Context, e models.Event) (models.Verdict, error) {
	own := c.own(&e)
	if c.cache == nil {
		return c.check(ctx, own)
	}
	key := keyOf(own)
	if v, ok := c.cache.get(key); ok {
		return v, nil
	}
	generation := c.cache.generation()
	v, err := c.check(ctx, own)
	if err == nil {
		c.cache.put(key, v, generation)
	}
	return v, err
}

func (c *Client) check(ctx context.Context, e *models.Event) (models.Verdict, error) {
	m, err := wire.EncodeCheck(e)
	if err != nil {
		return models.Verdict{}, fmt.Errorf("checking: %w", err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	reply, err := c.nc.RequestMsgWithContext(ctx, toMsg(m))
	if errors.Is(err, nats.ErrNoResponders) {
		err = ErrNotServed
	}
	if err == nil {
		err = replyError(reply)
	}
	if err != nil {
		return models.Verdict{}, fmt.Errorf("checking: %w", err)
	}
	v, err := wire.DecodeVerdict(wire.Message{Header: reply.Header, Data: reply.Data})
	if err != nil {
		return models.Verdict{}, fmt.Errorf("reading the verdict: %w", err)
	}
	return v, nil
}

// replyError reads the error of a check's reply, if it is one.
func replyError(reply *nats.Msg) error {
	detail := reply.Header.Get(micro.ErrorHeader)
	switch code := reply.Header.Get(micro.ErrorCodeHeader); code {
	case "":
		return nil
	case "400":
		return &RejectedError{Detail: detail}
	case "503":
		return ErrOverloaded
	default:
		return fmt.Errorf("the engine answered %s: %s", code, detail)
	}
}

// Last returns the last verdict on an object, or [ErrNoVerdict]. Of the subject only server, kind and object count.
func (c *Client) Last(ctx context.Context, s models.Subject) (models.Verdict, error) {
	bucket := wire.LastBucket(c.tenant)
	subject := fmt.Sprintf("$JS.API.DIRECT.GET.KV_%s.$KV.%s.%s", bucket, bucket, wire.LastKey(s))
	ctx, cancel := bounded(ctx)
	defer cancel()
	reply, err := c.nc.RequestWithContext(ctx, subject, nil)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return models.Verdict{}, fmt.Errorf("reading the last verdict: %w", ErrNotServed)
	case err != nil:
		return models.Verdict{}, fmt.Errorf("reading the last verdict: %w", err)
	case reply.Header.Get("Status") == "404":
		return models.Verdict{}, ErrNoVerdict
	case reply.Header.Get("Status") != "":
		return models.Verdict{}, fmt.Errorf("reading the last verdict: %s %s", reply.Header.Get("Status"), reply.Header.Get("Description"))
	}
	v, err := wire.DecodeVerdict(wire.Message{Header: reply.Header, Data: reply.Data})
	if err != nil {
		return models.Verdict{}, fmt.Errorf("reading the last verdict: %w", err)
	}
	return v, nil
}

// bounded gives ctx a deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, defaultDeadline)
}

func toMsg(m wire.Message) *nats.Msg {
	return &nats.Msg{Subject: m.Subject, Header: nats.Header(m.Header), Data: m.Data}
}
