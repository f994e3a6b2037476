package heuristic

import "strings"

// region is a stretch of a text that a renderer does not show.
type region struct{ start, end int }

// markers open and close hidden regions.
var layerMarks = []struct{ open, close string }{
	{"<!--", "-->"},
	{"[//]: # (", ")"},
	{"[comment]: # (", ")"},
	{"[note]: # (", ")"},
	{"[//]: # \"", "\""},
}

// hiddenRegions returns what HTML and Markdown renderers drop: comments, comment-like link definitions and elements
// that are styled away.
func hiddenRegions(text string) []region {
	var out []region
	for i := 0; i < len(text); i++ {
		if text[i] != '<' && text[i] != '[' {
			continue
		}
		if r, ok := commentAt(text, i); ok {
			out = append(out, r)
			i = r.end - 1
		} else if r, ok := styledAway(text, i); ok {
			out = append(out, r)
			i = r.end - 1
		}
	}
	return out
}

func commentAt(text string, i int) (region, bool) {
	for _, m := range layerMarks {
		if !strings.HasPrefix(text[i:], m.open) {
			continue
		}
		start := i + len(m.open)
		if n := strings.Index(text[start:], m.close); n >= 0 {
			return region{start, start + n}, true
		}
		return region{start, len(text)}, true
	}
	return region{}, false
}

// invisibleStyles are what hides an element, without blanks and in lower case.
var invisibleStyles = []string{"display:none", "visibility:hidden", "opacity:0\"", "opacity:0;", "font-size:0", "color:transparent", "color:white", "color:#fff"}

// styledAway returns the content of an element that is styled to be invisible.
func styledAway(text string, i int) (region, bool) {
	end := strings.IndexByte(text[i:min(len(text), i+300)], '>')
	if text[i] != '<' || end < 0 || i+1 == len(text) || !isLetter(text[i+1]) {
		return region{}, false
	}
	tag := strings.ToLower(strings.Join(strings.Fields(text[i:i+end]), ""))
	hidden := strings.HasSuffix(tag, "hidden")
	for _, style := range invisibleStyles {
		hidden = hidden || strings.Contains(tag+"\"", style)
	}
	if !hidden {
		return region{}, false
	}
	start := i + end + 1
	if n := strings.Index(text[start:], "</"); n >= 0 {
		return region{start, start + n}, true
	}
	return region{start, len(text)}, true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// covering returns the first region that touches [start, end).
func covering(regions []region, start, end int) (region, bool) {
	for _, r := range regions {
		if r.start < end && start < r.end {
			return r, true
		}
	}
	return region{}, false
}
