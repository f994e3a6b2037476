// Package arguments finds attacks in what calls hand to tools: commands, queries and paths where a plain value belongs,
// addresses inside the network, secrets on their way out, requests that reach further than they may, and messages that
// break the protocol. It also reads the values that a definition proposes for its parameters and those that a result
// wants to be passed on.
package arguments

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

const version = "1.0.0"

// Checks are the checks on calls and on the values that go into them.
var Checks = &check.Group{
	Name: "arguments",
	Kinds: []models.Kind{
		models.KindToolCall, models.KindTool, models.KindToolResult, models.KindPrompt, models.KindElicitation,
		models.KindInstructions, models.KindResource,
	},
	Rules: rules,
	Checks: []check.Check{
		{Kinds: []models.Kind{models.KindToolCall, models.KindToolResult, models.KindElicitation}, Examine: protocol},
		{Kinds: []models.Kind{models.KindToolCall}, Examine: examineCall},
		{Kinds: append(texts, models.KindTool, models.KindElicitation), Needs: hasAddress, Examine: links},
		{Kinds: []models.Kind{models.KindTool}, Needs: hasCredentials, Examine: harvest},
		{Kinds: []models.Kind{models.KindToolResult, models.KindResource}, Examine: sharedCache},
		{Kinds: append(texts, models.KindTool), Needs: hasOrders, Examine: orders},
		{Kinds: texts, Needs: hasCredentials, Examine: harvest},
		{Kinds: []models.Kind{models.KindTool}, Examine: proposals},
		{Kinds: []models.Kind{models.KindElicitation}, Examine: form},
	},
}

// texts are kinds of event that are read, besides definitions of tools.
var texts = []models.Kind{models.KindToolResult, models.KindResource, models.KindPrompt, models.KindInstructions}

// proposals looks at the values that a tool's schema proposes.
func proposals(e *check.Event) {
	for i := range e.Segments {
		if s := &e.Segments[i]; !s.Key && proposed(s) && !plain(s.Views[0].Text) && !tame(s.Views[0].Text) {
			v := valueAt(e, i, "")
			judge(e, &v)
		}
	}
}

func examineCall(e *check.Event) {
	tool := toolName(e)
	var v value
	long, short := maxLong, maxShort
	for i := range e.Segments {
		if s := &e.Segments[i]; check.Below(s, "/arguments") {
			if s.Key {
				judgeKey(e, i)
				continue
			}
			budget := &short
			if len(s.Views[0].Text) > 1024 {
				budget = &long
			}
			if *budget -= len(s.Views[0].Text); *budget < 0 {
				continue
			}
			v = valueAt(e, i, tool)
			judge(e, &v)
			outgoing(e, &v)
		}
	}
	if len(e.Segments) > maxMembers {
		return
	}
	harvestCall(e)
	fragments(e)
	posts(e)
	copies(e)
	beside(e)
	tenants(e)
	reach(e)
}

// Limits on what is read of one call: bytes of long and of short values, and members that are compared.
const (
	maxLong    = 128 << 10
	maxShort   = 256 << 10
	maxMembers = 4096
)

// toolName is the name of the tool that is called.
func toolName(e *check.Event) string {
	if i, ok := e.At("/name", false); ok {
		return e.Segments[i].Views[0].Text
	}
	return ""
}

// plain reports whether text is a word or a few, without a sign that an attack would need.
func plain(text string) bool {
	if text == "" || len(text) > 64 || '0' <= text[0] && text[0] <= '9' || text[0] == '-' {
		return text == ""
	}
	for i := range len(text) {
		if c := text[i]; !letter(c) && (c < '0' || c > '9') && c != '_' && c != '-' && c != ' ' && c != ',' && (c != '.' || i+1 < len(text) && text[i+1] == '.' || i == 0) {
			return false
		}
	}
	return true
}

// tame reports whether text is a short choice such as schemas offer: "24h", "application/json", "openai:o3".
func tame(text string) bool {
	if len(text) == 0 || len(text) > 40 || strings.IndexByte("/~.-+=@", text[0]) >= 0 && len(text) > 1 || countDigits(text) >= 7 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if next := text[min(i+1, len(text)-1)]; !letter(c) && (c < '0' || c > '9') && strings.IndexByte("_-,.:+/# ", c) < 0 || (c == '/' || c == '.' || c == ':') && (next == '/' || next == '.') && i+1 < len(text) || c == ' ' && next == '-' {
			return false
		}
	}
	return true
}

// proposed reports whether the segment is a value that a schema proposes for a parameter.
func proposed(s *models.Segment) bool {
	parent, last := cut(s.Pointer)
	return (last == "default" || last == "const" || strings.HasSuffix(parent, "/enum") || strings.HasSuffix(parent, "/examples")) && check.Below(s, "/inputSchema")
}

// cut splits a pointer before its last token.
func cut(pointer string) (parent, last string) {
	i := strings.LastIndexByte(pointer, '/')
	if i < 0 {
		return "", pointer
	}
	return pointer[:i], pointer[i+1:]
}
