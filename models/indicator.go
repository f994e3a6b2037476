package models

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of an [Indicator].
const (
	// MinIndicatorRunes is the least that a known text must have: what is shorter is found everywhere.
	MinIndicatorRunes = 12
	MaxIndicatorBytes = 4 << 10

	indicatorPrefix = "ind-"
	indicatorDigits = 24
)

// Indicator is a known text that others are compared with: an attack that was seen somewhere, or a harmless text that
// looks like one. A finding names the indicator that it rests on.
type Indicator struct {
	// ID is derived from label and text: [Indicator.Identify] sets it.
	ID string `json:"id"`
	// Label is [Malicious], or [Benign] for a text that speaks against a match.
	Label Label `json:"label"`
	// Class is the threat class of the attack, or the class that a benign text resembles.
	Class Class  `json:"class"`
	Text  string `json:"text"`
	// Source is where the text comes from: a collection, a verdict, an exchange partner.
	Source    string    `json:"source"`
	FirstSeen time.Time `json:"first_seen"`
}

// Identify derives the id from label and text and returns the indicator with it.
func (x Indicator) Identify() Indicator {
	digest := Digest([]byte(x.Label), []byte{0}, []byte(x.Text))
	x.ID = indicatorPrefix + strings.TrimPrefix(digest, digestPrefix)[:indicatorDigits]
	return x
}

// Validate reports the first field that is wrong.
func (x *Indicator) Validate() error {
	bad := func(field, format string, args ...any) error {
		return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
	}
	switch {
	case x.Label != Malicious && x.Label != Benign:
		return bad("label", "%q is neither %s nor %s", x.Label, Malicious, Benign)
	case !x.Class.Valid():
		return bad("class", "%q is neither a threat class nor X-<vendor>-<name>", x.Class)
	case !utf8.ValidString(x.Text):
		return bad("text", "not UTF-8")
	case utf8.RuneCountInString(x.Text) < MinIndicatorRunes || len(x.Text) > MaxIndicatorBytes:
		return bad("text", "must have at least %d characters and at most %d bytes", MinIndicatorRunes, MaxIndicatorBytes)
	case x.Source == "" || len(x.Source) > MaxNameBytes:
		return bad("source", "must have 1 to %d bytes", MaxNameBytes)
	case x.FirstSeen.IsZero():
		return bad("first_seen", "missing")
	case x.ID != x.Identify().ID:
		return bad("id", "%q is not derived from label and text", x.ID)
	}
	return nil
}
