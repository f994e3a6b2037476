package bench

import (
	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
)

// ReportSchema is the version of the report's JSON form. A field may be added, never changed.
const ReportSchema = "1.0.0"

// Report is everything that is said of one or several systems over the same samples. It is made from rows alone.
type Report struct {
	Schema  string   `json:"schema_version"`
	Systems []System `json:"systems"`
	// Comparisons sets the other systems against the first one.
	Comparisons []Comparison `json:"comparisons,omitempty"`
	// Warnings are what a reader must know before he believes a figure: few rows, an A/A control that changed, one
	// label only, a checkout with changes.
	Warnings []string `json:"warnings,omitempty"`
}

// System is the figures of one system.
type System struct {
	Name string `json:"name"`
	Run  Record `json:"run"`
	// Overall counts every row, By the rows of each source, kind, class, resembled class, language, difficulty, field,
	// signal and split. Variations (rows with From) count in Evasion alone, unless there are no other rows.
	Overall Slice   `json:"overall"`
	By      []Table `json:"by"`

	Curve       *Curve             `json:"curve,omitempty"`       // nil where one of the labels is missing
	Calibration *score.Calibration `json:"calibration,omitempty"` // nil where one of the labels is missing
	Twins       *Twins             `json:"twins,omitempty"`       // nil without twin sets
	Evidence    *score.Rate        `json:"evidence,omitempty"`    // found rows whose evidence overlaps the marked words
	Latency     Latency            `json:"latency"`
	Uninspected Uninspected        `json:"not_inspected"`
	Evasion     []Evasion          `json:"evasion,omitempty"` // by technique, where variations were measured
}

// Slice is the rates of some rows, by [Row.Reached]. Of the rows that were not inspected and have no finding, malicious
// ones count as not reached, and harmless ones are left out of Benign and Steering. All of them are in NotInspected.
type Slice struct {
	Rows         int        `json:"rows"`
	Recall       Tiers      `json:"recall"`        // of malicious rows
	Benign       Tiers      `json:"false_alarms"`  // of benign rows
	Steering     Tiers      `json:"steering"`      // of steering rows
	NotInspected score.Rate `json:"not_inspected"` // of all rows
}

// Tiers is a rate at each tier. Each includes the tiers above it.
type Tiers struct {
	Noted   score.Rate `json:"noted"`
	Flagged score.Rate `json:"flagged"`
	Blocked score.Rate `json:"blocked"`
}

// Table is the slices along one dimension, in the order of their values. Rows without a value are left out where their
// label calls for none: benign and steering rows have no class, difficulty, field and signal, malicious ones resemble
// nothing. By class, a row counts with its main class, and with every B class (obfuscation) that it also shows.
type Table struct {
	By     string       `json:"by"` // source, kind, class, resembles, language, difficulty, field, signal, split
	Slices []NamedSlice `json:"slices"`
}

// NamedSlice is the rows with one value.
type NamedSlice struct {
	Value string `json:"value"` // "(not stated)" where the rows have none
	Slice
}

// Curve is how well the score ranks malicious rows above benign ones. Steering rows are left out.
type Curve struct {
	// ROC (x: false positive rate, y: recall) and PR (x: recall, y: precision) are thinned to points that differ by 0.001.
	ROC     []score.Point     `json:"roc"`
	PR      []score.Point     `json:"pr"`
	AUC     score.Interval    `json:"auc"` // interval by resampling groups
	Average score.Interval    `json:"average_precision"`
	At      []score.Operating `json:"recall_at"` // at false positive rates of 0.1 % and 1 %
}

// Twins is how often a poisoned event and its harmless twin were told apart.
type Twins struct {
	Sets  int `json:"sets"`
	Pairs int `json:"pairs"` // of a malicious and a benign row in one set
	// Apart counts pairs whose malicious row is flagged and whose benign one is not; Ranked those whose malicious row has
	// the higher score. A benign row that was not inspected is told apart from nothing.
	Apart  score.Rate `json:"apart"`
	Ranked score.Rate `json:"ranked"`
}

// Latency is in microseconds per event.
type Latency struct {
	Total     score.Quantiles            `json:"total"`
	Detectors map[string]score.Quantiles `json:"detectors,omitempty"`
	// PerSecond is events (variations too) by wall time with the run's workers; 0 where no time was recorded.
	PerSecond float64 `json:"events_per_second"`
}

// Uninspected is what was not looked at, by reason.
type Uninspected struct {
	Events  score.Rate     `json:"events"`
	Reasons map[string]int `json:"reasons,omitempty"`
	// Parts counts events of which some part was left out, such as an image.
	Parts int `json:"events_with_skipped_parts"`
}

// Evasion is what one technique costs: flagged variations beside the flagged originals that they were made from.
type Evasion struct {
	Technique string `json:"technique"`
	// Original and Variation are of malicious pairs; a variation whose original is not among the rows has none.
	Original  score.Rate `json:"original"`
	Variation score.Rate `json:"variation"`
	// Lost and Gained count pairs in which only the original, only the variation is flagged; P is McNemar's exact test.
	Lost   int     `json:"lost"`
	Gained int     `json:"gained"`
	P      float64 `json:"p"`
	// FalseAlarms is of variations of benign rows.
	FalseAlarms score.Rate `json:"false_alarms"`
}

// Comparison sets system B against system A on the samples that both answered, variations left out.
type Comparison struct {
	A       string   `json:"a"`
	B       string   `json:"b"`
	Rows    int      `json:"rows"`
	Recall  Paired   `json:"recall"`       // malicious rows flagged
	Benign  Paired   `json:"false_alarms"` // benign rows flagged
	Changed []Change `json:"changed"`      // rows whose tier differs, in order of id; at most MaxChanged
	Omitted int      `json:"omitted_changes,omitempty"`
}

// MaxChanged limits the list of changed rows in a report. The rows hold them all.
const MaxChanged = 500

// Paired is two rates over the same rows.
type Paired struct {
	A     score.Rate `json:"a"`
	B     score.Rate `json:"b"`
	OnlyA int        `json:"only_a"`
	OnlyB int        `json:"only_b"`
	P     float64    `json:"p"` // McNemar's exact test, two-sided
}

// Change is a row that two systems answered differently.
type Change struct {
	ID     string  `json:"id"`
	Source string  `json:"source"`
	Label  string  `json:"label"`
	Class  string  `json:"class,omitempty"`
	A      string  `json:"a"` // tier
	B      string  `json:"b"`
	ScoreA float64 `json:"score_a"`
	ScoreB float64 `json:"score_b"`
}

// at returns the rate at tier t, which must not be none.
func (t *Tiers) at(tier models.Tier) score.Rate {
	switch tier {
	case models.TierBlocked:
		return t.Blocked
	case models.TierFlagged:
		return t.Flagged
	}
	return t.Noted
}
