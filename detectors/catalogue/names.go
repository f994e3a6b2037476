package catalogue

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// names tells whose an identifier is. The zero value knows none.
type names struct {
	peers    *peers
	server   string
	segments []models.Segment
	self     []string // the definition's own name, parameters and values; gathered when needed
	gathered bool
}

// of begins with the names of an event.
func (n *names) of(p *peers, server string, segments []models.Segment) {
	*n = names{peers: p, server: server, segments: segments, self: n.self[:0]}
}

// gather notes the event's own identifiers, to tell them from those of others.
func (n *names) gather() {
	n.gathered = true
	for i := range n.segments {
		s := &n.segments[i]
		if len(n.self) == directive.MaxOwn {
			return
		}
		if text := s.Views[0].Text; len(text) < 64 && (s.Key || strings.IndexByte(text, ' ') < 0) && !syntax[text] {
			n.self = append(n.self, text)
		}
	}
}

// syntax are the words of schemas, which name nothing.
var syntax = map[string]bool{
	"name": true, "description": true, "inputSchema": true, "type": true, "properties": true, "required": true, "items": true, "string": true, "object": true,
	"array": true, "integer": true, "number": true, "boolean": true, "enum": true, "default": true, "additionalProperties": true, "title": true,
}

// mine reports whether the definition itself has the name.
func (n *names) mine(name string) bool {
	if !n.gathered {
		n.gather()
	}
	for _, own := range n.self {
		if len(own) == len(name) && strings.EqualFold(own, name) {
			return true
		}
	}
	return false
}

// sets reports whether "name=value" sets a parameter of the definition itself.
func (n *names) sets(assignment string) bool {
	name, _, _ := strings.Cut(assignment, "=")
	return n.mine(name)
}

// identifier adds an identifier at [start, end) of a text that the definition itself has, or that nobody is known to have.
func (n *names) identifier(text string, start, end int, hits []hit) []hit {
	word := text[start:end]
	if n.peers != nil && n.mine(word) && standsAlone(text, start, end) {
		return append(hits, hit{field, start, end})
	}
	if n.peers == nil || !identifier(word) || !standsAlone(text, start, end) || len(n.peers.ownersOf(word)) > 0 {
		return hits
	}
	return append(hits, hit{named, start, end})
}

// find adds the tools and servers of the catalogue that a text mentions.
func (n *names) find(text string, hits []hit) []hit {
	if n.peers == nil || len(n.peers.entries) == 0 {
		return hits
	}
	for at := 0; at < len(text); {
		if !wordByte(text[at]) {
			at++
			continue
		}
		end := at
		for end < len(text) && wordByte(text[end]) {
			end++
		}
		if n.peers.known(text[at:end]) {
			hits = n.tool(text, at, end, hits)
		}
		for end < len(text) && nameByte(text[end]) {
			end++
		}
		if n.peers.known(text[at:end]) && n.peers.foreignServer(text[at:end], n.server) {
			hits = append(hits, hit{foreign, at, end})
		}
		at = end
	}
	return n.spaced(text, hits)
}

// tool adds a tool of the catalogue whose name stands at [at, end).
func (n *names) tool(text string, at, end int, hits []hit) []hit {
	word := text[at:end]
	c := n.peers.whose(word, n.server)
	if c == named || c == foreign && len(word) <= 6 && !identifier(word) || n.mine(word) {
		return hits
	}
	return append(hits, hit{c, at, end})
}

// spaced adds the servers whose names are more than one word.
func (n *names) spaced(text string, hits []hit) []hit {
	if len(n.peers.spaced) == 0 {
		return hits
	}
	low := lower(text)
	for _, server := range n.peers.spaced {
		if i := strings.Index(low, server); i >= 0 && n.peers.foreignServer(server, n.server) && breaks(low, i) && breaks(low, i+len(server)) {
			hits = append(hits, hit{foreign, i, i + len(server)})
		}
	}
	return hits
}

// standsAlone reports whether the word is not part of an address, a path or an assignment.
func standsAlone(text string, at, end int) bool {
	if at > 0 && strings.IndexByte(".$@#/-?&{", text[at-1]) >= 0 {
		return false
	}
	return end+1 >= len(text) || strings.IndexByte("=/.", text[end]) < 0 || !wordByte(text[end+1])
}

// identifier reports whether a word is built like a tool's name: of several words joined by underscores.
func identifier(word string) bool {
	if len(word) <= 5 || strings.IndexByte(word, '_') < 0 {
		return false
	}
	for part := range strings.SplitSeq(word, "_") {
		if !strings.ContainsAny(part, "abcdefghijklmnopqrstuvwxyz") {
			return false
		}
	}
	return true
}
