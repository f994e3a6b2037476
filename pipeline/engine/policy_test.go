package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/models"
)

var (
	digestA = models.Digest([]byte("a"))
	digestB = models.Digest([]byte("b"))
	noon    = newClock().Now()
)

func entryFor(digest string) AllowEntry {
	return AllowEntry{ID: "e1", CanonicalDigest: digest, Owner: "jo", Reason: "Reviewed.", Expires: noon.Add(time.Hour)}
}

func TestDecide(t *testing.T) {
	allowing := with(func(p *Policy) { p.Allow = []AllowEntry{entryFor(digestA)} })
	narrow := with(func(p *Policy) {
		e := entryFor(digestA)
		e.Server, e.Object = "harbour", "tide"
		p.Allow = []AllowEntry{e}
	})
	expired := with(func(p *Policy) {
		e := entryFor(digestA)
		e.Expires = noon
		p.Allow = []AllowEntry{e}
	})
	open := with(func(p *Policy) {
		for k, r := range p.Rules {
			r.OnNotInspected = Open
			p.Rules[k] = r
		}
	})
	risk := func(score float64) Risk { return Risk{Score: score} }
	definition := Facts{Kind: models.KindTool, Server: "harbour", Object: "tide", CanonicalDigest: digestA, Complete: true, Time: noon}
	runtime := Facts{Kind: models.KindToolResult, Complete: true, Time: noon}
	change := func(f Facts, change func(*Facts)) Facts { change(&f); return f }

	for name, tt := range map[string]struct {
		policy    Policy
		facts     Facts
		want      models.Decision
		exception bool
	}{
		"nothing found":           {DefaultPolicy(), definition, models.Allow, false},
		"below monitor":           {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = risk(19.99) }), models.Allow, false},
		"monitor":                 {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = risk(20) }), models.Monitor, false},
		"approval":                {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = risk(40) }), models.RequireApproval, false},
		"quarantine":              {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = risk(70) }), models.Quarantine, false},
		"block":                   {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = risk(90) }), models.Block, false},
		"critical and sure":       {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = Risk{Critical: 0.9} }), models.Block, false},
		"critical and unsure":     {DefaultPolicy(), change(definition, func(f *Facts) { f.Risk = Risk{Critical: 0.89} }), models.Allow, false},
		"redact at run time":      {DefaultPolicy(), change(runtime, func(f *Facts) { f.Risk = risk(40) }), models.Redact, false},
		"approval at run time":    {DefaultPolicy(), change(runtime, func(f *Facts) { f.Risk = risk(70) }), models.RequireApproval, false},
		"changed since approval":  {DefaultPolicy(), change(definition, func(f *Facts) { f.Pin = models.PinMismatch }), models.RequireApproval, false},
		"as approved":             {DefaultPolicy(), change(definition, func(f *Facts) { f.Pin = models.PinMatch }), models.Allow, false},
		"not inspected, closed":   {DefaultPolicy(), change(definition, func(f *Facts) { f.Complete = false }), models.RequireApproval, false},
		"not inspected, open":     {open, change(definition, func(f *Facts) { f.Complete = false }), models.Monitor, false},
		"not inspected, run time": {DefaultPolicy(), change(runtime, func(f *Facts) { f.Complete = false }), models.Monitor, false},
		"risk beats the floor":    {DefaultPolicy(), change(definition, func(f *Facts) { f.Complete, f.Risk = false, risk(95) }), models.Block, false},
		"excepted":                {allowing, change(definition, func(f *Facts) { f.Risk = risk(95) }), models.Allow, true},
		"excepted over a pin":     {allowing, change(definition, func(f *Facts) { f.Pin = models.PinMismatch }), models.Allow, true},
		"exception not needed":    {allowing, definition, models.Allow, false},
		"excepted, not inspected": {allowing, change(definition, func(f *Facts) { f.Complete = false }), models.Monitor, true},
		"other digest":            {allowing, change(definition, func(f *Facts) { f.Risk, f.CanonicalDigest = risk(95), digestB }), models.Block, false},
		"no digest":               {allowing, change(definition, func(f *Facts) { f.Risk, f.CanonicalDigest = risk(95), "" }), models.Block, false},
		"narrow entry":            {narrow, change(definition, func(f *Facts) { f.Risk = risk(95) }), models.Allow, true},
		"other server":            {narrow, change(definition, func(f *Facts) { f.Risk, f.Server = risk(95), "port" }), models.Block, false},
		"other object":            {narrow, change(definition, func(f *Facts) { f.Risk, f.Object = risk(95), "ebb" }), models.Block, false},
		"expired":                 {expired, change(definition, func(f *Facts) { f.Risk = risk(95) }), models.Block, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.policy.Decide(tt.facts)
			if got.Decision != tt.want || (got.Exception != nil) != tt.exception {
				t.Errorf("got %+v, want %s, exception %v", got, tt.want, tt.exception)
			}
		})
	}
}

func TestWantsDeep(t *testing.T) {
	p := with(func(p *Policy) { p.Deep = Deep{RiskFrom: 20, RiskBelow: 90, SampledShare: 0.1} })
	unpinned := with(func(p *Policy) { p.Deep = Deep{RiskFrom: 20, RiskBelow: 90, Unpinned: true} })
	changed := with(func(p *Policy) { p.Deep = Deep{RiskFrom: 20, RiskBelow: 90, Changed: true} })
	pinned := Facts{Kind: models.KindTool, Pin: models.PinMatch}
	at := func(score float64) Facts { f := pinned; f.Risk.Score = score; return f }
	for name, tt := range map[string]struct {
		policy Policy
		facts  Facts
		ruling Ruling
		sample float64
		want   bool
	}{
		"below the band":      {p, at(19), Ruling{Decision: models.Allow}, 0.5, false},
		"in the band":         {p, at(20), Ruling{Decision: models.Monitor}, 0.5, true},
		"above the band":      {p, at(90), Ruling{Decision: models.Quarantine}, 0, false},
		"sampled":             {p, at(0), Ruling{Decision: models.Allow}, 0.09, true},
		"not sampled":         {p, at(0), Ruling{Decision: models.Allow}, 0.1, false},
		"blocked":             {p, at(30), Ruling{Decision: models.Block}, 0, false},
		"excepted":            {p, at(30), Ruling{Decision: models.Allow, Exception: &models.Exception{}}, 0, false},
		"unpinned definition": {unpinned, Facts{Kind: models.KindTool, Pin: models.Unpinned}, Ruling{Decision: models.Allow}, 0.5, true},
		"changed definition":  {changed, Facts{Kind: models.KindTool, Pin: models.PinMismatch}, Ruling{Decision: models.RequireApproval}, 0.5, true},
		"changed, not asked":  {unpinned, Facts{Kind: models.KindTool, Pin: models.PinMismatch}, Ruling{Decision: models.RequireApproval}, 0.5, false},
		"unpinned result":     {unpinned, Facts{Kind: models.KindToolResult, Pin: models.Unpinned}, Ruling{Decision: models.Allow}, 0.5, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.policy.WantsDeep(tt.facts, tt.ruling, tt.sample); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestValidUntil(t *testing.T) {
	p := DefaultPolicy()
	full := Facts{Kind: models.KindTool, Complete: true, Time: noon}
	part := Facts{Kind: models.KindTool, Time: noon}
	soon := Ruling{Exception: &models.Exception{Expires: noon.Add(time.Second)}}
	for name, tt := range map[string]struct {
		got, want time.Time
	}{
		"inspected":         {p.validUntil(full, Ruling{}), noon.Add(24 * time.Hour)},
		"not inspected":     {p.validUntil(part, Ruling{}), noon.Add(time.Minute)},
		"with its excuse":   {p.validUntil(full, soon), noon.Add(time.Second)},
		"run time, an hour": {p.validUntil(Facts{Kind: models.KindToolCall, Complete: true, Time: noon}, Ruling{}), noon.Add(time.Hour)},
	} {
		if !tt.got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestParsePolicyLayers(t *testing.T) {
	p, err := ParsePolicy([]byte(`
mode: observe
definitions:
  thresholds: {block: 95}
kinds:
  prompt: {on_not_inspected: open}
deep: {sampled_share: 0.5}
allow:
  - {id: common, canonical_digest: "` + digestA + `", owner: jo, reason: Reviewed., expires: 2027-01-01T00:00:00Z}
tenants:
  acme:
    mode: enforce
    kinds:
      prompt: {thresholds: {monitor: 5}, valid_for_seconds: 7}
    allow:
      - {id: own, canonical_digest: "` + digestB + `", server: s, owner: jo, reason: Reviewed., expires: 2027-01-01T00:00:00Z}
`))
	if err != nil {
		t.Fatal(err)
	}
	acme, other := p.For("acme"), p.For("other")
	wantPrompt := defaultRules(models.KindPrompt)
	wantPrompt.Thresholds[models.Block] = 95
	wantPrompt.OnNotInspected = Open
	if diff := cmp.Diff(wantPrompt, other.Rules[models.KindPrompt]); diff != "" {
		t.Errorf("others' prompts (-want +got):\n%s", diff)
	}
	wantPrompt.Thresholds[models.Monitor] = 5
	wantPrompt.ValidForSeconds = 7
	if diff := cmp.Diff(wantPrompt, acme.Rules[models.KindPrompt]); diff != "" {
		t.Errorf("acme's prompts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(defaultRules(models.KindToolCall), acme.Rules[models.KindToolCall]); diff != "" {
		t.Errorf("acme's calls (-want +got):\n%s", diff)
	}
	if other.Mode != models.Observe || acme.Mode != models.Enforce || acme.Deep.SampledShare != 0.5 || acme.Deep.RiskFrom != 20 {
		t.Errorf("modes %s, %s, deep %+v", other.Mode, acme.Mode, acme.Deep)
	}
	if len(other.Allow) != 1 || len(acme.Allow) != 2 || acme.Allow[1].ID != "own" {
		t.Errorf("allow-lists %+v, %+v", other.Allow, acme.Allow)
	}
	if other.Digest() == acme.Digest() {
		t.Error("different policies with one digest")
	}
}

func TestParsePolicyEmptyIsDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}"} {
		p, err := ParsePolicy([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(DefaultPolicy(), p); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	entry := func(fields string) string {
		return "allow:\n  - {id: x, canonical_digest: \"" + digestA + "\", owner: jo, reason: r, expires: 2027-01-01T00:00:00Z, " + fields + "}\n"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"unknown field":         {"modus: x\n", `[1:1] unknown field "modus"`},
		"unknown in tenant":     {"tenants:\n  acme:\n    deep: {shared: 1}\n", `[3:12] unknown field "shared"`},
		"mode":                  {"mode: loud\n", "mode:"},
		"excerpts":              {"excerpts: some\n", "excerpts:"},
		"kind":                  {"kinds: {tol: {}}\n", `kinds: "tol"`},
		"tenant's kind":         {"tenants: {acme: {kinds: {tol: {}}}}\n", `tenants.acme.kinds: "tol"`},
		"decision of kind":      {"definitions: {thresholds: {redact: 30}}\n", "kinds.tool.thresholds.redact"},
		"threshold of allow":    {"definitions: {thresholds: {allow: 30}}\n", "thresholds.allow"},
		"unknown decision":      {"definitions: {thresholds: {shout: 30}}\n", `"shout"`},
		"order of thresholds":   {"definitions: {thresholds: {block: 30}}\n", "thresholds.block"},
		"threshold range":       {"run_time: {thresholds: {block: 102}}\n", "kinds.user_prompt.thresholds.block"},
		"threshold zero":        {"run_time: {thresholds: {monitor: 0}}\n", "thresholds.monitor"},
		"threshold not number":  {"run_time: {thresholds: {monitor: .nan}}\n", "thresholds.monitor"},
		"on_not_inspected":      {"kinds: {tool: {on_not_inspected: allow}}\n", "kinds.tool.on_not_inspected"},
		"pin_mismatch":          {"kinds: {tool: {pin_mismatch: redact}}\n", "kinds.tool.pin_mismatch"},
		"critical_confidence":   {"kinds: {tool: {critical_confidence: 2}}\n", "kinds.tool.critical_confidence"},
		"valid_for_seconds":     {"kinds: {tool: {valid_for_seconds: 0}}\n", "kinds.tool.valid_for_seconds"},
		"recheck_seconds":       {"kinds: {tool: {recheck_seconds: -1}}\n", "kinds.tool.recheck_seconds"},
		"band":                  {"deep: {risk_from: 50, risk_below: 40}\n", "deep.risk_below"},
		"share":                 {"deep: {sampled_share: 1.5}\n", "deep.sampled_share"},
		"entry without digest":  {"allow: [{id: x, owner: jo, reason: r, expires: 2027-01-01T00:00:00Z}]\n", "allow[0].canonical_digest"},
		"entry without id":      {"allow: [{canonical_digest: x}]\n", "allow[0].id"},
		"entry without end":     {"allow: [{id: x, canonical_digest: \"" + digestA + "\", owner: jo, reason: r}]\n", "allow[0].expires"},
		"entry twice":           {entry("server: a") + strings.TrimPrefix(entry("server: b"), "allow:\n"), "allow[1].id"},
		"entry's unknown field": {entry("until: x"), `unknown field "until"`},
		"tenant's entry":        {"tenants: {acme: {allow: [{id: x}]}}\n", "tenants.acme.allow[0].owner"},
		"too long":              {strings.Repeat("#\n", MaxPolicyBytes), "the limit is"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePolicy([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestPolicyErrorsAreFieldErrors(t *testing.T) {
	p := with(func(p *Policy) { p.Mode = "loud" })
	var field *models.FieldError
	if err := p.Validate(); !errors.As(err, &field) || field.Field != "mode" {
		t.Errorf("got %v", err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte("mode: observe\nkinds: {tool: {thresholds: {block: 91}}}\n"))
	f.Add([]byte("tenants: {a: {allow: [{id: x}]}}\n"))
	f.Add([]byte("definitions:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy(data)
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("parsed and not valid: %v", err)
		}
		p.Digest()
	})
}
