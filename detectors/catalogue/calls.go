package catalogue

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/aad6b6dc/taster/models"
)

var exposed = high("exposed-call", "E4", 0.6, "Puts where anybody can read it what it says is from a private place.")

var relayed = high("relayed-result", "E4", 0.62, "Hands on what another server's tool returned, and says so.")

// calls looks in the arguments of a call for the mention of a tool that reads from another server.
func calls(x *examination) {
	var spans []models.Span
	for i := range x.Segments {
		s := &x.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < shortest || len(text) > 1<<14 || strings.IndexByte(text, '/') < 0 {
			continue
		}
		if from, to := reference(text, x.Input.Event.Server); to > 0 {
			spans = append(spans, models.Span{Segment: i, Start: from, End: to})
		}
	}
	if len(spans) > 0 {
		x.Report(&relayed, nil, spans...)
	}
	if x.anybodyReads() {
		x.exposed()
	}
}

// audiences are the members that say who can read what a call writes, and what they say of anybody.
var (
	audiences = []string{"visibility", "acl", "audience", "access", "sharing", "privacy", "public", "channel", "room", "board", "forum", "list", "attendees"}
	anybody   = []string{"public", "anyone", "everyone", "world", "extern", "guest", "open", "community", "freemail"}
)

// anybodyReads reports whether the call says that anybody can read what it writes.
func (x *examination) anybodyReads() bool {
	for i := range x.Segments {
		s := &x.Segments[i]
		if s.Key || len(s.Views[0].Text) > 64 || !slices.ContainsFunc(audiences, func(a string) bool { return strings.Contains(s.Pointer, "/"+a) }) {
			continue
		}
		if text := strings.ToLower(s.Views[0].Text); slices.ContainsFunc(anybody, func(a string) bool { return strings.Contains(text, a) }) {
			return true
		}
	}
	return gjson.GetBytes(x.Input.Event.Body, "arguments.public").Bool()
}

// closed are the parts of a path that say that not anybody may read what it leads to.
var closed = []string{"-internal/", "/internal/", "internal/", "-private/", "/private/", "private/", "confidential/", "/hr/", "payroll/"}

// exposed looks for what the call says of where its text is from.
func (x *examination) exposed() {
	x.reader.readAll(x.Segments)
	for i := range x.reader.sentences {
		s := &x.reader.sentences[i]
		low := lower(s.text)
		fromPrivate := slices.ContainsFunc(closed, func(c string) bool { return strings.Contains(low, c) })
		if (fromPrivate || s.set.has(generic) && s.set.has(private)) && !strings.Contains(low, "://") {
			x.Report(&exposed, nil, s.span())
		}
	}
}

// readers are the first words of tools that read.
var readers = []string{"get_", "read_", "fetch_", "find_", "list_", "search_", "open_", "query_", "export_", "lookup_", "load_", "download_", "show_"}

// reference finds "server/get_something" in a text, of a server that is not the own one.
func reference(text, own string) (from, to int) {
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '/')
		if i < 0 {
			return 0, 0
		}
		at += i + 1
		server, tool := wordEnding(text[:at-1]), wordStarting(text[at:])
		if len(server) < 3 || server == own || !identifier(tool) {
			continue
		}
		if before := at - 1 - len(server); before > 0 && strings.IndexByte("/.:@~", text[before-1]) >= 0 {
			continue
		}
		if end := at + len(tool); end < len(text) && strings.IndexByte("/.=?", text[end]) >= 0 && end+1 < len(text) && wordByte(text[end+1]) {
			continue
		}
		for _, r := range readers {
			if strings.HasPrefix(tool, r) {
				return at - 1 - len(server), at + len(tool)
			}
		}
	}
}

func nameByte(c byte) bool { return wordByte(c) || c == '-' }

func wordEnding(text string) string {
	i := len(text)
	for i > 0 && nameByte(text[i-1]) {
		i--
	}
	return text[i:]
}

func wordStarting(text string) string {
	i := 0
	for i < len(text) && wordByte(text[i]) {
		i++
	}
	return text[:i]
}
