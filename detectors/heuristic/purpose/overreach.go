package purpose

import (
	"slices"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var overreach = &check.Rule{
	ID: "purpose-overreach", Version: version, Class: "A6", Severity: models.SeverityHigh, Confidence: 0.6,
	Message: "The description says in passing that data the tool has no use for is gathered and let out.",
}

var (
	send    = lexis.Set("send")
	outside = lexis.Set("outside")
	extra   = lexis.Set("extra")
	denies  = lexis.Set("not")
)

// enoughReach is the weight from which a description goes beyond its purpose.
const enoughReach = 5

// mayReach reports an event that speaks of data and of where they go.
func mayReach(e *check.Event) bool {
	all := lexis.Open(e).Everything()
	return all.Any(data) && all.Any(outside) && all.Any(send|secret)
}

// reaches looks for sentences of the description, two at a time, in which foreign data leaves.
func reaches(e *reader) {
	i, ok := e.At("/description", false)
	if !ok {
		return
	}
	r := e.read(i)
	if !r.All.Any(data) || !r.All.Any(send|outside) {
		return
	}
	about := e.aim()
	var before lexis.Senses
	var from []lexis.Hit
	for hits := range r.Sentences {
		set := spoken(hits)
		switch {
		case reach(set, about) >= enoughReach:
			from = nil
		case reach(before|set, about) < enoughReach:
			before, from = set, hits
			continue
		}
		start, end := lexis.Extent(slices.Concat(from, hits), data|send|outside)
		e.Report(overreach, nil, models.Span{Segment: i, Start: start, End: end})
		return
	}
}

// reach weighs what is taken, and where it goes.
func reach(set, about lexis.Senses) int {
	taken := 0
	for _, w := range wants {
		if !about.Any(w.explain | w.data) {
			taken += set.Count(w.data) * w.weight
		}
	}
	if taken == 0 || !set.Any(outside) || !set.Any(send) && !set.Any(secret) {
		return 0
	}
	n := min(taken, 3) + 2*set.Count(outside) + set.Count(send|extra|all|known|past)
	return n - 3*set.Count(consent) - 2*set.Count(mutes|denies)
}
