package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/aad6b6dc/taster/models"
)

// MaxPolicyBytes limits a policy file.
const MaxPolicyBytes = 4 << 20

// Policy says what becomes of risk, tenant by tenant. It is a value: [ParsePolicy] and [DefaultPolicy] make complete
// ones, and nothing in it changes afterwards. The zero value stands for [DefaultPolicy].
type Policy struct {
	// TenantPolicy holds for every tenant that Tenants does not name.
	TenantPolicy
	Tenants map[string]TenantPolicy
}

// TenantPolicy is the policy of one tenant.
type TenantPolicy struct {
	// Mode says whether gateways are meant to act.
	Mode models.Mode
	// Excerpts says for which kinds verdicts hold excerpts.
	Excerpts Excerpts
	// Rules has an entry for every kind.
	Rules map[models.Kind]Rules
	Deep  Deep
	Allow []AllowEntry
}

// Excerpts says for which kinds verdicts hold excerpts of what was found.
type Excerpts string

// The choices for excerpts.
const (
	ExcerptsNone        Excerpts = "none"
	ExcerptsDefinitions Excerpts = "definitions"
	ExcerptsAll         Excerpts = "all"
)

// Rules are the rules for events of one kind.
type Rules struct {
	// Thresholds gives the risk, 0 to 100, from which each decision is taken. A decision without one is not taken for
	// risk alone.
	Thresholds map[models.Decision]float64
	// CriticalConfidence is the confidence, in (0, 1], from which a critical finding blocks whatever the risk; 0 never.
	CriticalConfidence float64
	// OnNotInspected says what happens when something was not inspected.
	OnNotInspected NotInspectedRule
	// PinMismatch is the mildest decision on an object that differs from what was approved.
	PinMismatch models.Decision
	// ValidForSeconds is how long a verdict may be used; RecheckSeconds the same for one with incomplete coverage.
	ValidForSeconds int
	RecheckSeconds  int
}

// NotInspectedRule says what happens to an event that was not wholly inspected: it is never simply allowed.
type NotInspectedRule string

// The rules: open lets it pass as at least monitor, closed asks for at least require_approval.
const (
	Open   NotInspectedRule = "open"
	Closed NotInspectedRule = "closed"
)

func (r NotInspectedRule) floor() models.Decision {
	if r == Closed {
		return models.RequireApproval
	}
	return models.Monitor
}

// Deep says which events the deep detectors see. Any of the conditions is enough.
type Deep struct {
	// RiskFrom and RiskBelow delimit the grey band of risk: [from, below).
	RiskFrom  float64
	RiskBelow float64
	// Unpinned sends every definition that nobody has approved yet and whose risk is below RiskBelow.
	Unpinned bool
	// Changed sends every definition that differs from what was approved and whose risk is below RiskBelow.
	Changed bool
	// SampledShare is the share, 0 to 1, of all other events below RiskBelow. The choice follows from digest and epoch.
	SampledShare float64
}

// AllowEntry lets one object with one digest pass, for a reason, until a day.
type AllowEntry struct {
	// ID names the entry in verdicts. Required.
	ID string `yaml:"id"`
	// CanonicalDigest is the digest of the object as it was approved. Required.
	CanonicalDigest string `yaml:"canonical_digest"`
	// Server and Object narrow the entry. Optional: empty means any.
	Server string `yaml:"server"`
	Object string `yaml:"object"`
	// Owner and Reason say who answers for it, and why. Required.
	Owner  string `yaml:"owner"`
	Reason string `yaml:"reason"`
	// Expires ends it. Required.
	Expires time.Time `yaml:"expires"`
}

// DefaultPolicy is what holds without a policy file: decisions follow the severity bands, definitions that could not be
// inspected ask for approval, run-time traffic passes and is monitored.
func DefaultPolicy() Policy {
	p := TenantPolicy{
		Mode:     models.Enforce,
		Excerpts: ExcerptsDefinitions,
		Rules:    map[models.Kind]Rules{},
		Deep:     Deep{RiskFrom: 20, RiskBelow: 90, Unpinned: true, Changed: true, SampledShare: 0.01},
	}
	for _, k := range models.Kinds() {
		p.Rules[k] = defaultRules(k)
	}
	return Policy{TenantPolicy: p}
}

func defaultRules(k models.Kind) Rules {
	if k.Definition() {
		return Rules{
			Thresholds: map[models.Decision]float64{
				models.Monitor: 20, models.RequireApproval: 40, models.Quarantine: 70, models.Block: 90,
			},
			CriticalConfidence: 0.9,
			OnNotInspected:     Closed,
			PinMismatch:        models.RequireApproval,
			ValidForSeconds:    24 * 3600,
			RecheckSeconds:     60,
		}
	}
	return Rules{
		Thresholds: map[models.Decision]float64{
			models.Monitor: 20, models.Redact: 40, models.RequireApproval: 70, models.Block: 90,
		},
		CriticalConfidence: 0.9,
		OnNotInspected:     Open,
		PinMismatch:        models.Monitor,
		ValidForSeconds:    3600,
		RecheckSeconds:     60,
	}
}

// ParsePolicy reads a policy in YAML over [DefaultPolicy] and validates it. Unknown and duplicate fields are errors that
// name line and column.
//
// Sections are laid over each other, the narrower over the wider: built-in defaults, `definitions` or `run_time`,
// `kinds.<kind>`, then the same three of `tenants.<name>`. Thresholds merge decision by decision; a tenant's allow-list
// adds to the common one.
func ParsePolicy(data []byte) (Policy, error) {
	if len(data) > MaxPolicyBytes {
		return Policy{}, &models.FieldError{Field: "policy", Problem: fmt.Sprintf("%d bytes, the limit is %d", len(data), MaxPolicyBytes)}
	}
	var p Policy
	if err := yaml.UnmarshalWithOptions(data, &p, yaml.Strict()); err != nil {
		return Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	if p.Rules == nil { // an empty file
		return DefaultPolicy(), nil
	}
	return p, nil
}

// UnmarshalYAML reads a policy inside another document, over [DefaultPolicy], as [ParsePolicy] does.
func (p *Policy) UnmarshalYAML(unmarshal func(any) error) error {
	var file struct {
		Common  section            `yaml:",inline"`
		Tenants map[string]section `yaml:"tenants"`
	}
	if err := unmarshal(&file); err != nil {
		return err
	}
	*p = DefaultPolicy()
	if err := file.Common.checkKinds(""); err != nil {
		return err
	}
	p.TenantPolicy = file.Common.over(p.TenantPolicy)
	for _, name := range slices.Sorted(maps.Keys(file.Tenants)) {
		s := file.Tenants[name]
		if err := s.checkKinds("tenants." + name + "."); err != nil {
			return err
		}
		if p.Tenants == nil {
			p.Tenants = map[string]TenantPolicy{}
		}
		p.Tenants[name] = s.over(p.TenantPolicy)
	}
	return p.Validate()
}

// section is the YAML form of a tenant's policy. What is absent is inherited.
type section struct {
	Mode        *models.Mode                `yaml:"mode"`
	Excerpts    *Excerpts                   `yaml:"excerpts"`
	Definitions rulesPatch                  `yaml:"definitions"`
	RunTime     rulesPatch                  `yaml:"run_time"`
	Kinds       map[models.Kind]*rulesPatch `yaml:"kinds"`
	Deep        struct {
		RiskFrom     *float64 `yaml:"risk_from"`
		RiskBelow    *float64 `yaml:"risk_below"`
		Unpinned     *bool    `yaml:"unpinned"`
		Changed      *bool    `yaml:"changed"`
		SampledShare *float64 `yaml:"sampled_share"`
	} `yaml:"deep"`
	Allow []AllowEntry `yaml:"allow"`
}

type rulesPatch struct {
	Thresholds         map[models.Decision]float64 `yaml:"thresholds"`
	CriticalConfidence *float64                    `yaml:"critical_confidence"`
	OnNotInspected     *NotInspectedRule           `yaml:"on_not_inspected"`
	PinMismatch        *models.Decision            `yaml:"pin_mismatch"`
	ValidForSeconds    *int                        `yaml:"valid_for_seconds"`
	RecheckSeconds     *int                        `yaml:"recheck_seconds"`
}

// checkKinds refuses kinds that do not exist: laying sections over each other would drop them silently.
func (s *section) checkKinds(path string) error {
	for _, k := range slices.Sorted(maps.Keys(s.Kinds)) {
		if !k.Valid() {
			return &models.FieldError{Field: path + "kinds", Problem: fmt.Sprintf("%q is not one of %v", k, models.Kinds())}
		}
	}
	return nil
}

// over lays the section over base and leaves base as it is.
func (s *section) over(base TenantPolicy) TenantPolicy {
	out := base
	set(&out.Mode, s.Mode)
	set(&out.Excerpts, s.Excerpts)
	set(&out.Deep.RiskFrom, s.Deep.RiskFrom)
	set(&out.Deep.RiskBelow, s.Deep.RiskBelow)
	set(&out.Deep.Unpinned, s.Deep.Unpinned)
	set(&out.Deep.Changed, s.Deep.Changed)
	set(&out.Deep.SampledShare, s.Deep.SampledShare)
	out.Allow = slices.Concat(base.Allow, s.Allow)
	out.Rules = make(map[models.Kind]Rules, len(base.Rules))
	for k, rules := range base.Rules {
		general := &s.RunTime
		if k.Definition() {
			general = &s.Definitions
		}
		out.Rules[k] = s.Kinds[k].over(general.over(rules))
	}
	return out
}

func (p *rulesPatch) over(base Rules) Rules {
	if p == nil {
		return base
	}
	out := base
	out.Thresholds = maps.Clone(base.Thresholds)
	maps.Copy(out.Thresholds, p.Thresholds)
	set(&out.CriticalConfidence, p.CriticalConfidence)
	set(&out.OnNotInspected, p.OnNotInspected)
	set(&out.PinMismatch, p.PinMismatch)
	set(&out.ValidForSeconds, p.ValidForSeconds)
	set(&out.RecheckSeconds, p.RecheckSeconds)
	return out
}

func set[T any](dst *T, src *T) {
	if src != nil {
		*dst = *src
	}
}

// For returns the policy of a tenant.
func (p *Policy) For(tenant string) TenantPolicy {
	if t, ok := p.Tenants[tenant]; ok {
		return t
	}
	return p.TenantPolicy
}

// Digest identifies everything in the tenant's policy that can change a verdict.
func (p *TenantPolicy) Digest() string {
	data, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("marshalling a validated policy: %v", err)) // no NaN, no channel: cannot happen
	}
	return models.Digest(data)
}

// Validate reports the first thing that is wrong, naming the field as in the file.
func (p *Policy) Validate() error {
	if err := p.TenantPolicy.validate(""); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(p.Tenants)) {
		if name == "" || len(name) > models.MaxNameBytes {
			return &models.FieldError{Field: "tenants", Problem: fmt.Sprintf("a name must have 1 to %d bytes", models.MaxNameBytes)}
		}
		t := p.Tenants[name]
		if err := t.validate("tenants." + name + "."); err != nil {
			return err
		}
	}
	return nil
}

func (p *TenantPolicy) validate(path string) error {
	bad := func(field, format string, args ...any) error {
		return &models.FieldError{Field: path + field, Problem: fmt.Sprintf(format, args...)}
	}
	switch {
	case p.Mode != models.Observe && p.Mode != models.Enforce:
		return bad("mode", "%q is neither observe nor enforce", p.Mode)
	case p.Excerpts != ExcerptsNone && p.Excerpts != ExcerptsDefinitions && p.Excerpts != ExcerptsAll:
		return bad("excerpts", "%q is not none, definitions or all", p.Excerpts)
	case !(p.Deep.RiskFrom >= 0 && p.Deep.RiskFrom <= 100):
		return bad("deep.risk_from", "%v is outside [0, 100]", p.Deep.RiskFrom)
	case !(p.Deep.RiskBelow >= p.Deep.RiskFrom && p.Deep.RiskBelow <= 101):
		return bad("deep.risk_below", "%v is outside [risk_from, 101]", p.Deep.RiskBelow)
	case !(p.Deep.SampledShare >= 0 && p.Deep.SampledShare <= 1):
		return bad("deep.sampled_share", "%v is outside [0, 1]", p.Deep.SampledShare)
	}
	for _, k := range models.Kinds() {
		rules, ok := p.Rules[k]
		if !ok {
			return bad("kinds."+string(k), "missing")
		}
		if err := rules.validate(path+"kinds."+string(k)+".", k); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i := range p.Allow {
		if err := p.Allow[i].validate(fmt.Sprintf("%sallow[%d].", path, i)); err != nil {
			return err
		}
		if seen[p.Allow[i].ID] {
			return bad(fmt.Sprintf("allow[%d].id", i), "%q is there twice", p.Allow[i].ID)
		}
		seen[p.Allow[i].ID] = true
	}
	return nil
}

func (r *Rules) validate(path string, k models.Kind) error {
	bad := func(field, format string, args ...any) error {
		return &models.FieldError{Field: path + field, Problem: fmt.Sprintf(format, args...)}
	}
	var before float64
	for _, d := range models.Decisions() {
		t, ok := r.Thresholds[d]
		switch {
		case !ok:
			continue
		case d == models.Allow || !k.MayGet(d):
			return bad("thresholds."+string(d), "not a decision for this kind: %v", k.Decisions()[1:])
		case !(t > 0 && t <= 101):
			return bad("thresholds."+string(d), "%v is outside (0, 101]; 101 is never reached", t)
		case t < before:
			return bad("thresholds."+string(d), "%v is below the threshold of a milder decision, %v", t, before)
		}
		before = t
	}
	for d := range r.Thresholds {
		if d.Rank() < 0 {
			return bad("thresholds", "%q is not one of %v", d, k.Decisions()[1:])
		}
	}
	switch {
	case !(r.CriticalConfidence >= 0 && r.CriticalConfidence <= 1):
		return bad("critical_confidence", "%v is outside [0, 1]", r.CriticalConfidence)
	case r.OnNotInspected != Open && r.OnNotInspected != Closed:
		return bad("on_not_inspected", "%q is neither open nor closed", r.OnNotInspected)
	case !k.MayGet(r.PinMismatch):
		return bad("pin_mismatch", "%q is not for this kind: %v", r.PinMismatch, k.Decisions())
	case r.ValidForSeconds < 1:
		return bad("valid_for_seconds", "%d is not positive", r.ValidForSeconds)
	case r.RecheckSeconds < 1:
		return bad("recheck_seconds", "%d is not positive", r.RecheckSeconds)
	}
	return nil
}

func (a *AllowEntry) validate(path string) error {
	for _, f := range []struct{ field, value string }{{"id", a.ID}, {"owner", a.Owner}, {"reason", a.Reason}} {
		if f.value == "" || len(f.value) > models.MaxNameBytes {
			return &models.FieldError{Field: path + f.field, Problem: fmt.Sprintf("must have 1 to %d bytes", models.MaxNameBytes)}
		}
	}
	if !models.ValidDigest(a.CanonicalDigest) {
		return &models.FieldError{Field: path + "canonical_digest", Problem: fmt.Sprintf("%q is not sha256: and 64 hex digits", a.CanonicalDigest)}
	}
	if a.Expires.IsZero() {
		return &models.FieldError{Field: path + "expires", Problem: "missing: every exception ends"}
	}
	return nil
}
