package rulepack

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// event is what a scanner knows of the event whose texts it scans.
type event struct {
	segments []models.Segment
	own      []string
	purpose  directive.Signals
	known    bool // purpose is known
	about    about
	reader   *directive.Reader
}

// Begin tells the scanner which event the texts of the next scans belong to: which identifiers it defines, and what it
// is for. Without it no identifier is its own, and nothing is its purpose.
func (sc *Scanner) Begin(segments []models.Segment) {
	e := &sc.event
	e.segments, e.known, e.about, e.purpose, e.own = segments, false, unknown, directive.Signals{}, e.own[:0]
	for i := range segments {
		s := &segments[i]
		if len(e.own) == directive.MaxOwn {
			break
		}
		if (s.Key || s.Pointer == "/name") && identifying(s.Views[0].Text) {
			e.own = append(e.own, s.Views[0].Text)
		}
	}
	sc.reader.Own = e.own
}

// identifying reports whether the text is an identifier of several parts, as far as a glance tells.
func identifying(text string) bool {
	for i := 1; i < len(text); i++ {
		if c := text[i]; c == '_' || 'A' <= c && c <= 'Z' {
			return true
		}
	}
	return false
}

// about says whether an event speaks about attacks.
type about int

const (
	unknown about = iota
	attacks
	otherMatters
)

// maxAnalysisBytes is how much of each text is read to learn what an event is about.
const maxAnalysisBytes = 16 << 10

// analyses reports whether one of the event's texts speaks about attacks, as reports, lessons and test data do.
func (sc *Scanner) analyses() bool {
	e := &sc.event
	if e.about != unknown {
		return e.about == attacks
	}
	e.about = otherMatters
	for i := range e.segments {
		text := e.segments[i].Views[0].Text
		for _, h := range sc.second().Read(text[:min(len(text), maxAnalysisBytes)]).Hits {
			if h.Signal == sc.set.counters[analysisCounter] {
				e.about = attacks
				return true
			}
		}
	}
	return false
}

// second is a reader for what is looked up while the scanner's own reading is in use.
func (sc *Scanner) second() *directive.Reader {
	if sc.event.reader == nil {
		sc.event.reader = sc.set.lexicon.Reader()
	}
	return sc.event.reader
}

// Purpose returns the kinds of data that the event's object is for: those in its name, its title and the first
// sentence of its description or instructions.
func (sc *Scanner) Purpose() directive.Signals {
	e := &sc.event
	if e.known {
		return e.purpose
	}
	e.known = true
	sc.second()
	for i := range e.segments {
		s := &e.segments[i]
		if s.Key {
			continue
		}
		switch s.Pointer {
		case "/name", "/title", "/annotations/title", "/description", "/instructions", "/serverInfo/description":
			for v := range s.Views {
				e.addPurpose(s.Views[v].Text)
			}
		}
	}
	data := sc.set.lexicon.Data()
	for i := range e.purpose {
		e.purpose[i] &= data[i]
	}
	return e.purpose
}

func (e *event) addPurpose(text string) {
	first, _, _ := strings.Cut(text[:min(len(text), maxReachBytes)], ". ")
	for _, h := range e.reader.Read(first).Hits {
		if h.Sentence == 0 {
			e.purpose.Add(h.Signal)
		}
	}
}
