package hiding

import (
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// latinTwins are Cyrillic letters that nobody tells from Latin ones.
const latinTwins = "асеорхуіјѕԁһӏѵԛԝ"

// encodedHosts reports labels of hosts that read as Latin and are not: xn--80ak6aa92e.
func encodedHosts(e *check.Event, i int, text string) {
	const prefix = "xn--"
	for at := 0; ; {
		n := strings.Index(text[at:], prefix)
		if n < 0 {
			return
		}
		start := at + n
		at = start + len(prefix)
		end := at
		for end < len(text) && end-at < maxLabel && (isLetter(text[end]) || text[end] == '-' || '0' <= text[end] && text[end] <= '9') {
			end++
		}
		if label := punycode(strings.ToLower(text[at:end])); imitates(label) {
			e.ReportAs(mixedScripts, models.SeverityHigh, mixedScripts.Confidence, nil, models.Span{Segment: i, Start: start, End: end})
			return
		}
		at = end
	}
}

// maxLabel is the length of the longest label of a host.
const maxLabel = 63

// imitates reports whether a label mixes Latin letters with their twins, or has nothing but twins.
func imitates(label []rune) bool {
	latin, twins, others := 0, 0, 0
	for _, r := range label {
		switch {
		case r < 0x250 && unicode.IsLetter(r):
			latin++
		case strings.ContainsRune(latinTwins, r) || strings.ContainsRune(lookalikes, r):
			twins++
		case unicode.IsLetter(r):
			others++
		}
	}
	return twins > 0 && others == 0 && (latin > 0 || twins > 3)
}

// punycode decodes a label without its prefix (RFC 3492), nil if it is none.
func punycode(label string) []rune {
	out := []rune(label[:max(strings.LastIndexByte(label, '-'), 0)])
	rest := label[strings.LastIndexByte(label, '-')+1:]
	n, index, bias := 128, 0, 72
	for first := true; rest != ""; first = false {
		old, weight := index, 1
		for k := 36; ; k += 36 {
			if rest == "" {
				return nil
			}
			digit := int(rest[0] - 'a')
			if rest[0] <= '9' {
				digit = int(rest[0]-'0') + 26
			}
			rest = rest[1:]
			if index += digit * weight; index > unicode.MaxRune*maxLabel {
				return nil
			}
			t := min(max(k-bias, 1), 26)
			if digit < t {
				break
			}
			weight *= 36 - t
		}
		delta := (index - old) / 2
		if first {
			delta = (index - old) / 700
		}
		delta += delta / (len(out) + 1)
		bias = 0
		for delta > 455 {
			delta /= 35
			bias += 36
		}
		bias += 36 * delta / (delta + 38)
		if n += index / (len(out) + 1); n > unicode.MaxRune {
			return nil
		}
		index %= len(out) + 1
		out = append(out[:index], append([]rune{rune(n)}, out[index:]...)...)
		index++
	}
	return out
}
