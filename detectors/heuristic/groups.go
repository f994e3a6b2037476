package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/rendering"
	"github.com/aad6b6dc/taster/detectors/heuristic/requests"
	"github.com/aad6b6dc/taster/models"
)

// checks are the groups of checks in code that look at the structure of whole events.
var checks = []*check.Group{requests.Checks, rendering.Checks}

// groups makes the checks that read such an event.
func (e *examination) groups() {
	event := check.Event{Input: e.input, Found: e.found}
	for _, g := range checks {
		if g.Reads(e.input.Event.Kind) {
			g.Examine(&event)
		}
	}
}

// found keeps a finding of a group.
func (e *examination) found(f models.Finding) {
	e.findings = append(e.findings, f)
	if len(e.findings) > 2*models.MaxFindings {
		e.keepStrongest()
	}
}
