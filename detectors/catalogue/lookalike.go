package catalogue

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/aad6b6dc/taster/models"
)

var (
	misspelled = high("misspelled-server", "E3", 0.68, "Goes under a name that its own text spells differently, as one does who imitates it.")
	twinServer = high("server-lookalike", "E3", 0.68, "Its server's name is one letter away from another connected server's, which its text names.")
	unguarded  = high("unguarded-twin", "E2", 0.66, "Has the name of another server's tool, and drops the confirmation that the other asks for.")
	namesake   = high("claimed-name", "E2", 0.66, "Says that it has the name of another server's tool on purpose.")
	twinValue  = high("twin-value", "E2", 0.66, "Has the name of another server's tool, and an address of its own as a value.")
	nearTwin   = high("near-twin", "E3", 0.64, "Has a name that is one letter away from another server's tool.")
	parameter  = high("tool-as-parameter", "E2", 0.64, "Has a parameter with the name of another server's tool.")
)

// lookalikes compares names: the server's with its own text and with other servers', the tool's with other servers' tools.
func lookalikes(x *examination) {
	x.imitation()
	x.twins()
	x.parameters()
}

// imitation looks for a name in the text that the server's own is almost.
func (x *examination) imitation() {
	x.imitates(x.peers.wordsOf(x.Input.Event.Server))
	for _, p := range [...]string{"/serverInfo/name", "/params/logger"} {
		if x.Input.Event.Kind != models.KindInstructions && x.Input.Event.Kind != models.KindNotification {
			return
		}
		if i, ok := x.At(p, false); ok {
			x.imitates(words(x.Segments[i].Views[0].Text))
		}
	}
}

// imitates reports the first name in the text that the words of the own one are almost.
func (x *examination) imitates(own []string) {
	if len(own) == 0 || len(own) > maxWords || !slices.ContainsFunc(own, func(w string) bool { return len(w) >= shortestPart }) {
		return
	}
	for i := range x.Segments {
		s := &x.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < shortestPart || len(text) > maxName {
			continue
		}
		if span, ok := misspelling(own, i, text); ok && !strings.Contains(text, "://") {
			x.Report(&misspelled, nil, span)
			return
		}
	}
}

// maxWords is how many words at most a name has that is looked for.
const maxWords = 8

// Lengths from which a name is long enough to be imitated: alone, and as one word of several.
const (
	shortestName = 7
	shortestPart = 5
)

// maxName is the length from which a text is not searched for names.
const maxName = 1 << 14

// words are the words of a name, in lower case and without accents.
func words(name string) []string {
	return strings.FieldsFunc(plainLetters(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// plainLetters folds case and takes accents away.
func plainLetters(text string) string {
	if ascii(text) {
		return strings.ToLower(text)
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// misspelling finds capitalised words that are the name but for one word, which the name's imitates.
func misspelling(name []string, segment int, text string) (models.Span, bool) {
	for start, end := nextWord(text, 0); start < len(text); start, end = nextWord(text, end) {
		if !capital(text[start:]) || !mayImitate(name[0], text[start:end]) {
			continue
		}
		if last := misspelt(name, text, start); last > 0 {
			return models.Span{Segment: segment, Start: start, End: last}, true
		}
	}
	return models.Span{}, false
}

func capital(text string) bool {
	if text[0] < utf8.RuneSelf {
		return upper(text[0])
	}
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsUpper(r)
}

// mayImitate reports whether two words are about as long, and begin with the same letter or with one that can look like another.
func mayImitate(a, b string) bool {
	return len(b) >= len(a)-2 && len(b) <= 2*len(a)+2 && (b[0]|0x20 == a[0] || b[0] >= utf8.RuneSelf || strings.IndexByte("rvwcdoiles01356m", a[0]) >= 0)
}

// misspelt returns the end of the words from at on that are the name but for one, or 0.
func misspelt(name []string, text string, at int) int {
	different, end := 0, at
	for _, w := range name {
		at, end = nextWord(text, end)
		if at == len(text) {
			return 0
		}
		switch word := plainLetters(text[at:end]); {
		case word == w:
		case imitates(w, word) && (len(name) > 1 || len(w) >= shortestName):
			different++
		default:
			return 0
		}
	}
	if different != 1 {
		return 0
	}
	return end
}

// nextWord returns where the next word begins and ends; beyond the last one, it begins at the end of the text.
func nextWord(text string, at int) (start, end int) {
	for at < len(text) && !wordByte(text[at]) && text[at] < utf8.RuneSelf {
		at++
	}
	start = -1
	for at < len(text) {
		r, n := rune(text[at]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[at:])
		}
		inside := r < utf8.RuneSelf && r != '_' && wordByte(byte(r)) || r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r))
		if inside && start < 0 {
			start = at
		}
		if !inside && start >= 0 {
			return start, at
		}
		at += n
	}
	if start < 0 {
		start = at
	}
	return start, at
}

// imitates reports whether a is b with one letter replaced, two swapped, or with letters that look alike; the ends of words,
// where endings are, don't count.
func imitates(a, b string) bool {
	if a == b || len(a) < shortestPart || len(b) < shortestPart {
		return false
	}
	if skeleton(a) == skeleton(b) {
		return true
	}
	if len(a) != len(b) {
		return doubled(a, b) || doubled(b, a)
	}
	i := 0
	for a[i] == b[i] {
		i++
	}
	rest := a[i+1:]
	switch {
	case i+1 >= len(a) || i == 0:
		return false
	case rest == b[i+1:]:
		return true
	}
	return a[i] == b[i+1] && a[i+1] == b[i] && rest[1:] == b[i+2:]
}

// doubled reports whether long is short with one letter of it twice in a row.
func doubled(long, short string) bool {
	if len(long) != len(short)+1 {
		return false
	}
	for i := 1; i < len(long)-1; i++ {
		if long[i] == long[i-1] && long[:i]+long[i+1:] == short {
			return true
		}
	}
	return false
}

var alike = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "i", "l", "i", "3", "e", "5", "s", "-", "", "_", "")

// skeleton is what a name looks like.
func skeleton(name string) string { return alike.Replace(name) }

// twins looks for servers and tools of almost the same name.
func (x *examination) twins() {
	e := x.Input.Event
	if len(x.peers.entries) == 0 {
		return
	}
	own := x.peers.wordsOf(e.Server)
	for _, name := range x.peers.servers {
		if imitatedServer(own, name) && x.names(name) {
			x.Report(&twinServer, nil)
			break
		}
	}
	i, ok := x.At("/name", false)
	if !ok {
		return
	}
	name := x.Segments[i].Views[plain(&x.Segments[i])].Text
	if !specific(name) {
		return
	}
	for _, other := range x.peers.alike[skeleton(plainLetters(name))] {
		if !x.peers.kin(other.Server, e.Server) || imitatedServer(own, x.peers.wordsOf(other.Server)) {
			x.collision(other, i)
			return
		}
	}
	if x.nearly(strings.ToLower(name)) {
		x.Report(&nearTwin, nil, x.Whole(i))
	}
}

// nearestName is the length from which a tool's name is long enough for one letter to be no other name.
const nearestName = 10

// nearly reports whether a name is one letter away from that of another server's tool, its end aside.
func (x *examination) nearly(name string) bool {
	if len(name) < nearestName {
		return false
	}
	for size := len(name) - 1; size <= len(name)+1; size++ {
		for _, o := range x.peers.sized[size] {
			if !x.peers.kin(o.Server, x.Input.Event.Server) && oneLetter(name, strings.ToLower(o.Name)) && x.spells(strings.ToLower(o.Name), name) {
				return true
			}
		}
	}
	return false
}

// spells reports whether the text has the word by which another name differs from the own one, and not the own one's.
func (x *examination) spells(other, own string) bool {
	a, b := words(other), words(own)
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a)-1 && a[i] == b[i] {
		i++
	}
	return x.names(a[i:i+1]) && !x.names(b[i:i+1])
}

// oneLetter reports whether two names differ by one letter that is replaced, left out or too many, the last one aside, or by two
// that are swapped.
func oneLetter(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	j := 0
	for j < len(a)-i && j < len(b)-i && a[len(a)-1-j] == b[len(b)-1-j] {
		j++
	}
	left, right := a[i:len(a)-j], b[i:len(b)-j]
	if j == 0 || !letters(left) || !letters(right) {
		return false
	}
	swapped := len(left) == 2 && len(right) == 2 && left[0] == right[1] && left[1] == right[0]
	return len(left) <= 1 && len(right) <= 1 && left != right || swapped
}

func letters(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' })
}

// imitatedServer reports whether the words of two servers' names differ in one, which imitates the other's.
func imitatedServer(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	different := 0
	for i := range a {
		if a[i] != b[i] {
			if !imitates(a[i], b[i]) {
				return false
			}
			different++
		}
	}
	return different == 1
}

// specific reports whether a tool's name says enough to be no coincidence: two words, or a long one.
func specific(name string) bool { return len(words(name)) > 1 || len(name) > 12 }

// names reports whether the text, the definition's name aside, has these words.
func (x *examination) names(server []string) bool {
	needle := strings.Join(server, " ")
	for i := range x.Segments {
		if s := &x.Segments[i]; !s.Key && s.Pointer != "/name" && len(s.Views[0].Text) < maxName && strings.Contains(strings.Join(words(s.Views[0].Text), " "), needle) {
			return true
		}
	}
	return false
}

// collision compares the definition, whose name is segment i, with another server's of the same name.
func (x *examination) collision(other *models.CatalogueObject, i int) {
	guarded := slices.ContainsFunc(x.reader.sentences, func(s sentence) bool { return s.set&of(decides, wish) != 0 && !s.set.has(neg) })
	for k := range x.reader.sentences {
		s := &x.reader.sentences[k]
		if s.set.has(samename) && (s.set&of(generic, foreign, supplant) != 0 || !guarded && s.set&of(tool, ours) != 0) {
			x.Report(&namesake, nil, s.span())
			return
		}
		if s.set.has(address) && value(&x.Segments[s.segment]) {
			x.Report(&twinValue, nil, s.span())
			return
		}
	}
	if !guarded && other.Kind == x.Input.Event.Kind && x.asks(other) {
		x.Report(&unguarded, nil, x.Whole(i))
	}
}

// asks reports whether a definition says that a person confirms or decides.
func (x *examination) asks(o *models.CatalogueObject) bool {
	for _, s := range x.peers.sentencesOf(o) {
		if s.set&of(decides, wish) != 0 && s.set&of(neg, unasked, foreign, generic) == 0 {
			return true
		}
	}
	return false
}

// parameters looks for parameters that are called as other servers' tools.
func (x *examination) parameters() {
	server := x.Input.Event.Server
	for i := range x.Segments {
		s := &x.Segments[i]
		name := s.Views[0].Text
		if !s.Key || name == "" || !x.peers.known(name) || !strings.Contains(s.Pointer, "/properties/") {
			continue
		}
		if x.peers.whose(name, server) == foreign && len(words(name)) > 1 {
			x.Report(&parameter, nil, x.Whole(i))
		}
	}
}
