package rulepack

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

const (
	maxPatternBytes = 2000
	maxPatternSteps = 500 // instructions of the compiled program: what a byte of text can cost
	maxNarrow       = 16  // characters in a class that may repeat without bound
)

// pattern is a compiled regular expression of a Near condition.
type pattern struct {
	re       *regexp.Regexp
	machine  *machine // nil if re alone is to match
	shortest int      // bytes that it matches at least
	longest  int      // bytes that it can match at most
}

// parsedPattern is what became of a pattern's text.
type parsedPattern struct {
	text string
	pattern
	err error
}

func parsePattern(text string) *parsedPattern {
	p := &parsedPattern{text: text}
	p.pattern, p.err = compilePattern(text)
	return p
}

// compilePattern returns the compiled pattern, which takes time only where Parse has not compiled it.
func (n *Near) compilePattern() (pattern, error) {
	if n.parsed != nil && n.parsed.text == n.Pattern {
		return n.parsed.pattern, n.parsed.err
	}
	return compilePattern(n.Pattern)
}

// compilePattern compiles a Near condition's pattern.
func compilePattern(text string) (pattern, error) {
	if len(text) > maxPatternBytes {
		return pattern{}, fmt.Errorf("%d bytes, the limit is %d", len(text), maxPatternBytes)
	}
	tree, err := syntax.Parse(text, syntax.Perl|syntax.FoldCase|syntax.DotNL)
	if err != nil {
		return pattern{}, err
	}
	tree = tree.Simplify()
	shortest, longest, err := extent(tree)
	if err != nil {
		return pattern{}, err
	}
	if shortest == 0 {
		return pattern{}, errors.New("matches the empty text: it says nothing")
	}
	program, err := syntax.Compile(tree)
	if err != nil {
		return pattern{}, err
	}
	if len(program.Inst) > maxPatternSteps {
		return pattern{}, fmt.Errorf("%d steps when compiled, the limit is %d: repeat less", len(program.Inst), maxPatternSteps)
	}
	re, err := regexp.Compile("(?is:" + text + ")")
	if err != nil {
		return pattern{}, err
	}
	return pattern{re, newMachine(program), shortest, min(longest, maxWindowBytes) * utf8.UTFMax}, nil
}

// CheckPattern says what is wrong with the pattern of a Near condition, or how many bytes it matches at least.
func CheckPattern(text string) (shortest int, err error) {
	p, err := compilePattern(text)
	return p.shortest, err
}

// maxWindowBytes is more than any window has, so that what repeats without bound can be counted.
const maxWindowBytes = 2*MaxWindow + maxHitBytes

// extent returns how many bytes an expression matches at least, and how many characters at most. It refuses what is not bounded: a
// class of more than a few characters that repeats without end, and the beginning and end of a text, which a window
// does not show.
func extent(re *syntax.Regexp) (shortest, longest int, err error) {
	switch re.Op {
	case syntax.OpNoMatch:
		return 0, 0, errors.New("can match nothing")
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return 0, 0, fmt.Errorf("%s: a window does not show where the text begins and ends", re)
	case syntax.OpLiteral:
		return len(string(re.Rune)), len(re.Rune), nil
	case syntax.OpCharClass:
		if len(re.Rune) == 0 {
			return 0, 0, errors.New("can match nothing")
		}
		return utf8.RuneLen(re.Rune[0]), 1, nil
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1, nil
	case syntax.OpStar, syntax.OpPlus:
		if !Narrow(re.Sub[0]) {
			return 0, 0, fmt.Errorf("%s: repeats without bound; say how often, as in {0,40}", re)
		}
		return map[syntax.Op]int{syntax.OpPlus: 1}[re.Op], maxWindowBytes, nil
	case syntax.OpQuest:
		_, longest, err = extent(re.Sub[0])
		return 0, longest, err
	case syntax.OpCapture:
		return extent(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			s, l, err := extent(sub)
			if err != nil {
				return 0, 0, err
			}
			shortest, longest = shortest+s, min(longest+l, maxWindowBytes)
		}
		return shortest, longest, nil
	case syntax.OpAlternate:
		shortest = maxWindowBytes
		for _, sub := range re.Sub {
			s, l, err := extent(sub)
			if err != nil {
				return 0, 0, err
			}
			shortest, longest = min(shortest, s), max(longest, l)
		}
		return shortest, longest, nil
	}
	return 0, 0, nil // word boundaries and the empty expression
}

// Narrow reports whether re is one character out of a few, which a pattern may repeat without bound.
func Narrow(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 1
	case syntax.OpCapture:
		return Narrow(re.Sub[0])
	case syntax.OpCharClass:
		n := 0
		for i := 0; i+1 < len(re.Rune); i += 2 {
			n += int(re.Rune[i+1]-re.Rune[i]) + 1
			if n > maxNarrow {
				return false
			}
		}
		return true
	}
	return false
}
