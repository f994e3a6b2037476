package atr

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// printed is the expression as a pack's pattern: without regard to case, and with a dot that takes line breaks. The
// String method of syntax asks of each character of a class whether case matters, which takes seconds for thousands of
// expressions.
func printed(re *syntax.Regexp) string {
	var b strings.Builder
	printTo(&b, re)
	return b.String()
}

var signs = map[syntax.Op]string{
	syntax.OpStar: "*", syntax.OpPlus: "+", syntax.OpQuest: "?",
	syntax.OpAnyChar: ".", syntax.OpAnyCharNotNL: `[^\n]`, syntax.OpWordBoundary: `\b`, syntax.OpNoWordBoundary: `\B`,
	syntax.OpEmptyMatch: "(?:)",
}

func printTo(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			printRune(b, lowerASCII(r))
		}
	case syntax.OpCharClass:
		printClass(b, re.Rune)
	case syntax.OpCapture:
		printTo(b, re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		printAtom(b, re.Sub[0])
		b.WriteString(signs[re.Op])
	case syntax.OpRepeat:
		printAtom(b, re.Sub[0])
		b.WriteString(times(re.Min, re.Max))
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op == syntax.OpAlternate || sub.Op == syntax.OpCapture {
				printGroup(b, sub)
			} else {
				printTo(b, sub)
			}
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			printTo(b, sub)
		}
	case syntax.OpNoMatch:
		b.WriteString(`[^\x00-\x{10FFFF}]`)
	default:
		b.WriteString(signs[re.Op])
	}
}

// printAtom prints what a repetition sign can stand behind.
func printAtom(b *strings.Builder, re *syntax.Regexp) {
	single := re.Op == syntax.OpCharClass || re.Op == syntax.OpAnyChar || re.Op == syntax.OpAnyCharNotNL || re.Op == syntax.OpLiteral && len(re.Rune) == 1
	if single {
		printTo(b, re)
	} else {
		printGroup(b, re)
	}
}

func printGroup(b *strings.Builder, re *syntax.Regexp) {
	b.WriteString("(?:")
	printTo(b, re)
	b.WriteByte(')')
}

func times(least, most int) string {
	switch {
	case most < 0:
		return fmt.Sprintf("{%d,}", least)
	case most == least:
		return fmt.Sprintf("{%d}", least)
	}
	return fmt.Sprintf("{%d,%d}", least, most)
}

// shortClasses are classes with a short form, by their ranges where case does not matter.
var shortClasses = func() map[string]string {
	short := map[string]string{}
	for _, form := range []string{`\s`, `\S`, `\w`, `\W`, `\d`, `\D`} {
		if re, err := syntax.Parse(form, syntax.Perl|syntax.FoldCase); err == nil {
			short[string(re.Rune)] = form
		}
	}
	return short
}()

func printClass(b *strings.Builder, ranges []rune) {
	if len(ranges) == 2 && ranges[0] == 0 && ranges[1] == unicode.MaxRune {
		b.WriteByte('.')
		return
	}
	if form, ok := shortClasses[string(ranges)]; ok {
		b.WriteString(form)
		return
	}
	if len(ranges) == 0 {
		b.WriteString(`[^\x00-\x{10FFFF}]`)
		return
	}
	b.WriteByte('[')
	if ranges[0] == 0 && ranges[len(ranges)-1] == unicode.MaxRune && len(ranges) > 2 {
		b.WriteByte('^')
		for i := 1; i+1 < len(ranges); i += 2 {
			printRange(b, ranges[i]+1, ranges[i+1]-1)
		}
	} else {
		for i := 0; i+1 < len(ranges); i += 2 {
			printRange(b, ranges[i], ranges[i+1])
		}
	}
	b.WriteByte(']')
}

func printRange(b *strings.Builder, low, high rune) {
	printRune(b, low)
	if high > low {
		if high > low+1 {
			b.WriteByte('-')
		}
		printRune(b, high)
	}
}

func printRune(b *strings.Builder, r rune) {
	switch {
	case strings.ContainsRune(`\.+*?()|[]{}^$-`, r):
		b.WriteByte('\\')
		b.WriteRune(r)
	case ' ' <= r && r <= '~', unicode.IsLetter(r), unicode.IsDigit(r):
		b.WriteRune(r)
	default:
		fmt.Fprintf(b, `\x{%x}`, r)
	}
}
