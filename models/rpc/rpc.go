package rpc

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// MaxEvents limits the events of one frame.
const MaxEvents = 4096

// Batch is what a frame or a file holds.
type Batch struct {
	// Events are in the order of the bytes, normalised. Each definition that was offered in a list, or on its own, names
	// the catalogue; an event that was read in its own JSON form keeps what it names.
	Events []models.Event
	// Catalogue is the definitions among them; nil if there are none.
	Catalogue *models.Catalogue
}

// Error says why a frame or a file could not be read.
type Error struct {
	Reason string // one of the models.Reject words
	Detail string
}

func (e *Error) Error() string { return e.Reason + ": " + e.Detail }

func malformed(format string, args ...any) *Error {
	return &Error{models.RejectMalformed, models.Truncate(fmt.Sprintf(format, args...), models.MaxDetailBytes)}
}

// Events returns the events of a frame: a request, a response, a notification, or an array of them. A frame that
// carries nothing for a model to read has no events. f.Method is the method that responses in it answer.
//
// An entry above [models.MaxEventBytes] becomes an oversize event. Bodies alias f.Data. The error is an [*Error]; then
// no event is returned.
func Events(f models.Frame) (Batch, error) {
	if len(f.Data) > models.MaxFrameBytes {
		return Batch{}, &Error{models.RejectTooLarge, fmt.Sprintf("frame: %d bytes, the limit is %d", len(f.Data), models.MaxFrameBytes)}
	}
	if !json.Valid(f.Data) {
		return Batch{}, malformed("frame: not JSON")
	}
	c := collector{frame: f, limit: MaxEvents}
	if err := c.frames(f.Data); err != nil {
		return Batch{}, err
	}
	return c.batch(), nil
}

// collector gathers the events of one frame or file.
type collector struct {
	frame  models.Frame // what the events have in common
	limit  int
	events []models.Event
	// offered is the indexes of the definitions that were offered together.
	offered []int
	// methods remembers, while a saved conversation is read, which method a request id belongs to.
	methods map[string]string
}

// frames reads a message or a batch of them.
func (c *collector) frames(raw []byte) error {
	raw = trim(raw)
	if raw[0] != '[' {
		return c.message(raw)
	}
	for _, m := range elements(raw) {
		if err := c.message(m); err != nil {
			return err
		}
	}
	return nil
}

// trim cuts the white space around a value.
func trim(raw []byte) []byte {
	start := skipSpace(raw, 0)
	end := valueEnd(raw, start)
	return raw[start:end:end]
}

// maxMethods limits the different method members of one message. A message has one; who sends more hopes that we read
// another than the receiver does.
const maxMethods = 8

func (c *collector) message(raw []byte) error {
	if raw[0] != '{' {
		return malformed("frame: a message is a JSON object")
	}
	msg := members(raw)
	methods := unique(msg.texts("method"))
	if len(methods) == 0 && !msg.has("result") && !msg.has("error") {
		return malformed("frame: neither method nor result nor error")
	}
	if err := c.calls(raw, msg, methods); err != nil {
		return err
	}
	for _, e := range msg.all("error") {
		if string(e) == "null" {
			continue
		}
		if err := c.add(models.KindToolResult, c.asked("error"), e, ""); err != nil {
			return err
		}
	}
	for _, r := range msg.all("result") {
		if err := c.answer(msg, r); err != nil {
			return err
		}
	}
	return nil
}

func unique(texts []string) []string {
	seen := map[string]bool{}
	var once []string
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			once = append(once, t)
		}
	}
	return once
}

// Methods that this package tells apart.
const (
	methodInitialize  = "initialize"
	methodDiscover    = "server/discover"
	methodTools       = "tools/list"
	methodPrompts     = "prompts/list"
	methodResources   = "resources/list"
	methodTemplates   = "resources/templates/list"
	methodCall        = "tools/call"
	methodGetPrompt   = "prompts/get"
	methodRead        = "resources/read"
	methodSampling    = "sampling/createMessage"
	methodElicitation = "elicitation/create"
)

// list describes the result of a list method.
type list struct {
	method, member string
	kind           models.Kind
}

var lists = []list{
	{methodTools, "tools", models.KindTool},
	{methodPrompts, "prompts", models.KindPrompt},
	{methodResources, "resources", models.KindResource},
	{methodTemplates, "resourceTemplates", models.KindResource},
}

// housekeeping is the methods whose params and results no model reads.
var housekeeping = map[string]bool{
	"ping": true, "logging/setLevel": true, "resources/subscribe": true, "resources/unsubscribe": true, "roots/list": true,
}

// silentCalls is the methods whose params no model reads although it reads their results.
var silentCalls = map[string]bool{
	methodInitialize: true, methodDiscover: true, methodTools: true, methodPrompts: true, methodResources: true, methodTemplates: true,
}

// calls reads a request or a notification, once for each method that it can be taken for.
func (c *collector) calls(raw []byte, msg object, methods []string) error {
	if len(methods) > maxMethods {
		return malformed("frame: %d different methods in one message, the limit is %d", len(methods), maxMethods)
	}
	for _, method := range methods {
		if err := c.call(raw, msg, method); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) call(raw []byte, msg object, method string) error {
	if c.methods != nil {
		for _, id := range msg.all("id") {
			c.methods[string(id)] = method
		}
	}
	if housekeeping[method] || silentCalls[method] {
		return nil
	}
	params := msg.all("params")
	if strings.HasPrefix(method, "notifications/") {
		if len(params) == 0 {
			return nil
		}
		return c.add(models.KindNotification, method, raw, "")
	}
	kind := models.KindToolCall
	switch method {
	case methodSampling:
		kind = models.KindSampling
	case methodElicitation:
		kind = models.KindElicitation
	}
	for _, p := range params {
		if err := c.add(kind, calledObject(method, p), p, ""); err != nil {
			return err
		}
	}
	return nil
}

// calledObject names what a request is about.
func calledObject(method string, params []byte) string {
	p := members(params)
	switch method {
	case methodCall, methodGetPrompt:
		return last(p.texts("name"))
	case methodRead:
		return last(p.texts("uri"))
	}
	return method
}

func last(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1]
}

// answer reads the result of a response.
func (c *collector) answer(msg object, result []byte) error {
	method := c.frame.Method
	if method == "" && c.methods != nil {
		method = c.answered(msg, members(result))
	}
	if method == "" {
		return &Error{models.RejectMethodUnknown, "a response does not say which method it answers: set ce-method"}
	}
	if housekeeping[method] {
		return nil
	}
	if err := c.inputRequests(result); err != nil {
		return err
	}
	for _, l := range lists {
		if l.method == method {
			return c.listing(method, result, l)
		}
	}
	switch method {
	case methodInitialize, methodDiscover:
		return c.add(models.KindInstructions, method, result, "")
	case methodSampling:
		return c.add(models.KindSampling, method, result, models.ClientToServer)
	case methodElicitation:
		return c.add(models.KindElicitation, method, result, models.ClientToServer)
	}
	return c.add(models.KindToolResult, c.asked(method), result, "")
}

// asked names what a response is about: what the gateway says was asked for, else the method.
func (c *collector) asked(fallback string) string {
	for _, s := range []string{c.frame.Object, c.frame.Method} {
		if s != "" {
			return s
		}
	}
	return fallback
}

// inputRequests reads the requests that a result can hold for the client to answer.
func (c *collector) inputRequests(result []byte) error {
	for _, requests := range members(result).all("inputRequests") {
		for _, r := range members(requests) {
			request := members(r.Value)
			if err := c.calls(r.Value, request, unique(request.texts("method"))); err != nil {
				return err
			}
		}
	}
	return nil
}

// paging is the members of a list result that steer the client and are read by nobody.
var paging = []string{"nextCursor", "ttlMs", "cacheScope", "resultType", "inputRequests"}

// listing reads a list result. A server's saved dump can hold several lists, so that is allowed on the wire too.
func (c *collector) listing(method string, result []byte, want ...list) error {
	if trim(result)[0] != '{' {
		return malformed("result of %s: not an object", method)
	}
	for _, m := range members(result) {
		if err := c.listed(method, m, want); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) listed(method string, m member, want []list) error {
	for _, l := range want {
		if strings.EqualFold(m.Key, l.member) {
			return c.entries(l, m.Value)
		}
	}
	for _, p := range paging {
		if m.Key == p {
			return nil
		}
	}
	if strings.IndexByte(`{["`, m.Value[0]) < 0 {
		return nil // a number, true, false, null
	}
	return c.add(models.KindInstructions, method+"#"+m.Key, m.Value, "")
}

func (c *collector) entries(l list, value []byte) error {
	if value[0] != '[' {
		return malformed("%s: not an array", l.member)
	}
	for _, e := range elements(value) {
		if err := c.add(l.kind, "", e, ""); err != nil {
			return err
		}
	}
	return nil
}

// add appends an event. An empty object is taken from the body, an empty direction from frame or kind.
func (c *collector) add(kind models.Kind, object string, body []byte, direction models.Direction) error {
	if len(c.events) >= c.limit {
		return &Error{models.RejectTooLarge, fmt.Sprintf("more than %d events", c.limit)}
	}
	if direction == "" {
		direction = c.frame.Direction
	}
	e := models.Event{
		Tenant:    c.frame.Tenant,
		Server:    c.frame.Server,
		Kind:      kind,
		Object:    models.Truncate(object, models.MaxNameBytes),
		Direction: direction,
		Session:   c.frame.Session,
		Time:      c.frame.Time,
		Body:      body,
	}
	if c.frame.ID != "" {
		e.ID = models.Hash("part", c.frame.ID, strconv.Itoa(len(c.events)))
	}
	e.Normalise()
	switch {
	case len(body) > models.MaxEventBytes:
		e.Oversize, e.Body = &models.Oversize{RawDigest: models.Digest(body), Bytes: int64(len(body))}, nil
	case kind.Definition():
		c.offered = append(c.offered, len(c.events))
	}
	c.events = append(c.events, e)
	return nil
}

// batch makes the definitions that were offered together a catalogue.
func (c *collector) batch() Batch {
	if len(c.offered) == 0 {
		return Batch{Events: c.events}
	}
	entries := make([]models.CatalogueObject, len(c.offered))
	for i, at := range c.offered {
		e := &c.events[at]
		entries[i] = models.CatalogueObject{Server: e.Server, Kind: e.Kind, Name: e.Object, Body: e.Body}
	}
	catalogue := models.NewCatalogue(entries)
	for _, at := range c.offered {
		c.events[at].Catalogue = catalogue.Digest
	}
	return Batch{Events: c.events, Catalogue: catalogue}
}
