package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/detectors/heuristic"
	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
	"github.com/aad6b6dc/taster/models/view"
)

func (a *app) rulesExplainCommand() *cobra.Command {
	var paths []string
	cmd := &cobra.Command{
		Use:   "explain FILE|-",
		Short: "Say which rules hold where, and why",
		Long: `Say for each event of a file which rules hold where, what a match is made of and how its confidence came about, which
rules nearly hold and what they lack, and what the detector reports beside its rules. The file is what "taster scan" takes:
a tools/list result in any shape, JSON-RPC frames, events or rows as JSON lines.

Exit codes: 0 everything was read, 4 not everything was, 2 usage, 1 the command broke.`,
		Example: "  taster rules explain tools.json\n  taster rules explain --pack acme.yaml tools.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := newExplainer(paths)
			if err != nil {
				return err
			}
			return a.explain(e, args[0])
		},
	}
	cmd.Flags().StringSliceVar(&paths, "pack", nil, "explain with the rules of these `FILES` alone, not with those that Taster ships")
	return cmd
}

// explainer has the rules that events are explainedEvent with.
type explainer struct {
	packs []*rulepack.Pack
	set   *rulepack.Set
}

func newExplainer(paths []string) (*explainer, error) {
	files, err := openPacks(paths)
	if err != nil {
		return nil, err
	}
	e := &explainer{}
	for _, f := range files {
		e.packs = append(e.packs, f.pack)
	}
	if e.set, err = rulepack.Compile(e.packs); err != nil {
		return nil, hinted(err, lintHint)
	}
	return e, nil
}

// explainedEvent is what there is to say about one event.
type explainedEvent struct {
	Server string      `json:"server"`
	Kind   models.Kind `json:"kind"`
	Object string      `json:"object,omitempty"`
	// NotInspected says why the event, or a part of it, was not read.
	NotInspected string               `json:"not_inspected,omitempty"`
	Matches      []explainedMatch     `json:"matches"`
	Nearly       []heuristic.NearMiss `json:"nearly"`
	Outcome      models.Outcome       `json:"outcome"`
}

// explainedMatch is a match, secrets in it masked, with the words around it, and … where there are more.
type explainedMatch struct {
	heuristic.RuleMatch
	Before string `json:"before"`
	After  string `json:"after"`
}

func (a *app) explain(e *explainer, arg string) error {
	data, err := a.input(arg)
	if err != nil {
		return err
	}
	g := &gatherer{app: a, flags: &scanFlags{}, catalogues: map[string]*models.Catalogue{}}
	if err := g.saved(arg, data); err != nil {
		return err
	}
	events := []explainedEvent{} // [] in JSON, never null
	complete := len(g.gaps) == 0
	for _, item := range g.items {
		x, err := e.event(item.Event)
		if err != nil {
			return err
		}
		complete = complete && x.NotInspected == ""
		events = append(events, x)
	}
	if a.json {
		err = a.writeJSON(events)
	} else {
		err = writeExplained(a.stdout, events)
	}
	if err == nil && !complete {
		return &codedError{code: exitIncomplete}
	}
	return err
}

func (e *explainer) event(ev *models.Event) (explainedEvent, error) {
	x := explainedEvent{Server: ev.Server, Kind: ev.Kind, Object: ev.Object, Matches: []explainedMatch{}, Nearly: []heuristic.NearMiss{}}
	if ev.Oversize != nil {
		x.notInspected(models.ReasonOversize, fmt.Sprintf("%d bytes", ev.Oversize.Bytes))
		return x, nil
	}
	doc, err := view.Build(ev.Body)
	if err != nil {
		x.notInspected(models.ReasonUnsupported, err.Error())
		return x, nil
	}
	for _, s := range doc.Skipped {
		x.NotInspected = cmp.Or(x.NotInspected, fmt.Sprintf("%s: %s", cmp.Or(s.Pointer, "/"), s.Reason))
	}
	explanation, err := heuristic.Explain(e.set, ev)
	if err != nil {
		return x, err
	}
	x.Outcome = explanation.Outcome
	for i := range x.Outcome.Findings {
		fillIn(x.Outcome.Findings[i].Evidence, doc)
	}
	for _, m := range explanation.Matches {
		x.Matches = append(x.Matches, inContext(m, doc))
	}
	near, err := heuristic.NearMisses(e.set, e.packs, ev)
	x.Nearly = append(x.Nearly, near...)
	return x, err
}

func (x *explainedEvent) notInspected(reason models.Reason, detail string) {
	x.NotInspected = fmt.Sprintf("%s: %s", reason, detail)
	x.Outcome = models.NotInspected(reason, detail)
}

// fillIn says of spans in a person's terms where they are.
func fillIn(spans []models.Span, doc *models.Document) {
	for i := range spans {
		s := &spans[i]
		segment := &doc.Segments[s.Segment]
		v := &segment.Views[s.View]
		s.Pointer, s.Key, s.ViewKind, s.Chain = segment.Pointer, segment.Key, v.Kind, v.Chain
		s.RawStart, s.RawEnd = segment.Raw(s.View, s.Start, s.End)
		s.Excerpt = redact.Excerpt(v.Text, s.Start, s.End)
	}
}

// wordsAround is how many bytes of text are shown on either side of evidence.
const wordsAround = 60

func inContext(m heuristic.RuleMatch, doc *models.Document) explainedMatch {
	text := textOf(&m, doc)
	from, to := wholeRune(text, m.Start-wordsAround), wholeRune(text, m.End+wordsAround)
	x := explainedMatch{RuleMatch: m, Before: redact.Excerpt(text, from, m.Start), After: redact.Excerpt(text, m.End, to)}
	if from > 0 {
		x.Before = "…" + x.Before
	}
	if to < len(text) {
		x.After += "…"
	}
	x.Text = redact.Excerpt(text, m.Start, m.End)
	for i := range x.Parts {
		p := &x.Parts[i]
		p.Text = redact.Excerpt(text, p.Start, p.End)
	}
	return x
}

// textOf finds the view that the match is in. Members of the same name share a pointer, so the words count, too.
func textOf(m *heuristic.RuleMatch, doc *models.Document) string {
	for i := range doc.Segments {
		s := &doc.Segments[i]
		if s.Pointer != m.Pointer || s.Key != m.Key {
			continue
		}
		for _, v := range s.Views {
			if v.Kind == m.View && slices.Equal(v.Chain, m.Transforms) && m.End <= len(v.Text) && v.Text[m.Start:m.End] == m.Text {
				return v.Text
			}
		}
	}
	return ""
}

// wholeRune moves i into the text and back to where a rune begins.
func wholeRune(text string, i int) int {
	i = min(max(i, 0), len(text))
	for i > 0 && i < len(text) && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}

func writeExplained(w io.Writer, events []explainedEvent) error {
	held := 0
	for i := range events {
		x := &events[i]
		fmt.Fprintf(w, "%s %s", output.Visible(x.Server), x.Kind)
		if x.Object != "" {
			fmt.Fprintf(w, " \"%s\"", output.Visible(x.Object))
		}
		fmt.Fprintln(w)
		x.write(w)
		fmt.Fprintln(w)
		if len(x.Matches) > 0 {
			held++
		}
	}
	if _, err := fmt.Fprintf(w, "%s, rules hold in %d\n", plural(len(events), "event"), held); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	return nil
}

func (x *explainedEvent) write(w io.Writer) {
	if x.NotInspected != "" {
		fmt.Fprintf(w, "  not inspected: %s\n", output.Visible(x.NotInspected))
	}
	if len(x.Matches) == 0 && x.Outcome.Status != models.StatusNotInspected {
		fmt.Fprintln(w, "  no rule holds")
	}
	ruled := map[string]bool{}
	for i := range x.Matches {
		ruled[x.Matches[i].Rule] = true
		x.Matches[i].write(w)
	}
	for _, f := range x.Outcome.Findings {
		if !ruled[f.Rule] {
			writeUnruled(w, &f)
		}
	}
	for _, m := range x.Nearly {
		fmt.Fprintf(w, "  nearly %s %s of %s at %s: %s\n", m.Rule, m.Version, m.Pack, where(m.Pointer, m.Key, m.View, m.Transforms), output.Visible(m.Lacks))
	}
}

// writeUnruled writes what the detector finds by a rule in code.
func writeUnruled(w io.Writer, f *models.Finding) {
	fmt.Fprintf(w, "  %s %s of the detector itself: %s, confidence %.2f\n    %s\n", f.Rule, f.Version, severe(f.Class, f.Severity), f.Confidence, f.Message)
	for _, e := range f.Evidence {
		fmt.Fprintf(w, "    at %s\n      ⟦%s⟧\n", where(e.Pointer, e.Key, e.ViewKind, e.Chain), oneLine(e.Excerpt))
	}
	writeCounter(w, f.Counter)
}

func (m *explainedMatch) write(w io.Writer) {
	fmt.Fprintf(w, "  %s %s of %s: %s, confidence %.2f", m.Rule, m.Version, m.Pack, severe(m.Class, m.Severity), m.Confidence)
	if !m.Reported {
		fmt.Fprint(w, ", not reported: another finding of the class covers it")
	}
	fmt.Fprintf(w, "\n    %s\n", output.Visible(m.Message))
	fmt.Fprintf(w, "    at %s\n      %s⟦%s⟧%s\n", where(m.Pointer, m.Key, m.View, m.Transforms), oneLine(m.Before), oneLine(m.Text), oneLine(m.After))
	for _, p := range m.Parts {
		fmt.Fprintf(w, "    %s: %s\n", p.Name, oneLine(p.Text))
	}
	for _, s := range m.Steps {
		fmt.Fprintf(w, "    %.2f  %s\n", s.Confidence, s.Reason)
	}
	writeCounter(w, m.Counter)
}

func writeCounter(w io.Writer, counter []models.CounterEvidence) {
	for _, c := range counter {
		fmt.Fprintf(w, "    against, weight %.2f: %s: %s\n", c.Weight, c.Kind, c.Message)
	}
}

func severe(c models.Class, s models.Severity) string { return string(c) + " " + string(s) }

// where names a place in an event.
func where(pointer string, key bool, kind models.ViewKind, transforms []string) string {
	s := cmp.Or(pointer, "/")
	if key {
		s += " (member name)"
	}
	if kind != models.ViewRaw {
		s += fmt.Sprintf(" (%s: %s)", kind, strings.Join(transforms, ", "))
	}
	return output.Visible(s)
}

var blanks = strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ")

// oneLine is text of an event for a line of a terminal.
func oneLine(text string) string { return output.Visible(blanks.Replace(text)) }
