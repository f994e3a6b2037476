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
)

// manipulations are what must come together in neighbouring sentences.
var manipulations = [][]lexis.Senses{
	{rival, disparage, forbid | route},
	{rival, forbid, route | overrides},
	{rival, disparage, overrides},
	{paid, rank, omit | overrides},
	{paid, omit, overrides},
}

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
		r.Sentences(func(set lexis.Senses, hits []lexis.Hit) {
			both, span := before|set, append(from[:len(from):len(from)], hits...)
			before, from = set, hits
			for _, parts := range manipulations {
				if together(both, parts) {
					var needed lexis.Senses
					for _, p := range parts {
						needed |= p
					}
					start, end := lexis.Extent(span, needed)
					e.Report(preferred, nil, models.Span{Segment: i, Start: start, End: end})
					return
				}
			}
		})
	}
}

func together(set lexis.Senses, parts []lexis.Senses) bool {
	for _, p := range parts {
		if !set.Any(p) {
			return false
		}
	}
	return true
}
