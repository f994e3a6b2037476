// Package rendering finds what does harm when somebody renders, opens, runs or installs it: addresses that carry data away,
// commands from strangers, markup that acts by itself, packages from places that nobody has checked.
package rendering

import (
	"slices"
	"strings"
	"sync"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Checks is the group of these checks.
var Checks = &check.Group{Name: "rendering", Rules: rules(), Checks: []check.Check{{Examine: examine}}}

const version = "1.0.0"

func rules() []*check.Rule {
	all := []*check.Rule{leakingLink, openEnd, falseLabel, trackedAddress, lintPolicy, secretForm, hiddenOrder, remoteScript, twinButtons, selfSubmit, hiddenLayer, looseFrame, selfActing, strayScript, strangeServer, lookalike, selfTrusted, pasted}
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
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.Event = e
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
	w.Event, w.lower = nil, ""
}

// writers are kept for the room that they have for pieces.
var writers = sync.Pool{New: func() any { return new(writer) }}

// writer reads the texts of one event.
type writer struct {
	*check.Event
	all     []part // of the text that is read
	parts   []part // of the line
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

// words returns a set of signals of the requests' lexicon, which these checks read, too.
func words(names ...string) (set directive.Signals) {
	for _, name := range names {
		set.Add(check.Signal("requests." + name))
	}
	return set
}

// about returns what the words of a part of a view are about.
func (w *writer) about(i, v, start, end int) (set directive.Signals) {
	for _, h := range w.Signals(i, v) {
		if h.Start >= end {
			break
		}
		if h.Start >= start && h.End <= end {
			set.Add(h.Signal)
		}
	}
	return set
}

// near returns what the words around an address or an element are about, in its paragraph.
func (w *writer) near(i, v int, text string, start, end int) directive.Signals {
	from, to := max(0, start-around), min(len(text), end+around)
	if n := strings.LastIndexByte(text[from:start], '\n'); n >= 0 {
		from += n + 1
	}
	if n := strings.IndexByte(text[end:to], '\n'); n >= 0 {
		to = end + n
	}
	return w.about(i, v, from, to)
}

// has reports whether there is something of a set.
func has(have, some directive.Signals) bool { return have.Meets(&some) }
