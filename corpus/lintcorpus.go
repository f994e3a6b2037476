package corpus

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Bounds of [RuleLength]: with lengths that differ, a ruler would pass for a detector. Compared are the bytes of bodies of
// malicious samples and of the others, kind by kind.
const (
	// MinLengthSide is how many samples each side of a kind needs to be compared.
	MinLengthSide = 30
	// The ratio of the medians must be in between.
	MinMedianRatio = 0.8
	MaxMedianRatio = 1.25
	// MaxKS bounds the Kolmogorov-Smirnov statistic, the largest distance of the two distribution functions D. The best
	// detector that knows nothing but the length has a balanced accuracy of (1+D)/2: at most 62.5 % here. Where samples are
	// few, chance alone makes D larger, and the 5 % critical value 1.36*sqrt((n+m)/(n*m)) is the bound (N. Smirnov, 1948).
	MaxKS = 0.25
)

// together checks what samples say of each other.
func (l *linter) together() {
	var own []*entry
	for _, e := range l.entries {
		if !e.foreign {
			own = append(own, e)
		}
	}
	l.identical(own)
	l.twins(own)
	l.catalogues(own)
	l.before(own)
	l.splits(own)
	l.torn()
	l.near(own)
	if !l.rules.Partial {
		l.lengths(own)
	}
}

// gather groups entries by a key; those for which it is empty are left out.
func gather(entries []*entry, key func(*entry) string) map[string][]*entry {
	m := map[string][]*entry{}
	for _, e := range entries {
		if k := key(e); k != "" {
			m[k] = append(m[k], e)
		}
	}
	return m
}

func (l *linter) identical(own []*entry) {
	same := gather(own, func(e *entry) string {
		context := ""
		if b := l.byID[e.Before]; b != nil {
			context = b.Event.RawDigest()
		}
		return models.Hash(e.event.Server, string(e.event.Kind), string(e.event.Direction), e.Catalogue, context, e.Event.RawDigest())
	})
	for _, entries := range same {
		for _, e := range entries[1:] {
			l.report(e, RuleIdentical, "the same event as %s", entries[0].ID)
		}
	}
}

func (l *linter) twins(own []*entry) {
	sets := gather(own, func(e *entry) string {
		if e.Twin {
			return e.Group
		}
		return ""
	})
	for group, entries := range sets {
		malicious, harmless := sides(entries)
		if len(malicious) == 0 || len(harmless) == 0 {
			l.report(entries[0], RuleTwin, "the twin set %q has %d malicious and %d harmless samples: it needs both", group, len(malicious), len(harmless))
		}
	}
}

func sides(entries []*entry) (malicious, harmless []*entry) {
	for _, e := range entries {
		if e.harmless() {
			harmless = append(harmless, e)
		} else {
			malicious = append(malicious, e)
		}
	}
	return malicious, harmless
}

func (l *linter) catalogues(own []*entry) {
	for name, entries := range gather(own, func(e *entry) string { return e.Catalogue }) {
		if len(entries) == 1 && entries[0].From == "" {
			l.report(entries[0], RuleCatalogue, "no other sample is in catalogue %q", name)
		}
		for _, e := range entries[1:] {
			if first := entries[0]; e.Group != first.Group || e.file != first.file {
				l.report(e, RuleCatalogue, "catalogue %q is also that of %s, of another group or file", name, first.ID)
			}
		}
	}
}

func (l *linter) before(own []*entry) {
	for _, e := range own {
		if e.Before == "" {
			continue
		}
		switch b := l.byID[e.Before]; {
		case b == nil && e.From != "": // a variation stands beside what it was made from, which may be elsewhere
		case b == nil:
			l.report(e, RuleBefore, "there is no sample %q", e.Before)
		case b.Sample == e.Sample:
			l.report(e, RuleBefore, "names the sample itself")
		case b.identity() != e.identity():
			l.report(e, RuleBefore, "%s is %q, not %q", b.ID, b.identity(), e.identity())
		}
	}
}

// identity tells which object of which server the event is about. A resource template goes by its name here, because its
// URI, which names the object elsewhere, may be what was changed.
func (e *entry) identity() string {
	object := e.event.Object
	var template struct {
		Name        string `json:"name"`
		URITemplate string `json:"uriTemplate"`
	}
	if json.Unmarshal(e.event.Body, &template) == nil && template.URITemplate == object {
		object = template.Name
	}
	return fmt.Sprintf("%s %s %s", e.event.Server, e.event.Kind, object)
}

func (l *linter) splits(own []*entry) {
	var without []*entry
	for _, e := range own {
		if e.Split == "" {
			without = append(without, e)
		}
	}
	if n := len(without); n > 0 && n < len(own) {
		l.report(without[0], RuleSplit, "missing here and in %d more, while other samples have one", n-1)
	}
}

// torn reports ties whose ends are in two splits.
func (l *linter) torn() {
	first := map[string]*entry{}
	for _, e := range l.entries {
		for _, tie := range e.ties() {
			if f, ok := first[tie]; !ok {
				first[tie] = e
			} else if f.Split != e.Split && f.Split != "" && e.Split != "" {
				l.report(e, RuleTorn, "in %s, but %s of the same %s is in %s", e.Split, f.ID, tie, f.Split)
			}
		}
	}
}

func (l *linter) near(own []*entry) {
	if !slices.ContainsFunc(own, func(e *entry) bool { return e.Split != "" }) {
		return
	}
	sets := make([][]uint64, len(own))
	for i, e := range own {
		if e.doc != nil {
			sets[i] = shingles(e.doc)
		}
	}
	for _, p := range nearDuplicates(sets) {
		a, b := own[p.A], own[p.B]
		if a.Split != b.Split && a.Split != "" && b.Split != "" {
			l.report(b, RuleNear, "in %s, but %s is in %s and has %.0f %% of the smaller text's shingles", b.Split, a.ID, a.Split, 100*p.Containment)
		}
	}
}

func (l *linter) lengths(own []*entry) {
	byKind := gather(own, func(e *entry) string { return string(e.Event.Kind) })
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		malicious, harmless := sides(byKind[kind])
		if len(malicious) < MinLengthSide || len(harmless) < MinLengthSide {
			continue
		}
		m, h := lengthsOf(malicious), lengthsOf(harmless)
		if ratio := quantile(m, 0.5) / quantile(h, 0.5); ratio < MinMedianRatio || ratio > MaxMedianRatio {
			l.report(nil, RuleLength, "%s: malicious bodies have a median of %.0f bytes, others of %.0f: the ratio %.2f is outside %.2f to %.2f",
				kind, quantile(m, 0.5), quantile(h, 0.5), ratio, MinMedianRatio, MaxMedianRatio)
		}
		if d, bound := kolmogorovSmirnov(m, h), boundKS(len(m), len(h)); d > bound {
			l.report(nil, RuleLength, "%s: the lengths of malicious and other bodies have a Kolmogorov-Smirnov distance of %.2f, above %.2f", kind, d, bound)
		}
	}
}

// lengthsOf are the bytes of the bodies, in ascending order.
func lengthsOf(entries []*entry) []float64 {
	out := make([]float64, len(entries))
	for i, e := range entries {
		out[i] = float64(len(e.Event.Body))
	}
	slices.Sort(out)
	return out
}

// quantile of an ascending list, with linear interpolation; 0 of none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}

// kolmogorovSmirnov is the largest distance of the distribution functions of two ascending lists.
func kolmogorovSmirnov(a, b []float64) (d float64) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return d
}

func boundKS(n, m int) float64 {
	return max(MaxKS, 1.36*math.Sqrt(float64(n+m)/float64(n*m)))
}

func (l *linter) manifest(c *Corpus) {
	if c.Manifest == nil {
		return
	}
	said := map[string]ManifestEntry{}
	for _, e := range c.Manifest.Files {
		said[e.Name] = e
	}
	report := func(name, message string) {
		l.problems = append(l.problems, Problem{File: name, Rule: RuleManifest, Message: message})
	}
	for i := range c.Files {
		f := &c.Files[i]
		want, ok := said[f.Name]
		delete(said, f.Name)
		switch have := f.entry(); {
		case !ok:
			report(f.Name, "not in the manifest")
		case want.Digest != have.Digest && !maps.Equal(want.Rows, have.Rows):
			report(f.Name, fmt.Sprintf("changed: the manifest has %s, the file %s", counts(want.Rows), counts(have.Rows)))
		case want.Digest != have.Digest:
			report(f.Name, "changed since the manifest was written")
		case !maps.Equal(want.Rows, have.Rows):
			report(f.Name, fmt.Sprintf("the manifest has %s, the file %s", counts(want.Rows), counts(have.Rows)))
		}
	}
	for name := range said {
		report(name, "in the manifest, but there is no such file")
	}
}

func counts(rows map[models.Label]int) string {
	var parts []string
	for _, label := range slices.SortedFunc(maps.Keys(rows), cmp.Compare) {
		parts = append(parts, fmt.Sprintf("%d %s", rows[label], label))
	}
	return strings.Join(parts, ", ")
}

// What a complete corpus has at least.
const (
	MinMalicious     = 1500
	MinBenign        = 1500
	MinBenignRunTime = 600 // of the benign: calls, results and other kinds that are no definitions
	MinSteering      = 150
	MinTwinSets      = 300
	MinPerClass      = 15   // malicious, as the main class
	MinNotEnglish    = 0.10 // of the malicious
)

func (l *linter) coverage(c *Corpus) {
	have := Summarise(c)
	need := func(what string, n, least int) {
		if n < least {
			l.report(nil, RuleCoverage, "%s: %d, a complete corpus has at least %d", what, n, least)
		}
	}
	runTime, foreign := 0, 0
	for kind, n := range have.Kinds {
		if !kind.Definition() {
			runTime += n[models.Benign]
		}
	}
	for tag, n := range have.Languages {
		if tag != English && !strings.HasPrefix(tag, English+"-") {
			foreign += n[models.Malicious]
		}
	}
	malicious := have.Labels[models.Malicious]
	need("malicious samples", malicious, MinMalicious)
	need("malicious samples that are not English", foreign, int(math.Ceil(MinNotEnglish*float64(malicious))))
	need("benign samples", have.Labels[models.Benign], MinBenign)
	need("benign samples of run-time kinds", runTime, MinBenignRunTime)
	need("steering samples", have.Labels[models.Steering], MinSteering)
	need("twin sets", have.TwinSets, MinTwinSets)
	for _, class := range models.Classes() {
		need(fmt.Sprintf("malicious samples of %s", class.ID), have.Classes[class.ID].Malicious(), MinPerClass)
	}
}
