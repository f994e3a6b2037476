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

// SignedChangeSchema is the JSON Schema (2020-12) of a [SignedChange] as it is stored.
//
//go:embed schema/signed_change.json
var SignedChangeSchema []byte
