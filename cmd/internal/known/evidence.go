package known

import (
	"slices"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
)

// maxEvidence is the most texts that one verdict makes known.
const maxEvidence = 16

// Evidence makes indicators of what a verdict's findings rest on: the sentences around their spans, as they read in the
// view that they were found in, with secrets masked. doc is the event of the verdict. Findings of little weight count only
// if there are no others.
func Evidence(doc *models.Document, v *models.Verdict, source string) []models.Indicator {
	var out []models.Indicator
	var taken [][2]int // bytes of the body
	for _, e := range stretches(doc, weighty(v.Findings)) {
		if slices.ContainsFunc(taken, func(t [2]int) bool { return t[0] < e.raw[1] && e.raw[0] < t[1] }) {
			continue // it was read in a plainer view already
		}
		text := e.sentence()
		if e.segment.Key {
			text = redact.Mask(spelt(e.segment))
		}
		for _, text := range worth(text) {
			x := models.Indicator{Label: models.Malicious, Class: e.class, Text: text, Source: source, FirstSeen: v.Time.UTC()}.Identify()
			if !slices.ContainsFunc(out, func(y models.Indicator) bool { return y.ID == x.ID }) && len(out) < maxEvidence {
				out, taken = append(out, x), append(taken, e.raw)
			}
		}
	}
	return out
}

// weighty are the findings from medium severity on, all if there are none.
func weighty(all []models.Finding) []models.Finding {
	var out []models.Finding
	for _, f := range all {
		if f.Severity.Rank() >= models.SeverityMedium.Rank() {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// stretch is evidence in one view: spans that stand near each other.
type stretch struct {
	segment *models.Segment
	view    int
	span    [2]int // bytes of the view
	raw     [2]int // bytes of the body
	class   models.Class
}

// stretches are those of the findings' spans, in the order of views that show most: what was decoded, what was
// normalised, the raw text. Of several findings on one, the first gives it its class.
func stretches(doc *models.Document, findings []models.Finding) []stretch {
	type place struct {
		segment *models.Segment
		view    int
	}
	marked := map[place][][2]int{}
	classes := map[place]map[[2]int]models.Class{}
	var order []place
	for _, f := range findings {
		for i := range f.Evidence {
			segment, view := locate(doc, &f.Evidence[i])
			if segment == nil {
				continue
			}
			p, span := place{segment, view}, [2]int{f.Evidence[i].Start, f.Evidence[i].End}
			if classes[p] == nil {
				classes[p] = map[[2]int]models.Class{}
				order = append(order, p)
			}
			if _, twice := classes[p][span]; !twice {
				classes[p][span] = f.Class
				marked[p] = append(marked[p], span)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b place) int {
		return rank(a.segment.Views[a.view].Kind) - rank(b.segment.Views[b.view].Kind)
	})
	var out []stretch
	for _, p := range order {
		byGravity := slices.Clone(marked[p])
		for _, c := range clusters(marked[p]) {
			first := slices.IndexFunc(byGravity, func(s [2]int) bool { return c[0] <= s[0] && s[1] <= c[1] })
			e := stretch{segment: p.segment, view: p.view, span: c, class: classes[p][byGravity[first]]}
			e.raw[0], e.raw[1] = p.segment.Raw(p.view, c[0], c[1])
			out = append(out, e)
		}
	}
	return out
}

func rank(k models.ViewKind) int {
	return slices.Index([]models.ViewKind{models.ViewDecoded, models.ViewNormalised, models.ViewRaw}, k)
}

// locate finds the segment and the view of a span that came with a verdict.
func locate(doc *models.Document, s *models.Span) (*models.Segment, int) {
	for i := range doc.Segments {
		g := &doc.Segments[i]
		if g.Key != s.Key || s.RawStart < g.Start || g.End < s.RawEnd || models.Truncate(g.Pointer, len(s.Pointer)) != s.Pointer {
			continue
		}
		for n := range g.Views {
			if v := &g.Views[n]; v.Kind == s.ViewKind && slices.Equal(v.Chain, s.Chain) && 0 <= s.Start && s.Start <= s.End && s.End <= len(v.Text) {
				return g, n
			}
		}
	}
	return nil, 0
}

// sentence is the sentences that the stretch touches; of one that goes on for ever, what stands around the stretch. Secrets
// are masked, also those that only the text around it tells, or that it holds a part of.
func (e *stretch) sentence() string {
	const around = models.MaxIndicatorBytes / 4
	text := e.segment.Views[e.view].Text
	from, to := e.span[0], e.span[1]
	for _, s := range sentences(text) {
		if s[0] < e.span[1] && e.span[0] < s[1] {
			from, to = min(from, s[0]), max(to, s[1])
		}
	}
	if to-from > models.MaxIndicatorBytes {
		from, to = max(from, e.span[0]-around), min(to, e.span[1]+around)
		for from < to && !utf8.RuneStart(text[from]) {
			from++
		}
		for to > from && to < len(text) && !utf8.RuneStart(text[to]) {
			to--
		}
	}
	return redact.Part(text, from, to)
}
