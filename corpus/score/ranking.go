package score

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Item is one thing with a score and the truth about it.
type Item struct {
	Score    float64 // never NaN
	Positive bool
	// Group is drawn as a whole when resampling: things that are alike are not independent. Empty means alone.
	Group string
}

// Point is a point of a curve: what results when every item with at least the threshold's score is called positive.
type Point struct {
	X         float64 `json:"x"`
	Y         float64 `json:"y"`
	Threshold float64 `json:"threshold"`
}

// Operating is what one threshold gives.
type Operating struct {
	FPR float64 `json:"fpr"` // the false positive rate that was asked for, at most
	// Threshold is the lowest score whose false positive rate is at most FPR; one more than the highest score where there
	// is none.
	Threshold   float64 `json:"threshold"`
	Recall      Rate    `json:"recall"`
	FalseAlarms Rate    `json:"false_alarms"`
	// Shown is false when there are fewer than 1/FPR negatives: then one false alarm is more than FPR, and the figure
	// says only what happens without any.
	Shown bool `json:"shown"`
}

// Ranking is items in descending order of score. Items of the same score are told apart by nothing: they make one step
// of every curve.
type Ranking struct {
	items  []Item
	pos    int
	neg    int
	groups []int32 // of each item
	drawn  int     // how many groups there are
}

// Rank sorts items, which it leaves as they are.
func Rank(items []Item) *Ranking {
	r := &Ranking{items: slices.Clone(items)}
	slices.SortFunc(r.items, func(a, b Item) int {
		switch {
		case a.Score != b.Score:
			return cmp.Compare(b.Score, a.Score)
		case a.Positive != b.Positive && a.Positive:
			return -1
		case a.Positive != b.Positive:
			return 1
		}
		return cmp.Compare(a.Group, b.Group)
	})
	for i := range r.items {
		if r.items[i].Positive {
			r.pos++
		}
	}
	r.neg = len(r.items) - r.pos
	r.number()
	return r
}

// number gives each group an index in order of its name and each item without one an index of its own, so that a seed
// draws the same whatever order the items came in.
func (r *Ranking) number() {
	var names []string
	for _, it := range r.items {
		if it.Group != "" {
			names = append(names, it.Group)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	index := make(map[string]int32, len(names))
	for i, n := range names {
		index[n] = int32(i)
	}
	r.drawn = len(names)
	r.groups = make([]int32, len(r.items))
	for i, it := range r.items {
		if it.Group != "" {
			r.groups[i] = index[it.Group]
			continue
		}
		r.groups[i] = int32(r.drawn)
		r.drawn++
	}
}

// Complete reports whether there are positives and negatives. Without both there is no curve.
func (r *Ranking) Complete() bool { return r.pos > 0 && r.neg > 0 }

// Counts returns how many positives and negatives there are.
func (r *Ranking) Counts() (pos, neg int) { return r.pos, r.neg }

// steps calls f after each distinct score, from the highest, with how many positives and negatives reach it.
func (r *Ranking) steps(f func(threshold float64, tp, fp int)) {
	tp, fp := 0, 0
	for i, it := range r.items {
		if it.Positive {
			tp++
		} else {
			fp++
		}
		if i+1 == len(r.items) || r.items[i+1].Score != it.Score {
			f(it.Score, tp, fp)
		}
	}
}

// above is a threshold that nothing reaches.
func (r *Ranking) above() float64 {
	if len(r.items) == 0 {
		return 1
	}
	return r.items[0].Score + 1
}

// ROC is the receiver operating characteristic: x the false positive rate, y the recall, one point for each distinct
// score after (0, 0), whose threshold nothing reaches. Nil unless [Ranking.Complete].
func (r *Ranking) ROC() []Point {
	if !r.Complete() {
		return nil
	}
	points := []Point{{Threshold: r.above()}}
	r.steps(func(t float64, tp, fp int) {
		points = append(points, Point{X: share(fp, r.neg), Y: share(tp, r.pos), Threshold: t})
	})
	return points
}

// PR is the precision-recall curve: x the recall, y the precision, one point for each distinct score from the highest.
// No point is invented at recall 0. Nil unless [Ranking.Complete].
func (r *Ranking) PR() []Point {
	if !r.Complete() {
		return nil
	}
	var points []Point
	r.steps(func(t float64, tp, fp int) {
		points = append(points, Point{X: share(tp, r.pos), Y: share(tp, tp+fp), Threshold: t})
	})
	return points
}

func share(part, all int) float64 { return float64(part) / float64(all) }

// AUC is the area under the ROC curve: the chance that a positive has a higher score than a negative, ties counted half
// (Mann-Whitney's U over the number of pairs). 0 unless [Ranking.Complete].
func (r *Ranking) AUC() float64 { auc, _ := r.areas(nil); return auc }

// AveragePrecision is the sum over distinct scores of the precision there times the recall gained, without
// interpolation. 0 unless [Ranking.Complete].
func (r *Ranking) AveragePrecision() float64 { _, ap := r.areas(nil); return ap }

// areas computes both areas in one pass with each item counted as often as its group's weight says; nil weighs all 1.
// It returns zeros when one of the labels has no weight.
func (r *Ranking) areas(weights []int32) (auc, ap float64) {
	var tp, fp, wins, precision float64 // wins in half pairs
	var p, n float64                    // of the present score
	for i := range r.items {
		w := 1.0
		if weights != nil {
			w = float64(weights[r.groups[i]])
		}
		if r.items[i].Positive {
			p += w
		} else {
			n += w
		}
		if i+1 < len(r.items) && r.items[i+1].Score == r.items[i].Score {
			continue
		}
		wins += n * (2*tp + p)
		tp, fp = tp+p, fp+n
		if p > 0 {
			precision += p * tp / (tp + fp)
		}
		p, n = 0, 0
	}
	if tp == 0 || fp == 0 {
		return 0, 0
	}
	return wins / (2 * tp * fp), precision / tp
}

// Resampling: as many as are usual, fewer where a pass over the items takes long.
const (
	resamples    = 1000
	minResamples = 100
	resampleWork = 200_000_000 // items looked at in all
)

// Areas returns AUC and average precision with intervals: the 2.5 % and 97.5 % quantiles over 1,000 resamples (fewer, but
// at least 100, of more than 200,000 items) that draw as many groups as there are, with replacement (B. Efron, "Bootstrap
// Methods", Annals of Statistics 7, 1979). Resamples that lack one of the labels are left out. Fewer than two groups of
// either label give no interval. The same seed gives the same result.
func (r *Ranking) Areas(seed uint64) (auc, ap Interval) {
	value, average := r.areas(nil)
	auc, ap = Interval{value, 0, 1}, Interval{average, 0, 1}
	if !r.Complete() || r.groupsOf(true) < 2 || r.groupsOf(false) < 2 {
		return auc, ap
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	weights := make([]int32, r.drawn)
	var aucs, aps []float64
	for range min(resamples, max(minResamples, resampleWork/len(r.items))) {
		clear(weights)
		for range r.drawn {
			weights[rng.IntN(r.drawn)]++
		}
		if a, p := r.areas(weights); p > 0 {
			aucs, aps = append(aucs, a), append(aps, p)
		}
	}
	return spread(value, aucs), spread(average, aps)
}

func (r *Ranking) groupsOf(positive bool) int {
	seen := map[int32]bool{}
	for i, g := range r.groups {
		if r.items[i].Positive == positive {
			seen[g] = true
		}
	}
	return len(seen)
}

func spread(value float64, samples []float64) Interval {
	if len(samples) == 0 {
		return Interval{value, 0, 1}
	}
	slices.Sort(samples)
	return Interval{value, min(value, nearestRank(samples, 0.025)), max(value, nearestRank(samples, 0.975))}
}

// At returns what the lowest threshold gives whose false positive rate is at most fpr, which must be above 0.
func (r *Ranking) At(fpr float64) Operating {
	o := Operating{FPR: fpr, Threshold: r.above(), Shown: float64(r.neg) >= 1/fpr-1e-9}
	tps, fps := 0, 0
	r.steps(func(t float64, tp, fp int) {
		if float64(fp) <= fpr*float64(r.neg)+1e-9 {
			o.Threshold, tps, fps = t, tp, fp
		}
	})
	o.Recall, o.FalseAlarms = NewRate(tps, r.pos), NewRate(fps, r.neg)
	return o
}

// Thin leaves out points that are nearer than step to the one kept before, in x and in y, but never the first and the
// last. What is left has at most about 2/step points of a curve that rises in both.
func Thin(points []Point, step float64) []Point {
	if len(points) < 3 {
		return points
	}
	kept := points[:1:1]
	for _, p := range points[1 : len(points)-1] {
		last := kept[len(kept)-1]
		if math.Abs(p.X-last.X) >= step || math.Abs(p.Y-last.Y) >= step {
			kept = append(kept, p)
		}
	}
	return append(kept, points[len(points)-1])
}

// Bins is how many bins of the same width calibration has.
const Bins = 10

// Calibration says whether scores are probabilities.
type Calibration struct {
	Bins []Bin `json:"bins"` // all [Bins] of them, empty ones too
	// ECE is the expected calibration error: the mean distance between score and share of positives over the bins,
	// weighted by their items (Guo et al., "On Calibration of Modern Neural Networks", 2017, after Naeini et al., 2015).
	ECE float64 `json:"ece"`
	// Brier is the mean squared distance between score and truth (G. W. Brier, Monthly Weather Review 78, 1950).
	Brier float64 `json:"brier"`
}

// Bin is the items whose score is in (Low, High]; the first bin includes 0.
type Bin struct {
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	N         int     `json:"n"`
	MeanScore float64 `json:"mean_score"` // 0 without items
	Rate      Rate    `json:"rate"`       // of positives
}

// Calibration compares scores, which must be in [0, 1], with the truth.
func (r *Ranking) Calibration() Calibration {
	var hits, n [Bins]int
	var sum [Bins]float64
	var c Calibration
	for _, it := range r.items {
		b := min(max(int(math.Ceil(it.Score*Bins))-1, 0), Bins-1)
		n[b]++
		sum[b] += it.Score
		truth := 0.0
		if it.Positive {
			hits[b]++
			truth = 1
		}
		c.Brier += (it.Score - truth) * (it.Score - truth) / float64(len(r.items))
	}
	for b := range Bins {
		bin := Bin{Low: float64(b) / Bins, High: float64(b+1) / Bins, N: n[b], Rate: NewRate(hits[b], n[b])}
		if bin.N > 0 {
			bin.MeanScore = sum[b] / float64(bin.N)
			c.ECE += math.Abs(bin.MeanScore-bin.Rate.Value) * float64(bin.N) / float64(len(r.items))
		}
		c.Bins = append(c.Bins, bin)
	}
	return c
}
