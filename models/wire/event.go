package wire

import (
	"encoding/json"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// EncodeEvent makes the message that publishes e: the body verbatim as data, everything else in headers. An oversize
// event's data is its digest and length.
//
// The error is an [*Error]: what is not valid is not sent.
func EncodeEvent(e *models.Event) (Message, error) {
	return encodeEvent(e, func(tenant string) string { return EventSubject(tenant, e.Server, e.Kind) })
}

// EncodeCheck makes the request that asks for a verdict on e and waits: the same message on the check subject.
func EncodeCheck(e *models.Event) (Message, error) { return encodeEvent(e, CheckSubject) }

func encodeEvent(e *models.Event, subject func(tenant string) string) (Message, error) {
	if err := validEvent(e); err != nil {
		return Message{}, err
	}
	tenant, err := sentTenant(e.Tenant)
	if err != nil {
		return Message{}, err
	}
	typ, data := TypeEvent, []byte(e.Body)
	if e.Oversize != nil {
		typ = TypeOversize
		if data, err = marshal(e.Oversize); err != nil {
			return Message{}, invalid(err)
		}
	}
	messageID := ""
	if e.ID != "" {
		messageID = EventID(e, "", 0, 0)
	}
	s := models.Subject{Server: e.Server, Kind: e.Kind, Object: e.Object}
	return newMessage(subject(tenant), typ, messageID, []header{
		{"ce-id", e.ID},
		{"ce-source", source(tenant, e.Server)},
		{"ce-subject", LastKey(s)},
		{"ce-time", formatTime(e.Time)},
		{"ce-server", e.Server},
		{"ce-kind", string(e.Kind)},
		{"ce-object", e.Object},
		{"ce-direction", string(e.Direction)},
		{"ce-session", e.Session},
		{"ce-catalogue", e.Catalogue},
		{"ce-pin", e.Pin},
		{"ce-schemaversion", EventSchemaVersion},
	}, data)
}

func validEvent(e *models.Event) error {
	if err := validEnvelope(e); err != nil {
		return err
	}
	if err := e.Validate(); err != nil {
		return invalid(err)
	}
	return nil
}

func validEnvelope(e *models.Event) error {
	if len(e.Body) > models.MaxEventBytes {
		return tooLarge("body", len(e.Body), models.MaxEventBytes)
	}
	if err := e.ValidateEnvelope(); err != nil {
		return invalid(err)
	}
	return nil
}

// DecodeEvent reads an event from taster.events.<tenant>.<server>.<kind> or taster.check.<tenant>, normalised and with
// a valid envelope. The tenant comes from the subject, as do server and kind on the first; every header is optional
// there but ce-server beside a shortened token. On the second ce-server and ce-kind are required. The body aliases
// m.Data; whether it is JSON is for whoever takes it apart to find out.
//
// The error is an [*Error].
func DecodeEvent(m Message) (models.Event, error) {
	a, err := expect(&m, TypeEvent, TypeOversize)
	if err != nil {
		return models.Event{}, err
	}
	e := models.Event{
		ID:        a["id"],
		Object:    a["object"],
		Direction: models.Direction(a["direction"]),
		Session:   a["session"],
		Catalogue: a["catalogue"],
		Pin:       a["pin"],
	}
	if e.Time, err = a.time(); err != nil {
		return models.Event{}, err
	}
	if err := addressee(&e, m.Subject, a); err != nil {
		return models.Event{}, err
	}
	if a["type"] == TypeOversize {
		e.Oversize = new(models.Oversize)
		if err := unmarshal("oversize", m.Data, maxNoticeBytes, e.Oversize); err != nil {
			return models.Event{}, err
		}
	} else {
		e.Body = json.RawMessage(m.Data)
	}
	if err := validEnvelope(&e); err != nil {
		return models.Event{}, err
	}
	e.Normalise()
	return e, nil
}

// addressee fills in tenant, server and kind.
func addressee(e *models.Event, subject string, a attributes) error {
	check := strings.HasPrefix(subject, prefixCheck)
	prefix, n := prefixEvents, 3
	if check {
		prefix, n = prefixCheck, 1
	}
	parts, err := subjectTokens(subject, prefix, n)
	if err != nil {
		return err
	}
	if e.Tenant, err = plainToken("tenant", parts[0]); err != nil {
		return err
	}
	if check {
		e.Server, e.Kind = a["server"], models.Kind(a["kind"])
		if e.Server == "" || e.Kind == "" {
			return malformed("ce-server, ce-kind", "both are required on %s", prefixCheck+"<tenant>")
		}
		return nil
	}
	if e.Server, err = serverToken(parts[1], a); err != nil {
		return err
	}
	kind, err := plainToken("kind", parts[2])
	if err != nil {
		return err
	}
	if k := a["kind"]; k != "" && k != kind {
		return malformed("ce-kind", "%q, but the subject says %q", k, kind)
	}
	e.Kind = models.Kind(kind)
	return nil
}

// EventID identifies an occurrence: by tenant and the identifier that the gateway gave, else by the event's place:
// stream, sequence, and its part of the frame stored there. It is the same at every delivery.
func EventID(e *models.Event, stream string, sequence uint64, part int) string {
	if e.ID != "" {
		return models.Hash("event", tenantOf(e), e.ID)
	}
	return models.Hash("event at", stream, itoa(sequence), itoa(uint64(part)))
}

// EncodeFrame makes the message that publishes a raw JSON-RPC frame. The error is an [*Error].
func EncodeFrame(f *models.Frame) (Message, error) {
	if err := validFrame(f); err != nil {
		return Message{}, err
	}
	tenant, err := sentTenant(f.Tenant)
	if err != nil {
		return Message{}, err
	}
	messageID := ""
	if f.ID != "" {
		messageID = models.Hash("frame", tenant, f.ID)
	}
	return newMessage(FrameSubject(tenant, f.Server), TypeFrame, messageID, []header{
		{"ce-id", f.ID},
		{"ce-source", source(tenant, f.Server)},
		{"ce-subject", EscapeToken(f.Server)},
		{"ce-time", formatTime(f.Time)},
		{"ce-server", f.Server},
		{"ce-direction", string(f.Direction)},
		{"ce-session", f.Session},
		{"ce-method", f.Method},
		{"ce-object", f.Object},
		{"ce-schemaversion", EventSchemaVersion},
	}, f.Data)
}

func validFrame(f *models.Frame) error {
	if len(f.Data) > models.MaxFrameBytes {
		return tooLarge("data", len(f.Data), models.MaxFrameBytes)
	}
	if err := f.Validate(); err != nil {
		return invalid(err)
	}
	return nil
}

// DecodeFrame reads a frame from taster.rpc.<tenant>.<server>. Data aliases m.Data and is not parsed. The error is an
// [*Error].
func DecodeFrame(m Message) (models.Frame, error) {
	a, err := expect(&m, TypeFrame)
	if err != nil {
		return models.Frame{}, err
	}
	parts, err := subjectTokens(m.Subject, prefixFrames, 2)
	if err != nil {
		return models.Frame{}, err
	}
	f := models.Frame{
		ID:        a["id"],
		Session:   a["session"],
		Method:    a["method"],
		Object:    a["object"],
		Direction: models.Direction(a["direction"]),
		Data:      m.Data,
	}
	if f.Tenant, err = plainToken("tenant", parts[0]); err != nil {
		return models.Frame{}, err
	}
	if f.Server, err = serverToken(parts[1], a); err != nil {
		return models.Frame{}, err
	}
	if f.Time, err = a.time(); err != nil {
		return models.Frame{}, err
	}
	if err := validFrame(&f); err != nil {
		return models.Frame{}, err
	}
	return f, nil
}

// IsFrame reports whether a subject is one that frames are published on.
func IsFrame(subject string) bool { return strings.HasPrefix(subject, prefixFrames) }

// MarshalEvent writes the JSON form of an event, body verbatim, on one line.
func MarshalEvent(e *models.Event) ([]byte, error) {
	if err := validEvent(e); err != nil {
		return nil, err
	}
	return e.AppendJSON(nil)
}

// UnmarshalEvent reads the JSON form of an event and validates it. The error is an [*Error].
func UnmarshalEvent(data []byte) (models.Event, error) {
	if len(data) > MaxPayloadBytes {
		return models.Event{}, tooLarge("event", len(data), MaxPayloadBytes)
	}
	e, err := models.ParseEvent(data)
	if err != nil {
		return models.Event{}, malformed("event", "%v", err)
	}
	if err := validEvent(&e); err != nil {
		return models.Event{}, err
	}
	return e, nil
}
