package catalogue

import "strings"

// names tells whose an identifier is. The zero value knows none.
type names struct {
	peers  *peers
	server string
	self   map[string]bool // the definition's own name, parameters and values
}

// find adds the identifiers and servers that a text mentions.
func (n *names) find(text, low string, hits []hit) []hit {
	if n.peers == nil {
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
		if c, ok := n.classify(text, low[at:end], at, end); ok {
			hits = append(hits, hit{c, at, end})
		}
		for end < len(text) && nameByte(text[end]) {
			end++
		}
		if n.peers.foreignServer(low[at:end], n.server) {
			hits = append(hits, hit{foreign, at, end})
		}
		at = end
	}
	for _, server := range n.peers.spaced {
		if !n.peers.foreignServer(server, n.server) {
			continue
		}
		if i := strings.Index(low, server); i >= 0 && breaksBefore(low, i) && breaksBefore(low, i+len(server)) {
			hits = append(hits, hit{foreign, i, i + len(server)})
		}
	}
	return hits
}

// sets reports whether "name=value" sets a parameter of the definition itself.
func (n *names) sets(assignment string) bool {
	name, _, _ := strings.Cut(assignment, "=")
	return n.self[name]
}

// classify says whose the word is that stands at [at, end) of text.
func (n *names) classify(text, word string, at, end int) (concept, bool) {
	if n.self[word] {
		return 0, false
	}
	c := n.peers.whose(word, n.server)
	if c == named {
		return c, identifier(text[at:end]) && standsAlone(text, at, end)
	}
	return c, c == relative || len(word) > 6 || identifier(word)
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
	parts := 0
	for part := range strings.SplitSeq(word, "_") {
		if part == "" || !strings.ContainsAny(part, "abcdefghijklmnopqrstuvwxyz") {
			return false
		}
		parts++
	}
	return parts > 1 && len(word) > 5
}
