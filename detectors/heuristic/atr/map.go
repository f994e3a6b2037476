package atr

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// place is where a field of ATR is in events.
type place struct {
	kinds  []models.Kind // none: all
	fields []rulepack.Field
	sample func(text string) any // the body of such an event; nil: the text stands for a tool's description
	wider  string                // what more the fields have; "" for nothing
}

func message(text string) any {
	return map[string]any{"role": "user", "content": map[string]any{"type": "text", "text": text}}
}

func result(text string) any {
	return map[string]any{"content": []any{map[string]any{"type": "text", "text": text}}}
}

func call(text string) any {
	return map[string]any{"name": "sample", "arguments": map[string]any{"input": text}}
}

func named(text string) any { return map[string]any{"name": text, "arguments": map[string]any{}} }

var (
	asked    = []models.Kind{models.KindUserPrompt, models.KindPrompt, models.KindToolResult, models.KindResource, models.KindSampling}
	answered = []models.Kind{models.KindToolResult, models.KindResource}
	called   = []models.Kind{models.KindToolCall}
	inCall   = []rulepack.Field{rulepack.FieldArguments}
)

// places are the fields that are read. The original reads what a user and an agent say in tools' responses, too.
var places = map[string]place{
	"content":          {},
	"user_input":       {kinds: asked, sample: message},
	"agent_output":     {kinds: append([]models.Kind{models.KindSampling}, answered...), sample: message},
	"tool_response":    {kinds: answered, sample: result},
	"tool_output":      {kinds: answered, sample: result},
	"tool_args":        {kinds: called, fields: inCall, sample: call},
	"tool_input":       {kinds: called, fields: inCall, sample: call},
	"tool_name":        {kinds: called, fields: []rulepack.Field{rulepack.FieldName}, sample: named, wider: "every member called name or title is read"},
	"tool_description": {kinds: []models.Kind{models.KindTool}},
}

var severities = map[string]models.Severity{
	"critical": models.SeverityCritical, "high": models.SeverityHigh, "medium": models.SeverityMedium, "low": models.SeverityLow,
	"informational": models.SeverityInfo, "info": models.SeverityInfo,
}

// confidences are estimates: a rule says only how sure its author is.
var confidences = map[string]float64{"high": 0.75, "medium": 0.6, "low": 0.45}

const defaultConfidence = 0.6

// categories are the classes of what a tool's definition would be found for.
var categories = map[string]models.Class{
	"prompt-injection": "A1", "tool-poisoning": "A1", "context-exfiltration": "A1", "agent-manipulation": "A2",
	"privilege-escalation": "A8", "excessive-autonomy": "A8", "data-poisoning": "A5", "model-abuse": "A1", "model-security": "A1",
	"skill-compromise": "A6",
}

// subcategories are words in a subcategory that say more than the category.
var subcategories = []struct {
	word  string
	class models.Class
}{
	{"bidi", "B2"}, {"homoglyph", "B2"}, {"confusable", "B2"},
	{"invisible", "B1"}, {"zero-width", "B1"}, {"unicode", "B1"},
	{"terminal-escape", "B3"}, {"ansi-escape", "B3"},
	{"hidden-text", "B4"}, {"html-comment", "B4"},
	{"encod", "B6"}, {"base64", "B6"}, {"cipher", "B6"},
	{"special-token", "B10"}, {"chat-template", "B10"}, {"boundary-injection", "B10"},
	{"markdown-url", "C5"}, {"markdown-image", "C5"},
	{"covert", "A7"}, {"conceal", "A7"},
}

func (s *source) class() models.Class {
	for _, sub := range subcategories {
		if strings.Contains(s.Tags.Subcategory, sub.word) {
			return sub.class
		}
	}
	if c, ok := categories[s.Tags.Category]; ok {
		return c
	}
	return "A1"
}
