package train

import "slices"

// Quantile returns the score that the given share of scores reaches or exceeds, at most; without scores, 0.
func Quantile(scores []float32, share float64) float32 {
	if len(scores) == 0 {
		return 0
	}
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	n := min(int(share*float64(len(sorted))), len(sorted)-1)
	return above(sorted[n])
}

// above is a little more than x: who has exactly x does not reach it.
func above(x float32) float32 { return x + 1e-4 }
