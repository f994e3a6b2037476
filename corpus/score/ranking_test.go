package score

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func items(positive, negative []float64) []Item {
	var out []Item
	for _, s := range negative {
		out = append(out, Item{Score: s})
	}
	for _, s := range positive {
		out = append(out, Item{Score: s, Positive: true})
	}
	return out
}

func TestCurves(t *testing.T) {
	// Positives 0.9, 0.5, 0.4 and negatives 0.5, 0.2: the two at 0.5 are one step.
	r := Rank(items([]float64{0.9, 0.5, 0.4}, []float64{0.5, 0.2}))
	roc := []Point{{0, 0, 1.9}, {0, 1.0 / 3, 0.9}, {0.5, 2.0 / 3, 0.5}, {0.5, 1, 0.4}, {1, 1, 0.2}}
	if diff := cmp.Diff(roc, r.ROC()); diff != "" {
		t.Errorf("ROC (-want +got):\n%s", diff)
	}
	pr := []Point{{1.0 / 3, 1, 0.9}, {2.0 / 3, 2.0 / 3, 0.5}, {1, 0.75, 0.4}, {1, 0.6, 0.2}}
	if diff := cmp.Diff(pr, r.PR()); diff != "" {
		t.Errorf("PR (-want +got):\n%s", diff)
	}
	// Of 6 pairs, 4 and a half are won: 0.9 both, 0.5 ties one and wins one, 0.4 wins one.
	if got, want := r.AUC(), 4.5/6; math.Abs(got-want) > 1e-12 {
		t.Errorf("AUC %v, want %v", got, want)
	}
	if got, want := r.AveragePrecision(), (1+2.0/3+0.75)/3; math.Abs(got-want) > 1e-12 {
		t.Errorf("average precision %v, want %v", got, want)
	}
	// The example of scikit-learn's roc_auc_score and average_precision_score.
	published := Rank(items([]float64{0.35, 0.8}, []float64{0.1, 0.4}))
	if auc, ap := published.AUC(), published.AveragePrecision(); auc != 0.75 || math.Abs(ap-0.8333333333) > 1e-9 {
		t.Errorf("published example: AUC %v, average precision %v", auc, ap)
	}
}

func TestCurveNeedsBothLabels(t *testing.T) {
	for name, r := range map[string]*Ranking{
		"nothing": Rank(nil), "positives": Rank(items([]float64{1}, nil)), "negatives": Rank(items(nil, []float64{1, 2})),
	} {
		auc, ap := r.Areas(1)
		if r.Complete() || r.ROC() != nil || r.PR() != nil || auc.Value != 0 || ap.Value != 0 || auc.High != 1 {
			t.Errorf("%s: a curve of one label: %v %v", name, auc, ap)
		}
		if _, err := json.Marshal([]any{r.At(0.01), r.Calibration(), auc}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAt(t *testing.T) {
	negative := make([]float64, 1000) // 0.000 to 0.999
	for i := range negative {
		negative[i] = float64(i) / 1000
	}
	r := Rank(items([]float64{1, 0.9985, 0.9895, 0.5}, negative))
	for _, c := range []struct {
		fpr  float64
		want Operating
	}{
		// Below 0.999 comes 0.9985, still with one false alarm; below 0.99 comes 0.9895, still with ten.
		{0.001, Operating{0.001, 0.9985, NewRate(2, 4), NewRate(1, 1000), true}},
		{0.01, Operating{0.01, 0.9895, NewRate(3, 4), NewRate(10, 1000), true}},
		{0.0005, Operating{0.0005, 1, NewRate(1, 4), NewRate(0, 1000), false}},
		{1, Operating{1, 0, NewRate(4, 4), NewRate(1000, 1000), true}},
	} {
		if diff := cmp.Diff(c.want, r.At(c.fpr), near(1e-12)); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", c.fpr, diff)
		}
	}
	// A tie of a positive with too many negatives can't be reached: nothing is called positive.
	tied := Rank(items([]float64{1}, []float64{1, 1, 0}))
	if got := tied.At(0.5); got.Recall.Hits != 0 || got.Threshold != 2 {
		t.Errorf("tie: %+v", got)
	}
}

func TestCalibration(t *testing.T) {
	// 0 and 0.1 fall in the first bin, 0.15 and 0.2 in the second, 1 in the last.
	c := Rank([]Item{{Score: 0}, {Score: 0.1, Positive: true}, {Score: 0.15}, {Score: 0.2}, {Score: 1, Positive: true}}).Calibration()
	var n []int
	for _, b := range c.Bins {
		n = append(n, b.N)
	}
	if diff := cmp.Diff([]int{2, 2, 0, 0, 0, 0, 0, 0, 0, 1}, n); diff != "" {
		t.Errorf("bins (-want +got):\n%s", diff)
	}
	// First bin: mean 0.05, half positive: 0.45 * 2/5. Second: mean 0.175, none: 0.175 * 2/5. Last: exact.
	if want := 0.45*0.4 + 0.175*0.4; math.Abs(c.ECE-want) > 1e-12 {
		t.Errorf("ECE %v, want %v", c.ECE, want)
	}
	if want := (0 + 0.81 + 0.0225 + 0.04 + 0) / 5; math.Abs(c.Brier-want) > 1e-12 {
		t.Errorf("Brier %v, want %v", c.Brier, want)
	}
}

func TestThin(t *testing.T) {
	var fine []Point
	for i := range 10_001 {
		fine = append(fine, Point{X: float64(i) / 10_000, Y: math.Sqrt(float64(i) / 10_000)})
	}
	thin := Thin(fine, 0.01)
	if len(thin) > 220 || len(thin) < 90 || thin[0] != fine[0] || thin[len(thin)-1] != fine[len(fine)-1] {
		t.Errorf("%d points, from %v to %v", len(thin), thin[0], thin[len(thin)-1])
	}
	if few := []Point{{0, 0, 2}, {1, 1, 0}}; len(Thin(few, 0.01)) != 2 {
		t.Error("two points became fewer")
	}
}

func drawItems(t *rapid.T) []Item {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Item {
		return Item{
			Score:    float64(rapid.IntRange(0, 8).Draw(t, "score")) / 8,
			Positive: rapid.Bool().Draw(t, "positive"),
			Group:    rapid.SampledFrom([]string{"", "", "a", "b", "c"}).Draw(t, "group"),
		}
	}), 2, 40).Draw(t, "items")
}

func TestRankingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawItems(t)
		r := Rank(in)
		// Every pair counted by hand.
		wins, pairs := 0.0, 0.0
		for _, p := range in {
			for _, n := range in {
				if p.Positive && !n.Positive {
					pairs++
					if p.Score > n.Score {
						wins++
					} else if p.Score == n.Score {
						wins += 0.5
					}
				}
			}
		}
		if pairs == 0 {
			return
		}
		if math.Abs(r.AUC()-wins/pairs) > 1e-12 {
			t.Fatalf("AUC %v, by pairs %v", r.AUC(), wins/pairs)
		}
		area := 0.0
		roc := r.ROC()
		for i := 1; i < len(roc); i++ {
			area += (roc[i].X - roc[i-1].X) * (roc[i].Y + roc[i-1].Y) / 2
		}
		if math.Abs(r.AUC()-area) > 1e-12 {
			t.Fatalf("AUC %v, under the curve %v", r.AUC(), area)
		}
		monotone := make([]Item, len(in))
		mirrored := make([]Item, len(in))
		for i, it := range in {
			monotone[i], mirrored[i] = it, it
			monotone[i].Score = math.Exp(3*it.Score) - 7
			mirrored[i].Positive = !it.Positive
		}
		if m := Rank(monotone); m.AUC() != r.AUC() || m.AveragePrecision() != r.AveragePrecision() {
			t.Fatal("a monotone map changed the areas")
		}
		if m := Rank(mirrored).AUC(); math.Abs(m-(1-r.AUC())) > 1e-12 {
			t.Fatalf("other labels: %v beside %v", m, r.AUC())
		}
		auc, ap := r.Areas(1)
		if !(auc.Low <= auc.Value && auc.Value <= auc.High && ap.Low <= ap.Value && ap.Value <= ap.High) {
			t.Fatalf("out of order: %v %v", auc, ap)
		}
		rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
		again := Rank(in)
		auc2, ap2 := again.Areas(1)
		if auc != auc2 || ap != ap2 || !cmp.Equal(r.Calibration(), again.Calibration()) || !cmp.Equal(roc, again.ROC()) {
			t.Fatal("the order of items matters")
		}
	})
}

// noisy is n items whose score is right more often than not.
func noisy(n int, seed uint64, groupSize int) []Item {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]Item, n)
	for i := range out {
		positive := rng.IntN(2) == 0
		s := rng.Float64() * 0.7
		if positive {
			s += 0.3
		}
		out[i] = Item{Score: s, Positive: positive}
		if groupSize > 1 {
			out[i].Group = fmt.Sprint(i / groupSize)
		}
	}
	return out
}

// The interval of an AUC of independent items is near that of Hanley and McNeil, Radiology 143 (1982).
func TestAreasInterval(t *testing.T) {
	r := Rank(noisy(2000, 1, 1))
	auc, _ := r.Areas(7)
	a, m, n := auc.Value, float64(r.pos), float64(r.neg)
	q1, q2 := a/(2-a), 2*a*a/(1+a)
	se := math.Sqrt((a*(1-a) + (m-1)*(q1-a*a) + (n-1)*(q2-a*a)) / (m * n))
	if got, want := auc.High-auc.Low, 2*z*se; math.Abs(got-want) > 0.2*want {
		t.Errorf("width %v, Hanley and McNeil have %v", got, want)
	}
	if other, _ := r.Areas(8); other == auc {
		t.Error("the seed does not matter")
	}
}

// Copies of an item in one group are no further evidence: the interval must not narrow.
func TestAreasDrawGroups(t *testing.T) {
	var copied []Item
	for i, it := range noisy(200, 1, 1) {
		it.Group = fmt.Sprint(i)
		for range 10 {
			copied = append(copied, it)
		}
	}
	single, _ := Rank(noisy(200, 1, 1)).Areas(1)
	grouped, _ := Rank(copied).Areas(1)
	for i := range copied {
		copied[i].Group = ""
	}
	apart, _ := Rank(copied).Areas(1)
	if w, g, a := single.High-single.Low, grouped.High-grouped.Low, apart.High-apart.Low; g < 0.8*w || a > 0.5*w {
		t.Errorf("width of 200 items %v, ten copies in groups %v, ten copies apart %v", w, g, a)
	}
}

func BenchmarkAreas(b *testing.B) {
	for _, n := range []int{16_000, 35_000} {
		r := Rank(noisy(n, 1, 3))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				r.Areas(1)
			}
		})
	}
}
