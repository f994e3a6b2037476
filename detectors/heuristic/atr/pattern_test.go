package atr

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

func TestTranslate(t *testing.T) {
	for expression, want := range map[string]string{
		`open\s+the\s+sluice`:              `open|sluice: open\s+the\s+sluice`,
		`(?i)Open.*Sluice`:                 `open|sluice: open[^\n]{0,200}sluice; repetitions bounded to 200`,
		`(?:open|close|shut) it[\s\S]*now`: `now|open it,shut it,close it: (?:open|close|shut) it.{0,200}now; repetitions bounded to 200`,
		`sluic(?:e|ing)`:                   `sluice,sluicing: sluic(?:e|ing)`,
		`gates?`:                           `matches of 4 bytes, with a single literal: too weak`,
		`gates? open`:                      `gate open,gates open: gates? open`,
		`(\w+_)+sluice_gate`:               `sluice_gate: (?:\w{1,12}_){1,12}sluice_gate; repetitions bounded to 12`,
		`\u6c34\u95e8|water gate`:          `水门,water gate: 水门|water gate`,
		`\ud83d\udea2{2,9}!!`:              `🚢: \x{1f6a2}{2,9}!!`,
		`[\u4e00-\u9fff]{2}-gate-now`:      `-gate-now: [一-鿿]{2}\-gate\-now`,
		`^open sluice|shut sluice`:         `shut sluice: shut sluice; not where a text begins or ends, which a window does not show`,
		`(?:^|\s)sluice$?_gate`:            `sluice_gate: \ssluice(?:)_gate; not where a text begins or ends, which a window does not show`,
		`^sluice gate$`:                    `it holds only where a text begins or ends, which a window does not show`,
		`sluice(?=gate)`:                   `lookaround "(?=", which takes backtracking`,
		`(sluice) \1`:                      `backreference "\\1", which takes backtracking`,
		`[a-z]+[0-9]`:                      `no literal of 3 bytes or more that every match has`,
		`sluice_gate|[a-z]+[0-9]`:          `sluice_gate: sluice_gate; without some of its alternatives: no literal of 3 bytes or more that every match has`,
		`gate`:                             `matches of 4 bytes, with a single literal: too weak`,
		`\ud83d gate of a sluice`:          `half a surrogate pair, \ud83d, which is no character`,
		`(`:                                "no RE2: error parsing regexp: missing closing ): `(`",
		`a{3,2000}sluice`:                  "no RE2: error parsing regexp: invalid repeat count: `{3,2000}`",
	} {
		translation, err := translate(expression)
		var got []string
		if err != nil {
			got = append(got, err.Error())
		} else {
			for _, n := range translation.nears {
				var classes []string
				for _, c := range n.classes {
					classes = append(classes, strings.Join(c, ","))
				}
				slices.Sort(classes)
				got = append(got, strings.Join(classes, "|")+": "+n.pattern)
			}
			got = append(got, translation.narrowed...)
		}
		if diff := cmp.Diff(want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", expression, diff)
		}
	}
}

// expressions have every construct that is translated, each with a text that it matches.
var expressions = []struct{ expression, match string }{
	{`open\s+the\s+sluice`, "open  the sluice"},
	{`(?:open|close|shut)[^.]*(?:gate|sluice)`, "CLOSE it, the gate"},
	{`\bpier\b.{0,20}order(?:ed|s)?`, "pier, now ordered"},
	{`(?:\w+[-_])+gate_key`, "a-b_c-gate_Key"},
	{`(?:^|\s)order now$?`, " order now"},
	{`(?:send|post|put|write|mail|fax|wire|file|ship|give|hand|pass|tell|show|read|open)\s(?:the|your|all|any|my|our|each)\s(?:key|gate|pier|order)s?`, "hand your keys"},
	{`水门[\s\S]*key`, "水门\nkey"},
	{`(open the )?(sluice|gate){2,4}`, "gatesluiceGATE"},
	{`ſluice key`, "sluice Key"},
	{`[^a-z]pier[^a-z]+\d{2,}`, " pier 42"},
	{`(?:sluice.*){2}gate`, "sluice, sluice, gate"},
	{`the (?:gate|7{2,3})\B(?:s|ways)|sluice-gate-key`, "the 777ways"},
}

var pieces = func() []string {
	words := strings.Split("open|OPEN|close|the|sluice|Sluice|ſLUICE|gate|GATE_KEY|pier|order|ordered|now|水门|key|keys|send|hand|your|all|_|-| |  |\n|.|7|42|x|\u212Aey|, and then at last ", "|")
	for _, e := range expressions {
		words = append(words, e.match)
	}
	return words
}()

// trial is an expression beside what was made of it.
type trial struct {
	expression string
	original   *regexp.Regexp
	scanner    *rulepack.Scanner
	narrowed   bool
}

func (tr *trial) finds(text string) bool {
	segment := &models.Segment{Pointer: "/description", Views: []models.View{{Kind: models.ViewRaw, Text: text}}}
	return len(tr.scanner.Scan(models.KindTool, segment, 0)) > 0
}

func newTrial(t *testing.T, expression string) *trial {
	t.Helper()
	translation, err := translate(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	p := pack("trial")
	p.add(converted{id: "trial", class: "A1", severity: models.SeverityHigh, confidence: 0.7, message: "Trial.", nears: translation.nears})
	set, err := rulepack.Compile([]*rulepack.Pack{&p.Pack})
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return &trial{expression, regexp.MustCompile("(?i:" + expression + ")"), set.Scanner(), len(translation.narrowed) > 0}
}

// An imported condition finds nothing that the original does not find and, where nothing was narrowed, all that it does.
func TestImportedFindsNoMore(t *testing.T) {
	var trials []*trial
	for _, e := range expressions {
		tr := newTrial(t, e.expression)
		if !tr.finds(e.match) {
			t.Errorf("%s is not found in %q", e.expression, e.match)
		}
		trials = append(trials, tr)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 40).Draw(rt, "pieces"), "")
		for _, tr := range trials {
			found, original := tr.finds(text), tr.original.MatchString(text)
			if found && !original {
				rt.Fatalf("%s does not match %q, what was made of it does", tr.expression, text)
			}
			if original && !found && !tr.narrowed {
				rt.Fatalf("%s matches %q, what was made of it does not", tr.expression, text)
			}
		}
	})
}

// FuzzTranslate translates arbitrary expressions: no panic, and what comes out is sound.
func FuzzTranslate(f *testing.F) {
	for _, e := range expressions {
		f.Add(e.expression)
	}
	f.Add(`\ud83d\udea2|\u{1f6a2}(?:[^\]\\-]|\\\u0041)+x`)
	f.Fuzz(func(t *testing.T, expression string) {
		if len(expression) > 300 {
			return
		}
		translation, err := translate(expression)
		if err != nil {
			return
		}
		p := pack("trial")
		p.add(converted{id: "trial", class: "A1", severity: models.SeverityHigh, confidence: 0.7, message: "Trial.", nears: translation.nears})
		if len(p.Rules[0].Near) > rulepack.MaxNears {
			return
		}
		if _, err := rulepack.Compile([]*rulepack.Pack{&p.Pack}); err != nil {
			t.Errorf("%q: %v", expression, err)
		}
	})
}
