package hiding

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

var (
	invisibleCharacters = &check.Rule{
		ID: "invisible-characters", Version: "1.1.0", Class: "B1", Severity: models.SeverityMedium, Confidence: 0.6,
		Message: "Has invisible characters that no script or emoji needs.",
	}
	terminalEscape = &check.Rule{
		ID: "terminal-escape", Version: "1.1.0", Class: "B3", Severity: models.SeverityHigh, Confidence: 0.8,
		Message: "Has terminal escapes that can hide or replace what a person sees.",
	}
)

// characters reports what is suspicious about single characters of segment i, whatever they spell.
func characters(e *check.Event, i int, text string) {
	has := e.Bytes(i)
	escape(e, i, text)
	if has.Has(signs) || strings.Contains(text, "\u00ad") {
		invisibles(e, i, text)
	}
	if has.Has(signs) {
		overrides(e, i, text)
		styled(e, i, text)
	}
	if has.Has(scripts) {
		mixedScript(e, i, text)
	}
}

// invisibles reports invisible characters without a use where they stand.
func invisibles(e *check.Event, i int, text string) {
	var found tally
	var prev rune = -1
	for at, r := range text {
		size := utf8.RuneLen(r)
		if kind := invisibleKind(r); kind != "" && !useful(text, at, at+max(size, 1), r, prev) {
			found.note(kind, at, at+size)
			if at+size < len(text) && isLetter(text[at+size]) && prev >= 0 && prev < utf8.RuneSelf && isLetter(byte(prev)) {
				found.inWord++
			}
		} else if r == softHyphen && prev < utf8.RuneSelf {
			found.soften(at, at+size)
		}
		prev = r
	}
	if found.soft >= manySoft && found.count == 0 {
		g := disguised(text, found.start, found.end)
		if g.Score() >= needDisguised && (english(text) || g.Has(gist.Addressee) && g.Has(gist.Act)) {
			e.ReportAs(invisibleCharacters, models.SeverityHigh, 0.7, nil, models.Span{Segment: i, Start: found.start, End: found.end})
		}
		return
	}
	if found.count == 0 {
		return
	}
	severity, confidence := invisibleCharacters.Severity, invisibleCharacters.Confidence
	inside := disguised(text, found.start, found.end)
	switch {
	case e.Event.Kind.Definition() && named(&e.Segments[i], text):
		severity, confidence = models.SeverityHigh, 0.7
	case found.longest >= manyInvisible || len(found.kinds) >= 3 || found.count >= manyInvisible && e.Event.Kind.Definition() || found.inWord >= manyInvisible:
		severity, confidence = models.SeverityHigh, 0.85
	case found.inWord >= 3 && inside.Score() >= needDisguised:
		severity, confidence = models.SeverityHigh, 0.8
	case !found.kinds["tag"] && (found.count <= 2 || !e.Event.Kind.Definition() && found.longest == 1 && found.inWord == 0 && len(found.kinds) == 1 || !e.Event.Kind.Definition() && found.count < manyInvisible/2):
		confidence = strayConfidence
	case found.kinds["tag"]:
		severity, confidence = models.SeverityHigh, 0.7
	}
	e.ReportAs(invisibleCharacters, severity, confidence, nil, models.Span{Segment: i, Start: found.start, End: found.end})
}

// named reports whether the segment is a name by which something is called, in which nothing is copied by accident.
func named(s *models.Segment, text string) bool {
	return (s.Key || check.Last(s) == "name") && strings.IndexByte(text, ' ') < 0
}

// manyInvisible is how many invisible characters can't be an accident of copying.
const (
	manyInvisible   = 8
	strayConfidence = 0.45 // of one or two of them: they come with what is copied
	manySoft        = 6    // soft hyphens
	softHyphen      = '\u00ad'
	wordRest        = 12 // bytes behind the last invisible character that belong to what it disguises
	needDisguised   = 5  // of a text in whose words they stand
)

// english reports whether text has no letter beyond ASCII: languages that hyphenate long words have some.
func english(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0xbf && unicode.IsLetter(r) })
}

// disguised is the gist of the words from the first with something invisible in it to the last.
func disguised(text string, start, end int) gist.Gist {
	from := strings.LastIndexAny(text[:start], " \n\t") + 1
	return gist.Of(visible(text[from:min(len(text), end+wordRest)]))
}

// visible returns text without what can't be seen in it.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == softHyphen || invisibleKind(r) != "" {
			return -1
		}
		return r
	}, text)
}

// tally counts invisible characters and their longest run.
type tally struct {
	kinds        map[string]bool
	count        int
	run, longest int
	start, end   int
	inWord, soft int
}

// soften counts a soft hyphen.
func (t *tally) soften(start, end int) {
	if t.soft++; t.count == 0 {
		if t.soft == 1 {
			t.start = start
		}
		t.end = end
	}
}

func (t *tally) note(kind string, start, end int) {
	if t.kinds == nil {
		t.kinds, t.start, t.end = map[string]bool{}, start, start
	}
	if t.end == start && t.count > 0 {
		t.run++
	} else {
		t.run = 1
	}
	t.kinds[kind] = true
	t.count++
	t.end, t.longest = end, max(t.longest, t.run)
}

// invisibleKind sorts invisible characters; "" is for all others.
func invisibleKind(r rune) string {
	switch {
	case r < 0xad:
		return ""
	case r >= 0xe0000 && r <= 0xe007f:
		return "tag"
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef:
		return "selector"
	case r == 0x200c, r == 0x200d:
		return "joiner"
	case r == 0x200b, r >= 0x2060 && r <= 0x2064, r == 0xfeff, r == 0x180e, r == 0x34f, r >= 0x206a && r <= 0x206f, r >= 0xfff9 && r <= 0xfffb:
		return "zero_width"
	case r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0:
		return "filler"
	}
	return ""
}

// useful reports whether the invisible character r at [at, next) has a use there: emoji sequences and flags (UTS #51),
// joiners in scripts that join (UAX #31), zero-width spaces between letters of scripts without spaces, a byte order mark
// at the start, selectors behind what has variants, fillers beside Hangul.
func useful(text string, at, next int, r, prev rune) bool {
	following, _ := utf8.DecodeRuneInString(text[next:])
	switch invisibleKind(r) {
	case "tag":
		return inFlag(text, at)
	case "selector":
		return prev >= 0x80 && invisibleKind(prev) == "" && !unicode.IsSpace(prev) || strings.ContainsRune("0123456789#*", prev)
	case "joiner":
		return beyondLatin(prev) || beyondLatin(following)
	case "filler":
		return hangul(prev) || hangul(following) || alone(prev) && alone(following) && besideHangul(text, at)
	}
	return r == 0xfeff && at == 0 || beyondLatin(prev) && beyondLatin(following)
}

// beyondLatin reports whether r is a letter, mark or symbol of something else than Latin script.
func beyondLatin(r rune) bool {
	return r >= 0x370 && r != utf8.RuneError && invisibleKind(r) != "zero_width" && invisibleKind(r) != "tag" &&
		(unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r))
}

func hangul(r rune) bool { return invisibleKind(r) == "" && unicode.Is(unicode.Hangul, r) }

// alone reports whether r is a blank or punctuation: what it stands beside is talked about.
func alone(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }

// besideHangul reports whether Korean stands near the filler at offset.
func besideHangul(text string, at int) bool {
	from := max(0, at-40)
	for from < at && !utf8.RuneStart(text[from]) {
		from++
	}
	return strings.ContainsFunc(text[from:at], func(r rune) bool { return r >= 0xac00 && r <= 0xd7a3 })
}

// inFlag reports whether the tag character at offset belongs to the flag of a region: a black flag, the letters of a
// subdivision (ISO 3166-2) of a country that is known to have such flags, and a cancel tag. Any other sequence is a way
// to write unseen.
func inFlag(text string, at int) bool {
	const flag = "\U0001f3f4"
	near := max(0, at-maxFlagBytes)
	start := strings.LastIndex(text[near:at], flag)
	if start < 0 {
		return false
	}
	start += near + len(flag)
	if rest, ok := strings.CutPrefix(text[start:], "\ufe0f"); ok {
		start = len(text) - len(rest)
	}
	var spelled []byte
	for _, r := range text[start:] {
		if r < 0xe0020 || r > 0xe007f || len(spelled) > maxFlagTags {
			break
		}
		spelled = append(spelled, byte(r-0xe0000))
	}
	if at >= start+4*len(spelled) || len(spelled) < 4 || len(spelled) > maxFlagTags || spelled[len(spelled)-1] != 0x7f {
		return false
	}
	return strings.Contains(flagCountries, string(spelled[:2]))
}

// flagCountries are the countries whose regions' flags are in use.
const flagCountries = "gb us ca de fr es it nl be ch at au br mx"

// The longest flag in use has a black flag, maybe a variation selector, and six tags of four bytes.
const (
	maxFlagTags  = 6
	maxFlagBytes = 4 + 3 + 4*maxFlagTags
)

// escape reports terminal escapes: any in a definition, elsewhere those that hide, link or move.
func escape(e *check.Event, i int, text string) {
	at := strings.IndexByte(text, 0x1b)
	if at < 0 {
		return
	}
	if e.Event.Kind.Definition() {
		e.Report(terminalEscape, nil, models.Span{Segment: i, Start: at, End: at + 1})
		return
	}
	if at, link := concealingEscape(text); at >= 0 {
		confidence := terminalEscape.Confidence
		if link {
			confidence = linkConfidence
		}
		e.ReportAs(terminalEscape, models.SeverityMedium, confidence, nil, models.Span{Segment: i, Start: at, End: at + 1})
	}
}

// linkConfidence is how suspicious a hyperlink is by itself: build logs have them.
const linkConfidence = 0.4

// concealingEscape returns the first escape sequence that is neither colour nor weight: concealed text (SGR 8),
// the clipboard (OSC 52), hyperlinks (OSC 8). -1 if there is none.
func concealingEscape(text string) (at int, link bool) {
	at = -1
	for i := 0; i < len(text); i++ {
		if text[i] != 0x1b {
			continue
		}
		switch rest := text[i+1:]; {
		case strings.HasPrefix(rest, "[8m"), strings.HasPrefix(rest, "]52;"):
			return i, false
		case strings.HasPrefix(rest, "]8;") && at < 0:
			at, link = i, true
		}
	}
	return at, link
}
