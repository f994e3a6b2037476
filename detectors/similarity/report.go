package similarity

import (
	"context"
	"fmt"
	"strings"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
)

// Rule is the id of the one rule.
const Rule = "known-attack"

// maxFindings is how many known attacks are reported of one event.
const maxFindings = 16

func (d *detector) judge(ctx context.Context, in *detectors.Input, own *index.Index) (models.Outcome, error) {
	if in.Event.Oversize != nil {
		return models.NotInspected(models.ReasonOversize, "the event has no body"), nil
	}
	known, err := shipped()
	if err != nil {
		return models.Outcome{}, err
	}
	likenesses, skipped, err := Likenesses(ctx, in.Event.Kind, in.Segments, known, own)
	if err != nil {
		return models.Outcome{}, err
	}
	var findings []models.Finding
	score := 0.0
	for i := range likenesses {
		l := &likenesses[i]
		if l.Probability < d.least || len(findings) == maxFindings {
			break
		}
		f := l.finding(in.Event.Kind)
		findings = append(findings, f)
		score = max(score, f.Confidence*check.Weight(f.Severity))
	}
	outcome := models.Found(findings...)
	outcome.Score, outcome.Skipped = score, skipped
	return outcome, nil
}

func (l *Likeness) finding(kind models.Kind) models.Finding {
	severity, confidence := l.weigh()
	f := models.Finding{
		Rule: Rule, Version: Spec.Version, Class: l.Indicator.Class, Severity: severity, Confidence: confidence,
		Message:  models.Truncate(l.message(), models.MaxMessageBytes),
		Evidence: []models.Span{{Segment: l.Segment, View: l.View, Start: l.Start, End: l.End}},
	}
	if h := l.Harmless; h != nil {
		alone := *l
		alone.Harmless = nil
		without := curveOf(kind).probability(alone.Features())
		f.Counter = []models.CounterEvidence{{
			Kind:    "known_harmless",
			Message: models.Truncate(fmt.Sprintf("The passage also has %s of a harmless text, %s: %s", percent(h.Score), h.Indicator.ID, excerpt(h.Indicator.Text)), models.MaxMessageBytes),
			Weight:  min(1, max(0, without-l.Probability)),
		}}
	}
	return f
}

// How much of an attack must be there, beyond what a harmless text has. With wholeShare the attack is taken as there itself.
// With partShare it counts beside findings of other detectors, as a copy that somebody reworked does: that is the least share,
// in steps of a twentieth, that none of the 390 harmless samples of the corpus's dev split reaches, and 2 of 1,177 of the train
// split do that were left out of the index with all that belongs to them. With less it is a trace, which is noted.
const (
	wholeShare = 0.6
	partShare  = 0.45
)

// weigh returns what the likeness is worth.
func (l *Likeness) weigh() (models.Severity, float64) {
	switch share := l.Score - l.contrast(); {
	case share >= wholeShare:
		return l.severity(), l.Probability
	case share >= partShare:
		return check.Company.Weigh(l.severity(), l.Probability)
	}
	return models.SeverityLow, l.Probability
}

// severity is that of the attack's class, but at least medium: what somebody took for an attack once is worth a question
// when it comes again. What an outside class comes to is not known; that it is an attack is.
func (l *Likeness) severity() models.Severity {
	info, ok := models.ClassByID(l.Indicator.Class)
	switch {
	case !ok:
		return models.SeverityHigh
	case info.Severity.Rank() < models.SeverityMedium.Rank():
		return models.SeverityMedium
	}
	return info.Severity
}

// message says which known attack this is like, how much, and what that attack says.
func (l *Likeness) message() string {
	x := &l.Indicator
	name := ""
	if info, ok := models.ClassByID(x.Class); ok {
		name = ", " + strings.ToLower(info.Name)
	}
	return fmt.Sprintf("Repeats %s of a known attack (%s, class %s%s, from %s, first seen %s): %s",
		percent(l.Score), x.ID, x.Class, name, models.Truncate(x.Source, maxSource), x.FirstSeen.Format("2006-01-02"), excerpt(x.Text))
}

const maxSource = 80

func percent(share float64) string { return fmt.Sprintf("%d %%", int(100*share)) }

// excerpt quotes a known text, with secrets masked.
func excerpt(text string) string {
	return fmt.Sprintf("%q", redact.Excerpt(text, 0, len(text)))
}
