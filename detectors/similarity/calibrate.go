package similarity

import (
	"fmt"
	"math"

	"github.com/aad6b6dc/taster/models"
)

// curve is a logistic curve over the features of a likeness. The curves are in curves.go, which cmd/internal/known/calibrate
// writes.
type curve struct{ bias, margin, weight float64 }

// tellingWeight is the weight, about a dozen words, from which a known text is no more telling for being longer.
const tellingWeight = 60

// Features are what the probability follows from: the share of the known attack that the passage holds, as far as it exceeds
// that of the nearest harmless text, and the logarithm of the attack's weight up to [tellingWeight].
func (l *Likeness) Features() [2]float64 {
	return [2]float64{max(0, l.Score-l.contrast()), math.Log1p(min(l.Weight, tellingWeight))}
}

func (c curve) probability(x [2]float64) float64 {
	return 1 / (1 + math.Exp(-(c.bias + c.margin*x[0] + c.weight*x[1])))
}

func curveOf(kind models.Kind) curve {
	if kind.Definition() {
		return definitions
	}
	return runTime
}

// calibration is what a revision has of the curves.
var calibration = fmt.Sprint(definitions, runTime)
