package hosts

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The parameters of RFC 3492.
const (
	punyBase, punyMin, punyMax = 36, 1, 26
	punySkew, punyDamp         = 38, 700
	punyBias, punyFirst        = 72, 0x80
	maxPuny                    = 63 // bytes of a label
)

// unpuny spells out a label that begins with xn--. What is not Punycode stays as it is.
func unpuny(label string) string {
	coded, found := strings.CutPrefix(label, "xn--")
	if !found || len(label) > maxPuny {
		return label
	}
	var out []rune
	if n := strings.LastIndexByte(coded, '-'); n > 0 {
		out, coded = []rune(coded[:n]), coded[n+1:]
	}
	n, bias := rune(punyFirst), punyBias
	for i := 0; coded != ""; i++ {
		start, weight := i, 1
		for k := punyBase; ; k += punyBase {
			digit, ok := punyDigit(coded)
			if !ok {
				return label
			}
			coded = coded[1:]
			i += digit * weight
			threshold := min(max(k-bias, punyMin), punyMax)
			if digit < threshold {
				break
			}
			weight *= punyBase - threshold
		}
		size := len(out) + 1
		bias = punyAdapt(i-start, size, start == 0)
		n += rune(i / size)
		i %= size
		if !utf8.ValidRune(n) {
			return label
		}
		out = slices.Insert(out, i, n)
	}
	return string(out)
}

func punyDigit(s string) (digit int, ok bool) {
	switch {
	case s == "":
		return 0, false
	case s[0] >= 'a' && s[0] <= 'z':
		return int(s[0] - 'a'), true
	case s[0] >= '0' && s[0] <= '9':
		return int(s[0]-'0') + 26, true
	}
	return 0, false
}

func punyAdapt(delta, size int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / size
	k := 0
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + (punyBase-punyMin+1)*delta/(delta+punySkew)
}
