package atr

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
)

// near is a condition as the pack has it, with the literals that its classes of terms are made of.
type near struct {
	classes        [][]string
	pattern        string
	length         int // bytes that the pattern can match, as far as that matters
	within, window int
}

// translated is what became of an expression.
type translated struct {
	nears    []near
	narrowed []string // how
}

func (t *translated) narrow(how string) {
	if !slices.Contains(t.narrowed, how) {
		t.narrowed = append(t.narrowed, how)
	}
}

// repetitions are what repetitions without bound are bounded to: the most that lets the expression compile.
var repetitions = []int{200, 120, 80, 50, 30, 20, 12}

// maxSplits is how often an expression is taken apart at its alternatives, each time in two.
const maxSplits = 5

// translate makes near conditions of a regular expression of JavaScript, matched without regard to case.
func translate(expression string) (*translated, error) {
	text, err := fromJavaScript(expression)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(text, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, refusal(err)
	}
	t := &translated{}
	inner, anchored := withoutAnchors(tree)
	if inner == nil {
		return nil, errors.New("it holds only where a text begins or ends, which a window does not show")
	}
	if anchored {
		t.narrow("not where a text begins or ends, which a window does not show")
	}
	if err := t.add(inner, maxSplits); err != nil && len(t.nears) == 0 {
		return nil, err
	} else if err != nil {
		t.narrow("without some of its alternatives: " + err.Error())
	}
	return t, nil
}

// refusal says what RE2 does not have.
func refusal(err error) error {
	var parse *syntax.Error
	if !errors.As(err, &parse) {
		return err
	}
	switch {
	case lookaround.MatchString(parse.Expr):
		return fmt.Errorf("lookaround %q, which takes backtracking", parse.Expr)
	case backreference.MatchString(parse.Expr):
		return fmt.Errorf("backreference %q, which takes backtracking", parse.Expr)
	}
	return fmt.Errorf("no RE2: %w", err)
}

var (
	lookaround    = regexp.MustCompile(`^\(\?(?:[=!]|<[=!])`)
	backreference = regexp.MustCompile(`^\\[1-9k]`)
	codePoint     = regexp.MustCompile(`\\(?:\\|u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?)`)
)

// fromJavaScript writes code points as RE2 does.
func fromJavaScript(expression string) (string, error) {
	var err error
	out := codePoint.ReplaceAllStringFunc(expression, func(s string) string {
		if s == `\\` {
			return s
		}
		digits := s[2:min(len(s), 6)]
		if s[2] == '{' {
			digits = s[3 : len(s)-1]
		}
		n, _ := strconv.ParseUint(digits, 16, 32)
		r, rest := rune(n), ""
		if len(s) == 12 {
			low, _ := strconv.ParseUint(s[8:], 16, 32)
			if pair := utf16.DecodeRune(r, rune(low)); pair != utf8.RuneError {
				r = pair
			} else {
				rest = fmt.Sprintf(`\x{%x}`, low)
			}
		}
		if utf16.IsSurrogate(r) || rest != "" && utf16.IsSurrogate(rune(n)) {
			err = fmt.Errorf("half a surrogate pair, %s, which is no character", s)
		}
		return fmt.Sprintf(`\x{%x}`, r) + rest
	})
	return out, err
}

// withoutAnchors takes out what holds only where a text or line begins or ends; nil if nothing is left.
func withoutAnchors(re *syntax.Regexp) (_ *syntax.Regexp, anchored bool) {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return nil, true
	case syntax.OpConcat, syntax.OpAlternate, syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
	default:
		return re, false
	}
	out := *re
	out.Sub = nil
	for _, sub := range re.Sub {
		inner, a := withoutAnchors(sub)
		anchored = anchored || a
		switch {
		case inner != nil:
			out.Sub = append(out.Sub, inner)
		case re.Op == syntax.OpStar || re.Op == syntax.OpQuest || re.Op == syntax.OpRepeat && re.Min == 0:
			return &syntax.Regexp{Op: syntax.OpEmptyMatch}, true
		case re.Op != syntax.OpAlternate:
			return nil, true
		}
	}
	switch {
	case len(out.Sub) == 0 && len(re.Sub) > 0:
		return nil, true
	case len(out.Sub) == 1 && re.Op == syntax.OpAlternate:
		return out.Sub[0], anchored
	}
	return &out, anchored
}

// add adds a near condition for the expression or, if that is too much for one, has no literals that all matches share,
// or would be bounded to less than few repetitions, one for each half of its alternatives. An error is why a part of it
// could not be added.
func (t *translated) add(tree *syntax.Regexp, splits int) error {
	n, most, err := condense(tree)
	if err == nil && (most == 0 || most >= few) {
		t.keep(n, most)
		return nil
	}
	var halves []*syntax.Regexp
	if splits > 0 {
		halves = split(tree)
	}
	var parts translated
	var first error
	for _, half := range halves {
		if err := parts.add(half, splits-1); err != nil && first == nil {
			first = err
		}
	}
	switch {
	case err == nil && (halves == nil || first != nil): // better bounded than in part
		t.keep(n, most)
		return nil
	case halves == nil:
		return err
	}
	t.nears = append(t.nears, parts.nears...)
	for _, how := range parts.narrowed {
		t.narrow(how)
	}
	return first
}

// few repetitions are worth more conditions.
const few = 25

func (t *translated) keep(n near, most int) {
	t.nears = append(t.nears, n)
	if most > 0 {
		t.narrow(fmt.Sprintf("repetitions bounded to %d", most))
	}
	if n.length > rulepack.MaxWithin {
		t.narrow(fmt.Sprintf("matches of about %d bytes at most", rulepack.MaxWithin))
	}
}

// condense makes one near condition of the expression, with repetitions bounded to most, 0 for not at all.
func condense(tree *syntax.Regexp) (n near, most int, err error) {
	n.classes = required(tree)
	if len(n.classes) == 0 {
		return n, 0, fmt.Errorf("no literal of %d bytes or more that every match has", rulepack.MinTermBytes)
	}
	bounded, shortest, most, err := fitting(tree)
	switch {
	case err != nil:
		return n, 0, err
	case len(n.classes) == 1 && shortest < rulepack.MinLonePattern:
		return n, 0, fmt.Errorf("matches of %d bytes, with a single literal: too weak", shortest)
	}
	n.pattern = printed(bounded)
	n.length = longest(bounded)
	n.within, n.window = min(n.length+slack, rulepack.MaxWithin), min(n.length+slack, rulepack.MaxWindow)
	return n, most, nil
}

// fitting is the expression with repetitions bounded as little as makes a pattern of it; most is to what, 0 if no
// repetition had to be.
func fitting(tree *syntax.Regexp) (bounded *syntax.Regexp, shortest, most int, err error) {
	if !open(tree) {
		if shortest, err = rulepack.CheckPattern(printed(tree)); err == nil {
			return tree, shortest, 0, nil
		}
	}
	for _, all := range []bool{false, true} { // what has a bound keeps it, if that works
		for _, most := range repetitions {
			bounded = bound(tree, most, all)
			if shortest, err = rulepack.CheckPattern(printed(bounded)); err == nil {
				return bounded, shortest, most, nil
			}
		}
	}
	return nil, 0, 0, err
}

// open reports whether something repeats without bound that is not narrow.
func open(re *syntax.Regexp) bool {
	endless := re.Op == syntax.OpStar || re.Op == syntax.OpPlus || re.Op == syntax.OpRepeat && re.Max < 0
	return endless && !rulepack.Narrow(re.Sub[0]) || slices.ContainsFunc(re.Sub, open)
}

// bound bounds what repeats without bound and is not narrow, and with all set every repetition, to at most so many times.
func bound(re *syntax.Regexp, most int, all bool) *syntax.Regexp {
	if len(re.Sub) == 0 {
		return re
	}
	out := *re
	out.Sub = make([]*syntax.Regexp, len(re.Sub))
	for i, sub := range re.Sub {
		out.Sub[i] = bound(sub, most, all)
	}
	least, much := 0, false
	switch re.Op {
	case syntax.OpStar:
		much = true
	case syntax.OpPlus:
		least, much = 1, true
	case syntax.OpRepeat:
		least, much = re.Min, re.Max < 0 || all && re.Max > most
	}
	if !much || re.Op != syntax.OpRepeat && rulepack.Narrow(re.Sub[0]) {
		return &out
	}
	out.Op, out.Min, out.Max = syntax.OpRepeat, least, max(most, least)
	return &out
}

// split takes the expression apart at its largest alternation that is no part of a repetition.
func split(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return split(re.Sub[0])
	case syntax.OpAlternate:
		middle := len(re.Sub) / 2
		return []*syntax.Regexp{alternatives(re, re.Sub[:middle]), alternatives(re, re.Sub[middle:])}
	case syntax.OpConcat:
		largest := -1
		for i, sub := range re.Sub {
			if n := width(sub); n > 1 && (largest < 0 || n > width(re.Sub[largest])) {
				largest = i
			}
		}
		if largest < 0 {
			return nil
		}
		var out []*syntax.Regexp
		for _, part := range split(re.Sub[largest]) {
			whole := *re
			whole.Sub = slices.Clone(re.Sub)
			whole.Sub[largest] = part
			out = append(out, &whole)
		}
		return out
	}
	return nil
}

func alternatives(re *syntax.Regexp, subs []*syntax.Regexp) *syntax.Regexp {
	if len(subs) == 1 {
		return subs[0]
	}
	return &syntax.Regexp{Op: syntax.OpAlternate, Flags: re.Flags, Sub: slices.Clone(subs)}
}

// width is how many alternatives the expression can be split into.
func width(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpCapture:
		return width(re.Sub[0])
	case syntax.OpAlternate:
		return len(re.Sub)
	case syntax.OpConcat:
		n := 1
		for _, sub := range re.Sub {
			n = max(n, width(sub))
		}
		return n
	}
	return 1
}

// endless is more than any window has.
const endless = 4 * rulepack.MaxWindow

// longest is how many bytes the expression can match, as far as that matters.
func longest(re *syntax.Regexp) int {
	n := 0
	switch re.Op {
	case syntax.OpLiteral:
		n = len(string(re.Rune))
	case syntax.OpCharClass:
		n = 1
		if len(re.Rune) > 0 {
			n = utf8.RuneLen(re.Rune[0]) // a class of one script, or of ASCII and more
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		n = 1 // most texts are of such
	case syntax.OpStar, syntax.OpPlus:
		n = maxNarrowRun
	case syntax.OpRepeat:
		n = longest(re.Sub[0]) * max(re.Max, re.Min+maxNarrowRun)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			n = max(n, longest(sub))
		}
	default:
		for _, sub := range re.Sub {
			n += longest(sub)
		}
	}
	return min(n, endless)
}

// maxNarrowRun is how many blanks in a row, or the like, are expected; slack is room for a few longer ones.
const (
	maxNarrowRun = 4
	slack        = 32
)
