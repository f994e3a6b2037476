package detectors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// valid is a spec that passes; tests spoil a copy.
func valid() Spec {
	return Spec{
		Name: "shouting", Version: "1.0.0", Purpose: "Finds capitals.", Classes: []models.Class{"A1", "X-acme-shouting"},
		Kinds: []models.Kind{models.KindTool}, Stage: Fast, Context: []Context{ContextPin}, Deadline: time.Second,
		New: func(context.Context, Config) (Detector, error) { return nil, nil },
	}
}

func TestValidate(t *testing.T) {
	if err := Validate(valid()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		field string
		spoil func(*Spec)
	}{
		{"Name", func(s *Spec) { s.Name = "Shouting" }},
		{"Name", func(s *Spec) { s.Name = "a" }},
		{"Name", func(s *Spec) { s.Name = strings.Repeat("a", 49) }},
		{"Version", func(s *Spec) { s.Version = "1.0" }},
		{"Purpose", func(s *Spec) { s.Purpose = "" }},
		{"Purpose", func(s *Spec) { s.Purpose = "finds capitals." }},
		{"Purpose", func(s *Spec) { s.Purpose = "Finds capitals" }},
		{"Classes", func(s *Spec) { s.Classes = nil }},
		{"Classes", func(s *Spec) { s.Classes = []models.Class{"Z1"} }},
		{"Kinds", func(s *Spec) { s.Kinds = []models.Kind{"gossip"} }},
		{"Stage", func(s *Spec) { s.Stage = "" }},
		{"Context", func(s *Spec) { s.Context = []Context{"weather"} }},
		{"Deadline", func(s *Spec) { s.Deadline = 0 }},
		{"Deadline", func(s *Spec) { s.Deadline = 10 * time.Minute }},
		{"New", func(s *Spec) { s.New = nil }},
	}
	for _, tt := range tests {
		s := valid()
		tt.spoil(&s)
		if err := Validate(s); err == nil || !strings.Contains(err.Error(), tt.field+": ") {
			t.Errorf("%s spoilt: got %v", tt.field, err)
		}
	}
	if err := Validate(valid(), valid()); err == nil {
		t.Error("two detectors of one name pass")
	}
}

func TestSpecQuestions(t *testing.T) {
	s := valid()
	if !s.Reads(models.KindTool) || s.Reads(models.KindPrompt) || !s.Needs(ContextPin) || s.Needs(ContextSession) {
		t.Errorf("%+v answers wrongly", s)
	}
	s.Kinds = nil
	for _, k := range models.Kinds() {
		if !s.Reads(k) {
			t.Errorf("without kinds, %s is not read", k)
		}
	}
}

func TestConfigDecode(t *testing.T) {
	c := struct{ Threshold float64 }{0.5}
	if err := Config(nil).Decode(&c); err != nil || c.Threshold != 0.5 {
		t.Errorf("no configuration: %+v, %v", c, err)
	}
	if err := Config(`{"threshold": 0.7}`).Decode(&c); err != nil || c.Threshold != 0.7 {
		t.Errorf("got %+v, %v", c, err)
	}
	if err := Config(`{"treshold": 0.7}`).Decode(&c); err == nil {
		t.Error("an unknown field passes")
	}
}

func TestErrors(t *testing.T) {
	typed := &Error{Code: CodeOverloaded, Message: "later", RetryAfter: time.Second}
	tests := []struct {
		err    error
		code   Code
		reason models.Reason
	}{
		{typed, CodeOverloaded, models.ReasonError},
		{fmt.Errorf("asking: %w", typed), CodeOverloaded, models.ReasonError},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), CodeDeadline, models.ReasonDeadline},
		{context.Canceled, CodeDeadline, models.ReasonDeadline},
		{errors.New("broken"), CodeInternal, models.ReasonError},
		{&Error{Code: CodeUnavailable}, CodeUnavailable, models.ReasonUnavailable},
		{&Error{Code: CodeTooLarge}, CodeTooLarge, models.ReasonOversize},
		{&Error{Code: CodeBadAnswer}, CodeBadAnswer, models.ReasonBadAnswer},
		{&Error{Code: CodeCircuitOpen}, CodeCircuitOpen, models.ReasonCircuitOpen},
	}
	for _, tt := range tests {
		got := AsError(tt.err)
		if got.Code != tt.code || got.Reason() != tt.reason {
			t.Errorf("%v: got %s and reason %s, want %s and %s", tt.err, got.Code, got.Reason(), tt.code, tt.reason)
		}
	}
}
