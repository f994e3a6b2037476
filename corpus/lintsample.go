package corpus

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/aad6b6dc/taster/models"
)

// sampleChecks find a problem in one sample, in this order: the event is read before spans are sought in it.
var sampleChecks = []struct {
	rule    Rule
	foreign bool // holds for foreign files too
	find    func(*entry) string
}{
	{RuleMember, true, func(e *entry) string { return e.Stray }},
	{RuleID, true, (*entry).checkID},
	{RuleSource, false, (*entry).checkSource},
	{RuleLabel, true, (*entry).checkLabel},
	{RuleClass, false, (*entry).checkClass},
	{RuleResembles, false, (*entry).checkResembles},
	{RuleSignal, false, (*entry).checkSignal},
	{RuleDifficulty, false, (*entry).checkDifficulty},
	{RuleLanguage, true, (*entry).checkLanguage},
	{RuleGroup, false, (*entry).checkGroup},
	{RuleSplit, true, (*entry).checkSplit},
	{RuleEvent, true, (*entry).checkEvent},
	{RuleShape, false, (*entry).checkShape},
	{RuleSpan, false, (*entry).checkMarked},
	{RuleSpan, true, (*entry).checkSpans},
}

var fourDigits = regexp.MustCompile(`^[0-9]{4}$`)

func (e *entry) checkID() string {
	if e.ID == "" {
		return "missing"
	}
	digits, ok := strings.CutPrefix(e.ID, e.file+"-")
	if !e.foreign && e.From == "" && (!ok || !fourDigits.MatchString(digits)) {
		return fmt.Sprintf("not of the form %s-0001", e.file)
	}
	return ""
}

func (e *entry) checkSource() string {
	if e.Source != e.file && e.From == "" {
		return fmt.Sprintf("%q is not the file's name", e.Source)
	}
	return ""
}

func (e *entry) checkLabel() string {
	if !e.Label.Valid() {
		return fmt.Sprintf("%q is not one of %v", e.Label, models.Labels())
	}
	return ""
}

func known(c models.Class) bool {
	_, ok := models.ClassByID(c)
	return ok
}

func (e *entry) checkClass() string {
	if e.harmless() {
		if e.Class != "" || len(e.Also) > 0 {
			return fmt.Sprintf("a %s sample has none", e.Label)
		}
		return ""
	}
	for _, c := range append([]models.Class{models.Class(e.Class)}, e.Also...) {
		if !known(c) {
			return fmt.Sprintf("%q is not a threat class", c)
		}
	}
	if slices.Contains(e.Also, models.Class(e.Class)) {
		return fmt.Sprintf("%s also stands in also", e.Class)
	}
	return ""
}

func (e *entry) checkResembles() string {
	switch {
	case e.harmless() && !known(e.Resembles):
		return fmt.Sprintf("%q is not a threat class: what does the sample look like?", e.Resembles)
	case !e.harmless() && e.Resembles != "":
		return "a malicious sample has none"
	}
	return ""
}

func (e *entry) checkSignal() string {
	switch {
	case e.harmless() && e.Signal == "":
		return ""
	case e.harmless():
		return fmt.Sprintf("a %s sample has none", e.Label)
	case !slices.Contains(Signals(), e.Signal):
		return fmt.Sprintf("%q is not one of %v", e.Signal, Signals())
	}
	return ""
}

func (e *entry) checkDifficulty() string {
	switch {
	case e.harmless() && e.Difficulty != "":
		return fmt.Sprintf("a %s sample has none", e.Label)
	case !e.harmless() && !slices.Contains(Difficulties(), e.Difficulty):
		return fmt.Sprintf("%q is not one of %v", e.Difficulty, Difficulties())
	}
	return ""
}

func (e *entry) checkLanguage() string {
	if e.Language == "" {
		return ""
	}
	if _, err := language.Parse(e.Language); err != nil {
		return fmt.Sprintf("%q is not a BCP 47 tag: %v", e.Language, err)
	}
	return ""
}

func (e *entry) checkGroup() string {
	if e.Group == "" {
		return "missing"
	}
	return ""
}

func (e *entry) checkSplit() string {
	if e.Split != "" && !e.Split.Valid() {
		return fmt.Sprintf("%q is not one of %v", e.Split, Splits())
	}
	return ""
}

func (e *entry) checkEvent() string {
	if err := e.read(); err != nil {
		return err.Error()
	}
	return ""
}

func (e *entry) checkMarked() string {
	switch {
	case e.harmless() && len(e.Spans) > 0:
		return fmt.Sprintf("a %s sample has none", e.Label)
	case !e.harmless() && len(e.Spans) == 0 && e.Signal != Structural:
		return "missing: which words make this an attack?"
	}
	return ""
}

func (e *entry) checkSpans() string {
	if e.doc == nil {
		return ""
	}
	for _, span := range e.Spans {
		if !span.within(e.doc) {
			return fmt.Sprintf("[%d, %d) of %q selects nothing", span.Start, span.End, span.Pointer)
		}
	}
	return ""
}

// within reports whether the span selects text of a string of doc. Of duplicate members any may have it.
func (s Span) within(doc *models.Document) bool {
	return slices.ContainsFunc(doc.Segments, func(seg models.Segment) bool {
		return seg.Pointer == s.Pointer && seg.Key == s.Key && 0 <= s.Start && s.Start < s.End && s.End <= len(seg.Views[0].Text)
	})
}

// shapes are the members that tell an object of each kind, one alternative after the other: name and first byte of the
// value, 0 for any. From MCP 2025-11-25 (schema.ts) and, for agent cards, A2A 0.3.
var shapes = map[models.Kind][]shape{
	models.KindTool:         {{"name": '"', "inputSchema": '{'}},
	models.KindPrompt:       {{"name": '"'}},
	models.KindResource:     {{"name": '"', "uri": '"'}, {"name": '"', "uriTemplate": '"'}},
	models.KindInstructions: {{"serverInfo": '{', "protocolVersion": '"', "capabilities": '{'}},
	models.KindAgentCard:    {{"name": '"', "skills": '['}},
	models.KindUserPrompt:   {{"role": '"', "content": 0}},
	models.KindToolCall:     {{"name": '"'}},
	models.KindToolResult:   {{"content": '['}, {"contents": '['}, {"messages": '['}, {"structuredContent": '{'}},
	models.KindSampling:     {{"messages": '[', "maxTokens": 0}, {"role": '"', "content": 0, "model": '"'}},
	models.KindElicitation:  {{"message": '"'}, {"action": '"'}},
	models.KindNotification: {{"method": '"'}},
}

type shape map[string]byte

func (s shape) fits(object map[string]json.RawMessage) bool {
	for name, first := range s {
		value, ok := object[name]
		if !ok || first != 0 && value[0] != first {
			return false
		}
	}
	return true
}

func (e *entry) checkShape() string {
	if e.doc == nil {
		return ""
	}
	var object map[string]json.RawMessage
	err := json.Unmarshal(e.Event.Body, &object)
	if err == nil && slices.ContainsFunc(shapes[e.Event.Kind], func(s shape) bool { return s.fits(object) }) {
		return ""
	}
	var wanted []string
	for _, s := range shapes[e.Event.Kind] {
		wanted = append(wanted, strings.Join(slices.Sorted(maps.Keys(s)), ", "))
	}
	return fmt.Sprintf("the body is no %s of MCP, which has %s", e.Event.Kind, strings.Join(wanted, "; or "))
}
