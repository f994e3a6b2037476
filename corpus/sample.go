package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Split is the part of a corpus that a sample belongs to. The zero value means that the corpus is not split.
type Split string

// The splits. Detectors are trained on train, thresholds chosen on dev, figures reported on test.
const (
	Train Split = "train"
	Dev   Split = "dev"
	Test  Split = "test"
)

// Splits returns every split.
func Splits() []Split { return []Split{Train, Dev, Test} }

// Valid reports whether s is one of [Splits].
func (s Split) Valid() bool { return s == Train || s == Dev || s == Test }

// Difficulty says how openly an attack is worded. The zero value means "not stated".
type Difficulty string

// The difficulties.
const (
	Blatant  Difficulty = "blatant"
	Moderate Difficulty = "moderate"
	Subtle   Difficulty = "subtle" // reads like business
)

// Difficulties returns every difficulty, the easiest first.
func Difficulties() []Difficulty { return []Difficulty{Blatant, Moderate, Subtle} }

// Signal says how an event is malicious. The zero value means "not stated".
type Signal string

// The signals. A detector that reads text can't be asked to find a structural one from the event alone.
const (
	Instruction Signal = "instruction" // a sentence in the text makes it an attack
	Preference  Signal = "preference"  // the text pushes its own tool at the cost of others
	Structural  Signal = "structural"  // neutral text: the harm is in a shape, a name, a change
	Payload     Signal = "payload"     // dangerous data: an injection in an argument, a secret, an address that leaks
)

// Signals returns every signal.
func Signals() []Signal { return []Signal{Instruction, Preference, Structural, Payload} }

// Sample is an event with a label: one line of a corpus file.
type Sample struct {
	// ID is unique within all corpora that are measured together. Source is the collection: the file's name without
	// its extension.
	ID     string `json:"id"`
	Source string `json:"source"`
	Split  Split  `json:"split,omitempty"`

	Label models.Label `json:"label"`
	// Class is the threat class of a malicious sample: an id of [models.Classes] in Taster's own corpus, the collection's
	// own word elsewhere. Also lists further classes that the sample shows, such as the obfuscation.
	Class string         `json:"class,omitempty"`
	Also  []models.Class `json:"also,omitempty"`
	// Resembles is the threat class that a harmless sample looks like.
	Resembles models.Class `json:"resembles,omitempty"`

	Signal     Signal     `json:"signal,omitempty"`
	Difficulty Difficulty `json:"difficulty,omitempty"`
	// Language is the BCP 47 tag of the decisive text, "mul" for a mixture; empty means English in Taster's own corpus and
	// "not stated" elsewhere.
	Language string `json:"language,omitempty"`

	// Group holds together what must not be torn apart by a split: a family of variants, one server, one seed.
	Group string `json:"group,omitempty"`
	// Twin marks the members of a twin set: the same carrier in one group, harmless and poisoned.
	Twin bool `json:"twin,omitempty"`
	// Catalogue names the catalogue that the definition was listed in: the samples of the same corpus with the same name.
	Catalogue string `json:"catalogue,omitempty"`
	// Before is the id of the sample that holds the definition which was approved earlier for the same object.
	Before string `json:"before,omitempty"`
	// From is the id of the sample that this one is a variation of, and Technique what was done to it.
	From      string `json:"from,omitempty"`
	Technique string `json:"technique,omitempty"`

	// Spans are the words that make the sample an attack.
	Spans []Span `json:"spans,omitempty"`
	Note  string `json:"note,omitempty"`

	Event models.Event `json:"-"`

	// Line is where the sample was read, counting from 1; 0 if it was made otherwise. Stray says which member of that
	// line no field takes.
	Line  int    `json:"-"`
	Stray string `json:"-"`
}

// Span is a stretch of one string of an event's body.
type Span struct {
	Pointer string `json:"pointer"`       // RFC 6901 pointer of the value; for a member name, of the member
	Key     bool   `json:"key,omitempty"` // in the member's name
	Start   int    `json:"start"`         // bytes of the string with its JSON escapes resolved
	End     int    `json:"end"`
}

// Field names where in the MCP object the attack stands, coarsely enough to count by: the top member and the last
// one, such as "description", "inputSchema description", "content text", "arguments". Empty without spans.
func (s *Sample) Field() string {
	if len(s.Spans) == 0 {
		return ""
	}
	return fieldOf(s.Spans[0])
}

// opaque are members below which names are the server's own and say nothing.
var opaque = map[string]bool{"arguments": true, "structuredContent": true, "_meta": true, "default": true}

func fieldOf(span Span) string {
	path := strings.Split(strings.TrimPrefix(span.Pointer, "/"), "/")
	first, last := path[0], ""
	for i := len(path) - 1; i > 0 && last == ""; i-- {
		if !digits(path[i]) {
			last = path[i]
		}
	}
	switch {
	case opaque[first] || last == "" || last == first:
		last = ""
	case span.Key:
		last = "member name"
	case len(path) > 2 && path[len(path)-2] == "properties":
		last = "property"
	}
	return strings.TrimSpace(first + " " + last)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// row is the JSON form around an event's own.
type row struct {
	Sample
	Event json.RawMessage `json:"event"`
}

// ParseSample reads one line of a corpus file. The body of its event stays byte for byte. It is not validated, except
// that there is an event: see [Lint].
func ParseSample(line []byte) (Sample, error) {
	var r row
	stray, err := decode(line, &r)
	if err != nil {
		return Sample{}, fmt.Errorf("reading sample: %w", err)
	}
	if err := r.finish(stray); err != nil {
		return r.Sample, fmt.Errorf("reading sample %q: %w", r.ID, err)
	}
	return r.Sample, nil
}

// finish reads the event of a row.
func (r *row) finish(stray string) (err error) {
	if len(r.Event) == 0 {
		return &models.FieldError{Field: "event", Problem: "missing"}
	}
	if r.Sample.Event, err = models.ParseEvent(r.Event); err != nil {
		return err
	}
	r.Stray = stray
	if r.Stray == "" {
		r.Stray, err = decode(r.Event, new(models.EventJSON))
	}
	return err
}

// decode reads a JSON object into v. A member that v has no field for is named in stray, and left out.
func decode(data []byte, v any) (stray string, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	strict := dec.Decode(v)
	if strict == nil && len(bytes.TrimSpace(data[dec.InputOffset():])) == 0 {
		return "", nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return "", err
	}
	return strings.TrimPrefix(strict.Error(), "json: "), nil
}

// AppendJSON appends the line of a sample to dst, without a line break at the end.
func (s *Sample) AppendJSON(dst []byte) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("writing sample %q: %w", s.ID, err)
	}
	head := bytes.TrimSuffix(buf.Bytes(), []byte("}\n"))
	line, err := s.Event.AppendJSON(append(head, `,"event":`...))
	if err != nil {
		return nil, fmt.Errorf("writing sample %q: %w", s.ID, err)
	}
	return append(line, '}'), nil
}
