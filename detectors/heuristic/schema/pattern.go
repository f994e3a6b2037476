package schema

import (
	"regexp/syntax"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

var slowPattern = &check.Rule{
	ID: "schema-slow-pattern", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.7,
	Message: "A schema's pattern repeats what repeats itself: a short text stalls every client that matches it by backtracking.",
}

const maxPatternBytes = 2000

// groups turns groups of any sort into plain ones: what they look at does not matter for how they repeat.
var groups = strings.NewReplacer("(?:", "(", "(?=", "(", "(?!", "(", "(?<=", "(", "(?<!", "(", "(?>", "(")

func pattern(e *reader, i int) {
	p := text(e, i)
	if e.Segments[i].Key {
		p = check.Last(&e.Segments[i])
		p = strings.NewReplacer("~1", "/", "~0", "~").Replace(p)
	}
	if len(p) > maxPatternBytes || !strings.ContainsAny(p, "*+{") || !strings.Contains(p, "(") || literal(&e.Segments[i]) {
		return
	}
	tree, err := syntax.Parse(groups.Replace(p), syntax.Perl)
	if err == nil && explodes(tree) {
		e.Report(slowPattern, nil, e.Whole(i))
	}
}

// explodes reports whether something repeats without end whose parts can be divided among its repetitions in many ways.
func explodes(re *syntax.Regexp) bool {
	if endless(re) && divisible(re.Sub[0]) {
		return true
	}
	for _, sub := range re.Sub {
		if explodes(sub) {
			return true
		}
	}
	return false
}

// manyTimes is how often something must repeat to count as without end.
const manyTimes = 24

func endless(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus:
		return true
	case syntax.OpRepeat:
		return re.Max < 0 || re.Max >= manyTimes
	}
	return false
}

// divisible reports whether a text that re matches can be one match of it as well as several.
func divisible(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCapture:
		return divisible(re.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if divisible(sub) {
				return true
			}
		}
		return false
	case syntax.OpConcat:
		repeats := 0
		for _, sub := range re.Sub {
			switch {
			case repeating(sub):
				repeats++
			case !optional(sub):
				return false
			}
		}
		return repeats > 0
	}
	return endless(re)
}

// repeating reports whether re, without its parentheses, repeats without end.
func repeating(re *syntax.Regexp) bool {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	return endless(re)
}

func optional(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpQuest, syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	case syntax.OpRepeat:
		return re.Min == 0
	case syntax.OpCapture:
		return optional(re.Sub[0])
	}
	return false
}
