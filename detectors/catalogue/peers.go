package catalogue

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/aad6b6dc/taster/models"
)

// peers is a catalogue by name. It belongs to one goroutine.
type peers struct {
	entries []models.CatalogueObject
	servers map[string][]string                  // the words of each server's name
	named   map[string][]string                  // servers by their names in lower case
	spaced  []string                             // names that are more than one word of the text, in lower case
	owners  map[string][]*models.CatalogueObject // tools and prompts by name in lower case
	alike   map[string][]*models.CatalogueObject // and by what the name looks like
	sized   map[int][]*models.CatalogueObject    // and by the length of the name
	told    map[string]map[string]*term          // by server; filled as needed
	pieces  map[string]map[string]*piecesOf      // by server, then parameter; filled as needed
	lengths [256]uint64                          // by first byte, of the names of tools and servers
	reader  *reader                              // of the catalogue's definitions; made when needed
}

// Limits on how much of a catalogue is looked at.
const (
	maxPeers  = 4096
	maxSpaced = 64
)

func newPeers(c *models.Catalogue) *peers {
	p := &peers{
		servers: map[string][]string{}, named: map[string][]string{}, owners: map[string][]*models.CatalogueObject{},
		alike: map[string][]*models.CatalogueObject{}, sized: map[int][]*models.CatalogueObject{}, told: map[string]map[string]*term{}, pieces: map[string]map[string]*piecesOf{},
	}
	if c == nil {
		return p
	}
	p.entries = c.Entries[:min(len(c.Entries), maxPeers)]
	for i := range p.entries {
		o := &p.entries[i]
		p.server(o.Server)
		if o.Name != "" && (o.Kind == models.KindTool || o.Kind == models.KindPrompt) {
			name := strings.ToLower(o.Name)
			p.owners[name] = append(p.owners[name], o)
			p.note(name)
			look := skeleton(plainLetters(o.Name))
			p.alike[look] = append(p.alike[look], o)
			p.sized[len(name)] = append(p.sized[len(name)], o)
		}
	}
	return p
}

func (p *peers) server(name string) {
	if _, ok := p.servers[name]; ok || name == "" {
		return
	}
	p.servers[name] = words(name)
	low := strings.ToLower(name)
	if len(low) < 4 {
		return
	}
	if strings.ContainsFunc(low, func(r rune) bool { return r >= 0x80 || !nameByte(byte(r)) }) {
		if len(p.spaced) < maxSpaced {
			p.spaced = append(p.spaced, low)
		}
	}
	p.named[low] = append(p.named[low], name)
	p.note(low)
}

// maxFolded is the length from which a name is not looked for in texts.
const maxFolded = 64

// note keeps how a name begins and how long it is.
func (p *peers) note(low string) {
	if len(low) < maxFolded {
		p.lengths[low[0]] |= 1 << len(low)
	}
}

// known reports whether a word may be a name of the catalogue: whether one begins like it and is as long.
func (p *peers) known(word string) bool {
	first := word[0]
	if upper(first) {
		first |= 0x20
	}
	return len(word) < maxFolded && p.lengths[first]&(1<<len(word)) != 0
}

// fold turns the ASCII letters of a word into lower case, in buf if it fits.
func fold(word string, buf *[maxFolded]byte) []byte {
	if len(word) > len(buf) {
		return nil
	}
	out := buf[:copy(buf[:], word)]
	for i, c := range out {
		if upper(c) {
			out[i] = c | 0x20
		}
	}
	return out
}

// ownersOf returns the tools and prompts of a name.
func (p *peers) ownersOf(name string) []*models.CatalogueObject {
	if len(p.owners) == 0 {
		return nil
	}
	var buf [maxFolded]byte
	return p.owners[string(fold(name, &buf))]
}

// whose says how an identifier stands to an event's server: foreign, relative or, if nobody has it, named.
func (p *peers) whose(name, server string) concept {
	owners := p.ownersOf(name)
	if len(owners) == 0 {
		return named
	}
	for _, o := range owners {
		if p.kin(o.Server, server) {
			return relative
		}
	}
	return foreign
}

// kin reports whether two servers are one, or named as if they belonged together.
func (p *peers) kin(a, b string) bool {
	if a == b {
		return true
	}
	for _, s := range p.wordsOf(a) {
		for _, t := range p.wordsOf(b) {
			if s == t && len(s) > 2 && s != "mcp" && s != "server" {
				return true
			}
		}
	}
	return false
}

// wordsOf returns the words of a server's name.
func (p *peers) wordsOf(server string) []string {
	if w, ok := p.servers[server]; ok {
		return w
	}
	w := words(server)
	p.servers[server] = w
	return w
}

// foreignServer reports whether a name is that of a server that is no kin.
func (p *peers) foreignServer(name, server string) bool {
	var buf [maxFolded]byte
	for _, s := range p.named[string(fold(name, &buf))] {
		if !p.kin(s, server) {
			return true
		}
	}
	return false
}

// prose is the strings of a definition, in the order of its bytes.
func prose(body []byte) []string { return proseOf(gjson.ParseBytes(body)) }

// Limits on the strings that are taken from a definition of the catalogue.
const (
	maxProse      = 512
	maxProseDepth = 16
)

func proseOf(value gjson.Result) []string {
	var out []string
	var walk func(v gjson.Result, depth int)
	walk = func(v gjson.Result, depth int) {
		if depth > maxProseDepth || len(out) > maxProse {
			return
		}
		if v.IsObject() || v.IsArray() {
			v.ForEach(func(_, child gjson.Result) bool { walk(child, depth+1); return len(out) <= maxProse })
			return
		}
		if v.Type == gjson.String {
			out = append(out, strings.ToValidUTF8(v.String(), "\ufffd"))
		}
	}
	walk(value, 0)
	return out
}

// sentencesOf reads the strings of a definition that hold prose. What it returns is valid until the next call.
func (p *peers) sentencesOf(o *models.CatalogueObject) []sentence {
	if p.reader == nil {
		p.reader = newReader()
	}
	p.reader.begin()
	for _, text := range prose(o.Body) {
		if isText(text) {
			p.reader.read(0, 0, text)
		}
	}
	return p.reader.sentences
}
