package wire

import _ "embed"

// EventSchema is the JSON Schema (2020-12) of an event's JSON form.
//
//go:embed schema/event.json
var EventSchema []byte

// VerdictSchema is the JSON Schema (2020-12) of a verdict.
//
//go:embed schema/verdict.json
var VerdictSchema []byte
