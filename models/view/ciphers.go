package view

import (
	"math/big"
	"strings"
)

// More encodings of text that can be seen: alphabets and notations that a model reads as easily as base64.
var moreEncodings = []decoder{
	{name: "base32", apply: decodeBase32, set: base32Set, least: minEncoded},
	{name: "base85", apply: decodeBase85, set: base85Set, least: minEncoded},
	{name: "base58", apply: decodeBase58, set: base58Set, least: minBase58},
	{name: "codes", apply: decodeCodes, set: codeSet, least: minEncoded},
	{name: "binary", apply: decodeBinary, set: binarySet, least: minBinary},
	{name: "morse", apply: decodeMorse, set: morseSet, least: minEncoded},
	{name: "spaced", needs: hasSpace, apply: decodeSpaced},
	{name: "gaps", needs: hasSpace, apply: decodeGaps, may: mayGaps},
	{name: "leet", needs: hasLeet, apply: decodeLeet},
	{name: "spelling", needs: hasSpelling, apply: decodeSpelling},
	{name: "list", apply: decodeList, may: mayList},
	{name: "chunks", needs: hasSpace, apply: decodeChunks, may: mayChunks},
	{name: "symbols", needs: hasMultibyte, apply: decodeSymbols},
	{name: "caesar", needs: hasCaesar, apply: decodeCaesar},
	{name: "file", apply: decodeFile, set: base64Set, least: minFile},
}

// minEncoded is how many characters of these are looked at.
const minEncoded = 32

var base32Set = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abcdefghijklmnopqrstuvwxyz")

// decodeBase32 finds base32 (RFC 4648) in capitals or small letters: five bytes from eight characters.
func decodeBase32(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, base32Set, minEncoded)
		if !ok {
			return b.parts()
		}
		i = end
		plain := unbase32(text[start:end])
		if !looksRead(plain) {
			continue
		}
		b.part(start, func(b *builder) {
			whole := len(plain) / 5 * 5
			b.add(plain[:whole], 5, start, 8)
			if rest := plain[whole:]; rest != "" {
				b.whole(rest, start+whole/5*8, end)
			}
		})
	}
}

// unbase32 returns what s decodes to, "" unless it is in one case and begins as text.
func unbase32(s string) string {
	if head := s[:min(len(s), 2*minEncoded)]; strings.ToUpper(head) != head && strings.ToLower(head) != head {
		return ""
	}
	out := make([]byte, 0, len(s)*5/8)
	bits, n := uint32(0), 0
	for i := range len(s) {
		c := s[i] | 0x20
		if '2' <= s[i] && s[i] <= '7' {
			c = 26 + s[i] - '2'
		} else {
			c -= 'a'
		}
		bits, n = bits<<5|uint32(c), n+5
		if n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
			if len(out) == 16 && !begins(string(out)) {
				return ""
			}
		}
	}
	return string(out)
}

// looksRead reports whether a decoded text has words: more than readable asks, since these alphabets are those of
// everyday words and numbers.
func looksRead(s string) bool {
	if len(s) < minRun || !readable(s) {
		return false
	}
	letters, beyond, blanks, odd := 0, 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80:
			beyond++
			letters++
		case letter(c):
			letters++
		case c == ' ' || c == '_' || c == '-' || c == '=' || c == ':' || c == ';' || c == '\n':
			blanks++
		case c < ' ' || strings.IndexByte(`#$%&*<>[\]^{|}~`+"`", c) >= 0:
			odd++
		}
	}
	words := blanks*20 >= len(s) || beyond*2 >= len(s) // not every script has blanks, and chance makes no UTF-8
	return letters*10 >= len(s)*6 && words && odd*12 <= len(s)
}

var base85Set = func() *byteSet {
	var s byteSet
	for c := byte('!'); c < 0x7f; c++ {
		s[c] = true
	}
	return &s
}()

// The alphabets of base85: that of Adobe (ascii85), and those of RFC 1924 and ZeroMQ.
var base85Alphabets = [...]*[256]byte{
	alphabet("!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu"),
	alphabet("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"),
	alphabet("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"),
}

// noDigit marks a byte that is not in an alphabet.
const noDigit = 0xff

func alphabet(digits string) *[256]byte {
	var t [256]byte
	for i := range t {
		t[i] = noDigit
	}
	for i := range len(digits) {
		t[digits[i]] = byte(i)
	}
	return &t
}

// decodeBase85 finds base85: four bytes from five characters, in each alphabet that the text belongs to.
func decodeBase85(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, base85Set, minEncoded)
		if !ok {
			return b.parts()
		}
		i = end
		if inner := strings.Index(text[start:end], "<~"); inner >= 0 {
			start += inner + 2
			if n := strings.Index(text[start:end], "~>"); n >= 0 {
				end = start + n
			}
		}
		for _, digits := range base85Alphabets {
			if plain := unbase85(text[start:end], digits); looksRead(plain) {
				b.part(start, func(b *builder) {
					whole := len(plain) / 4 * 4
					b.add(plain[:whole], 4, start, 5)
					if rest := plain[whole:]; rest != "" {
						b.whole(rest, start+whole/4*5, end)
					}
				})
				break
			}
		}
	}
}

func unbase85(s string, digits *[256]byte) string {
	out := make([]byte, 0, min(len(s)*4/5+4, 64))
	for i := 0; i < len(s); i += 5 {
		group := s[i:min(len(s), i+5)]
		var v uint64
		for k := range 5 {
			d := byte(84)
			if k < len(group) {
				d = digits[group[k]]
			}
			if d == noDigit {
				return ""
			}
			v = v*85 + uint64(d)
		}
		if v > 1<<32-1 || len(group) == 1 {
			return ""
		}
		out = append(out, []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}[:len(group)-1]...)
		if len(out) == 12 && !begins(string(out)) {
			return ""
		}
	}
	return string(out)
}

const (
	base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	maxBase58    = 512 // characters: the work is quadratic
	minBase58    = 40
)

var (
	base58Set   = setOf(base58Digits)
	base58Value = alphabet(base58Digits)
)

// decodeBase58 finds base58 in Bitcoin's alphabet, which is one large number.
func decodeBase58(text string) *builder {
	var b builder
	for i, tries := 0, 0; tries < 8; tries++ {
		start, end, ok := nextRun(text, i, base58Set, minBase58)
		if !ok {
			break
		}
		i = end
		if end-start > maxBase58 || !mixedCase(text[start:end]) {
			continue
		}
		n, radix := new(big.Int), big.NewInt(58)
		for k := start; k < end; k++ {
			n.Mul(n, radix).Add(n, big.NewInt(int64(base58Value[text[k]])))
		}
		if plain := string(n.Bytes()); looksRead(plain) {
			b.part(start, func(b *builder) { b.whole(plain, start, end) })
		}
	}
	return b.parts()
}

// mixedCase reports whether s has digits, capitals and small letters.
func mixedCase(s string) bool {
	return strings.ContainsAny(s, "123456789") && strings.ToUpper(s) != s && strings.ToLower(s) != s
}

var codeSet = setOf("0123456789,;: \t\n\r-./[]")

// decodeCodes finds lists of decimal numbers that are codes of characters (85,112,108) or places in the alphabet
// (18-5-1-4).
func decodeCodes(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, codeSet, minEncoded)
		if !ok {
			return b.parts()
		}
		i = end
		var run, places builder
		ascii, alphabetic := true, true
		for at := start; at < end; {
			from, v, wide := at, 0, false
			for at < end && '0' <= text[at] && text[at] <= '9' {
				if v = v*10 + int(text[at]-'0'); v > 255 {
					v = 256
				}
				at++
			}
			if at == from {
				if places.text != nil && (text[at] == ' ' || text[at] == '/' || text[at] == '\n') && at > start && text[at-1] != ',' && text[at-1] != ' ' && text[at-1] != '/' {
					places.whole(" ", at, at+1)
				}
				at++
				continue
			}
			wide = v > 126 || v < 32 && v != 10
			ascii = ascii && !wide
			alphabetic = alphabetic && v >= 1 && v <= 26
			if ascii {
				run.whole(string([]byte{byte(v)}), from, at)
			}
			if alphabetic {
				places.whole(string([]byte{byte('a' + v - 1)}), from, at)
			}
		}
		switch {
		case ascii && looksRead(string(run.text)):
			b.part(start, func(b *builder) { b.append(&run) })
		case alphabetic && isWords(string(places.text)):
			b.part(start, func(b *builder) { b.append(&places) })
		}
	}
}

// minBinary is six bytes.
const minBinary = 8 * 6

var binarySet = setOf("01 \t\n,_")

// decodeBinary finds bytes written as eight binary digits each, together or apart.
func decodeBinary(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, binarySet, minBinary)
		if !ok {
			return b.parts()
		}
		i = end
		var run builder
		from, bits, v := start, 0, 0
		for at := start; at < end; at++ {
			if text[at] != '0' && text[at] != '1' {
				if bits > 0 && bits < 8 && bits != 7 {
					run.text = nil
					break
				}
				if bits == 7 {
					run.whole(string([]byte{byte(v)}), from, at)
				}
				bits, v = 0, 0
				continue
			}
			if bits == 0 {
				from = at
			}
			v = v<<1 | int(text[at]-'0')
			if bits++; bits == 8 {
				run.whole(string([]byte{byte(v)}), from, at+1)
				bits, v = 0, 0
			}
		}
		if s := string(run.text); len(s) >= 6 && readable(s) {
			b.part(start, func(b *builder) { b.append(&run) })
		}
	}
}

var (
	morseSet  = setOf(".- /|\n")
	morseCode = map[string]string{
		".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g", "....": "h", "..": "i", ".---": "j", "-.-": "k",
		".-..": "l", "--": "m", "-.": "n", "---": "o", ".--.": "p", "--.-": "q", ".-.": "r", "...": "s", "-": "t", "..-": "u", "...-": "v",
		".--": "w", "-..-": "x", "-.--": "y", "--..": "z", "-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4", ".....": "5",
		"-....": "6", "--...": "7", "---..": "8", "----.": "9", ".-.-.-": ".", "--..--": ",", ".--.-.": "@", "-..-.": "/", "..--.-": "_", "---...": ":",
		"..--..": "?", "-....-": "-", ".----.": "'",
	}
)

// decodeMorse finds Morse code with blanks between letters and slashes, bars or wide gaps between words.
func decodeMorse(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, morseSet, minEncoded)
		if !ok {
			return b.parts()
		}
		i = end
		var run builder
		for at := start; at < end; {
			from := at
			for at < end && (text[at] == '.' || text[at] == '-') {
				at++
			}
			if at > from {
				sign, known := morseCode[text[from:at]]
				if !known {
					run.text = nil
					break
				}
				run.whole(sign, from, at)
				continue
			}
			for at < end && text[at] != '.' && text[at] != '-' {
				at++
			}
			if gap := text[from:at]; len(run.text) > 0 && at < end && (len(gap) > 1 || gap != " ") {
				run.whole(" ", from, at)
			}
		}
		if isWords(string(run.text)) {
			b.part(start, func(b *builder) { b.append(&run) })
		}
	}
}

const minSpaced = 14 // letters of a text that is s p a c e d out

// decodeSpaced closes the gaps in letters that stand apart, and drops the marks between them. Wider gaps stay one blank.
func decodeSpaced(text string) *builder {
	var b builder
	for i := 0; ; {
		start, ok := nextApart(text, i)
		if !ok {
			break
		}
		i = start
		var run builder
		letters := 0
		gap := text[i+1]
		for i < len(text) && text[i] > ' ' && text[i] < 0x7f && (i+1 == len(text) || text[i+1] == gap || !letter(text[i+1])) {
			if letter(text[i]) {
				letters++
			}
			run.whole(text[i:i+1], i, i+1)
			i++
			if i < len(text) && text[i] == gap {
				i++
			} else {
				break
			}
			if i < len(text) && text[i] == ' ' {
				run.whole(" ", i, i+1)
				for i < len(text) && text[i] == ' ' {
					i++
				}
			}
		}
		if s := string(run.text); letters >= minSpaced && spelledText(s) {
			b.part(start, func(b *builder) { b.append(&run) })
		}
		i = max(i, start+1)
	}
	return b.parts()
}

const minGaps = 4 // letters of a word that stand apart among others that do not

// mayGaps reports whether three letters stand apart somewhere.
func mayGaps(text string) bool {
	for i := 0; i+2*minGaps <= len(text); i += 4 {
		for at := i; at < i+2; at++ {
			if at+5 < len(text) && text[at+1] == text[at+3] && apart(text, at) && apart(text, at+2) {
				return true
			}
		}
	}
	return false
}

// decodeGaps closes the gaps in single words whose letters stand apart (s k i p, i.g.n.o.r.e), and leaves the rest of the
// text as it is.
func decodeGaps(text string) *builder {
	return rewrite(text, func(i int) (string, int) {
		if !apart(text, i) || i > 0 && alphanumeric(text[i-1]) {
			return "", 0
		}
		gap := text[i+1]
		if i >= 2 && text[i-1] == gap && letter(text[i-2]) && (i == 2 || !alphanumeric(text[i-3])) {
			return "", 0 // within a longer run
		}
		end := i + 1
		word := []byte{text[i]}
		for len(word) <= maxLexiconWord && end+1 < len(text) && text[end] == gap && letter(text[end+1]) && (end+2 == len(text) || !alphanumeric(text[end+2])) {
			word = append(word, text[end+1])
			end += 2
		}
		if len(word) < minGaps || len(word) > maxLexiconWord || !pronounced(string(word)) {
			return "", 0
		}
		return string(word), end - i
	})
}

// pronounced reports whether a word has vowels and consonants in a measure, and is no row of the alphabet.
func pronounced(word string) bool {
	if plain.score(word) > 0 {
		return true
	}
	vowels, steps := 0, 0
	for i := range len(word) {
		if strings.IndexByte("aeiouy", word[i]|0x20) >= 0 {
			vowels++
		}
		if i > 0 && word[i]|0x20 == word[i-1]|0x20+1 {
			steps++
		}
	}
	return vowels*5 >= len(word) && vowels*3 <= len(word)*2 && steps*3 < len(word)
}

// nextApart finds the next three letters that stand apart. A run that is long enough has some in every eight bytes.
func nextApart(text string, i int) (int, bool) {
	from := i
	for ; i+2*minSpaced < len(text); i += 8 {
		for at := i; at < i+2; at++ {
			if !apart(text, at) || text[at+3] != text[at+1] || text[at+5] != text[at+1] || !apart(text, at+2) || !apart(text, at+4) {
				continue
			}
			for at-2 >= from && text[at-1] == text[at+1] && apart(text, at-2) {
				at -= 2
			}
			if at > 0 && alphanumeric(text[at-1]) {
				at += 2
			}
			return at, true
		}
	}
	return 0, false
}

// apart reports whether a single character and a separator stand at i.
func apart(text string, i int) bool {
	return i+1 < len(text) && letter(text[i]) && (text[i+1] == ' ' || text[i+1] == '-' || text[i+1] == '.' || text[i+1] == '_' || text[i+1] == '*')
}

// spelledText tells spelled text from boards and tables of letters: vowels among consonants, many letters, no alphabet.
func spelledText(s string) bool {
	vowels, letters, steps := 0, 0, 0
	var seen [26]bool
	kinds := 0
	var last byte
	for i := range len(s) {
		c := s[i] | 0x20
		if !letter(c) {
			continue
		}
		letters++
		if strings.IndexByte("aeiou", c) >= 0 {
			vowels++
		}
		if !seen[c-'a'] {
			seen[c-'a'] = true
			kinds++
		}
		if c == last+1 {
			steps++
		}
		last = c
	}
	return vowels*4 >= letters && vowels*5 <= letters*3 && kinds >= 8 && steps*4 < letters
}

// isWords reports whether s reads as English: some of its words are in the lexicon.
func isWords(s string) bool {
	if len(s) < 8 {
		return false
	}
	score := 0
	for start, end := nextLetters(s, 0); end > 0; start, end = nextLetters(s, end) {
		score += plain.score(s[start:end])
	}
	return score >= enough || score == 0 && len(s) >= 2*minSpaced && strings.IndexByte(s, ' ') < 0 && spelledText(s)
}

// leetLetter are the digits and signs that stand for letters.
var leetLetter = map[byte]byte{'0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '8': 'b', '9': 'g', '@': 'a', '$': 's', '!': 'i', '|': 'l', '+': 't'}

func leet(word string) (string, bool) {
	changed := false
	out := []byte(word)
	for i, c := range out {
		if l, ok := leetLetter[c]; ok {
			out[i], changed = l, true
		}
	}
	return string(out), changed
}

const (
	minLeet = 4 // words with a digit for a letter between letters
)

// decodeLeet finds stretches of words in which digits stand for letters: all but the plain words between are rewritten.
func decodeLeet(text string) *builder {
	var b builder
	var run builder
	from, score, mixed := 0, 0, 0
	flush := func(at int) {
		if mixed >= minLeet && score >= enough {
			b.part(from, func(b *builder) { b.append(&run) })
		}
		run, score, mixed = builder{}, 0, 0
	}
	plainWords := 0
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && text[i] > ' ' && text[i] < 0x7f && text[i] != ',' && text[i] != ';' && text[i] != '_' {
			i++
		}
		if i == start {
			if len(run.text) > 0 {
				run.keep(text, i, i+runeLen(text, i))
			}
			i += runeLen(text, i)
			continue
		}
		word := text[start:i]
		decoded, changed := leet(word)
		switch {
		case changed && strings.ContainsFunc(word, func(r rune) bool { return r < 0x80 && letter(byte(r)) }) && allLetters(decoded):
			if len(run.text) == 0 {
				from = start
			}
			mixed++
			plainWords = 0
			score += plain.score(decoded)
			run.whole(decoded, start, i)
		case len(run.text) > 0 && plainWords < 3:
			plainWords++
			if changed && allLetters(decoded) {
				run.whole(decoded, start, i)
			} else {
				run.keep(text, start, i)
			}
		default:
			flush(start)
		}
	}
	flush(len(text))
	return b.parts()
}

func allLetters(s string) bool {
	s = strings.TrimRight(s, ".:?")
	for i := range len(s) {
		if !letter(s[i]) {
			return false
		}
	}
	return s != ""
}

const nato = `alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu`

var natoWords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(nato) {
		words[w] = true
	}
	return words
}()

// minSpelling is how many words of the spelling alphabet make a text that is spelled.
const minSpelling = 12

// decodeSpelling reads words of the spelling alphabet (romeo echo alfa delta) as their initials.
func decodeSpelling(text string) *builder {
	var b, run builder
	from, count := 0, 0
	flush := func() {
		if count >= minSpelling {
			b.part(from, func(b *builder) { b.append(&run) })
		}
		run, count = builder{}, 0
	}
	last := 0
	for start, end := nextLetters(text, 0); end > 0; start, end = nextLetters(text, end) {
		word := strings.ToLower(text[start:end])
		if !natoWords[word] {
			if count > 0 && end-start > 5 {
				flush()
			}
			continue
		}
		if count == 0 {
			from = start
		} else if gap := text[last:start]; gap != " " && gap != "-" {
			run.whole(" ", last, start)
		}
		run.whole(word[:1], start, end)
		count++
		last = end
	}
	flush()
	return b.parts()
}
