package view

import (
	"strings"
	"unicode/utf8"
)

// hidden lists the decoders for text in characters that can't be seen. They read what normalisation strips.
var hidden = []decoder{
	{name: "tags", needs: hasInvisible, apply: decodeTags},
	{name: "variation_selectors", needs: hasInvisible, apply: decodeSelectors},
	{name: "zero_width", needs: hasInvisible, apply: decodeZeroWidth},
}

// Tag characters mirror ASCII at U+E0000 and take four bytes of UTF-8 each.
const (
	tagBase    = 0xe0000
	tagCancel  = 0xe007f
	tagBytes   = 4
	blackFlag  = "\U0001f3f4"
	emojiStyle = "\ufe0f"
)

// flags are the tag sequences behind a black flag that Unicode recommends for interchange (UTS #51): England, Scotland
// and Wales. They hide nothing.
var flags = map[string]bool{"gbeng": true, "gbsct": true, "gbwls": true}

// decodeTags reads tag characters as the ASCII that they mirror. What is scattered over a text is read in one go.
func decodeTags(text string) *builder {
	var b builder
	for i := 0; ; {
		at := strings.IndexFunc(text[i:], tag)
		if at < 0 {
			return b.parts()
		}
		start := i + at
		var run builder
		for i = start; i < len(text); i += tagBytes {
			r, _ := utf8.DecodeRuneInString(text[i:])
			if !tag(r) {
				break
			}
			if c := byte(r - tagBase); c >= ' ' && r != tagCancel {
				run.add(string([]byte{c}), 1, i, tagBytes)
			}
		}
		if before := strings.TrimSuffix(text[:start], emojiStyle); !flags[string(run.text)] || !strings.HasSuffix(before, blackFlag) {
			b.append(&run)
		}
	}
}

func tag(r rune) bool { return r > tagBase && r <= tagCancel }

// selector returns the byte that a variation selector stands for: VS1 to VS256 count from 0.
func selector(r rune) (byte, bool) {
	switch {
	case r >= 0xfe00 && r <= 0xfe0f:
		return byte(r - 0xfe00), true
	case r >= 0xe0100 && r <= 0xe01ef:
		return byte(r - 0xe0100 + 16), true
	}
	return 0, false
}

// minHidden is how many bytes an invisible alphabet must spell: one or two selectors in a row occur in honest text.
const minHidden = 4

// decodeSelectors reads runs of variation selectors as bytes.
func decodeSelectors(text string) *builder {
	var b builder
	for i := 0; i < len(text); {
		if text[i] < 0xee { // the first byte of the first selector is 0xef
			i++
			continue
		}
		start := i
		var spelled builder
		for i < len(text) {
			r, n := utf8.DecodeRuneInString(text[i:])
			c, ok := selector(r)
			if !ok {
				break
			}
			spelled.add(string([]byte{c}), 1, i, n)
			i += n
		}
		if i == start {
			i += runeLen(text, i)
		}
		if s := string(spelled.text); len(s) >= minHidden && readable(s) {
			b.part(start, func(b *builder) { b.append(&spelled) })
		}
	}
	return b.parts()
}

// append appends what another builder made of the same source.
func (b *builder) append(other *builder) {
	offset := len(b.text)
	b.text = append(b.text, other.text...)
	for _, r := range other.runs {
		r.ViewStart += offset
		b.runs = push(b.runs, r)
	}
}

// zeroWidthBytes is the length of every character of the alphabet below.
const zeroWidthBytes = 3

func zeroWidth(r rune) bool {
	return r == 0x200b || r == 0x200c || r == 0x200d || r == 0x180e || r == 0xfeff || r >= 0x2060 && r <= 0x2064 || r == 0x3164 || r == 0xffa0 || r == 0x115f || r == 0x1160
}

// decodeZeroWidth reads runs of exactly two zero-width characters as bits, most significant first. Which of the two is
// the one is tried both ways.
func decodeZeroWidth(text string) *builder {
	var b builder
	for i := 0; ; {
		at := strings.IndexFunc(text[i:], zeroWidth)
		if at < 0 {
			return b.parts()
		}
		start := i + at
		var symbols []rune
		for i = start; i < len(text); i += zeroWidthBytes {
			r, _ := utf8.DecodeRuneInString(text[i:])
			if !zeroWidth(r) {
				break
			}
			symbols = append(symbols, r)
		}
		if s, ok := spell(symbols); ok {
			b.part(start, func(b *builder) { b.add(s, 1, start, 8*zeroWidthBytes) })
		}
	}
}

// spell reads symbols as bits.
func spell(symbols []rune) (string, bool) {
	if len(symbols) < 8*minHidden || len(symbols)%8 != 0 {
		return "", false
	}
	var zero, one []byte
	other := rune(0)
	for i, r := range symbols {
		if i%8 == 0 {
			zero, one = append(zero, 0), append(one, 0)
		}
		zero[i/8] <<= 1
		one[i/8] <<= 1
		if r == symbols[0] {
			one[i/8] |= 1
			continue
		}
		if other == 0 {
			other = r
		}
		if r != other {
			return "", false
		}
		zero[i/8] |= 1
	}
	for _, s := range []string{string(zero), string(one)} {
		if readable(s) {
			return s, true
		}
	}
	return "", false
}
