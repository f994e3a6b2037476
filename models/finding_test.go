package models

import (
	"math"
	"strings"
	"testing"
)

func TestSeverity(t *testing.T) {
	want := []Severity{SeverityNone, SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
	for i, s := range want {
		if s.Rank() != i {
			t.Errorf("%q.Rank() = %d, want %d", s, s.Rank(), i)
		}
		if next := want[min(i+1, len(want)-1)]; s.Raised() != next {
			t.Errorf("%q.Raised() = %q, want %q", s, s.Raised(), next)
		}
	}
	if r := Severity("grave").Rank(); r != -1 {
		t.Errorf("grave.Rank() = %d", r)
	}
}

func segments() []Segment {
	return []Segment{{Pointer: "/name", Start: 9, End: 12, Views: []View{{Kind: ViewRaw, Text: "abc"}, {Kind: ViewDecoded, Text: "hello"}}}}
}

func validFinding() Finding {
	return Finding{
		Rule: "r", Class: "A1", Severity: SeverityHigh, Confidence: 0.5, Message: "m",
		Evidence: []Span{{Segment: 0, View: 1, Start: 0, End: 5}},
	}
}

func TestOutcomeConstructors(t *testing.T) {
	if o := Found(); o.Status != StatusClean {
		t.Errorf("Found() = %+v", o)
	}
	if o := Found(validFinding()); o.Status != StatusFound || len(o.Findings) != 1 {
		t.Errorf("Found(f) = %+v", o)
	}
	o := NotInspected(ReasonDeadline, strings.Repeat("x", MaxDetailBytes+1))
	if o.Status != StatusNotInspected || o.Reason != ReasonDeadline || len(o.Detail) != MaxDetailBytes {
		t.Errorf("NotInspected = %+v", o)
	}
	for _, o := range []Outcome{Found(validFinding()), Clean(), o} {
		if err := o.Validate(segments()); err != nil {
			t.Errorf("%s: %v", o.Status, err)
		}
	}
}

func TestOutcomeValidate(t *testing.T) {
	finding := func(change func(*Finding)) Outcome { f := validFinding(); change(&f); return Found(f) }
	span := func(s Span) Outcome { return finding(func(f *Finding) { f.Evidence = []Span{s} }) }
	tests := []struct {
		name  string
		o     Outcome
		field string
	}{
		{"no status", Outcome{}, "status"},
		{"found nothing", Outcome{Status: StatusFound}, "findings"},
		{"clean with findings", Outcome{Status: StatusClean, Findings: []Finding{validFinding()}}, "findings"},
		{"not inspected without reason", Outcome{Status: StatusNotInspected}, "reason"},
		{"not inspected with findings", Outcome{Status: StatusNotInspected, Reason: ReasonError, Findings: []Finding{validFinding()}}, "reason"},
		{"clean with reason", Outcome{Status: StatusClean, Reason: ReasonError}, "reason"},
		{"score above 1", Outcome{Status: StatusClean, Score: 1.1}, "score"},
		{"score below 0", Outcome{Status: StatusClean, Score: -0.1}, "score"},
		{"score not a number", Outcome{Status: StatusClean, Score: math.NaN()}, "score"},
		{"score 1", Outcome{Status: StatusClean, Score: 1}, ""},
		{"too many findings", Outcome{Status: StatusFound, Findings: make([]Finding, MaxFindings+1)}, "findings"},
		{"no rule", finding(func(f *Finding) { f.Rule = "" }), "rule"},
		{"long rule", finding(func(f *Finding) { f.Rule = strings.Repeat("r", 129) }), "rule"},
		{"long version", finding(func(f *Finding) { f.Version = strings.Repeat("1", 65) }), "rule_version"},
		{"class", finding(func(f *Finding) { f.Class = "Z9" }), "class"},
		{"no severity", finding(func(f *Finding) { f.Severity = "" }), "severity"},
		{"no confidence", finding(func(f *Finding) { f.Confidence = 0 }), "confidence"},
		{"confidence not a number", finding(func(f *Finding) { f.Confidence = math.NaN() }), "confidence"},
		{"no message", finding(func(f *Finding) { f.Message = "" }), "message"},
		{"long message", finding(func(f *Finding) { f.Message = strings.Repeat("m", MaxMessageBytes+1) }), "message"},
		{"too much evidence", finding(func(f *Finding) { f.Evidence = make([]Span, MaxEvidence+1) }), "evidence"},
		{"no evidence", finding(func(f *Finding) { f.Evidence = nil }), ""},
		{"no such segment", span(Span{Segment: 1}), "evidence[0]"},
		{"negative segment", span(Span{Segment: -1}), "evidence[0]"},
		{"no such view", span(Span{View: 2}), "evidence[0]"},
		{"behind the end", span(Span{View: 1, End: 6}), "evidence[0]"},
		{"before the start", span(Span{Start: -1}), "evidence[0]"},
		{"backwards", span(Span{Start: 2, End: 1}), "evidence[0]"},
		{"empty span at the end", span(Span{Start: 3, End: 3}), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantField(t, tt.o.Validate(segments()), tt.field) })
	}
}
