package score

import (
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func near(margin float64) cmp.Option { return cmpopts.EquateApprox(0, margin) }

// The intervals are those of R's prop.test(..., correct = FALSE) and of Newcombe, Statistics in Medicine 17 (1998), table I.
func TestNewRate(t *testing.T) {
	for _, c := range []struct {
		hits, n int
		want    Rate
	}{
		{0, 0, Rate{High: 1}},
		{81, 263, Rate{81, 263, 0.307985, 0.2553, 0.3662}},
		{15, 148, Rate{15, 148, 0.101351, 0.0624, 0.1605}},
		{0, 20, Rate{0, 20, 0, 0, 0.1611}},
		{1, 29, Rate{1, 29, 0.034483, 0.0061, 0.1718}},
		{29, 29, Rate{29, 29, 1, 0.8830, 1}},
	} {
		if diff := cmp.Diff(c.want, NewRate(c.hits, c.n), near(6e-5)); diff != "" {
			t.Errorf("%d of %d (-want +got):\n%s", c.hits, c.n, diff)
		}
	}
}

func TestRateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		hits := rapid.IntRange(0, n).Draw(t, "hits")
		r, mirror := NewRate(hits, n), NewRate(n-hits, n)
		if !(0 <= r.Low && r.Low <= r.Value && r.Value <= r.High && r.High <= 1) {
			t.Fatalf("out of order: %+v", r)
		}
		if math.Abs(r.Low-(1-mirror.High)) > 1e-12 {
			t.Fatalf("%+v is not the mirror of %+v", r, mirror)
		}
		if wide := NewRate(hits*4, n*4); wide.High-wide.Low >= r.High-r.Low {
			t.Fatalf("four times the rows do not narrow %+v: %+v", r, wide)
		}
	})
}

func TestPerThousand(t *testing.T) {
	if got := NewRate(3, 2000).PerThousand(); got != 1.5 {
		t.Errorf("got %v, want 1.5", got)
	}
}

func TestNewQuantiles(t *testing.T) {
	twenty := make([]float64, 20)
	for i := range twenty {
		twenty[i] = float64(20 - i)
	}
	for _, c := range []struct {
		name   string
		values []float64
		want   Quantiles
	}{
		{"none", nil, Quantiles{}},
		{"one", []float64{7}, Quantiles{1, 7, 7, 7, 7, 7}},
		{"two", []float64{4, 2}, Quantiles{2, 3, 2, 4, 4, 4}},
		{"20 to 1", twenty, Quantiles{20, 10.5, 10, 19, 20, 20}},
		// The example of nearest rank on Wikipedia, "Percentile": the 50th of 15, 20, 35, 40, 50 is 35.
		{"published", []float64{15, 20, 35, 40, 50}, Quantiles{5, 32, 35, 50, 50, 50}},
	} {
		if diff := cmp.Diff(c.want, NewQuantiles(c.values)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		b, c int
		want float64
	}{
		{0, 0, 1},
		{5, 5, 1},
		{1, 0, 1},
		{0, 5, 2.0 / 32},
		{1, 5, 2 * 7.0 / 64},
		{2, 8, 2 * (1 + 10 + 45) / 1024.0},
		{10, 2, 2 * (1 + 12 + 66) / 4096.0},
		// Agresti, Categorical Data Analysis, presidents' ratings: 86 against 150, exact p 3.7e-5.
		{86, 150, 3.7e-5},
	} {
		if got := McNemar(c.b, c.c); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("McNemar(%d, %d) = %v, want %v", c.b, c.c, got, c.want)
		}
	}
}

// exactTail computes the same p value with whole numbers of any size.
func exactTail(b, c int) float64 {
	n, sum := int64(b+c), new(big.Int)
	for i := int64(0); i <= int64(min(b, c)); i++ {
		sum.Add(sum, new(big.Int).Binomial(n, i))
	}
	p, _ := new(big.Rat).SetFrac(sum.Lsh(sum, 1), new(big.Int).Lsh(big.NewInt(1), uint(n))).Float64()
	return min(1, p)
}

func TestMcNemarProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, c := rapid.IntRange(0, 400).Draw(t, "b"), rapid.IntRange(0, 400).Draw(t, "c")
		p := McNemar(b, c)
		if p != McNemar(c, b) {
			t.Fatal("not symmetric")
		}
		if want := exactTail(b, c); math.Abs(p-want) > 1e-9*want {
			t.Fatalf("got %v, want %v", p, want)
		}
	})
	if p := McNemar(500_000, 502_000); !(p > 0.04 && p < 0.05) { // z = 2000 / sqrt(1002000) = 1.998
		t.Errorf("of a million pairs: %v", p)
	}
	if p := McNemar(0, 1_000_000); p != 0 {
		t.Errorf("of pairs that all go one way: %v", p)
	}
}
