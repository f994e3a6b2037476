// Package rendering finds what does harm when somebody renders, opens, runs or installs it: addresses that carry data away,
// commands from strangers, markup that acts by itself, packages from places that nobody has checked.
package rendering

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/concepts"
	"github.com/aad6b6dc/taster/models"
)

// Checks is the group of these checks.
var Checks = &check.Group{Name: "rendering", Rules: rules(), Examine: examine}

const version = "1.0.0"

//go:embed code.txt
var codeText string

var (
	code  = concepts.Parse(codeText)
	words = concepts.Words
)

func rules() []*check.Rule {
	all := []*check.Rule{leakingLink, openEnd, falseLabel, trackedAddress, lintPolicy, secretForm, hiddenOrder, remoteScript, twinButtons, selfSubmit, hiddenLayer, looseFrame, selfActing, strayScript, strangeServer, lookalike, selfTrusted}
	for i := range commands {
		if r := commands[i].rule; !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	for i := range scripts {
		all = append(all, scripts[i].rule)
	}
	return all
}

func rule(id string, class models.Class, severity models.Severity, confidence float64, message string) *check.Rule {
	return &check.Rule{ID: id, Version: version, Class: class, Severity: severity, Confidence: confidence, Message: message}
}

const (
	minText = 8         // bytes; shorter texts can't do harm
	maxText = 256 << 10 // bytes that are read of one text
)

func examine(e *check.Event) {
	policy(e)
	trusts(e)
	arguments(e)
	w := writer{Event: e}
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key {
			continue
		}
		for v := range s.Views {
			if t := s.Views[v].Text; len(t) >= minText && (v == 0 || s.Views[v].Kind == models.ViewDecoded) {
				w.text(i, v, t[:min(len(t), maxText)])
			}
		}
	}
}

// writer reads the texts of one event.
type writer struct {
	*check.Event
	hits    []concepts.Hit
	article answer // whether the text is about attacks
	lower   string // the text in lower case, once it was needed
	judged  int    // lines whose addresses were looked at
}

func (w *writer) text(i, v int, text string) {
	if strings.Contains(text, "//") {
		w.links(i, v, text)
	}
	if w.Input.Event.Kind != models.KindUserPrompt {
		w.commands(i, v, text)
	}
	if strings.IndexByte(text, '<') >= 0 {
		w.markup(i, v, text)
	}
}

func (w *writer) span(i, v, start, end int) models.Span {
	return models.Span{Segment: i, View: v, Start: start, End: end}
}

// mask is the set of what hits are about.
func mask(hits []concepts.Hit) concepts.Set {
	var s concepts.Set
	for _, h := range hits {
		s |= 1 << h.Concept
	}
	return s
}

// said returns what the words of a text are about.
func said(text string) concepts.Set { return mask(words.Find(text, 0, len(text), nil)) }

// meets reports whether there is something of each set.
func meets(have concepts.Set, need []concepts.Set) bool {
	for _, s := range need {
		if have&s == 0 {
			return false
		}
	}
	return true
}

// all makes a list of sets of a list of names, "a|b" being either.
func all(names ...string) []concepts.Set {
	sets := make([]concepts.Set, len(names))
	for i, n := range names {
		sets[i] = code.Of(strings.Split(n, "|")...)
	}
	return sets
}
