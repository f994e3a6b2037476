package compose

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Axis is what a technique varies.
type Axis string

// The axes.
const (
	Placement   Axis = "placement"
	Obfuscation Axis = "obfuscation"
	Language    Axis = "language"
)

// Axes returns every axis.
func Axes() []Axis { return []Axis{Placement, Obfuscation, Language} }

// Technique is one way to vary a sample.
type Technique struct {
	Name string
	Axis Axis
	// Class is the threat class of an obfuscation, empty on the other axes.
	Class models.Class
	// Does says what it does, in words that follow "the attack".
	Does string

	apply func(*job) bool
}

// Techniques returns every technique: placements, obfuscations by class, languages.
func Techniques() []Technique {
	return slices.Concat(Placements(), Obfuscations(), Languages())
}

// Named returns the techniques of these names. A name that there is none of is an error.
func Named(names ...string) ([]Technique, error) {
	all := Techniques()
	var out []Technique
	for _, name := range names {
		i := slices.IndexFunc(all, func(t Technique) bool { return t.Name == name })
		if i < 0 {
			return nil, &models.FieldError{Field: "technique", Problem: fmt.Sprintf("%q is not one of %s", name, strings.Join(namesOf(all), ", "))}
		}
		out = append(out, all[i])
	}
	return out, nil
}

func namesOf(techniques []Technique) []string {
	names := make([]string, len(techniques))
	for i, t := range techniques {
		names[i] = t.Name
	}
	return names
}

// job is one sample under one technique.
type job struct {
	sample *corpus.Sample // the variation on its way
	rand   *rand.Rand
	donors *donors
}

// Each applies every technique to every sample that it fits: to malicious ones with marked words in a place that the
// technique can change, and placements also to the others, of which the last sentence of the longest string is moved: a
// detector must not mind where harmless words stand. A disguise is no variation of a harmless sample, since hiding is
// what gives an attack away. The order is that of the samples, then of the techniques.
func Each(samples []corpus.Sample, techniques []Technique, seed uint64) ([]corpus.Sample, error) {
	donors := newDonors(samples)
	var out []corpus.Sample
	for i := range samples {
		for _, t := range techniques {
			v, ok, err := vary(&samples[i], []Technique{t}, seed, donors)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// drawAttempts bounds how often Draw looks for a combination that fits, per sample asked for.
const drawAttempts = 50

// Draw makes n variations, each of a sample chosen at random under techniques chosen at random, at most one of each axis:
// first the language is changed, then the place, then the disguise. Fewer come back if the samples don't hold that many
// different ones.
func Draw(samples []corpus.Sample, techniques []Technique, n int, seed uint64) ([]corpus.Sample, error) {
	donors := newDonors(samples)
	r := rand.New(rand.NewPCG(seed, 0))
	byAxis := map[Axis][]Technique{}
	for _, t := range techniques {
		byAxis[t.Axis] = append(byAxis[t.Axis], t)
	}
	seen := map[string]bool{}
	var out []corpus.Sample
	for attempt := 0; len(out) < n && len(samples) > 0 && attempt < n*drawAttempts; attempt++ {
		s := &samples[r.IntN(len(samples))]
		var chain []Technique
		for _, axis := range []Axis{Language, Placement, Obfuscation} {
			if of := byAxis[axis]; len(of) > 0 && r.IntN(2) == 0 {
				chain = append(chain, of[r.IntN(len(of))])
			}
		}
		v, ok, err := vary(s, chain, seed, donors)
		if err != nil {
			return nil, err
		}
		if ok && !seen[v.ID] {
			seen[v.ID] = true
			out = append(out, v)
		}
	}
	return out, nil
}

// vary applies a chain of techniques to a sample. It reports false where one of them does not fit.
func vary(s *corpus.Sample, chain []Technique, seed uint64, donors *donors) (corpus.Sample, bool, error) {
	spans := passage(s)
	if len(spans) == 0 || s.Event.Oversize != nil || len(chain) == 0 || s.From != "" {
		return corpus.Sample{}, false, nil
	}
	v := *s
	v.Also, v.Spans = slices.Clone(s.Also), spans
	v.Technique = strings.Join(namesOf(chain), "+")
	v.From, v.ID = s.ID, s.ID+"+"+v.Technique
	v.Twin = false // the other half of the set is not varied with it
	for _, t := range chain {
		j := &job{sample: &v, rand: random(seed, s.ID, t.Name), donors: donors}
		if s.Label != models.Malicious && t.Axis != Placement || !t.apply(j) {
			return corpus.Sample{}, false, nil
		}
		if t.Class != "" && v.Class != string(t.Class) && !slices.Contains(v.Also, t.Class) {
			v.Also = append(v.Also, t.Class)
		}
	}
	if err := check(&v); err != nil {
		return corpus.Sample{}, false, fmt.Errorf("varying %q by %s: %w", s.ID, v.Technique, err)
	}
	if s.Label != models.Malicious {
		v.Spans = nil
	}
	return v, true, nil
}

// leastPassage is how many bytes of harmless text are worth moving.
const leastPassage = 40

// passage is the words that are varied: what makes the sample an attack, else the last sentence of its longest string.
func passage(s *corpus.Sample) []corpus.Span {
	if s.Label == models.Malicious {
		return slices.Clone(s.Spans)
	}
	doc, err := view.Build(s.Event.Body)
	if err != nil {
		return nil
	}
	var longest *models.Segment
	for i := range doc.Segments {
		if g := &doc.Segments[i]; !g.Key && (longest == nil || len(g.Views[0].Text) > len(longest.Views[0].Text)) {
			longest = g
		}
	}
	if longest == nil {
		return nil
	}
	text := longest.Views[0].Text
	start := strings.LastIndex(strings.TrimRight(text, ". \n"), ". ") + 1
	if len(text)-start < leastPassage {
		return nil
	}
	return []corpus.Span{{Pointer: longest.Pointer, Start: start, End: len(text)}}
}

// random is the source of chance for one sample under one technique, whatever else is varied.
func random(seed uint64, parts ...string) *rand.Rand {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// check refuses a variation that is no event any more, or whose spans point nowhere.
func check(s *corpus.Sample) error {
	if err := s.Event.Validate(); err != nil {
		return err
	}
	doc, err := view.Build(s.Event.Body)
	if err != nil {
		return err
	}
	for _, span := range s.Spans {
		if find(doc, span.Pointer, span.Key, span.End) == nil {
			return &models.FieldError{Field: "spans", Problem: fmt.Sprintf("nothing at %s %d..%d", span.Pointer, span.Start, span.End)}
		}
	}
	return nil
}

// find returns the segment at a pointer that is at least length bytes long.
func find(doc *models.Document, pointer string, key bool, length int) *models.Segment {
	for i := range doc.Segments {
		g := &doc.Segments[i]
		if g.Pointer == pointer && g.Key == key && length <= len(g.Views[0].Text) {
			return g
		}
	}
	return nil
}

// attack returns the marked words, in order, and false if they can't be read.
func (j *job) attack() (words []string, ok bool) {
	doc, err := view.Build(j.sample.Event.Body)
	if err != nil {
		return nil, false
	}
	for _, s := range j.sample.Spans {
		g := find(doc, s.Pointer, s.Key, s.End)
		if g == nil || s.Start >= s.End {
			return nil, false
		}
		words = append(words, g.Views[0].Text[s.Start:s.End])
	}
	return words, len(words) > 0
}

// replace puts other words in the place of the marked ones: with(words) for each span, from the last to the first, so
// that the offsets of the ones before stay right.
func (j *job) replace(with func(words string) string) bool {
	order := slices.Clone(j.sample.Spans)
	slices.SortFunc(order, func(a, b corpus.Span) int { return b.Start - a.Start })
	moved := map[corpus.Span]corpus.Span{}
	for n, s := range order {
		doc, err := view.Build(j.sample.Event.Body)
		if err != nil {
			return false
		}
		g := find(doc, s.Pointer, s.Key, s.End)
		if g == nil || s.Key { // another member name would be another pointer
			return false
		}
		text := g.Views[0].Text
		words := with(text[s.Start:s.End])
		if words == text[s.Start:s.End] {
			return false
		}
		j.sample.Event.Body = splice(j.sample.Event.Body, g.Start, g.End, text[:s.Start]+words+text[s.End:])
		moved[s] = corpus.Span{Pointer: s.Pointer, Start: s.Start, End: s.Start + len(words)}
		for _, later := range order[:n] { // those of the same string stand further behind now
			if later.Pointer == s.Pointer {
				m := moved[later]
				m.Start += len(words) - (s.End - s.Start)
				m.End += len(words) - (s.End - s.Start)
				moved[later] = m
			}
		}
	}
	for i, s := range j.sample.Spans {
		j.sample.Spans[i] = moved[s]
	}
	return true
}

// splice puts a string in the place of the JSON string's inner bytes [start, end).
func splice(body []byte, start, end int, text string) []byte {
	quoted := quote(text)
	return slices.Concat(body[:start], quoted[1:len(quoted)-1], body[end:])
}

// quote writes a JSON string without escaping what HTML would want escaped.
func quote(text string) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // a string can always be encoded
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
