package models

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// IndicatorChange makes a text known, or takes one back, on somebody's word. Exactly one of Add and Remove is set.
type IndicatorChange struct {
	// Add is the text that others are compared with from now on.
	Add *Indicator `json:"add,omitempty"`
	// Remove is the id of an indicator that nothing is compared with any more.
	Remove string `json:"remove,omitempty"`
	Owner  string `json:"owner"`  // who says so
	Reason string `json:"reason"` // and why
	// Time orders the changes of one indicator: the newest holds, in whatever order they come.
	Time time.Time `json:"time"`
}

// Indicator returns the id of the indicator that is changed.
func (c *IndicatorChange) Indicator() string {
	if c.Add != nil {
		return c.Add.ID
	}
	return c.Remove
}

// Validate reports the first field that is wrong.
func (c *IndicatorChange) Validate() error {
	for _, x := range []struct{ field, value string }{{"owner", c.Owner}, {"reason", c.Reason}} {
		if x.value == "" || len(x.value) > MaxNameBytes || !utf8.ValidString(x.value) {
			return &FieldError{x.field, fmt.Sprintf("must have 1 to %d bytes of UTF-8", MaxNameBytes)}
		}
	}
	switch {
	case c.Time.IsZero():
		return &FieldError{"time", "missing"}
	case (c.Add == nil) == (c.Remove == ""):
		return &FieldError{"add", "exactly one of add and remove must be there"}
	case c.Add == nil && !indicatorID(c.Remove):
		return &FieldError{"remove", fmt.Sprintf("%q is not the id of an indicator: %s and %d hex digits", c.Remove, indicatorPrefix, indicatorDigits)}
	}
	if c.Add == nil {
		return nil
	}
	err := c.Add.Validate()
	var field *FieldError
	if errors.As(err, &field) {
		return &FieldError{"add." + field.Field, field.Problem}
	}
	return err
}

func indicatorID(s string) bool {
	digits, ok := strings.CutPrefix(s, indicatorPrefix)
	return ok && len(digits) == indicatorDigits && strings.Trim(digits, "0123456789abcdef") == ""
}
