package compose

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/sjson"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
)

// place is a string of an MCP object that an attack can be moved to.
type place struct {
	name, does string
	kinds      []models.Kind
	// path is where the string goes, in the syntax of sjson; pointer is the same as RFC 6901.
	path, pointer string
	// around are members that the string needs beside it: path and JSON value.
	around [][2]string
}

var places = []place{
	{"title", "moves into the title", definitions, "title", "/title", nil},
	{"parameter_description", "moves into the description of a parameter", tools, "inputSchema.properties.reference.description", "/inputSchema/properties/reference/description",
		[][2]string{{"inputSchema.properties.reference.type", `"string"`}}},
	{"nested_schema", "moves three levels down the input schema", tools,
		"inputSchema.properties.options.properties.advanced.properties.hint.description", "/inputSchema/properties/options/properties/advanced/properties/hint/description",
		[][2]string{{"inputSchema.properties.options.type", `"object"`}, {"inputSchema.properties.options.properties.advanced.type", `"object"`}}},
	{"enum_value", "moves into a value of an enumeration", tools, "inputSchema.properties.mode.enum.2", "/inputSchema/properties/mode/enum/2",
		[][2]string{{"inputSchema.properties.mode.type", `"string"`}, {"inputSchema.properties.mode.enum", `["fast","full"]`}}},
	{"default_value", "moves into a default", tools, "inputSchema.properties.note.default", "/inputSchema/properties/note/default",
		[][2]string{{"inputSchema.properties.note.type", `"string"`}}},
	{"schema_comment", "moves into a comment of the schema", tools, "inputSchema.$comment", "/inputSchema/$comment", nil},
	{"definitions", "moves into a definition that the schema refers to", tools, "inputSchema.$defs.Locator.description", "/inputSchema/$defs/Locator/description",
		[][2]string{{"inputSchema.$defs.Locator.type", `"string"`}, {"inputSchema.properties.locator", `{"$ref":"#/$defs/Locator"}`}}},
	{"output_schema", "moves into the output schema", tools, "outputSchema.properties.summary.description", "/outputSchema/properties/summary/description",
		[][2]string{{"outputSchema.type", `"object"`}, {"outputSchema.properties.summary.type", `"string"`}}},
	{"annotation_title", "moves into the annotations", tools, "annotations.title", "/annotations/title", nil},
	{"meta", "moves into _meta", definitions, "_meta.vendor.guidance", "/_meta/vendor/guidance", nil},
	{"argument_description", "moves into the description of an argument", []models.Kind{models.KindPrompt}, "arguments.-1", "/arguments/-/description", nil},
	{"second_block", "moves into a content block of its own", results, "content.-1", "/content/-/text", nil},
	{"structured_content", "moves into the structured content", results, "structuredContent.item.remarks", "/structuredContent/item/remarks", nil},
	{"embedded_resource", "moves into an embedded resource", results, "content.-1", "/content/-/resource/text", nil},
}

var (
	tools       = []models.Kind{models.KindTool}
	results     = []models.Kind{models.KindToolResult}
	definitions = []models.Kind{models.KindTool, models.KindPrompt, models.KindResource}
)

// Placements returns the techniques that move the attack's words to another string of the object, with the members that
// belong around it.
func Placements() []Technique {
	out := make([]Technique, len(places))
	for i, p := range places {
		out[i] = Technique{Name: p.name, Axis: Placement, Does: p.does, apply: func(j *job) bool { return p.move(j) }}
	}
	return out
}

// move takes the attack out of where it stands and writes it at the place, unless something is there already.
func (p *place) move(j *job) bool {
	words, ok := j.attack()
	if !ok || !contains(p.kinds, j.sample.Event.Kind) || len(j.sample.Spans) == 0 {
		return false
	}
	text := strings.Join(words, " ")
	if !j.replace(func(string) string { return "" }) {
		return false
	}
	body, pointer, ok := p.write(j.sample.Event.Body, text)
	if !ok {
		return false
	}
	j.sample.Event.Body = body
	j.sample.Spans = []corpus.Span{{Pointer: pointer, Start: 0, End: len(text)}}
	return true
}

func contains(kinds []models.Kind, k models.Kind) bool {
	for _, e := range kinds {
		if e == k {
			return true
		}
	}
	return false
}

// write returns the body with the text at the place, and the pointer to it.
func (p *place) write(body []byte, text string) ([]byte, string, bool) {
	pointer, value := p.pointer, string(quote(text))
	if list, rest, ok := strings.Cut(p.pointer, "/-/"); ok { // a new element of a list
		n, isList := elements(body, strings.TrimPrefix(list, "/"))
		if !isList {
			return nil, "", false
		}
		pointer = fmt.Sprintf("%s/%d/%s", list, n, rest)
		value = element(rest, value)
	} else if present(body, pointer) {
		return nil, "", false
	}
	out := append([]byte(nil), body...)
	var err error
	for _, member := range p.around {
		if present(out, "/"+strings.ReplaceAll(member[0], ".", "/")) {
			return nil, "", false
		}
		if out, err = sjson.SetRawBytes(out, member[0], []byte(member[1])); err != nil {
			return nil, "", false
		}
	}
	if out, err = sjson.SetRawBytes(out, p.path, []byte(value)); err != nil {
		return nil, "", false
	}
	return out, pointer, true
}

// element is a list's element that holds a string at the end of the path.
func element(path, value string) string {
	switch path {
	case "description":
		return `{"name":"context","description":` + value + `,"required":false}`
	case "resource/text":
		return `{"type":"resource","resource":{"uri":"file:///notes/readme.txt","mimeType":"text/plain","text":` + value + `}}`
	}
	return `{"type":"text","text":` + value + `}`
}

// elements counts the elements of a top-level list.
func elements(body []byte, member string) (int, bool) {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(body, &object) != nil || json.Unmarshal(object[member], &list) != nil {
		return 0, false
	}
	return len(list), true
}

// present reports whether there is a value at a pointer of members.
func present(body []byte, pointer string) bool {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return true // not for us to change
	}
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		object, ok := value.(map[string]any)
		if !ok {
			return false
		}
		if value, ok = object[name]; !ok {
			return false
		}
	}
	return true
}
