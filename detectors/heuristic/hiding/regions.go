package hiding

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Region is a stretch of a text that a reader does not see, or does not look at.
type Region struct {
	Start, End int
	Way        Way
}

// Way is how a region is hidden.
type Way int

// The ways.
const (
	Comment Way = iota
	Styled      // an element that is styled away: nobody does that to a note for colleagues
	Folded      // what a reader has to unfold
	Custom      // hidden by custom rather than by purpose: alternative texts, titles of links and elements, comments of templates
)

// marks open and close hidden regions. An opening without its close hides all that follows.
var marks = []struct {
	open, close string
	way         Way
}{
	{"<!--", "-->", Comment},
	{"[//]: # (", ")", Comment},
	{"[//]: # \"", "\"", Comment},
	{"{#", "#}", Custom},
	{"{{!", "}}", Custom},
	{"<%#", "%>", Custom},
	{"<%--", "--%>", Custom},
	{"<desc>", "</desc>", Custom},
	{"<metadata>", "</metadata>", Custom},
	{"<title>", "</title>", Custom},
	{"<template>", "</template>", Comment},
	{"<noscript>", "</noscript>", Custom},
	{"<details>", "</details>", Folded},
	{"<style>", "</style>", Custom},
	{"<style ", "</style>", Custom},
	{"<annotation", "</annotation", Custom},
	{"<w:del ", "</w:del>", Styled},
	{"<w:comment", "</w:comment", Custom},
	{"[comment", "\n", Comment},
}

// opens are the bytes that a region can begin with.
var opens = [256]bool{'<': true, '[': true, '{': true, '!': true, '-': true}

// Regions returns what HTML and Markdown renderers drop: comments, comment-like link definitions, elements that are
// styled away, and titles and alternative texts that are sentences.
func Regions(text string) []Region {
	var out []Region
	for i := 0; i < len(text); i++ {
		if !opens[text[i]] {
			continue
		}
		for _, find := range [...]func(string, int) (Region, bool){commentAt, definitionAt, linkTitle, styledAway, attribute, frontMatter} {
			if r, ok := find(text, i); ok {
				out = append(out, r)
				i = max(i, r.End-1)
				break
			}
		}
		if len(out) == maxRegions {
			break
		}
	}
	return out
}

const maxRegions = 64

func commentAt(text string, i int) (Region, bool) {
	for _, m := range marks {
		if !strings.HasPrefix(text[i:], m.open) {
			continue
		}
		start := i + len(m.open)
		if n := strings.Index(text[start:], m.close); n >= 0 {
			return Region{start, start + n, m.way}, true
		}
		return Region{start, len(text), m.way}, m.open == "<!--"
	}
	return Region{}, false
}

// definitionAt finds a definition of a link that is none: [note]: # (text), [x]: <> "text".
func definitionAt(text string, i int) (Region, bool) {
	line, _, _ := strings.Cut(text[i:min(len(text), i+maxLine)], "\n")
	if text[i] != '[' || i > 0 && text[i-1] != '\n' && text[i-1] != ' ' {
		return Region{}, false
	}
	n := strings.Index(line, "]:")
	if n < 0 || n > 40 {
		return Region{}, false
	}
	rest := strings.TrimLeft(line[n+2:], " ")
	for _, target := range []string{"#", "<>", "<#>", "about:blank", "//"} {
		after, ok := strings.CutPrefix(rest, target)
		if !ok || len(after) < 3 {
			continue
		}
		after = strings.TrimLeft(after, " ")
		if after != "" && strings.IndexByte("(\"'", after[0]) >= 0 {
			end := i + len(strings.TrimRight(line, " )\"'\r"))
			return Region{i + len(line) - len(after) + 1, end, Comment}, end > i+len(line)-len(after)+1
		}
	}
	return Region{}, false
}

// maxLine is how far the end of a line or of a tag is looked for.
const maxLine = 2000

// linkTitle finds the alternative text of an image, and the title of a link: ![alt](url "title").
func linkTitle(text string, i int) (Region, bool) {
	switch {
	case strings.HasPrefix(text[i:], "!["):
		if n := strings.Index(text[i:min(len(text), i+maxLine)], "]("); n > minTitle {
			return Region{i + 2, i + n, Custom}, true
		}
	case text[i] == '[':
		window := text[i:min(len(text), i+maxLine)]
		n := strings.Index(window, "](")
		if n < 0 {
			break
		}
		target, _, _ := strings.Cut(window[n+2:], "\n")
		open := strings.Index(target, " \"")
		if open < 0 || strings.IndexByte(target[:open], ')') >= 0 {
			break
		}
		start := i + n + 2 + open + 2
		if closing := strings.IndexByte(text[start:min(len(text), start+maxLine)], '"'); closing > minTitle {
			return Region{start, start + closing, Custom}, true
		}
	}
	return Region{}, false
}

// minTitle is the length below which a title is no sentence.
const minTitle = 24

// hidingStyles hide an element, without blanks and in lower case.
var hidingStyles = byteSlices(
	"display:none", "visibility:hidden", "opacity:0\"", "opacity:0;", "opacity:0.0", "opacity:.0", "font-size:0", "font-size:1px", "font-size:.", "color:transparent", "color:white", "color:#fff",
	"color:rgba(0,0,0,0)", "color:#ffffff", "color:#fefefe", "color:rgb(255,255,255)", "color=\"white\"", "color=white", "color=\"#fff", "type=\"hidden\"", "class=\"hidden", "d-none", "class=\"invisible", "visibility:collapse", "content-visibility:hidden", "mso-hide:all",
	"clip:rect(0", "clip-path:inset(", "height:0", "width:0", "width:1px", "max-height:0", "scale(0)", "sr-only", "visually-hidden",
	"font-size=\"1\"", "font-size='1'", "opacity=\"0", "aria-hidden=\"true\"", "opacity='0", "fill=\"none\"", "fill=\"white\"", "fill=\"#fff", "fill-opacity=\"0", "z-index:-",
)

// styledAway returns the content of an element that is styled to be invisible.
func styledAway(text string, i int) (Region, bool) {
	end := tagEnd(text, i)
	if end == 0 {
		return Region{}, false
	}
	if !strings.ContainsAny(text[i:end], "=:-(hH") { // which each style has, and "hidden"
		return Region{}, false
	}
	var room [maxTag + 1]byte
	tag := compact(room[:0], text[i:end])
	hidden := bytes.HasSuffix(tag, hiddenWord) || bytes.Contains(tag, hiddenValue) || bytes.HasPrefix(tag, vanishing) ||
		strings.Contains(text[i:end], " hidden ")
	painted := bytes.Contains(tag, background)
	for closed, k := append(tag, '"'), 0; k < len(hidingStyles) && !hidden; k++ {
		hidden = bytes.Contains(closed, hidingStyles[k]) && !(painted && bytes.HasPrefix(hidingStyles[k], colour))
	}
	if !hidden && !offScreen(tag) && !(painted && sameColour(string(tag))) {
		return Region{}, false
	}
	start := end + 1
	if bytes.HasPrefix(tag, vanishing) {
		if n := strings.Index(text[start:], "<w:t"); n >= 0 {
			start += n
			start += strings.IndexByte(text[start:], '>') + 1
		}
	}
	if n := strings.Index(text[start:], "</"); n >= 0 {
		return Region{start, start + n, Styled}, true
	}
	return Region{start, len(text), Styled}, true
}

// What is looked for in tags.
var (
	hiddenWord  = []byte("hidden")
	hiddenValue = []byte(`hidden=""`)
	vanishing   = []byte("<w:vanish")
	background  = []byte("background")
	colour      = []byte("color:")
)

// compact appends a tag without blanks and in lower case.
func compact(room []byte, tag string) []byte {
	for i := range len(tag) {
		switch c := tag[i]; {
		case c >= utf8.RuneSelf:
			return append(room[:0], strings.ToLower(strings.Join(strings.Fields(tag), ""))...)
		case 'A' <= c && c <= 'Z':
			room = append(room, c|0x20)
		case c != ' ' && (c < '\t' || c > '\r'):
			room = append(room, c)
		}
	}
	return room
}

// sameColour reports whether a tag, without blanks and in lower case, has text in the colour of its ground.
func sameColour(tag string) bool {
	text := strings.ReplaceAll(strings.ReplaceAll(tag, "background-color:", "ground:"), "background:", "ground:")
	_, colour, a := strings.Cut(text, "color:")
	_, ground, b := strings.Cut(text, "ground:")
	end := func(s string) string { return s[:max(strings.IndexAny(s+";", ";\"'"), 0)] }
	return a && b && end(colour) == end(ground)
}

// offScreen reports whether a tag, without blanks and in lower case, moves its element hundreds of pixels away.
func offScreen(tag []byte) bool {
	for _, side := range sides {
		at := bytes.Index(tag, side)
		if at < 0 {
			continue
		}
		digits := 0
		for at += len(side); at < len(tag) && '0' <= tag[at] && tag[at] <= '9'; at++ {
			digits++
		}
		if digits >= 3 {
			return true
		}
	}
	return false
}

// sides are how a tag moves its element away.
var sides = byteSlices("left:-", "right:-", "top:-", "bottom:-", "text-indent:-", "translatex(-", "translatey(-", "translate(-")

func byteSlices(texts ...string) (all [][]byte) {
	for _, t := range texts {
		all = append(all, []byte(t))
	}
	return all
}

// tagEnd returns where the tag that begins at i ends, or 0 if none does.
func tagEnd(text string, i int) int {
	if text[i] != '<' || i+1 == len(text) || !isLetter(text[i+1]) {
		return 0
	}
	if n := strings.IndexByte(text[i:min(len(text), i+maxTag)], '>'); n > 0 {
		return i + n
	}
	return 0
}

const maxTag = 600

// attributes hold text that a page does not show by itself.
var attributes = []string{"title=", "alt=", "aria-label=", "aria-description=", "data-", "content=", "summary=", "value=", "placeholder=", "name=", "instructions=", "description=", "usercomment=", "label="}

// attribute returns a sentence in an attribute of the tag that begins at i.
func attribute(text string, i int) (Region, bool) {
	if text[i] != '<' || i+1 == len(text) || !isLetter(text[i+1]) {
		return Region{}, false
	}
	window := text[i:min(len(text), i+maxLine)]
	var quote byte
	open := 0
	for k := 1; k < len(window); k++ {
		switch c := window[k]; {
		case quote == 0 && c == '>':
			return Region{}, false
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, k+1
		case quote != 0 && c == quote:
			quote = 0
			if k-open > minTitle && strings.IndexByte(window[open:k], ' ') > 0 && isTextAttribute(window[:open-1]) {
				return Region{i + open, i + k, Custom}, true
			}
		}
	}
	return Region{}, false
}

// isTextAttribute reports whether the tag ends with the name of an attribute that holds text.
func isTextAttribute(tag string) bool {
	name := strings.ToLower(tag[strings.LastIndexAny(tag, " \t\n:")+1:])
	for _, a := range attributes {
		if strings.HasPrefix(name, a) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// Covering returns the first region that touches [start, end).
func Covering(regions []Region, start, end int) (Region, bool) {
	for _, r := range regions {
		if r.Start < end && start < r.End {
			return r, true
		}
	}
	return Region{}, false
}

// frontMatter returns what the lines before a document say to machines by the name of their field: ai_note: ...
func frontMatter(text string, i int) (Region, bool) {
	if i > 0 || !strings.HasPrefix(text, "---\n") {
		return Region{}, false
	}
	end := strings.Index(text, "\n---")
	if end < 0 || end > maxLine {
		return Region{}, false
	}
	for at := len("---\n"); at < end; {
		stop := at + strings.IndexByte(text[at:], '\n')
		name, _, ok := strings.Cut(text[at:stop], ":")
		if ok && len(name) < maxName && forMachine(strings.ToLower(name)) {
			return Region{at + len(name) + 1, stop, Custom}, stop > at+len(name)+1
		}
		at = stop + 1
	}
	return Region{}, false
}

const maxName = 32 // bytes

// forMachine reports whether a field in lower case is called after those who read it.
func forMachine(name string) bool {
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == ' ' }) {
		switch part {
		case "ai", "llm", "agent", "agents", "assistant", "model", "bot", "instructions", "instruction", "prompt", "system", "note", "notes", "comment", "hidden":
			return true
		}
	}
	return false
}
