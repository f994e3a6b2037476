package heuristic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// NearMiss is a rule that holds nowhere in an event although one text of it has at least two of the things that the rule
// needs, and all but one.
type NearMiss struct {
	Pack    string `json:"pack"`
	Rule    string `json:"rule"`
	Version string `json:"rule_version"`

	Pointer    string          `json:"pointer"`
	Key        bool            `json:"key,omitempty"` // in the member's name, not in its value
	View       models.ViewKind `json:"view"`
	Transforms []string        `json:"transforms,omitempty"` // that led to the view
	// Lacks says for a person what is missing.
	Lacks string `json:"lacks"`

	needs, present int
}

// MaxNearMisses is how many near misses there are for an event.
const MaxNearMisses = 3

// NearMisses returns the rules of the packs that nearly hold in the event, those that lack least of most first. The set
// is compiled of the packs. Only kind and body of the event matter. It returns an error if the body is not JSON.
func NearMisses(set *rulepack.Set, packs []*rulepack.Pack, ev *models.Event) ([]NearMiss, error) {
	doc, err := view.Build(ev.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the event's body: %w", err)
	}
	scanner := set.Scanner()
	held, nearest := map[string]bool{}, map[string]NearMiss{}
	for i := range doc.Segments {
		s := &doc.Segments[i]
		for v := range s.Views {
			for _, m := range scanner.Scan(ev.Kind, s, v) {
				held[m.Rule.ID] = true
			}
			text := readText{lower: strings.ToLower(s.Views[v].Text)}
			for _, h := range scanner.Reading().Hits {
				text.signals = append(text.signals, set.SignalName(h.Signal))
			}
			for _, m := range text.nearMisses(packs, ev.Kind, s) {
				m.Pointer, m.Key, m.View, m.Transforms = s.Pointer, s.Key, s.Views[v].Kind, s.Views[v].Chain
				if old, ok := nearest[m.Rule]; !ok || m.compare(old) < 0 {
					nearest[m.Rule] = m
				}
			}
		}
	}
	var out []NearMiss
	for id, m := range nearest {
		if !held[id] {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, NearMiss.compare)
	return out[:min(len(out), MaxNearMisses)], nil
}

// compare puts first what lacks least, of that what has most.
func (m NearMiss) compare(o NearMiss) int {
	return cmp.Or((m.needs-m.present)-(o.needs-o.present), o.present-m.present, strings.Compare(m.Rule, o.Rule))
}

// readText is what a text has that rules can need.
type readText struct {
	signals []string
	lower   string
}

func (t *readText) nearMisses(packs []*rulepack.Pack, k models.Kind, s *models.Segment) []NearMiss {
	var out []NearMiss
	for _, p := range packs {
		for i := range p.Rules {
			r := &p.Rules[i]
			if !r.Reads(k, s) {
				continue
			}
			m := NearMiss{Pack: p.Name, Rule: r.ID, Version: r.Version}
			if r.Signals != nil {
				t.compareSignals(r.Signals, &m)
			}
			for n := range r.Near {
				one := NearMiss{Pack: p.Name, Rule: r.ID, Version: r.Version}
				if t.compareTerms(&r.Near[n], p.Terms, &one); n == 0 || one.compare(m) < 0 {
					m = one
				}
			}
			if m.present >= 2 && m.needs-m.present <= 1 {
				out = append(out, m)
			}
		}
	}
	return out
}

func (t *readText) compareSignals(c *rulepack.Signals, m *NearMiss) {
	m.Lacks = "all is there, but not in one sentence, or too much speaks against it"
	if c.Reach > 0 {
		m.Lacks = "all is there, but not in neighbouring sentences, or too much speaks against it"
	}
	for _, names := range c.Need {
		found := slices.ContainsFunc(names, func(name string) bool { return slices.Contains(t.signals, name) })
		m.need(found, "no "+strings.Join(names, " or "))
	}
}

func (t *readText) compareTerms(c *rulepack.Near, terms map[string][]string, m *NearMiss) {
	m.Lacks = fmt.Sprintf("all terms are there, but not within %d bytes, or too much speaks against it", c.Within)
	if c.Pattern != "" {
		m.Lacks += ", or the pattern does not match"
	}
	for _, class := range c.Terms {
		found := slices.ContainsFunc(terms[class], func(term string) bool { return strings.Contains(t.lower, strings.ToLower(term)) })
		m.need(found, "no term of "+class)
	}
}

func (m *NearMiss) need(found bool, lacks string) {
	if m.needs++; found {
		m.present++
	} else {
		m.Lacks = lacks
	}
}
