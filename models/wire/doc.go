// Package wire is the contract on the bus: subjects and their escaping, headers, sizes, names of streams and buckets,
// and how each message is written and read. It needs no NATS client.
//
// # Subjects
//
//	taster.events.<tenant>.<server>.<kind>                        one MCP object
//	taster.rpc.<tenant>.<server>                                  a raw JSON-RPC frame
//	taster.check.<tenant>                                         one MCP object, as a request: the reply is its verdict
//	taster.verdicts.<tenant>.<server>.<kind>.<object>             every revision of every verdict
//	taster.alerts.<tenant>.<decision>.<server>.<kind>.<object>    what is flagged, and every change away from that
//	taster.rejected.<tenant>                                      what could not be read
//	taster.deep.<tenant>                                          jobs for the deep detectors
//	taster.epochs.<tenant>                                        what decides has changed
//	taster.feedback.<tenant>.<verdict_id>                         a person's word on a verdict
//	$KV.TASTER_INDICATORS.<id>                                    a signed change of what is known, in the engine's account
//
// Tokens are escaped by [EscapeToken].
//
// # Headers
//
// Messages are CloudEvents 1.0 in binary mode: attributes are ce- headers, percent-encoded as in the HTTP binding.
// The data of an event is the MCP object byte for byte, so that a plain
//
//	nats pub taster.events.default.weather.tool '{"name":"forecast", ...}'
//
// is a whole event. Headers add what the subject does not say:
//
//	ce-id         the gateway's identifier of the occurrence
//	ce-time       when the gateway saw it, RFC 3339
//	ce-server     the server's full name; required where the subject's token is shortened, and must agree with it
//	ce-kind       the kind; only needed on taster.check
//	ce-object     a tool's or prompt's name, a resource's URI; else taken from the body
//	ce-direction  server_to_client or client_to_server; else the kind's usual one
//	ce-session    the conversation
//	ce-catalogue  digest of the catalogue that the object belongs to
//	ce-pin        canonical digest that was approved for the object
//	ce-method     of a frame: the method that a response answers
//
// The tenant is always the subject's. Verdicts are JSON with ce-decision, ce-severity, ce-mode, ce-revision, ce-final
// and ce-eventsequence beside it, for subscribers that do not want to open the body.
//
// # Signed changes
//
// A change of what the similarity detector knows is one JSON value with key and signature in it ([SignedChange]), and
// needs no header: it means the same in the bucket, in a backup of it and in a file.
//
// A field may be added, never changed. The JSON Schemas are [EventSchema], [VerdictSchema] and [SignedChangeSchema].
package wire
