package rulepack

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)
	versionForm = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)
)

// standalone are the signals with no other use than what a rule looks for: one of them is a condition on its own.
var standalone = directive.Of(directive.Conceal, directive.Override)

// Lint returns everything that is wrong with the pack, in the order of its rules: what is unknown, missing, there twice,
// unbounded or too weak, and samples that do not hold. A pack without problems compiles.
func (p *Pack) Lint() []Problem {
	problems := p.check()
	compiles := len(problems) == 0
	for i := range p.Rules {
		r := &p.Rules[i]
		if len(r.Hits) == 0 {
			problems = append(problems, Problem{r.ID, "hits", "none: say what the rule must find"})
		}
		if len(r.Misses) == 0 {
			problems = append(problems, Problem{r.ID, "misses", "none: say what looks alike and must not be found"})
		}
	}
	if !compiles {
		return problems
	}
	results, err := Test(p)
	if err != nil {
		return append(problems, Problem{Field: "rules", Message: err.Error()})
	}
	for _, result := range results {
		if !result.Passed {
			list := map[bool]string{true: "hits", false: "misses"}[result.Hit]
			problems = append(problems, Problem{result.Rule, fmt.Sprintf("%s[%d]", list, result.Index), result.Detail})
		}
	}
	return problems
}

// check returns what keeps the pack from being compiled.
func (p *Pack) check() []Problem {
	lexicon, err := directive.Default()
	if err != nil {
		return []Problem{{Field: "rules", Message: err.Error()}}
	}
	c := checker{pack: p, lexicon: lexicon}
	c.require(nameForm.MatchString(p.Name), "name", "%q is not lower-case letters, digits and dashes", p.Name)
	c.require(versionForm.MatchString(p.Version), "version", "%q is not a semantic version", p.Version)
	c.require(p.Description != "", "description", "none: say what the rules have in common")
	c.terms()
	seen := map[string]bool{}
	for i := range p.Rules {
		c.rule = &p.Rules[i]
		c.require(!seen[c.rule.ID], "id", "another rule has it")
		seen[c.rule.ID] = true
		c.checkRule()
	}
	return c.problems
}

type checker struct {
	pack     *Pack
	lexicon  *directive.Lexicon
	rule     *Rule // nil while the pack itself is checked
	problems []Problem
}

func (c *checker) require(ok bool, field, format string, args ...any) {
	if ok {
		return
	}
	problem := Problem{Field: field, Message: fmt.Sprintf(format, args...)}
	if c.rule != nil {
		problem.Rule = c.rule.ID
	}
	c.problems = append(c.problems, problem)
}

func (c *checker) terms() {
	total := 0
	for _, name := range slices.Sorted(maps.Keys(c.pack.Terms)) {
		field, list := "terms."+name, c.pack.Terms[name]
		total += len(list)
		c.require(nameForm.MatchString(name), field, "the name is not lower-case letters, digits and dashes")
		c.require(len(list) > 0, field, "no terms")
		seen := map[string]bool{}
		for _, term := range list {
			folded := string(foldString(term))
			c.require(!seen[folded], field, "%q is there twice", term)
			seen[folded] = true
			c.require(len(term) >= MinTermBytes && len(term) <= MaxTermBytes, field, "%q has %d bytes, a term has %d to %d", term, len(term), MinTermBytes, MaxTermBytes)
			c.require(utf8.ValidString(term) && !strings.ContainsRune(term, utf8.RuneError), field, "%q is not UTF-8", term)
			c.require(strings.TrimSpace(term) == term, field, "%q begins or ends with a blank", term)
		}
	}
	c.require(total <= MaxTerms, "terms", "%d terms, the limit is %d", total, MaxTerms)
}

func (c *checker) checkRule() {
	r := c.rule
	c.require(nameForm.MatchString(r.ID), "id", "%q is not lower-case letters, digits and dashes", r.ID)
	c.require(versionForm.MatchString(r.Version), "version", "%q is not a semantic version", r.Version)
	c.require(r.Class.Valid(), "class", "%q is neither a threat class nor X-<vendor>-<name>", r.Class)
	c.require(r.Severity.Rank() > 0, "severity", "%q is not one of %v", r.Severity, models.Severities())
	c.require(r.Confidence >= minConfidence && r.Confidence <= 1, "confidence", "%v is not in [%v, 1]", r.Confidence, minConfidence)
	c.require(r.Message != "" && len(r.Message) <= models.MaxMessageBytes, "message", "%d bytes, a message has 1 to %d", len(r.Message), models.MaxMessageBytes)
	for _, k := range r.Kinds {
		c.require(k.Valid(), "kinds", "%q is not one of %v", k, models.Kinds())
	}
	for _, f := range r.Fields {
		c.require(slices.Contains(Fields(), f), "fields", "%q is not one of %v", f, Fields())
	}
	for _, kind := range r.Against {
		c.require(slices.ContainsFunc(counters[:], func(c Counter) bool { return c.Kind == kind }), "against", "%q is no kind of counter-evidence", kind)
	}
	c.require(len(r.Hits) <= MaxSamples, "hits", "%d, the limit is %d", len(r.Hits), MaxSamples)
	c.require(len(r.Misses) <= MaxSamples, "misses", "%d, the limit is %d", len(r.Misses), MaxSamples)
	c.require((r.Signals == nil) != (len(r.Near) == 0), "signals", "a rule has either signals or near")
	c.require(r.kindBits() != 0, "kinds", "none is left that the rule reads")
	if r.Signals != nil {
		c.signals(r.Signals)
	}
	c.require(len(r.Near) <= MaxNears, "near", "%d alternatives, the limit is %d", len(r.Near), MaxNears)
	for i := range r.Near {
		field := "near"
		if len(r.Near) > 1 {
			field = fmt.Sprintf("near[%d]", i)
		}
		c.near(&r.Near[i], field)
	}
}

func (c *checker) signals(s *Signals) {
	c.require(len(s.Need) > 0, "signals.need", "no signals")
	c.require(s.Within >= 0 && s.Within <= maxReachBytes, "signals.within", "%d is not in [0, %d]", s.Within, maxReachBytes)
	c.require(s.Reach >= 0 && s.Reach <= MaxReach, "signals.reach", "%d is not in [0, %d]", s.Reach, MaxReach)
	c.require(s.Foreign >= 0 && (len(s.Need) == 0 || s.Foreign <= len(s.Need[0])), "signals.foreign", "%d is not in [0, the number of signals in the first set]", s.Foreign)
	_, err := signalSet(c.lexicon, s.Absent)
	c.require(err == nil, "signals.absent", "%v", err)
	for i, names := range s.Need {
		set, err := signalSet(c.lexicon, names)
		field := fmt.Sprintf("signals.need[%d]", i)
		c.require(err == nil, field, "%v", err)
		c.require(len(names) > 0, field, "no signal")
		c.require(len(s.Need) > 1 || set.Without(standalone).Empty(), field, "%s is everyday language on its own: ask for a second signal", names)
	}
}

// near checks one Near condition, which stands at path.
func (c *checker) near(n *Near, path string) {
	c.require(len(n.Terms) >= 2 || len(n.Terms) == 1 && n.Pattern != "", path+".terms",
		"%d classes: one on its own is too weak, ask for two or more, or for a pattern", len(n.Terms))
	for i, name := range n.Terms {
		_, ok := c.pack.Terms[name]
		c.require(ok, path+".terms", "the pack has no terms %q", name)
		c.require(!slices.Contains(n.Terms[:i], name), path+".terms", "%q is there twice", name)
	}
	c.require(n.Within > 0 && n.Within <= MaxWithin, path+".within", "%d bytes is not in [1, %d]", n.Within, MaxWithin)
	c.require(n.Window >= 0 && n.Window <= MaxWindow, path+".window", "%d bytes is not in [0, %d]", n.Window, MaxWindow)
	if n.Pattern == "" {
		return
	}
	p, err := n.compilePattern()
	c.require(err == nil, path+".pattern", "%v", err)
	c.require(err != nil || len(n.Terms) > 1 || p.shortest >= MinLonePattern, path+".pattern",
		"matches %d bytes, beside one class of terms it is too weak: ask for %d or more", p.shortest, MinLonePattern)
}
