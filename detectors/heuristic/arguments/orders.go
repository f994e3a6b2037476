package arguments

import (
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

// orders looks for sentences of a result that name a tool and a value which attacks it.
func orders(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < 40 || !strings.ContainsAny(text, "_") || !suspicious(text) {
			continue
		}
		for start, n := 0, 0; start < len(text) && n < 400; n++ {
			end := sentenceEnd(text, start)
			if sentence := text[start:end]; len(sentence) < 1500 && suspicious(sentence) && toolIdentifier.MatchString(sentence) && carries(sentence) && !tells.MatchString(sentence) {
				v := value{segment: i}
				e.Report(valueFromResult, nil, v.span(start, end))
			}
			start = end
		}
	}
}

// suspicious is the cheap test before the others: the signs without which no sentence carries an attack.
func suspicious(text string) bool {
	return strings.Contains(text, "$(") || strings.Contains(text, "' ") || strings.Contains(text, "://") || strings.Contains(text, "../") || strings.Contains(text, "..\\") ||
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
	// toolIdentifier is a name such as tools have.
	toolIdentifier = regexp.MustCompile(`\p{L}[\p{L}\p{M}\d]*_\p{L}[\p{L}\p{M}\d_]*`)
	// tells are words of a sentence that tells of an attack, or that refuses it.
	tells = regexp.MustCompile(`(?i)refus|block|denied|reject|not allowed|vulnerab|attack|tester|injection|payload|exploit|forbidden|do not (?:use|pass|call)|returns? an error|CVE-|log(?:ged|s)\b`)
	// substitution is a command in a value.
	substitution = regexp.MustCompile(`(?:\$\(|;\s*|&&\s*|\|\s*)(?:` + commands + `|cat|env|id|tar)\s+[^\s,]*[-/~.$@|][^\s]*`)
)

// carries reports whether a sentence carries a value that attacks.
func carries(sentence string) bool {
	if substitution.MatchString(sentence) || union.MatchString(sentence) || reaches.MatchString(sentence) {
		return true
	}
	for _, m := range breakout.FindAllStringIndex(sentence, 3) {
		if m[0] > 0 && (letter(sentence[m[0]-1]) || '0' <= sentence[m[0]-1] && sentence[m[0]-1] <= '9') {
			return true
		}
	}
	for _, token := range strings.Fields(sentence) {
		token = strings.TrimLeft(strings.TrimRight(token, ".,;:)\"'`>]"), "(\"'`<[")
		if len(token) < 6 || !strings.ContainsAny(token, `/\`) {
			continue
		}
		v := value{text: token[:min(len(token), maxValue)]}
		if r, _, _ := judgeAddress(&v); r != nil {
			return true
		}
		if r, _, _ := judgePath(&v); r != nil {
			return true
		}
	}
	return false
}
