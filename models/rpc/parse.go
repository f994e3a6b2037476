package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Limits on a saved file.
const (
	MaxFileBytes  = 256 << 20
	MaxFileEvents = 1 << 20
)

// Parse reads anything that someone may have saved: the result of a list method, alone or in its response; a dump of
// several lists; one tool, prompt, resource, call, result or agent card; JSON-RPC frames; events in their JSON form;
// corpus rows that hold one in their "event" member. Several of them may stand in an array or one after the other
// (JSONL). A UTF-8 byte order mark is skipped.
//
// Events that name no server get server. A response whose method is not to be had from a request in the same file is
// recognised by its shape. The error is an [*Error] that says where and what was expected.
func Parse(data []byte, server string) (Batch, error) {
	if len(data) > MaxFileBytes {
		return Batch{}, &Error{models.RejectTooLarge, fmt.Sprintf("file: %d bytes, the limit is %d", len(data), MaxFileBytes)}
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return Batch{}, malformed("file: UTF-16, save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	c := collector{frame: models.Frame{Server: server}, limit: MaxFileEvents, methods: map[string]string{}}
	if err := c.values(data); err != nil {
		return Batch{}, err
	}
	return c.batch(), nil
}

// values reads JSON values one after the other.
func (c *collector) values(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		start := int(dec.InputOffset())
		var raw json.RawMessage
		err := dec.Decode(&raw)
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return malformed("file: empty")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			err = malformed("not JSON: %v", err)
		default:
			err = c.value(raw)
		}
		if err != nil {
			return at(fmt.Sprintf("line %d", 1+bytes.Count(data[:skipSpace(data, start)], []byte("\n"))), err)
		}
	}
}

// at says where in a file an error is.
func at(place string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{e.Reason, models.Truncate(place+": "+e.Detail, models.MaxDetailBytes)}
	}
	return malformed("%s: %v", place, err)
}

func (c *collector) value(raw []byte) error {
	switch raw[0] {
	case '{':
		return c.saved(raw, members(raw))
	case '[':
		for i, e := range elements(raw) {
			if err := c.value(e); err != nil {
				return at(fmt.Sprintf("element %d", i), err)
			}
		}
		return nil
	}
	return malformed("neither an object nor an array")
}

// shape is one sort of object that people save.
type shape struct {
	name string
	is   func(o object) bool
	read func(c *collector, raw []byte, o object) error
}

// as reads the whole object as one event.
func as(kind models.Kind, name string) func(*collector, []byte, object) error {
	return func(c *collector, raw []byte, _ object) error { return c.add(kind, name, raw, "") }
}

// shapes is tried in order: what names its own sort first, what is told by its members later.
var shapes = []shape{
	{"JSON-RPC message", func(o object) bool {
		return o.has("jsonrpc") || o.has("method", "params") || o.has("id", "result")
	}, func(c *collector, raw []byte, _ object) error { return c.message(raw) }},
	{"row with an event", func(o object) bool { return o.hasAny("event", "{") }, (*collector).row},
	{"event", func(o object) bool {
		return o.has("kind") && (o.has("body") || o.has("body_base64") || o.has("oversize"))
	}, func(c *collector, raw []byte, _ object) error { return c.event(raw, "") }},
	{"agent card", func(o object) bool { return o.hasAny("skills", "[") && o.has("name") }, as(models.KindAgentCard, "")},
	{"sampling request", func(o object) bool { return o.hasAny("messages", "[") && o.has("maxTokens") }, as(models.KindSampling, methodSampling)},
	{"list result", func(o object) bool { return listMethod(o) != "" }, func(c *collector, raw []byte, o object) error {
		return c.listing(listMethod(o), raw, lists...)
	}},
	{"initialize result", func(o object) bool {
		return o.has("serverInfo") || o.has("protocolVersion") || o.has("supportedVersions") || o.hasAny("instructions", `"`)
	}, as(models.KindInstructions, methodInitialize)},
	{"tool", func(o object) bool { return o.has("name") && (o.has("inputSchema") || o.has("outputSchema")) }, as(models.KindTool, "")},
	{"resource", func(o object) bool { return o.has("name") && (o.has("uri") || o.has("uriTemplate")) }, as(models.KindResource, "")},
	{"prompt", func(o object) bool { return o.has("name") && o.hasAny("arguments", "[") }, as(models.KindPrompt, "")},
	{"call", func(o object) bool { return o.has("name") && o.hasAny("arguments", "{") }, as(models.KindToolCall, "")},
	{"user prompt", func(o object) bool { return o.has("role", "content") }, as(models.KindUserPrompt, "")},
	{"call result", func(o object) bool { return o.hasAny("content", "[") || o.has("structuredContent") }, as(models.KindToolResult, methodCall)},
	{"resource contents", func(o object) bool { return o.hasAny("contents", "[") }, as(models.KindToolResult, methodRead)},
	{"prompt messages", func(o object) bool { return o.hasAny("messages", "[") }, as(models.KindToolResult, methodGetPrompt)},
	{"elicitation", func(o object) bool { return o.has("requestedSchema") || o.has("elicitationId") }, as(models.KindElicitation, methodElicitation)},
	{"tool without schema", func(o object) bool { return o.has("name", "description") }, as(models.KindTool, "")},
}

// listMethod returns the method whose result o looks like.
func listMethod(o object) string {
	for _, l := range lists {
		if o.hasAny(l.member, "[") {
			return l.method
		}
	}
	return ""
}

func (c *collector) saved(raw []byte, o object) error {
	for _, s := range shapes {
		if s.is(o) {
			return s.read(c, raw, o)
		}
	}
	names := make([]string, len(shapes))
	for i, s := range shapes {
		names[i] = s.name
	}
	return malformed("an object with members %s is none of: %s", memberNames(o), strings.Join(names, ", "))
}

// memberNames lists the first few members of an object for an error message.
func memberNames(o object) string {
	const most = 5
	var names []string
	for i, m := range o {
		if i == most {
			names = append(names, "...")
			break
		}
		names = append(names, fmt.Sprintf("%q", models.Truncate(m.Key, 24)))
	}
	return "[" + strings.Join(names, " ") + "]"
}

// row reads a corpus row: an object with an event, and an id that the event takes if it has none.
func (c *collector) row(_ []byte, o object) error {
	events := o.all("event")
	return c.event(events[len(events)-1], last(o.texts("id")))
}

// event reads an event in its JSON form.
func (c *collector) event(raw []byte, id string) error {
	if len(c.events) >= c.limit {
		return &Error{models.RejectTooLarge, fmt.Sprintf("more than %d events", c.limit)}
	}
	e, err := models.ParseEvent(raw)
	if err != nil {
		return malformed("%v", err)
	}
	if e.Server == "" {
		e.Server = c.frame.Server
	}
	if e.ID == "" {
		e.ID = id
	}
	if err := e.Validate(); err != nil {
		return malformed("event %q: %v", e.ID, err)
	}
	e.Normalise()
	c.events = append(c.events, e)
	return nil
}

// answered finds the method that a saved response answers: that of the request with its id, else the one that its
// result looks like.
func (c *collector) answered(msg, result object) string {
	for _, id := range msg.all("id") {
		if method := c.methods[string(id)]; method != "" {
			return method
		}
	}
	if method := listMethod(result); method != "" {
		return method
	}
	switch {
	case result.has("serverInfo") || result.has("protocolVersion") || result.has("supportedVersions"):
		return methodInitialize
	case result.hasAny("content", "["), result.has("structuredContent"):
		return methodCall
	case result.hasAny("contents", "["):
		return methodRead
	case result.hasAny("messages", "["):
		return methodGetPrompt
	}
	return ""
}
