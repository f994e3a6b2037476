// Package score holds the statistics of the benchmark: rates with intervals, curves, calibration, paired tests and
// quantiles. It is pure arithmetic: it knows neither events nor detectors. Its results hold no NaN and no infinity, so
// that all of them have a JSON form. No result depends on the order of what it was computed from.
package score

import (
	"math"
	"slices"
)

// z is the standard normal quantile of a two-sided 95 % interval.
const z = 1.959963984540054

// Rate is a share with its 95 % interval.
type Rate struct {
	Hits int `json:"hits"`
	N    int `json:"n"`
	// Value is Hits / N, in [0, 1]. Of nothing (N 0) it is 0 with the interval [0, 1], which says that nothing is known:
	// look at N first.
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// NewRate returns the rate of hits among n with Wilson's score interval (E. B. Wilson, "Probable Inference, the Law of
// Succession, and Statistical Inference", JASA 22, 1927).
func NewRate(hits, n int) Rate {
	if n <= 0 {
		return Rate{High: 1}
	}
	r := Rate{Hits: hits, N: n, Value: float64(hits) / float64(n)}
	nf := float64(n)
	centre := (r.Value + z*z/(2*nf)) / (1 + z*z/nf)
	half := z / (1 + z*z/nf) * math.Sqrt(r.Value*(1-r.Value)/nf+z*z/(4*nf*nf))
	r.Low, r.High = max(0, centre-half), min(1, centre+half)
	if hits == 0 { // exact, where rounding would leave a trace
		r.Low = 0
	}
	if hits == n {
		r.High = 1
	}
	return r
}

// PerThousand is the value times 1,000.
func (r Rate) PerThousand() float64 { return 1000 * r.Value }

// Interval is a figure with its 95 % interval. Where no interval can be had it is the whole range, [0, 1].
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Quantiles describes a set of numbers. The quantile at p is by nearest rank: the smallest number that at least p of the
// numbers do not exceed, so it is always one of them. The zero value is that of no numbers.
type Quantiles struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// NewQuantiles describes values, which it leaves as they are.
func NewQuantiles(values []float64) Quantiles {
	if len(values) == 0 {
		return Quantiles{}
	}
	sorted := slices.Sorted(slices.Values(values))
	var sum float64
	for _, v := range sorted {
		sum += v
	}
	return Quantiles{
		N: len(sorted), Mean: sum / float64(len(sorted)), Max: sorted[len(sorted)-1],
		P50: nearestRank(sorted, 0.50), P95: nearestRank(sorted, 0.95), P99: nearestRank(sorted, 0.99),
	}
}

// nearestRank returns the quantile at p of sorted, which is not empty.
func nearestRank(sorted []float64, p float64) float64 {
	const slack = 1e-9 // 0.95 * 20 is a little above 19
	rank := int(math.Ceil(p*float64(len(sorted)) - slack))
	return sorted[max(rank, 1)-1]
}

// McNemar is the exact two-sided p value of McNemar's test: how likely a split of b+c differing pairs at least as uneven
// as b to c is when both ways are equally likely (Q. McNemar, Psychometrika 12, 1947; exact by the binomial
// distribution). Without a differing pair it is 1.
func McNemar(b, c int) float64 {
	n, k := b+c, min(b, c)
	if b == c {
		return 1
	}
	// The tail is summed from its largest term, whose logarithm stays in range for any n.
	term := math.Exp(logChoose(n, k) - float64(n)*math.Ln2)
	tail := 0.0
	for i := k; i >= 0 && term > tail*1e-18; i-- {
		tail += term
		term *= float64(i) / float64(n-i+1)
	}
	return min(1, 2*tail)
}

func logChoose(n, k int) float64 {
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x)); return v }
	return lgamma(n+1) - lgamma(k+1) - lgamma(n-k+1)
}
