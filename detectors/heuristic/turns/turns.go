// Package turns finds forged turns of a conversation: tokens of chat templates, lines and elements that speak as the
// system, the user or the assistant, a closed fence of the host with something behind it, calls and messages in JSON.
// A mark alone is documentation; it takes an order behind it.
package turns

import (
	"encoding/json"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

// Checks are the checks for forged turns.
var Checks = &check.Group{
	Name:   "turns",
	Rules:  []*check.Rule{forgedTurn, forgedFence},
	Checks: []check.Check{{Examine: examine}},
}

var (
	forgedTurn = &check.Rule{
		ID: "forged-turn", Version: "1.1.0", Class: "B10", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Plays a turn of somebody else in the conversation and gives orders in it.",
	}
	forgedFence = &check.Rule{
		ID: "forged-fence", Version: "1.0.0", Class: "B10", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Closes what its text is wrapped in and goes on outside with orders.",
	}
)

const (
	minText = 24
	maxTurn = 700 // bytes of a turn that are read
	maxMark = 16  // marks of a text that are judged
	sure    = 3
)

// What it takes behind a mark, by its kind.
var needs = map[kind]int{token: 5, role: 6, invoke: 3, element: 5, fence: 4, call: 5, label: 4}

// atRunTime are the kinds of event in which servers say what nobody asked them to play.
var atRunTime = map[models.Kind]bool{models.KindToolResult: true, models.KindResource: true, models.KindNotification: true}

// needDefinition is what it takes behind the token of a template in a definition that has no reason to have one.
const needDefinition = 3

func examine(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key {
			continue
		}
		for v := range s.Views {
			text := s.Views[v].Text
			if len(text) < minText {
				continue
			}
			has := e.Bytes(i)
			if v > 0 {
				has = check.BytesOf(text)
			}
			if mayOpen(text, has) && read(e, i, v, text) {
				break
			}
		}
	}
}

// read judges what stands behind each mark of a text, and reports whether one was found wanting.
func read(e *check.Event, i, v int, text string) bool {
	var room [8]mark
	marks := find(text, room[:0])
	if len(marks) == 0 {
		return false
	}
	doubt := documentation(text, marks)
	if dialogue(e, i, marks) {
		e.Report(forgedTurn, nil, models.Span{Segment: i, View: v, Start: marks[0].start, End: len(text)})
		return true
	}
	conversation := strings.Contains(text, "assistant:") && (strings.Contains(text, "user:") || strings.Contains(text, "human:"))
	for n, m := range marks {
		end := min(len(text), m.end+maxTurn)
		if n+1 < len(marks) {
			end = min(end, marks[n+1].start)
		}
		turn := text[m.end:end]
		if (m.kind == call || m.kind == invoke) && e.Event.Kind.Definition() || m.kind == call && json.Valid([]byte(text)) || m.kind == role && !m.system && len(marks) > transcript {
			continue
		}
		least := needs[m.kind] + doubt
		if m.kind == token && doubt == 0 && e.Event.Kind.Definition() && e.Event.Kind != models.KindPrompt {
			least = needDefinition
		}
		if m.kind == token && atRunTime[e.Event.Kind] {
			least--
		}
		switch {
		case m.quoted && m.kind == label:
			continue
		case m.quoted:
			least += 3
			turn, _, _ = strings.Cut(turn, "\n")
		case m.kind == label:
			turn, _, _ = strings.Cut(turn, "\n\n")
		case m.weak:
			turn, _, _ = strings.Cut(turn, "\n")
			least -= 2
		case m.kind == role:
			turn, _, _ = strings.Cut(turn, "\n\n")
			if m.system {
				least -= 2
			}
			if len(marks) > transcript {
				least++
			}
		case m.kind == element:
			turn, _, _ = strings.Cut(turn, "</")
			if m.system {
				least--
			}
		}
		g := gist.Of(turn)
		if g.Has(gist.Consent) && (m.kind == role || m.kind == token) && atRunTime[e.Event.Kind] { // nobody but the user says yes
			least -= 2
		}
		if m.weak && !conversation && !g.Has(gist.Addressee) {
			continue
		}
		if g.Words < 4 && m.kind != call && m.kind != invoke || g.Score() < least || !g.Has(gist.Act|gist.Override) {
			continue
		}
		rule := forgedTurn
		if m.kind == fence {
			rule = forgedFence
		}
		confidence, severity := rule.Confidence, rule.Severity
		if g.Score() >= least+sure {
			confidence += 0.1
		}
		e.ReportAs(rule, severity, confidence, nil, models.Span{Segment: i, View: v, Start: m.start, End: m.end + len(turn)})
		return true
	}
	return false
}

// dialogue reports whether a value in a schema goes over into a dialogue: an enum, a default or an example that is none.
func dialogue(e *check.Event, i int, marks []mark) bool {
	s := &e.Segments[i]
	if e.Event.Kind != models.KindTool || len(marks) < 2 || marks[0].start == 0 || marks[0].kind != role || marks[1].kind != role || check.Last(s) == "description" {
		return false
	}
	for _, honest := range []string{"messages", "history", "conversation", "transcript", "chat", "dialog", "prompt"} {
		if strings.Contains(strings.ToLower(s.Pointer), honest) {
			return false
		}
	}
	return check.Below(s, "/inputSchema")
}

// transcript is how many marks make a text a transcript.
const transcript = 5

// documentation returns how much more it takes in a text about templates and their tokens.
func documentation(text string, marks []mark) int {
	lower := strings.ToLower(text[:min(len(text), 4<<10)])
	words := 0
	for _, w := range []string{"template", "tokeniz", "tokenis", "delimiter", "special token", "chatml", "injection", "neutralis", "neutraliz", "prompt format", "escaped", "fine-tun", "turn marker", "role token", "chat format"} {
		if strings.Contains(lower, w) {
			words++
		}
	}
	switch quoted := quotedMarks(marks); {
	case words > 1 && quoted > 0:
		return 4
	case words > 0:
		return 2
	}
	return 0
}

func quotedMarks(marks []mark) int {
	n := 0
	for _, m := range marks {
		if m.quoted {
			n++
		}
	}
	return n
}
