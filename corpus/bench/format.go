package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/corpus/score"
)

// nothing stands for a figure that there is none of.
const nothing = "-"

// percent formats a share as a percentage with the digits that it needs, such as "0.1 %".
func percent(share float64) string { return strconv.FormatFloat(share*100, 'g', 4, 64) + " %" }

// percentRate formats a rate as a percentage with its interval.
func percentRate(r score.Rate) string {
	if r.N == 0 {
		return nothing
	}
	return fmt.Sprintf("%.1f %% [%.1f–%.1f]", 100*r.Value, 100*r.Low, 100*r.High)
}

// thousandRate formats a rate per 1,000 with its interval.
func thousandRate(r score.Rate) string {
	if r.N == 0 {
		return nothing
	}
	return fmt.Sprintf("%.2f [%.2f–%.2f]", r.PerThousand(), 1000*r.Low, 1000*r.High)
}

// interval formats a figure in [0, 1] with its interval.
func interval(i score.Interval) string {
	return fmt.Sprintf("%.3f [%.3f–%.3f]", i.Value, i.Low, i.High)
}

// number formats any figure of a gate: shares to four decimals, large numbers to one.
func number(v float64) string {
	if math.Abs(v) <= 1 {
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', 4, 64), "0"), ".")
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// duration formats microseconds.
func duration(micros float64) string {
	switch {
	case micros < 1e3:
		return fmt.Sprintf("%.0f µs", micros)
	case micros < 1e6:
		return fmt.Sprintf("%.1f ms", micros/1e3)
	}
	return fmt.Sprintf("%.1f s", micros/1e6)
}

// chance formats a p value.
func chance(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// count formats a whole number with commas between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}
