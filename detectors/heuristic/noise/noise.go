// Package noise finds text that was made for machines to stumble over: suffixes of the kind that optimisers find, words with
// stray letters, words buried among signs. Code, expressions, formulas and lists look odd, too, but not in the middle of
// prose and not with words of orders between the signs.
package noise

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

// Checks are the checks for adversarial noise.
var Checks = &check.Group{
	Name:   "noise",
	Rules:  []*check.Rule{noisySuffix, strayLetters, wordsInSymbol},
	Checks: []check.Check{{Examine: examine}},
}

var (
	noisySuffix = &check.Rule{
		ID: "noisy-suffix", Version: "1.0.0", Class: "B8", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "Has a run of words and signs that no person and no program writes, as optimisers find them to move a model.",
	}
	strayLetters = &check.Rule{
		ID: "stray-letters", Version: "1.0.0", Class: "B8", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Has words with stray, missing or alternating letters that a model reads over and a filter does not.",
	}
	wordsInSymbol = &check.Rule{
		ID: "order-in-symbol", Version: "1.0.0", Class: "B8", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "Has an order to the model in what looks like a symbol of a program.",
	}
)

const (
	minText = 40
	maxText = 64 << 10
)

func examine(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < minText || len(text) > maxText {
			continue
		}
		has := e.Bytes(i)
		if has.Count(joining) > minKinds || has.Has(wide) {
			suffix(e, i, text)
		}
		known(e, i, text)
		if mixesCase(text) {
			alternating(e, i, text)
		}
		if has.Has(wide) {
			pierced(e, i, text)
		}
		if check.HasRun(text, &noVowel, minNoVowel) {
			vowelless(e, i, text)
		}
		if sampleStray(text) {
			stray(e, i, text)
		}
		if has.Has(underscore) && strings.Contains(text, "_Z") {
			symbols(e, i, text)
		}
	}
}

// What a text has that has anything of a kind.
var (
	joining    = check.BytesOf("()[]{}<>=!;~*|\\^&#$%+")
	wide       = check.BytesOf("—ж")
	underscore = check.BytesOf("_")
	exclaims   = check.BytesOf("!]")
)

// noVowel has the bytes that stand between vowels.
var noVowel = func() (t [256]bool) {
	for c := range t {
		t[c] = c < utf8.RuneSelf && c != '_' && c != '\n' && strings.IndexByte("aeiouyAEIOUY", byte(c)) < 0
	}
	return t
}()

const minNoVowel = 16 // bytes

// mixesCase reports whether letters beside each other change case more often among eight bytes than they do in names.
func mixesCase(text string) bool {
	for ; len(text) >= 8; text = text[8:] {
		word := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
		letters := word & (each * 0x40) &^ (word >> 1 & (each * 0x40)) // bit 6, not bit 7
		small := letters & (word << 1)                                 // bit 5
		if changes := (small ^ small>>8) & letters & (letters >> 8); bits.OnesCount64(changes) >= 4 {
			return true
		}
	}
	return false
}

// each has the lowest bit of each byte.
const each = 0x0101010101010101

// signs are the bytes that optimised text is full of.
var signs = func() (t [256]bool) {
	for _, c := range []byte("()[]{}<>=!?;:~*|\\/+^&#$%") {
		t[c] = true
	}
	return t
}()

// usual are runs of signs that prose and documentation have between words.
var usual = func() map[string]bool {
	set := map[string]bool{}
	for _, run := range strings.Fields(`() [] {} :// -> => == != >= <= && || // /* */ ** ... ), ). : ? ! ; , . - -- ( ) [ ] { } / * = # % + < > | \ & $ ^ ~ :: ;) :) ): ?) !) /** *** ## ### #### <- &# \\ /) .) %) ]) ),( !.`) {
		set[run] = true
	}
	return set
}()

// joint is a run of signs where neither prose nor a program has one.
type joint struct {
	start, end int
	signs      string
}

const (
	window    = 160 // bytes that are looked at together
	maxJoints = 96  // of a text
	minKinds  = 3   // different joints in a window
	manyKinds = 5   // that are noise whatever the words say
	needWords = 5   // the gist of the words between fewer
)

// suffix finds stretches where words are joined by signs of many kinds: programs and templates repeat theirs.
func suffix(e *check.Event, i int, text string) {
	var room [maxJoints]joint
	joints := wild(text, room[:0])
	from := 0
	for n := range joints {
		for joints[n].start-joints[from].start > window {
			from++
		}
		if n-from+1 < minKinds || n+1 < len(joints) && joints[n+1].start-joints[from].start <= window {
			continue
		}
		if noise(e, text, joints[from:n+1]) {
			start, end := joints[from].start, joints[n].end
			for start > 0 && text[start-1] > ' ' && joints[from].start-start < 24 {
				start--
			}
			for !utf8.RuneStart(text[start]) {
				start--
			}
			e.Report(noisySuffix, nil, models.Span{Segment: i, Start: start, End: end})
			return
		}
	}
}

// wild appends the joints of a text.
func wild(text string, joints []joint) []joint {
	for at := 0; at < len(text) && len(joints) < cap(joints); {
		n := signLen(text, at)
		if n == 0 {
			at++
			continue
		}
		start := at
		for at < len(text) {
			if n := signLen(text, at); n > 0 {
				at += n
			} else if c := text[at]; c == '-' || c == '.' || c == ',' {
				at++
			} else {
				break
			}
		}
		if run := text[start:at]; !quoting(text, start-1) && !quoting(text, at) && odd(text, start, at, strings.TrimRight(run, ".,")) {
			joints = append(joints, joint{start, at, run})
		}
	}
	return joints
}

// signLen returns the length of the sign at i, 0 if there is none.
func signLen(text string, i int) int {
	if signs[text[i]] {
		return 1
	}
	if text[i] == 0xe3 {
		for _, bracket := range []string{"》", "】", "《", "【"} {
			if strings.HasPrefix(text[i:], bracket) {
				return len(bracket)
			}
		}
	}
	return 0
}

func quoting(text string, i int) bool {
	return i >= 0 && i < len(text) && (text[i] == '"' || text[i] == '\'' || text[i] == '`')
}

// odd reports whether a run of signs is unusual, or glued to a word on the wrong side.
func odd(text string, start, end int, run string) bool {
	if run != "" && !usual[run] {
		return true
	}
	before, after := beside(text, start-1), beside(text, end)
	switch run {
	case "(", "[", "{":
		return before != blank && before == word && after == blank || before == blank && after == blank
	case ")", "]", "}":
		return before == blank && (after == word || after == blank)
	case "==", "::":
		return before == word && after == blank || before == blank && after == word
	}
	return false
}

// What stands beside a run of signs.
const (
	other = iota
	blank
	word
)

func beside(text string, i int) int {
	switch {
	case i < 0 || i >= len(text) || text[i] <= ' ':
		return blank
	case isLetter(text[i]):
		return word
	}
	return other
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c >= utf8.RuneSelf }

// noise judges a stretch by its joints and the words between them.
func noise(e *check.Event, text string, joints []joint) bool {
	stretch := text[joints[0].start:joints[len(joints)-1].end]
	if strings.IndexByte(stretch, '\n') >= 0 {
		return false
	}
	kinds := 0
	for n := range joints {
		if !slices.ContainsFunc(joints[:n], func(j joint) bool { return j.signs == joints[n].signs }) {
			kinds++
		}
	}
	if kinds < minKinds || codeLike(stretch) {
		return false
	}
	words, ascii, humps, digits := 0, 0, 0, 0
	for w := range strings.FieldsFuncSeq(stretch, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch {
		case strings.ContainsAny(w, "0123456789"):
			digits++
		case len(w) >= 3:
			words++
			if w[0] < utf8.RuneSelf {
				ascii++
			}
			if hump(w) {
				humps++
			}
		}
	}
	if words*2 < kinds || digits*3 > words || strings.Count(stretch, " ")*2 < ascii {
		return false
	}
	return kinds >= manyKinds || gist.Of(around(text, joints)).Score()+min(humps, 2) >= needWords+1
}

// around returns the stretch with the words beside it.
func around(text string, joints []joint) string {
	return text[max(0, joints[0].start-window/2):min(len(text), joints[len(joints)-1].end+window/2)]
}

// hump reports whether a small letter is followed by a capital in a word.
func hump(s string) bool {
	last := rune(0)
	for _, r := range s {
		if unicode.IsLower(last) && unicode.IsUpper(r) {
			return true
		}
		last = r
	}
	return false
}

// codeLike reports marks of programs, markup, templates and expressions.
func codeLike(s string) bool {
	for _, mark := range []string{"<|", "</", "/>", "\":", "();", ");", "$^", "${", "={", "(&(", "(?:", "(?=", "(?!", "[^", "[A-Z", "[a-z", "[0-9", `\d`, `\s`, `\w`, `\frac`, `\x1b`, "=\"", "});", "://", "[{", ":{", " && ", "<<SYS", "[INST", "$(", "split", "{...", "({", "`|", `\|`, "?:", "}[]"} {
		if strings.Contains(s, mark) {
			return true
		}
	}
	calls := 0
	for i := 1; i+1 < len(s); i++ {
		if s[i] == '(' && isLetter(s[i-1]) && s[i+1] > ' ' {
			calls++
		}
	}
	return calls > 2
}

var famous = check.Signal("noise.famous")

// knownNoise are sequences of signs that are as famous as those words.
var knownNoise = []string{"oppositely.](", "](Me giving", "\"\\!--Two", "! ! ! ! ! ! ! ! ! ! ! ! ! ! ! !"}

// known reports strings that became famous for what they do to models.
func known(e *check.Event, i int, text string) {
	for _, h := range e.Signals(i, 0) {
		if h.Signal == famous {
			e.Report(noisySuffix, nil, models.Span{Segment: i, Start: h.Start, End: h.End})
			return
		}
	}
	if !e.Bytes(i).Has(exclaims) {
		return
	}
	for _, k := range knownNoise {
		if at := strings.Index(text, k); at >= 0 {
			e.Report(noisySuffix, nil, models.Span{Segment: i, Start: at, End: at + len(k)})
			return
		}
	}
}

const minAlternating = 4 // words

func alphanumericAt(text string, i int) bool {
	return i < len(text) && (text[i] >= '0' && text[i] <= '9' || strings.IndexByte("_-/+=", text[i]) >= 0)
}

// alternating reports several words whose letters change case at every other letter.
func alternating(e *check.Event, i int, text string) {
	count, start := 0, 0
	for at := 0; at < len(text); {
		from := at
		changes := 0
		for at < len(text) && 'a' <= text[at]|0x20 && text[at]|0x20 <= 'z' {
			if at > from && (text[at]^text[at-1])&0x20 != 0 {
				changes++
			}
			at++
		}
		switch n := at - from; {
		case n == 0:
			at++
		case n >= 4 && changes*4 >= (n-1)*3 && beside(text, from-1) == blank && !alphanumericAt(text, at):
			if count++; count == 1 {
				start = from
			}
			if count == minAlternating {
				e.Report(strayLetters, nil, models.Span{Segment: i, Start: start, End: sentenceEnd(text, at)})
				return
			}
		case n >= 4:
			count = 0
		}
	}
}

const minPierced = 5 // words

// pierced reports words that one and the same symbol stands in, again and again.
func pierced(e *check.Event, i int, text string) {
	var symbol rune
	count, start := 0, 0
	for at, r := range text {
		if r < 0x2020 || !unicode.IsSymbol(r) && r < 0x1f000 && (r > 0x2027 || r == 0x2026) {
			continue
		}
		next := at + utf8.RuneLen(r)
		if at == 0 || next >= len(text) || text[at-1] >= utf8.RuneSelf || text[next] >= utf8.RuneSelf || !isLetter(text[at-1]) || !isLetter(text[next]) {
			continue
		}
		if r != symbol {
			symbol, count, start = r, 0, at
		}
		if count++; count == minPierced {
			from := strings.LastIndexByte(text[:start], ' ') + 1
			e.Report(strayLetters, nil, models.Span{Segment: i, Start: from, End: sentenceEnd(text, next)})
			return
		}
	}
}

const (
	minVowelless   = 7  // words of three letters and more without a vowel
	vowellessReach = 16 // words among which they stand
)

// vowelless reports sentences that are written without vowels. Lists of abbreviations have commas between them.
func vowelless(e *check.Event, i int, text string) {
	var ordinals, starts [minVowelless]int
	count, ordinal := 0, 0
	for at := 0; at < len(text); {
		start, vowel := at, false
		for at < len(text) && 'a' <= text[at]|0x20 && text[at]|0x20 <= 'z' {
			vowel = vowel || strings.IndexByte("aeiouy", text[at]|0x20) >= 0
			at++
		}
		if at == start {
			if text[at] >= utf8.RuneSelf || text[at] == '_' || text[at] == '\n' {
				count = 0
			}
			at++
			continue
		}
		ordinal++
		if vowel || at-start < 3 || text[start] < 'a' || text[start+1] < 'a' || beside(text, start-1) != blank || beside(text, at) == word || at < len(text) && text[at] != ' ' && text[at] != '.' {
			continue
		}
		ordinals[count%minVowelless], starts[count%minVowelless] = ordinal, start
		count++
		if first := count % minVowelless; count >= minVowelless && ordinal-ordinals[first] < vowellessReach {
			e.Report(strayLetters, nil, models.Span{Segment: i, Start: starts[first], End: sentenceEnd(text, at)})
			return
		}
	}
}
