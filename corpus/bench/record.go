package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// Record says under what circumstances figures were obtained. A run without a complete one has no figures.
type Record struct {
	System string    `json:"system"`
	Time   time.Time `json:"time"`
	// Version, Commit and Modified are of the program that measures; Modified is set when its checkout had changes that
	// no commit holds.
	Version  string  `json:"version"`
	Commit   string  `json:"commit"`
	Modified bool    `json:"modified,omitempty"`
	Machine  Machine `json:"machine"`
	// Corpora is what was measured, file by file; Digest is that of all of it.
	Corpora []CorpusFile `json:"corpora"`
	Digest  string       `json:"corpus_digest"`
	Split   string       `json:"split"` // train, dev, test or all
	Seed    uint64       `json:"seed"`  // of resampling and of the A/A control's choice
	// Detectors is what answered. A foreign scanner has one entry, with its command as the version and a digest of it.
	Detectors []Detector `json:"detectors"`
	// Config is the policy and whatever else decides, by digest and in words.
	ConfigDigest string  `json:"config_digest"`
	Config       string  `json:"config"`
	Workers      int     `json:"workers"`
	Seconds      float64 `json:"seconds"` // wall time of the whole run
	// Stored is set when the answers were read from a file: then there are no times, and nothing to repeat.
	Stored bool     `json:"stored,omitempty"`
	AA     *Control `json:"aa"` // nil if Stored
}

// Machine is where the run took place.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPU  string `json:"cpu,omitempty"` // model, where the system tells
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

// CorpusFile is a file that samples came from.
type CorpusFile struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Rows   int    `json:"rows"` // that were measured
}

// Detector identifies code and configuration of a detector.
type Detector struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// Control is the result of an A/A run: the same samples judged a second time by the same thing. What changes between
// the two is noise, and no difference smaller than that means anything.
type Control struct {
	Rows    int `json:"rows"`
	Changed int `json:"changed"` // rows whose decision, score or findings differ
	// Latency is the second run's median time as a ratio to the first's.
	Latency float64 `json:"latency_ratio"`
}

// Validate names everything that is missing.
func (r *Record) Validate() error {
	var missing []string
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"system", r.System != ""}, {"time", !r.Time.IsZero()}, {"version", r.Version != ""}, {"commit", r.Commit != ""},
		{"machine", r.Machine.OS != "" && r.Machine.CPUs > 0}, {"corpora", len(r.Corpora) > 0},
		{"corpus_digest", models.ValidDigest(r.Digest)}, {"split", r.Split != ""}, {"detectors", len(r.Detectors) > 0},
		{"config_digest", models.ValidDigest(r.ConfigDigest)}, {"aa", r.Stored && r.AA == nil || r.AA != nil && r.AA.Rows > 0},
	} {
		if !f.ok {
			missing = append(missing, f.name)
		}
	}
	for _, d := range r.Detectors {
		if d.Name == "" || d.Digest == "" {
			missing = append(missing, "detectors.digest")
		}
	}
	if len(missing) > 0 {
		return &models.FieldError{Field: "run", Problem: fmt.Sprintf("no figure without %s", strings.Join(missing, ", "))}
	}
	return nil
}
