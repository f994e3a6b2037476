package schema

import (
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"

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

// unescaped undoes the escapes of a pointer.
var unescaped = strings.NewReplacer("~1", "/", "~0", "~")

// repeatsGroup reports whether a pattern repeats what stands in brackets: what repeats itself can't be repeated without.
func repeatsGroup(p string) bool {
	for i := 0; i+1 < len(p); i++ {
		if p[i] == ')' && (p[i+1] == '*' || p[i+1] == '+' || p[i+1] == '{') {
			return true
		}
	}
	return false
}

func pattern(e *reader, i int) {
	p := text(e, i)
	if e.Segments[i].Key {
		p = check.Last(&e.Segments[i])
		p = unescaped.Replace(p)
	}
	if len(p) > maxPatternBytes || !repeatsGroup(p) || literal(&e.Segments[i]) {
		return
	}
	tree, err := syntax.Parse(plainCounts(groups.Replace(p)), syntax.Perl)
	if err == nil && explodes(tree) {
		e.Report(slowPattern, nil, e.Whole(i))
	}
}

// plainCounts replaces counts, which Go bounds: many by "+", few by "{1,2}". References back stand for some text.
func plainCounts(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			if c := p[i+1]; '1' <= c && c <= '9' {
				b.WriteByte('x')
			} else {
				b.WriteString(p[i : i+2])
			}
			i++
		case p[i] == '{':
			end := strings.IndexByte(p[i:], '}')
			if end < 0 {
				return p
			}
			from, to, ranged := strings.Cut(p[i+1:i+end], ",")
			if !ranged {
				to = from
			}
			b.WriteString(plainCount(to))
			i += end
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}

func plainCount(most string) string {
	if n, err := strconv.Atoi(most); err == nil && n < manyTimes {
		return "{1,2}"
	}
	return "+"
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
		for _, sub := range re.Sub {
			if repeating(sub) && !parted(re.Sub, sub) {
				return true
			}
		}
		return false
	}
	return endless(re)
}

// parted reports whether one of the items must match something that the repeated one cannot: a separator.
func parted(items []*syntax.Regexp, repeated *syntax.Regexp) bool {
	of := runes(repeated)
	for _, item := range items {
		if item != repeated && !optional(item) && !repeating(item) && !overlap(runes(item), of) {
			return true
		}
	}
	return false
}

// anyRune are the ranges of all runes.
var anyRune = []rune{0, unicode.MaxRune}

// runes returns the ranges of runes that re may begin with, as far as it is simple; for others none.
func runes(re *syntax.Regexp) []rune {
	switch re.Op {
	case syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpRepeat, syntax.OpQuest:
		return runes(re.Sub[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return anyRune
	case syntax.OpCharClass:
		return re.Rune
	case syntax.OpLiteral:
		return []rune{re.Rune[0], re.Rune[0]}
	}
	return nil
}

// overlap reports whether a range of the one set of runes overlaps one of the other.
func overlap(some, all []rune) bool {
	for i := 0; i+1 < len(some); i += 2 {
		for k := 0; k+1 < len(all); k += 2 {
			if some[i] <= all[k+1] && all[k] <= some[i+1] {
				return true
			}
		}
	}
	return false
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
