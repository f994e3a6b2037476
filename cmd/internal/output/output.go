// Package output writes what a scan found: as text for a person, as JSON or JSON lines for a program, and as SARIF for
// code scanning. Every format is made from one [Report], and [ReadJSON] reads a report back from its JSON form.
//
// Names and texts in a report are the words of a possible attacker. The text form shows no control or invisible
// character as itself, and no secret.
package output

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// Report is what one scan found.
type Report struct {
	Version string    // of taster
	Time    time.Time // when the scan ended
	Sources []Source
	Items   []Item
	Gaps    []Gap
}

// Source is something that was scanned: a file, or a live server.
type Source struct {
	Name string // the file's path, or the server's address
	Data []byte // the file's bytes; nil for a server and in a report that was read back
}

// Item is a verdict and what it is about.
type Item struct {
	Verdict models.Verdict
	// Event is what was judged, nil in a report that was read back.
	Event *models.Event
	// Source is an index into the report's sources, Offset where the event's body stands in that source's data, or -1
	// if it does not stand there as it is.
	Source, Offset int
}

// Gap is something that should have been scanned and was not, beside what verdicts say of themselves.
type Gap struct {
	Source string `json:"source"`
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// Summary counts what is in a report.
type Summary struct {
	Events    int                     `json:"events"`
	Decisions map[models.Decision]int `json:"decisions"`
	Findings  map[models.Severity]int `json:"findings"`
	// Incomplete counts the events that were not wholly inspected, Gaps what did not become an event.
	Incomplete int `json:"incomplete"`
	Gaps       int `json:"gaps"`
}

// Summary counts the report.
func (r *Report) Summary() Summary {
	s := Summary{
		Events: len(r.Items), Gaps: len(r.Gaps),
		Decisions: map[models.Decision]int{}, Findings: map[models.Severity]int{},
	}
	for i := range r.Items {
		v := &r.Items[i].Verdict
		s.Decisions[v.Decision]++
		for _, f := range v.Findings {
			s.Findings[f.Severity]++
		}
		if !v.Coverage.Complete {
			s.Incomplete++
		}
	}
	return s
}

// Strictest is the strictest decision of the report, [models.Allow] if it has none.
func (r *Report) Strictest() models.Decision {
	strictest := models.Allow
	for i := range r.Items {
		strictest = models.Stricter(strictest, r.Items[i].Verdict.Decision)
	}
	return strictest
}

// Complete reports whether everything was inspected.
func (s Summary) Complete() bool { return s.Incomplete == 0 && s.Gaps == 0 }

// Options say how a report is written.
type Options struct {
	Colour bool // text only
}

type writer func(io.Writer, *Report, Options) error

var formats = []struct {
	name  string
	write writer
}{
	{"text", writeText}, {"json", writeJSON}, {"jsonl", writeJSONL}, {"sarif", writeSARIF},
}

// Formats returns the names of the formats.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Write writes the report in one of [Formats].
func Write(w io.Writer, format string, r *Report, o Options) error {
	for _, f := range formats {
		if f.name == format {
			return f.write(w, r, o)
		}
	}
	return fmt.Errorf("format %q is not one of %v", format, Formats())
}

// name is how a person refers to the subject.
func name(s *models.Subject) string {
	n := Visible(s.Server) + " " + string(s.Kind)
	if s.Object != "" {
		n += fmt.Sprintf(" \"%s\"", Visible(s.Object))
	}
	return n
}

// className is the name of a class, or its id for the class of an outside detector.
func className(id models.Class) string {
	if c, ok := models.ClassByID(id); ok {
		return c.Name
	}
	return string(id)
}

// uninspected says what of the verdict's event was not inspected and why, one line each.
func uninspected(v *models.Verdict) []string {
	var out []string
	for _, d := range v.Detectors {
		if d.Status != models.StatusNotInspected {
			continue
		}
		line := fmt.Sprintf("detector %s: %s", d.Name, d.Reason)
		if d.Detail != "" {
			line += ": " + Visible(d.Detail)
		}
		out = append(out, line)
	}
	for _, s := range v.Coverage.Skipped {
		out = append(out, fmt.Sprintf("%s: %s", Visible(s.Pointer), Visible(s.Reason)))
	}
	if len(out) == 0 && !v.Coverage.Complete {
		out = append(out, "not everything was inspected")
	}
	return slices.Compact(out)
}
