package atr

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

const (
	maxTried = rulepack.MaxSamples / 2 // test cases of a kind that are tried
	maxKept  = 4                       // samples of a list that go into the pack
	maxTitle = 200                     // bytes
)

// Rule is what became of a rule.
type Rule struct {
	File  string `json:"file"`
	ID    string `json:"id,omitempty"`
	Title string `json:"title,omitempty"`
	// Imported lists the ids of the rules in the pack: one for each sort of place that the rule reads, none if it could
	// not be imported.
	Imported []string `json:"imported"`
	Notes    []Note   `json:"notes,omitempty"`
}

// Note says what could not be imported as it is.
type Note struct {
	// Part is empty for the whole rule, else "condition 2" or "true positive 1", counted from 1.
	Part string `json:"part,omitempty"`
	// Change is "refused" for what is not imported, "narrowed" for what finds less than the original, and "widened" for
	// what may find more.
	Change string `json:"change"`
	Reason string `json:"reason"`
}

// The changes.
const (
	Refused  = "refused"
	Narrowed = "narrowed"
	Widened  = "widened"
)

func (r *Rule) note(part, change, format string, args ...any) {
	r.Notes = append(r.Notes, Note{part, change, fmt.Sprintf(format, args...)})
}

// draft is a condition that was translated.
type draft struct {
	part  string
	field string
	nears []near
	finds []bool // by true positive
	wrong string // the true negative that it finds, or ""
}

// convert makes rules of a file's rule. What it can't take over it notes in the result.
func convert(s *source, into *Rule) []converted {
	severity, ok := severities[strings.ToLower(s.Severity)]
	switch {
	case strings.EqualFold(s.Status, "deprecated"):
		into.note("", Refused, "it is deprecated")
		return nil
	case !ok:
		into.note("", Refused, "severity %q is unknown", s.Severity)
		return nil
	}
	conditions, err := s.conditions()
	if err != nil {
		into.note("", Refused, "%v", err)
		return nil
	}
	var drafts []draft
	for i, c := range conditions {
		part := fmt.Sprintf("condition %d", i+1)
		t, err := c.translate()
		if err != nil {
			into.note(part, Refused, "%v", err)
			continue
		}
		for _, how := range t.narrowed {
			into.note(part, Narrowed, "%s", how)
		}
		if wider := places[c.field].wider; wider != "" {
			into.note(part, Widened, "%s", wider)
		}
		drafts = append(drafts, draft{part: part, field: c.field, nears: t.nears})
	}
	if len(drafts) == 0 {
		into.note("", Refused, "none of its conditions could be imported")
		return nil
	}
	return s.assemble(severity, drafts, into)
}

// translate makes near conditions of the condition.
func (c *condition) translate() (*translated, error) {
	if _, ok := places[c.field]; !ok {
		return nil, fmt.Errorf("field %q is not one of an event's", c.field)
	}
	switch c.operator {
	case "regex":
		return translate(c.value)
	case "contains":
		return translate(literal(c.value))
	}
	return nil, fmt.Errorf("operator %q is neither regex nor contains", c.operator)
}

// literal is an expression, in the form of JavaScript, that matches the text.
func literal(text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, `\x{%x}`, r)
	}
	return b.String()
}

// converted is a rule of the pack to be.
type converted struct {
	id         string
	class      models.Class
	severity   models.Severity
	confidence float64
	message    string
	references []string
	place      place
	nears      []near
	hits       []rulepack.Sample
	misses     []rulepack.Sample
}

// assemble makes one rule of the conditions of each sort of place, as far as the test cases bear them out.
func (s *source) assemble(severity models.Severity, drafts []draft, into *Rule) []converted {
	positives, negatives := s.TestCases.TruePositives, s.TestCases.TrueNegatives
	positives, negatives = positives[:min(len(positives), maxTried)], negatives[:min(len(negatives), maxTried)]
	for i := range drafts {
		if err := drafts[i].try(positives, negatives); err != nil {
			into.note(drafts[i].part, Refused, "%v", err)
			drafts[i].nears = nil
		} else if drafts[i].wrong != "" {
			into.note(drafts[i].part, Refused, "it finds %s, which it must not: something that the original exempts", drafts[i].wrong)
			drafts[i].nears = nil
		}
	}
	if drafts = slices.DeleteFunc(drafts, func(d draft) bool { return d.nears == nil }); len(drafts) == 0 {
		into.note("", Refused, "none of its conditions could be imported")
		return nil
	}
	for i := range positives {
		if !slices.ContainsFunc(drafts, func(d draft) bool { return d.finds[i] }) {
			into.note(fmt.Sprintf("true positive %d", i+1), Narrowed, "it is not found any more")
		}
	}
	var out []converted
	for _, group := range grouped(drafts) {
		c := s.rule(severity, group)
		c.hits, c.misses = samplesFor(group, positives, negatives)
		if len(out) > 0 {
			c.id += fmt.Sprintf("-%d", len(out)+1)
		}
		switch {
		case len(c.hits) == 0:
			into.note(parts(group), Refused, "none of the rule's true positives is found")
		case len(c.misses) == 0:
			into.note(parts(group), Refused, "the rule has no true negative")
		default:
			out = append(out, c)
			into.Imported = append(into.Imported, c.id)
		}
	}
	return out
}

// grouped puts conditions on one field together, as many as a rule has room for.
func grouped(drafts []draft) [][]draft {
	var groups [][]draft
	room := map[string]int{} // what the field's last group has
	index := map[string]int{}
	for _, d := range drafts {
		if i, ok := index[d.field]; ok && room[d.field] >= len(d.nears) {
			groups[i] = append(groups[i], d)
		} else {
			index[d.field] = len(groups)
			groups, room[d.field] = append(groups, []draft{d}), rulepack.MaxNears
		}
		room[d.field] -= len(d.nears)
	}
	return groups
}

func parts(group []draft) string {
	var names []string
	for _, d := range group {
		names = append(names, d.part)
	}
	return strings.Join(names, ", ")
}

func (s *source) rule(severity models.Severity, group []draft) converted {
	c := converted{
		id: strings.ToLower(s.ID), class: s.class(), severity: severity, confidence: defaultConfidence, place: places[group[0].field],
		message:    models.Truncate(strings.TrimRight(strings.Join(strings.Fields(s.Title), " "), "."), maxTitle) + ".",
		references: append([]string{s.ID}, append(texts(s.References.CVE), texts(s.References.Research)...)...),
	}
	if known, ok := confidences[s.Tags.Confidence]; ok {
		c.confidence = known
	}
	for _, d := range group {
		c.nears = append(c.nears, d.nears...)
	}
	return c
}

// try finds out which test cases the condition finds.
func (d *draft) try(positives, negatives []map[string]any) error {
	p := pack("trial")
	c := converted{id: "trial", class: "A1", severity: models.SeverityHigh, confidence: defaultConfidence, message: "Trial.", place: places[d.field], nears: d.nears}
	for _, test := range slices.Concat(positives, negatives) {
		c.hits = append(c.hits, sampleOf(test, d.field))
	}
	p.add(c)
	results, err := rulepack.Test(&p.Pack)
	if err != nil {
		return err
	}
	d.finds = make([]bool, len(positives))
	for i, r := range results {
		switch found := len(r.Matches) > 0; {
		case i < len(positives):
			d.finds[i] = found
		case found && d.wrong == "":
			d.wrong = fmt.Sprintf("true negative %d", i-len(positives)+1)
		}
	}
	return nil
}

// samplesFor are a few true positives that together show as much of the group as they can, and a few true negatives.
func samplesFor(group []draft, positives, negatives []map[string]any) (hits, misses []rulepack.Sample) {
	shown := map[int]bool{} // conditions
	field := group[0].field
	for i, test := range positives {
		found, more := false, false
		for n, d := range group {
			found = found || d.finds[i]
			more = more || d.finds[i] && !shown[n]
		}
		if !found || !more || len(hits) == maxKept {
			continue
		}
		for n, d := range group {
			shown[n] = shown[n] || d.finds[i]
		}
		hits = append(hits, sampleOf(test, field))
	}
	for _, test := range negatives[:min(len(negatives), maxKept)] {
		misses = append(misses, sampleOf(test, field))
	}
	return hits, misses
}

// sampleOf makes an event of a test case, of the sort that has the field.
func sampleOf(test map[string]any, field string) rulepack.Sample {
	var text string
	for _, name := range []string{field, "input", "content", "user_input", "tool_response", "tool_description", "tool_args", "agent_output", "tool_call", "tool_name"} {
		if v, ok := test[name]; ok {
			text = textOf(v)
			break
		}
	}
	at := places[field]
	if at.sample == nil {
		return rulepack.Sample{Text: text}
	}
	body := at.sample(text)
	var arguments map[string]any
	if len(at.fields) > 0 && at.fields[0] == rulepack.FieldArguments && json.Unmarshal([]byte(text), &arguments) == nil {
		body = map[string]any{"name": "sample", "arguments": arguments}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return rulepack.Sample{Text: text}
	}
	return rulepack.Sample{Kind: at.kinds[0], Body: data}
}

// textOf is a text, or the JSON of anything else.
func textOf(v any) string {
	if s, ok := v.(string); ok {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
