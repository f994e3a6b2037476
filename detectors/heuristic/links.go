package heuristic

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// link is an address that a client opens when it renders the text (an image) or when a person clicks.
type link struct {
	start, end int // of the address
	image      bool
}

// links reports addresses that carry data out when rendered: with a slot to be filled in, or with text packed into them.
func (e *examination) links(i, v int) {
	view := &e.input.Segments[i].Views[v]
	for _, l := range findLinks(view.Text) {
		severity, confidence, message := judgeLink(view.Text[l.start:l.end], l.image)
		if severity == models.SeverityNone {
			continue
		}
		e.add(models.Finding{
			Rule: "leaking-link", Version: version, Class: "C5", Severity: severity, Confidence: confidence, Message: message,
			Evidence: []models.Span{{Segment: i, View: v, Start: l.start, End: l.end}},
		})
	}
}

// findLinks returns the addresses of Markdown images and links and of HTML images.
func findLinks(text string) []link {
	var out []link
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == ']' && strings.HasPrefix(text[i:], "](http"):
			start := i + len("](")
			out = append(out, link{start, addressEnd(text, start, ')'), isImage(text, i)})
		case text[i] == '<' && len(text)-i > 5 && strings.EqualFold(text[i:i+5], "<img "):
			if n := strings.Index(text[i:min(len(text), i+200)], "http"); n > 0 {
				out = append(out, link{i + n, addressEnd(text, i+n, '>'), true})
			}
		}
	}
	return out
}

// addressEnd returns where the address that begins at start ends: at a blank, a quote or the closing byte.
func addressEnd(text string, start int, closing byte) int {
	end := start
	for end < len(text) && text[end] != closing && !strings.ContainsRune(" \t\r\n\"'`", rune(text[end])) {
		end++
	}
	return end
}

// isImage reports whether the bracket at closing belongs to ![...].
func isImage(text string, closing int) bool {
	open := strings.LastIndexByte(text[max(0, closing-200):closing], '[') + max(0, closing-200)
	return open > 0 && text[open] == '[' && text[open-1] == '!'
}

func judgeLink(address string, image bool) (models.Severity, float64, string) {
	u, rest := splitHost(address)
	if knownHost(u) {
		return models.SeverityNone, 0, ""
	}
	if s := slotIn(rest); s != "" {
		switch {
		case image:
			return models.SeverityHigh, 0.8, "Has an image whose address is to be filled with data: rendering it sends the data away."
		case asksForPrivate(s):
			return models.SeverityHigh, 0.7, "Has a link whose address is to be filled with what the user or the session keeps to itself."
		}
		return models.SeverityNone, 0, ""
	}
	if image && packedText(rest) {
		return models.SeverityHigh, 0.8, "Has an image whose address carries text: rendering it sends the text away."
	}
	return models.SeverityNone, 0, ""
}

// splitHost cuts an address into its host and what follows.
func splitHost(address string) (host, rest string) {
	_, after, _ := strings.Cut(address, "://")
	if n := strings.IndexAny(after, "/?#"); n >= 0 {
		return after[:n], after[n:]
	}
	return after, ""
}

// knownHost reports hosts that show badges and charts with whatever stands in the address.
func knownHost(host string) bool {
	for _, h := range []string{"img.shields.io", "badgen.net", "badge.fury.io", "star-history.com", "api.star-history.com", "quickchart.io", "githubusercontent.com", "localhost", "127.0.0.1"} {
		if host == h || strings.HasSuffix(host, "."+h) || strings.HasPrefix(host, h+":") {
			return true
		}
	}
	return false
}

// slotIn returns the placeholder in an address: {data}, ${x}, <x>, [x], or words in capitals such as REPLACE_WITH_X.
func slotIn(rest string) string {
	for _, pair := range []string{"{}", "<>", "[]"} {
		open := strings.IndexByte(rest, pair[0])
		if open < 0 {
			continue
		}
		if n := strings.IndexByte(rest[open:], pair[1]); n > 1 {
			return rest[open+1 : open+n]
		}
	}
	_, query, _ := strings.Cut(rest, "?")
	for value := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '=' }) {
		if isPlaceholder(value) {
			return value
		}
	}
	return ""
}

// isPlaceholder reports capitals joined by underscores, two words or more, or a word that says that it is one.
func isPlaceholder(value string) bool {
	if strings.ToUpper(value) != value || strings.ToLower(value) == value {
		return false
	}
	for _, r := range value {
		if r != '_' && !(r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return strings.Contains(value, "_") || value == "DATA" || value == "SECRET" || value == "PAYLOAD" || value == "CONTENT"
}

func asksForPrivate(slot string) bool {
	slot = strings.ToLower(slot)
	for _, word := range []string{"conversation", "history", "chat", "secret", "token", "password", "prompt", "message", "context", "summary", "credential", "env", "customer", "data", "content", "stolen", "exfil"} {
		if strings.Contains(slot, word) {
			return true
		}
	}
	return false
}

const minPacked = 24 // characters; shorter values are ids

// packedText reports whether a query value or path element is text in base64 or in percent escapes. Signatures and
// digests decode to bytes that are no text.
func packedText(rest string) bool {
	for _, part := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("/?&=#", r) }) {
		if len(part) < minPacked {
			continue
		}
		if plain, err := url.QueryUnescape(part); err == nil && plain != part && strings.Count(plain, " ") >= 3 && strings.ContainsAny(plain, "@:=") {
			return true
		}
		raw := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(part), "=")
		if plain, err := base64.RawStdEncoding.DecodeString(raw); err == nil && readable(plain) {
			return true
		}
	}
	return false
}

// readable reports whether b is printable ASCII throughout.
func readable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' || c >= utf8.RuneSelf-1 {
			return false
		}
	}
	return true
}
