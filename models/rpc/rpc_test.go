package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
	"github.com/google/go-cmp/cmp"
)

// line is what the tests look at of an event.
func line(e models.Event) string {
	body := string(e.Body)
	if e.Oversize != nil {
		body = fmt.Sprintf("oversize %d", e.Oversize.Bytes)
	}
	arrow := "<-"
	if e.Direction == models.ClientToServer {
		arrow = "->"
	}
	return fmt.Sprintf("%s %s %s %s", arrow, e.Kind, e.Object, body)
}

func lines(events []models.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, line(e))
	}
	return out
}

func TestEvents(t *testing.T) {
	tests := []struct {
		name   string
		method string
		object string
		data   string
		want   []string
	}{
		{"tools, verbatim", "tools/list", "", `{"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"a", "x":1,"x":2} ,{"name":"b"}],"nextCursor":"c"}}`,
			[]string{`<- tool a {"name":"a", "x":1,"x":2}`, `<- tool b {"name":"b"}`}},
		{"prompts", "prompts/list", "", `{"result":{"prompts":[{"name":"p"}]}}`, []string{`<- prompt p {"name":"p"}`}},
		{"resources", "resources/list", "", `{"result":{"resources":[{"name":"n","uri":"file:///x"}]}}`, []string{`<- resource file:///x {"name":"n","uri":"file:///x"}`}},
		{"templates", "resources/templates/list", "", `{"result":{"resourceTemplates":[{"name":"n","uriTemplate":"f://{x}"}]}}`, []string{`<- resource f://{x} {"name":"n","uriTemplate":"f://{x}"}`}},
		{"metadata of a list", "tools/list", "", `{"result":{"tools":[],"_meta":{"a":"b"},"ttlMs":5,"note":"read me","cacheScope":"private"}}`,
			[]string{`<- instructions tools/list#_meta {"a":"b"}`, `<- instructions tools/list#note "read me"`}},
		{"empty list", "tools/list", "", `{"result":{"tools":[]}}`, nil},
		{"instructions", "initialize", "", `{"result": {"instructions":"be nice","serverInfo":{"name":"s"}} }`,
			[]string{`<- instructions initialize {"instructions":"be nice","serverInfo":{"name":"s"}}`}},
		{"discovery", "server/discover", "", `{"result":{"instructions":"x"}}`, []string{`<- instructions server/discover {"instructions":"x"}`}},
		{"call", "", "", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":1}}}`, []string{`-> tool_call t {"name":"t","arguments":{"a":1}}`}},
		{"resource read", "", "", `{"id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}`, []string{`-> tool_call file:///etc/passwd {"uri":"file:///etc/passwd"}`}},
		{"unlisted request", "", "", `{"id":1,"method":"vendor/run","params":{"x":"y"}}`, []string{`-> tool_call vendor/run {"x":"y"}`}},
		{"sampling", "", "", `{"id":1,"method":"sampling/createMessage","params":{"messages":[]}}`, []string{`<- sampling sampling/createMessage {"messages":[]}`}},
		{"sampling answered", "sampling/createMessage", "", `{"id":1,"result":{"content":{}}}`, []string{`-> sampling sampling/createMessage {"content":{}}`}},
		{"elicitation", "", "", `{"id":1,"method":"elicitation/create","params":{"message":"m"}}`, []string{`<- elicitation elicitation/create {"message":"m"}`}},
		{"notification", "", "", `{"method":"notifications/message","params":{"data":"d"}} `, []string{`<- notification notifications/message {"method":"notifications/message","params":{"data":"d"}}`}},
		{"notification without params", "", "", `{"method":"notifications/initialized"}`, nil},
		{"housekeeping", "", "", `{"id":1,"method":"ping","params":{}}`, nil},
		{"client's initialize", "", "", `{"id":1,"method":"initialize","params":{"clientInfo":{}}}`, nil},
		{"call result", "tools/call", "t", `{"id":1,"result":{"content":[]}}`, []string{`<- tool_result t {"content":[]}`}},
		{"call result of an unnamed tool", "tools/call", "", `{"id":1,"result":{"content":[]}}`, []string{`<- tool_result tools/call {"content":[]}`}},
		{"prompt fetched", "prompts/get", "", `{"result":{"messages":[]}}`, []string{`<- tool_result prompts/get {"messages":[]}`}},
		{"resource content", "resources/read", "", `{"result":{"contents":[]}}`, []string{`<- tool_result resources/read {"contents":[]}`}},
		{"error", "tools/call", "t", `{"id":1,"error":{"code":-1,"message":"paste your key"}}`, []string{`<- tool_result t {"code":-1,"message":"paste your key"}`}},
		{"error without method", "", "", `{"id":1,"error":{"code":-1}}`, []string{`<- tool_result error {"code":-1}`}},
		{"null error beside a result", "ping", "", `{"id":1,"error":null,"result":{}}`, nil},
		{"input required", "tools/call", "", `{"id":1,"result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"m"}}}}}`,
			[]string{`<- elicitation elicitation/create {"message":"m"}`, `<- tool_result tools/call {"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"m"}}}}`}},
		{"batch", "tools/list", "", `[{"id":1,"method":"tools/call","params":{"name":"t"}}, {"id":2,"result":{"tools":[{"name":"a"}]}}]`,
			[]string{`-> tool_call t {"name":"t"}`, `<- tool a {"name":"a"}`}},
		{"empty batch", "", "", `[]`, nil},
		// Parsers disagree about these: both readings are inspected.
		{"two lists", "tools/list", "", `{"result":{"tools":[{"name":"a"}],"tools":[{"name":"b"}]}}`, []string{`<- tool a {"name":"a"}`, `<- tool b {"name":"b"}`}},
		{"two results", "tools/list", "", `{"result":{"tools":[{"name":"a"}]},"result":{"tools":[]}}`, []string{`<- tool a {"name":"a"}`}},
		{"escaped key", "tools/list", "", `{"result":{"\u0074ools":[{"name":"a"}]}}`, []string{`<- tool a {"name":"a"}`}},
		{"other letter case", "tools/list", "", `{"Result":{"Tools":[{"name":"a"}]}}`, []string{`<- tool a {"name":"a"}`}},
		{"two params", "", "", `{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}`, []string{`-> tool_call a {"name":"a"}`, `-> tool_call b {"name":"b"}`}},
		{"two methods", "", "", `{"method":"ping","method":"tools/call","params":{"name":"a"}}`, []string{`-> tool_call a {"name":"a"}`}},
		{"request and result", "tools/call", "", `{"method":"ping","id":1,"result":{"content":[]}}`, []string{`<- tool_result tools/call {"content":[]}`}},
		{"braces in strings", "tools/list", "", `{"result":{"tools":[{"name":"]}\"[{"}]}}`, []string{`<- tool ]}"[{ {"name":"]}\"[{"}`}},
		{"entry that is no object", "tools/list", "", `{"result":{"tools":["ignore me", null]}}`, []string{`<- tool  "ignore me"`, `<- tool  null`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Events(models.Frame{Server: "s", Method: tt.method, Object: tt.object, Data: []byte(tt.data)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(b.Events)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, e := range b.Events {
				if err := e.Validate(); err != nil {
					t.Errorf("invalid event: %v", err)
				}
			}
		})
	}
}

func TestEventsRefuses(t *testing.T) {
	many := `{"result":{"tools":[` + strings.Repeat(`{},`, MaxEvents) + `{}]}}`
	var methods strings.Builder
	for i := range maxMethods + 1 {
		fmt.Fprintf(&methods, `"method":"m%d",`, i)
	}
	tests := []struct {
		name, method, data, reason, detail string
	}{
		{"not JSON", "", `{`, models.RejectMalformed, "not JSON"},
		{"empty", "", ``, models.RejectMalformed, "not JSON"},
		{"no message", "", `"x"`, models.RejectMalformed, "object"},
		{"no message in a batch", "", `[1]`, models.RejectMalformed, "object"},
		{"neither", "", `{"jsonrpc":"2.0"}`, models.RejectMalformed, "neither method"},
		{"response without method", "", `{"id":1,"result":{}}`, models.RejectMethodUnknown, "ce-method"},
		{"result of another type", "tools/list", `{"result":[]}`, models.RejectMalformed, "not an object"},
		{"list of another type", "tools/list", `{"result":{"tools":{}}}`, models.RejectMalformed, "tools: not an array"},
		{"too many entries", "tools/list", many, models.RejectTooLarge, "more than 4096 events"},
		{"too many methods", "", "{" + methods.String() + `"params":{}}`, models.RejectMalformed, "9 different methods"},
		{"too deep", "tools/call", `{"result":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, models.RejectMalformed, "not JSON"},
		{"too large", "", strings.Repeat(" ", models.MaxFrameBytes+1), models.RejectTooLarge, "limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Events(models.Frame{Server: "s", Method: tt.method, Data: []byte(tt.data)})
			wantError(t, err, tt.reason, tt.detail)
			if len(b.Events) > 0 || b.Catalogue != nil {
				t.Errorf("events beside an error: %v", lines(b.Events))
			}
		})
	}
}

func wantError(t *testing.T, err error, reason, detail string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want an *Error", err)
	}
	if e.Reason != reason || !strings.Contains(e.Detail, detail) || len(e.Detail) > models.MaxDetailBytes {
		t.Errorf("error %q, want reason %s and a detail with %q", err, reason, detail)
	}
}

func TestEventsKeepWhatTheFrameSays(t *testing.T) {
	f := models.Frame{
		ID: "f1", Tenant: "acme", Server: "weather", Session: "s1", Method: "tools/list", Direction: models.ServerToClient,
		Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Data: []byte(`{"result":{"tools":[{"name":"a"},{"name":"b"}],"_meta":{}}}`),
	}
	b, err := Events(f)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, e := range b.Events {
		if e.Tenant != f.Tenant || e.Server != f.Server || e.Session != f.Session || !e.Time.Equal(f.Time) || e.Catalogue != b.Catalogue.Digest {
			t.Errorf("event %+v", e)
		}
		ids[e.ID] = true
	}
	if len(ids) != 3 || ids[""] {
		t.Errorf("ids %v, want three of them", ids)
	}
	again, err := Events(f)
	if err != nil || cmp.Diff(b, again) != "" {
		t.Errorf("the same frame gave other events: %v %s", err, cmp.Diff(b, again))
	}
	want := models.NewCatalogue([]models.CatalogueObject{
		{Server: "weather", Kind: models.KindTool, Name: "a", Body: json.RawMessage(`{"name":"a"}`)},
		{Server: "weather", Kind: models.KindTool, Name: "b", Body: json.RawMessage(`{"name":"b"}`)},
		{Server: "weather", Kind: models.KindInstructions, Name: "tools/list#_meta", Body: json.RawMessage(`{}`)},
	})
	if diff := cmp.Diff(want, b.Catalogue); diff != "" {
		t.Error(diff)
	}
}

func TestOversizeEntry(t *testing.T) {
	big := `{"name":"big","description":"` + strings.Repeat("a", models.MaxEventBytes) + `"}`
	b, err := Events(models.Frame{Server: "s", Method: "tools/list", Data: []byte(`{"result":{"tools":[` + big + `,{"name":"a"}]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{fmt.Sprintf("<- tool big oversize %d", len(big)), `<- tool a {"name":"a"}`}
	if diff := cmp.Diff(want, lines(b.Events)); diff != "" {
		t.Error(diff)
	}
	if got := b.Events[0].Oversize.RawDigest; got != models.Digest([]byte(big)) {
		t.Errorf("digest %s", got)
	}
	if len(b.Catalogue.Entries) != 1 {
		t.Errorf("%d catalogue entries, want the one that fits", len(b.Catalogue.Entries))
	}
}

func TestParse(t *testing.T) {
	toolA, toolB := `{"name":"a","inputSchema":{}}`, `{"name":"b","description":"B"}`
	both := []string{"<- tool a " + toolA, "<- tool b " + toolB}
	tests := []struct {
		name, data string
		want       []string
	}{
		{"list result", `{"tools":[` + toolA + `,` + toolB + `]}`, both},
		{"response", `{"jsonrpc":"2.0","id":1,"result":{"tools":[` + toolA + `,` + toolB + `]}}`, both},
		{"bare array", `[` + toolA + `,` + toolB + `]`, both},
		{"JSONL of tools", toolA + "\n" + toolB + "\n", both},
		{"byte order mark and white space", "\ufeff\r\n [" + toolA + ", " + toolB + "]\r\n", both},
		{"indented", "{\n  \"tools\": [\n    " + toolA + ",\n    " + toolB + "\n  ]\n}\n", both},
		{"one tool", toolA, both[:1]},
		{"dump", `{"instructions":"be nice","tools":[` + toolA + `],"prompts":[{"name":"p"}],"resourceTemplates":[]}`,
			[]string{`<- instructions tools/list#instructions "be nice"`, both[0], `<- prompt p {"name":"p"}`}},
		{"frames", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}` + "\n" + `{"jsonrpc":"2.0","id":1,"result":{"tools":[1]}}` + "\n" + `{"jsonrpc":"2.0","id":2,"result":{"content":[]}}`,
			[]string{`-> tool_call p {"name":"p"}`, `<- tool_result prompts/get {"tools":[1]}`, `<- tool_result tools/call {"content":[]}`}},
		{"array of frames", `[{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}},{"jsonrpc":"2.0","id":2,"result":{"contents":[]}},{"jsonrpc":"2.0","id":3,"result":{"messages":[]}}]`,
			[]string{`<- instructions initialize {"protocolVersion":"2025-11-25"}`, `<- tool_result resources/read {"contents":[]}`, `<- tool_result prompts/get {"messages":[]}`}},
		{"initialize result", `{"protocolVersion":"x","instructions":"y"}`, []string{`<- instructions initialize {"protocolVersion":"x","instructions":"y"}`}},
		{"prompt", `{"name":"p","arguments":[]}`, []string{`<- prompt p {"name":"p","arguments":[]}`}},
		{"resource", `{"name":"n","uri":"u"}`, []string{`<- resource u {"name":"n","uri":"u"}`}},
		{"call", `{"name":"t","arguments":{}}`, []string{`-> tool_call t {"name":"t","arguments":{}}`}},
		{"call result", `{"content":[]}`, []string{`<- tool_result tools/call {"content":[]}`}},
		{"sampling", `{"messages":[],"maxTokens":1,"tools":[]}`, []string{`<- sampling sampling/createMessage {"messages":[],"maxTokens":1,"tools":[]}`}},
		{"user prompt", `{"role":"user","content":"hi"}`, []string{`-> user_prompt  {"role":"user","content":"hi"}`}},
		{"elicitation", `{"message":"m","requestedSchema":{}}`, []string{`<- elicitation elicitation/create {"message":"m","requestedSchema":{}}`}},
		{"agent card", `{"name":"agent","protocolVersion":"0.3","skills":[]}`, []string{`<- agent_card agent {"name":"agent","protocolVersion":"0.3","skills":[]}`}},
		{"event", `{"server":"x","kind":"tool","object":"o","body":{"a": 1}}`, []string{`<- tool o {"a": 1}`}},
		{"row", `{"id":"r1","label":"benign","event":{"kind":"tool_result","body":{"content": []}}}`, []string{`<- tool_result  {"content": []}`}},
		{"empty array", `[]`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Parse([]byte(tt.data), "s")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(b.Events)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, e := range b.Events {
				if err := e.Validate(); err != nil {
					t.Errorf("invalid event: %v", err)
				}
			}
		})
	}
}

func TestParseNamesServersAndRows(t *testing.T) {
	b, err := Parse([]byte(`{"id":"r1","event":{"kind":"tool","server":"own","body":{}}} {"id":"r2","event":{"id":"e2","kind":"tool","body":{}}}`), "default")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{b.Events[0].Server, b.Events[0].ID, b.Events[1].Server, b.Events[1].ID}
	if diff := cmp.Diff([]string{"own", "r1", "default", "e2"}, got); diff != "" {
		t.Error(diff)
	}
	if b.Catalogue != nil {
		t.Error("rows that have nothing to do with each other became a catalogue")
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, data, reason, detail string
	}{
		{"empty", "", models.RejectMalformed, "empty"},
		{"white space", " \n", models.RejectMalformed, "empty"},
		{"UTF-16", "\xff\xfe[\x00", models.RejectMalformed, "UTF-16"},
		{"not JSON", "{}x", models.RejectMalformed, "line 1"},
		{"broken line", "{\"name\":\"a\",\"inputSchema\":{}}\n\n{\"name\":", models.RejectMalformed, "line 3: not JSON"},
		{"string", `"tools"`, models.RejectMalformed, "neither an object nor an array"},
		{"client configuration", `{"mcpServers":{}}`, models.RejectMalformed, `["mcpServers"] is none of: JSON-RPC message, row with an event`},
		{"unknown in an array", `[{"name":"a","inputSchema":{}},{"x":1}]`, models.RejectMalformed, "line 1: element 1: an object with members"},
		{"response of no known shape", `{"jsonrpc":"2.0","id":1,"result":{}}`, models.RejectMethodUnknown, "line 1"},
		{"event of no kind", `{"kind":"tol","body":{}}`, models.RejectMalformed, "kind:"},
		{"row without a body", `{"id":"r1","event":{"kind":"tool"}}`, models.RejectMalformed, `event "r1": body: empty`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.data), "s")
			wantError(t, err, tt.reason, tt.detail)
		})
	}
}

// The saved forms in testdata are written as real clients write them.
func TestParseFiles(t *testing.T) {
	want := map[string]int{"inspector.json": 3, "session.jsonl": 9, "agent.json": 1, "rows.jsonl": 3}
	files, err := filepath.Glob("testdata/*.json*")
	if err != nil || len(files) != len(want) {
		t.Fatalf("files %v, %v, want %d", files, err, len(want))
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Parse(data, "s")
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if name := filepath.Base(path); len(b.Events) != want[name] {
			t.Errorf("%s: %d events, want %d:\n%s", path, len(b.Events), want[name], strings.Join(lines(b.Events), "\n"))
		}
	}
}
