package bench

import "strconv"

// percent formats a share as a percentage, such as "0.1 %".
func percent(share float64) string {
	return strconv.FormatFloat(share*100, 'g', 4, 64) + " %"
}
