// Command detector-example is the smallest complete plugin: it finds strings in capitals. Copy it to begin your own.
//
// Built, it is a program that Taster runs; `taster plugin test FILE` tells whether it keeps the contract of package
// detectors. To load it, put a manifest beside it, as package detectors/host describes:
//
//	name: example
//	command: [./detector-example]
//	files: [{path: ./detector-example, sha256: ...}]
package main

import (
	"context"
	"regexp"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/plugin"
	"github.com/aad6b6dc/taster/models"
)

// Spec describes the detector. Its class is ours, so it starts with X- and our name.
var Spec = detectors.Spec{
	Name:     "shouting",
	Version:  "1.0.0",
	Purpose:  "Finds four words in a row in capitals.",
	Classes:  []models.Class{"X-example-shouting"},
	Stage:    detectors.Fast,
	Deadline: 200 * time.Millisecond,
	New: func(context.Context, detectors.Config) (detectors.Detector, error) {
		return shouting{}, nil
	},
}

func main() { plugin.Serve(Spec) }

type shouting struct{}

var capitals = regexp.MustCompile(`\b[A-Z]{2,}(?:[ ,]+[A-Z]{2,}){3,}\b`)

// Detect looks at every view of every segment, and so also into what was encoded or disguised.
func (shouting) Detect(_ context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	var answer detectors.Answer
	for _, input := range batch.Inputs {
		answer.Outcomes = append(answer.Outcomes, models.Found(findings(input.Segments)...))
	}
	return answer, nil
}

func findings(segments []models.Segment) []models.Finding {
	var found []models.Finding
	for s := range segments {
		for v, view := range segments[s].Views {
			if at := capitals.FindStringIndex(view.Text); at != nil && len(found) < models.MaxFindings {
				found = append(found, models.Finding{
					Rule: "four-words-in-capitals", Version: "1", Class: "X-example-shouting",
					Severity: models.SeverityLow, Confidence: 0.5, Message: "Shouts at the reader.",
					Evidence: []models.Span{{Segment: s, View: v, Start: at[0], End: at[1]}},
				})
				break // the other views of the segment say the same
			}
		}
	}
	return found
}
