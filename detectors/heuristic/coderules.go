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

// textGroup names the checks of single strings, which look at characters, links and what is hidden.
const textGroup = "text"

// textRules are what those checks report, at their most severe.
var textRules = []*check.Rule{
	{ID: hiddenOrderRule, Version: version, Class: "B1", Severity: models.SeverityCritical, Confidence: 0.9, Message: hiddenMessage["B1"]},
	{ID: hiddenOrderRule, Version: version, Class: "B2", Severity: models.SeverityCritical, Confidence: 0.9, Message: hiddenMessage["B2"]},
	{ID: hiddenOrderRule, Version: version, Class: "B4", Severity: models.SeverityCritical, Confidence: 0.9, Message: hiddenMessage["B4"]},
	{ID: hiddenOrderRule, Version: version, Class: "B6", Severity: models.SeverityCritical, Confidence: 0.9, Message: hiddenMessage["B6"]},
	{ID: "leaking-link", Version: version, Class: "C5", Severity: models.SeverityHigh, Confidence: 0.8, Message: "Has a link or image whose address carries data away."},
	{ID: "invisible-characters", Version: version, Class: "B1", Severity: models.SeverityHigh, Confidence: 0.85, Message: "Has invisible characters that no script or emoji needs."},
	{ID: "bidi-override", Version: version, Class: "B2", Severity: models.SeverityHigh, Confidence: 0.8, Message: "Reverses the order in which text is shown, without any right-to-left script."},
	{ID: "mixed-script", Version: version, Class: "B2", Severity: models.SeverityHigh, Confidence: 0.7, Message: "Mixes Latin and Cyrillic letters in one word."},
	{ID: "terminal-escape", Version: version, Class: "B3", Severity: models.SeverityHigh, Confidence: 0.8, Message: "Has terminal escapes that can hide or replace what a person sees."},
}

// CodeRules returns the rules that are code, group by group. A rule that reports several classes is there for each.
func CodeRules() []CodeRule {
	var rules []CodeRule
	for _, r := range textRules {
		rules = append(rules, CodeRule{Rule: r, Group: textGroup})
	}
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
