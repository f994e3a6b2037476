package purpose

import (
	"slices"
	"strings"

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
	grab      = lexis.Set("grab")
	others    = lexis.Set("others")
	tools     = lexis.Set("tools")
	hype      = lexis.Set("hype")
	spokenTo  = lexis.Set("agent")
)

// maxSteerBytes is how far the signs may lie apart.
const maxSteerBytes = 600

// documentDoubt is what documents need more than definitions: they compare products and give advice all the time.
const documentDoubt = 2

// signs are what tells that a choice is steered, each with its weight; enoughSigns in neighbouring sentences are reported.
var signs = []struct {
	senses lexis.Senses
	weight int
}{
	{rival, 1}, {disparage, 3}, {forbid, 2}, {route, 1}, {overrides, 2}, {grab, 2}, {omit, 1}, {paid, 3}, {rank, 2}, {hide, 1},
	{disclosed, -5},
}

const (
	enoughSigns = 5
	enoughPaid  = 6 // paid places are as often disclosed in words that nobody foresaw
)

// mayPrefer reports an event that praises something, or speaks of others and of a choice between them.
func mayPrefer(e *check.Event) bool {
	said := lexis.Meant(e.Long())
	if e.Event.Kind != models.KindToolResult {
		said = lexis.Open(e).Everything()
	}
	return said.Any(hype) || said.Any(rival|others|disparage) && said.Any(forbid|route|overrides|omit|grab) || said.Any(paid) && said.Any(rank|omit) ||
		e.Event.Kind == models.KindToolResult && boasts(e)
}

// boasts reports a name that praises.
func boasts(e *check.Event) bool {
	for i := range e.Segments {
		if named(e.Segments[i].Pointer) && lexis.In(e.Signals(i, 0)).Any(hype) {
			return true
		}
	}
	return false
}

// preferences looks for what steers the choice between tools or offers.
func preferences(e *reader) {
	doubt := 0
	if e.Input.Event.Kind == models.KindToolResult {
		doubt = documentDoubt
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		if named(s.Pointer) {
			boast(e, i)
		}
		if s.Key || len(text(e, i)) < 40 {
			continue
		}
		said := e.book.All(i)
		if said.Any(hype) && described(e.Input.Event.Kind, s.Pointer) {
			praise(e, i, e.read(i))
		}
		if !said.Any(rival | paid | others | tools) {
			continue
		}
		r := e.read(i)
		var before [2]lexis.Senses
		var from [3][]lexis.Hit
		reported := false
		for hits := range r.Sentences {
			set := lexis.SetOf(hits)
			if rivalled(r, hits) || set.Any(disparage) && (set.Any(others) && set.Any(forbid|route|overrides) || set.Any(tools) && set.Any(forbid|overrides)) {
				set |= rival
			}
			all := before[0] | before[1] | set
			from = [3][]lexis.Hit{from[1], from[2], hits}
			before = [2]lexis.Senses{before[1], set}
			if all.Any(spokenTo) {
				doubt = 0
			}
			if !reported && pushed(all, doubt) {
				start, end := lexis.Extent(slices.Concat(from[0], from[1], from[2]), rival|others|disparage|forbid|route|overrides|omit|paid|rank|grab)
				if end-start > maxSteerBytes {
					continue
				}
				reported = true
				e.Report(preferred, nil, models.Span{Segment: i, Start: start, End: end})
			}
		}
	}
}

// pushed reports, against some doubt, whether the signs say that a choice is steered away from rivals, or towards who pays.
func pushed(set lexis.Senses, doubt int) bool {
	n := steered(set) - doubt
	return set.Any(rival) && set.Any(forbid|route|overrides|omit|grab) && n >= enoughSigns || set.Any(paid) && set.Any(rank|omit) && n >= enoughPaid
}

// steered adds up the signs. A rank is one only where somebody pays for it.
func steered(set lexis.Senses) int {
	n := 0
	if !set.Any(paid) {
		set &^= rank
	}
	for _, s := range signs {
		if set.Any(s.senses) {
			n += s.weight
		}
	}
	if set.Any(consent) && !set.Any(overrides) {
		n -= 3
	}
	return n
}

// rivalled reports whether other tools are spoken of, in either order of the words.
func rivalled(r *lexis.Reading, hits []lexis.Hit) bool {
	for i, h := range hits {
		if !others.Has(h.Sense) {
			continue
		}
		for _, t := range hits[i:] {
			if t.Start-h.End > maxRivalGap {
				break
			}
			if tools.Has(t.Sense) && r.SamePart(h, t) {
				return true
			}
		}
		for k := i - 1; k >= 0 && h.Start-hits[k].End <= 1; k-- {
			if tools.Has(hits[k].Sense) {
				return true
			}
		}
	}
	return false
}

// maxRivalGap is how far the tools stand behind the word that makes them rivals: "other weather tools".
const maxRivalGap = 28

var praised = &check.Rule{
	ID: "prefer-by-praise", Version: version, Class: "A10", Severity: models.SeverityMedium, Confidence: 0.65,
	Message: "A definition sells itself to the model with superlatives, endorsements or urgency instead of saying what it does.",
}

// enoughPraise is how many different praises are no description any more.
const enoughPraise = 3

// described reports whether the place is where a definition describes itself.
func described(kind models.Kind, pointer string) bool {
	return kind.Definition() && (pointer == "/description" || pointer == "/instructions" || strings.HasPrefix(pointer, "/skills/"))
}

// praise counts different praises.
func praise(e *reader, i int, r *lexis.Reading) {
	if len(r.Text) > maxPraiseBytes {
		return
	}
	var words [enoughPraise + 1]string
	n, from, to := 0, 0, 0
	for _, h := range r.Hits {
		if n == len(words) || !hype.Has(h.Sense) || h.Identifier {
			continue
		}
		word := r.Text[h.Start:h.End]
		if slices.ContainsFunc(words[:n], func(w string) bool { return strings.EqualFold(w, word) }) {
			continue
		}
		if n == 0 {
			from = h.Start
		}
		words[n], to = word, h.End
		n++
	}
	if n >= enoughPraise {
		e.Report(praised, nil, models.Span{Segment: i, Start: from, End: to})
	}
}

// named reports whether the place names a definition.
func named(pointer string) bool {
	return pointer == "/name" || pointer == "/title" || pointer == "/annotations/title"
}

// boast looks for names that are praise.
func boast(e *reader, i int) {
	if !e.book.All(i).Any(hype) {
		return
	}
	first := -1
	r := e.read(i)
	for _, h := range r.Hits {
		switch {
		case !hype.Has(h.Sense):
		case first >= 0:
			e.Report(praised, nil, models.Span{Segment: i, Start: first, End: h.End})
			return
		default:
			first = h.Start
		}
	}
}

// maxPraiseBytes is the longest description in which a few superlatives make up the whole.
const maxPraiseBytes = 700
