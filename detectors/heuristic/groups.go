package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/purpose"
	"github.com/aad6b6dc/taster/detectors/heuristic/schema"
	"github.com/aad6b6dc/taster/models"
)

// checks are the groups of checks in code that look at the structure of whole events.
var checks = []*check.Group{schema.Checks, purpose.Checks}

// groups makes the checks that read such an event.
func (e *examination) groups() {
	event := check.Event{Input: e.input, Found: e.found}
	for _, g := range checks {
		if g.Reads(e.input.Event.Kind) {
			g.Examine(&event)
		}
	}
}

// found keeps a finding of a group, unless the same stretch has a finding of the class that is as strong.
func (e *examination) found(f models.Finding) {
	for i := range e.findings {
		old := &e.findings[i]
		if old.Class == f.Class && old.Evidence[0].Segment == f.Evidence[0].Segment && e.overlap(old.Evidence[0], f.Evidence[0]) && !stronger(&f, old) {
			return
		}
	}
	e.findings = append(e.findings, f)
	if len(e.findings) > 2*models.MaxFindings {
		e.keepStrongest()
	}
}
