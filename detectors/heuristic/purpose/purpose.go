// Package purpose holds what a definition asks for against what it is for: parameters that carry off the conversation,
// secrets or a person's life, rights far beyond the task, and praise or blame that decides which tool is called.
package purpose

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

const version = "1.0.0"

// Checks is the group.
var Checks = &check.Group{
	Name: "purpose",
	Kinds: []models.Kind{
		models.KindTool, models.KindPrompt, models.KindResource, models.KindInstructions, models.KindAgentCard, models.KindElicitation, models.KindToolResult,
	},
	Rules: []*check.Rule{hiddenSink, broadScope, preferred, praised, overreach},
	Checks: []check.Check{
		{Kinds: toolOnly, Needs: maySink, Examine: with(sinks)},
		{Kinds: toolOnly, Needs: mayFill, Examine: with(filled)},
		{Kinds: toolOnly, Needs: mayReach, Examine: with(reaches)},
		{Kinds: askers, Needs: hasScopes, Examine: with(scopes)},
		{Needs: mayPrefer, Examine: with(preferences)},
	},
}

// askers are kinds of event that may ask for rights.
var (
	toolOnly = []models.Kind{models.KindTool}
	askers   = []models.Kind{models.KindTool, models.KindInstructions, models.KindElicitation, models.KindAgentCard, models.KindPrompt}
)

// with is a check by a reader.
func with(examine func(e *reader)) func(*check.Event) {
	return func(event *check.Event) {
		e := reader{Event: event, book: lexis.Open(event)}
		examine(&e)
	}
}

// reader is an event and what was read of it.
type reader struct {
	*check.Event
	book  *lexis.Book
	about lexis.Senses
	aimed bool
}

func text(e *reader, i int) string { return e.Segments[i].Views[0].Text }

func (e *reader) read(i int) *lexis.Reading { return e.book.Read(i) }

// aim is what a tool says it is for: its names and the first sentence of its description.
func (e *reader) aim() lexis.Senses {
	if e.aimed {
		return e.about
	}
	e.aimed = true
	for _, p := range []string{"/name", "/title", "/annotations/title", "/serverInfo/name", "/serverInfo/title"} {
		if i, ok := e.At(p, false); ok {
			e.about |= e.read(i).All
		}
	}
	for _, p := range []string{"/description", "/instructions"} {
		if i, ok := e.At(p, false); ok {
			end := len(firstSentence(text(e, i)))
			for _, h := range e.read(i).Hits {
				if h.End <= end {
					e.about |= 1 << h.Sense
				}
			}
		}
	}
	return e.about
}

// maxAimBytes is how long a first sentence may be.
const maxAimBytes = 200

func firstSentence(s string) string {
	end := min(len(s), maxAimBytes)
	for _, stop := range []string{". ", ".\n", "\n", "。", "! ", "؟"} {
		if n := strings.Index(s[:end], stop); n > 0 {
			end = n
		}
	}
	return s[:end]
}
