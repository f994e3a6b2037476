package heuristic

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// characters reports what is suspicious about single characters of segment i, whatever they spell.
func (e *examination) characters(i int) {
	text := e.input.Segments[i].Views[0].Text
	if !unusual(text) {
		return
	}
	e.invisibles(i, text)
	e.overrides(i, text)
	e.escapes(i, text)
	e.mixedScript(i, text)
}

// unusual reports whether text has anything but printable ASCII and line breaks.
func unusual(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || c == 0x1b {
			return true
		}
	}
	return false
}

// invisibles reports invisible characters without a use where they stand.
func (e *examination) invisibles(i int, text string) {
	var found tally
	var prev rune = -1
	for at, r := range text {
		size := utf8.RuneLen(r)
		if kind := invisibleKind(r); kind != "" && !useful(text, at, at+max(size, 1), r, prev) {
			found.note(kind, at, at+size)
		}
		prev = r
	}
	if found.count == 0 {
		return
	}
	severity, confidence := models.SeverityMedium, 0.6
	switch {
	case found.longest >= manyInvisible || len(found.kinds) >= 3 || found.count >= manyInvisible && e.input.Event.Kind.Definition():
		severity, confidence = models.SeverityHigh, 0.85
	case found.kinds["tag"]:
		severity, confidence = models.SeverityHigh, 0.7
	}
	e.add(models.Finding{
		Rule: "invisible-characters", Version: version, Class: "B1", Severity: severity, Confidence: confidence,
		Message:  "Has invisible characters that no script or emoji needs.",
		Evidence: []models.Span{{Segment: i, Start: found.start, End: found.end}},
	})
}

// manyInvisible is how many invisible characters can't be an accident of copying.
const manyInvisible = 8

// tally counts invisible characters and their longest run.
type tally struct {
	kinds        map[string]bool
	count        int
	run, longest int
	start, end   int
}

func (t *tally) note(kind string, start, end int) {
	if t.kinds == nil {
		t.kinds, t.start = map[string]bool{}, start
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
	case r == 0x200b, r >= 0x2060 && r <= 0x2064, r == 0xfeff, r == 0x180e, r == 0x34f:
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
		return unicode.Is(unicode.Hangul, prev) || unicode.Is(unicode.Hangul, following)
	}
	return r == 0xfeff && at == 0 || beyondLatin(prev) && beyondLatin(following)
}

// beyondLatin reports whether r is a letter, mark or symbol of something else than Latin script.
func beyondLatin(r rune) bool {
	return r >= 0x370 && r != utf8.RuneError && invisibleKind(r) != "zero_width" && invisibleKind(r) != "tag" &&
		(unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r))
}

// inFlag reports whether the tag character at offset belongs to one of the three flags of regions in use: England,
// Scotland and Wales. Any other sequence behind a black flag is a way to write unseen.
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
	if at >= start+4*len(spelled) {
		return false
	}
	switch string(spelled) {
	case "gbeng\x7f", "gbsct\x7f", "gbwls\x7f":
		return true
	}
	return false
}

// The longest flag in use has a black flag, maybe a variation selector, and six tags of four bytes.
const (
	maxFlagTags  = 6
	maxFlagBytes = 4 + 3 + 4*maxFlagTags
)

// overrides reports bidirectional overrides in a text without a letter that runs right to left.
func (e *examination) overrides(i int, text string) {
	at := strings.IndexAny(text, "\u202d\u202e")
	if at < 0 || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana)
	}) {
		return
	}
	e.add(models.Finding{
		Rule: "bidi-override", Version: version, Class: "B2", Severity: models.SeverityHigh, Confidence: 0.8,
		Message:  "Reverses the order in which text is shown, without any right-to-left script.",
		Evidence: []models.Span{{Segment: i, Start: at, End: at + len("\u202e")}},
	})
}

// escapes reports terminal escapes: any in a definition, elsewhere those that hide, link or move.
func (e *examination) escapes(i int, text string) {
	at := strings.IndexByte(text, 0x1b)
	if at < 0 {
		return
	}
	f := models.Finding{
		Rule: "terminal-escape", Version: version, Class: "B3", Severity: models.SeverityHigh, Confidence: 0.8,
		Message: "Has terminal escapes that can hide or replace what a person sees.",
	}
	if !e.input.Event.Kind.Definition() {
		if at = concealingEscape(text); at < 0 {
			return
		}
		f.Severity = models.SeverityMedium
	}
	f.Evidence = []models.Span{{Segment: i, Start: at, End: at + 1}}
	e.add(f)
}

// concealingEscape returns the first escape sequence that is neither colour nor weight: concealed text (SGR 8),
// hyperlinks and clipboard (OSC 8, OSC 52). -1 if there is none.
func concealingEscape(text string) int {
	for at := 0; at < len(text); at++ {
		if text[at] != 0x1b {
			continue
		}
		for _, seq := range []string{"[8m", "]8;", "]52;"} {
			if strings.HasPrefix(text[at+1:], seq) {
				return at
			}
		}
	}
	return -1
}

// mixedScript reports words that mix Latin and Cyrillic letters: they look like one word and are another.
func (e *examination) mixedScript(i int, text string) {
	start, latin, cyrillic := 0, false, false
	var found []models.Span
	end := func(at int) {
		if latin && cyrillic && len(found) < models.MaxEvidence {
			found = append(found, models.Span{Segment: i, Start: start, End: at})
		}
		latin, cyrillic = false, false
	}
	for at, r := range text {
		if !unicode.IsLetter(r) {
			end(at)
			start = at + utf8.RuneLen(r)
			continue
		}
		latin = latin || r < utf8.RuneSelf
		cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, r)
	}
	end(len(text))
	if len(found) == 0 {
		return
	}
	severity := models.SeverityMedium
	if slotOf(&e.input.Segments[i]) == slotToken {
		severity = models.SeverityHigh
	}
	e.add(models.Finding{
		Rule: "mixed-script", Version: version, Class: "B2", Severity: severity, Confidence: 0.7,
		Message: "Mixes Latin and Cyrillic letters in one word.", Evidence: found,
	})
}
