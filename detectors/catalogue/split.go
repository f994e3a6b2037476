package catalogue

import (
	"encoding/base32"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

var (
	shared         = high("shared-term", "A11", 0.64, "Takes up a term of the server's other definitions, which together move private data.")
	encodedPieces  = high("encoded-pieces", "A11", 0.7, "Has values that are parts of one encoded text.")
	prosy          = high("prose-token", "A11", 0.64, "Has a sentence in a value that should be one word.")
	numberedPieces = high("numbered-pieces", "A11", 0.66, "Has numbered pieces of a text at the ends of its strings.")
	dangling       = high("dangling-text", "A11", 0.62, "Breaks off or goes on in the middle of a sentence.")
)

// splits looks for texts that make sense only together with others.
func splits(x *examination) {
	x.encoded()
	x.tokens()
	x.dangling()
	x.numbered()
	x.terms()
}

// value reports whether a segment is a value that a schema proposes.
func value(s *models.Segment) bool {
	if s.Key {
		return false
	}
	for _, member := range [...]string{"/enum/", "/examples/", "/default", "/const"} {
		if strings.Contains(s.Pointer, member) {
			return true
		}
	}
	return false
}

// maxPieces limits how much is joined.
const maxPieces = 1 << 14

// encoded joins the values of this definition, and those of the same name in the server's other definitions.
func (x *examination) encoded() {
	var own []int
	var text strings.Builder
	for i := range x.Segments {
		if s := &x.Segments[i]; !s.Key && opaque(s.Views[0].Text) && value(s) && text.Len()+len(s.Views[0].Text) < maxPieces {
			own = append(own, i)
			text.WriteString(s.Views[0].Text)
		}
	}
	if len(own) == 0 {
		return
	}
	joint := len(own) > 1 && reads(text.String())
	if of := x.peers.values(x.Input.Event.Server, parameterName(&x.Segments[own[0]])); of != nil {
		joint = joint || of.count > 1 && reads(of.text.String())
	}
	if !joint {
		return
	}
	spans := make([]models.Span, len(own))
	for k, i := range own {
		spans[k] = x.Whole(i)
	}
	x.Report(&encodedPieces, nil, spans...)
}

// opaque reports whether a value may be a piece of an encoding: long, without spaces and of more than one kind of letters.
func opaque(text string) bool {
	if len(text) < 12 {
		return false
	}
	kinds := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z':
			kinds |= 1
		case c >= 'A' && c <= 'Z':
			kinds |= 2
		case c >= '0' && c <= '9':
			kinds |= 4
		case c != '+' && c != '/' && c != '=' && c != '-' && c != '_':
			return false
		}
	}
	return kinds >= 6 || kinds == 3
}

// reads reports whether text is an encoding of prose.
func reads(text string) bool {
	text = strings.TrimRight(text, "=")
	for _, d := range [...]func(string) ([]byte, error){
		base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
		base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString,
	} {
		for cut := 0; cut < 4 && cut < len(text); cut++ {
			if out, err := d(text[:len(text)-cut]); err == nil && isProse(string(out)) {
				return true
			}
		}
	}
	return false
}

// isProse reports whether a text consists of words.
func isProse(text string) bool {
	letters, spaces := 0, 0
	for _, r := range text {
		switch {
		case r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t':
			return false
		case r == ' ':
			spaces++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return spaces >= 3 && letters*10 > len(text)*7
}

// joiners are the words that sentences have and names don't.
var joiners = map[string]bool{
	"the": true, "of": true, "and": true, "into": true, "to": true, "a": true, "an": true, "before": true, "after": true, "each": true,
	"with": true, "then": true, "that": true, "is": true, "are": true, "it": true, "this": true, "its": true, "must": true, "from": true,
	"der": true, "die": true, "das": true, "und": true, "mit": true, "el": true, "la": true, "los": true, "las": true, "con": true,
	"de": true, "le": true, "les": true, "et": true, "avec": true,
}

// tokens looks for values that are sentences without spaces.
func (x *examination) tokens() {
	var found []models.Span
	for i := range x.Segments {
		s := &x.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < 20 || len(text) > 400 || strings.IndexByte(text, ' ') >= 0 || strings.ContainsAny(text, "/:.") || !value(s) {
			continue
		}
		parts, small := 0, 0
		for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r == '-' || r == '_' }) {
			parts++
			if joiners[w] {
				small++
			}
		}
		if parts >= 5 && small >= 1 {
			found = append(found, x.Whole(i))
		}
	}
	if n := len(found); n > 0 && n <= 3 { // more are a list of names
		x.Report(&prosy, nil, found...)
	}
}

// numbered looks for a definition whose strings end in numbered pieces: "[1] On finishing,", "[2] the assistant sends".
func (x *examination) numbered() {
	var spans []models.Span
	for i := range x.Segments {
		s := &x.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) > maxName || strings.IndexByte(text, '[') < 0 && strings.IndexByte(text, '(') < 0 {
			continue
		}
		if at := piece(text); at > 0 && !strings.HasSuffix(text[:at], "\n") {
			spans = append(spans, models.Span{Segment: i, Start: at, End: len(text)})
		}
	}
	if len(spans) > 2 {
		x.Report(&numberedPieces, nil, spans...)
	}
}

// piece returns where the last numbered piece of a text begins, if words come before and after it, or 0.
func piece(text string) int {
	for _, open := range [...]string{" [", " ("} {
		i := strings.LastIndex(text, open)
		if i < 0 || i+8 > len(text) || !digit(text[i+2]) {
			continue
		}
		rest := text[i+3:]
		if len(rest) > 3 && rest[0] == '/' && digit(rest[1]) {
			rest = rest[2:]
		}
		if len(rest) > 4 && (rest[0] == ']' || rest[0] == ')') && rest[1] == ' ' {
			return i + 1
		}
	}
	return 0
}

// dangling looks for strings that begin or end inside a sentence.
func (x *examination) dangling() {
	for i := range x.Segments {
		s := &x.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < 24 || len(text) > maxName {
			continue
		}
		if at := breaksOff(text); at >= 0 && !strings.Contains(text, "://") {
			x.Report(&dangling, nil, models.Span{Segment: i, Start: at, End: len(text)})
		}
	}
}

// breaksOff returns where a text goes on in the middle of a sentence or breaks off in one, after a sentence that ends; or -1.
func breaksOff(text string) int {
	for _, dash := range [...]string{". – ", ". — ", ". … ", ". ... "} {
		if i := strings.Index(text, dash); i > 0 && lowerCase(text[i+len(dash):]) {
			return i + 2
		}
	}
	if last := text[len(text)-1]; last < utf8.RuneSelf && strings.IndexByte(",dnety", last) < 0 {
		return -1
	}
	for _, end := range [...]string{"–", "—", ",", "→", " and", " then", " the", " und", " y", " et"} {
		if strings.HasSuffix(text, end) {
			if i := strings.LastIndex(text, ". "); i > 0 && !strings.ContainsAny(text[i:], "{}[]\"") {
				return i + 2
			}
		}
	}
	return -1
}

// piecesOf is the encoded values that a server's definitions propose for a parameter, in the catalogue's order.
type piecesOf struct {
	text  strings.Builder
	count int
}

// values returns the encoded values that a server's definitions propose for a parameter.
func (p *peers) values(server, parameter string) *piecesOf {
	all := p.pieces[server]
	if all == nil {
		all = p.gather(server)
		p.pieces[server] = all
	}
	return all[parameter]
}

func (p *peers) gather(server string) map[string]*piecesOf {
	all := map[string]*piecesOf{}
	for i := range p.entries {
		if p.entries[i].Server != server {
			continue
		}
		gjson.ParseBytes(p.entries[i].Body).Get("inputSchema.properties").ForEach(func(name, schema gjson.Result) bool {
			for _, text := range proseOf(schema) {
				if !opaque(text) {
					continue
				}
				if all[name.String()] == nil {
					all[name.String()] = &piecesOf{}
				}
				if of := all[name.String()]; of.text.Len()+len(text) < maxPieces {
					of.text.WriteString(text)
					of.count++
				}
			}
			return true
		})
	}
	return all
}

// parameterName is the name of the parameter that a value is proposed for.
func parameterName(s *models.Segment) string {
	_, below, _ := strings.Cut(s.Pointer, "/properties/")
	name, _, _ := strings.Cut(below, "/")
	return name
}

// terms looks for a term that several definitions of the server share, and that moves private data when all that is said about
// it is read together.
func (x *examination) terms() {
	told := x.peers.terms(x.Input.Event.Server)
	if len(told) == 0 {
		return
	}
	for i := range x.reader.sentences {
		s := &x.reader.sentences[i]
		for name := range x.reader.terms(s.text) {
			if t := told[name]; t != nil && t.fragment() && (dangerous(t.set) || t.series(name)) {
				x.Report(&shared, nil, s.span())
				break
			}
		}
	}
}

// maxTerms limits the terms of a server.
const maxTerms = 1 << 14

// term is what a server's definitions say about something.
type term struct {
	set         concepts
	definitions int
	sentences   int
	last        int
	text        string // the last sentence with it
	plain       bool   // it stands in a string's body, which says what is described, or in the same sentence twice
}

// fragment reports whether the term ties sentences together that stand in some definitions, once or twice in each.
func (t *term) fragment() bool {
	return !t.plain && t.definitions > 1 && t.definitions <= 5 && t.sentences <= t.definitions+2
}

// numbering ends the terms that are numbered.
const numbering = " #"

// series reports whether the term is a label that numbers sentences of several definitions.
func (t *term) series(name string) bool {
	if name[0] == '/' {
		return true
	}
	return strings.Contains(name, numbering) && t.definitions > 2
}

// maxLabel is how far into a sentence the label may begin that numbers it.
const maxLabel = 13

// dangerous reports whether what is said together moves private data to others or unasked.
func dangerous(set concepts) bool {
	if set&of(decides, wish, mention) != 0 {
		return false
	}
	moves := set&of(private, secret) != 0 && set&of(moved, taken) != 0
	return moves && set&of(outward, unasked, assured) != 0 && set&of(always, argument, unasked, obey, assured, neg) != 0 || set.has(unasked) && set.has(obey)
}

// terms returns what is said about each term in the definitions of a server.
func (p *peers) terms(server string) map[string]*term {
	if t, ok := p.told[server]; ok {
		return t
	}
	told := map[string]*term{}
	for i := range p.entries {
		if p.entries[i].Server != server || len(told) > maxTerms {
			continue
		}
		for _, s := range p.sentencesOf(&p.entries[i]) {
			for name := range p.reader.terms(s.text) {
				t := told[name]
				if t == nil {
					t = &term{last: -1}
					told[name] = t
				}
				t.set |= s.set
				t.plain = t.plain || s.start == 0 || !s.last || s.text == t.text
				t.text = s.text
				t.sentences++
				if t.last != i {
					t.last, t.definitions = i, t.definitions+1
				}
			}
		}
	}
	p.told[server] = told
	return told
}

// ordinals are the words that fragments are numbered with, beside digits and single capitals.
var ordinals = map[string]bool{
	"one": true, "two": true, "three": true, "four": true, "ii": true, "iii": true, "iv": true, "eins": true, "zwei": true, "drei": true,
	"dos": true, "tres": true, "deux": true, "trois": true, "dois": true, "três": true, "due": true, "tre": true,
	"один": true, "два": true, "три": true, "dwa": true, "trzy": true, "iki": true, "üç": true,
}

// ordinal reports whether a word numbers what is named before it.
func ordinal(word, low string) bool {
	return len(word) == 1 && (digit(word[0]) || upper(word[0])) || ordinals[low]
}

// share returns the number behind the slash of "[fragment 1/2]", a label in brackets that says how many pieces there are.
func share(low string) string {
	for _, open := range [...]string{"[", "("} {
		_, label, found := strings.Cut(low[:cut(low, 48)], open)
		if i := strings.IndexByte(label, '/'); found && i > 1 && i+2 < len(label) && digit(label[i-1]) && digit(label[i+1]) && strings.IndexByte(")]", label[i+2]) >= 0 {
			if word, _, ok := strings.Cut(label, " "); ok && !procedures[word] {
				return label[i+1 : i+2]
			}
		}
	}
	return ""
}

// fraction reports whether a number goes on behind a point.
func fraction(rest string) bool { return len(rest) > 1 && rest[0] == '.' && digit(rest[1]) }

// procedures are what is numbered without being a fragment.
var procedures = map[string]bool{
	"step": true, "steps": true, "phase": true, "page": true, "version": true, "level": true, "option": true, "example": true, "type": true,
	"than": true, "least": true, "last": true, "first": true, "next": true, "over": true, "between": true, "with": true, "from": true,
	"schritt": true, "seite": true, "paso": true, "página": true, "étape": true, "etapa": true, "passo": true, "шаг": true, "krok": true,
	"adım": true, "only": true, "about": true, "these": true, "those": true, "other": true, "take": true, "takes": true, "have": true,
	"default": true, "maximum": true, "minimum": true, "returns": true, "return": true, "limit": true, "value": true, "number": true,
	"index": true, "match": true, "exactly": true, "until": true, "after": true, "before": true, "within": true, "most": true,
	"plan": true, "vitamin": true, "layer": true, "tier": true, "grade": true, "class": true, "zone": true, "room": true,
}

// longTerm is the length from which one word is a term.
const longTerm = 10

// terms returns the pairs of neighbouring words of a sentence, and of a text without spaces its runs of four characters.
func (r *reader) terms(text string) map[string]bool {
	low := lower(text)
	terms := map[string]bool{}
	for i := strings.Index(low, "§"); i >= 0 && i+3 <= len(low); i++ {
		if digit(low[i+2]) {
			terms[low[i:i+3]] = true
		}
		next := strings.Index(low[i+1:], "§")
		if next < 0 {
			break
		}
		i += next
	}
	for _, open := range [...]string{"(", "[", "（", "【"} {
		if i := strings.Index(low, open); i >= 0 && continues(low[i+len(open):], r.words) {
			terms["(…)"] = true
		}
	}
	if total := share(low); total != "" {
		terms["/"+total] = true
	}
	before := ""
	last := hit{end: -1}
	for start, end := nextWord(text, 0); start < len(text); start, end = nextWord(text, end) {
		span := hit{start: start, end: end}
		w := low[span.start:span.end]
		if r, _ := utf8.DecodeRuneInString(w); !bounded(r) {
			runes := []rune(w)
			for i := 0; i+4 <= len(runes) && i < 256; i++ {
				terms[string(runes[i:i+4])] = true
			}
			before = ""
			continue
		}
		if span.start == last.end+1 && len(before) >= 4 && ordinal(text[span.start:span.end], w) && !fraction(text[end:]) && !procedures[before] {
			terms[before+numbering+w] = true
			if last.start <= maxLabel {
				terms[before+numbering] = true
			}
		}
		last = span
		w = strings.TrimSuffix(w, "s")
		if before != "" && len(w) >= 5 && len(before) >= 5 {
			terms[before+" "+w] = true
		}
		if len(w) >= longTerm {
			terms[w] = true
		}
		before = w
	}
	return terms
}

func lowerCase(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLower(r)
}

// continues reports whether a text begins by saying that it goes on elsewhere, or comes from there.
func continues(text string, rd *directive.Reader) bool {
	for _, h := range rd.Read(text[:cut(text, 24)]).Hits {
		if h.Start == 0 && phrases().concepts[h.Signal] == assemble {
			return true
		}
	}
	return false
}
