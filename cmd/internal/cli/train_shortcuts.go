package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/aad6b6dc/taster/detectors/classifier"
)

// shortcut is something by which a model could tell labels apart in these samples without reading what they say.
type shortcut struct {
	name  string
	value func(l *lesson) float64
}

var shortcuts = []shortcut{
	{"length", func(l *lesson) float64 { return float64(len(l.sample.Event.Body)) }},
	{"sentences", func(l *lesson) float64 { return float64(l.Windows()) }},
	{"parameters", func(l *lesson) float64 { return float64(parameters(l)) }},
	{"empty schema", func(l *lesson) float64 { return float64(btoi(parameters(l) == 0)) }},
	{"description's share", descriptionShare},
	{"not English", func(l *lesson) float64 { return float64(btoi(l.sample.Language != "" && l.sample.Language != "en")) }},
}

// definition is what shortcuts read of a body.
type definition struct {
	Description string `json:"description"`
	InputSchema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	} `json:"inputSchema"`
}

func (l *lesson) definition() (d definition) {
	// A body of another shape has none of it.
	if err := json.NewDecoder(bytes.NewReader(l.sample.Event.Body)).Decode(&d); err != nil {
		return definition{}
	}
	return d
}

func parameters(l *lesson) int { return len(l.definition().InputSchema.Properties) }

func descriptionShare(l *lesson) float64 {
	return float64(len(l.definition().Description)) / float64(len(l.sample.Event.Body))
}

// shortcutReport is what a head owes to one shortcut, on rows that it has not learned.
type shortcutReport struct {
	Head     string `json:"head"`
	Shortcut string `json:"shortcut"`
	// Alone is how well the shortcut itself tells malicious rows from harmless ones, as an AUC of 0.5 or more.
	Alone float64 `json:"alone"`
	// Model is the model's AUC, Matched that among pairs of rows in which the shortcut is about the same: were it lower, the
	// model would live on the shortcut.
	Model   float64 `json:"model"`
	Matched float64 `json:"matched"`
	Pairs   int     `json:"pairs"` // that are matched
}

// residueReport is what a head owes to sentences that it has learned from other rows.
type residueReport struct {
	Head string `json:"head"`
	// Malicious counts the malicious rows that were not learned; Seen those of them with a sentence that was.
	Malicious int `json:"malicious"`
	Seen      int `json:"seen"`
	// Model is the AUC of all, Unseen that without the rows in Seen.
	Model  float64 `json:"model"`
	Unseen float64 `json:"unseen"`
}

// reportShortcuts trains on what is to be learned and measures shortcuts on what was held out.
func (a *app) reportShortcuts(ctx context.Context, f *trainFlags, c *course) error {
	m, err := c.train(ctx, f, classifier.Heads(), "")
	if err != nil {
		return err
	}
	var report struct {
		Shortcuts []shortcutReport `json:"shortcuts"`
		Residue   []residueReport  `json:"residue"`
	}
	seen := c.learnedSentences()
	for _, h := range classifier.Heads() {
		malicious, harmless := c.scored(m, h)
		if len(malicious) == 0 || len(harmless) == 0 {
			continue
		}
		for _, s := range shortcuts {
			report.Shortcuts = append(report.Shortcuts, measureShortcut(h, s, malicious, harmless))
		}
		report.Residue = append(report.Residue, measureResidue(h, seen, malicious, harmless))
	}
	if a.json {
		return a.writeJSON(report)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "HEAD\tSHORTCUT\tAUC ALONE\tMODEL\tMODEL, MATCHED\tPAIRS")
	for _, r := range report.Shortcuts {
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%.3f\t%.3f\t%d\n", r.Head, r.Shortcut, r.Alone, r.Model, r.Matched, r.Pairs)
	}
	fmt.Fprintln(w, "\nHEAD\tMALICIOUS\tWITH A LEARNED SENTENCE\tMODEL\tMODEL WITHOUT THEM\t")
	for _, r := range report.Residue {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.3f\t%.3f\t\n", r.Head, r.Malicious, r.Seen, r.Model, r.Unseen)
	}
	return w.Flush()
}

// scoredLesson is a lesson that was not learned, with its score.
type scoredLesson struct {
	*lesson
	score float64
}

// scored returns the held-out lessons of a head, without real traffic, in which nothing malicious is.
func (c *course) scored(m *classifier.Model, h classifier.Head) (malicious, harmless []scoredLesson) {
	for i := range c.lessons {
		l := &c.lessons[i]
		if !l.held || l.real || l.Head != h {
			continue
		}
		full, _ := l.Score(m)
		if l.Malicious {
			malicious = append(malicious, scoredLesson{l, float64(full)})
		} else {
			harmless = append(harmless, scoredLesson{l, float64(full)})
		}
	}
	return malicious, harmless
}

func (c *course) learnedSentences() map[uint64]bool {
	seen := map[uint64]bool{}
	for i := range c.lessons {
		if l := &c.lessons[i]; !l.held && l.Malicious {
			for _, h := range l.Sentences() {
				seen[h] = true
			}
		}
	}
	return seen
}

func measureShortcut(h classifier.Head, s shortcut, malicious, harmless []scoredLesson) shortcutReport {
	values := func(lessons []scoredLesson) (list []float64) {
		for _, l := range lessons {
			list = append(list, s.value(l.lesson))
		}
		return list
	}
	bad, good := values(malicious), values(harmless)
	var alone, model, matched wins
	for i, m := range malicious {
		for j, b := range harmless {
			alone.add(bad[i], good[j])
			model.add(m.score, b.score)
			if alike(bad[i], good[j]) {
				matched.add(m.score, b.score)
			}
		}
	}
	return shortcutReport{
		Head: h.String(), Shortcut: s.name, Alone: max(alone.value(), 1-alone.value()),
		Model: model.value(), Matched: matched.value(), Pairs: matched.pairs,
	}
}

// alike reports whether two values differ by no more than a fifth.
func alike(a, b float64) bool { return max(a, b)-min(a, b) <= 0.2*max(a, b) }

func measureResidue(h classifier.Head, seen map[uint64]bool, malicious, harmless []scoredLesson) residueReport {
	var model, unseen wins
	known := 0
	for _, m := range malicious {
		old := slices.ContainsFunc(m.Sentences(), func(h uint64) bool { return seen[h] })
		known += btoi(old)
		for _, b := range harmless {
			model.add(m.score, b.score)
			if !old {
				unseen.add(m.score, b.score)
			}
		}
	}
	return residueReport{Head: h.String(), Malicious: len(malicious), Seen: known, Model: model.value(), Unseen: unseen.value()}
}

// wins counts pairs, and those in which the malicious row stands higher; ties count half. Its value is an AUC.
type wins struct {
	won   float64
	pairs int
}

func (a *wins) add(malicious, harmless float64) {
	a.pairs++
	switch {
	case malicious > harmless:
		a.won++
	case malicious == harmless:
		a.won += 0.5
	}
}

func (a *wins) value() float64 {
	if a.pairs == 0 {
		return 0.5
	}
	return a.won / float64(a.pairs)
}
