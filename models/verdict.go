package models

import (
	"fmt"
	"time"
)

// VerdictSchemaVersion is the version of the verdict's JSON form. A field may be added, never changed.
const VerdictSchemaVersion = "1.0.0"

// MaxVerdictBytes is the largest verdict on the bus. What does not fit is left out and counted in Omitted.
const MaxVerdictBytes = 256 << 10

// Verdict is the answer for one event. Revisions of the same verdict share ID and differ in Revision.
type Verdict struct {
	SchemaVersion string `json:"schema_version"`
	// ID is derived from tenant, event and epoch, so that a redelivered event gets the same verdict.
	ID       string `json:"verdict_id"`
	EventID  string `json:"event_id"`
	Sequence uint64 `json:"event_sequence,omitempty"` // of the event in its tenant's stream; orders verdicts on one object
	Revision int    `json:"revision"`                 // from 1
	Final    bool   `json:"final"`                    // no further revision will come
	// Supersedes names what this one replaces ("<verdict_id>/<revision>"), Cause says why: "deep detectors",
	// "rescored", "epoch". Both are empty in a first answer.
	Supersedes string    `json:"supersedes,omitempty"`
	Cause      string    `json:"cause,omitempty"`
	Time       time.Time `json:"time"`
	ValidUntil time.Time `json:"valid_until,omitzero"` // after that, ask again
	Epoch      string    `json:"epoch"`

	Subject Subject `json:"subject"`

	// Decision is the recommendation, whatever the mode; a gateway acts on [Verdict.Action].
	Decision  Decision `json:"decision"`
	Mode      Mode     `json:"mode"`
	Severity  Severity `json:"severity,omitempty"`
	RiskScore float64  `json:"risk_score"` // 0 to 100
	// Probability is that of an attack, 0 to 1, if attacks and harmless look-alikes were equally many. Where attacks are
	// rarer see [Posterior].
	Probability float64 `json:"probability,omitempty"`
	// Findings are in descending order of severity, then confidence.
	Findings []Finding `json:"findings"`
	Omitted  int       `json:"omitted_findings,omitempty"`
	// Detectors has one report for each detector that the configuration names for this kind, ran or not.
	Detectors []DetectorReport `json:"detectors"`
	Coverage  Coverage         `json:"coverage"`
	// Exception is the allow-list entry that lowered the decision, if any. Findings are shown all the same.
	Exception *Exception `json:"exception,omitempty"`
	Micros    int64      `json:"micros"` // from the engine's first look to the decision
}

// Subject is what a verdict is about.
type Subject struct {
	Tenant          string    `json:"tenant"`
	Server          string    `json:"server"`
	Kind            Kind      `json:"kind"`
	Object          string    `json:"object,omitempty"`
	Session         string    `json:"session,omitempty"`
	Direction       Direction `json:"direction"`
	RawDigest       string    `json:"raw_digest"`
	CanonicalDigest string    `json:"canonical_digest,omitempty"`
	Bytes           int64     `json:"bytes"`
	Catalogue       string    `json:"catalogue,omitempty"`
	Pin             PinState  `json:"pin"`
	PinnedDigest    string    `json:"pinned_digest,omitempty"`
}

// PinState compares an event with the digest that was approved for its object.
type PinState string

// The pin states. An empty canonical digest matches nothing.
const (
	PinMatch    PinState = "match"
	PinMismatch PinState = "mismatch"
	Unpinned    PinState = "unpinned"
)

// ComparePin returns the state of a canonical digest against a pin.
func ComparePin(pin, canonical string) PinState {
	switch {
	case pin == "":
		return Unpinned
	case canonical != "" && pin == canonical:
		return PinMatch
	}
	return PinMismatch
}

// DetectorReport says how one detector ended with the event.
type DetectorReport struct {
	Name     string  `json:"name"`
	Version  string  `json:"version"`
	Digest   string  `json:"digest"` // of code, configuration, rules and weights
	Status   Status  `json:"status"`
	Reason   Reason  `json:"reason,omitempty"`
	Detail   string  `json:"detail,omitempty"`
	Score    float64 `json:"score,omitempty"`
	Findings int     `json:"findings,omitempty"`
	Cached   bool    `json:"cached,omitempty"`
	// Share is the detector's share of the evidence behind the verdict's probability, 0 to 1.
	Share  float64 `json:"share,omitempty"`
	Micros int64   `json:"micros"` // the detector's share of its batch's time; 0 when cached
}

// Coverage says what was inspected.
type Coverage struct {
	// Complete is set when every detector inspected every part.
	Complete bool      `json:"complete"`
	Skipped  []Skipped `json:"skipped,omitempty"`
	// Omitted counts the skipped parts that were left out for want of room.
	Omitted int `json:"omitted_skipped,omitempty"`
	// Degraded names the detectors that did not inspect the event.
	Degraded []string `json:"degraded,omitempty"`
}

// Exception is an allow-list entry: it lets one object with one digest pass, for a reason, until a day.
type Exception struct {
	ID              string    `json:"id"`
	CanonicalDigest string    `json:"canonical_digest"`
	Owner           string    `json:"owner"`
	Reason          string    `json:"reason"`
	Expires         time.Time `json:"expires"`
}

// Action is what a gateway should do now: the decision, or at most monitor in observe mode.
func (v *Verdict) Action() Decision {
	if v.Mode == Observe && v.Decision.AtLeast(Monitor) {
		return Monitor
	}
	return v.Decision
}

// Tier returns the tier of the verdict's decision.
func (v *Verdict) Tier() Tier { return v.Subject.Kind.Tier(v.Decision) }

// Flagged reports whether the verdict is in the flagged tier or above.
func (v *Verdict) Flagged() bool { return v.Tier() >= TierFlagged }

// Clean reports whether everything was inspected and nothing was found. "Not flagged" is weaker, and "allow" says
// only what to do.
func (v *Verdict) Clean() bool { return v.Coverage.Complete && len(v.Findings) == 0 && v.Omitted == 0 }

// Key identifies one revision; subscribers drop what they have seen by it, and it is the message id on the bus.
func (v *Verdict) Key() string { return VerdictKey(v.ID, v.Revision) }

// VerdictKey joins a verdict's id and a revision as [Verdict.Key] does.
func VerdictKey(id string, revision int) string { return fmt.Sprintf("%s/%d", id, revision) }

// Newer reports whether v replaces old as the last verdict on their object: by event sequence, then by revision when
// both are on the same event, so that the order of arrival does not matter. Without sequences (an inline check, a
// rescore) time decides.
func (v *Verdict) Newer(old *Verdict) bool {
	if v.Sequence != old.Sequence && v.Sequence != 0 && old.Sequence != 0 {
		return v.Sequence > old.Sequence
	}
	if v.EventID == old.EventID && v.Epoch == old.Epoch {
		return v.Revision > old.Revision
	}
	return v.Time.After(old.Time)
}

// Validate reports the first thing that breaks the verdict's contract.
func (v *Verdict) Validate() error {
	k := v.Subject.Kind
	switch {
	case v.SchemaVersion == "":
		return &FieldError{"schema_version", "empty"}
	case v.ID == "":
		return &FieldError{"verdict_id", "empty"}
	case v.Revision < 1:
		return &FieldError{"revision", "below 1"}
	case v.Subject.Tenant == "" || v.Subject.Server == "":
		return &FieldError{"subject", "tenant or server is empty"}
	case !k.Valid():
		return &FieldError{"subject.kind", fmt.Sprintf("%q is not one of %v", k, Kinds())}
	case !k.MayGet(v.Decision):
		return &FieldError{"decision", fmt.Sprintf("%q is not for kind %s: %v", v.Decision, k, k.Decisions())}
	case v.Mode != Observe && v.Mode != Enforce:
		return &FieldError{"mode", fmt.Sprintf("%q is neither observe nor enforce", v.Mode)}
	case v.Severity.Rank() < 0:
		return &FieldError{"severity", fmt.Sprintf("%q is not one of %v", v.Severity, Severities())}
	case !(v.RiskScore >= 0 && v.RiskScore <= 100):
		return &FieldError{"risk_score", fmt.Sprintf("%v is outside [0, 100]", v.RiskScore)}
	case !(v.Probability >= 0 && v.Probability <= 1):
		return &FieldError{"probability", fmt.Sprintf("%v is outside [0, 1]", v.Probability)}
	case v.Coverage.Complete && (len(v.Coverage.Degraded) > 0 || len(v.Coverage.Skipped) > 0 || v.Coverage.Omitted > 0):
		return &FieldError{"coverage.complete", "set although something was not inspected"}
	}
	return nil
}

// Posterior returns what a verdict's probability comes to where attacks are a share of base, above 0 and below 1, of all
// events: by Bayes' rule, as if harmless events looked no less harmless than the look-alikes that it was calibrated on, so it
// is rather too high.
func Posterior(probability, base float64) float64 {
	attack, harmless := probability*base, (1-probability)*(1-base)
	if attack+harmless == 0 {
		return 0
	}
	return attack / (attack + harmless)
}

// VerdictID derives the id of the verdict on an event in an epoch.
func VerdictID(tenant, eventID, epoch string) string { return Hash("verdict", tenant, eventID, epoch) }

// Feedback is a person's word on a verdict.
type Feedback struct {
	VerdictID string    `json:"verdict_id"`
	Tenant    string    `json:"tenant"`
	Confirmed bool      `json:"confirmed"` // true: an attack; false: dismissed
	Owner     string    `json:"owner"`
	Reason    string    `json:"reason"`
	Time      time.Time `json:"time"`
}

// Validate reports the first field that is missing.
func (f *Feedback) Validate() error {
	for _, x := range []struct{ field, value string }{
		{"verdict_id", f.VerdictID}, {"tenant", f.Tenant}, {"owner", f.Owner}, {"reason", f.Reason},
	} {
		if x.value == "" || len(x.value) > MaxNameBytes {
			return &FieldError{x.field, fmt.Sprintf("must have 1 to %d bytes", MaxNameBytes)}
		}
	}
	return nil
}

// Rejection is what is kept of an input that could not be read.
type Rejection struct {
	Tenant    string    `json:"tenant"`
	Subject   string    `json:"subject"`
	Sequence  uint64    `json:"sequence,omitempty"`
	Reason    string    `json:"reason"` // a stable word: "malformed", "too_large", "method_unknown", "server_mismatch"
	Detail    string    `json:"detail"`
	RawDigest string    `json:"raw_digest"`
	Bytes     int       `json:"bytes"`
	Body      []byte    `json:"body,omitempty"` // only where the configuration keeps bytes
	Time      time.Time `json:"time"`
}

// Rescored counts what judging a tenant's live definitions again did.
type Rescored struct {
	Judged    int `json:"judged"`    // in the current epoch
	Changed   int `json:"changed"`   // of those judged, with another decision, severity or findings: a new verdict was published
	Unchanged int `json:"unchanged"` // of those judged, the others
	Current   int `json:"current"`   // had a verdict of this epoch already
}

// EpochNotice announces that what decides has changed: answers from the epoch before are no longer current.
type EpochNotice struct {
	Tenant    string            `json:"tenant"`
	Epoch     string            `json:"epoch"`
	Previous  string            `json:"previous,omitempty"`
	Detectors map[string]string `json:"detectors"` // name to digest
	Policy    string            `json:"policy"`    // digest
	Time      time.Time         `json:"time"`
}
