package hiding

import (
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

const (
	minGap     = 24  // bytes
	minColumns = 70  // blanks in a line that push a text aside
	wideGap    = 150 // that nobody scrolls through
	maxAfter   = 600 // bytes behind a gap that are read
	maxGaps    = 6   // a text with more is laid out in columns
	minLines   = 12  // line breaks in a gap
)

// padded reports orders behind so many blanks that a person does not come to them.
func padded(e *check.Event, i int, text string) {
	if len(text) >= minFiller {
		filled(e, i, text)
	}
	if !check.HasRun(text, &gapByte, minGap) {
		return
	}
	if strings.Contains(text, " \t ") {
		whitespaceCode(e, i, text)
	}
	for at, gaps := 0, 0; gaps < maxGaps; gaps++ {
		start, end, ok := nextGap(text, at)
		if !ok {
			return
		}
		at = end
		if text[end] == '|' || strings.HasPrefix(text[end:], "│") { // a table
			continue
		}
		after := text[end:min(len(text), end+maxAfter)]
		if n := strings.Index(after, "\n\n"); n > 0 {
			after = after[:n]
		}
		least := needPadded
		if end-start >= wideGap || strings.Count(text[start:end], "\n") >= 2*minLines {
			least--
		}
		g := gist.Of(after)
		if g.Words >= 4 && e.Event.Kind.Definition() && strings.Count(text[start:end], "\v")+strings.Count(text[start:end], "\f") >= minLines {
			report(e, paddedText, "B5", 0, models.Span{Segment: i, Start: end, End: end + len(after)})
			return
		}
		if g.Words < 4 || g.Score() < need(e, least) || !g.Has(gist.Act|gist.Override) || !e.Event.Kind.Definition() && !g.Has(foreign) && pages(text[start:end]) {
			continue
		}
		span := models.Span{Segment: i, Start: end, End: end + len(strings.TrimRight(after, " \t\r\n"))}
		if span.End > span.Start && utf8.ValidString(text[span.Start:span.End]) {
			report(e, paddedText, "B5", g.Score()-least, span)
			return
		}
	}
}

const (
	minFiller    = 1000 // bytes
	repetitions  = 4
	sample       = 32
	maxUnit      = 1 << 10
	minUnitWords = 3
)

// filled reports orders behind a text that says the same again and again, so that nobody reads to its end.
func filled(e *check.Event, i int, text string) {
	for _, at := range []int{len(text) / 4, len(text) / 2} {
		n := strings.Index(text[at+1:min(len(text), at+1+maxUnit+sample)], text[at:at+sample])
		if n < 0 {
			continue
		}
		unit := n + 1
		end := at + unit
		for end < len(text) && text[end] == text[end-unit] {
			end++
		}
		if end-at < max(repetitions*unit, minFiller/2) || len(strings.Fields(text[at:at+unit])) < minUnitWords || len(text)-end > 2*maxAfter || len(text)-end < minText {
			continue
		}
		for end > at && text[end-1] != '.' && text[end-1] != '\n' {
			end--
		}
		rest := text[end:]
		g := gist.Of(rest)
		least := needPadded
		if e.Event.Kind.Definition() {
			least = needFilled
		}
		if g.Words >= 5 && g.Score() >= least && g.Has(gist.Act|gist.Override) {
			report(e, paddedText, "B5", max(0, g.Score()-least), models.Span{Segment: i, Start: end, End: len(text)})
		}
		return
	}
}

const needFilled = 3 // in a definition

// gapByte has the bytes that gaps are made of.
var gapByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c <= ' ' || c >= utf8.RuneSelf || c == '.' || c == '-' || c == '*'
	}
	return t
}()

// pages reports whether a gap is one that documents have between pages and columns.
func pages(gap string) bool {
	return (len(gap) < wideGap || strings.Count(gap, "\n") >= minLines) && !strings.ContainsAny(gap, ".-*\v\f")
}

// foreign are the signs of which the next page of a document has none.
const foreign = gist.Spoken | gist.Covert | gist.Override | gist.Address | gist.Tool

// nextGap finds the next long run of blanks with text behind it. A line of dots is blank, too.
func nextGap(text string, from int) (start, end int, ok bool) {
	for i := from; i+minGap <= len(text); {
		if n := blank(text, i); n == 0 {
			i = nextBlank(text, i)
			continue
		}
		start, end = i, i
		lines, solid, column, widest := 0, 0, 0, 0
		for end < len(text) {
			n := blank(text, end)
			if n == 0 {
				if !aloneInLine(text, end) || solid > 0 {
					break
				}
				solid, n = 1, 1
			} else {
				solid = 0
			}
			if column++; text[end] == '\n' || text[end] == '\v' || text[end] == '\f' {
				lines++
				column = 0
			}
			widest = max(widest, column)
			end += n
		}
		if solid > 0 {
			end--
		}
		if (widest >= minColumns || lines >= minLines) && end < len(text) {
			return start, end, true
		}
		i = max(end, i+1)
	}
	return 0, 0, false
}

// aloneInLine reports whether a dot or dash at i is all that its line has.
func aloneInLine(text string, i int) bool {
	return (text[i] == '.' || text[i] == '-' || text[i] == '*') && (i == 0 || text[i-1] <= ' ') && (i+1 == len(text) || text[i+1] == '\n' || text[i+1] == '\r')
}

// nextBlank returns where the next two blanks in a row begin.
func nextBlank(text string, i int) int {
	for i++; i < len(text); i++ {
		if c := text[i]; (c <= ' ' || c == 0xe2 || c == 0xe3 || c == 0xc2) && blank(text, i) > 0 {
			return i
		}
	}
	return len(text)
}

// blank returns the length of the blank character at i, or 0.
func blank(text string, i int) int {
	switch text[i] {
	case ' ', '\t', '\n', '\r', '\v', '\f':
		return 1
	case 0xc2, 0xe2, 0xe3, 0xe1:
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == 0xa0 || r == 0x3000 || r >= 0x2000 && r <= 0x200b || r == 0x202f || r == 0x205f || r == 0x2800 || r == 0x1680 {
			return n
		}
	}
	return 0
}

const minTurns = 24 // changes between spaces and tabs

// whitespaceCode reports a run of spaces and tabs that change too often for any layout: it spells something.
func whitespaceCode(e *check.Event, i int, text string) {
	for at := 0; at < len(text); at++ {
		if text[at] != ' ' && text[at] != '\t' {
			continue
		}
		start, turns := at, 0
		for at+1 < len(text) && (text[at+1] == ' ' || text[at+1] == '\t') {
			if at++; text[at] != text[at-1] {
				turns++
			}
		}
		if turns >= minTurns {
			report(e, paddedText, "B5", 0, models.Span{Segment: i, Start: start, End: at + 1})
			return
		}
	}
}
