package models

import (
	"fmt"
	"regexp"
)

// Severity is the impact of a finding, apart from how sure the detector is.
type Severity string

// The severities, in ascending order. The zero value is no severity: nothing was found.
const (
	SeverityNone     Severity = ""
	SeverityInfo     Severity = "info"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Severities returns the severities in ascending order, without [SeverityNone].
func Severities() []Severity {
	return []Severity{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// Rank orders severities: 0 for none up to 5 for critical, -1 for anything else.
func (s Severity) Rank() int {
	if s == SeverityNone {
		return 0
	}
	for i, t := range Severities() {
		if s == t {
			return i + 1
		}
	}
	return -1
}

// Raised returns the next higher severity.
func (s Severity) Raised() Severity {
	all := Severities()
	return all[min(max(s.Rank(), 0), len(all)-1)]
}

// Status says how a detector ended with an event. There are three outcomes and never two: an event that was not
// inspected is never clean.
type Status string

// The outcomes.
const (
	StatusFound        Status = "found"
	StatusClean        Status = "clean"
	StatusNotInspected Status = "not_inspected"
)

// Reason says why something was not inspected.
type Reason string

// The reasons. A detector may use any of them; the engine and the host add the ones about processes and time.
const (
	ReasonDeadline    Reason = "deadline"     // no answer in time
	ReasonCrashed     Reason = "crashed"      // the event, alone, brought the detector down
	ReasonHeldBack    Reason = "held_back"    // the same bytes failed this detector before
	ReasonUnavailable Reason = "unavailable"  // the detector is not running
	ReasonCircuitOpen Reason = "circuit_open" // the detector keeps failing to start
	ReasonError       Reason = "error"        // the detector answered with an error
	ReasonBadAnswer   Reason = "bad_answer"   // the answer broke the protocol
	ReasonOversize    Reason = "oversize"     // too large for the detector or for the bus
	ReasonUnsupported Reason = "unsupported"  // content the detector can't read
	ReasonContext     Reason = "context"      // the context that the detector declared could not be had
	ReasonDeliveries  Reason = "deliveries"   // the event was delivered too often without an answer
	ReasonOverBudget  Reason = "over_budget"  // a budget was used up
	ReasonRefused     Reason = "refused"      // the judge refused, or its answer did not pass the checks
	ReasonPending     Reason = "pending"      // a later revision of the verdict brings the answer
)

// Outcome is one detector's answer for one event.
type Outcome struct {
	Status   Status    `json:"status"`
	Findings []Finding `json:"findings,omitempty"` // present if and only if Status is found
	// Score is the detector's own estimate in [0, 1] that the event is an attack; 0 from detectors that give none.
	Score float64 `json:"score,omitempty"`
	// Reason and Detail are set if and only if Status is not_inspected.
	Reason Reason `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"` // for a person, at most [MaxDetailBytes]
	// Skipped lists parts that this detector left out although it inspected the rest.
	Skipped []Skipped `json:"skipped,omitempty"`
}

// Found is the outcome with findings; without any it is [Clean].
func Found(findings ...Finding) Outcome {
	if len(findings) == 0 {
		return Clean()
	}
	return Outcome{Status: StatusFound, Findings: findings}
}

// Clean is the outcome of an event in which nothing was found.
func Clean() Outcome { return Outcome{Status: StatusClean} }

// NotInspected is the outcome of an event that the detector could not judge.
func NotInspected(reason Reason, detail string) Outcome {
	return Outcome{Status: StatusNotInspected, Reason: reason, Detail: Truncate(detail, MaxDetailBytes)}
}

// Limits on what a detector may answer for one event.
const (
	MaxFindings     = 256
	MaxEvidence     = 32  // spans of one finding
	MaxMessageBytes = 512 // a finding's message, a counter-evidence's message
	MaxDetailBytes  = 512
)

// Finding is one thing a detector found in one event.
type Finding struct {
	// Detector is the name of the detector. The engine fills it in; what a detector writes there is overwritten.
	Detector string `json:"detector"`
	Rule     string `json:"rule"`         // stable id of the rule, for example "directive-before-tool"
	Version  string `json:"rule_version"` // version of the rule
	Class    Class  `json:"class"`        // threat class, or X-<vendor>-... from an outside detector
	// Severity is the impact, Confidence the detector's estimate in (0, 1] that the finding is right.
	Severity   Severity `json:"severity"`
	Confidence float64  `json:"confidence"`
	Message    string   `json:"message"` // one sentence for a person
	Evidence   []Span   `json:"evidence,omitempty"`
	// Omitted counts spans that were left out of Evidence for want of room.
	Omitted int `json:"omitted_evidence,omitempty"`
	// Counter lists what speaks against the finding and was already weighed.
	Counter []CounterEvidence `json:"counter_evidence,omitempty"`
}

// Span is a stretch of one view of one segment.
type Span struct {
	// Segment and View are indexes into the event's segments and the segment's views. A detector sets these and Start
	// and End; the engine fills in the rest.
	Segment int `json:"-"`
	View    int `json:"-"`

	Pointer  string   `json:"pointer"`
	Key      bool     `json:"key,omitempty"` // in the member's name, not in its value
	ViewKind ViewKind `json:"view"`
	Chain    []string `json:"transforms,omitempty"`
	Start    int      `json:"start"` // bytes in the view's text
	End      int      `json:"end"`
	// RawStart and RawEnd are bytes of the body as the peer sent it.
	RawStart int `json:"raw_start"`
	RawEnd   int `json:"raw_end"`
	// Excerpt is the view's text at the span with secrets masked, at most [MaxExcerptBytes]; present only where
	// the configuration stores excerpts.
	Excerpt string `json:"excerpt,omitempty"`
}

// MaxExcerptBytes limits the excerpt of a span.
const MaxExcerptBytes = 160

// CounterEvidence is something that speaks against a finding.
type CounterEvidence struct {
	Kind    string  `json:"kind"` // for example "same_server_reference"
	Message string  `json:"message,omitempty"`
	Weight  float64 `json:"weight"` // by how much the confidence was lowered, in [0, 1]
}

// Class is the id of a threat class (A1 to E15), or X-<vendor>-<name> for the class of an outside detector.
type Class string

var outsideClass = regexp.MustCompile(`^X-[A-Za-z0-9]{1,32}(-[A-Za-z0-9]{1,32}){1,4}$`)

// Valid reports whether c is a class of [Classes] or has the form of an outside one.
func (c Class) Valid() bool {
	_, known := ClassByID(c)
	return known || outsideClass.MatchString(string(c))
}

// Validate reports what breaks the contract of an outcome for an event that was taken apart into segments. It is the
// one check between a detector and everything behind it.
func (o *Outcome) Validate(segments []Segment) error {
	switch o.Status {
	case StatusFound:
		if len(o.Findings) == 0 {
			return &FieldError{"findings", "none, although the status is found"}
		}
	case StatusClean:
		if len(o.Findings) > 0 {
			return &FieldError{"findings", "present, although the status is clean"}
		}
	case StatusNotInspected:
		if o.Reason == "" || len(o.Findings) > 0 {
			return &FieldError{"reason", "a not inspected outcome has a reason and no findings"}
		}
	default:
		return &FieldError{"status", fmt.Sprintf("%q is not found, clean or not_inspected", o.Status)}
	}
	if o.Status != StatusNotInspected && o.Reason != "" {
		return &FieldError{"reason", "present, although the event was inspected"}
	}
	if !(o.Score >= 0 && o.Score <= 1) {
		return &FieldError{"score", fmt.Sprintf("%v is outside [0, 1]", o.Score)}
	}
	if len(o.Findings) > MaxFindings {
		return &FieldError{"findings", fmt.Sprintf("%d, the limit is %d", len(o.Findings), MaxFindings)}
	}
	for i := range o.Findings {
		if err := o.Findings[i].validate(segments); err != nil {
			return fmt.Errorf("findings[%d]: %w", i, err)
		}
	}
	return nil
}

func (f *Finding) validate(segments []Segment) error {
	switch {
	case f.Rule == "" || len(f.Rule) > 128:
		return &FieldError{"rule", "must have 1 to 128 bytes"}
	case len(f.Version) > 64:
		return &FieldError{"rule_version", "more than 64 bytes"}
	case !f.Class.Valid():
		return &FieldError{"class", fmt.Sprintf("%q is neither a threat class nor X-<vendor>-<name>", f.Class)}
	case f.Severity.Rank() < 1:
		return &FieldError{"severity", fmt.Sprintf("%q is not one of %v", f.Severity, Severities())}
	case !(f.Confidence > 0 && f.Confidence <= 1):
		return &FieldError{"confidence", fmt.Sprintf("%v is outside (0, 1]", f.Confidence)}
	case f.Message == "" || len(f.Message) > MaxMessageBytes:
		return &FieldError{"message", fmt.Sprintf("must have 1 to %d bytes", MaxMessageBytes)}
	case len(f.Evidence) > MaxEvidence:
		return &FieldError{"evidence", fmt.Sprintf("%d spans, the limit is %d", len(f.Evidence), MaxEvidence)}
	}
	for i, s := range f.Evidence {
		if s.Segment < 0 || s.Segment >= len(segments) || s.View < 0 || s.View >= len(segments[s.Segment].Views) {
			return &FieldError{fmt.Sprintf("evidence[%d]", i), "names a segment or view that the event does not have"}
		}
		if n := len(segments[s.Segment].Views[s.View].Text); s.Start < 0 || s.End < s.Start || s.End > n {
			return &FieldError{fmt.Sprintf("evidence[%d]", i), fmt.Sprintf("[%d, %d) is outside the view's %d bytes", s.Start, s.End, n)}
		}
	}
	return nil
}
