// Package models holds the values that flow through Taster: an [Event] goes in, is taken apart into
// [Segment]s, detectors answer with an [Outcome] each, and a [Verdict] comes out.
//
// Everything here is a plain value with a Validate method where it crosses a boundary. Nothing does I/O,
// nothing is safe for concurrent mutation, and zero values mean "absent" unless a comment says otherwise.
// Offsets are byte offsets, half-open: [start, end).
package models
