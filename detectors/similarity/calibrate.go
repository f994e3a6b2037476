package similarity

import (
	"fmt"
	"math"

	"github.com/aad6b6dc/taster/models"
)

// curve is a logistic curve over the features of a likeness. The curves are in curves.go, which cmd/internal/known/calibrate
// writes.
type curve struct{ bias, score, weight, contrast float64 }

// tellingWeight is the weight, about a dozen words, from which a known text is no more telling for being longer.
const tellingWeight = 60

// Features are what the probability follows from: the share of the known attack that the passage holds, the logarithm of
// the attack's weight up to [tellingWeight], and the share of the nearest harmless text that the same passage holds.
func (l *Likeness) Features() [3]float64 {
	return [3]float64{l.Score, math.Log1p(min(l.Weight, tellingWeight)), l.contrast()}
}

func (c curve) probability(x [3]float64) float64 {
	return 1 / (1 + math.Exp(-(c.bias + c.score*x[0] + c.weight*x[1] + c.contrast*x[2])))
}

func curveOf(kind models.Kind) curve {
	if kind.Definition() {
		return definitions
	}
	return runTime
}

// calibration is what a revision has of the curves.
var calibration = fmt.Sprint(definitions, runTime)
