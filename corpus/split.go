package corpus

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Plan says how a corpus is split. The zero value is not a plan: see [DefaultPlan].
type Plan struct {
	Seed  uint64 `json:"seed"`
	Ratio Ratio  `json:"ratio"`
}

// DefaultPlan is seed 1 and 60/20/20.
func DefaultPlan() Plan { return Plan{1, Ratio{60, 20, 20}} }

// Ratio is the weight of each of [Splits]. Its text form is "60/20/20".
type Ratio [3]int

// ParseRatio reads the text form of a ratio.
func ParseRatio(s string) (r Ratio, err error) {
	parts := strings.Split(s, "/")
	if len(parts) != len(r) {
		return r, fmt.Errorf("ratio %q is not of the form 60/20/20", s)
	}
	for i, p := range parts {
		if r[i], err = strconv.Atoi(p); err != nil || r[i] < 1 || r[i] > 1000 {
			return r, fmt.Errorf("ratio %q: each part must be 1 to 1000", s)
		}
	}
	return r, nil
}

func (r Ratio) String() string { return fmt.Sprintf("%d/%d/%d", r[0], r[1], r[2]) }

// MarshalText implements [encoding.TextMarshaler].
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Ratio) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRatio(string(text))
	return err
}

// share is the part of split i in the whole.
func (r Ratio) share(i int) float64 { return float64(r[i]) / float64(r[0]+r[1]+r[2]) }

// Assign gives a split to every sample that has none, or with reassign to every sample, and returns to how many.
//
// What hangs together goes to one split: the samples of a group, of a catalogue, before and after a change, variations of
// one sample, and near-duplicates ([NearDuplicate]), directly or through others. A component of which some samples have a
// split already gets the one that most of these have. The others are placed one by one, the largest first, those of one size in an
// order drawn from the seed: each where the numbers of samples by file and label, by label, and by class come closest to the
// ratio (the least growth of the sum of squared deviations, each divided by its target, as in a chi-squared statistic). That is
// iterative stratification (K. Sechidis et al., "On the stratification of multi-label data", 2011) for groups. The result
// depends on samples, plan and earlier splits alone.
func (c *Corpus) Assign(plan Plan, reassign bool) (int, error) {
	if slices.Min(plan.Ratio[:]) < 1 {
		return 0, errors.New("splitting corpus: the plan has no ratio")
	}
	all := c.samples()
	if reassign {
		for _, s := range all {
			s.Split = ""
		}
	}
	sets, err := shingleSets(all)
	if err != nil {
		return 0, err
	}
	b := newBalance(plan.Ratio, all)
	var open []component
	assigned := 0
	for _, members := range components(all, nearDuplicates(sets)) {
		comp := component{members, b.strata(members), ""}
		if split := majority(members); split != "" {
			assigned += comp.assign(split)
			b.place(comp, slices.Index(Splits(), split))
			continue
		}
		comp.order = models.Hash(strconv.FormatUint(plan.Seed, 10), members[0].ID)
		open = append(open, comp)
	}
	slices.SortFunc(open, func(x, y component) int {
		return cmp.Or(cmp.Compare(len(y.members), len(x.members)), cmp.Compare(x.order, y.order))
	})
	for _, comp := range open {
		i := b.best(comp)
		b.place(comp, i)
		assigned += comp.assign(Splits()[i])
	}
	return assigned, nil
}

func shingleSets(all []*Sample) ([][]uint64, error) {
	sets := make([][]uint64, len(all))
	for i, s := range all {
		doc, err := view.Build(s.Event.Body)
		if err != nil {
			return nil, fmt.Errorf("sample %q: reading body: %w", s.ID, err)
		}
		sets[i] = shingles(doc)
	}
	return sets, nil
}

// component is samples that stay together.
type component struct {
	members []*Sample
	strata  map[string]float64 // how many samples it has in each
	order   string
}

// assign gives the members without a split this one, and counts them.
func (c component) assign(split Split) (n int) {
	for _, s := range c.members {
		if s.Split == "" {
			s.Split = split
			n++
		}
	}
	return n
}

// majority is the split that most members with a split have; empty if none has.
func majority(members []*Sample) (most Split) {
	count := map[Split]int{}
	for _, s := range members {
		if s.Split.Valid() {
			count[s.Split]++
		}
	}
	for _, split := range Splits() {
		if count[split] > count[most] {
			most = split
		}
	}
	return most
}

// components gathers what must not be torn apart, in the order of the first member of each.
func components(all []*Sample, near []Pair) [][]*Sample {
	parent := make([]int, len(all))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	join := func(a, b int) { a, b = find(a), find(b); parent[max(a, b)] = min(a, b) }
	first := map[string]int{}
	for i, s := range all {
		for _, tie := range s.ties() {
			if j, ok := first[tie]; ok {
				join(i, j)
			} else {
				first[tie] = i
			}
		}
	}
	for _, p := range near {
		join(p.A, p.B)
	}
	members := make([][]*Sample, len(all))
	for i, s := range all {
		members[find(i)] = append(members[find(i)], s)
	}
	return slices.DeleteFunc(members, func(m []*Sample) bool { return len(m) == 0 })
}

// ties are what a sample may share with those that it must stay with.
func (s *Sample) ties() []string {
	ties := []string{"sample " + s.ID}
	for _, t := range []struct{ what, of string }{
		{"group ", s.Group}, {"catalogue ", s.Catalogue}, {"sample ", s.Before}, {"sample ", s.From},
	} {
		if t.of != "" {
			ties = append(ties, t.what+t.of)
		}
	}
	return ties
}

// balance counts how many samples of each stratum each split has, against what it should have.
type balance struct {
	ratio Ratio
	total map[string]float64
	have  [3]map[string]float64
}

func newBalance(ratio Ratio, all []*Sample) *balance {
	b := &balance{ratio: ratio}
	b.total = b.strata(all)
	for i := range b.have {
		b.have[i] = map[string]float64{}
	}
	return b
}

func (b *balance) strata(members []*Sample) map[string]float64 {
	n := map[string]float64{}
	for _, s := range members {
		n["file "+s.Source+" "+string(s.Label)]++
		n["label "+string(s.Label)]++
		n["class "+s.Class]++
	}
	return n
}

func (b *balance) place(c component, split int) {
	for stratum, n := range c.strata {
		b.have[split][stratum] += n
	}
}

// best is the split in which c costs least.
func (b *balance) best(c component) int {
	strata := make([]string, 0, len(c.strata)) // in one order, or sums would differ in the last bit
	for s := range c.strata {
		strata = append(strata, s)
	}
	slices.Sort(strata)
	var cost [3]float64
	for i := range cost {
		for _, s := range strata {
			target := b.ratio.share(i) * b.total[s]
			before := b.have[i][s] - target
			after := before + c.strata[s]
			cost[i] += (after*after - before*before) / target
		}
	}
	return slices.Index(cost[:], slices.Min(cost[:]))
}
