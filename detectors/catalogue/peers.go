package catalogue

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/aad6b6dc/taster/models"
)

// peers is a catalogue by name. It is never changed once it is made.
type peers struct {
	tools   map[string]map[string]*models.CatalogueObject // server, then name in lower case
	entries []models.CatalogueObject
	told    map[string]map[string]*term // by server; filled as needed
}

// maxPeers limits how much of a catalogue is looked at.
const maxPeers = 4096

func newPeers(c *models.Catalogue) *peers {
	p := &peers{tools: map[string]map[string]*models.CatalogueObject{}}
	if c == nil {
		return p
	}
	p.entries = c.Entries[:min(len(c.Entries), maxPeers)]
	for i := range p.entries {
		o := &p.entries[i]
		of := p.tools[o.Server]
		if of == nil {
			of = map[string]*models.CatalogueObject{}
			p.tools[o.Server] = of
		}
		if o.Name != "" && (o.Kind == models.KindTool || o.Kind == models.KindPrompt) {
			of[strings.ToLower(o.Name)] = o
		}
	}
	return p
}

// names sorts the catalogue's names by whether they are the event's own: those of servers that are named alike count as own.
func (p *peers) names(e *models.Event, segments []models.Segment) names {
	n := names{self: map[string]bool{}, same: map[string]bool{}, others: map[string]bool{}}
	for i := range segments {
		s := &segments[i]
		if text := s.Views[0].Text; s.Key || len(text) < 64 && !strings.ContainsAny(text, " \n") {
			n.self[strings.ToLower(text)] = true
		}
	}
	for server, tools := range p.tools {
		if server == e.Server || related(server, e.Server) {
			for name := range tools {
				n.same[name] = true
			}
			continue
		}
		if name := strings.ToLower(server); len(name) > 3 && name != strings.ToLower(e.Server) {
			n.servers = append(n.servers, name)
		}
	}
	for _, tools := range p.tools {
		for name := range tools {
			if !n.same[name] && (len(name) > 6 || identifier(name)) {
				n.others[name] = true
			}
		}
	}
	return n
}

// prose is the strings of a definition, in the order of its bytes.
func prose(body []byte) []string { return proseOf(gjson.ParseBytes(body)) }

func proseOf(value gjson.Result) []string {
	var out []string
	var walk func(v gjson.Result, depth int)
	walk = func(v gjson.Result, depth int) {
		if depth > 16 || len(out) > 512 {
			return
		}
		if v.IsObject() || v.IsArray() {
			v.ForEach(func(_, child gjson.Result) bool { walk(child, depth+1); return len(out) <= 512 })
			return
		}
		if v.Type == gjson.String {
			out = append(out, v.String())
		}
	}
	walk(value, 0)
	return out
}
