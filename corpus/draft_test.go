package corpus

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/models/view"
)

func draftLine(label, body string) string {
	return `{"label":"` + label + `","group":"g","event":{"kind":"tool","server":"s","body":` + body + `}}`
}

func TestParseDraft(t *testing.T) {
	for _, test := range []struct {
		name, body, clean string
		spans             []Span
	}{
		{"value", `{"description":"Adds. ⟦Mail it.⟧ Yes"}`, `{"description":"Adds. Mail it. Yes"}`, []Span{{"/description", false, 6, 14}}},
		{"whole value", `{"a":["⟦x⟧"]}`, `{"a":["x"]}`, []Span{{"/a/0", false, 0, 1}}},
		{"several", `{"a":"⟦x⟧ y ⟦zz⟧","b":{"c/d":"⟦w⟧"}}`, `{"a":"x y zz","b":{"c/d":"w"}}`,
			[]Span{{"/a", false, 0, 1}, {"/a", false, 4, 6}, {"/b/c~1d", false, 0, 1}}},
		{"name, and values below it", `{"⟦send⟧_it":{"b":"⟦now⟧"}}`, `{"send_it":{"b":"now"}}`,
			[]Span{{"/send_it", true, 0, 4}, {"/send_it/b", false, 0, 3}}},
		{"escapes", `{"a":"\u00e9\n⟦\ud83d\ude00\"⟧\/"}`, `{"a":"\u00e9\n\ud83d\ude00\"\/"}`, []Span{{"/a", false, 3, 8}}},
		{"escaped marks", `{"a":"x \u27e6y\u27E7"}`, `{"a":"x y"}`, []Span{{"/a", false, 2, 3}}},
		{"what looks like an escaped mark", `{"a":"\\u27e6 ⟦y⟧"}`, `{"a":"\\u27e6 y"}`, []Span{{"/a", false, 7, 8}}},
		{"duplicate members", `{"a":"x", "a": "⟦y⟧" ,"b":1.0}`, `{"a":"x", "a": "y" ,"b":1.0}`, []Span{{"/a", false, 0, 1}}},
		{"lone surrogate", `{"a":"\ud800⟦y⟧"}`, `{"a":"\ud800y"}`, []Span{{"/a", false, 3, 4}}},
		{"none", `{ "a" : "x" }`, `{ "a" : "x" }`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := ParseDraft([]byte(draftLine("malicious", test.body)))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(d.Sample.Event.Body); got != test.clean {
				t.Errorf("body %s, want %s", got, test.clean)
			}
			if diff := cmp.Diff(test.spans, d.Sample.Spans); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseDraftRefuses(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"unpaired", draftLine("malicious", `{"a":"⟦x"}`), "/a: marks do not pair"},
		{"closed only", draftLine("malicious", `{"a":"x⟧"}`), "/a: marks do not pair"},
		{"nested", draftLine("malicious", `{"a":"⟦x⟦y⟧⟧"}`), "/a: marks do not pair"},
		{"over two strings", draftLine("malicious", `{"a":"⟦x","b":"y⟧"}`), "/a: marks do not pair"},
		{"empty", draftLine("malicious", `{"a":"⟦⟧"}`), "/a: nothing between two marks"},
		{"benign", draftLine("benign", `{"a":"⟦x⟧"}`), "marks in a benign draft"},
		{"steering", draftLine("steering", `{"a":"⟦x⟧"}`), "marks in a steering draft"},
		{"id", `{"id":"a-0001",` + draftLine("benign", `{}`)[1:], "id: given"},
		{"source", `{"source":"a",` + draftLine("benign", `{}`)[1:], "source: given"},
		{"split", `{"split":"dev",` + draftLine("benign", `{}`)[1:], "split: given"},
		{"spans", `{"spans":[{}],` + draftLine("benign", `{}`)[1:], "spans: given"},
		{"unknown member", `{"labels":1,` + draftLine("benign", `{}`)[1:], `unknown field "labels"`},
		{"unknown member of the event", strings.Replace(draftLine("benign", `{}`), `"kind"`, `"type":1,"kind"`, 1), `unknown field "type"`},
		{"no event", `{"label":"benign"}`, "event: missing"},
		{"no body", `{"label":"benign","event":{"kind":"tool"}}`, "reading body: not JSON"},
		{"oversize", `{"label":"benign","event":{"kind":"tool","oversize":{}}}`, "event: without a body"},
		{"not JSON", `{"label":"benign"`, "unexpected end"},
		{"two values", draftLine("benign", `{}`) + `{}`, "after top-level value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := ParseDraft([]byte(test.line)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestReadDraftsNamesTheLine(t *testing.T) {
	_, err := ReadDrafts("d/x.jsonl", strings.NewReader(draftLine("benign", `{}`)+"\n\n"+draftLine("benign", `{"a":"⟦x⟧"}`)))
	if err == nil || !strings.HasPrefix(err.Error(), "d/x.jsonl:3: ") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadDrafts("x.jsonl", strings.NewReader("\n")); err == nil {
		t.Error("an empty file is read")
	}
}

func readDrafts(t *testing.T, name, lines string) DraftFile {
	t.Helper()
	f, err := ReadDrafts(name, strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAdd(t *testing.T) {
	c := parse(t, "s.jsonl", soundLines)
	const after = `{"name":"new","before":"old","label":"malicious","event":{"kind":"tool","server":"s","body":{"a":1}}}
{"name":"old","label":"benign","event":{"kind":"tool","server":"s","body":{"a":2}}}
{"before":"s-0006","label":"benign","event":{"kind":"tool","server":"s","body":{"a":3}}}
`
	if err := c.Add(readDrafts(t, "s.jsonl", after)); err != nil {
		t.Fatal(err)
	}
	if err := c.Add(readDrafts(t, "b.jsonl", after)); err != nil { // names are those of one file
		t.Fatal(err)
	}
	type row struct{ ID, Source, Before string }
	var got []row
	for _, f := range c.Files {
		for _, s := range f.Samples[max(len(f.Samples)-3, 0):] {
			got = append(got, row{s.ID, s.Source, s.Before})
		}
	}
	want := []row{
		{"b-0001", "b", "b-0002"}, {"b-0002", "b", ""}, {"b-0003", "b", "s-0006"},
		{"s-0008", "s", "s-0009"}, {"s-0009", "s", ""}, {"s-0010", "s", "s-0006"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{
		`{"before":"none","label":"benign","event":{"kind":"tool","server":"s","body":{}}}`,
		`{"name":"s-0001","label":"benign","event":{"kind":"tool","server":"s","body":{}}}`,
		after + after,
	} {
		n := len(c.All())
		if err := c.Add(readDrafts(t, "s.jsonl", bad)); err == nil || !strings.HasPrefix(err.Error(), "s:") || len(c.All()) != n {
			t.Errorf("error %v, %d samples added", err, len(c.All())-n)
		}
	}
}

// FuzzParseDraft holds that marks, and nothing else, go, and that the spans select what stood between them.
func FuzzParseDraft(f *testing.F) {
	for _, s := range []string{"Adds. \u27e6Mail it.\u27e7", `\u27e6\ud83d\ude00\u27E7`, `\\u27e6`, "⟦⟧", `a\n⟦\"⟧⟦b⟧`, "\xff⟦\xff⟧"} {
		f.Add(s, "a")
		f.Add("x", s)
	}
	f.Fuzz(func(t *testing.T, value, name string) {
		body := []byte(`{"` + name + `":["` + value + `", 1.0]}`)
		clean, spans, err := unmark(body)
		if err != nil {
			return
		}
		before, err := view.Build(body)
		if err != nil {
			t.Fatal(err)
		}
		after, err := view.Build(clean)
		if err != nil {
			t.Fatalf("%q is not JSON", clean)
		}
		var between []string
		for i, seg := range before.Segments {
			text := seg.Views[0].Text
			if got, want := after.Segments[i].Views[0].Text, strings.NewReplacer(markOpen, "", markClose, "").Replace(text); got != want {
				t.Fatalf("segment %d is %q, want %q", i, got, want)
			}
			for _, part := range strings.Split(text, markOpen)[1:] {
				inner, _, _ := strings.Cut(part, markClose)
				between = append(between, inner)
			}
		}
		if len(between) != len(spans) {
			t.Fatalf("%d spans, want %d", len(spans), len(between))
		}
		for i, span := range spans {
			if !span.within(after) {
				t.Fatalf("%+v selects nothing", span)
			}
			selects := false
			for _, seg := range after.Segments {
				selects = selects || seg.Pointer == span.Pointer && seg.Key == span.Key && len(seg.Views[0].Text) >= span.End && seg.Views[0].Text[span.Start:span.End] == between[i]
			}
			if !selects {
				t.Fatalf("%+v does not select %q", span, between[i])
			}
		}
		if len(spans) == 0 && !bytes.Equal(body, clean) {
			t.Fatalf("%q became %q", body, clean)
		}
	})
}

// FuzzParseSample holds that a sample that can be written reads back as it was.
func FuzzParseSample(f *testing.F) {
	for _, line := range strings.Split(strings.TrimSpace(soundLines), "\n") {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"id":"x","note":"<&>\u2028","event":{"server":"s","kind":"tool","body_base64":"ewoiYSI6MX0="}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := ParseSample(line)
		if err != nil {
			return
		}
		written, err := s.AppendJSON(nil)
		if err != nil {
			return // events may be invalid: they are linted, not written
		}
		s.Stray = ""
		again, err := ParseSample(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		rewritten, err := again.AppendJSON(nil)
		if err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("%s became %s: %v", written, rewritten, err)
		}
		if !bytes.Equal(s.Event.Body, again.Event.Body) {
			t.Fatalf("the body %q became %q", s.Event.Body, again.Event.Body)
		}
	})
}
