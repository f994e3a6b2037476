package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/rpc"
)

// Limits bound what a server may cost. Each must be positive.
type Limits struct {
	Pages      int   // of one list
	Objects    int   // of all lists together
	Messages   int   // that the server sends unasked
	Bytes      int64 // of everything the server sends
	FrameBytes int   // of one message
	// Discover is how long the newest handshake may take before the older one is tried: servers that ignore
	// methods they don't know never answer it.
	Discover time.Duration
	Call     time.Duration // for one answer
	Total    time.Duration // for everything
	Grace    time.Duration // for a child to exit after its input was closed
}

// DefaultLimits suit a scan that somebody waits for. The largest of the public servers in common use lists some 100
// objects in 100 KB.
func DefaultLimits() Limits {
	return Limits{
		Pages: 100, Objects: 10_000, Messages: 1_000, Bytes: 64 << 20, FrameBytes: models.MaxFrameBytes,
		Discover: 3 * time.Second, Call: 30 * time.Second, Total: time.Minute, Grace: time.Second,
	}
}

// Gap is something that the server offers, or may offer, and that was not read.
type Gap struct {
	Method string `json:"method"` // for example "tools/list"
	Reason string `json:"reason"` // for a person
}

// Listing is everything a server said while it was asked for what it offers.
type Listing struct {
	// Revision is the protocol revision that the server settled on.
	Revision string
	// Events are its instructions and definitions, in order, and what it sent unasked. The definitions' Catalogue is
	// the digest of the catalogue below.
	Events    []models.Event
	Catalogue *models.Catalogue
	// Gaps is empty if everything was read.
	Gaps []Gap
}

// lists are the methods that list definitions, each with the capability that announces it. Tools are always asked for.
var lists = []struct{ method, capability string }{
	{"tools/list", ""},
	{"prompts/list", "prompts"},
	{"resources/list", "resources"},
	{"resources/templates/list", "resources"},
}

// List connects to t and reads everything it offers. version is the client's version to show to the server.
//
// An error means that there was no conversation; from the handshake on, what could not be read is a [Gap]. For a
// target that [Target.Runs], this starts its command with the rights of the caller.
func List(ctx context.Context, t Target, version string, limits Limits) (*Listing, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limits.Total)
	defer cancel()
	l, err := list(ctx, &t, version, limits, true)
	if err != nil && ctx.Err() == nil && !errors.Is(err, errHandshakeRefused) {
		// Some servers end, or break the connection, at a method they do not know.
		if again, err := list(ctx, &t, version, limits, false); err == nil {
			return again, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to server %q: %w", t.Name, err)
	}
	return l, nil
}

func list(ctx context.Context, t *Target, version string, limits Limits, discover bool) (*Listing, error) {
	var revision atomic.Value
	conn, diagnose, end, err := dial(ctx, t, limits, &revision)
	if err != nil {
		return nil, err
	}
	defer end()
	r := &reader{server: t.Name, version: version, limits: limits, listing: &Listing{}}
	r.session = &session{conn: conn, unasked: r.unasked}
	if err := r.handshake(ctx, discover); err != nil {
		if said := diagnose(); said != "" {
			err = fmt.Errorf("%w (%s)", err, said)
		}
		return nil, err
	}
	revision.Store(r.listing.Revision)
	if r.session.meta == nil {
		if err := r.session.notify(ctx, "notifications/initialized"); err != nil {
			return nil, err
		}
	}
	for _, l := range lists {
		if _, offered := r.capabilities[l.capability]; offered || l.capability == "" {
			r.pages(ctx, l.method)
		}
	}
	r.close()
	return r.listing, nil
}

// reader turns one conversation into a listing.
type reader struct {
	session      *session
	server       string
	version      string
	limits       Limits
	messages     int
	capabilities map[string]json.RawMessage
	listing      *Listing
}

// errHandshakeRefused means that the server answered the older handshake with an error: asking again is useless.
var errHandshakeRefused = errors.New("the server refuses the handshake")

// handshake tries the stateless revision first, if discover is set, and then the one with sessions.
func (r *reader) handshake(ctx context.Context, discover bool) error {
	if discover {
		r.session.meta = clientMeta(r.version)
		result, err := r.call(ctx, r.limits.Discover, "server/discover", nil)
		if err == nil && slices.Contains(supported(result), statelessRevision) {
			return r.greeted("server/discover", result, statelessRevision)
		}
		if err != nil && !refusal(err) && !errors.Is(err, context.DeadlineExceeded) {
			return err // the connection is of no more use
		}
		r.session.meta = nil
	}
	result, err := r.call(ctx, r.limits.Call, "initialize", map[string]any{
		"protocolVersion": sessionRevision, "clientInfo": clientInfo(r.version), "capabilities": struct{}{},
	})
	if refusal(err) {
		return fmt.Errorf("%w: %w", errHandshakeRefused, err)
	}
	if err != nil {
		return err
	}
	var agreed struct {
		Revision string `json:"protocolVersion"`
	}
	if err := json.Unmarshal(result, &agreed); err != nil {
		return fmt.Errorf("reading the answer to initialize: %w", err)
	}
	return r.greeted("initialize", result, agreed.Revision)
}

func supported(discovered json.RawMessage) []string {
	var result struct {
		Versions []string `json:"supportedVersions"`
	}
	_ = json.Unmarshal(discovered, &result) // a result that can't be read supports nothing
	return result.Versions
}

func (r *reader) greeted(method string, result json.RawMessage, revision string) error {
	var greeting struct {
		Capabilities map[string]json.RawMessage `json:"capabilities"`
	}
	if err := json.Unmarshal(result, &greeting); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", method, err)
	}
	r.capabilities, r.listing.Revision = greeting.Capabilities, revision
	r.keep(method, responseFrame(result))
	return nil
}

// pages reads one list to its end or to a limit.
func (r *reader) pages(ctx context.Context, method string) {
	params, seen := map[string]any{}, map[string]bool{}
	for page := 1; ; page++ {
		result, err := r.call(ctx, r.limits.Call, method, params)
		if notFound(err) && page == 1 {
			return
		}
		if err != nil {
			r.gap(method, err.Error())
			return
		}
		r.keep(method, responseFrame(result))
		var next struct {
			Cursor string `json:"nextCursor"`
		}
		if err := json.Unmarshal(result, &next); err != nil {
			r.gap(method, fmt.Sprintf("page %d can't be read: %v", page, err))
			return
		}
		switch {
		case next.Cursor == "":
			return
		case page >= r.limits.Pages:
			r.gap(method, fmt.Sprintf("more than %d pages", r.limits.Pages))
			return
		case seen[next.Cursor]:
			r.gap(method, "the same cursor came twice")
			return
		case len(r.listing.Events) >= r.limits.Objects:
			r.gap(method, fmt.Sprintf("more than %d objects", r.limits.Objects))
			return
		}
		seen[next.Cursor] = true
		params = map[string]any{"cursor": next.Cursor}
	}
}

func (r *reader) call(ctx context.Context, limit time.Duration, method string, params map[string]any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.session.call(ctx, method, params)
}

func (r *reader) gap(method, reason string) {
	r.listing.Gaps = append(r.listing.Gaps, Gap{Method: method, Reason: reason})
}

// keep adds the events of a frame to the listing, up to the limit of objects.
func (r *reader) keep(method string, frame []byte) {
	batch, err := rpc.Events(models.Frame{
		Server: r.server, Method: method, Direction: models.ServerToClient, Time: time.Now().UTC(), Data: frame,
	})
	if err != nil {
		r.gap(method, err.Error())
		return
	}
	events := batch.Events
	if room := max(r.limits.Objects-len(r.listing.Events), 0); len(events) > room {
		r.gap(method, fmt.Sprintf("%d objects above the limit of %d", len(events)-room, r.limits.Objects))
		events = events[:room]
	}
	r.listing.Events = append(r.listing.Events, events...)
}

// unasked keeps what the server sent of its own accord.
func (r *reader) unasked(req *jsonrpc.Request) error {
	r.messages++
	if r.messages > r.limits.Messages {
		return fmt.Errorf("the server sent more than %d messages unasked", r.limits.Messages)
	}
	if req.Method == "ping" {
		return nil
	}
	frame, err := requestFrame(req)
	if err != nil {
		return err
	}
	r.keep(req.Method, frame)
	return nil
}

// close puts the definitions of all pages and lists into one catalogue.
func (r *reader) close() {
	var entries []models.CatalogueObject
	for i := range r.listing.Events {
		if e := &r.listing.Events[i]; e.Kind.Definition() && e.Oversize == nil {
			entries = append(entries, models.CatalogueObject{Server: e.Server, Kind: e.Kind, Name: e.Object, Body: e.Body})
		}
	}
	r.listing.Catalogue = models.NewCatalogue(entries)
	for i := range r.listing.Events {
		if e := &r.listing.Events[i]; e.Kind.Definition() {
			e.Catalogue = r.listing.Catalogue.Digest
		}
	}
}
