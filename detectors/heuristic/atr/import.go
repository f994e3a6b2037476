package atr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
)

// File is a file with one rule.
type File struct {
	Path string
	Data []byte
}

// Result is what an import leads to.
type Result struct {
	// Pack is the rule pack, nil if no rule could be imported.
	Pack  []byte `json:"-"`
	Rules []Rule `json:"rules"` // one for each file, in order
}

// Imported counts the files of which something was imported.
func (r *Result) Imported() int {
	n := 0
	for i := range r.Rules {
		if len(r.Rules[i].Imported) > 0 {
			n++
		}
	}
	return n
}

// Import makes a rule pack with the name of the rules in the files. The error is about the pack as a whole; what is wrong
// with a file or a rule is in the result.
func Import(name string, files []File) (*Result, error) {
	result := &Result{Rules: make([]Rule, len(files))}
	p := pack(name)
	seen := map[string]bool{}
	for i, f := range files {
		r := &result.Rules[i]
		*r = Rule{File: f.Path, Imported: []string{}}
		s, err := read(f.Data)
		if err != nil {
			reason, _, _ := strings.Cut(err.Error(), "\n") // a parser shows the place as well
			r.note("", Refused, "%s", reason)
			continue
		}
		r.ID, r.Title = s.ID, s.Title
		if seen[s.ID] {
			r.note("", Refused, "another file has a rule of this id")
			continue
		}
		seen[s.ID] = true
		for _, c := range convert(s, r) {
			p.add(c)
		}
	}
	if len(p.Rules) == 0 {
		return result, nil
	}
	result.Pack = p.write()
	return result, check(result.Pack)
}

// check makes sure that what was written is a pack that can be loaded.
func check(data []byte) error {
	p, err := rulepack.Parse(data)
	if err != nil {
		return fmt.Errorf("reading the imported pack: %w", err)
	}
	var errs []error
	for _, problem := range p.Lint() {
		errs = append(errs, problem)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("checking the imported pack: %w", err)
	}
	return nil
}

// builder is a pack in the making.
type builder struct {
	rulepack.Pack
	names map[string]string // of term classes, by their literals
}

func pack(name string) *builder {
	return &builder{
		Pack: rulepack.Pack{
			Name: name, Version: "1.0.0", Description: "Imported from Agent Threat Rules, narrowed where that was needed.",
			Terms: map[string][]string{},
		},
		names: map[string]string{},
	}
}

func (b *builder) add(c converted) {
	r := rulepack.Rule{
		ID: c.id, Version: "1.0.0", Class: c.class, Severity: c.severity, Confidence: c.confidence, Message: c.message,
		Kinds: c.place.kinds, Fields: c.place.fields, References: c.references, Hits: c.hits, Misses: c.misses,
	}
	for _, n := range c.nears {
		near := rulepack.Near{Within: n.within, Pattern: n.pattern, Window: n.window}
		for _, class := range n.classes {
			near.Terms = append(near.Terms, b.name(class))
		}
		r.Near = append(r.Near, near)
	}
	b.Rules = append(b.Rules, r)
}

// name is the name of a class of terms: after its first, with a number where that is taken.
func (b *builder) name(class []string) string {
	key := strings.Join(class, "\x00")
	if name, ok := b.names[key]; ok {
		return name
	}
	stem := strings.Join(strings.FieldsFunc(class[0], func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') }), "-")
	if len(stem) < 2 || !unicode.IsLower(rune(stem[0])) || slices.Contains(reserved, stem) {
		stem = "term-" + stem
	}
	stem = strings.TrimRight(stem, "-")
	name := stem
	for n := 2; b.Terms[name] != nil; n++ {
		name = fmt.Sprintf("%s-%d", stem, n)
	}
	b.names[key], b.Terms[name] = name, class
	return name
}

// reserved are words that YAML takes for something else than a text.
var reserved = []string{"null", "true", "false", "yes", "no", "on", "off"}

// write writes the pack. Every text is quoted as JSON does, which is YAML.
func (b *builder) write() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "name: %s\nversion: %s\ndescription: %s\nterms:\n", b.Name, b.Version, quote(b.Description))
	names := make([]string, 0, len(b.Terms))
	for name := range b.Terms {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&w, "  %s: %s\n", name, quote(b.Terms[name]))
	}
	fmt.Fprintln(&w, "rules:")
	for i := range b.Rules {
		writeRule(&w, &b.Rules[i])
	}
	return w.Bytes()
}

func writeRule(w *bytes.Buffer, r *rulepack.Rule) {
	fmt.Fprintf(w, "  - id: %s\n    version: %s\n    class: %s\n    severity: %s\n    confidence: %g\n    message: %s\n",
		r.ID, r.Version, r.Class, r.Severity, r.Confidence, quote(r.Message))
	if len(r.Kinds) > 0 {
		fmt.Fprintf(w, "    kinds: %s\n", quote(r.Kinds))
	}
	if len(r.Fields) > 0 {
		fmt.Fprintf(w, "    fields: %s\n", quote(r.Fields))
	}
	fmt.Fprintf(w, "    references: %s\n    near:\n", quote(r.References))
	for _, n := range r.Near {
		fmt.Fprintf(w, "      - {terms: %s, within: %d, window: %d, pattern: %s}\n", quote(n.Terms), n.Within, n.Window, quote(n.Pattern))
	}
	writeSamples(w, "hits", r.Hits)
	writeSamples(w, "misses", r.Misses)
}

func writeSamples(w *bytes.Buffer, list string, samples []rulepack.Sample) {
	fmt.Fprintf(w, "    %s:\n", list)
	for _, s := range samples {
		if s.Kind == "" {
			fmt.Fprintf(w, "      - %s\n", quote(s.Text))
		} else {
			fmt.Fprintf(w, "      - {kind: %s, body: %s}\n", s.Kind, quote(string(s.Body)))
		}
	}
}

// quote writes v as JSON on one line.
func quote(v any) string {
	var w bytes.Buffer
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return `""` // nothing but texts is quoted
	}
	return strings.TrimRight(w.String(), "\n")
}
