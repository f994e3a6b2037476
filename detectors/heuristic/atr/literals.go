package atr

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
)

const (
	maxExact      = 24 // strings that a part of an expression is spelled out into
	maxClass      = 48 // literals of a class
	maxClasses    = 2  // of a condition
	maxSpelled    = 8  // characters of a class that is spelled out
	literalBytes  = 12 // of a literal that are kept: the more the larger the automaton
	maxTreeHeight = 200
)

// wanted is what every match of an expression has.
type wanted struct {
	exact   []string   // all that it can be, if that is known; [""] for what takes no room
	classes [][]string // else: of each class it has one literal
}

// required returns classes of literals: whatever matches re has one of each class, at different places. The class that
// is likely to be the rarest comes first.
func required(re *syntax.Regexp) [][]string {
	w := want(re, 0)
	classes := w.classes
	if w.exact != nil {
		classes = appendClass(nil, w.exact)
	}
	slices.SortFunc(classes, func(a, b []string) int { return cmp.Or(cmp.Compare(rarity(b), rarity(a)), slices.Compare(a, b)) })
	classes = slices.CompactFunc(classes, slices.Equal)
	return classes[:min(len(classes), maxClasses)]
}

// rarity is higher the longer the shortest literal of a class is, and the fewer it has.
func rarity(class []string) int {
	shortest := rulepack.MaxTermBytes
	for _, s := range class {
		shortest = min(shortest, len(s))
	}
	return 4*shortest - len(class)
}

func want(re *syntax.Regexp, height int) wanted {
	if height > maxTreeHeight {
		return wanted{}
	}
	height++
	switch re.Op {
	case syntax.OpLiteral:
		return wanted{exact: []string{string(re.Rune)}}
	case syntax.OpCharClass:
		return wanted{exact: spelled(re.Rune)}
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return wanted{exact: []string{""}}
	case syntax.OpCapture:
		return want(re.Sub[0], height)
	case syntax.OpQuest:
		if w := want(re.Sub[0], height); w.exact != nil && len(w.exact) < maxExact {
			return wanted{exact: append([]string{""}, w.exact...)}
		}
	case syntax.OpPlus:
		return want(re.Sub[0], height).inexact()
	case syntax.OpRepeat:
		switch {
		case re.Min == 1 && re.Max == 1:
			return want(re.Sub[0], height)
		case re.Min > 0:
			return want(re.Sub[0], height).inexact()
		}
	case syntax.OpConcat:
		return concatenated(re.Sub, height)
	case syntax.OpAlternate:
		return alternated(re.Sub, height)
	}
	return wanted{}
}

// inexact forgets what exactly it can be: it can be more than once.
func (w wanted) inexact() wanted {
	if w.exact == nil {
		return w
	}
	return wanted{classes: appendClass(nil, w.exact)}
}

func concatenated(subs []*syntax.Regexp, height int) wanted {
	var out wanted
	run, broken := []string{""}, false // what stands side by side
	for _, sub := range subs {
		w := want(sub, height)
		if w.exact != nil && len(run)*len(w.exact) <= maxExact {
			run = crossed(run, w.exact)
			continue
		}
		out.classes, run, broken = appendClass(out.classes, run), []string{""}, true
		if w.exact != nil {
			run = w.exact
		} else {
			out.classes = append(out.classes, w.classes...)
		}
	}
	if !broken {
		return wanted{exact: run}
	}
	out.classes = appendClass(out.classes, run)
	return out
}

func alternated(subs []*syntax.Regexp, height int) wanted {
	all := make([]wanted, len(subs))
	exact := []string{}
	for i, sub := range subs {
		all[i] = want(sub, height)
		if all[i].exact == nil || exact == nil || len(exact)+len(all[i].exact) > maxExact {
			exact = nil
			continue
		}
		exact = append(exact, all[i].exact...)
	}
	if exact != nil {
		return wanted{exact: exact}
	}
	var class []string
	for _, w := range all {
		classes := w.inexact().classes
		if len(classes) == 0 {
			return wanted{}
		}
		class = append(class, slices.MaxFunc(classes, func(a, b []string) int { return cmp.Compare(rarity(a), rarity(b)) })...)
	}
	return wanted{classes: appendClass(nil, class)}
}

func crossed(a, b []string) []string {
	var out []string
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

// spelled lists the characters of a small class; nil for a large one.
func spelled(ranges []rune) []string {
	var out []string
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if out = append(out, string(r)); len(out) > maxSpelled {
				return nil
			}
		}
	}
	return out
}

// appendClass appends the class that the strings make, if each of them can be a term, and if there is none like it: a
// text that has one of the strings has one of the terms.
func appendClass(classes [][]string, all []string) [][]string {
	var terms []string
	for _, s := range all {
		term := termOf(s)
		if term == "" {
			return classes
		}
		terms = append(terms, term)
	}
	slices.SortFunc(terms, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	var class []string
	for _, t := range terms {
		if !slices.ContainsFunc(class, func(short string) bool { return strings.Contains(t, short) || strings.EqualFold(t, short) }) {
			class = append(class, t)
		}
	}
	same := func(other []string) bool { return slices.Equal(class, other) }
	if len(class) == 0 || len(class) > maxClass || slices.ContainsFunc(classes, same) {
		return classes
	}
	return append(classes, class)
}

// termOf cuts a string to a part of it that a pack takes as a term, or returns "".
func termOf(s string) string {
	s = strings.Map(lowerASCII, strings.TrimSpace(s))
	if len(s) > literalBytes {
		end := literalBytes
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = strings.TrimSpace(s[:end])
	}
	if len(s) < rulepack.MinTermBytes || !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return ""
	}
	return s
}

// lowerASCII is for looks: whoever folds case takes both for the same.
func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r | 0x20
	}
	return r
}
