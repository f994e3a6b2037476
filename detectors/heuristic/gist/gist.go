// Package gist tells what a text wants that nobody was meant to read: whether it speaks to a model, is about private matters,
// has something done, and keeps that from people. To the signals of the lexicon it adds single words, which are too coarse
// for text in sight.
package gist

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
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
	Spoken                     // speaks to machines only: "agents reading this", "if you are an AI"
	Consent                    // agrees to something
)

// weight is what each sign counts.
var weight = [...]int{2, 1, 2, 2, 2, 2, 1, 1, 1, 1, 2, 0}

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

// maxText is how many bytes of a text are read.
const maxText = 8 << 10

// Of reads a text, at most its first 8 KiB.
func Of(text string) Gist {
	text = text[:min(len(text), maxText)]
	g := Gist{Words: countWords(text)}
	if strings.Contains(text, "://") || account(text) {
		g.Signs = Address
	}
	opening := 0 // where an addressee ends that the text begins with
	readers := idle.Get().(*[2]reader)
	for i := range readers {
		r := &readers[i]
		for _, h := range r.Read(text).Hits {
			sign := r.signs[h.Signal]
			g.Signs |= sign
			switch {
			case sign == Addressee && called(text, h.Start, h.End):
				g.Signs |= Spoken
			case sign == Addressee && h.Start <= maxOpening:
				opening = h.End
			case sign == Act && opening > 0 && h.Start-opening <= 1:
				g.Signs |= Spoken
			}
		}
	}
	idle.Put(readers)
	return g
}

// reader reads with one lexicon.
type reader struct {
	*directive.Reader
	signs map[directive.Signal]Sign
}

//go:embed words.txt
var words string

// idle keeps readers with both lexicons: the one of all detectors, and the words of this package.
var idle = sync.Pool{New: func() any {
	l := lexicons()
	return &[2]reader{{l[0].lexicon.Reader(), l[0].signs}, {l[1].lexicon.Reader(), l[1].signs}}
}}

// called reports whether the addressee at [start, end) is called by its name: "Assistant:", "agents, ...".
func called(text string, start, end int) bool {
	before := strings.TrimRight(text[:start], " \t\"'([{*_«“„—-")
	if cut := strings.LastIndexAny(before, ".!?:;,\n。！？"); start-cut > maxTitle && len(before) > maxTitle {
		return false
	}
	after := text[end:min(len(text), end+maxTitle)]
	n := strings.IndexAny(after, ":,：，、—")
	return n >= 0 && !strings.ContainsAny(after[:n], ".!?;=\n")
}

// maxOpening is where the first word of a text begins at most, behind quotes and blanks, or one more word: "gate agent".
const maxOpening = 8

// maxTitle is how many bytes stand before and behind the addressee in its title: "Dear AI agents of the shop:".
const maxTitle = 18

type vocabulary struct {
	lexicon *directive.Lexicon
	signs   map[directive.Signal]Sign
}

var lexicons = sync.OnceValue(func() [2]vocabulary {
	common, err := directive.Default()
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	own, err := directive.Parse(directive.File{Name: "words.txt", Text: words})
	if err != nil {
		panic(err) // embedded, too
	}
	ownSigns := map[directive.Signal]Sign{directive.Address: Address, directive.Identifier: Tool}
	for name, sign := range ownNames {
		s, _ := own.Signal(name)
		ownSigns[s] = sign
	}
	return [2]vocabulary{{common, commonSigns}, {own, ownSigns}}
})

var ownNames = map[string]Sign{
	"gist.addressee": Addressee, "gist.you": You, "gist.private": Private, "gist.grave": Grave, "gist.act": Act, "gist.covert": Covert,
	"gist.override": Override, "gist.duty": Duty, "gist.spoken": Spoken, "gist.consent": Consent,
}

var commonSigns = map[directive.Signal]Sign{
	directive.Secret: Private | Grave, directive.Credential: Private, directive.Send: Act, directive.Conceal: Covert, directive.Covert: Covert,
	directive.Override: Override, directive.Address: Address,
}

// countWords counts words between blanks, and every third letter of scripts that have none.
func countWords(text string) int {
	count, wide := 0, 0
	inWord := false
	for _, r := range text {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_'
		switch {
		case letter && r >= 0x2e80:
			wide++
		case letter && !inWord:
			count++
		}
		inWord = letter && r < 0x2e80
	}
	return count + wide/3
}

// account reports the beginning of an IBAN, or a wallet's address.
func account(text string) bool {
	for start := 0; start < len(text); {
		end := start
		for end < len(text) && (digit(text[end]) || 'a' <= text[end]|0x20 && text[end]|0x20 <= 'z') {
			end++
		}
		if word := text[start:end]; len(word) >= 4 && digit(word[2]) && digit(word[3]) && (end == len(text) || text[end] < utf8.RuneSelf) {
			if strings.HasPrefix(word, "0x") && len(word) > 8 || !digit(word[0]) && !digit(word[1]) && (len(word) == 4 || len(word) > 14) {
				return true
			}
		}
		start = end + 1
	}
	return false
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
