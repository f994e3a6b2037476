package wire

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// Message is a message on the bus, apart from any client library. It converts to a nats.Msg field by field.
type Message struct {
	Subject string
	Header  map[string][]string
	Data    []byte
}

// MaxPayloadBytes is the max_payload of the bus, headers included.
const MaxPayloadBytes = 8 << 20

// HeaderMsgID is the header by which JetStream drops duplicates.
const HeaderMsgID = "Nats-Msg-Id"

// CloudEvents types: what a message is, in its ce-type header.
const (
	TypeEvent     = "dev.taster.event.v1"
	TypeOversize  = "dev.taster.oversize.v1"
	TypeFrame     = "dev.taster.frame.v1"
	TypeVerdict   = "dev.taster.verdict.v1"
	TypeAlert     = "dev.taster.alert.v1"
	TypeRejection = "dev.taster.rejection.v1"
	TypeDeepJob   = "dev.taster.deep.v1"
	TypeEpoch     = "dev.taster.epoch.v1"
	TypeFeedback  = "dev.taster.feedback.v1"
)

// EventSchemaVersion is the version of the event's headers and of its JSON form.
const EventSchemaVersion = "1.0.0"

// Type returns the message's CloudEvents type, or "" if it states none.
func (m *Message) Type() string {
	a, _ := readAttributes(m.Header)
	return a["type"]
}

// Error says why a message can't be read, or a value can't be sent.
type Error struct {
	Reason string // one of the models.Reject words
	Detail string // names the field and the limit, for a person
}

func (e *Error) Error() string { return e.Reason + ": " + e.Detail }

func malformed(field, format string, args ...any) *Error {
	return &Error{models.RejectMalformed, models.Truncate(field+": "+fmt.Sprintf(format, args...), models.MaxDetailBytes)}
}

func tooLarge(what string, size, limit int) *Error {
	return &Error{models.RejectTooLarge, fmt.Sprintf("%s: %d bytes, the limit is %d", what, size, limit)}
}

// invalid turns a failed validation into an [*Error].
func invalid(err error) *Error {
	var field *models.FieldError
	if errors.As(err, &field) {
		return malformed(field.Field, "%s", field.Problem)
	}
	return malformed("data", "%v", err)
}

// attributes are the CloudEvents attributes of a message that was received, by name without the prefix.
type attributes map[string]string

const (
	attributePrefix = "ce-"
	contentType     = "content-type"
	jsonContent     = "application/json"
	specVersion     = "1.0"
	// maxHeaderBytes is the longest name with every byte escaped.
	maxHeaderBytes = 3 * models.MaxNameBytes
)

// header is one header to send. An empty one is not sent.
type header struct{ name, value string }

// newMessage makes a message with the attributes, which are written as headers with their prefix.
func newMessage(subject, typ, messageID string, attributes []header, data []byte) (Message, error) {
	all := append(attributes, header{"ce-specversion", specVersion}, header{"ce-type", typ})
	values := make([]string, 0, len(all)+2) // one array for all headers
	h := make(map[string][]string, len(all)+2)
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, a := range all {
		if a.value == "" {
			continue
		}
		if !utf8.ValidString(a.value) {
			return Message{}, malformed(a.name, "not UTF-8")
		}
		set(a.name, escapeHeader(a.value))
	}
	set(contentType, jsonContent)
	if messageID != "" {
		set(HeaderMsgID, messageID)
	}
	return Message{Subject: subject, Header: h, Data: data}, nil
}

// readAttributes reads the ce- headers. Other headers are nobody's business here.
func readAttributes(header map[string][]string) (attributes, error) {
	a := make(attributes, len(header))
	for key, values := range header {
		name := strings.ToLower(key)
		if !strings.HasPrefix(name, attributePrefix) || len(values) == 0 {
			continue
		}
		name = strings.TrimPrefix(name, attributePrefix)
		if _, twice := a[name]; twice || len(values) > 1 {
			return nil, malformed(attributePrefix+name, "given more than once")
		}
		if len(values[0]) > maxHeaderBytes {
			return nil, malformed(attributePrefix+name, "%d bytes, the limit is %d", len(values[0]), maxHeaderBytes)
		}
		value, err := unescapeHeader(values[0])
		if err != nil {
			return nil, malformed(attributePrefix+name, "%v", err)
		}
		a[name] = value
	}
	return a, nil
}

// expect reads the attributes of a message that must be of one of the types, if it states a type at all.
func expect(m *Message, types ...string) (attributes, error) {
	a, err := readAttributes(m.Header)
	if err != nil {
		return nil, err
	}
	if v := a["specversion"]; v != "" && v != specVersion {
		return nil, malformed("ce-specversion", "%q, this is %s", v, specVersion)
	}
	if v := a["schemaversion"]; v != "" && !strings.HasPrefix(v, "1.") {
		return nil, malformed("ce-schemaversion", "%q, this is %s", v, EventSchemaVersion)
	}
	got := a["type"]
	for _, t := range types {
		if got == t || got == "" {
			return a, nil
		}
	}
	return nil, malformed("ce-type", "%q, expected %s", got, types[0])
}

// escapeHeader percent-encodes as the CloudEvents HTTP binding, section 3.1.3.2, does: space, quote, percent and
// everything outside printable ASCII.
func escapeHeader(s string) string {
	if strings.IndexFunc(s, escapedInHeader) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		if c := s[i]; escapedInHeader(rune(c)) {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapedInHeader(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '%' }

func unescapeHeader(s string) (string, error) {
	if !strings.Contains(s, "%") && utf8.ValidString(s) {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("ends inside a percent escape")
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", errors.New("% is not followed by two hex digits")
		}
		b.WriteByte(c[0])
		i += 2
	}
	if !utf8.ValidString(b.String()) {
		return "", errors.New("not UTF-8")
	}
	return b.String(), nil
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (a attributes) time() (time.Time, error) {
	if a["time"] == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, a["time"])
	if err != nil {
		return time.Time{}, malformed("ce-time", "%q is not RFC 3339", a["time"])
	}
	return t.UTC(), nil
}

// source is the CloudEvents source of what concerns a tenant's server: a relative URI.
func source(tenant, server string) string {
	return "taster/" + EscapeToken(tenant) + "/" + EscapeToken(server)
}

// sentTenant returns the tenant to send as. Receivers take it from the subject, so it must fit a token whole.
func sentTenant(tenant string) (string, error) {
	tenant = cmp.Or(tenant, models.DefaultTenant)
	if _, err := UnescapeToken(EscapeToken(tenant)); err != nil || !utf8.ValidString(tenant) {
		return "", malformed("tenant", "%q does not fit a subject token: at most %d bytes of UTF-8 once escaped", tenant, MaxTokenBytes)
	}
	return tenant, nil
}

// subjectTokens returns the n tokens behind prefix.
func subjectTokens(subject, prefix string, n int) ([]string, error) {
	rest, ok := strings.CutPrefix(subject, prefix)
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != n {
		return nil, malformed("subject", "%q is not %s and %d tokens", subject, prefix, n)
	}
	return parts, nil
}

// plainToken reads a token whose full name does not travel beside it.
func plainToken(field, token string) (string, error) {
	name, err := UnescapeToken(token)
	if err != nil {
		return "", malformed("subject", "%s %q: %v", field, token, err)
	}
	if name == "" || !utf8.ValidString(name) {
		return "", malformed("subject", "%s %q: empty or not UTF-8", field, token)
	}
	return name, nil
}

// serverToken reads the server's token. The ce-server header is needed for a shortened one and must agree with any.
func serverToken(token string, a attributes) (string, error) {
	full := a["server"]
	if full == "" {
		return plainToken("server", token)
	}
	if EscapeToken(full) != token {
		return "", &Error{models.RejectServerMismatch, models.Truncate(
			fmt.Sprintf("ce-server: %q is not the server of subject token %q", full, token), models.MaxDetailBytes)}
	}
	return full, nil
}

// marshal writes v as JSON without the escaping that is meant for web pages.
func marshal(v any) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, 2048)) // most verdicts fit
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// unmarshal reads the JSON data of a message of at most limit bytes. Fields that it does not know are skipped, since
// fields may be added.
func unmarshal(what string, data []byte, limit int, v any) error {
	if len(data) > limit {
		return tooLarge(what, len(data), limit)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return malformed(what, "%v", err)
	}
	return nil
}
