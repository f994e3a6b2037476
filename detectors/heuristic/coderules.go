package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// CodeRule is a rule that is code: no pack has it, and it can be disabled as if one had.
type CodeRule struct {
	*check.Rule
	Group string        // of checks that are made together
	Kinds []models.Kind // that it reads; none means all
}

// CodeRules returns the rules that are code, group by group. A rule that reports several classes is there for each.
func CodeRules() []CodeRule {
	var rules []CodeRule
	for _, g := range checks {
		for _, r := range g.Rules {
			rules = append(rules, CodeRule{r, g.Name, g.Kinds})
		}
	}
	return rules
}

// KnowsCodeRule reports whether a rule in code has the id.
func KnowsCodeRule(id string) bool {
	for _, r := range CodeRules() {
		if r.ID == id {
			return true
		}
	}
	return false
}
