package models

import (
	"math"
	"strings"
	"testing"
	"time"
)

func validVerdict() Verdict {
	return Verdict{
		SchemaVersion: VerdictSchemaVersion, ID: "v", Revision: 1, Subject: Subject{Tenant: "t", Server: "s", Kind: KindTool},
		Decision: Allow, Mode: Enforce, Coverage: Coverage{Complete: true},
	}
}

func TestVerdictValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Verdict)
		field  string
	}{
		{"valid", func(*Verdict) {}, ""},
		{"schema", func(v *Verdict) { v.SchemaVersion = "" }, "schema_version"},
		{"id", func(v *Verdict) { v.ID = "" }, "verdict_id"},
		{"revision", func(v *Verdict) { v.Revision = 0 }, "revision"},
		{"tenant", func(v *Verdict) { v.Subject.Tenant = "" }, "subject"},
		{"server", func(v *Verdict) { v.Subject.Server = "" }, "subject"},
		{"kind", func(v *Verdict) { v.Subject.Kind = "" }, "subject.kind"},
		{"no decision", func(v *Verdict) { v.Decision = "" }, "decision"},
		{"decision for other kinds", func(v *Verdict) { v.Decision = Redact }, "decision"},
		{"mode", func(v *Verdict) { v.Mode = "" }, "mode"},
		{"severity", func(v *Verdict) { v.Severity = "grave" }, "severity"},
		{"risk", func(v *Verdict) { v.RiskScore = 100.1 }, "risk_score"},
		{"probability", func(v *Verdict) { v.Probability = 1.1 }, "probability"},
		{"complete, but a detector did not run", func(v *Verdict) { v.Coverage.Degraded = []string{"d"} }, "coverage.complete"},
		{"complete, but a part was skipped", func(v *Verdict) { v.Coverage.Skipped = []Skipped{{}} }, "coverage.complete"},
		{"complete, but parts were skipped and left out", func(v *Verdict) { v.Coverage.Omitted = 1 }, "coverage.complete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := validVerdict()
			tt.change(&v)
			wantField(t, v.Validate(), tt.field)
		})
	}
}

func TestComparePin(t *testing.T) {
	for _, tt := range []struct {
		pin, canonical string
		want           PinState
	}{
		{"", "", Unpinned}, {"", "a", Unpinned}, {"a", "a", PinMatch}, {"a", "b", PinMismatch}, {"a", "", PinMismatch},
	} {
		if got := ComparePin(tt.pin, tt.canonical); got != tt.want {
			t.Errorf("ComparePin(%q, %q) = %s, want %s", tt.pin, tt.canonical, got, tt.want)
		}
	}
}

func TestVerdictAction(t *testing.T) {
	for _, tt := range []struct {
		mode     Mode
		decision Decision
		want     Decision
	}{
		{Enforce, Block, Block}, {Enforce, Allow, Allow}, {Observe, Block, Monitor}, {Observe, Monitor, Monitor}, {Observe, Allow, Allow},
	} {
		v := Verdict{Mode: tt.mode, Decision: tt.decision}
		if got := v.Action(); got != tt.want {
			t.Errorf("%s %s: action %s, want %s", tt.mode, tt.decision, got, tt.want)
		}
	}
}

func TestVerdictClean(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Verdict)
		want   bool
	}{
		"clean":            {func(*Verdict) {}, true},
		"a finding":        {func(v *Verdict) { v.Findings = []Finding{{}} }, false},
		"findings omitted": {func(v *Verdict) { v.Omitted = 1 }, false},
		"not inspected":    {func(v *Verdict) { v.Coverage.Complete = false }, false},
	} {
		v := validVerdict()
		tt.change(&v)
		if got := v.Clean(); got != tt.want {
			t.Errorf("%s: Clean() = %v", name, got)
		}
	}
}

func TestVerdictFlagged(t *testing.T) {
	v := validVerdict()
	for d, want := range map[Decision]bool{Allow: false, Monitor: false, RequireApproval: true, Block: true} {
		if v.Decision = d; v.Flagged() != want {
			t.Errorf("%s: Flagged() = %v", d, v.Flagged())
		}
	}
}

func TestPosterior(t *testing.T) {
	for _, tt := range []struct{ probability, base, want float64 }{
		{0.9, 0.5, 0.9}, {0.5, 0.01, 0.01}, {0.9, 0.1, 0.5}, {0, 0.5, 0}, {1, 0.001, 1}, {0, 1, 0},
	} {
		if got := Posterior(tt.probability, tt.base); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("of %v where a share of %v are attacks: %v, want %v", tt.probability, tt.base, got, tt.want)
		}
	}
}

func TestVerdictNewer(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	v := func(sequence uint64, event, epoch string, revision int, minutes int) *Verdict {
		return &Verdict{Sequence: sequence, EventID: event, Epoch: epoch, Revision: revision, Time: noon.Add(time.Duration(minutes) * time.Minute)}
	}
	tests := []struct {
		name       string
		older, new *Verdict
	}{
		{"later event", v(1, "a", "e", 2, 9), v(2, "b", "e", 1, 0)},
		{"later revision", v(1, "a", "e", 1, 9), v(1, "a", "e", 2, 0)},
		{"later revision without sequence", v(0, "a", "e", 1, 9), v(0, "a", "e", 2, 0)},
		{"same event in a later epoch", v(1, "a", "e", 2, 0), v(1, "a", "f", 1, 1)},
		{"inline check after a streamed event", v(7, "a", "e", 2, 0), v(0, "b", "e", 1, 1)},
		{"streamed event after an inline check", v(0, "a", "e", 2, 0), v(7, "b", "e", 1, 1)},
	}
	for _, tt := range tests {
		if !tt.new.Newer(tt.older) || tt.older.Newer(tt.new) {
			t.Errorf("%s: newer %v, older is newer %v", tt.name, tt.new.Newer(tt.older), tt.older.Newer(tt.new))
		}
		if tt.new.Newer(tt.new) {
			t.Errorf("%s: a verdict is newer than itself", tt.name)
		}
	}
}

func TestVerdictKeys(t *testing.T) {
	v := Verdict{ID: "abc", Revision: 2}
	if v.Key() != "abc/2" {
		t.Errorf("Key() = %q", v.Key())
	}
	ids := map[string]bool{VerdictID("t", "e", "x"): true, VerdictID("u", "e", "x"): true, VerdictID("t", "f", "x"): true, VerdictID("t", "e", "y"): true}
	if len(ids) != 4 || !ids[VerdictID("t", "e", "x")] {
		t.Error("verdict ids do not depend on tenant, event and epoch alone")
	}
}

func TestFeedbackValidate(t *testing.T) {
	valid := Feedback{VerdictID: "v", Tenant: "t", Owner: "ana", Reason: "r"}
	for field, change := range map[string]func(*Feedback){
		"":           func(*Feedback) {},
		"verdict_id": func(f *Feedback) { f.VerdictID = "" },
		"tenant":     func(f *Feedback) { f.Tenant = "" },
		"owner":      func(f *Feedback) { f.Owner = "" },
		"reason":     func(f *Feedback) { f.Reason = strings.Repeat("r", MaxNameBytes+1) },
	} {
		f := valid
		change(&f)
		wantField(t, f.Validate(), field)
	}
}
