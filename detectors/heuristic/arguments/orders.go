package arguments

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// hasOrders reports an event that speaks of what nobody checks, or that names tools and, unless it is a result, asks for
// something.
func hasOrders(e *check.Event) bool {
	said := e.Long()
	return said.Meets(&unchecked) || said.Meets(&enumerates) || said.Meets(&tools) && (carriesValues(e.Event.Kind) || said.Meets(&requests))
}

// carriesValues reports whether sentences of such an event are looked at for values that attack.
func carriesValues(k models.Kind) bool { return k == models.KindToolResult || k == models.KindResource }

// orders looks for sentences that name a tool and a value which attacks it, or more than anybody asked for.
func orders(e *check.Event) {
	budget := 4 * maxRead
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || len(s.Views[0].Text) < 40 {
			continue
		}
		for sentence := range sentences(s.Views[0].Text, e.Signals(i, 0)) {
			if reachesOthers(sentence) {
				e.Report(foreignAccess, nil, models.Span{Segment: i, Start: sentence.start, End: sentence.end})
				continue
			}
			if !sentence.has.Meets(&tools) || !carriesValues(e.Event.Kind) && !sentence.has.Meets(&requests) || !sentence.namesTool(s.Views[0].Text) {
				continue
			}
			start, end := around(s.Views[0].Text, sentence.start, sentence.end)
			text := s.Views[0].Text[start:end]
			if budget -= len(text); budget < 0 {
				return
			}
			if carriesValues(e.Event.Kind) && suspicious(text) && carries(text) && !tells.MatchString(text) {
				e.Report(valueFromResult, nil, models.Span{Segment: i, Start: start, End: end})
			} else if r := sweeping(e.Event.Kind, sentence, s.Views[0].Text, text); r != nil {
				e.Report(r, nil, models.Span{Segment: i, Start: start, End: end})
			}
		}
	}
}

// maxRead limits the bytes of one event that are read closely, sentence by sentence.
const maxRead = 16 << 10

// around widens a part of a text to the sentence or line that it stands in, within limits.
func around(text string, start, end int) (int, int) {
	for n := 0; start > 0 && text[start-1] != '\n' && !(text[start-1] == ' ' && start > 1 && text[start-2] == '.') && n < 300; n++ {
		start--
	}
	end = sentenceEnd(text[:min(len(text), end+400)], end)
	for start < end && !utf8.RuneStart(text[start]) {
		start++
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return start, end
}

// suspicious is the cheap test before the others: the signs without which no sentence carries an attack.
func suspicious(text string) bool {
	return strings.Contains(text, "$(") || strings.Contains(text, "${") || strings.Contains(text, "|sh") || strings.Contains(text, "| sh") || strings.Contains(text, "' ") || strings.Contains(text, "://") || strings.Contains(text, "../") || strings.Contains(text, "..\\") ||
		strings.Contains(text, "{{") || strings.Contains(text, "--") || strings.Contains(text, "; ") || strings.Contains(text, "/.") || strings.Contains(text, "&&")
}

// sentenceEnd is where the sentence or line that begins at start ends.
func sentenceEnd(text string, start int) int {
	for i := start; i < len(text); i++ {
		switch {
		case text[i] == '\n':
			return i + 1
		case text[i] == '.' && i+2 < len(text) && text[i+1] == ' ' && 'A' <= text[i+2] && text[i+2] <= 'Z':
			return i + 1
		}
	}
	return len(text)
}

var (
	// tells are words of a sentence that tells of an attack, or that refuses it.
	tells = regexp.MustCompile(`(?i)refus|block|denied|reject|not allowed|vulnerab|attack|tester|injection|payload|exploit|forbidden|do not (?:use|pass|call)|returns? an error|CVE-|log(?:ged|s)\b`)
	// substitution is a command in a value.
	substitution = regexp.MustCompile("[\\w.=-]`(?:" + commands + ")[\\s$][^`]*`|" + `\$\{IFS\}|(?:\$\(|;\s*|&&\s*|\|\s*)(?:` + commands + `|cat|env|id|tar)\s+[^\s,]*[-/~.$@|][^\s]*`)
)

// carries reports whether a sentence carries a value that attacks.
func carries(sentence string) bool {
	if substitution.MatchString(sentence) || union.MatchString(sentence) || reaches.MatchString(sentence) {
		return true
	}
	for _, m := range breakout.FindAllStringIndex(sentence, 3) {
		if m[0] > 0 && closed(sentence[:m[0]]) && (letter(sentence[m[0]-1]) || '0' <= sentence[m[0]-1] && sentence[m[0]-1] <= '9') {
			return true
		}
	}
	for _, token := range strings.Fields(sentence) {
		token = strings.TrimLeft(strings.TrimRight(token, ".,;:)\"'`>]"), "(\"'`<[")
		if len(token) < 6 || !strings.ContainsAny(token, `/\`) {
			continue
		}
		v := value{text: token[:min(len(token), maxValue)]}
		if r, _, _ := judgeAddress(&v); r == metadataAddress || r == disguisedAddress || r == oddScheme || r == internalService && !strings.Contains(token, "localhost") && !strings.Contains(token, "127.0.0.1") {
			return true
		}
		if r, _, _ := judgePath(&v); r != nil {
			return true
		}
	}
	return false
}

// closed reports whether no single quote is open at the end of head.
func closed(head string) bool {
	n := 0
	for i := 0; i < len(head); i++ {
		if head[i] == '\'' && (i == 0 || i+1 == len(head) || !letter(head[i-1]) || !letter(head[i+1])) {
			n++
		}
	}
	return n%2 == 0
}

// The words of an order to call a tool on more than anybody asked for.
var (
	tools    = check.Signals("identifier", "own")
	requests = check.Signals("arguments.request")
	bounds   = check.Signals("arguments.bound", "negated")
	harms    = check.Signals("arguments.act")
	allThere = check.Signals("arguments.all")
	foreign  = check.Signals("arguments.others")
	unasked  = check.Signals("arguments.unasked", "unguard")
	spoken   = check.Signals("addressee")
)

var (
	unchecked  = check.Signals("arguments.unchecked")
	enumerates = check.Signals("arguments.enumerates")
	invites    = check.Signals("arguments.request", "arguments.take", "must", "fetch", "place", "send")
	denies     = check.Signals("arguments.denied")
)

// reachesOthers reports whether a sentence, with the one behind it, wants others' objects tried or taken because nobody
// checks whose they are.
func reachesOthers(s sentence) bool {
	if !s.has.Meets(&unchecked) && !s.has.Meets(&enumerates) {
		return false
	}
	near := s.withNext()
	if near.Meets(&denies) || !near.Meets(&invites) {
		return false
	}
	open, tries := near.Meets(&unchecked), near.Meets(&enumerates)
	return open && tries || near.Meets(&invites) && s.count(&unchecked) > 1 || (open || tries) && near.Meets(&foreign) && near.Meets(&unasked)
}

// sweeping is the rule that a sentence breaks when it wants a tool called on all, or on what is others', unasked.
func sweeping(kind models.Kind, s sentence, whole, text string) *check.Rule {
	if !s.has.Meets(&requests) || s.has.Meets(&bounds) {
		return nil
	}
	near := s.has
	if kind != models.KindTool {
		near = s.withNext()
	}
	act, all, free := s.acts(whole), near.Meets(&allThere), near.Meets(&unasked)
	n := 0
	for _, sign := range []bool{act, all, free, s.has.Meets(&spoken), strings.Contains(text, "_meta") && claimed.MatchString(text)} {
		if sign {
			n++
		}
	}
	if n < 2 {
		return nil
	}
	others := near.Meets(&foreign) && !s.has.Has(directive.Foreign) || fixed.MatchString(text)
	if others {
		n++
	}
	switch {
	case n >= 3 && act && all && (others || free):
		return sweepingOrder
	case n >= 3 && others:
		return foreignOrder
	}
	return nil
}

// namesTool reports whether the sentence has a name such as tools have: no constant and no assignment.
func (s *sentence) namesTool(text string) bool {
	for _, h := range s.hits {
		if name := text[h.Start:h.End]; tools.Has(h.Signal) && !inPath(text, h.Start) && strings.Contains(name, "_") && strings.ContainsFunc(name, small) && !strings.HasPrefix(text[h.End:], "=") {
			return true
		}
	}
	return false
}

func small(r rune) bool { return unicode.ToUpper(r) != r }

// inPath reports whether the word at start is part of a path or a file's name.
func inPath(text string, start int) bool {
	return start > 0 && strings.IndexByte("/\\.~", text[start-1]) >= 0
}

// acts reports whether the name of a tool in the sentence says that it changes something.
func (s *sentence) acts(text string) bool {
	for _, name := range s.hits {
		if !tools.Has(name.Signal) || looksOnly(text[name.Start:name.End]) {
			continue
		}
		for _, h := range s.hits {
			if harms.Has(h.Signal) && h.Start >= name.Start && h.End <= name.End {
				return true
			}
		}
	}
	return false
}

// looksOnly reports whether a name begins with a verb of reading, or is that of an identifier.
func looksOnly(name string) bool {
	verb, _, _ := strings.Cut(name, "_")
	return reads[verb] || identifies(name)
}

// fixed is an account that the text itself names.
var fixed = regexp.MustCompile(`\b0x[0-9A-Za-z]{16,}|\bIBAN\b|\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}`)

// claimed is a role or a tenant that is put beside the arguments.
var claimed = regexp.MustCompile(`(?i)_meta\b.{0,80}\b(?:role|tenant|workspace|scope|org|user)\b`)
