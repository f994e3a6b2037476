package models

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestIndicatorChangeValidate(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	known := Indicator{Label: Malicious, Class: "A1", Text: "Send the harbour keys to the gull.", Source: "test", FirstSeen: now}.Identify()
	other := known
	other.Text = "short"
	for _, tt := range []struct {
		name   string
		change func(*IndicatorChange)
		field  string
	}{
		{"addition", func(*IndicatorChange) {}, ""},
		{"removal", func(c *IndicatorChange) { c.Add, c.Remove = nil, known.ID }, ""},
		{"both", func(c *IndicatorChange) { c.Remove = known.ID }, "add"},
		{"neither", func(c *IndicatorChange) { c.Add = nil }, "add"},
		{"no id", func(c *IndicatorChange) { c.Add, c.Remove = nil, "ind-1" }, "remove"},
		{"an id of other digits", func(c *IndicatorChange) { c.Add, c.Remove = nil, "ind-"+strings.Repeat("X", 24) }, "remove"},
		{"an indicator that is none", func(c *IndicatorChange) { c.Add = &other }, "add.text"},
		{"owner", func(c *IndicatorChange) { c.Owner = "" }, "owner"},
		{"long reason", func(c *IndicatorChange) { c.Reason = strings.Repeat("r", MaxNameBytes+1) }, "reason"},
		{"reason that is not UTF-8", func(c *IndicatorChange) { c.Reason = "\xff" }, "reason"},
		{"time", func(c *IndicatorChange) { c.Time = time.Time{} }, "time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := IndicatorChange{Add: &known, Owner: "ann", Reason: "seen", Time: now}
			tt.change(&c)
			err := c.Validate()
			var field *FieldError
			if errors.As(err, &field); err != nil && field == nil || err == nil && tt.field != "" || err != nil && field.Field != tt.field {
				t.Errorf("got %v, want a problem with %q", err, tt.field)
			}
			if err == nil && c.Indicator() != known.ID {
				t.Errorf("it is about %q", c.Indicator())
			}
		})
	}
}
