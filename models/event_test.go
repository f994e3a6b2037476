package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func validEvent() Event {
	return Event{Server: "weather", Kind: KindTool, Body: json.RawMessage(`{"name":"forecast"}`)}
}

// wantField checks that err is about the field, or nil if field is empty.
func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var got string
	var e *FieldError
	if errors.As(err, &e) {
		got = e.Field
	}
	if got != field || (err == nil) != (field == "") {
		t.Errorf("error %v is about %q, want %q", err, got, field)
	}
}

func TestEventValidate(t *testing.T) {
	long := strings.Repeat("x", MaxNameBytes+1)
	oversize := &Oversize{RawDigest: Digest(nil), Bytes: 1}
	tests := []struct {
		name   string
		change func(*Event)
		field  string
	}{
		{"valid", func(*Event) {}, ""},
		{"oversize", func(e *Event) { e.Body, e.Oversize = nil, oversize }, ""},
		{"largest body", func(e *Event) { e.Body = []byte(`"` + strings.Repeat("a", MaxEventBytes-2) + `"`) }, ""},
		{"longest name", func(e *Event) { e.Object = long[1:] }, ""},
		{"id", func(e *Event) { e.ID = long }, "id"},
		{"tenant", func(e *Event) { e.Tenant = long }, "tenant"},
		{"server", func(e *Event) { e.Server = long }, "server"},
		{"no server", func(e *Event) { e.Server = "" }, "server"},
		{"object", func(e *Event) { e.Object = long }, "object"},
		{"session", func(e *Event) { e.Session = long }, "session"},
		{"catalogue", func(e *Event) { e.Catalogue = long }, "catalogue"},
		{"pin", func(e *Event) { e.Pin = long }, "pin"},
		{"kind", func(e *Event) { e.Kind = "tol" }, "kind"},
		{"direction", func(e *Event) { e.Direction = "up" }, "direction"},
		{"no body", func(e *Event) { e.Body = nil }, "body"},
		{"white space", func(e *Event) { e.Body = []byte(" \n") }, "body"},
		{"not JSON", func(e *Event) { e.Body = []byte("{") }, "body"},
		{"too large", func(e *Event) { e.Body = make([]byte, MaxEventBytes+1) }, "body"},
		{"body and oversize", func(e *Event) { e.Oversize = oversize }, "oversize"},
		{"oversize digest", func(e *Event) { e.Body, e.Oversize = nil, &Oversize{RawDigest: "sha256:aa", Bytes: 1} }, "oversize.raw_digest"},
		{"oversize length", func(e *Event) { e.Body, e.Oversize = nil, &Oversize{RawDigest: Digest(nil)} }, "oversize.bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := validEvent()
			tt.change(&e)
			wantField(t, e.Validate(), tt.field)
		})
	}
}

func TestFrameValidate(t *testing.T) {
	long := strings.Repeat("x", MaxNameBytes+1)
	tests := []struct {
		name   string
		change func(*Frame)
		field  string
	}{
		{"valid", func(*Frame) {}, ""},
		{"id", func(f *Frame) { f.ID = long }, "id"},
		{"tenant", func(f *Frame) { f.Tenant = long }, "tenant"},
		{"server", func(f *Frame) { f.Server = "" }, "server"},
		{"session", func(f *Frame) { f.Session = long }, "session"},
		{"method", func(f *Frame) { f.Method = long }, "method"},
		{"object", func(f *Frame) { f.Object = long }, "object"},
		{"direction", func(f *Frame) { f.Direction = "up" }, "direction"},
		{"empty", func(f *Frame) { f.Data = nil }, "data"},
		{"too large", func(f *Frame) { f.Data = make([]byte, MaxFrameBytes+1) }, "data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Frame{Server: "weather", Data: []byte(`{}`)}
			tt.change(&f)
			wantField(t, f.Validate(), tt.field)
		})
	}
}

func TestEventNormalise(t *testing.T) {
	tests := []struct {
		name, body    string
		kind          Kind
		object        string // given
		want          string
		wantDirection Direction
	}{
		{"tool", `{"name":"a"}`, KindTool, "", "a", ServerToClient},
		{"given name stays", `{"name":"a"}`, KindTool, "b", "b", ServerToClient},
		{"last of two names", `{"name":"a","name":"b"}`, KindTool, "", "b", ServerToClient},
		{"resource by URI", `{"name":"a","uri":"f://x"}`, KindResource, "", "f://x", ServerToClient},
		{"resource by template", `{"name":"a","uriTemplate":"f://{x}"}`, KindResource, "", "f://{x}", ServerToClient},
		{"resource by name", `{"name":"a"}`, KindResource, "", "a", ServerToClient},
		{"notification", `{"name":"a","method":"notifications/message"}`, KindNotification, "", "notifications/message", ServerToClient},
		{"call", `{"name":"a"}`, KindToolCall, "", "a", ClientToServer},
		{"user prompt", `{"role":"user"}`, KindUserPrompt, "", "", ClientToServer},
		{"name of another type", `{"name":1}`, KindTool, "", "", ServerToClient},
		{"not an object", `"name"`, KindTool, "", "", ServerToClient},
		{"long name", `{"name":"` + strings.Repeat("é", 600) + `"}`, KindTool, "", strings.Repeat("é", 512), ServerToClient},
		{"oversize", ``, KindTool, "", "", ServerToClient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Event{Server: "s", Kind: tt.kind, Object: tt.object, Body: json.RawMessage(tt.body)}
			e.Normalise()
			if e.Object != tt.want || e.Direction != tt.wantDirection || e.Tenant != DefaultTenant {
				t.Errorf("object %q, direction %q, tenant %q", e.Object, e.Direction, e.Tenant)
			}
		})
	}
	e := Event{Kind: KindTool, Tenant: "acme", Direction: ClientToServer}
	if e.Normalise(); e.Tenant != "acme" || e.Direction != ClientToServer {
		t.Errorf("what was given is gone: %+v", e)
	}
}

func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		s     string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aé", 2, "a"}, {"é", 1, ""}, {"", 0, ""}} {
		if got := Truncate(tt.s, tt.limit); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.s, tt.limit, got, tt.want)
		}
	}
}

func TestDigest(t *testing.T) {
	// SHA-256 of "abc", from FIPS 180-4.
	const abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := Digest([]byte("a"), []byte("bc")); got != abc {
		t.Errorf("Digest(a, bc) = %s", got)
	}
	for s, want := range map[string]bool{abc: true, "": false, abc[7:]: false, abc[:70]: false, abc + "0": false, strings.Replace(abc, "ba", "xx", 1): false} {
		if got := ValidDigest(s); got != want {
			t.Errorf("ValidDigest(%q) = %v", s, got)
		}
	}
	e := Event{Body: []byte("abc")}
	if e.RawDigest() != abc {
		t.Error("an event's raw digest is not that of its body")
	}
	if e := (Event{Oversize: &Oversize{RawDigest: abc}}); e.RawDigest() != abc {
		t.Error("an oversize event's raw digest is not the one it states")
	}
}

func TestHashTellsPartsApart(t *testing.T) {
	seen := map[string][]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"abc"}, {"ab", "c"}, {"a", "bc"}, {"1:a"}, {"a", ""}, {"", "a"}} {
		h := Hash(parts...)
		if len(h) != 32 {
			t.Errorf("Hash(%q) = %q", parts, h)
		}
		if other, dup := seen[h]; dup {
			t.Errorf("Hash(%q) = Hash(%q)", parts, other)
		}
		seen[h] = parts
	}
}

func TestCatalogueDigest(t *testing.T) {
	a := CatalogueObject{Server: "s", Kind: KindTool, Name: "a", Body: []byte(`{"name":"a"}`)}
	changed := map[string]func(*CatalogueObject){
		"server": func(o *CatalogueObject) { o.Server = "t" },
		"kind":   func(o *CatalogueObject) { o.Kind = KindPrompt },
		"body":   func(o *CatalogueObject) { o.Body = []byte(`{"name": "a"}`) },
	}
	first := NewCatalogue([]CatalogueObject{a})
	if again := NewCatalogue([]CatalogueObject{a}); again.Digest != first.Digest || !ValidDigest(first.Digest) {
		t.Errorf("digests %s and %s", first.Digest, again.Digest)
	}
	for name, change := range changed {
		b := a
		change(&b)
		if NewCatalogue([]CatalogueObject{b}).Digest == first.Digest {
			t.Errorf("another %s, the same digest", name)
		}
	}
	if NewCatalogue([]CatalogueObject{a, a}).Digest == first.Digest {
		t.Error("another entry, the same digest")
	}
}

func TestKinds(t *testing.T) {
	definitions := map[Kind]bool{KindTool: true, KindPrompt: true, KindResource: true, KindInstructions: true, KindAgentCard: true}
	if n := len(Kinds()); n != 11 {
		t.Errorf("%d kinds", n)
	}
	for _, k := range Kinds() {
		if !k.Valid() || k.Definition() != definitions[k] {
			t.Errorf("%s: valid %v, definition %v", k, k.Valid(), k.Definition())
		}
	}
	if k := Kind("Tool"); k.Valid() || k.Definition() {
		t.Error("Tool is a kind")
	}
}

func TestEventJSON(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"verbatim", `{"a" : "<&>", "a":1}`, `{"server":"weather","kind":"tool","body":{"a" : "<&>", "a":1}}`},
		{"line break", "{\n}", `{"server":"weather","kind":"tool","body_base64":"ewp9"}`},
		{"white space around", "{} ", `{"server":"weather","kind":"tool","body_base64":"e30g"}`},
		{"not UTF-8", "\"\xff\"", `{"server":"weather","kind":"tool","body_base64":"Iv8i"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := validEvent()
			e.Body = []byte(tt.body)
			got, err := e.AppendJSON([]byte("> "))
			if err != nil || string(got) != "> "+tt.want {
				t.Fatalf("AppendJSON = %s, %v, want %s", got, err, tt.want)
			}
			back, err := ParseEvent([]byte(tt.want))
			if err != nil || string(back.Body) != tt.body {
				t.Errorf("ParseEvent = %q, %v", back.Body, err)
			}
		})
	}
	if _, err := (&Event{Kind: KindTool}).AppendJSON(nil); err == nil {
		t.Error("an invalid event was written")
	}
}

// Bodies as JSON text of any sort must come back byte for byte.
func TestEventJSONKeepsBodies(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"[", "{}", "1", "1.0e+5", `"<&>"`, `"\u003c\/"`, "\"\u2028é\"", "\"\xff\"", `"\ud800"`, "null", " ", "\t", "\r\n", ",", "]", `{"a":1,"a":2}`, `{"A" :[]}`,
	})
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces"), ""))
		if !json.Valid(body) {
			return
		}
		kept++
		e := validEvent()
		e.Body = body
		data, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(data) || bytes.ContainsAny(data, "\r\n") {
			t.Fatalf("not one line of JSON: %q", data)
		}
		got, err := ParseEvent(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
	if kept == 0 {
		t.Error("no body was valid JSON")
	}
}

func TestKindGroup(t *testing.T) {
	want := map[Kind]Group{KindUserPrompt: GroupPrompts, KindToolCall: GroupCalls, KindToolResult: GroupData, KindSampling: GroupData, KindElicitation: GroupData, KindNotification: GroupData}
	for _, k := range Kinds() {
		g, ok := want[k]
		if !ok {
			g = GroupDefinitions
		}
		if k.Group() != g || k.Definition() != (g == GroupDefinitions) {
			t.Errorf("%s is of %s", k, k.Group())
		}
	}
}
