// Package detectors is the contract between the engine and a detector, and the guide for detector authors.
//
// A detector is a value, a [Spec], that says what the detector is called, what it reads and how long it may take, and
// makes a [Detector] with one method: a batch of events in, one outcome per event out. Listing and documenting
// detectors runs none of them.
//
//	var Spec = detectors.Spec{
//		Name:     "shouting",
//		Version:  "1.0.0",
//		Purpose:  "Finds descriptions in capitals.",
//		Classes:  []models.Class{"X-acme-shouting"},
//		Stage:    detectors.Fast,
//		Deadline: 100 * time.Millisecond,
//		New:      func(context.Context, detectors.Config) (detectors.Detector, error) { return shouting{}, nil },
//	}
//
// A detector of your own is a program whose main calls plugin.Serve(Spec) (package detectors/plugin); the conformance
// suite of package detectors/detectortest, or `taster plugin test FILE`, tells whether it keeps the contract.
//
// # What a detector reads
//
// Each [Input] holds the event and its segments: every string in the body, member names as well as values, each with
// its views (raw, normalised, decoded). Search the views, not the body: the engine has already resolved escapes,
// stripped invisible characters and decoded what was hidden.
//
// # What a detector answers
//
// For each event exactly one of three outcomes: [models.Found], [models.Clean] or [models.NotInspected]. Evidence is a
// [models.Span] with the indexes of segment and view and a byte range in that view's text; the engine turns it into
// a JSON Pointer and bytes of what the peer sent. An error from Detect means that no event of the batch was inspected.
// The engine measures time, counts, retries and recovers; a detector does none of that.
package detectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// Stage says when a detector runs.
type Stage string

// The stages.
const (
	// Fast detectors run on every event and decide revision 1.
	Fast Stage = "fast"
	// Deep detectors run later, on what policy sends them, and decide revision 2.
	Deep Stage = "deep"
)

// Context is something beside the event that a detector needs to judge it. What is declared becomes part of the key
// under which outcomes are cached.
type Context string

// The contexts.
const (
	ContextSiblings Context = "siblings" // the catalogue that the event belongs to
	ContextPin      Context = "pin"      // the digest that was approved for the object
	ContextSession  Context = "session"  // the session's name; its outcomes are cached per session
)

// Limits of the plugin line. A batch is cut so that it keeps both.
const (
	MaxBatchEvents = 256
	MaxBatchBytes  = 4 << 20
	// MaxDeadline is the longest deadline that a Spec may ask for.
	MaxDeadline = 5 * time.Minute
)

// Spec describes a detector. It is data: the host can list, document and check it without running anything.
type Spec struct {
	// Name is unique in an engine: lower-case letters, digits and dashes, 2 to 48 bytes. Required.
	Name string
	// Version is the semantic version of code and rules. Required.
	Version string
	// Purpose is one sentence that starts with a capital and ends with a period. Required.
	Purpose string
	// Classes are the threat classes it can report. Required.
	Classes []models.Class
	// Kinds are the kinds of event it reads. Optional: nil means all.
	Kinds []models.Kind
	// Stage is Fast or Deep. Required.
	Stage Stage
	// Context is what it needs beside the event. Optional: nil means nothing.
	Context []Context
	// Deadline is how long one call of Detect may take, above 0 and at most [MaxDeadline]. Required.
	Deadline time.Duration
	// New makes the detector. It is called once per process, before the first Detect; its context ends with the
	// start, not with the process. Required.
	New func(ctx context.Context, cfg Config) (Detector, error)
}

// Config is a detector's section of the configuration as JSON, or nil. It is also the only way a secret reaches a
// detector: no environment, no arguments.
type Config json.RawMessage

// Decode reads the configuration into v and refuses unknown fields. A nil configuration leaves v as it is.
func (c Config) Decode(v any) error {
	if len(c) == 0 {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(string(c)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("reading detector configuration: %w", err)
	}
	return nil
}

// Detector judges events.
type Detector interface {
	// Detect returns one outcome for each input, in order, and the revision of the data that decided.
	//
	// It is called from several goroutines at once. ctx carries the deadline; work past it is wasted, and a process
	// that repeatedly works past it is killed. The batch belongs to the engine: it may be read until Detect returns,
	// neither kept nor changed. The answer belongs to the engine from then on.
	//
	// An empty batch is a probe: answer at once, with the revision and no outcomes.
	//
	// A nil error means that every outcome is valid on its own. An error means that no event was inspected: an
	// [*Error] says what the engine should do about it, any other error counts as [CodeInternal]. A single bad event
	// is not an error but an outcome [models.NotInspected].
	Detect(ctx context.Context, batch *Batch) (Answer, error)
}

// Batch is what one call of Detect is about.
type Batch struct {
	Inputs []Input
}

// Input is one event, taken apart, with the context that the Spec declares.
type Input struct {
	// Event has the body verbatim, with server, kind, object and direction. Everything that an outcome must not depend
	// on is blank: id, tenant, time, catalogue and pin, and the session unless ContextSession is declared.
	Event *models.Event
	// Segments is every string of the body, in the order of the bytes.
	Segments []models.Segment
	// Skipped lists the parts of the body that a limit kept from becoming segments.
	Skipped []models.Skipped
	// Siblings is the event's catalogue; nil unless ContextSiblings is declared and the event names one. Inputs of
	// one batch share catalogues.
	Siblings *models.Catalogue
	// Pin is the state of the event against its pin; empty unless ContextPin is declared.
	Pin models.PinState
}

// Answer is what Detect returns.
type Answer struct {
	// Outcomes has one outcome per input, in order.
	Outcomes []models.Outcome
	// Revision is a digest of the data that decided (rules, weights, index), empty if only code decides. When it
	// changes, a new epoch begins.
	Revision string
}

// Code says what kind of trouble a detector is in, and so what the engine does about it.
type Code string

// The codes.
const (
	CodeInternal    Code = "internal"    // a fault of the detector; the batch is tried again event by event
	CodeUnavailable Code = "unavailable" // not running; the host is already restarting it
	CodeOverloaded  Code = "overloaded"  // ask again after RetryAfter
	CodeTooLarge    Code = "too_large"   // the batch or an answer is over the line's limits
	CodeDeadline    Code = "deadline"    // no answer in time
	CodeBadAnswer   Code = "bad_answer"  // the answer broke the protocol
	CodeCircuitOpen Code = "circuit_open"
)

// Error is a failure of a whole call of Detect. It crosses the plugin line as it is.
type Error struct {
	Code       Code
	Message    string
	RetryAfter time.Duration // 0: no advice
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// Reason is what the events of the failed call are not inspected for.
func (e *Error) Reason() models.Reason {
	switch e.Code {
	case CodeUnavailable:
		return models.ReasonUnavailable
	case CodeTooLarge:
		return models.ReasonOversize
	case CodeDeadline:
		return models.ReasonDeadline
	case CodeBadAnswer:
		return models.ReasonBadAnswer
	case CodeCircuitOpen:
		return models.ReasonCircuitOpen
	}
	return models.ReasonError
}

// AsError returns err as an [*Error]: itself if it is one, a deadline if a context ended, else [CodeInternal].
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: CodeDeadline, Message: err.Error()}
	}
	return &Error{Code: CodeInternal, Message: err.Error()}
}

// Reads reports whether the detector reads events of kind k.
func (s *Spec) Reads(k models.Kind) bool {
	if len(s.Kinds) == 0 {
		return true
	}
	for _, kind := range s.Kinds {
		if kind == k {
			return true
		}
	}
	return false
}

// Needs reports whether the detector declared context c.
func (s *Spec) Needs(c Context) bool {
	for _, d := range s.Context {
		if d == c {
			return true
		}
	}
	return false
}

var (
	specName    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,47}$`)
	specVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)
)

// Validate reports everything that is wrong with specs, each on its own and together: it is called by the engine at
// start, by the author's SDK before serving, and in one line of a detector's test.
func Validate(specs ...Spec) error {
	var errs []error
	seen := map[string]bool{}
	for i := range specs {
		s := &specs[i]
		if err := s.validate(); err != nil {
			errs = append(errs, fmt.Errorf("detector %q: %w", s.Name, err))
		}
		if seen[s.Name] {
			errs = append(errs, fmt.Errorf("detector %q: more than one has this name", s.Name))
		}
		seen[s.Name] = true
	}
	return errors.Join(errs...)
}

func (s *Spec) validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, &models.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if !specName.MatchString(s.Name) {
		bad("Name", "%q does not match %s", s.Name, specName)
	}
	if !specVersion.MatchString(s.Version) {
		bad("Version", "%q is not a semantic version", s.Version)
	}
	if p := s.Purpose; len(p) < 2 || p[0] < 'A' || p[0] > 'Z' || !strings.HasSuffix(p, ".") {
		bad("Purpose", "%q is not a sentence with a capital and a period", p)
	}
	if len(s.Classes) == 0 {
		bad("Classes", "none: name the threat classes it can report")
	}
	for _, c := range s.Classes {
		if !c.Valid() {
			bad("Classes", "%q is neither a threat class nor X-<vendor>-<name>", c)
		}
	}
	for _, k := range s.Kinds {
		if !k.Valid() {
			bad("Kinds", "%q is not one of %v", k, models.Kinds())
		}
	}
	if s.Stage != Fast && s.Stage != Deep {
		bad("Stage", "%q is neither %s nor %s", s.Stage, Fast, Deep)
	}
	for _, c := range s.Context {
		if c != ContextSiblings && c != ContextPin && c != ContextSession {
			bad("Context", "%q is not siblings, pin or session", c)
		}
	}
	if s.Deadline <= 0 || s.Deadline > MaxDeadline {
		bad("Deadline", "%v is not above 0 and at most %v", s.Deadline, MaxDeadline)
	}
	if s.New == nil {
		bad("New", "nil")
	}
	return errors.Join(errs...)
}
