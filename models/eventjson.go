package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// EventJSON is the JSON form of an event in files, buckets and jobs. The body stands in it byte for byte; a body that
// JSON or a line of JSONL would not keep as it is (line breaks, white space around it, invalid UTF-8) travels as
// body_base64 instead. Write it with [Event.AppendJSON] and read it with [ParseEvent]: encoding/json compacts and
// escapes a body that it is handed.
type EventJSON struct {
	Event
	BodyBase64 []byte `json:"body_base64,omitempty"`
}

// AppendJSON appends the JSON form of an event to dst: one line, without a line break at the end. The body must be JSON;
// that is not checked.
func (e *Event) AppendJSON(dst []byte) ([]byte, error) {
	if err := e.ValidateEnvelope(); err != nil {
		return nil, fmt.Errorf("writing event: %w", err)
	}
	form := EventJSON{Event: *e}
	form.Body = nil
	verbatim := e.Oversize == nil && keepsInJSON(e.Body)
	if !verbatim {
		form.BodyBase64 = e.Body
	}
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&form); err != nil {
		return nil, fmt.Errorf("writing event: %w", err)
	}
	out := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if verbatim {
		out = append(bytes.TrimSuffix(out, []byte("}")), `,"body":`...)
		out = append(append(out, e.Body...), '}')
	}
	return out, nil
}

func keepsInJSON(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsAny(body, "\r\n") && len(bytes.TrimSpace(body)) == len(body)
}

// ParseEvent reads the JSON form of an event. It is not validated: a file may leave the server for the reader to name.
func ParseEvent(data []byte) (Event, error) {
	var form EventJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return Event{}, fmt.Errorf("reading event: %w", err)
	}
	if len(form.BodyBase64) > 0 {
		if len(form.Body) > 0 {
			return Event{}, errors.New("reading event: body and body_base64 are both set")
		}
		form.Body = form.BodyBase64
	}
	return form.Event, nil
}
