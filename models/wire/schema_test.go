package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compile(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:test", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemas(t *testing.T) {
	events, verdicts := compile(t, EventSchema), compile(t, VerdictSchema)
	var event, odd, oversize []byte
	for target, e := range map[*[]byte]models.Event{
		&event:    toolEvent(),
		&odd:      {Server: "s", Kind: models.KindTool, Body: []byte("{\n}")},
		&oversize: oversizeEvent(),
	} {
		data, err := MarshalEvent(&e)
		if err != nil {
			t.Fatal(err)
		}
		*target = data
	}
	full, clear := fullVerdict(), clearVerdict()
	fullMessage, err := EncodeVerdict(&full)
	if err != nil {
		t.Fatal(err)
	}
	clearMessage, err := EncodeVerdict(&clear)
	if err != nil {
		t.Fatal(err)
	}
	changes := compile(t, SignedChangeSchema)
	add, remove := addition(), removal()
	addMessage, err := EncodeSignedChange(&add)
	if err != nil {
		t.Fatal(err)
	}
	removeMessage, err := EncodeSignedChange(&remove)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		schema *jsonschema.Schema
		data   string
		valid  bool
	}{
		{"event", events, string(event), true},
		{"event with base64", events, string(odd), true},
		{"oversize event", events, string(oversize), true},
		{"event with a new field", events, `{"server":"s","kind":"tool","body":{},"later":1}`, true},
		{"event without a body", events, `{"server":"s","kind":"tool"}`, false},
		{"event with two bodies", events, `{"server":"s","kind":"tool","body":{},"body_base64":"e30="}`, false},
		{"event of no kind", events, `{"server":"s","kind":"tol","body":{}}`, false},
		{"verdict", verdicts, string(fullMessage.Data), true},
		{"clear verdict", verdicts, string(clearMessage.Data), true},
		{"verdict of the next schema", verdicts, strings.Replace(string(fullMessage.Data), `"1.0.0"`, `"2.0.0"`, 1), false},
		{"addition", changes, string(addMessage.Data), true},
		{"removal", changes, string(removeMessage.Data), true},
		{"unsigned", changes, strings.Replace(string(removeMessage.Data), `"signature"`, `"signed"`, 1), false},
		{"change of nothing", changes, strings.Replace(string(removeMessage.Data), `"remove"`, `"removed"`, 1), false},
		{"key of a user", changes, strings.Replace(string(removeMessage.Data), `"key":"A`, `"key":"U`, 1), false},
		{"verdict without a decision", verdicts, strings.Replace(string(fullMessage.Data), `"decision"`, `"decided"`, 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.schema.Validate(v); (err == nil) != tt.valid {
				t.Errorf("valid = %v, want %v: %v", err == nil, tt.valid, err)
			}
		})
	}
}

// schemaNode is as much of a JSON Schema as the comparison with the Go types needs.
type schemaNode struct {
	Ref        string                `json:"$ref"`
	Properties map[string]schemaNode `json:"properties"`
	Items      *schemaNode           `json:"items"`
	Required   []string              `json:"required"`
	Defs       map[string]schemaNode `json:"$defs"`
	Enum       []string              `json:"enum"`
}

func parseSchema(t *testing.T, schema []byte) schemaNode {
	t.Helper()
	var root schemaNode
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestSchemasHaveTheFieldsOfTheTypes(t *testing.T) {
	for _, tt := range []struct {
		schema []byte
		typ    reflect.Type
		least  int
	}{
		{EventSchema, reflect.TypeFor[models.EventJSON](), 2},
		{VerdictSchema, reflect.TypeFor[models.Verdict](), 9},
		{SignedChangeSchema, reflect.TypeFor[signedChangeSchema](), 3},
	} {
		root := parseSchema(t, tt.schema)
		if n := compareFields(t, root, root, tt.typ, tt.typ.Name()); n < tt.least {
			t.Errorf("%s: compared %d objects, want at least %d", tt.typ, n, tt.least)
		}
	}
}

// signedChangeSchema is the form of a signed change with the change taken apart.
type signedChangeSchema struct {
	SchemaVersion string                 `json:"schema_version"`
	Change        models.IndicatorChange `json:"change"`
	Key           string                 `json:"key"`
	Signature     string                 `json:"signature"`
}

// compareFields compares one object and those below it, and returns how many it compared.
func compareFields(t *testing.T, root, node schemaNode, typ reflect.Type, path string) int {
	t.Helper()
	for {
		if name, ok := strings.CutPrefix(node.Ref, "#/$defs/"); ok {
			node = root.Defs[name]
			continue
		}
		if (typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer) && typ != reflect.TypeFor[json.RawMessage]() {
			typ = typ.Elem()
			if node.Items != nil {
				node = *node.Items
			}
			continue
		}
		break
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
		return 0
	}
	fields := map[string]reflect.StructField{}
	var required []string
	for _, f := range reflect.VisibleFields(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" {
			continue
		}
		if name == "" {
			t.Errorf("%s.%s has no JSON name", path, f.Name)
		}
		fields[name] = f
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(node.Properties))); diff != "" {
		t.Errorf("%s: fields (-Go +schema):\n%s", path, diff)
	}
	slices.Sort(required)
	slices.Sort(node.Required)
	if diff := cmp.Diff(required, node.Required); diff != "" {
		t.Errorf("%s: always present (-Go +schema):\n%s", path, diff)
	}
	compared := 1
	for name, f := range fields {
		compared += compareFields(t, root, node.Properties[name], f.Type, path+"."+name)
	}
	return compared
}

func TestSchemasHaveTheEnumsOfTheTypes(t *testing.T) {
	event, verdict := parseSchema(t, EventSchema), parseSchema(t, VerdictSchema)
	subject := verdict.Defs["subject"].Properties
	for _, tt := range []struct {
		name string
		got  []string
		want []string
	}{
		{"label", parseSchema(t, SignedChangeSchema).Defs["indicator"].Properties["label"].Enum, words([]models.Label{models.Malicious, models.Benign})},
		{"event kind", event.Properties["kind"].Enum, words(models.Kinds())},
		{"verdict kind", subject["kind"].Enum, words(models.Kinds())},
		{"decision", verdict.Properties["decision"].Enum, words(models.Decisions())},
		{"severity", verdict.Defs["severity"].Enum, words(models.Severities())},
		{"direction", event.Properties["direction"].Enum, words([]models.Direction{models.ServerToClient, models.ClientToServer})},
		{"pin", subject["pin"].Enum, words([]models.PinState{models.PinMatch, models.PinMismatch, models.Unpinned})},
		{"mode", verdict.Properties["mode"].Enum, words([]models.Mode{models.Observe, models.Enforce})},
		{"view", verdict.Defs["span"].Properties["view"].Enum, words([]models.ViewKind{models.ViewRaw, models.ViewNormalised, models.ViewDecoded})},
		{"status", verdict.Defs["detector_report"].Properties["status"].Enum, words([]models.Status{models.StatusFound, models.StatusClean, models.StatusNotInspected})},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-Go +schema):\n%s", tt.name, diff)
		}
	}
}

func words[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v)
	}
	return out
}
