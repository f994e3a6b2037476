package compose

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
)

// languages are those of the corpus beside English, and mixtures.
var languages = []string{"ar", "de", "es", "fr", "hi", "ja", "ko", "pt", "ru", "zh", "mul"}

// Languages returns the techniques that put the attack into another language. Nothing is translated: the words come from
// another malicious sample of the same threat class and sort of kind, written in that language by a person, so that
// a carrier in one language holds an attack in another. English carriers alone are varied.
func Languages() []Technique {
	out := make([]Technique, len(languages))
	for i, tag := range languages {
		out[i] = Technique{
			Name: "language_" + tag, Axis: Language, Class: "B7", Does: "is in another language: " + tag,
			apply: func(j *job) bool { return j.graft(tag) },
		}
	}
	return out
}

// donors are the words of malicious samples by class, sort of kind and language.
type donors map[donorKey][]string

type donorKey struct {
	class      string
	definition bool
	language   string
}

func newDonors(samples []corpus.Sample) *donors {
	d := donors{}
	for i := range samples {
		s := &samples[i]
		if s.Label != models.Malicious || s.Language == "" || s.Signal == corpus.Payload || s.From != "" {
			continue
		}
		j := &job{sample: s}
		if words, ok := j.attack(); ok {
			key := donorKey{s.Class, s.Event.Kind.Definition(), s.Language}
			d[key] = append(d[key], strings.Join(words, " "))
		}
	}
	for _, words := range d {
		slices.Sort(words)
	}
	return &d
}

// graft puts the words of a donor in the place of the first marked words, and takes the others out.
func (j *job) graft(language string) bool {
	s := j.sample
	words := (*j.donors)[donorKey{s.Class, s.Event.Kind.Definition(), language}]
	if len(words) == 0 || s.Language != "" && s.Language != "en" || s.Signal == corpus.Payload || len(s.Spans) != 1 {
		return false
	}
	s.Language = language
	return j.replace(func(string) string { return words[j.rand.IntN(len(words))] })
}
