package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/hiding"
	"github.com/aad6b6dc/taster/detectors/heuristic/noise"
	"github.com/aad6b6dc/taster/detectors/heuristic/secrets"
	"github.com/aad6b6dc/taster/detectors/heuristic/turns"
	"github.com/aad6b6dc/taster/models"
)

// checks are the groups of checks in code that look at the structure of whole events.
var checks = []*check.Group{hiding.Checks, noise.Checks, secrets.Checks, turns.Checks}

// groups makes the checks that read such an event.
func (e *examination) groups() {
	event := check.Event{Input: e.input, Found: e.found}
	for _, g := range checks {
		if g.Reads(e.input.Event.Kind) {
			g.Examine(&event)
		}
	}
}

// found keeps a finding of a group, unless the same stretch has one of the class that is as strong; a weaker one it replaces.
func (e *examination) found(f models.Finding) {
	for i := range e.findings {
		old := &e.findings[i]
		if old.Class == f.Class && e.sameStretch(old, &f) {
			if stronger(&f, old) {
				*old = f
			}
			return
		}
	}
	e.findings = append(e.findings, f)
	if len(e.findings) > 2*models.MaxFindings {
		e.keepStrongest()
	}
}

// sameStretch reports whether the first evidence of two findings overlaps.
func (e *examination) sameStretch(f, g *models.Finding) bool {
	return len(f.Evidence) > 0 && len(g.Evidence) > 0 && f.Evidence[0].Segment == g.Evidence[0].Segment && e.overlap(f.Evidence[0], g.Evidence[0])
}
