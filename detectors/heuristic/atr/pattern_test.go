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

// expressions have every construct that is translated; matches of them stand in pieces.
var expressions = []string{
	`open\s+the\s+sluice`, `(?:open|close|shut)[^.]*(?:gate|sluice)`, `\bpier\b.{0,20}order(?:ed|s)?`, `(?:\w+[-_])+gate_key`, `(?:^|\s)order now$?`,
	`(?:send|post|put|write|mail|fax|wire|file|ship|give|hand|pass|tell|show|read|open)\s(?:the|your|all|any|my|our|each)\s(?:key|gate|pier|order)s?`,
	`水门[\s\S]*key`, `(open the )?(sluice|gate){2,4}`, `ſluice key`, `[^a-z]pier[^a-z]+\d{2,}`, `(?:sluice.*){2}gate`,
}

var pieces = strings.Split("open|OPEN|close|the|sluice|Sluice|ſLUICE|gate|GATE_KEY|gate_key|pier|order|ordered|now|水门|key|keys|send|hand|your|all|_|-| |  |\n|.|7|42|x|\u212Aey|, and then at last ", "|")

// An imported condition finds nothing that the original does not find and, where nothing was narrowed, all that it does.
func TestImportedFindsNoMore(t *testing.T) {
	type pair struct {
		original *regexp.Regexp
		scanner  *rulepack.Scanner
		narrowed bool
	}
	var pairs []pair
	for _, expression := range expressions {
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
		pairs = append(pairs, pair{regexp.MustCompile("(?i:" + expression + ")"), set.Scanner(), len(translation.narrowed) > 0})
	}
	found := map[int]int{}
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 40).Draw(rt, "pieces"), "")
		segment := &models.Segment{Pointer: "/description", Views: []models.View{{Kind: models.ViewRaw, Text: text}}}
		for i, p := range pairs {
			holds, original := len(p.scanner.Scan(models.KindTool, segment, 0)) > 0, p.original.MatchString(text)
			if holds && !original {
				rt.Fatalf("%s does not match %q, what was made of it does", expressions[i], text)
			}
			if original && !holds && !p.narrowed {
				rt.Fatalf("%s matches %q, what was made of it does not", expressions[i], text)
			}
			if holds {
				found[i]++
			}
		}
	})
	if len(found) < len(expressions)/2 {
		t.Errorf("only %d of %d were ever found", len(found), len(expressions))
	}
}

// FuzzTranslate translates arbitrary expressions: no panic, and what comes out is sound.
func FuzzTranslate(f *testing.F) {
	for _, e := range expressions {
		f.Add(e)
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
