// Package known makes known texts ([models.Indicator]) of a corpus's samples: of an attack the words that make it one, of
// a harmless sample the sentences that look most like an attack.
package known

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Published is when Taster's own corpus was: the day its samples were first committed as a whole. Samples carry no time of
// their own, and the same corpus has to make the same bytes.
var Published = time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)

// Reason is why a sample has no text worth knowing.
type Reason string

// The reasons.
const (
	NoSentence Reason = "no sentence: its harm is in a shape, a name or data"
	NoClass    Reason = "no threat class: neither one of its own nor one that it resembles"
	NoSpans    Reason = "no spans: nothing says which words are the attack"
	Unreadable Reason = "its body can't be taken apart"
)

// Texts is what a corpus's samples are known by.
type Texts struct {
	Indicators []models.Indicator // by id, each once; a text that is an attack somewhere is not harmless elsewhere
	Left       map[Reason]int     // samples that none is of
}

// Options say how texts are made.
type Options struct {
	// Seen is when they were first seen.
	Seen time.Time
	// Whole makes texts also of attacks without spans, of all that their longest string says, and of those with a class
	// that is another collection's own word: it stands as X-corpus-<word>.
	Whole bool
}

// Of makes the texts of samples. The same samples make the same texts, in whatever order.
func Of(samples []corpus.Sample, o Options) (*Texts, error) {
	c := &collector{Options: o, out: map[string]models.Indicator{}, left: map[Reason]int{}}
	var harmless []*corpus.Sample
	for i := range samples {
		if s := &samples[i]; s.Label == models.Malicious {
			c.attack(s)
		} else {
			harmless = append(harmless, s)
		}
	}
	c.harmless(harmless, carriers(samples))
	if err := c.contrast(harmless); err != nil {
		return nil, err
	}
	return c.texts()
}

// How much of an attack's words a harmless sentence has that is worth knowing beside it, and with how much the words are no
// attack by themselves.
const (
	nearAttack = 0.4
	sameWords  = 0.9
)

// contrast adds the harmless sentences that are nearest to attacks, and drops the attacks whose words harmless samples have.
func (c *collector) contrast(samples []*corpus.Sample) error {
	var attacks []models.Indicator
	for _, x := range c.out {
		if x.Label == models.Malicious {
			attacks = append(attacks, x)
		}
	}
	known, err := index.Memory(attacks)
	if err != nil {
		return err
	}
	for _, s := range samples {
		doc, err := view.Build(s.Event.Body)
		if err != nil || !s.Resembles.Valid() {
			continue
		}
		for _, text := range prose(doc) {
			matches, err := known.Search(text, maxNear)
			if err != nil {
				return err
			}
			for _, m := range matches {
				if m.Score >= sameWords {
					delete(c.out, m.Indicator.ID)
				} else if m.Score >= nearAttack {
					c.add(s, models.Benign, s.Resembles, text)
				}
			}
		}
	}
	return nil
}

// maxNear is how many attacks one sentence is compared with.
const maxNear = 16

// collector gathers indicators.
type collector struct {
	Options
	out     map[string]models.Indicator // by id
	attacks []string                    // their texts
	left    map[Reason]int
}

func (c *collector) add(s *corpus.Sample, label models.Label, class models.Class, text string) {
	x := models.Indicator{Label: label, Class: class, Text: text, Source: s.Source, FirstSeen: c.Seen}.Identify()
	if old, twice := c.out[x.ID]; twice && old.Source+string(old.Class) <= x.Source+string(x.Class) {
		return // whichever comes first by name, not by order
	}
	c.out[x.ID] = x
}

// leaks is the class of data that must not travel: its words are the victim's, and no attacker uses them again.
const leaks models.Class = "C12"

// attack takes the passages around a sample's spans.
func (c *collector) attack(s *corpus.Sample) {
	class := c.class(s)
	switch {
	case s.Signal == corpus.Structural, s.Signal == corpus.Payload && class == leaks:
		c.left[NoSentence]++
		return
	case !class.Valid():
		c.left[NoClass]++
		return
	case len(s.Spans) == 0 && !c.Whole:
		c.left[NoSpans]++
		return
	}
	doc, err := view.Build(s.Event.Body)
	if err != nil {
		c.left[Unreadable]++
		return
	}
	var texts []string
	for i := range doc.Segments {
		texts = append(texts, passages(&doc.Segments[i], s.Spans, hides(s))...)
	}
	if len(s.Spans) == 0 {
		texts = pieces(longest(doc))
	}
	for _, text := range texts {
		c.add(s, models.Malicious, class, text)
		c.attacks = append(c.attacks, text)
	}
	if len(texts) == 0 {
		c.left[NoSentence]++
	}
}

// class is the sample's threat class, or what stands for a word that is none.
func (c *collector) class(s *corpus.Sample) models.Class {
	class := models.Class(s.Class)
	if class.Valid() || !c.Whole {
		return class
	}
	word := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, s.Class)
	return models.Class("X-corpus-" + cmp.Or(word[:min(len(word), 32)], "other"))
}

// perSample is how many sentences of a harmless sample are kept: those that look most like attacks.
const perSample = 2

// harmless takes the sentences of harmless samples that their poisoned twins do not have, else any.
func (c *collector) harmless(samples []*corpus.Sample, carriers map[group]map[string]bool) {
	sentences := make([][]string, len(samples))
	var all []string
	for i, s := range samples {
		doc, err := view.Build(s.Event.Body)
		switch {
		case !s.Resembles.Valid():
			c.left[NoClass]++
			continue
		case err != nil:
			c.left[Unreadable]++
			continue
		}
		var carrier map[string]bool
		if s.Twin {
			carrier = carriers[groupOf(s)]
		}
		for _, text := range prose(doc) {
			if !carrier[text] {
				sentences[i] = append(sentences[i], text)
			}
		}
		if len(sentences[i]) == 0 {
			c.left[NoSentence]++
		}
		all = append(all, sentences[i]...)
	}
	alike := newLikeness(c.attacks, all)
	for i, s := range samples {
		for _, text := range alike.most(sentences[i], perSample) {
			c.add(s, models.Benign, s.Resembles, text)
		}
	}
}

func (c *collector) texts() (*Texts, error) {
	attacks := map[string]bool{}
	for _, x := range c.out {
		if x.Label == models.Malicious {
			attacks[x.Text] = true
		}
	}
	t := &Texts{Left: c.left}
	for _, x := range c.out {
		if x.Label == models.Benign && attacks[x.Text] {
			continue
		}
		if err := x.Validate(); err != nil {
			return nil, fmt.Errorf("text of %s: %w", x.Source, err)
		}
		t.Indicators = append(t.Indicators, x)
	}
	slices.SortFunc(t.Indicators, func(a, b models.Indicator) int { return strings.Compare(a.ID, b.ID) })
	return t, nil
}

// group is what twins have in common.
type group struct{ source, name string }

func groupOf(s *corpus.Sample) group { return group{s.Source, s.Group} }

// carriers are the sentences of poisoned twins, by group.
func carriers(samples []corpus.Sample) map[group]map[string]bool {
	out := map[group]map[string]bool{}
	for i := range samples {
		s := &samples[i]
		if !s.Twin || s.Label != models.Malicious {
			continue
		}
		doc, err := view.Build(s.Event.Body)
		if err != nil {
			continue
		}
		if out[groupOf(s)] == nil {
			out[groupOf(s)] = map[string]bool{}
		}
		for _, text := range prose(doc) {
			out[groupOf(s)][text] = true
		}
	}
	return out
}

// hides reports whether an attack is disguised: class B is what hides.
func hides(s *corpus.Sample) bool {
	return strings.HasPrefix(s.Class, "B") || slices.ContainsFunc(s.Also, func(c models.Class) bool { return strings.HasPrefix(string(c), "B") })
}
