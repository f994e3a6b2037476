package schema

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

var outsideRef = &check.Rule{
	ID: "schema-outside-ref", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.7,
	Message: "A schema refers to a file or an address outside: a client that follows it opens what the server wants opened.",
}

// firmConfidence is for references that can only be meant badly: local files, inner networks, filled-in addresses.
const firmConfidence = 0.85

// reference judges a reference, or adds it to those that stay within the definition.
func reference(e *reader, i int, local []int) []int {
	s, target := &e.Segments[i], text(e, i)
	last := check.Last(s)
	if literal(s) {
		return local
	}
	if strings.HasPrefix(target, "#") {
		if last == "$ref" {
			local = append(local, i)
		}
		return local
	}
	names := last == "$schema" || last == "$id"
	switch {
	case inner(target):
		e.ReportAs(outsideRef, outsideRef.Severity, firmConfidence, nil, e.Whole(i))
	case names || dialect(target):
	case strings.Contains(target, "://") || strings.HasPrefix(target, "//") || strings.HasPrefix(target, `\\`):
		e.Report(outsideRef, nil, e.Whole(i))
	}
	return local
}

// dialect reports whether the address is that of a published vocabulary that clients have at hand.
func dialect(address string) bool {
	_, rest, _ := strings.Cut(address, "://")
	return strings.HasPrefix(rest, "json-schema.org/") || strings.HasPrefix(rest, "spec.openapis.org/") || strings.HasPrefix(rest, "schema.org/")
}

// inner reports whether an address leads to the reader's own machine or network, or is to be filled in.
func inner(address string) bool {
	lower := strings.ToLower(address)
	if strings.HasPrefix(lower, "file:") || strings.HasPrefix(lower, `\\`) || strings.Contains(address, "${") || strings.Contains(address, "{{") ||
		strings.HasPrefix(lower, "/etc/") || strings.HasPrefix(lower, "../../") || strings.HasPrefix(lower, "~/") {
		return true
	}
	_, host, ok := strings.Cut(lower, "//")
	if !ok {
		return false
	}
	host, _, _ = strings.Cut(host, "/")
	if _, after, found := strings.Cut(host, "@"); found {
		host = after
	}
	for _, prefix := range []string{"127.", "10.", "192.168.", "169.254.", "0.0.0.0", "[", "localhost", "metadata."} {
		if strings.HasPrefix(host, prefix) {
			return true
		}
	}
	return strings.HasPrefix(host, "172.") && len(host) > 6 && "16" <= host[4:6] && host[4:6] <= "31" || strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".local")
}

var refBomb = &check.Rule{
	ID: "schema-ref-bomb", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.75,
	Message: "A schema's references multiply or run in a circle, so that resolving them never ends.",
}

const (
	maxRefs      = 512    // of one definition; more are not weighed
	bombCopies   = 20_000 // copies of one definition that resolving everything makes
	unlimited    = 1 << 40
	maxExpansion = 64 // depth to which references are followed
)

// target is a definition that references lead to.
type target struct {
	site   site
	refs   []int // segments of references below it
	copies int   // 0: not counted yet; -1: being counted
	passed bool  // looked at for circles
	open   bool  // on the way that is being looked at
}

// site is where a reference leads to: the schema that it stands in, by its pointer, and the place in that.
type site struct{ root, fragment string }

// within returns the rest of a pointer that leads to the place or below it.
func (p site) within(pointer string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(pointer, p.root); ok {
		rest, ok = strings.CutPrefix(rest, p.fragment)
	}
	return rest, ok && (rest == "" || rest[0] == '/')
}

// expansion reports references that multiply beyond measure, or come back to themselves without a step into a value.
func expansion(e *reader, refs []int) {
	if len(refs) > maxRefs {
		refs = refs[:maxRefs]
	}
	var room [fewRefs]int
	if inner, few := referred(e, refs, room[:0]); few && !mayCircle(e, inner) {
		return
	}
	multiplies(e, refs)
}

// multiplies is expansion with a table of all that references lead to.
func multiplies(e *reader, refs []int) {
	targets := map[site]*target{}
	for _, i := range refs {
		if p, ok := destination(e, i); ok && targets[p] == nil {
			targets[p] = &target{site: p}
		}
	}
	if len(targets) > maxExpansion*4 {
		return
	}
	for _, t := range targets {
		for _, i := range refs {
			if _, ok := t.site.within(e.Segments[i].Pointer); ok {
				t.refs = append(t.refs, i)
			}
		}
	}
	for _, i := range refs {
		p, ok := destination(e, i)
		if !ok {
			continue
		}
		if circle(e, targets, p) || copies(e, targets, p, 0) >= bombCopies {
			e.Report(refBomb, nil, e.Whole(i))
			return
		}
	}
}

const (
	// fewRefs is how many references within what others lead to are followed on every way: doubling copies one after the
	// other, they stay far below bombCopies.
	fewRefs     = 8
	maxCompared = 64 // references that are compared with each other for that
)

// referred appends the references that stand in what references lead to: no others multiply, or lead in a circle. It
// reports whether there are but few.
func referred(e *reader, refs, inner []int) ([]int, bool) {
	if len(refs) > maxCompared {
		return inner, false
	}
	for _, i := range refs {
		if !slices.ContainsFunc(refs, func(j int) bool { return leadsTo(e, j, i) }) {
			continue
		}
		if len(inner) == fewRefs {
			return inner, false
		}
		inner = append(inner, i)
	}
	return inner, true
}

// leadsTo reports whether reference j leads to what segment i stands in.
func leadsTo(e *reader, j, i int) bool {
	to, ok := destination(e, j)
	if ok {
		_, ok = to.within(e.Segments[i].Pointer)
	}
	return ok
}

// mayCircle reports whether references lead on from place to place, more than once, through nothing but combinations: only
// then can they come back to where they were.
func mayCircle(e *reader, refs []int) bool {
	for _, i := range refs {
		if from, ok := destination(e, i); ok && leadsOn(e, refs, from, 0) {
			return true
		}
	}
	return false
}

// leadsOn reports whether one of the references at a place, or in combinations there, leads to itself or on, for so many
// steps that some place must have come twice.
func leadsOn(e *reader, refs []int, from site, steps int) bool {
	if steps > len(refs) {
		return true
	}
	for _, i := range refs {
		if rest, ok := from.within(e.Segments[i].Pointer); !ok || !inPlace(rest) {
			continue
		}
		if to, ok := destination(e, i); ok && leadsOn(e, refs, to, steps+1) {
			return true
		}
	}
	return false
}

// destination is the place in the event that a local reference leads to.
func destination(e *reader, i int) (site, bool) {
	fragment := strings.TrimPrefix(text(e, i), "#")
	if fragment != "" && fragment[0] != '/' {
		return site{}, false
	}
	root := e.Segments[i].Pointer
	if n := strings.IndexByte(root[1:], '/'); n >= 0 {
		root = root[:n+1]
	}
	return site{root, fragment}, true
}

// copies counts how often resolving t makes a definition, as far as it grows without coming back to where it was.
func copies(e *reader, targets map[site]*target, p site, depth int) int {
	t := targets[p]
	if t == nil || t.copies < 0 || depth > maxExpansion {
		return 1
	}
	if t.copies > 0 {
		return t.copies
	}
	t.copies = -1
	n := 1
	for _, i := range t.refs {
		if p, ok := destination(e, i); ok {
			n = min(n+copies(e, targets, p, depth+1), unlimited)
		}
	}
	t.copies = n
	return n
}

// circle reports whether references lead from t back to where they came from through nothing but combinations. It goes to
// each target once.
func circle(e *reader, targets map[site]*target, p site) bool {
	t := targets[p]
	if t == nil || t.passed {
		return t != nil && t.open
	}
	t.passed, t.open = true, true
	defer func() { t.open = false }()
	for _, i := range t.refs {
		if rest, _ := t.site.within(e.Segments[i].Pointer); !inPlace(rest) {
			continue
		}
		if p, ok := destination(e, i); ok && circle(e, targets, p) {
			return true
		}
	}
	return false
}

// inPlace reports whether a path within a schema stays with the same value.
func inPlace(path string) bool {
	for token := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		switch token {
		case "$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else":
		default:
			if strings.Trim(token, "0123456789") != "" || token == "" {
				return false
			}
		}
	}
	return true
}
