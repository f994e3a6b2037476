package rulepack

import (
	"encoding/json"
	"fmt"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// SampleResult is what became of one sample.
type SampleResult struct {
	Rule   string `json:"rule"`
	Hit    bool   `json:"hit"`   // whether the rule must find something
	Index  int    `json:"index"` // among the rule's hits, or among its misses
	Passed bool   `json:"passed"`
	// Matches is what the rule found.
	Matches []SampleMatch `json:"matches,omitempty"`
	Detail  string        `json:"detail,omitempty"` // for a person, if it did not pass
}

// SampleMatch is a stretch of a sample in which its rule holds.
type SampleMatch struct {
	Pointer    string          `json:"pointer"`
	View       models.ViewKind `json:"view"`
	Text       string          `json:"text"`
	Confidence float64         `json:"confidence"`
}

// Test runs every sample of the pack's rules, each against its own rule, in the order of the pack. A pack that does not
// compile gives an error.
func Test(p *Pack) ([]SampleResult, error) {
	set, err := Compile([]*Pack{p})
	if err != nil {
		return nil, err
	}
	scanner := set.Scanner()
	var results []SampleResult
	for i := range p.Rules {
		r := &p.Rules[i]
		for n, s := range r.Hits {
			results = append(results, scanner.try(r, s, true, n))
		}
		for n, s := range r.Misses {
			results = append(results, scanner.try(r, s, false, n))
		}
	}
	return results, nil
}

// Event returns the event that the sample stands for.
func (s Sample) Event() (*models.Event, error) {
	ev := &models.Event{Server: "sample", Kind: s.Kind, Body: s.Body}
	if s.Kind == "" {
		body, err := json.Marshal(map[string]string{"name": "sample", "description": s.Text})
		if err != nil {
			return nil, fmt.Errorf("writing a sample as a tool: %w", err)
		}
		ev.Kind, ev.Body = models.KindTool, body
	}
	return ev, nil
}

func (sc *Scanner) try(r *Rule, s Sample, hit bool, index int) SampleResult {
	result := SampleResult{Rule: r.ID, Hit: hit, Index: index}
	var err error
	if result.Matches, err = sc.sample(r, s); err != nil {
		result.Detail = err.Error()
		return result
	}
	result.Passed = hit == (len(result.Matches) > 0)
	switch {
	case !result.Passed && hit:
		result.Detail = "the rule does not find it"
	case !result.Passed:
		result.Detail = fmt.Sprintf("the rule finds %q", result.Matches[0].Text)
	}
	return result
}

func (sc *Scanner) sample(r *Rule, s Sample) ([]SampleMatch, error) {
	ev, err := s.Event()
	if err != nil {
		return nil, err
	}
	doc, err := view.Build(ev.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the sample's body: %w", err)
	}
	var found []SampleMatch
	for i := range doc.Segments {
		seg := &doc.Segments[i]
		for v := range seg.Views {
			text := seg.Views[v].Text
			for _, m := range sc.Scan(ev.Kind, seg, v) {
				if m.Rule.ID == r.ID {
					found = append(found, SampleMatch{seg.Pointer, seg.Views[v].Kind, text[m.Start:m.End], m.Confidence})
				}
			}
		}
	}
	return found, nil
}
