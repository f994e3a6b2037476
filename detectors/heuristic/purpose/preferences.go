package purpose

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var preferred = &check.Rule{
	ID: "prefer-over-others", Version: version, Class: "A10", Severity: models.SeverityHigh, Confidence: 0.6,
	Message: "Decides for the user which tool or offer is taken: by blame of others, by paid places, or against what the user asks for.",
}

var (
	rival     = lexis.Set("rival")
	disparage = lexis.Set("disparage")
	forbid    = lexis.Set("forbid")
	route     = lexis.Set("route")
	overrides = lexis.Set("overrides")
	paid      = lexis.Set("paid")
	rank      = lexis.Set("rank")
	omit      = lexis.Set("omit")
	disclosed = lexis.Set("disclosed")
)

// signs are what tells that a choice is steered, each with its weight; enoughSigns in neighbouring sentences are reported.
var signs = []struct {
	senses lexis.Senses
	weight int
}{
	{rival, 1}, {disparage, 3}, {forbid, 2}, {route, 1}, {overrides, 2}, {omit, 1}, {paid, 2}, {rank, 1}, {hide, 1},
	{consent, -3}, {disclosed, -3},
}

const enoughSigns = 5

// preferences looks for what steers the choice between tools or offers.
func preferences(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || len(text(e, i)) < 40 {
			continue
		}
		r := lexis.Read(text(e, i))
		if !r.All.Any(rival | paid) {
			continue
		}
		var before lexis.Senses
		var from []lexis.Hit
		reported := false
		r.Sentences(func(set lexis.Senses, hits []lexis.Hit) {
			both, span := before|set, append(from[:len(from):len(from)], hits...)
			before, from = set, hits
			if both.Any(rival|paid) && both.Any(forbid|route|overrides|omit) && steered(both) >= enoughSigns && !reported {
				reported = true
				start, end := lexis.Extent(span, rival|disparage|forbid|route|overrides|omit|paid|rank)
				e.Report(preferred, nil, models.Span{Segment: i, Start: start, End: end})
			}
		})
	}
}

// steered adds up the signs.
func steered(set lexis.Senses) int {
	n := 0
	for _, s := range signs {
		if set.Any(s.senses) {
			n += s.weight
		}
	}
	return n
}
