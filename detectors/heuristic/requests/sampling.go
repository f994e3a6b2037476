package requests

import (
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

var (
	forgedTurn    = rule("forged-agreement", "C6", models.SeverityHigh, 0.65, "Puts words of agreement into the assistant's mouth.")
	tokenBudget   = rule("token-budget", "C6", models.SeverityHigh, 0.5, "Asks for far more tokens than an answer takes.")
	unofferedTool = rule("unoffered-tool", "C6", models.SeverityHigh, 0.55, "Has a tool called that did not come with the request.")
	offeredTool   = rule("offered-tool", "C6", models.SeverityHigh, 0.55, "Brings along a tool with consequences and has it called.")
	forcedTool    = rule("forced-tool", "C6", models.SeverityHigh, 0.55, "Forces a call of a tool without offering one.")
)

const maxTokens = 50000 // a long report has fewer

var (
	agreement = of("approve", "onbehalf")
	deed      = of("call", "danger", "onbehalf", "pass")
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

var risky = of("danger", "private", "token", "password", "others")

const maxOffered = 50 // tools that are looked at

// offered reports a tool with consequences that comes with the request, and that a message has called.
func offered(e *check.Event, base string, from int) {
	names, all := map[string]int{}, map[string]bool{}
	for i := from; i < len(e.Segments) && len(names) < maxOffered; i++ {
		s := &e.Segments[i]
		if !s.Key && strings.HasPrefix(s.Pointer, base+"/tools/") && check.Last(s) == "name" {
			all[text(e, i)] = true
			if about(e, i)&risky != 0 {
				names[text(e, i)] = i
			}
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
	for j := from; j < len(e.Segments); j++ {
		if s := &e.Segments[j]; !s.Key && (strings.HasPrefix(s.Pointer, base+"/messages/") || s.Pointer == base+"/systemPrompt") && unoffered(e, j, all) {
			return
		}
	}
}

// verbs begin the names of tools that take something out or change something.
var verbs = map[string]bool{"search": true, "query": true, "open": true, "collect": true, "download": true, "find": true, "lookup": true, "export": true, "delete": true, "send": true, "transfer": true, "share": true, "dump": true, "read": true, "list": true, "get": true, "fetch": true, "run": true, "exec": true,
	"execute": true, "upload": true, "post": true, "purge": true, "drop": true, "pay": true, "buy": true, "forward": true, "grant": true, "remove": true, "update": true, "write": true, "create": true}

const (
	maxNames  = 20 // of one text that are looked at
	reachCall = 64 // bytes between an order to call and the name of a tool
)

// unoffered reports a message that has a tool called that the request doesn't bring along.
func unoffered(e *check.Event, i int, names map[string]bool) bool {
	s := text(e, i)
	at := 0
	for range maxNames {
		n := strings.IndexByte(s[at:], '_')
		if n < 0 {
			return false
		}
		from, to := at+n, at+n+1
		for from > 0 && nameByte(s[from-1]) {
			from--
		}
		for to < len(s) && nameByte(s[to]) {
			to++
		}
		verb, _, _ := strings.Cut(s[from:to], "_")
		if verbs[verb] && !names[s[from:to]] && within(e, i, from-reachCall, from)&calls != 0 && !strings.Contains(s[max(0, from-reachCall):from], "may ") && mask(e.Signals(i, 0))&analysis == 0 {
			e.Report(unofferedTool, nil, models.Span{Segment: i, Start: from, End: to})
			return true
		}
		at = to
	}
	return false
}

var calls = of("call")

func nameByte(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// turns looks at the messages at the pointers, which the assistant is said to have written.
func turns(e *check.Event, from int, assistant map[string]bool) {
	for i := from; i < len(e.Segments); i++ {
		s := &e.Segments[i]
		if s.Key || check.Last(s) != "text" || !assistant[messageOf(s.Pointer)] {
			continue
		}
		if m := about(e, i); m&agreement != 0 && m&deed != 0 {
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
