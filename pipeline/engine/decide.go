package engine

import (
	"time"

	"github.com/aad6b6dc/taster/models"
)

// Facts is what policy knows of an event.
type Facts struct {
	Kind            models.Kind
	Server          string
	Object          string
	CanonicalDigest string
	Pin             models.PinState
	Risk            Risk
	// Complete is set when every detector inspected every part.
	Complete bool
	Time     time.Time
}

// Ruling is what policy makes of the facts.
type Ruling struct {
	Decision models.Decision
	// Exception is the allow-list entry that lowered the decision, or nil.
	Exception *models.Exception
}

// Decide is pure: the same facts get the same ruling, and more risk never a milder one.
func (p *TenantPolicy) Decide(f Facts) Ruling {
	rules := p.rules(f.Kind)
	decision := rules.byRisk(f.Risk)
	if f.Pin == models.PinMismatch {
		decision = models.Stricter(decision, rules.PinMismatch)
	}
	approved := models.Allow
	// Invariant 3: what was not inspected is never simply allowed, even where a person has approved these very bytes.
	if !f.Complete {
		decision = models.Stricter(decision, rules.OnNotInspected.floor())
		approved = models.Monitor
	}
	if decision != approved {
		if entry := p.allowed(f); entry != nil {
			return Ruling{Decision: approved, Exception: entry.exception()}
		}
	}
	return Ruling{Decision: decision}
}

func (p *TenantPolicy) rules(k models.Kind) Rules {
	if r, ok := p.Rules[k]; ok {
		return r
	}
	return defaultRules(k)
}

func (r *Rules) byRisk(risk Risk) models.Decision {
	d := models.Allow
	for decision, threshold := range r.Thresholds {
		if risk.Score >= threshold {
			d = models.Stricter(d, decision)
		}
	}
	if r.CriticalConfidence > 0 && risk.Critical >= r.CriticalConfidence {
		d = models.Block
	}
	return d
}

// allowed returns the entry that lets the object pass, or nil.
func (p *TenantPolicy) allowed(f Facts) *AllowEntry {
	if f.CanonicalDigest == "" {
		return nil
	}
	for i := range p.Allow {
		if p.Allow[i].matches(f) {
			return &p.Allow[i]
		}
	}
	return nil
}

func (a *AllowEntry) matches(f Facts) bool {
	return a.CanonicalDigest == f.CanonicalDigest &&
		(a.Server == "" || a.Server == f.Server) &&
		(a.Object == "" || a.Object == f.Object) &&
		f.Time.Before(a.Expires)
}

func (a *AllowEntry) exception() *models.Exception {
	return &models.Exception{ID: a.ID, CanonicalDigest: a.CanonicalDigest, Owner: a.Owner, Reason: a.Reason, Expires: a.Expires}
}

// WantsDeep reports whether the deep detectors should see the event. sample is a number in [0, 1) that follows from
// the event.
func (p *TenantPolicy) WantsDeep(f Facts, ruling Ruling, sample float64) bool {
	switch {
	case ruling.Exception != nil, f.Risk.Score >= p.Deep.RiskBelow, ruling.Decision == models.Block:
		return false
	case f.Risk.Score >= p.Deep.RiskFrom:
		return true
	case p.Deep.Unpinned && f.Kind.Definition() && f.Pin == models.Unpinned:
		return true
	case p.Deep.Changed && f.Kind.Definition() && f.Pin == models.PinMismatch:
		return true
	}
	return sample < p.Deep.SampledShare
}

// WantsExcerpts reports whether verdicts on events of kind k hold excerpts.
//
// Invariant 11: excerpts only for definitions unless configured.
func (p *TenantPolicy) WantsExcerpts(k models.Kind) bool {
	return p.Excerpts == ExcerptsAll || p.Excerpts == ExcerptsDefinitions && k.Definition()
}

// validUntil is when a verdict made at f.Time needs to be asked for again.
func (p *TenantPolicy) validUntil(f Facts, ruling Ruling) time.Time {
	rules := p.rules(f.Kind)
	seconds := rules.ValidForSeconds
	if !f.Complete {
		seconds = min(seconds, rules.RecheckSeconds)
	}
	until := f.Time.Add(time.Duration(seconds) * time.Second)
	if e := ruling.Exception; e != nil && e.Expires.Before(until) {
		until = e.Expires
	}
	return until
}
