package main

import "math"

// features is how many numbers describe a match.
const features = 2

type row struct {
	x      [features]float64
	attack bool
	weight float64
}

// Newton's method: how often at most, and what keeps the coefficients finite where the rows can be told apart wholly.
const (
	rounds = 50
	ridge  = 0.01
)

// fit finds the curve under which the rows are likeliest: a bias, and a coefficient for each feature.
func (g *group) fit() {
	const n = features + 1
	w := &g.Curve
	for range rounds {
		var gradient [n]float64
		var hessian [n][n]float64
		for i := range n {
			gradient[i], hessian[i][i] = -ridge*w[i], ridge
		}
		for _, r := range g.rows {
			x := [n]float64{1, r.x[0], r.x[1]}
			z := 0.
			for i := range n {
				z += w[i] * x[i]
			}
			p, y := 1/(1+math.Exp(-z)), 0.
			if r.attack {
				y = 1
			}
			for i := range n {
				gradient[i] += r.weight * (y - p) * x[i]
				for j := range n {
					hessian[i][j] += r.weight * p * (1 - p) * x[i] * x[j]
				}
			}
		}
		for i, step := range solve(hessian, gradient) {
			w[i] += step
		}
	}
}

// solve returns x with a x = b, for a that is positive definite.
func solve(a [features + 1][features + 1]float64, b [features + 1]float64) [features + 1]float64 {
	n := len(b)
	for i := range n {
		for j := i + 1; j < n; j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < n; k++ {
				a[j][k] -= f * a[i][k]
			}
			b[j] -= f * b[i]
		}
	}
	for i := n - 1; i >= 0; i-- {
		for j := i + 1; j < n; j++ {
			b[i] -= a[i][j] * b[j]
		}
		b[i] /= a[i][i]
	}
	return b
}
