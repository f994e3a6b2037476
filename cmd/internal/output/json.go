package output

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// reportSchemaVersion is the version of the report's JSON form. A field may be added, never changed.
const reportSchemaVersion = "1.0.0"

// document is the JSON form of a report. Items are reduced to their verdicts.
type document struct {
	SchemaVersion string           `json:"schema_version"`
	Taster        string           `json:"taster"` // version
	Time          time.Time        `json:"time"`
	Sources       []string         `json:"sources"`
	Verdicts      []models.Verdict `json:"verdicts"`
	Gaps          []Gap            `json:"gaps"`
	Summary       Summary          `json:"summary"`
}

func writeJSON(w io.Writer, r *Report, _ Options) error {
	d := document{
		SchemaVersion: reportSchemaVersion, Taster: r.Version, Time: r.Time, Sources: []string{},
		Verdicts: []models.Verdict{}, Gaps: append([]Gap{}, r.Gaps...), Summary: r.Summary(),
	}
	for _, s := range r.Sources {
		d.Sources = append(d.Sources, s.Name)
	}
	for _, item := range r.Items {
		d.Verdicts = append(d.Verdicts, item.Verdict)
	}
	enc := encoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// line is one line of the JSON lines form: exactly one member is set. The summary comes last.
type line struct {
	Verdict *models.Verdict `json:"verdict,omitempty"`
	Gap     *Gap            `json:"gap,omitempty"`
	Summary *Summary        `json:"summary,omitempty"`
}

func writeJSONL(w io.Writer, r *Report, _ Options) error {
	enc := encoder(w)
	for i := range r.Items {
		if err := enc.Encode(line{Verdict: &r.Items[i].Verdict}); err != nil {
			return err
		}
	}
	for i := range r.Gaps {
		if err := enc.Encode(line{Gap: &r.Gaps[i]}); err != nil {
			return err
		}
	}
	s := r.Summary()
	return enc.Encode(line{Summary: &s})
}

func encoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// ReadJSON reads a report from its JSON form. Its items have no events, and so no text around the evidence.
func ReadJSON(data []byte) (*Report, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("reading report: %w", err)
	}
	if d.SchemaVersion != reportSchemaVersion {
		return nil, fmt.Errorf("reading report: schema version %q, this program reads %q", d.SchemaVersion, reportSchemaVersion)
	}
	r := &Report{Version: d.Taster, Time: d.Time, Gaps: d.Gaps}
	for _, s := range d.Sources {
		r.Sources = append(r.Sources, Source{Name: s})
	}
	for i := range d.Verdicts {
		if err := d.Verdicts[i].Validate(); err != nil {
			return nil, fmt.Errorf("reading report: verdicts[%d]: %w", i, err)
		}
		r.Items = append(r.Items, Item{Verdict: d.Verdicts[i], Offset: -1})
	}
	return r, nil
}
