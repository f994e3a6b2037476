package requests

import (
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/concepts"
	"github.com/aad6b6dc/taster/models"
)

var (
	forgedTurn  = rule("forged-turn", "C6", models.SeverityHigh, 0.65, "Puts words of agreement into the assistant's mouth.")
	tokenBudget = rule("token-budget", "C6", models.SeverityHigh, 0.5, "Asks for far more tokens than an answer takes.")
	forcedTool  = rule("forced-tool", "C6", models.SeverityHigh, 0.55, "Forces a call of a tool without offering one.")
)

const maxTokens = 24000 // a long report has fewer

var (
	agreement = concepts.Words.Of("approve", "onbehalf")
	deed      = concepts.Words.Of("call", "danger", "onbehalf", "pass")
)

// sampling looks at the structure of a request for a completion.
func sampling(e *check.Event) {
	tools, required := false, -1
	assistant := map[string]bool{}
	for i := range e.Segments {
		s := &e.Segments[i]
		switch {
		case s.Key && s.Pointer == "/maxTokens":
			if n, err := strconv.Atoi(scalar(e, i)); err == nil && n > maxTokens {
				e.Report(tokenBudget, nil, e.Whole(i))
			}
		case check.Below(s, "/tools/0"):
			tools = true
		case !s.Key && s.Pointer == "/toolChoice/mode" && text(e, i) == "required":
			required = i
		case !s.Key && strings.HasPrefix(s.Pointer, "/messages/") && check.Last(s) == "role" && text(e, i) == "assistant":
			assistant[parent(s.Pointer)] = true
		}
	}
	if required >= 0 && !tools {
		e.Report(forcedTool, nil, e.Whole(required))
	}
	if len(assistant) > 0 {
		turns(e, assistant)
	}
}

// turns looks at the messages at the pointers, which the assistant is said to have written.
func turns(e *check.Event, assistant map[string]bool) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || check.Last(s) != "text" || !assistant[messageOf(s.Pointer)] {
			continue
		}
		if m := about(text(e, i)); m&agreement != 0 && m&deed != 0 {
			e.Report(forgedTurn, nil, e.Whole(i))
		}
	}
}

// messageOf is the first two members of a pointer: "/messages/3".
func messageOf(pointer string) string {
	rest, found := strings.CutPrefix(pointer, "/messages/")
	if !found {
		return ""
	}
	n := strings.IndexByte(rest, '/')
	return pointer[:len("/messages/")+max(n, 0)]
}
