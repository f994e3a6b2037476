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
	bidiOverride = &check.Rule{
		ID: "bidi-override", Version: "1.1.0", Class: "B2", Severity: models.SeverityHigh, Confidence: 0.8,
		Message: "Reverses the order in which text is shown.",
	}
	mixedScripts = &check.Rule{
		ID: "mixed-script", Version: "1.1.0", Class: "B2", Severity: models.SeverityMedium, Confidence: 0.7,
		Message: "Mixes letters of several scripts that look alike in one word.",
	}
	styledText = &check.Rule{
		ID: "styled-letters", Version: "1.0.0", Class: "B2", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Has a sentence in letters that only look like letters of the alphabet.",
	}
	stackedMarks = &check.Rule{
		ID: "stacked-marks", Version: "1.0.0", Class: "B2", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Has words that are buried under stacked marks.",
	}
)

const minReversed = 3 // words under an override in a text that runs right to left

// overrides reports bidirectional overrides: any in a text without a letter that runs right to left, else one that
// stretches over several words.
func overrides(e *check.Event, i int, text string) {
	at := strings.Index(text, "\u202e")
	if left := strings.Index(text, "\u202d"); left >= 0 && (at < 0 || left < at) {
		at = left
	}
	if at < 0 {
		return
	}
	start := at + len("\u202e")
	end := start
	for end < len(text) && text[end] != '\n' && !strings.HasPrefix(text[end:], "\u202c") {
		end++
	}
	if strings.ContainsFunc(text, rightToLeft) && gist.Of(text[start:end]).Words < minReversed {
		return
	}
	e.Report(bidiOverride, nil, models.Span{Segment: i, Start: at, End: end})
}

func rightToLeft(r rune) bool {
	return r >= 0x590 && r < 0x8a0 && unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana)
}

// lookalikes are letters of other scripts that pass for Latin ones within a word. Those that are symbols of quantities
// are not among them.
const lookalikes = "\u03bf\u039f\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u03a1\u03a4\u03a5\u03a7\u03b9\u03ba\u03bd\u03c1\u03c5\u0585\u057d\u0578\u0570\u0501\u051b\u051d\u13a0\u13a1\u13a2\u13aa\u13ab\u13b3\u13b7\u13bb\u13c0\u13c3\u13da\u13df\u13e2"

// mixedScript reports words that mix Latin letters with Cyrillic ones or other look-alikes: they read as one word and are
// another.
func mixedScript(e *check.Event, i int, text string) {
	start, latin, other := 0, 0, 0
	var found []models.Span
	total := 0
	end := func(at int) {
		if latin > 0 && other > 0 && latin+other > 2 {
			if total++; len(found) < models.MaxEvidence {
				found = append(found, models.Span{Segment: i, Start: start, End: at})
			}
		}
		latin, other = 0, 0
	}
	for at, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if !isLetter(byte(r)) {
				end(at)
				start = at + 1
				continue
			}
			latin++
		case !unicode.IsLetter(r):
			end(at)
			start = at + utf8.RuneLen(r)
		case r >= 0x400 && r < 0x530 || strings.ContainsRune(lookalikes, r):
			other++
		}
	}
	end(len(text))
	if total == 0 || mentionsScripts(text) {
		return
	}
	severity, confidence := mixedScripts.Severity, mixedScripts.Confidence
	switch s := &e.Segments[i]; {
	case identifier(s, text):
		severity = models.SeverityHigh
	case total == 1 && !e.Event.Kind.Definition() && !inAddress(text, found[0]):
		confidence = slipConfidence
	}
	e.ReportAs(mixedScripts, severity, confidence, nil, found...)
}

// slipConfidence is how suspicious one such word is in a text of the day: people forget to switch the keyboard.
const slipConfidence = 0.4

// identifier reports whether the segment is a name or an address: there a look-alike is no slip.
func identifier(s *models.Segment, text string) bool {
	if s.Key {
		return true
	}
	switch check.Last(s) {
	case "name", "title", "uri", "url", "organization", "id", "default", "const":
		return len(text) < 200
	}
	return !strings.Contains(text, " ")
}

// inAddress reports whether the span is part of a URL or a mail address.
func inAddress(text string, s models.Span) bool {
	from := strings.LastIndexAny(text[:s.Start], " \n\t") + 1
	to := s.End + len(text[s.End:])
	if n := strings.IndexAny(text[s.End:], " \n\t"); n >= 0 {
		to = s.End + n
	}
	part := strings.TrimRight(text[from:to], ".,;:!?)")
	dot := strings.LastIndexByte(part, '.')
	return strings.Contains(part, "://") || strings.Contains(part, "@") || dot > 0 && dot+1 < len(part) && isLetter(part[dot+1])
}

// mentionsScripts reports whether the text talks about scripts and their letters: mixed words are its examples.
func mentionsScripts(text string) bool {
	lower := strings.ToLower(text)
	for _, word := range []string{"cyrillic", "latin", "homoglyph", "look-alike", "lookalike", "look alike", "confusable", "mixes script", "mixed script", "кирил", "латин", "ćirili", "kyrill", "cirílic", "cyrylic"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

const (
	minStyled      = 14 // letters
	minStyledWords = 3
	marksPerLetter = 2
	minStacked     = 10 // letters
)

// styled reports sentences in alphabets that are no script of a language, and words under stacks of marks.
func styled(e *check.Event, i int, text string) {
	var run, stack span
	letters := 0
	for at, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if isLetter(byte(r)) {
				letters++
			}
			if r == ' ' || r >= '0' && r <= '9' || !isLetter(byte(r)) && run.count > 0 {
				run.blank()
			} else if run.count > 0 {
				run.foreign++
			}
		case r >= 0x300 && r < 0x370:
			stack.take(at, at+utf8.RuneLen(r))
		case r == 0x3000 || r == 0xa0:
			run.blank()
		case styledLetter(r):
			run.take(at, at+utf8.RuneLen(r))
		}
		if run.foreign > run.count {
			run = span{}
		}
		if run.count >= minStyled && run.words >= minStyledWords-1 && run.count > run.foreign*2 && !run.done {
			run.done = true
		}
		if run.done && !run.saved {
			run.saved = true
			e.Report(styledText, nil, models.Span{Segment: i, Start: run.start, End: styledEnd(text, at)})
			return
		}
	}
	if stack.count >= marksPerLetter*minStacked && stack.count >= marksPerLetter*min(letters, stack.end-stack.start)/4 && dense(text[stack.start:stack.end]) {
		e.Report(stackedMarks, nil, models.Span{Segment: i, Start: stack.start, End: stack.end})
	}
}

// span is a run of letters of one kind.
type span struct {
	start, end, count, words, foreign int
	spaced, done, saved               bool
}

func (s *span) take(start, end int) {
	if s.count == 0 {
		s.start = start
	}
	if s.spaced {
		s.words++
		s.spaced = false
	}
	s.count++
	s.end = end
}

func (s *span) blank() { s.spaced = s.count > 0 }

// styledEnd returns the end of the line or sentence at offset.
func styledEnd(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}

// dense reports whether at least every third character is a combining mark.
func dense(text string) bool {
	marks, all := 0, 0
	for _, r := range text {
		all++
		if r >= 0x300 && r < 0x370 {
			marks++
		}
	}
	return marks*3 >= all
}

// smallCapitals are the small capitals outside the block of phonetic extensions.
const smallCapitals = "\u0299\u0262\u029c\u026a\u029f\u0274\u0280\u028f\ua731\ua730\u1d18\u02b0\u02b2\u02b3\u02b7\u02b8\u02e1\u02e2\u02e3\u207f\u2071"

// styledLetter reports letters that only stand for Latin ones: mathematical alphabets, letters in circles and squares,
// small capitals, raised and lowered letters, Lisu, and full width.
func styledLetter(r rune) bool {
	switch {
	case r >= 0x1d400 && r <= 0x1d7cb, r >= 0x24b6 && r <= 0x24e9, r >= 0x249c && r <= 0x24b5, r >= 0x1f110 && r <= 0x1f189,
		r >= 0x1d00 && r <= 0x1d7f, r >= 0x1d9c && r <= 0x1dbf, r >= 0xa4d0 && r <= 0xa4f7, r >= 0xff21 && r <= 0xff3a, r >= 0xff41 && r <= 0xff5a,
		r >= 0x2090 && r <= 0x209c:
		return true
	}
	return strings.ContainsRune(smallCapitals, r)
}
