package view

import "unicode/utf8"

// foldTo leads from a look-alike to its ASCII letter. It is built from [lookalikes].
var foldTo = func() map[rune]byte {
	m := map[rune]byte{}
	for ascii, runes := range lookalikes {
		for _, r := range runes {
			m[r] = ascii
		}
	}
	return m
}()

// foldLookalikes turns look-alikes into the ASCII letters they resemble, word by word, and leaves the words of other
// languages alone. A word is folded if
//   - it mixes ASCII letters with look-alikes, and holds no letter of another script that does not look like ASCII
//     unless at least half of its letters are ASCII; or
//   - it consists of look-alikes only and stands in a text most of whose letters are ASCII.
func foldLookalikes(text string) *builder {
	ascii, other := countLetters(text)
	if ascii == 0 {
		return nil
	}
	var b *builder
	kept := 0
	for i := 0; i < len(text); {
		w := nextWord(text, i)
		i = w.end
		if !w.suspect(ascii > other) {
			continue
		}
		if b == nil {
			b = &builder{text: make([]byte, 0, len(text))}
		}
		for j := w.start; j < w.end; {
			r, n := utf8.DecodeRuneInString(text[j:])
			if ascii, ok := foldTo[r]; ok {
				b.keep(text, kept, j)
				b.whole(string(rune(ascii)), j, j+n)
				kept = j + n
			}
			j += n
		}
	}
	if b != nil {
		b.keep(text, kept, len(text))
	}
	return b
}

func countLetters(text string) (ascii, other int) {
	for _, r := range text {
		if r < utf8.RuneSelf {
			if letter(byte(r)) {
				ascii++
			}
		} else if runeFeatures(r).has(hasLetter) {
			other++
		}
	}
	return ascii, other
}

// word is a run of letters, digits, marks and underscores, with the counts of what it is made of.
type word struct {
	start, end                  int
	ascii, lookalikes, stranger int // letters: ASCII, resembling ASCII, of another script and resembling none
}

func (w word) suspect(mostlyASCII bool) bool {
	switch {
	case w.lookalikes == 0:
		return false
	case w.ascii == 0:
		return mostlyASCII && w.stranger == 0
	}
	return w.stranger == 0 || w.ascii >= w.lookalikes+w.stranger
}

// nextWord returns the next word of text from i on, or an empty one at the end.
func nextWord(text string, i int) word {
	for i < len(text) && text[i] < utf8.RuneSelf && !wordByte(text[i]) {
		i++
	}
	w := word{start: i}
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			if !wordByte(c) {
				break
			}
			if letter(c) {
				w.ascii++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch f := runeFeatures(r); {
		case f.has(hasLookalike):
			w.lookalikes++
		case !f.has(hasLetter | hasMark):
			w.end = i
			return w
		case f.has(hasForeign):
			w.stranger++
		}
	}
	w.end = i
	return w
}

func wordByte(c byte) bool { return alphanumeric(c) || c == '_' }
