// Package checktest makes the checks of a group on bodies that a test writes, and holds what they report against the body.
package checktest

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Rules returns the ids of the rules that the group reports for a body, sorted and each once. It fails the test if a span
// leaves its view, or if what a check needs keeps it from finding something.
func Rules(t testing.TB, g *check.Group, kind models.Kind, body []byte) []string {
	t.Helper()
	doc, err := view.Build(body)
	if err != nil {
		t.Skip(err)
	}
	if !g.Reads(kind) {
		return nil
	}
	var found, anyway []models.Finding
	event := check.Event{
		Input:   &detectors.Input{Event: &models.Event{Server: "server", Kind: kind, Body: body}, Segments: doc.Segments},
		Found:   func(f models.Finding) { found = append(found, f) },
		Signals: Signals(t, doc.Segments),
	}
	g.Examine(&event)
	event.Found = func(f models.Finding) { anyway = append(anyway, f) }
	g.Always().Examine(&event)
	if !reflect.DeepEqual(found, anyway) {
		t.Errorf("%s: %d findings in a %s, %d by checks without what they need: %s", g.Name, len(found), kind, len(anyway), body)
	}
	var rules []string
	for i := range found {
		inside(t, doc.Segments, &found[i])
		rules = append(rules, found[i].Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// Signals reads views of the segments with the shipped lexicon, as [check.Event] wants it.
func Signals(t testing.TB, segments []models.Segment) func(segment, view int) []directive.Hit {
	t.Helper()
	lexicon, err := directive.Default()
	if err != nil {
		t.Fatal(err)
	}
	return func(segment, view int) []directive.Hit {
		reader, ok := readers.Get().(*directive.Reader)
		if !ok {
			reader = lexicon.Reader()
		}
		defer readers.Put(reader)
		return slices.Clone(reader.Read(segments[segment].Views[view].Text).Hits)
	}
}

// readers are kept from one body to the next.
var readers sync.Pool

func inside(t testing.TB, segments []models.Segment, f *models.Finding) {
	t.Helper()
	if f.Confidence <= 0 || f.Confidence > 1 || len(f.Evidence) == 0 {
		t.Errorf("%s: confidence %v with %d spans", f.Rule, f.Confidence, len(f.Evidence))
	}
	for _, s := range f.Evidence {
		if text := segments[s.Segment].Views[s.View].Text; s.Start < 0 || s.Start >= s.End || s.End > len(text) {
			t.Errorf("%s: [%d, %d) of %d bytes", f.Rule, s.Start, s.End, len(text))
		}
	}
}

// Tool is a tool definition with a description.
func Tool(description string) []byte {
	body, _ := json.Marshal(map[string]any{"name": "tide_table", "description": description})
	return body
}

// Result is a tool's result with a text.
func Result(text string) []byte {
	body, _ := json.Marshal(map[string]any{"content": []any{map[string]any{"type": "text", "text": text}}})
	return body
}

// Case is a text and the rules that it must hit in a definition and in a result.
type Case struct {
	Name, Text     string
	Definition     string // the rule's id, "" for none
	Result         string
	AnyOtherInside bool // other rules may hit, too
}

// Run runs cases.
func Run(t *testing.T, g *check.Group, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			expect(t, c, "definition", c.Definition, Rules(t, g, models.KindTool, Tool(c.Text)))
			expect(t, c, "result", c.Result, Rules(t, g, models.KindToolResult, Result(c.Text)))
		})
	}
}

func expect(t *testing.T, c Case, place, want string, got []string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("%s: %v in %q", place, got, c.Text)
	case want != "" && !slices.Contains(got, want):
		t.Errorf("%s: %v, want %s in %q", place, got, want, c.Text)
	case want != "" && len(got) > 1 && !c.AnyOtherInside:
		t.Errorf("%s: %v, want %s only in %q", place, got, want, c.Text)
	}
}

// Fuzz runs a group on arbitrary bodies of each kind, from the texts of cases on.
func Fuzz(f *testing.F, g *check.Group, cases []Case) {
	kinds := models.Kinds()
	for i, c := range cases {
		f.Add(Tool(c.Text), uint8(i))
		f.Add(Result(c.Text), uint8(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, kind uint8) { Rules(t, g, kinds[int(kind)%len(kinds)], body) })
}
