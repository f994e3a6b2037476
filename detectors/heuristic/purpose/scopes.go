package purpose

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var broadScope = &check.Rule{
	ID: "scope-beyond-purpose", Version: version, Class: "E5", Severity: models.SeverityHigh, Confidence: 0.6,
	Message: "Rights are asked for that go far beyond what the tool or server is for.",
}

var (
	broad     = lexis.Set("broad")
	demand    = lexis.Set("demand")
	adminwork = lexis.Set("adminwork")
	adminmark = lexis.Set("adminmark")
	mutes     = lexis.Set("mutes")
	forever   = lexis.Set("forever")
)

// ask is a place where rights are asked for: a sentence, or a parameter with all that belongs to it.
type ask struct {
	senses    lexis.Senses
	rights    [maxRights]string // the broad rights, each once
	count     int               // of rights
	segment   int
	parameter bool
	fixed     bool // the only value that the parameter may have is such a right
	choice    bool // the parameter has values to choose from
	start     int
	end       int
}

// hasScopes reports an event with a right that reaches far, in a word or in the form of a scope.
func hasScopes(e *check.Event) bool {
	if lexis.Open(e).Everything().Any(broad) {
		return true
	}
	for i := range e.Segments {
		if e.Bytes(i).Has(dotted) && hasWide(e.Segments[i].Views[0].Text) {
			return true
		}
	}
	return false
}

// dotted is what the parts of scopes are joined by.
var dotted = check.BytesOf(".:")

// hasWide reports whether text has a word such as files.read.all, or may have one at the end of what is taken for a sentence.
func hasWide(text string) bool {
	for i := 1; i+1 < len(text); i++ {
		if text[i] != '.' && text[i] != ':' || !scopeByte(text[i+1]) {
			continue
		}
		start, end := i, i+1
		for start > 0 && scopeByte(text[start-1]) {
			start--
		}
		for end < len(text) && scopeByte(text[end]) {
			end++
		}
		if len(text) > lexis.MaxSentenceBytes || isWide(strings.TrimRight(text[start:end], ".:")) {
			return true
		}
		i = end
	}
	return false
}

// scopes looks for rights in what a definition says of itself and in what it wants to be given.
func scopes(e *reader) {
	var best, current ask
	weight, forMarks, place := 0, lexis.Senses(0), ""
	reads := 0
	if i, ok := e.At("/annotations/readOnlyHint", true); ok && e.Scalar(i) == "true" {
		reads = 1
	}
	keep := func(a ask) {
		if w := a.weigh(reads); w > weight {
			weight, best = w, a
		}
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		if len(text(e, i)) < 4 {
			continue
		}
		parameter, named := parameterOf(s.Pointer)
		if !named {
			if s.Key {
				continue
			}
			r := e.read(i)
			for hits := range r.Sentences {
				set := lexis.SetOf(hits)
				if !set.Any(broad) {
					forMarks |= set
				}
				if !set.Any(broad | demand) {
					continue
				}
				from, to := lexis.SentenceAt(r.Text, hits[0].Start)
				if strings.Contains(r.Text[from:to], "</") {
					continue // a sample of what a file holds
				}
				a := ask{senses: set}
				a.add(i, r, hits, from, to)
				keep(a)
			}
			continue
		}
		if parameter != place {
			keep(current)
			place, current = parameter, ask{parameter: true}
			if granting(place) {
				current.senses = demand
			}
		}
		if s.Key && s.Pointer != place && !granting(place) || len(text(e, i)) > maxAskBytes || strings.Contains(s.Pointer, "/examples/") || strings.Contains(text(e, i), "</") {
			continue
		}
		switch only, chosen := value(e, i); {
		case chosen && !only:
			current.choice = true
			continue
		case only:
			current.fixed = current.fixed || e.read(i).All.Any(broad)
		}
		r := e.read(i)
		current.senses |= r.All
		current.add(i, r, r.Hits, 0, len(r.Text))
	}
	keep(current)
	if weight > 0 && eager(e) {
		weight++
	}
	if weight < enough || forMarks.Any(adminmark) || e.aim().Any(adminwork) {
		return
	}
	e.Report(broadScope, nil, models.Span{Segment: best.segment, Start: best.start, End: best.end})
}

// maxAskBytes is the longest text about a parameter that is a demand rather than documentation.
const maxAskBytes = 320

// granting reports whether the names of members below a place are rights.
func granting(place string) bool {
	return place == "/securitySchemes" || strings.HasPrefix(place, "/_meta/")
}

// value reports whether segment i is one of the values that a parameter may have, and whether it is the only one.
func value(e *reader, i int) (only, chosen bool) {
	s := &e.Segments[i]
	list, index, ok := strings.Cut(s.Pointer, "/enum/")
	if !ok {
		return !s.Key && check.Last(s) == "const", false
	}
	return index == "0" && (i+1 == len(e.Segments) || !strings.HasPrefix(e.Segments[i+1].Pointer, s.Pointer[:len(list)+len("/enum/")])), true
}

// add notes the rights among the hits, and those between from and to that have the form of scopes.
func (a *ask) add(i int, r *lexis.Reading, hits []lexis.Hit, from, to int) {
	note := func(start, end int) {
		if a.count == 0 {
			a.segment, a.start = i, start
		}
		if a.segment == i {
			a.start, a.end = min(a.start, start), max(a.end, end)
		}
		if word := r.Text[start:end]; a.count < maxRights && !slices.Contains(a.rights[:a.count], word) {
			a.rights[a.count] = word
			a.count++
		}
	}
	if from < to && strings.ContainsAny(r.Text[from:to], ".:") {
		wideScopes(r.Text, from, to, note)
	}
	for _, h := range hits {
		if !broad.Has(h.Sense) || h.Identifier && !a.parameter {
			continue
		}
		note(h.Start, h.End)
	}
}

const maxRights = 3

// weigh counts the rights, whether they are demanded, and whether they are to stay; reads is 1 for what only reads.
func (a *ask) weigh(reads int) int {
	n := a.count
	if n == 0 {
		return 0
	}
	if a.senses.Any(demand) {
		n++
	} else if !a.parameter {
		n--
	}
	if a.senses.Any(hide | forever) {
		n++
	}
	if a.senses.Any(mutes) {
		n -= 2
	}
	if !a.parameter && a.senses.All(demand) && a.senses.Any(stores) {
		n++
	}
	if a.parameter && n > 1 {
		n += reads
	}
	if a.fixed {
		n++
	}
	if a.choice {
		n -= 2
	}
	return n
}

// eager reports whether a server claims the client's model and folders for itself.
func eager(e *reader) bool {
	_, samples := e.At("/capabilities/sampling", true)
	_, roots := e.At("/capabilities/roots", true)
	return samples && roots
}

// parameterOf returns the pointer of the parameter that a place belongs to.
func parameterOf(pointer string) (string, bool) {
	if strings.HasPrefix(pointer, "/securitySchemes/") {
		return "/securitySchemes", true
	}
	for _, root := range []string{"/inputSchema/properties/", "/requestedSchema/properties/", "/_meta/"} {
		if rest, ok := strings.CutPrefix(pointer, root); ok {
			name, _, _ := strings.Cut(rest, "/")
			return pointer[:len(root)+len(name)], true
		}
	}
	return "", false
}

// wide are parts of scopes that reach far.
var wide = map[string]bool{
	"*": true, "all": true, "admin": true, "full": true, "full_control": true, "fullcontrol": true, "manage": true, "readwrite": true,
	"delete": true, "exec": true, "execute": true, "sign": true, "owner": true, "root": true, "sudo": true, "impersonate": true,
	"superuser": true, "background": true, "everything": true, "any": true, "export": true, "write_all": true, "read_all": true, "secrets": true,
}

// notScopes are last parts of names of files and hosts.
var notScopes = map[string]bool{
	"js": true, "json": true, "py": true, "md": true, "txt": true, "html": true, "yaml": true, "yml": true, "go": true, "ts": true, "sh": true,
	"com": true, "org": true, "net": true, "io": true, "dev": true, "example": true, "test": true, "invalid": true, "localhost": true, "csv": true,
}

// wideScopes notes words such as files.read.all or mail:*.
func wideScopes(text string, from, to int, note func(start, end int)) {
	for start := from; start < to; {
		end := start
		for end < to && scopeByte(text[end]) {
			end++
		}
		if word := strings.TrimRight(text[start:end], ".:"); len(word) > 4 && isWide(word) {
			note(start, start+len(word))
		}
		start = end + 1
	}
}

func scopeByte(c byte) bool { return wordByte(c) || c == '.' || c == ':' || c == '*' || c == '-' }

// isWide reports whether a word is a scope of several parts, one of which reaches far.
func isWide(word string) bool {
	parts, reaches, last := 0, false, ""
	for part := range strings.FieldsFuncSeq(word, func(c rune) bool { return c == '.' || c == ':' }) {
		parts, last = parts+1, part
		reaches = reaches || among(wide, part)
	}
	return parts > 1 && reaches && !(strings.Contains(word, ".") && among(notScopes, last))
}

// among reports whether a word of ASCII is in a set, whatever the case of its letters.
func among(set map[string]bool, word string) bool {
	var lower [maxPart]byte
	for i := range min(len(word), maxPart) {
		if lower[i] = word[i]; 'A' <= word[i] && word[i] <= 'Z' {
			lower[i] |= 0x20
		}
	}
	return len(word) <= maxPart && set[string(lower[:len(word)])]
}

// maxPart is more than the length of the longest part in a table.
const maxPart = 16
