package catalogue

import (
	"strings"

	"github.com/aad6b6dc/taster/models"
)

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
