package hiding

import (
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

// terminal reports text that a terminal does not show, or shows for a moment only.
func terminal(e *check.Event, i int, text string) {
	if strings.IndexByte(text, 0x1b) >= 0 || strings.Contains(text, "\u009b") || strings.Contains(text, "\u0090") || strings.Contains(text, "\u009d") {
		escapes(e, i, text)
	}
	if strings.Contains(text, "\b\b\b") {
		erased(e, i, text)
	}
	if e.Event.Kind.Definition() && strings.IndexByte(text, 0) >= 0 {
		if at := strings.IndexByte(text, 0); gist.Of(text[at:]).Words >= 4 {
			e.Report(concealedText, nil, models.Span{Segment: i, Start: at, End: len(text)})
		}
	}
	if strings.Contains(text, "[8m") {
		spelledOut(e, i, text)
	}
	if strings.IndexByte(text, '\r') >= 0 {
		returned(e, i, text)
	}
}

const minConcealed = 3 // words

// escapes finds what stands between a sequence that conceals and the one that ends it, and in string sequences.
func escapes(e *check.Event, i int, text string) {
	for at := 0; at < len(text); at++ {
		intro, ok := introducer(text, at)
		if !ok {
			continue
		}
		start := at + intro
		switch kind := text[start-1]; {
		case kind == '[' || kind == 0x9b:
			end := start
			for end < len(text) && text[end] >= 0x20 && text[end] < 0x40 {
				end++
			}
			if end == len(text) {
				return
			}
			params, final := text[start:end], text[end]
			at = end
			switch {
			case final == 'm' && conceals(params):
				stop := nextEscape(text, end+1)
				concealed(e, i, text, end+1, stop)
				at = stop - 1
			case final == '~' && (params == "201" || params == "200"):
				e.Report(concealedText, nil, models.Span{Segment: i, Start: end + 1, End: min(len(text), lineEnd(text, end+2))})
				return
			case final == 'h' && (params == "?1049" || params == "?47"): // the other screen
				stop := nextEscape(text, end+1)
				concealed(e, i, text, end+1, stop)
				at = stop - 1
			case (final == 'K' || final == 'J' || final == 'A' || final == 'F') && end+1 < len(text):
				overwritten(e, i, text, start-intro, end+1)
			}
		default: // OSC, DCS, APC, PM, SOS
			stop := start
			for stop < len(text) && text[stop] != '\a' && text[stop] != 0x1b {
				stop++
			}
			if e.Event.Kind.Definition() || !title(text[start:stop]) {
				concealed(e, i, text, start, stop)
			}
			if strings.HasPrefix(text[start:stop], "8;") {
				misleading(e, i, text, start, stop)
			}
			at = stop - 1
		}
	}
}

// title reports whether a sequence sets a window's title to something short.
func title(sequence string) bool {
	return len(sequence) < 64 && len(sequence) > 1 && sequence[0] >= '0' && sequence[0] <= '2' && sequence[1] == ';'
}

// misleading reports a hyperlink whose label is another address than the one that it leads to.
func misleading(e *check.Event, i int, text string, start, stop int) {
	_, target, ok := strings.Cut(text[start+2:stop], ";")
	label := strings.TrimPrefix(strings.TrimPrefix(text[stop:], "\a"), "\x1b\\")
	if n := strings.IndexByte(label, 0x1b); n >= 0 {
		label = label[:n]
	}
	label = strings.TrimSpace(label)
	if !ok || target == "" || len(label) > 200 || !strings.Contains(label, ".") || strings.ContainsAny(label, " \n") || !strings.Contains(label, "/") && !strings.Contains(label, "www.") {
		return
	}
	if shown := host(label); strings.Contains(shown, ".") && !strings.HasSuffix(host(target), registered(shown)) {
		e.Report(concealedText, nil, models.Span{Segment: i, Start: start, End: stop})
	}
}

// host returns the host of an address, in small letters.
func host(address string) string {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	if n := strings.IndexAny(address, "/?#:"); n >= 0 {
		address = address[:n]
	}
	return strings.ToLower(strings.TrimPrefix(address, "www."))
}

// registered returns the last two labels of a host.
func registered(host string) string {
	last := strings.LastIndexByte(host, '.')
	if last < 0 {
		return host
	}
	return host[strings.LastIndexByte(host[:last], '.')+1:]
}

// introducer returns the length of what introduces a sequence at i: ESC and a byte, or a C1 control.
func introducer(text string, i int) (int, bool) {
	switch c := text[i]; {
	case c == 0x1b && i+1 < len(text) && strings.IndexByte("[]PX^_", text[i+1]) >= 0:
		return 2, true
	case c == 0xc2 && i+1 < len(text) && (text[i+1] == 0x9b || text[i+1] == 0x90 || text[i+1] == 0x9d):
		return 2, true
	}
	return 0, false
}

// conceals reports whether SGR parameters hide what follows: conceal, or the colour of the ground.
func conceals(params string) bool {
	fields := strings.Split(params, ";")
	ground, text := "", ""
	for i := 0; i < len(fields); i++ {
		p := fields[i]
		switch {
		case p == "38" || p == "48":
			n := 2
			if i+1 < len(fields) && fields[i+1] == "2" {
				n = 4
			}
			colour := strings.Join(fields[min(i+1, len(fields)):min(i+1+n, len(fields))], ";")
			if p == "38" {
				text = colour
			} else {
				ground = colour
			}
			i += n
		case p == "8":
			return true
		case len(p) == 2 && (p[0] == '3' || p[0] == '9'):
			text = p[1:]
		case len(p) == 2 && p[0] == '4', len(p) == 3 && strings.HasPrefix(p, "10"):
			ground = p[len(p)-1:]
		}
	}
	return text != "" && text == ground
}

// nextEscape returns where the next sequence begins.
func nextEscape(text string, i int) int {
	for ; i < len(text); i++ {
		if text[i] == 0x1b || text[i] == 0xc2 && i+1 < len(text) && text[i+1] == 0x9b {
			return i
		}
	}
	return len(text)
}

// concealed reports text[start:end] if it has words.
func concealed(e *check.Event, i int, text string, start, end int) {
	if end <= start || !utf8.ValidString(text[start:end]) {
		return
	}
	inside := text[start:end]
	if g := gist.Of(inside); g.Words >= minConcealed && (g.Score() >= 2 || e.Event.Kind.Definition()) && !strings.HasPrefix(inside, "8;") {
		report(e, concealedText, "B3", max(0, g.Score()-needRegion[Comment]), models.Span{Segment: i, Start: start, End: end})
	}
}

// overwritten reports the line before a sequence that moves up and erases it, if it says more than progress.
func overwritten(e *check.Event, i int, text string, before, after int) {
	line := text[:before]
	for strings.HasSuffix(line, "\x1b[1A") || strings.HasSuffix(line, "\x1b[2K") {
		line = line[:len(line)-4]
	}
	line = strings.TrimRight(line, "\r\n")
	start := strings.LastIndexAny(line, "\n\r") + 1
	for _, part := range [][2]int{{start, len(line)}, {after, min(lineEnd(text, after), nextEscape(text, after))}} {
		inside := text[part[0]:part[1]]
		if len(inside) < minText || strings.Contains(inside, "\x1b]") {
			continue
		}
		if pipesToShell(inside) {
			report(e, concealedText, "B3", 0, models.Span{Segment: i, Start: part[0], End: part[1]})
			return
		}
		if strings.Contains(inside, "\x1b") {
			continue
		}
		if g := gist.Of(inside); g.Words >= 5 && g.Score() >= need(e, needPadded) {
			report(e, concealedText, "B3", 0, models.Span{Segment: i, Start: part[0], End: part[1]})
			return
		}
	}
}

// pipesToShell reports a command that runs what it fetches.
func pipesToShell(line string) bool {
	for _, shell := range []string{"| sh", "|sh", "| bash", "|bash", "| sudo", "| zsh", "| python", "| iex"} {
		if strings.Contains(line, shell) {
			return true
		}
	}
	return false
}

func lineEnd(text string, i int) int {
	i = min(i, len(text))
	if n := strings.IndexAny(text[i:], "\r\n"); n > 0 {
		return i + n
	}
	return len(text)
}

// erased reports text that as many backspaces take back.
func erased(e *check.Event, i int, text string) {
	for at := strings.Index(text, "\b\b\b"); at >= 0; {
		end := at
		for end < len(text) && text[end] == '\b' {
			end++
		}
		start := max(strings.LastIndexAny(text[:at], "\n\b")+1, at-(end-at)-8)
		for start < at && !utf8.RuneStart(text[start]) {
			start++
		}
		if g := gist.Of(text[start:at]); end-at >= 8 && g.Words >= minConcealed && len(strings.TrimSpace(text[start:at])) > 3*(end-at)/4 {
			report(e, concealedText, "B3", 0, models.Span{Segment: i, Start: start, End: at})
			return
		}
		next := strings.Index(text[end:], "\b\b\b")
		if next < 0 {
			return
		}
		at = end + next
	}
}

// spelledOut reports text between a concealing sequence and its end where both are written out: \x1b[8m ... \x1b[0m.
func spelledOut(e *check.Event, i int, text string) {
	for _, esc := range []string{`\x1b`, `\u001b`, `\033`, `\e`, "^[", "\u241b", ""} {
		open := strings.Index(text, esc+"[8m")
		if open < 0 {
			continue
		}
		start := open + len(esc) + len("[8m")
		n := strings.Index(text[start:], esc+"[")
		if n > 0 && (esc != "" || open == 0 || text[open-1] != 'b' && text[open-1] != 'e' && text[open-1] != '3' && text[open-1] != 0x1b) && gist.Of(text[start:start+n]).Score() >= 3 {
			report(e, concealedText, "B3", 0, models.Span{Segment: i, Start: start, End: start + n})
		}
	}
}

// returned reports a line that a carriage return lets the next text be written over.
func returned(e *check.Event, i int, text string) {
	for at := 0; at < len(text); at++ {
		if text[at] != '\r' || at+1 == len(text) || text[at+1] == '\n' || text[at+1] == '\r' {
			continue
		}
		start := strings.LastIndexAny(text[:at], "\n\r") + 1
		over := text[at+1 : lineEnd(text, at+1)]
		if g := gist.Of(text[start:at]); g.Words >= 5 && g.Score() >= need(e, needPadded) && gist.Of(over).Words >= 2 {
			report(e, concealedText, "B3", 0, models.Span{Segment: i, Start: start, End: at})
			return
		}
	}
}
