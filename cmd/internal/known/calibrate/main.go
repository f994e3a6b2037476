// Command calibrate fits the curves by which the similarity detector makes a probability of a match, and writes them as Go.
//
//	go run ./cmd/internal/known/calibrate --out detectors/similarity/curves.go rows.jsonl...
//
// It looks at the likeliest match of each event: of the dev split of Taster's own corpus, of the harmless rows in the files,
// which are corpora of their own, and of copies of the shipped texts. A copy of an attack in which a third of the words are
// edited is an attack; one in which two thirds are is none any more, nor is the copy of a harmless text. Events without a
// match say nothing about one. Which match is the likeliest follows from the curves that there are: run it twice.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"log"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/similarity"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

func main() {
	out := flag.String("out", "", "`FILE` to write; standard output by default")
	own := flag.String("corpus", "corpus/data", "`DIR` of Taster's own corpus")
	flag.Parse()
	log.SetFlags(0)
	source, err := run(*own, flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	if *out == "" {
		_, err = os.Stdout.Write(source)
	} else {
		err = os.WriteFile(*out, source, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// What a harmless event counts as: attacks are far rarer out there than here, where every shipped one is there in a copy.
// One that was written to look like an attack counts more, since those are what a near match is mistaken for.
const (
	harmlessWeight  = 5
	lookalikeWeight = 40
	reworkedWeight  = 0.15 // of an attack: harmless, but who has so much of one deserves a look
)

// How many of a copy's words are edited: so that it is the text still, and so that it is no more.
const (
	edited   = 1. / 3
	reworked = 2. / 3
)

func run(own string, files []string) ([]byte, error) {
	known, err := similarity.Known()
	if err != nil {
		return nil, err
	}
	x, err := index.Memory(known)
	if err != nil {
		return nil, err
	}
	ours, err := corpus.Open(own)
	if err != nil {
		return nil, err
	}
	c := &collector{index: x, random: rand.New(rand.NewPCG(1, 2)), Groups: []*group{{Name: "definitions"}, {Name: "runTime"}}}
	var dev []corpus.Sample
	for _, s := range ours.All() {
		if s.Split == corpus.Dev {
			dev = append(dev, s)
		}
	}
	c.Sources = append(c.Sources, source{"the dev split of Taster's own corpus", len(dev), ours.Digest()})
	if err := c.samples(dev); err != nil {
		return nil, err
	}
	for _, path := range files {
		rows, err := corpus.Open(path)
		if err != nil {
			return nil, err
		}
		all := slices.DeleteFunc(rows.All(), func(s corpus.Sample) bool { return s.Label != models.Benign })
		if len(all) == 0 {
			return nil, fmt.Errorf("%s has no harmless rows", path)
		}
		c.Sources = append(c.Sources, source{all[0].Source, len(all), rows.Digest()})
		if err := c.samples(all); err != nil {
			return nil, err
		}
	}
	if err := c.copies(known); err != nil {
		return nil, err
	}
	for _, g := range c.Groups {
		g.fit()
	}
	return c.source()
}

// source is where rows came from.
type source struct {
	Name   string
	Rows   int
	Digest string
}

// group is the kinds of event that share a curve.
type group struct {
	Name  string
	rows  []row
	Curve [features + 1]float64
}

func (g *group) Attacks() (n int) {
	for _, r := range g.rows {
		if r.attack {
			n++
		}
	}
	return n
}

func (g *group) Harmless() int { return len(g.rows) - g.Attacks() }

// collector gathers the likeliest match of each event.
type collector struct {
	index   *index.Index
	random  *rand.Rand
	words   []string // of harmless texts, to edit copies with
	Sources []source
	Groups  []*group
}

func (c *collector) samples(all []corpus.Sample) error {
	for i := range all {
		s := &all[i]
		doc, err := view.Build(s.Event.Body)
		if err != nil {
			continue // oversize
		}
		if s.Label != models.Malicious {
			for j := range doc.Segments {
				c.words = append(c.words, strings.Fields(doc.Segments[j].Views[0].Text)...)
			}
		}
		if err := c.event(s.Event.Kind, doc, weightOf(s)); err != nil {
			return err
		}
	}
	return nil
}

// weightOf is 0 for an attack.
func weightOf(s *corpus.Sample) float64 {
	switch {
	case s.Label == models.Malicious:
		return 0
	case s.Resembles != "" || s.Label == models.Steering:
		return lookalikeWeight
	}
	return harmlessWeight
}

// event adds the likeliest match of an event, with what it counts as if it is harmless; 0 stands for an attack.
func (c *collector) event(kind models.Kind, doc *models.Document, harmless float64) error {
	found, _, err := similarity.Likenesses(context.Background(), kind, doc.Segments, c.index)
	if err != nil || len(found) == 0 {
		return err
	}
	groups := c.Groups // few look-alikes match at all: they count for both
	if harmless != lookalikeWeight {
		groups = c.Groups[:1]
		if !kind.Definition() {
			groups = c.Groups[1:]
		}
	}
	weight := harmless
	if harmless == 0 {
		weight = 1
	}
	for _, g := range groups {
		g.rows = append(g.rows, row{found[0].Features(), harmless == 0, weight})
	}
	return nil
}

// copies looks at edited copies of the known texts, as a definition and as a result.
func (c *collector) copies(known []models.Indicator) error {
	for i := range known {
		x := &known[i]
		attack := x.Label == models.Malicious
		weight := harmlessWeight
		if attack {
			weight = 0
		}
		if err := c.copy(x.Text, edited, float64(weight)); err != nil {
			return err
		}
		if attack {
			if err := c.copy(x.Text, reworked, reworkedWeight); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *collector) copy(text string, share, harmless float64) error {
	for _, e := range [...]struct {
		kind models.Kind
		body any
	}{
		{models.KindTool, map[string]string{"name": "tool", "description": c.edited(text, share)}},
		{models.KindToolResult, map[string]any{"content": []any{map[string]string{"type": "text", "text": c.edited(text, share)}}}},
	} {
		data, err := json.Marshal(e.body)
		if err != nil {
			return err
		}
		doc, err := view.Build(data)
		if err != nil {
			return err
		}
		if err := c.event(e.kind, doc, harmless); err != nil {
			return err
		}
	}
	return nil
}

// edited drops a word, puts another in its place or before it, for a share of the words.
func (c *collector) edited(text string, share float64) string {
	var out []string
	for _, w := range strings.Fields(text) {
		if c.random.Float64() >= share {
			out = append(out, w)
			continue
		}
		other := c.words[c.random.IntN(len(c.words))]
		out = append(out, [][]string{{}, {other}, {other, w}}[c.random.IntN(3)]...)
	}
	return strings.Join(out, " ")
}

var file = template.Must(template.New("").Parse(`// Code generated by cmd/internal/known/calibrate; DO NOT EDIT.

package similarity

// The curves were fitted on edited copies of the shipped texts and on:
{{range .Sources}}//   - {{.Name}}, {{.Rows}} rows, {{.Digest}}
{{end}}var (
{{range .Groups}}	// {{.Attacks}} attacks and {{.Harmless}} harmless events with a match.
	{{.Name}} = curve{ {{range .Curve}}{{printf "%.2f" .}}, {{end}} }
{{end}})
`))

func (c *collector) source() ([]byte, error) {
	var out bytes.Buffer
	if err := file.Execute(&out, c); err != nil {
		return nil, err
	}
	return format.Source(out.Bytes())
}
