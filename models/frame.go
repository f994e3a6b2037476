package models

import (
	"fmt"
	"time"
)

// MaxFrameBytes is the largest JSON-RPC frame: the bus's 8 MiB per message less room for headers. A list of tools
// above it is published entry by entry instead.
const MaxFrameBytes = 8<<20 - 64<<10

// Frame is a raw JSON-RPC message, or a batch of them, as a gateway saw it pass.
type Frame struct {
	// ID is the gateway's own identifier of this occurrence, or empty.
	ID     string
	Tenant string
	// Server is the name that the gateway configured.
	Server  string
	Session string
	// Method is the method that a response answers. A response does not say it itself, so it is required there; a
	// request names its own.
	Method string
	// Object names what the request of a response was about: a tool's or prompt's name, a resource's URI. Optional.
	Object    string
	Direction Direction
	Time      time.Time
	Data      []byte
}

// Validate reports the first thing that makes f unusable, naming field and limit. Whether Data is JSON-RPC is for
// package rpc to say.
func (f *Frame) Validate() error {
	for _, x := range []struct{ field, value string }{
		{"id", f.ID}, {"tenant", f.Tenant}, {"server", f.Server}, {"session", f.Session}, {"method", f.Method}, {"object", f.Object},
	} {
		if len(x.value) > MaxNameBytes {
			return &FieldError{x.field, fmt.Sprintf("%d bytes, the limit is %d", len(x.value), MaxNameBytes)}
		}
	}
	switch {
	case f.Server == "":
		return &FieldError{"server", "empty: name the server as the gateway knows it"}
	case f.Direction != "" && f.Direction != ServerToClient && f.Direction != ClientToServer:
		return &FieldError{"direction", fmt.Sprintf("%q is neither %s nor %s", f.Direction, ServerToClient, ClientToServer)}
	case len(f.Data) == 0:
		return &FieldError{"data", "empty"}
	case len(f.Data) > MaxFrameBytes:
		return &FieldError{"data", fmt.Sprintf("%d bytes, the limit is %d", len(f.Data), MaxFrameBytes)}
	}
	return nil
}

// Why an input was rejected: the stable words of [Rejection.Reason].
const (
	RejectMalformed      = "malformed"       // not what the subject promises
	RejectTooLarge       = "too_large"       // above a limit of the wire
	RejectMethodUnknown  = "method_unknown"  // a response without the method that it answers
	RejectServerMismatch = "server_mismatch" // header and subject name different servers
)
