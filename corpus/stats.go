package corpus

import (
	"slices"

	"github.com/aad6b6dc/taster/models"
)

// English is the language of samples of Taster's own corpus that name none.
const English = "en"

// ByLabel counts samples by label.
type ByLabel map[models.Label]int

// Stats says what is in a corpus.
type Stats struct {
	Digest     string                         `json:"digest"`
	Samples    int                            `json:"samples"`
	Labels     ByLabel                        `json:"labels"`
	Files      map[string]ByLabel             `json:"files"`
	Kinds      map[models.Kind]ByLabel        `json:"kinds"`
	Classes    map[models.Class]*ClassStats   `json:"classes"`
	Languages  map[string]ByLabel             `json:"languages"` // by BCP 47 tag
	Splits     map[Split]ByLabel              `json:"splits"`    // "" counts samples without one
	Lengths    map[models.Kind]LengthsByLabel `json:"lengths"`
	Groups     int                            `json:"groups"`
	TwinSets   int                            `json:"twin_sets"` // groups with malicious and harmless twins
	Catalogues int                            `json:"catalogues"`
	Changes    int                            `json:"changes"` // samples with a definition before
}

// LengthsByLabel is the lengths of bodies by label.
type LengthsByLabel map[models.Label]Lengths

// Lengths are quantiles of the bytes of bodies.
type Lengths struct {
	P10    int `json:"p10"`
	Median int `json:"median"`
	P90    int `json:"p90"`
}

// ClassStats counts the samples of a threat class, or of a collection's own category.
type ClassStats struct {
	Difficulties map[Difficulty]int `json:"malicious"` // the malicious ones by difficulty, "" where none is stated
	Resembling   ByLabel            `json:"resembling,omitempty"`
}

// Malicious is the number of malicious samples. c may be nil.
func (c *ClassStats) Malicious() (n int) {
	if c != nil {
		for _, d := range c.Difficulties {
			n += d
		}
	}
	return n
}

// Summarise counts.
func Summarise(c *Corpus) Stats {
	all := c.samples()
	st := Stats{
		Digest: c.Digest(), Samples: len(all), Labels: ByLabel{}, Files: map[string]ByLabel{}, Kinds: map[models.Kind]ByLabel{},
		Classes: map[models.Class]*ClassStats{}, Languages: map[string]ByLabel{}, Splits: map[Split]ByLabel{},
	}
	lengths := map[models.Kind]map[models.Label][]float64{}
	groups, catalogues := map[string]bool{}, map[string]bool{}
	twins := map[string]map[bool]bool{} // group: malicious or not
	for _, s := range all {
		st.Labels[s.Label]++
		count(st.Files, s.Source, s.Label)
		count(st.Kinds, s.Event.Kind, s.Label)
		count(st.Languages, s.language(), s.Label)
		count(st.Splits, s.Split, s.Label)
		st.classify(s)
		if lengths[s.Event.Kind] == nil {
			lengths[s.Event.Kind] = map[models.Label][]float64{}
		}
		lengths[s.Event.Kind][s.Label] = append(lengths[s.Event.Kind][s.Label], float64(len(s.Event.Body)))
		if s.Group != "" {
			groups[s.Source+" "+s.Group] = true
		}
		if s.Catalogue != "" {
			catalogues[s.Source+" "+s.Catalogue] = true
		}
		if s.Before != "" {
			st.Changes++
		}
		if s.Twin {
			if twins[s.Group] == nil {
				twins[s.Group] = map[bool]bool{}
			}
			twins[s.Group][s.Label == models.Malicious] = true
		}
	}
	for _, sides := range twins {
		if len(sides) == 2 {
			st.TwinSets++
		}
	}
	st.Groups, st.Catalogues, st.Lengths = len(groups), len(catalogues), quantiles(lengths)
	return st
}

func (s *Sample) language() string {
	if s.Language == "" {
		return English
	}
	return s.Language
}

func count[K comparable](m map[K]ByLabel, key K, label models.Label) {
	if m[key] == nil {
		m[key] = ByLabel{}
	}
	m[key][label]++
}

func (st *Stats) classify(s *Sample) {
	class := func(id models.Class) *ClassStats {
		if st.Classes[id] == nil {
			st.Classes[id] = &ClassStats{map[Difficulty]int{}, ByLabel{}}
		}
		return st.Classes[id]
	}
	switch {
	case s.Label == models.Malicious:
		class(models.Class(s.Class)).Difficulties[s.Difficulty]++
	case s.Resembles != "":
		class(s.Resembles).Resembling[s.Label]++
	}
}

func quantiles(lengths map[models.Kind]map[models.Label][]float64) map[models.Kind]LengthsByLabel {
	out := map[models.Kind]LengthsByLabel{}
	for kind, byLabel := range lengths {
		out[kind] = LengthsByLabel{}
		for label, l := range byLabel {
			slices.Sort(l)
			out[kind][label] = Lengths{int(quantile(l, 0.1)), int(quantile(l, 0.5)), int(quantile(l, 0.9))}
		}
	}
	return out
}
