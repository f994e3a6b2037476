package directive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of a text. Words are compared folded and without apostrophes, so "User's" is "users"; a leading
// dot stays (".env"), and so do underscores. In a script without blanks each character begins a token, which is the
// longest stem of the vocabulary that stands there.
type token struct {
	start, end int
	word       uint16 // number in the vocabulary, 0 for a word that no pattern names
	sentence   int
}

// maxSentence cuts text without punctuation, so that nothing far apart counts as together: 60 words, or three times as
// many characters where words have no blanks between them.
const (
	maxSentence  = 180
	wordWeight   = 3
	symbolWeight = 1
)

// tokenise cuts text into words, numbers its sentences from 0 and notes identifiers.
func (rd *Reader) tokenise(text string) {
	v := rd.lexicon.vocabulary
	tokens := rd.tokens[:0]
	sentence, weight := 0, 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if !wordByte[c] && (c != '.' || !leadingDot(text, i)) {
				if weight > 0 && c <= '?' && endsSentence(text, i) {
					sentence, weight = sentence+1, 0
				}
				i++
				continue
			}
		} else if r, n := utf8.DecodeRuneInString(text[i:]); unspaced(r) {
			end, word := v.longest(text, i)
			tokens = append(tokens, token{i, max(end, i+n), word, sentence})
			if weight += symbolWeight; weight >= maxSentence {
				sentence, weight = sentence+1, 0
			}
			i += n
			continue
		} else if !inWord(r) {
			if weight > 0 && stops(r) {
				sentence, weight = sentence+1, 0
			}
			i += n
			continue
		}
		end, word, joined := rd.memory.word(v, text, i)
		if joined {
			rd.identifiers = append(rd.identifiers, len(tokens))
		}
		tokens = append(tokens, token{i, end, word, sentence})
		if weight += wordWeight; weight >= maxSentence {
			sentence, weight = sentence+1, 0
		}
		i = end
	}
	rd.tokens = tokens
}

// word reads the word at i. It returns its end, its number, and whether it is an identifier of several parts.
func (v *vocabulary) word(text string, i int) (end int, number uint16, joined bool) {
	start, node, stem := i, uint32(0), uint16(0)
	for i < len(text) {
		c := text[i]
		class := asciiClass[c]
		switch {
		case class == beyondASCII:
			r, n := utf8.DecodeRuneInString(text[i:])
			if unspaced(r) || !inWord(r) {
				next := insideWord(text, start, i)
				if next == i {
					return i, v.numberAt(node, stem), joined
				}
				i = next
				continue
			}
			i += n
			if r = foldRune(r); r == 0 {
				continue
			}
			if node = v.step(node, r); node == 0 {
				end, more := skipWord(text, start, i)
				return end, stem, joined || more
			}
		case class == 0 || c == '.' && i > start:
			next := insideWord(text, start, i)
			if next == i {
				return i, v.numberAt(node, stem), joined
			}
			i = next
			continue
		default:
			joined = joined || joints[c] && joins(text, start, i)
			i++
			if node = v.ascii[node*asciiWidth+uint32(class)]; node == 0 {
				end, more := skipWord(text, start, i)
				return end, stem, joined || more
			}
		}
		if v.stems[node] != 0 {
			stem = v.stems[node]
		}
	}
	return i, v.numberAt(node, stem), joined
}

// numberAt is the number of the word that ends at the node, or else of the last stem on the way to it.
func (v *vocabulary) numberAt(node uint32, stem uint16) uint16 {
	if v.words[node] != 0 {
		return v.words[node]
	}
	return stem
}

// skipWord finds the end of a word that the vocabulary has not, from i on.
func skipWord(text string, start, i int) (end int, joined bool) {
	for i < len(text) {
		c := text[i]
		switch class := asciiClass[c]; {
		case class == beyondASCII:
			if r, n := utf8.DecodeRuneInString(text[i:]); !unspaced(r) && inWord(r) {
				i += n
				continue
			}
		case class != 0 && c != '.':
			joined = joined || joints[c] && joins(text, start, i)
			i++
			continue
		}
		next := insideWord(text, start, i)
		if next == i {
			break
		}
		i = next
	}
	return i, joined
}

// insideWord returns where a word goes on behind an apostrophe at i; i if it does not.
func insideWord(text string, start, i int) int {
	if skip := apostrophe(text, i); skip > 0 && i > start && i+skip < len(text) && startsWord(text, i+skip) {
		return i + skip
	}
	return i
}

// joints are the bytes at which identifiers are put together: underscores and capitals.
var joints = func() (t [256]bool) {
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = true
	}
	t['_'] = true
	return t
}()

// joins reports whether the joint at i puts an identifier together: "send_mail", "sendMail".
func joins(text string, start, i int) bool {
	if text[i] == '_' {
		return i > start && text[start] != '_'
	}
	return i > start && 'a' <= text[i-1] && text[i-1] <= 'z'
}

// parts appends the words that an identifier is put together of.
func (v *vocabulary) parts(text string, t token, out []token) []token {
	for i := t.start; i < t.end; {
		for i < t.end && text[i] == '_' {
			i++
		}
		end := i
		for end < t.end && text[end] != '_' && (end == i || !joints[text[end]] || !joins(text, i, end)) {
			end++
		}
		if end > i {
			_, word, _ := v.word(text[:end], i)
			out = append(out, token{i, end, word, t.sentence})
		}
		i = end
	}
	return out
}

// longest returns the end and the number of the longest stem at i, of those that end anywhere.
func (v *vocabulary) longest(text string, i int) (end int, number uint16) {
	node := uint32(0)
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if node = v.step(node, foldRune(r)); node == 0 {
			break
		}
		i += n
		if v.stems[node] != 0 {
			end, number = i, v.stems[node]
		}
	}
	return end, number
}

var wordByte = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
	}
	return t
}()

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }

func startsWord(text string, i int) bool {
	if text[i] < utf8.RuneSelf {
		return wordByte[text[i]]
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return inWord(r)
}

// leadingDot reports whether a dot at i starts a word, as in ".env" and "~/.ssh".
func leadingDot(text string, i int) bool {
	if i+1 == len(text) || !wordByte[text[i+1]] {
		return false
	}
	return i == 0 || !wordByte[text[i-1]] && text[i-1] != '.' && text[i-1] != ')' && text[i-1] < utf8.RuneSelf
}

// apostrophe returns the length of an apostrophe at i, or 0.
func apostrophe(text string, i int) int {
	const curly = "\u2019"
	switch {
	case text[i] == '\'':
		return 1
	case strings.HasPrefix(text[i:], curly):
		return len(curly)
	}
	return 0
}

// stops reports whether r ends a sentence in the scripts that have a full stop of their own.
func stops(r rune) bool {
	switch r {
	case '。', '！', '？', '｡', '।', '॥', '؟', '۔':
		return true
	}
	return false
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
	}
	return false
}
