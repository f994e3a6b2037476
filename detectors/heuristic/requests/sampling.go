package requests

import (
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/concepts"
	"github.com/aad6b6dc/taster/models"
)

var (
	forgedTurn  = rule("forged-turn", "C6", models.SeverityHigh, 0.65, "Puts words of agreement into the assistant's mouth.")
	tokenBudget = rule("token-budget", "C6", models.SeverityHigh, 0.5, "Asks for far more tokens than an answer takes.")
	offeredTool = rule("offered-tool", "C6", models.SeverityHigh, 0.55, "Brings along a tool with consequences and has it called.")
	forcedTool  = rule("forced-tool", "C6", models.SeverityHigh, 0.55, "Forces a call of a tool without offering one.")
)

const maxTokens = 50000 // a long report has fewer

var (
	agreement = concepts.Words.Of("approve", "onbehalf")
	deed      = concepts.Words.Of("call", "danger", "onbehalf", "pass")
)

// sampling looks at the structure of the request for a completion at base, whose segments begin with from.
func sampling(e *check.Event, base string, from int) {
	tools, required := false, -1
	assistant := map[string]bool{}
	for i := from; i < len(e.Segments); i++ {
		s := &e.Segments[i]
		if !check.Below(s, base) {
			break
		}
		rest := s.Pointer[len(base):]
		switch {
		case s.Key && rest == "/maxTokens":
			if n, err := strconv.Atoi(scalar(e, i)); err == nil && n > maxTokens {
				e.Report(tokenBudget, nil, e.Whole(i))
			}
		case strings.HasPrefix(rest, "/tools/"):
			tools = true
		case !s.Key && rest == "/toolChoice/mode" && text(e, i) == "required":
			required = i
		case !s.Key && strings.HasPrefix(rest, "/messages/") && check.Last(s) == "role" && text(e, i) == "assistant":
			assistant[parent(s.Pointer)] = true
		}
	}
	offered(e, base, from)
	if required >= 0 && !tools {
		e.Report(forcedTool, nil, e.Whole(required))
	}
	if len(assistant) > 0 {
		turns(e, from, assistant)
	}
}

var risky = concepts.Words.Of("danger", "private", "token", "password", "others")

const maxOffered = 50 // tools that are looked at

// offered reports a tool with consequences that comes with the request, and that a message has called.
func offered(e *check.Event, base string, from int) {
	names := map[string]int{}
	for i := from; i < len(e.Segments) && len(names) < maxOffered; i++ {
		s := &e.Segments[i]
		if !s.Key && strings.HasPrefix(s.Pointer, base+"/tools/") && check.Last(s) == "name" && about(spelled(text(e, i)))&risky != 0 {
			names[text(e, i)] = i
		}
	}
	for name, i := range names {
		for j := from; j < len(e.Segments); j++ {
			if s := &e.Segments[j]; !s.Key && strings.HasPrefix(s.Pointer, base+"/messages/") && strings.Contains(text(e, j), name) {
				e.Report(offeredTool, nil, e.Whole(i))
				return
			}
		}
	}
}

// turns looks at the messages at the pointers, which the assistant is said to have written.
func turns(e *check.Event, from int, assistant map[string]bool) {
	for i := from; i < len(e.Segments); i++ {
		s := &e.Segments[i]
		if s.Key || check.Last(s) != "text" || !assistant[messageOf(s.Pointer)] {
			continue
		}
		if m := about(text(e, i)); m&agreement != 0 && m&deed != 0 {
			e.Report(forgedTurn, nil, e.Whole(i))
		}
	}
}

// messageOf is a pointer up to the index of the message: "/messages/3".
func messageOf(pointer string) string {
	n := strings.LastIndex(pointer, "/messages/")
	if n < 0 {
		return ""
	}
	n += len("/messages/")
	end := strings.IndexByte(pointer[n:], '/')
	return pointer[:n+max(end, 0)]
}
