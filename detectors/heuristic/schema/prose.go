package schema

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var (
	proseOrder = &check.Rule{
		ID: "schema-prose-order", Version: version, Class: "A3", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "A place for a value or a note has sentences that tell the model what to fetch, to hand over or to keep quiet.",
	}
	namedOrder = &check.Rule{
		ID: "schema-name-order", Version: version, Class: "A3", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "The name of a parameter or a value spells out an order about data that the tool has no use for.",
	}
)

var (
	private   = lexis.Set("chat", "setup", "toolset", "secret", "files", "stores", "identity", "money", "health", "kin", "whereabouts", "profile")
	overruled = lexis.Set("overrides")
	extra     = lexis.Set("extra")
	strong    = lexis.Set("secret", "setup", "toolset") // what no value speaks of by chance
	put       = lexis.Set("put")
	fetch     = lexis.Set("fetch")
	hide      = lexis.Set("hide")
	shell     = lexis.Set("shell")
	agent     = lexis.Set("agent")
	known     = lexis.Set("known")
	consent   = lexis.Set("consent")
	past      = lexis.Set("past")
	all       = lexis.Set("all")
)

// minProseBytes is the shortest text that is an order rather than a value.
const minProseBytes = 24

// prose reads the places that a person does not read as text.
func prose(e *reader) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if !schemaPlace(s.Pointer) {
			continue
		}
		t := text(e, i)
		if s.Key {
			t = check.Last(s)
		}
		if len(t) < minProseBytes || !quiet(s) || s.Pointer == "/inputSchema/title" {
			continue
		}
		r := e.book.Read(i)
		if !strings.Contains(t, " ") && ascii(t) {
			named(e, i, r)
			continue
		}
		ordered(e, i, r)
	}
}

// schemaPlace reports whether the pointer leads into a schema or what goes with it.
func schemaPlace(pointer string) bool {
	for _, root := range []string{"/inputSchema/", "/outputSchema/", "/requestedSchema/", "/annotations/", "/_meta/", "/arguments/"} {
		if strings.HasPrefix(pointer, root) {
			return true
		}
	}
	return false
}

// quiet reports whether the place is for names, values and notes rather than for descriptions.
func quiet(s *models.Segment) bool {
	if s.Key {
		return true
	}
	last := check.Last(s)
	switch last {
	case "name":
		return strings.HasPrefix(s.Pointer, "/arguments/")
	case "title", "default", "const", "pattern", "$comment", "format", "contentMediaType", "$id", "$anchor", "example", "x-example":
		return true
	case "description":
		return strings.HasPrefix(s.Pointer, "/outputSchema/") || strings.HasPrefix(s.Pointer, "/_meta/") || conditional(s.Pointer)
	}
	if strings.HasPrefix(last, "x-") || strings.HasPrefix(s.Pointer, "/_meta/") || strings.HasPrefix(s.Pointer, "/annotations/") {
		return true
	}
	for _, list := range []string{"/enum/", "/enumNames/", "/examples/", "/required/", "/default/"} {
		if strings.Contains(s.Pointer, list) {
			return true
		}
	}
	return false
}

// conditional reports whether the place counts only if a condition holds.
func conditional(pointer string) bool {
	return strings.Contains(pointer, "/then/") || strings.Contains(pointer, "/else/") || strings.Contains(pointer, "/not/")
}

// fixed reports whether the place holds nothing but words of the schema's own: there, less tells an order.
func fixed(s *models.Segment) bool {
	if s.Key {
		return true
	}
	switch check.Last(s) {
	case "const", "pattern", "$id", "$anchor", "format":
		return true
	}
	return strings.Contains(s.Pointer, "/enum/") || strings.Contains(s.Pointer, "/required/")
}

const (
	enoughToken = 2
	enoughFixed = 3
	enoughProse = 4
)

// token reports whether the place holds one word by its nature.
func token(s *models.Segment) bool {
	switch check.Last(s) {
	case "format", "$id", "$anchor", "contentMediaType":
		return !s.Key
	}
	return false
}

// ordered weighs a sentence where none belongs: whose data, what to do with it, and who is not to know.
func ordered(e *reader, i int, r *lexis.Reading) {
	s := &e.Segments[i]
	enough := enoughProse
	if fixed(s) {
		enough = enoughFixed
	}
	given := check.Last(s) == "default" || fixed(s)
	if program(r.Text) || listed(s) && strings.HasSuffix(r.Text, "?") {
		return
	}
	for hits := range r.Sentences {
		set := lexis.SetOf(hits)
		need := enough
		if set.Any(strong) {
			need = enoughFixed
			if token(s) && strings.Count(r.Text, " ") >= minWords {
				need = enoughToken
			}
		}
		if set.Any(consent) || weighOrder(set, r, given) < need || listed(s) && !set.Any(tells) && !r.All.Any(hide) {
			continue
		}
		start, end := lexis.Extent(hits, private|put|fetch|known|hide|agent|shell|all)
		e.Report(proseOrder, nil, models.Span{Segment: i, Start: start, End: end})
		return
	}
}

// program reports whether a text is a page or code: those speak of data all the time.
func program(text string) bool {
	return strings.Contains(text, "</") || strings.Count(text, "(")+strings.Count(text, "{")+strings.Count(text, "|")+strings.Count(text, ";") >= 5
}

// tells is what makes an order of words that a label may have, too.
var tells = fetch | known | agent | extra | shell | waive | overruled | all | past

// listed reports whether the place is for one of the values to choose from.
func listed(s *models.Segment) bool { return !s.Key && strings.Contains(s.Pointer, "/enum/") }

// weighOrder adds up what makes a sentence an order; given is true where the value is what a call will have.
func weighOrder(set lexis.Senses, r *lexis.Reading, given bool) (weight int) {
	if set.Any(private) {
		weight += 2
	}
	if set.Any(shell) && set.Any(agent|fetch) {
		weight += 3
	}
	if set.Any(put) {
		weight++
		if strings.Contains(r.Text, "@") && strings.Count(r.Text, " ") >= minWords {
			weight++
			if given {
				weight++
			}
		}
	}
	if set.Any(fetch | known) {
		weight++
	}
	if r.All.Any(hide) {
		weight++
	}
	if set.Any(agent) {
		weight++
	}
	if set.Any(waive | overruled) {
		weight += 2
	}
	if given && set.Any(all) && set.Any(strong) {
		weight++
	}
	if set.Any(extra) && set.Any(private|shell) {
		weight++
	}
	return weight
}

// minWords is how many blanks an address needs around it to stand in a sentence.
const minWords = 4

// named weighs a name.
func named(e *reader, i int, r *lexis.Reading) {
	switch {
	case r.All.Any(consent):
		return
	case r.All.Any(put) && r.All.Any(private) && (r.All.Any(fetch|known|all|past) || strings.HasSuffix(strings.ToLower(r.Text), "here")):
	case r.All.Any(fetch) && r.All.Any(strong) && r.All.Any(all|past):
	case r.All.Any(shell) && r.All.Any(agent|fetch):
	default:
		return
	}
	e.Report(namedOrder, nil, e.Whole(i))
}
