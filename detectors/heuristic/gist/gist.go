// Package gist tells what a short text wants that nobody was meant to read: whether it speaks to a model, is about private
// matters, has something done, and keeps that from people. It knows a few hundred stems of a dozen languages, which is
// too coarse for text in sight and enough for text that was hidden.
package gist

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sign is a part that orders in hiding are made of.
type Sign uint16

// The signs.
const (
	Addressee Sign = 1 << iota // a model, an agent, an assistant
	You                        // "you", systems, readers: whoever reads
	Private                    // what the user or the session keeps to itself
	Act                        // handing over, changing, spending
	Covert                     // without asking, without telling
	Override                   // instead of what was asked
	Address                    // an address outside
	Tool                       // a function by its name
	Duty                       // must, always, first, every
	Grave                      // what is private and does harm in other hands
)

// weight is what each sign counts.
var weight = [...]int{2, 1, 2, 2, 2, 2, 1, 1, 1, 1}

// Gist is what was made of a text.
type Gist struct {
	Signs Sign
	Words int
}

// Has reports whether any of the signs is there.
func (g Gist) Has(s Sign) bool { return g.Signs&s != 0 }

// Score weighs the signs: 3 is a sentence about anything, 6 is an order about somebody else's matters.
func (g Gist) Score() int {
	score := 0
	for i, w := range weight {
		if g.Has(1 << i) {
			score += w
		}
	}
	return score
}

const (
	maxText   = 8 << 10 // bytes that are read
	maxWord   = 24      // bytes of a word that are compared
	minStem   = 2
	askWindow = 4 // words between "not" and "tell"
)

// Of reads a text, at most its first 8 KiB.
func Of(text string) Gist {
	if len(text) > maxText {
		text = text[:maxText]
	}
	var g Gist
	negated := -askWindow
	for i := 0; i < len(text); {
		start := i
		word, end := nextWord(text, i)
		i = end
		if word == "" {
			g.Signs |= mark(text, start)
			continue
		}
		g.Words++
		if cut := strings.IndexByte(word, '_'); cut > 0 {
			g.Signs |= Tool | Sign(lookup(word[:cut])|lookup(word[strings.LastIndexByte(word, '_')+1:]))&signs&^Addressee
		} else if accountNumber(word) {
			g.Signs |= Address
		}
		switch stem := lookup(word); {
		case stem&negation != 0:
			negated = g.Words
			g.Signs |= Sign(stem) & signs
		case stem&telling != 0 && g.Words-negated <= askWindow:
			g.Signs |= Covert | Sign(stem)&signs
		default:
			g.Signs |= Sign(stem) & signs
		}
	}
	if wide := wideRunes(text); wide > 0 {
		g.Words += wide / 3
		for _, t := range unspaced {
			if !g.Has(t.sign) && strings.Contains(text, t.term) {
				g.Signs |= t.sign
			}
		}
	}
	return g
}

// nextWord returns the word at i in lower case, and where to go on; an empty one for anything else.
func nextWord(text string, i int) (string, int) {
	start := i
	ascii := true
	for i < len(text) {
		c := text[i]
		if c < utf8.RuneSelf {
			if !wordByte[c] {
				break
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) || r >= 0x2e80 {
			break
		}
		ascii = false
		i += n
	}
	if i == start {
		_, n := utf8.DecodeRuneInString(text[i:])
		return "", i + n
	}
	word := text[start:i]
	if !ascii || strings.ToLower(word) != word {
		word = strings.ToLower(word)
	}
	if !ascii {
		word = plain.Replace(word)
	}
	return word, i
}

// plain takes the accents off the letters of words and stems: many people do not type them.
var plain = strings.NewReplacer("à", "a", "á", "a", "â", "a", "ã", "a", "ä", "a", "å", "a", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e", "ì", "i", "í", "i", "î", "i", "ï", "i", "ñ", "n",
	"ò", "o", "ó", "o", "ô", "o", "õ", "o", "ö", "o", "ù", "u", "ú", "u", "û", "u", "ü", "u", "ß", "ss", "ğ", "g", "ş", "s", "ı", "i", "ł", "l", "ś", "s", "ć", "c", "ę", "e", "ą", "a", "ż", "z", "ź", "z", "ń", "n", "ё", "е")

var wordByte = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
	}
	return t
}()

// accountNumber reports the beginning of an IBAN, or a wallet's address.
func accountNumber(word string) bool {
	if len(word) < 4 || !digit(word[2]) || !digit(word[3]) {
		return false
	}
	return strings.HasPrefix(word, "0x") && len(word) > 8 || !digit(word[0]) && !digit(word[1]) && (len(word) == 4 || len(word) > 14)
}

// mark reads what punctuation shows: addresses, key files.
func mark(text string, i int) Sign {
	rest := text[i:]
	switch text[i] {
	case '@':
		if i > 0 && wordByte[text[i-1]] && len(rest) > 3 && wordByte[rest[1]] && strings.IndexByte(rest[:min(len(rest), 40)], '.') > 0 {
			return Address
		}
	case ':':
		if strings.HasPrefix(rest, "://") {
			return Address
		}
	case '.':
		for _, file := range keyFiles {
			if strings.HasPrefix(rest, file) && (i == 0 || !wordByte[text[i-1]]) {
				return Private | Grave
			}
		}
	case '+':
		if len(rest) > 9 && digit(rest[1]) && digit(rest[2]) {
			return Address
		}
	}
	return 0
}

var keyFiles = []string{".env", ".netrc", ".ssh", ".aws", ".config", ".kube", ".npmrc", ".pypirc", ".git-credentials", ".docker", ".bash_history", ".pgpass", ".gnupg", ".mozilla"}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// lookup returns the signs of the longest stem that the word begins with; a stem without an open end is the whole word.
func lookup(word string) stemSigns {
	if len(word) > maxWord {
		word = word[:maxWord]
	}
	if s, ok := stems[word]; ok {
		return s
	}
	for n := len(word); n >= minStem; n-- {
		if s, ok := stems[word[:n]]; ok && s&open != 0 {
			return s
		}
	}
	return 0
}

// wideRunes counts the letters of scripts without spaces, and of Hangul and Arabic whose words have many forms.
func wideRunes(text string) int {
	n := 0
	for _, r := range text {
		if r >= 0x0600 && (r < 0x0980 || r >= 0x2e80) && unicode.IsLetter(r) {
			n++
		}
	}
	return n
}
