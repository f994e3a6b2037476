package view

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

const replacement = string(utf8.RuneError)

// unescape resolves the JSON escapes of body[start:end]. What no Unicode text can hold, a lone surrogate or a byte that
// is not UTF-8, becomes U+FFFD, as it does in most parsers, and the result is not exact.
func unescape(body string, start, end int) (text string, runs models.OffsetMap, exact bool) {
	exact = true
	b := builder{text: make([]byte, 0, end-start)}
	for i := start; i < end; {
		plain := i
		for i < end && class[body[i]] == 0 {
			i++
		}
		b.keep(body, plain, i)
		if i == end {
			break
		}
		if body[i] == '\\' {
			r, n := resolve(body[i:end])
			exact = exact && r != surrogate
			b.whole(string(r), i, i+n)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(body[i:end])
		if r == utf8.RuneError && n == 1 {
			exact = false
			b.whole(replacement, i, i+1)
		} else {
			b.keep(body, i, i+n)
		}
		i += n
	}
	return string(b.text), b.runs, exact
}

// surrogate is what [resolve] makes of a lone surrogate: no rune, so that it prints as U+FFFD.
const surrogate rune = -1

// resolve returns what the JSON escape that s begins with stands for, and its length.
func resolve(s string) (rune, int) {
	if s[1] != 'u' {
		return rune("\"\\/\b\f\n\r\t"[strings.IndexByte(`"\/bfnrt`, s[1])]), 2
	}
	r, _ := hexValue(s, 2, 4)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if low, ok := hexValue(s, 8, 4); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return utf16.DecodeRune(r, low), 12
		}
	}
	return surrogate, 6
}

// hexValue reads n hex digits of s from i on.
func hexValue(s string, i, n int) (rune, bool) {
	if len(s) < i+n {
		return 0, false
	}
	var v rune
	for _, c := range []byte(s[i : i+n]) {
		d := hexDigit[c]
		if d < 0 {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	return v, true
}

// hexDigit has the value of each hex digit, and -1 for all other bytes.
var hexDigit = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range 16 {
		t["0123456789abcdef"[i]] = int8(i)
		t["0123456789ABCDEF"[i]] = int8(i)
	}
	return t
}()
