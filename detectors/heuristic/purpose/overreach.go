package purpose

import (
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
	reported := false
	r.Sentences(func(_ lexis.Senses, hits []lexis.Hit) {
		set := spoken(hits)
		both, span := before|set, append(from[:len(from):len(from)], hits...)
		before, from = set, hits
		switch {
		case reported:
			return
		case reach(set, about) >= enoughReach:
			span = hits
		case reach(both, about) < enoughReach:
			return
		}
		reported = true
		start, end := lexis.Extent(span, data|send|outside)
		e.Report(overreach, nil, models.Span{Segment: i, Start: start, End: end})
	})
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
