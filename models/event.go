package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Kind says what an MCP or A2A peer said.
type Kind string

// The kinds of event.
const (
	KindTool         Kind = "tool"
	KindPrompt       Kind = "prompt"
	KindResource     Kind = "resource"
	KindInstructions Kind = "instructions"
	KindUserPrompt   Kind = "user_prompt"
	KindToolCall     Kind = "tool_call"
	KindToolResult   Kind = "tool_result"
	KindSampling     Kind = "sampling"
	KindElicitation  Kind = "elicitation"
	KindNotification Kind = "notification"
	KindAgentCard    Kind = "agent_card"
)

// Kinds returns every kind, definitions first.
func Kinds() []Kind {
	return []Kind{
		KindTool, KindPrompt, KindResource, KindInstructions, KindAgentCard,
		KindUserPrompt, KindToolCall, KindToolResult, KindSampling, KindElicitation, KindNotification,
	}
}

// Definition reports whether the kind is something a server declares once and a gateway can pin and keep
// (a tool, a prompt, a resource, server instructions, an agent card), as against run-time traffic.
func (k Kind) Definition() bool {
	switch k {
	case KindTool, KindPrompt, KindResource, KindInstructions, KindAgentCard:
		return true
	}
	return false
}

// Group is a group of kinds that read alike: what is learned, and where thresholds are, differs from one to the next.
type Group string

// The groups. Data is what comes in at run time, from servers and other agents.
const (
	GroupDefinitions Group = "definitions"
	GroupData        Group = "data"
	GroupPrompts     Group = "prompts"
	GroupCalls       Group = "calls"
)

// Groups returns every group.
func Groups() []Group { return []Group{GroupDefinitions, GroupData, GroupPrompts, GroupCalls} }

// Group returns the group of the kind.
func (k Kind) Group() Group {
	switch {
	case k.Definition():
		return GroupDefinitions
	case k == KindUserPrompt:
		return GroupPrompts
	case k == KindToolCall:
		return GroupCalls
	}
	return GroupData
}

// Valid reports whether k is one of [Kinds].
func (k Kind) Valid() bool {
	switch k {
	case KindTool, KindPrompt, KindResource, KindInstructions, KindAgentCard, KindUserPrompt, KindToolCall,
		KindToolResult, KindSampling, KindElicitation, KindNotification:
		return true
	}
	return false
}

// Direction says who spoke to whom.
type Direction string

// The directions. The zero value means "not stated"; [Event.Normalise] fills it in from the kind.
const (
	ServerToClient Direction = "server_to_client"
	ClientToServer Direction = "client_to_server"
)

func (k Kind) defaultDirection() Direction {
	if k == KindToolCall || k == KindUserPrompt {
		return ClientToServer
	}
	return ServerToClient
}

// Limits on an event. They are part of the wire contract.
const (
	// MaxEventBytes is the largest body of one event. A larger object is published as an oversize event.
	MaxEventBytes = 4 << 20
	// MaxNameBytes limits tenant, server, object, session and identifier, each.
	MaxNameBytes = 1024
)

// DefaultTenant is the tenant of whoever names none.
const DefaultTenant = "default"

// Event is one thing an MCP or A2A peer said that a model, or a person approving for it, may read.
type Event struct {
	// ID is the gateway's own identifier of this occurrence, or empty. Servers never choose it.
	ID string `json:"id,omitempty"`
	// Tenant owns the event. On the bus it is always taken from the subject.
	Tenant string `json:"tenant,omitempty"`
	// Server is the name that the gateway configured, never what the server says of itself.
	Server string `json:"server"`
	Kind   Kind   `json:"kind"`
	// Object names what the event is about: a tool's or prompt's name, a resource's URI. Empty means
	// "take it from the body" ([Event.Normalise]).
	Object    string    `json:"object,omitempty"`
	Direction Direction `json:"direction,omitempty"`
	// Session groups the run-time events of one conversation, or is empty.
	Session string `json:"session,omitempty"`
	// Catalogue is the digest of the catalogue that the event belongs to, or empty.
	Catalogue string `json:"catalogue,omitempty"`
	// Pin is the canonical digest that was approved for this object, or empty.
	Pin string `json:"pin,omitempty"`
	// Time is when the gateway saw the event; the zero time means "not stated".
	Time time.Time `json:"time,omitzero"`
	// Body is the MCP object verbatim: the bytes as sent, duplicate and unknown keys included.
	Body json.RawMessage `json:"body,omitempty"`
	// Oversize stands in for the body of an object above [MaxEventBytes]. Exactly one of Body and Oversize is set.
	Oversize *Oversize `json:"oversize,omitempty"`
}

// Oversize describes an object that was too large to be sent. Its event always ends "not inspected".
type Oversize struct {
	RawDigest string `json:"raw_digest"` // "sha256:" and 64 hex digits
	Bytes     int64  `json:"bytes"`
}

// Normalise fills in what the event leaves to be derived: tenant, direction and object name.
func (e *Event) Normalise() {
	if e.Tenant == "" {
		e.Tenant = DefaultTenant
	}
	if e.Direction == "" {
		e.Direction = e.Kind.defaultDirection()
	}
	if e.Object == "" {
		e.Object = objectName(e.Kind, e.Body)
	}
}

// objectName reads the name an object gives itself. The last of duplicate keys counts, as it does for most clients.
func objectName(k Kind, body []byte) string {
	var named struct {
		Name   string `json:"name"`
		URI    string `json:"uri"`
		URITpl string `json:"uriTemplate"`
		Method string `json:"method"`
	}
	if len(body) == 0 || json.Unmarshal(body, &named) != nil {
		return ""
	}
	name := named.Name
	switch k {
	case KindResource:
		name = firstNonEmpty(named.URI, named.URITpl, named.Name)
	case KindNotification:
		name = named.Method
	}
	return Truncate(name, MaxNameBytes)
}

func firstNonEmpty(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// Truncate cuts s to at most limit bytes without splitting a rune.
func Truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// Validate reports the first thing that makes e unusable, naming field and limit.
func (e *Event) Validate() error {
	if err := e.ValidateEnvelope(); err != nil {
		return err
	}
	if e.Oversize == nil && !json.Valid(e.Body) {
		return &FieldError{Field: "body", Problem: "not JSON"}
	}
	return nil
}

// ValidateEnvelope is [Event.Validate] without reading the body, for whoever knows that it is JSON or is about to find
// out.
func (e *Event) ValidateEnvelope() error {
	for _, f := range []struct{ field, value string }{
		{"id", e.ID}, {"tenant", e.Tenant}, {"server", e.Server}, {"object", e.Object}, {"session", e.Session},
		{"catalogue", e.Catalogue}, {"pin", e.Pin},
	} {
		if len(f.value) > MaxNameBytes {
			return &FieldError{Field: f.field, Problem: fmt.Sprintf("%d bytes, the limit is %d", len(f.value), MaxNameBytes)}
		}
	}
	switch {
	case e.Server == "":
		return &FieldError{Field: "server", Problem: "empty: name the server as the gateway knows it"}
	case !e.Kind.Valid():
		return &FieldError{Field: "kind", Problem: fmt.Sprintf("%q is not one of %v", e.Kind, Kinds())}
	case e.Direction != "" && e.Direction != ServerToClient && e.Direction != ClientToServer:
		return &FieldError{Field: "direction", Problem: fmt.Sprintf("%q is neither %s nor %s", e.Direction, ServerToClient, ClientToServer)}
	case e.Oversize != nil && len(e.Body) > 0:
		return &FieldError{Field: "oversize", Problem: "set together with a body"}
	case e.Oversize != nil:
		return e.Oversize.validate()
	case len(e.Body) > MaxEventBytes:
		return &FieldError{Field: "body", Problem: fmt.Sprintf("%d bytes, the limit is %d", len(e.Body), MaxEventBytes)}
	case len(bytes.TrimSpace(e.Body)) == 0:
		return &FieldError{Field: "body", Problem: "empty"}
	}
	return nil
}

func (o *Oversize) validate() error {
	if !ValidDigest(o.RawDigest) {
		return &FieldError{Field: "oversize.raw_digest", Problem: fmt.Sprintf("%q is not sha256: and 64 hex digits", o.RawDigest)}
	}
	if o.Bytes <= 0 {
		return &FieldError{Field: "oversize.bytes", Problem: "not positive"}
	}
	return nil
}

// RawDigest is the digest of the bytes as sent, or what an oversize event states.
func (e *Event) RawDigest() string {
	if e.Oversize != nil {
		return e.Oversize.RawDigest
	}
	return Digest(e.Body)
}

// FieldError is an input error that names the field and what is wrong with it.
type FieldError struct {
	Field   string
	Problem string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

const digestPrefix = "sha256:"

// Digest returns "sha256:" and the hexadecimal SHA-256 of the parts, one after the other.
func Digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return formatDigest(h.Sum(make([]byte, 0, sha256.Size)))
}

func formatDigest(sum []byte) string {
	return string(hex.AppendEncode(append(make([]byte, 0, len(digestPrefix)+2*sha256.Size), digestPrefix...), sum))
}

// ValidDigest reports whether s has the form that [Digest] returns.
func ValidDigest(s string) bool {
	if len(s) != len(digestPrefix)+2*sha256.Size || s[:len(digestPrefix)] != digestPrefix {
		return false
	}
	_, err := hex.DecodeString(s[len(digestPrefix):])
	return err == nil
}

// Hash derives a short identifier from strings: 32 hex digits over their length-prefixed concatenation, so that
// ("ab","c") and ("a","bc") differ.
func Hash(parts ...string) string {
	buf := make([]byte, 0, 512)
	for _, p := range parts {
		buf = append(strconv.AppendInt(buf, int64(len(p)), 10), ':')
		buf = append(buf, p...)
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}

// Catalogue is what a set of servers offered together: the context that a detector sees as siblings. It is
// content-addressed and never changes.
type Catalogue struct {
	Digest  string            `json:"digest"`
	Entries []CatalogueObject `json:"entries"`
}

// CatalogueObject is one definition of a catalogue.
type CatalogueObject struct {
	Server string          `json:"server"`
	Kind   Kind            `json:"kind"`
	Name   string          `json:"name"`
	Body   json.RawMessage `json:"body"`
}

// NewCatalogue builds a catalogue over entries and digests it.
func NewCatalogue(entries []CatalogueObject) *Catalogue {
	h := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(h, "%d:%s%d:%s%d:", len(e.Server), e.Server, len(e.Kind), e.Kind, len(e.Body))
		h.Write(e.Body)
	}
	return &Catalogue{Digest: formatDigest(h.Sum(nil)), Entries: entries}
}
