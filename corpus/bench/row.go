package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
)

// Row is one event of one run: what a person said of it and what the judge answered. A file of rows is all that is
// needed to make every report again.
type Row struct {
	// System names what was measured; one file of rows can hold several.
	System string `json:"system"`

	ID         string            `json:"id"`
	Source     string            `json:"source"`
	Split      corpus.Split      `json:"split,omitempty"`
	Label      models.Label      `json:"label"`
	Class      string            `json:"class,omitempty"`
	Also       []models.Class    `json:"also,omitempty"`
	Resembles  models.Class      `json:"resembles,omitempty"`
	Signal     corpus.Signal     `json:"signal,omitempty"`
	Difficulty corpus.Difficulty `json:"difficulty,omitempty"`
	Language   string            `json:"language,omitempty"`
	Kind       models.Kind       `json:"kind"`
	Server     string            `json:"server,omitempty"`
	Field      string            `json:"field,omitempty"`
	Group      string            `json:"group,omitempty"`
	Twin       bool              `json:"twin,omitempty"`
	From       string            `json:"from,omitempty"`
	Technique  string            `json:"technique,omitempty"`
	Bytes      int               `json:"bytes"`
	// Located says whether evidence of a finding overlaps the words that make the sample an attack; absent where the
	// sample has no spans, nothing was found, or the judge gives no evidence.
	Located *bool `json:"located,omitempty"`

	Tier string `json:"tier"` // none, noted, flagged, blocked: the highest that is [Row.Reached]
	Answer

	// Run is the record of the run, on the first row of each system.
	Run *Record `json:"run,omitempty"`
}

// tierNames in the order of [models.Tier].
var tierNames = [...]string{"none", "noted", "flagged", "blocked"}

// TierName returns the name that rows and reports use for a tier.
func TierName(t models.Tier) string { return tierNames[t] }

// Reached reports whether the row was caught in tier t or above. A row that was not inspected and in which nothing was
// found reached none, whatever decision the policy fell back on: nobody recognised anything.
func (r *Row) Reached(t models.Tier) bool { return reached(r.Kind, &r.Answer) >= t }

func reached(k models.Kind, a *Answer) models.Tier {
	if a.Status == models.StatusNotInspected && len(a.Findings) == 0 {
		return models.TierNone
	}
	return k.Tier(a.Decision)
}

// counts reports whether the row is in rates and curves. A malicious row always is: not inspected, it was missed. A
// harmless one of which nobody knows whether it would have raised an alarm is in none, or whoever looks at less would
// seem to raise fewer.
func (r *Row) counts() bool {
	return r.Label == models.Malicious || r.Status != models.StatusNotInspected || len(r.Findings) > 0
}

func newRow(system string, s *corpus.Sample, a Answer) Row {
	if a.Findings == nil {
		a.Findings = []models.Finding{} // [] in JSON, never null
	}
	if a.Detectors == nil {
		a.Detectors = []Outcome{}
	}
	return Row{
		System: system,
		ID:     s.ID, Source: s.Source, Split: s.Split, Label: s.Label, Class: s.Class, Also: s.Also, Resembles: s.Resembles,
		Signal: s.Signal, Difficulty: s.Difficulty, Language: s.Language, Kind: s.Event.Kind, Server: s.Event.Server,
		Field: s.Field(), Group: s.Group, Twin: s.Twin, From: s.From, Technique: s.Technique, Bytes: len(s.Event.Body),
		Located: located(s, a.Findings), Tier: TierName(reached(s.Event.Kind, &a)), Answer: a,
	}
}

// MaxRowBytes limits a line of a file of rows.
const MaxRowBytes = 4 << 20

// WriteRows writes rows as JSON lines.
func WriteRows(w io.Writer, rows []Row) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for i := range rows {
		if err := enc.Encode(&rows[i]); err != nil {
			return fmt.Errorf("writing row %q: %w", rows[i].ID, err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("writing rows: %w", err)
	}
	return nil
}

// ReadRows reads what [WriteRows] wrote. Answers that no judge may give are errors, and tiers are worked out anew, so that
// a row which was edited by hand does not contradict itself. No rows at all are an error.
func ReadRows(r io.Reader) ([]Row, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), MaxRowBytes)
	var rows []Row
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var row Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("reading row %d: %w", n, err)
		}
		if err := row.validate(); err != nil {
			return nil, fmt.Errorf("reading row %d: %w", n, err)
		}
		row.Tier = TierName(reached(row.Kind, &row.Answer))
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading rows: %w", err)
	}
	if len(rows) == 0 {
		return nil, errors.New("reading rows: there are none")
	}
	return rows, nil
}

func (r *Row) validate() error {
	switch {
	case r.ID == "":
		return &models.FieldError{Field: "id", Problem: "empty"}
	case !r.Label.Valid():
		return &models.FieldError{Field: "label", Problem: fmt.Sprintf("%q is not one of %v", r.Label, models.Labels())}
	case !r.Kind.Valid():
		return &models.FieldError{Field: "kind", Problem: fmt.Sprintf("%q is not one of %v", r.Kind, models.Kinds())}
	}
	return r.Answer.validate(r.Kind)
}
