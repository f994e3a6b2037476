package catalogue

import (
	"strings"
)

// names tells whose an identifier is. The zero value knows none.
type names struct {
	self    map[string]bool // the definition's own name, parameters and values
	same    map[string]bool // tools of the same server
	others  map[string]bool // tools of other servers
	servers []string        // names of other servers, in lower case
}

// find adds the identifiers that the text mentions.
func (n *names) find(text, low string, hits []hit) []hit {
	for at := 0; at < len(text); {
		if !wordByte(text[at]) {
			at++
			continue
		}
		end := at
		for end < len(text) && wordByte(text[end]) {
			end++
		}
		word := low[at:end]
		switch {
		case n.self[word]:
		case n.same[word]:
			hits = append(hits, hit{relative, at, end})
		case n.others[word]:
			hits = append(hits, hit{foreign, at, end})
		case identifier(text[at:end]) && !(at > 0 && strings.IndexByte(".$@#/-?&{", text[at-1]) >= 0) && !(end < len(text) && strings.IndexByte("=/.", text[end]) >= 0 && end+1 < len(text) && wordByte(text[end+1])):
			hits = append(hits, hit{named, at, end})
		}
		at = end
	}
	for _, server := range n.servers {
		for at := 0; ; {
			i := strings.Index(low[at:], server)
			if i < 0 {
				break
			}
			at += i + len(server)
			if breaksBefore(low, at-len(server)) && breaksBefore(low, at) {
				hits = append(hits, hit{foreign, at - len(server), at})
			}
		}
	}
	return hits
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
