// Package exchange reads and writes known texts ([models.Indicator]) as others exchange them: JSON Lines, one indicator a
// line, and STIX 2.1 bundles (OASIS Standard, 10 June 2021).
//
// Both readers take untrusted input: it is bounded ([MaxBytes], [MaxIndicators]), and what can't be taken over is listed
// with its place and the reason instead of failing the rest. Everything here is pure and safe to call concurrently.
package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// Limits of what is read.
const (
	MaxBytes      = 256 << 20
	MaxIndicators = 200_000
	// MaxLineBytes limits a line of JSON: a text with an escape for every byte, and what is said of it.
	MaxLineBytes = 6*(models.MaxIndicatorBytes+models.MaxNameBytes) + 4<<10
	// MaxRefused limits how many refusals are listed; the others are counted.
	MaxRefused = 1000
)

// Format is how indicators are written.
type Format string

// The formats.
const (
	JSONL Format = "jsonl"
	STIX  Format = "stix"
)

// Formats returns every format.
func Formats() []Format { return []Format{JSONL, STIX} }

// Import is what was read.
type Import struct {
	Format Format `json:"format"`
	// Indicators are valid, in the order of the input, each id once.
	Indicators []models.Indicator `json:"-"`
	// Refused lists what should have become an indicator and did not, at most [MaxRefused] of it; More counts the rest.
	Refused []Refusal `json:"refused"`
	More    int       `json:"more,omitempty"`
	// Skipped counts the objects of a bundle that are about something else, by their type.
	Skipped map[string]int `json:"skipped,omitempty"`
	// Repeated counts indicators that were there already.
	Repeated int `json:"repeated,omitempty"`

	seen map[string]bool
}

// maxReason limits how much of what was wrong is quoted, in bytes.
const maxReason = 512

// Refusal is an indicator that was not taken over.
type Refusal struct {
	// Where is the line, counting from 1, or the id of the object.
	Where  string `json:"where"`
	Reason string `json:"reason"`
}

func (r Refusal) String() string { return r.Where + ": " + r.Reason }

// RefusedCount is how much was refused, listed or not.
func (im *Import) RefusedCount() int { return len(im.Refused) + im.More }

func (im *Import) refuse(where string, err error) {
	if len(im.Refused) == MaxRefused {
		im.More++
		return
	}
	im.Refused = append(im.Refused, Refusal{where, models.Truncate(err.Error(), maxReason)})
}

// take adds an indicator that is valid.
func (im *Import) take(where string, x models.Indicator) error {
	err := x.Validate()
	if err == nil && (x.FirstSeen.Year() < 1 || x.FirstSeen.Year() > 9999) { // what RFC 3339 can't say
		err = &models.FieldError{Field: "first_seen", Problem: "the year is not in 1 to 9999"}
	}
	if err != nil {
		im.refuse(where, err)
		return nil
	}
	if im.seen == nil {
		im.seen = map[string]bool{}
	}
	if im.seen[x.ID] {
		im.Repeated++
		return nil
	}
	if len(im.Indicators) == MaxIndicators {
		return fmt.Errorf("%s: more than %d indicators", where, MaxIndicators)
	}
	im.seen[x.ID] = true
	im.Indicators = append(im.Indicators, x)
	return nil
}

// Read reads indicators in the format that the input has: a JSON object of type bundle is STIX, anything else JSONL. An
// indicator in JSONL that does not say when it was first seen was seen at the time given. An error means that the input as
// a whole can't be read: its size, or a bundle that is none.
func Read(r io.Reader, seen time.Time) (*Import, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading indicators: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("reading indicators: more than %d bytes", MaxBytes)
	}
	if isBundle(data) {
		return readSTIX(data)
	}
	return readJSONL(data, seen)
}

// isBundle reports whether data begins as a STIX object does, members in any order, rather than as lines of JSON.
func isBundle(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return false
		}
		switch name {
		case "objects":
			return true
		case "type":
			t, err := dec.Token()
			return err == nil && t == typeBundle
		}
		if err := dec.Decode(new(json.RawMessage)); err != nil {
			return false
		}
	}
	return false
}

// Write writes indicators in a format. The same indicators make the same bytes.
func Write(w io.Writer, format Format, indicators []models.Indicator) error {
	write := map[Format]func(io.Writer, []models.Indicator) error{JSONL: writeJSONL, STIX: writeSTIX}[format]
	if write == nil {
		return &models.FieldError{Field: "format", Problem: fmt.Sprintf("%q is not one of %v", format, Formats())}
	}
	for i := range indicators {
		if err := indicators[i].Validate(); err != nil {
			return fmt.Errorf("writing indicator %q: %w", indicators[i].ID, err)
		}
	}
	if err := write(w, indicators); err != nil {
		return fmt.Errorf("writing indicators: %w", err)
	}
	return nil
}
