package view

import (
	"encoding/binary"
	"html"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// decoder undoes one encoding. apply returns nil if the text holds nothing so encoded.
type decoder struct {
	name  string
	needs features // at least one of them; 0: any text
	apply func(text string) *builder
	// set and least, if given, are the characters of a run without which there is nothing to decode, and their number.
	set   *byteSet
	least int
	may   func(text string) bool // a cheap test; nil for none
}

// idle reports whether text lacks the run of characters that the decoder needs.
func (d *decoder) idle(text string) bool {
	return d.set != nil && !hasRun(text, d.set, d.least) || d.may != nil && !d.may(text)
}

// encodings lists the decoders for text that can be seen. Each works on any text; what it yields is bounded by it.
var encodings = append([]decoder{
	{name: "base64", apply: decodeBase64, set: base64Set, least: minRun},
	{name: "hex", apply: decodeHex},
	{name: "percent", needs: hasPercent, apply: decodePercent},
	{name: "html", needs: hasAmpersand, apply: decodeHTML},
	{name: "escapes", needs: hasBackslash, apply: decodeEscapes},
	{name: "rot13", needs: hasRotated, apply: decodeRot13},
	{name: "reversed", needs: hasReversed, apply: decodeReversed},
}, moreEncodings...)

// minRun is how many characters of base64 or hex are looked at: fewer hide no instruction.
const minRun = 16

// part appends what text[from:to] hides, on a line of its own.
func (b *builder) part(from int, write func(*builder)) {
	if len(b.text) > 0 {
		b.whole("\n", from-1, from)
	}
	write(b)
}

// parts returns the builder, or nil if nothing was found.
func (b *builder) parts() *builder {
	if len(b.text) == 0 {
		return nil
	}
	return b
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	base64Set   = setOf(base64Digits + "+/-_")
	base64Value = func() (t [256]byte) {
		for i := range len(base64Digits) {
			t[base64Digits[i]] = byte(i)
		}
		t['+'], t['-'], t['/'], t['_'] = 62, 62, 63, 63
		return t
	}()
)

// decodeBase64 finds base64 in both alphabets (RFC 4648), padded or not, in lines or not. A run that does not decode to
// text is tried again between the signs that also separate words and paths.
func decodeBase64(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, base64Set, minRun)
		if !ok {
			return b.parts()
		}
		i = end
		if b.base64(text, start, end) {
			if next, more := nextLine(text, end); more && (end-start)%4 == 0 {
				i = b.base64Lines(text, end, next)
			}
			continue
		}
		for from := start; from < end; {
			to := from
			for to < end && alphanumeric(text[to]) {
				to++
			}
			if to-from >= minRun && to-from < end-start {
				b.base64(text, from, to)
			}
			from = to + 1
		}
	}
}

// base64 appends what text[from:to] decodes to, if that is text.
func (b *builder) base64(text string, from, to int) bool {
	if probe := unbase64(text[from:min(to, from+32)]); !begins(probe) {
		return false
	}
	plain := unbase64(text[from:to])
	for pad := 0; pad < 2 && to < len(text) && text[to] == '='; pad++ {
		to++
	}
	if wide, ok := fromUTF16(plain); ok {
		b.part(from, func(b *builder) { b.whole(wide, from, to) })
		return true
	}
	if !readable(plain) {
		return false
	}
	b.part(from, func(b *builder) { b.groups(plain, from, to) })
	return true
}

// groups appends decoded base64: three bytes from each four, what remains from the last ones and their padding.
func (b *builder) groups(plain string, from, to int) {
	whole := len(plain) / 3 * 3
	b.add(plain[:whole], 3, from, 4)
	if rest := plain[whole:]; rest != "" {
		b.whole(rest, from+whole/3*4, to)
	}
}

// base64Lines appends further lines of the same base64 text, whatever they decode to, and returns where they end.
func (b *builder) base64Lines(text string, end, next int) int {
	for {
		to := next
		for to < len(text) && base64Set[text[to]] {
			to++
		}
		if to == next {
			return end
		}
		plain := unbase64(text[next:to])
		if !begins(plain) || !utf8.ValidString(plain) {
			return end
		}
		b.groups(plain, next, to)
		end = to
		var more bool
		if next, more = nextLine(text, to); !more {
			return end
		}
	}
}

// nextLine returns the start of the line behind i if the current one ends there.
func nextLine(text string, i int) (int, bool) {
	if strings.HasPrefix(text[i:], "\r\n") {
		return i + 2, true
	}
	return i + 1, strings.HasPrefix(text[i:], "\n")
}

func unbase64(s string) string {
	out := make([]byte, 0, len(s)/4*3+3)
	for ; len(s) >= 2; s = s[min(4, len(s)):] {
		var group uint32
		n := min(4, len(s))
		for k := range n {
			group |= uint32(base64Value[s[k]]) << (18 - 6*k)
		}
		out = append(out, []byte{byte(group >> 16), byte(group >> 8), byte(group)}[:n-1]...)
	}
	return string(out)
}

var hexSet = setOf("0123456789abcdefABCDEF")

// decodeHex finds runs of hex digits, and pairs of them separated by one and the same character.
func decodeHex(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, hexSet, minRun)
		if !ok {
			break
		}
		i = end
		joined := start > 0 && alphanumeric(text[start-1]) && text[start-1]|0x20 != 'x' || end < len(text) && alphanumeric(text[end])
		if !joined && (end-start)%2 == 0 {
			b.hex(text, start, end, 2)
		}
	}
	for i := 0; ; {
		start, end := nextPairs(text, i)
		if end == 0 {
			return b.parts()
		}
		b.hex(text, start, end, 3)
		i = end
	}
}

// hex appends what the pairs of text[from:to], one every stride bytes, decode to, if that is text.
func (b *builder) hex(text string, from, to, stride int) {
	plain := make([]byte, 0, (to-from)/stride+1)
	for i := from; i < to; i += stride {
		plain = append(plain, byte(hexDigit[text[i]]<<4|hexDigit[text[i+1]]))
		if len(plain) == 24 && !begins(string(plain)) {
			return
		}
	}
	if s := string(plain); readable(s) {
		b.part(from, func(b *builder) {
			last := len(s) - 1
			b.add(s[:last], 1, from, stride)
			b.add(s[last:], 1, from+last*stride, 2)
		})
	}
}

// nextPairs finds the next eight or more hex pairs with the same separator between them; end is 0 if there are none.
func nextPairs(text string, i int) (start, end int) {
	pair := func(i int) bool { return i >= 0 && i+1 < len(text) && hexSet[text[i]] && hexSet[text[i+1]] }
	// Eight pairs have seven separators, three bytes apart: one of any three neighbours is followed by two equal ones.
	for ; i+8 < len(text); i += 9 {
		for at := i; at < i+3 && at+6 < len(text); at++ {
			sep := text[at]
			if hexSet[sep] || text[at+3] != sep || text[at+6] != sep || !pair(at+1) || !pair(at+4) {
				continue
			}
			start, end = at+1, at+6
			for pair(start-3) && text[start-1] == sep {
				start -= 3
			}
			for end < len(text) && text[end] == sep && pair(end+1) {
				end += 3
			}
			if (end-start)/3+1 >= minRun/2 {
				return start, end
			}
		}
	}
	return 0, 0
}

// begins reports whether s could be the beginning of a text.
func begins(s string) bool {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && i <= len(s)-utf8.UTFMax && !zeros(s):
			return false
		case r < ' ' && !textControl(r) && !zeros(s):
			return false
		}
	}
	return s != ""
}

// zeros reports whether every second byte of s is zero, as in English text in UTF-16.
func zeros(s string) bool {
	for i := 1; i < len(s); i += 2 {
		if s[i] != 0 {
			return false
		}
	}
	return len(s) > 1
}

// fromUTF16 decodes little-endian UTF-16 with ASCII text in it, which is what PowerShell takes.
func fromUTF16(s string) (string, bool) {
	if len(s)%2 != 0 || !zeros(s[:min(len(s), 8)]) {
		return "", false
	}
	units := make([]uint16, len(s)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16([]byte(s[2*i : 2*i+2]))
	}
	text := string(utf16.Decode(units))
	return text, readable(text)
}

func textControl(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r == 0x1b || r == '\a' || r == '\b'
}

// surely is the length from which valid UTF-8 with hardly any control character can't be chance.
const surely = 32

// readable reports whether s reads as text: valid, with hardly any control character, and if it is short, at least a third
// of it letters (or the invisible ones that hide some), at least half letters, digits and white space.
func readable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	var all, letters, words, controls int
	for _, r := range s {
		all++
		switch {
		case r < utf8.RuneSelf && letter(byte(r)), r >= utf8.RuneSelf && (unicode.In(r, unicode.L, unicode.M) || invisible(r)):
			letters++
		case r == ' ', r == '\n', r == '\t', r == '\r', '0' <= r && r <= '9':
			words++
		case unicode.IsControl(r):
			controls++
		}
	}
	return controls*16 <= all && (all >= surely || letters > 0 && letters*3 >= all && (letters+words)*2 >= all)
}

// decodePercent resolves percent-encoded UTF-8 (RFC 3986).
func decodePercent(text string) *builder {
	return rewrite(text, func(i int) (string, int) {
		if text[i] != '%' {
			return "", 0
		}
		var utf [utf8.UTFMax]byte
		for n := range utf {
			at := i + 3*n
			if at >= len(text) || text[at] != '%' {
				break
			}
			v, ok := hexValue(text, at+1, 2)
			if !ok {
				break
			}
			utf[n] = byte(v)
			if r, size := utf8.DecodeRune(utf[:n+1]); size == n+1 && (r != utf8.RuneError || n == 2) {
				return string(utf[:n+1]), 3 * (n + 1)
			}
		}
		return "", 0
	})
}

// maxEntity is longer than any entity of HTML, and than any number worth decoding.
const maxEntity = 40

// decodeHTML resolves character references. A named one needs its semicolon, since "&copy=" is common in URLs.
func decodeHTML(text string) *builder {
	return rewrite(text, func(i int) (string, int) {
		if text[i] != '&' || i+2 >= len(text) {
			return "", 0
		}
		end := i + 1
		if text[end] == '#' {
			end++
		}
		for end < len(text) && end-i < maxEntity && alphanumeric(text[end]) {
			end++
		}
		closed := end < len(text) && text[end] == ';'
		if closed {
			end++
		} else if text[i+1] != '#' {
			return "", 0
		}
		resolved := html.UnescapeString(text[i:end])
		if resolved == text[i:end] {
			return "", 0
		}
		return resolved, end - i
	})
}

// decodeEscapes resolves \uXXXX (surrogate pairs too), \u{X}, \UXXXXXXXX and \xXX where they are written out as text.
func decodeEscapes(text string) *builder {
	return rewrite(text, func(i int) (string, int) {
		if text[i] != '\\' || i+3 >= len(text) {
			return "", 0
		}
		switch text[i+1] {
		case 'x':
			if r, ok := hexValue(text, i+2, 2); ok {
				return string(r), 4
			}
		case 'U':
			if r, ok := hexValue(text, i+2, 8); ok && utf8.ValidRune(r) {
				return string(r), 10
			}
		case 'u':
			if _, ok := hexValue(text, i+2, 4); ok {
				r, n := resolve(text[i:])
				return string(r), n
			}
			return bracedEscape(text[i:])
		}
		return "", 0
	})
}

// bracedEscape resolves \u{X} at the beginning of s.
func bracedEscape(s string) (string, int) {
	end := strings.IndexByte(s[:min(len(s), 10)], '}')
	if end < 4 || s[2] != '{' {
		return "", 0
	}
	r, ok := hexValue(s, 3, end-3)
	if !ok || !utf8.ValidRune(r) {
		return "", 0
	}
	return string(r), end + 1
}
