package directive

import (
	"unicode"
	"unicode/utf8"
)

// token is one word of a text. Words are compared in lower case and without apostrophes, so "User's" is "users";
// a leading dot stays (".env"), and so do underscores.
type token struct {
	start, end int
	word       uint16 // number in the vocabulary, 0 for a word that no pattern names
	sentence   int
}

const (
	maxWordBytes      = 40 // longer words are in no vocabulary
	maxSentenceTokens = 60 // text without punctuation is cut here, so that nothing far apart counts as together
)

// tokenise cuts text into words and numbers its sentences from 0.
func (l *Lexicon) tokenise(text string, tokens []token) []token {
	var buf [maxWordBytes]byte
	sentence, inSentence := 0, 0
	next := func() {
		if inSentence > 0 {
			sentence, inSentence = sentence+1, 0
		}
	}
	for i := 0; i < len(text); {
		n := wordRune(text, i)
		if n == 0 && !leadingDot(text, i) {
			if endsSentence(text, i) {
				next()
			}
			i += runeLen(text, i)
			continue
		}
		start, size := i, 0
		i += max(n, 1)
		size = appendLower(buf[:], 0, text[start:i])
		for i < len(text) {
			if skip := apostrophe(text, i); skip > 0 && i+skip < len(text) && wordRune(text, i+skip) > 0 {
				i += skip
				continue
			}
			n := wordRune(text, i)
			if n == 0 {
				break
			}
			size = appendLower(buf[:], size, text[i:i+n])
			i += n
		}
		t := token{start: start, end: i, sentence: sentence}
		if size <= maxWordBytes {
			t.word = l.vocabulary[string(buf[:size])]
		}
		tokens = append(tokens, t)
		if inSentence++; inSentence >= maxSentenceTokens {
			next()
		}
	}
	return tokens
}

// appendLower writes one rune in lower case at buf[size:] and returns the new size, which may lie beyond the buffer.
func appendLower(buf []byte, size int, r string) int {
	if len(r) == 1 {
		c := r[0]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if size < len(buf) {
			buf[size] = c
		}
		return size + 1
	}
	decoded, _ := utf8.DecodeRuneInString(r)
	var enc [utf8.UTFMax]byte
	n := utf8.EncodeRune(enc[:], unicode.ToLower(decoded))
	if size+n <= len(buf) {
		copy(buf[size:], enc[:n])
	}
	return size + n
}

var wordByte = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
	}
	return t
}()

// wordRune returns the length of the rune at i if it belongs to a word, else 0.
func wordRune(text string, i int) int {
	c := text[i]
	if c < utf8.RuneSelf {
		if wordByte[c] {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
		return n
	}
	return 0
}

func runeLen(text string, i int) int {
	if text[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(text[i:])
	return n
}

// leadingDot reports whether a dot at i starts a word, as in ".env" and "~/.ssh".
func leadingDot(text string, i int) bool {
	if text[i] != '.' || i+1 == len(text) || !wordByte[text[i+1]] {
		return false
	}
	return i == 0 || !wordByte[text[i-1]] && text[i-1] != '.' && text[i-1] != ')' && text[i-1] < utf8.RuneSelf
}

// apostrophe returns the length of an apostrophe at i, or 0.
func apostrophe(text string, i int) int {
	if text[i] == '\'' {
		return 1
	}
	const curly = "\u2019"
	if len(text)-i >= len(curly) && text[i:i+len(curly)] == curly {
		return len(curly)
	}
	return 0
}

// endsSentence reports whether the separator at i ends a sentence: a full stop, exclamation or question mark before
// space or quote, a blank line, or a line break before a list item.
func endsSentence(text string, i int) bool {
	switch text[i] {
	case '.', '!', '?':
		return i+1 == len(text) || text[i+1] <= ' ' || text[i+1] == '"' || text[i+1] == '\'' || text[i+1] == ')' || text[i+1] == '<'
	case '\n':
		for j := i + 1; j < len(text); j++ {
			switch c := text[j]; {
			case c == ' ' || c == '\t' || c == '\r':
			case c == '\n' || c == '-' || c == '*' || c == '#':
				return true
			case '0' <= c && c <= '9':
				return j+1 < len(text) && (text[j+1] == '.' || text[j+1] == ')')
			default:
				return false
			}
		}
		return true
	case 0xE3: // the ideographic full stop
		return len(text)-i >= 3 && text[i:i+3] == "\u3002"
	}
	return false
}
