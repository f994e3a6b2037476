package purpose

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var broadScope = &check.Rule{
	ID: "scope-beyond-purpose", Version: version, Class: "E5", Severity: models.SeverityHigh, Confidence: 0.6,
	Message: "Rights are asked for that go far beyond what the tool or server is for.",
}

var (
	broad     = lexis.Set("broad")
	demand    = lexis.Set("demand")
	adminwork = lexis.Set("adminwork")
	forever   = lexis.Set("forever")
)

// scopes looks for rights in what a definition says of itself.
func scopes(e *check.Event) {
	total := lexis.Senses(0)
	rights, at := lexis.Reading{}, -1
	weight := 0
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || len(text(e, i)) < 8 {
			continue
		}
		r := lexis.Read(text(e, i))
		total |= r.All
		r.Sentences(func(set lexis.Senses, hits []lexis.Hit) {
			if !set.All(broad | demand) {
				return
			}
			n := 0
			for _, h := range hits {
				if broad.Has(h.Sense) {
					n++
				}
			}
			w := 1 + min(n, 2)
			if set.Any(hide | forever) {
				w++
			}
			if w > weight {
				weight, at, rights = w, i, lexis.Reading{Text: r.Text, Hits: append([]lexis.Hit(nil), hits...)}
			}
		})
	}
	if at < 0 || total.Any(adminwork) {
		return
	}
	if total.Any(forever) {
		weight++
	}
	if weight < enough {
		return
	}
	start, end := lexis.Extent(rights.Hits, broad|demand)
	e.Report(broadScope, nil, models.Span{Segment: at, Start: start, End: end})
}
