package output

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
	"github.com/aad6b6dc/taster/models/view"
)

// Limits of the text form.
const (
	lineCells   = 100 // of a text around the offending words
	leadCells   = 30  // before the first of them
	linesPerHit = 6
)

// The rules of the text form: one paragraph per event that has something to say, the offending words in their place,
// a summary last. Clean events are counted only.
func writeText(w io.Writer, r *Report, o Options) error {
	p := &printer{w: bufio.NewWriter(w), colour: o.Colour}
	for i := range r.Items {
		p.item(&r.Items[i])
	}
	for _, g := range r.Gaps {
		p.printf("%s %s: %s: %s\n\n", p.paint(bold, "NOT READ"), Visible(g.Source), Visible(g.What), Visible(g.Reason))
	}
	p.summary(r.Summary())
	return p.w.Flush()
}

type printer struct {
	w      *bufio.Writer
	colour bool
}

const (
	bold   = "1"
	red    = "1;31"
	yellow = "1;33"
	green  = "1;32"
	faint  = "2"
	marked = "1;4;31"
)

func (p *printer) paint(code, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

func (p *printer) item(item *Item) {
	v := &item.Verdict
	missing := uninspected(v)
	if len(v.Findings) == 0 && v.Omitted == 0 && v.Decision == models.Allow && len(missing) == 0 {
		return
	}
	code := yellow
	if v.Flagged() {
		code = red
	}
	p.printf("%s  %s", p.paint(code, strings.ToUpper(string(v.Decision))), p.paint(bold, name(&v.Subject)))
	if v.Severity != models.SeverityNone {
		p.printf("  (%s, risk %.0f of 100)", v.Severity, v.RiskScore)
	}
	p.printf("\n")
	doc := &models.Document{}
	if item.Event != nil && item.Event.Oversize == nil {
		if built, err := view.Build(item.Event.Body); err == nil {
			doc = built
		}
	}
	for i := range v.Findings {
		p.finding(&v.Findings[i], doc)
	}
	p.probability(v)
	if v.Omitted > 0 {
		p.printf("  and %d findings more\n", v.Omitted)
	}
	if x := v.Exception; x != nil {
		p.printf("  let pass by exception %s of %s until %s: %s\n",
			Visible(x.ID), Visible(x.Owner), x.Expires.Format("2006-01-02"), Visible(x.Reason))
	}
	for _, m := range missing {
		p.printf("  %s %s\n", p.paint(yellow, "not inspected:"), m)
	}
	p.printf("\n")
}

// probability says how likely an attack is, and which detectors say so.
func (p *printer) probability(v *models.Verdict) {
	reports := slices.DeleteFunc(slices.Clone(v.Detectors), func(r models.DetectorReport) bool { return r.Share < 0.005 })
	if len(reports) == 0 {
		return
	}
	slices.SortStableFunc(reports, func(a, b models.DetectorReport) int { return cmp.Compare(b.Share, a.Share) })
	var by []string
	for _, r := range reports {
		by = append(by, fmt.Sprintf("%s %.0f %%", r.Name, 100*r.Share))
	}
	p.printf("  %s\n", p.paint(faint, fmt.Sprintf("probability %.2f; evidence by %s", v.Probability, strings.Join(by, ", "))))
}

func (p *printer) finding(f *models.Finding, doc *models.Document) {
	code := yellow
	if f.Severity.Rank() >= models.SeverityHigh.Rank() {
		code = red
	}
	p.printf("  %s  %s %s  %s\n", p.paint(code, string(f.Severity)), f.Class, className(f.Class),
		p.paint(faint, fmt.Sprintf("%s/%s, confidence %.2f", f.Detector, f.Rule, f.Confidence)))
	p.printf("    %s\n", Visible(f.Message))
	for _, c := range f.Counter {
		p.printf("    but: %s\n", Visible(strings.TrimSpace(c.Kind+" "+c.Message)))
	}
	for _, e := range gather(f.Evidence, doc) {
		p.evidence(e)
	}
}

// passage is a text of the event with the stretches of it that a finding points at.
type passage struct {
	span  models.Span // the first
	text  string
	marks [][2]int
}

// gather puts spans in the same view of the same segment together, in order of appearance.
func gather(spans []models.Span, doc *models.Document) []passage {
	var out []passage
	at := map[*models.View]int{}
	for _, s := range spans {
		v := find(doc, &s)
		if v == nil {
			out = append(out, passage{span: s, text: s.Excerpt, marks: [][2]int{{0, len(s.Excerpt)}}})
			continue
		}
		i, ok := at[v]
		if !ok {
			i = len(out)
			at[v] = i
			out = append(out, passage{span: s, text: v.Text})
		}
		out[i].marks = append(out[i].marks, [2]int{s.Start, s.End})
	}
	return out
}

// find returns the view that a span is in, or nil. Members of the same name share a pointer, so position counts too.
func find(doc *models.Document, s *models.Span) *models.View {
	for i := range doc.Segments {
		seg := &doc.Segments[i]
		if seg.Pointer != s.Pointer || seg.Key != s.Key || s.RawStart < seg.Start || s.RawEnd > seg.End {
			continue
		}
		for j := range seg.Views {
			v := &seg.Views[j]
			if v.Kind == s.ViewKind && strings.Join(v.Chain, ",") == strings.Join(s.Chain, ",") && s.End <= len(v.Text) {
				return v
			}
		}
	}
	return nil
}

func (p *printer) evidence(e passage) {
	where := Visible(e.span.Pointer)
	if where == "" {
		where = "/"
	}
	if e.span.Key {
		where += " (member name)"
	}
	if e.span.ViewKind != models.ViewRaw && e.span.ViewKind != "" {
		where += fmt.Sprintf(" (%s: %s)", e.span.ViewKind, strings.Join(e.span.Chain, ", "))
	}
	p.printf("    %s\n", p.paint(faint, where))
	p.marked(e.text, e.marks)
}

// WriteMarked writes the lines of a text that hold a byte of [start, end), with those bytes underlined, as findings are
// shown.
func WriteMarked(w io.Writer, text string, start, end int, o Options) error {
	p := &printer{w: bufio.NewWriter(w), colour: o.Colour}
	p.marked(text, [][2]int{{start, end}})
	return p.w.Flush()
}

// marked prints the lines that have marks.
func (p *printer) marked(text string, marks [][2]int) {
	shown, start := 0, 0
	for _, l := range strings.SplitAfter(text, "\n") {
		end := start + len(l)
		if cells := layOut(strings.TrimRight(l, "\r\n"), start, marks); anyMarked(cells) {
			if shown++; shown > linesPerHit {
				p.printf("      %s\n", p.paint(faint, "and more"))
				return
			}
			p.line(cells)
		}
		start = end
	}
}

// cell is one character as it is shown.
type cell struct {
	text    string
	columns int
	marked  bool
}

// layOut turns a line that begins at byte offset start into cells. A secret in it is masked, and then nothing is marked
// more closely than the whole line.
func layOut(line string, start int, marks [][2]int) []cell {
	if masked := redact.Mask(line); masked != line {
		hit := overlaps(start, start+max(len(line), 1), marks)
		return appendCells(nil, masked, func(int, int) bool { return hit })
	}
	return appendCells(nil, line, func(i, n int) bool { return overlaps(start+i, start+i+n, marks) })
}

func appendCells(cells []cell, s string, isMarked func(offset, size int) bool) []cell {
	for i, r := range s {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(s[i:])
		}
		shown := showRune(r)
		cells = append(cells, cell{shown, columns(shown), isMarked(i, size)})
	}
	return cells
}

// overlaps reports whether [start, end) shares a byte with a mark; an empty mark stands for the byte behind it.
func overlaps(start, end int, marks [][2]int) bool {
	for _, m := range marks {
		if start < max(m[1], m[0]+1) && m[0] < end {
			return true
		}
	}
	return false
}

func anyMarked(cells []cell) bool { return firstMarked(cells) < len(cells) }

func firstMarked(cells []cell) int {
	for i := range cells {
		if cells[i].marked {
			return i
		}
	}
	return len(cells)
}

// line prints a line, or if it is long the stretch around its first marked cell, with carets below where there is no colour.
func (p *printer) line(cells []cell) {
	from := max(min(firstMarked(cells)-leadCells, len(cells)-lineCells), 0)
	to := min(from+lineCells, len(cells))
	var text, carets strings.Builder
	if from > 0 {
		text.WriteString("…")
		carets.WriteString(" ")
	}
	for _, c := range cells[from:to] {
		sign := " "
		if c.marked {
			sign = "^"
			c.text = p.paint(marked, c.text)
		}
		text.WriteString(c.text)
		carets.WriteString(strings.Repeat(sign, c.columns))
	}
	if to < len(cells) {
		text.WriteString("…")
	}
	p.printf("      | %s\n", strings.ReplaceAll(text.String(), "\x1b[0m\x1b["+marked+"m", ""))
	if !p.colour {
		p.printf("      | %s\n", strings.TrimRight(carets.String(), " "))
	}
}

// columns is how wide a terminal shows s.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case k == width.EastAsianWide, k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// Visible is s with every rune that a terminal would act on, or not show, replaced by its number.
func Visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(showRune(r))
	}
	return b.String()
}

func showRune(r rune) string {
	if r == ' ' || unicode.IsPrint(r) && !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return string(r)
	}
	return fmt.Sprintf("<U+%04X>", r)
}

func (p *printer) summary(s Summary) {
	p.printf("%s scanned", count(s.Events, "object", "objects"))
	for _, d := range models.Decisions() {
		if n := s.Decisions[d]; n > 0 {
			p.printf(", %d %s", n, d)
		}
	}
	p.printf(".\n")
	var found []string
	total := 0
	severities := models.Severities()
	for i := len(severities) - 1; i >= 0; i-- {
		if n := s.Findings[severities[i]]; n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, severities[i]))
			total += n
		}
	}
	if total > 0 {
		p.printf("%s: %s.\n", count(total, "finding", "findings"), strings.Join(found, ", "))
	}
	switch {
	case s.Events == 0:
		p.printf("Nothing was inspected.\n")
	case s.Complete():
		p.printf("Everything was inspected.\n")
	default:
		p.printf("%s: %s.\n", p.paint(yellow, "Not everything was inspected"), shortfall(s))
	}
}

func shortfall(s Summary) string {
	var parts []string
	if s.Incomplete > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s in part or not at all", s.Incomplete, count(s.Events, "object", "objects")))
	}
	if s.Gaps > 0 {
		parts = append(parts, fmt.Sprintf("%s could not be read", count(s.Gaps, "part", "parts")))
	}
	return strings.Join(parts, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
