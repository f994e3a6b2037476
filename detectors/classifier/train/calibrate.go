package train

import (
	"math"

	"github.com/aad6b6dc/taster/detectors/classifier"
)

// fewest is how many scores of either sort a calibration needs.
const fewest = 50

// Calibrate fits log-odds to scores, as if both sorts were as many (Platt, Probabilistic outputs for support vector machines,
// 1999). Of fewer than 50 scores of either sort it returns the zero value, and where harmless ones are the higher.
func Calibrate(malicious, harmless []float32) classifier.Calibration {
	if len(malicious) < fewest || len(harmless) < fewest {
		return classifier.Calibration{}
	}
	slope, offset := 0.0, 0.0
	for range 50 {
		n := newton{s: ridge * slope, o: ridge * offset, ss: ridge, oo: ridge}
		n.add(malicious, 1, slope, offset)
		n.add(harmless, 0, slope, offset)
		ds, do := n.step()
		slope, offset = slope-ds, offset-do
	}
	if !(slope > 1e-6) {
		return classifier.Calibration{}
	}
	return classifier.Calibration{Slope: float32(slope), Offset: float32(offset)}
}

// ridge keeps what is told apart without an error from running away.
const ridge = 1e-3

// newton has the gradient and the curvature of the logistic loss in slope and offset.
type newton struct{ s, o, ss, so, oo float64 }

func (n *newton) add(scores []float32, want, slope, offset float64) {
	weight := 1 / float64(len(scores))
	for _, score := range scores {
		x := float64(score)
		p := 1 / (1 + math.Exp(-slope*x-offset))
		g, c := weight*(p-want), weight*p*(1-p)
		n.s, n.o = n.s+g*x, n.o+g
		n.ss, n.so, n.oo = n.ss+c*x*x, n.so+c*x, n.oo+c
	}
}

func (n *newton) step() (slope, offset float64) {
	d := n.ss*n.oo - n.so*n.so
	return (n.s*n.oo - n.o*n.so) / d, (n.o*n.ss - n.s*n.so) / d
}
