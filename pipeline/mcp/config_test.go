package mcp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aad6b6dc/taster/pipeline/mcp"
)

func TestClientConfigs(t *testing.T) {
	for name, test := range map[string]struct {
		data string
		want []mcp.Target
	}{
		"Claude Desktop": {
			`{"mcpServers":{"b":{"command":"npx","args":["-y","x"],"env":{"K":"v"}},"a":{"command":"a"}}}`,
			[]mcp.Target{{Name: "a", Command: "a"}, {Name: "b", Command: "npx", Args: []string{"-y", "x"}, Env: map[string]string{"K": "v"}}},
		},
		"VS Code": {
			"{\n// comment\n\"inputs\":[],\"servers\":{\"s\":{\"type\":\"http\",\"url\":\"https://x.test/mcp\",\"headers\":{\"A\":\"b\"}},}}",
			[]mcp.Target{{Name: "s", URL: "https://x.test/mcp", Headers: map[string]string{"A": "b"}}},
		},
		"VS Code settings": {
			`{"editor.fontSize":12,"mcp":{"inputs":[],"servers":{"s":{"command":"c"}}}}`,
			[]mcp.Target{{Name: "s", Command: "c"}},
		},
		"Windsurf": {
			`{"mcpServers":{"s":{"serverUrl":"https://x.test/sse","type":"sse","disabled":true}}}`,
			[]mcp.Target{{Name: "s", URL: "https://x.test/sse", SSE: true, Disabled: true}},
		},
		"opencode": {
			`{"mcp":{"s":{"type":"local","command":["bun","x"],"environment":{"K":"v"},"enabled":false}}}`,
			[]mcp.Target{{Name: "s", Command: "bun", Args: []string{"x"}, Env: map[string]string{"K": "v"}, Disabled: true}},
		},
		"Zed": {
			`{"context_servers":{"s":{"command":{"path":"p","args":["q"]}}}}`,
			[]mcp.Target{{Name: "s", Command: "p", Args: []string{"q"}}},
		},
		"Claude Code": {
			`{"mcpServers":{},"projects":{"/p":{"mcpServers":{"s":{"command":"c"}}},"/q":{}}}`,
			[]mcp.Target{{Name: "s", Command: "c"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mcp.ClientConfigs([]byte(test.data))
			if err != nil {
				t.Fatal(err)
			}
			opts := cmpopts.EquateEmpty()
			if diff := cmp.Diff(test.want, got, opts); diff != "" {
				t.Errorf("targets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClientConfigsFails(t *testing.T) {
	for name, test := range map[string]struct{ data, want string }{
		"nothing to start":  {`{"mcpServers":{"s":{}}}`, `"s" has neither`},
		"both":              {`{"mcpServers":{"s":{"command":"c","url":"https://x.test"}}}`, `"s" has both`},
		"no web address":    {`{"mcpServers":{"s":{"url":"file:///etc/passwd"}}}`, "not an http"},
		"not JSON":          {`mcpServers:`, "not an MCP client configuration"},
		"arguments no list": {`{"mcpServers":{"s":{"command":"c","args":"x"}}}`, `server "s"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := mcp.ClientConfigs([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	for _, data := range []string{`{"tools":[]}`, `[]`, `{"servers":["a"]}`, `{"mcp":"1.0"}`} {
		if _, err := mcp.ClientConfigs([]byte(data)); !errors.Is(err, mcp.ErrNotConfig) {
			t.Errorf("%s: error %v, want ErrNotConfig", data, err)
		}
	}
}

func TestExpand(t *testing.T) {
	target := mcp.Target{
		Name: "s", Command: "${env:BIN}", Args: []string{"--key=${KEY:-none}", "$HOME"},
		Env: map[string]string{"T": "${TOKEN}"},
	}
	lookup := func(m map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
	}
	got, err := target.Expand(lookup(map[string]string{"BIN": "node", "TOKEN": "t"}))
	if err != nil {
		t.Fatal(err)
	}
	if got.Command != "node" || got.Args[0] != "--key=none" || got.Args[1] != "$HOME" || got.Env["T"] != "t" {
		t.Errorf("expanded: %+v", got)
	}
	if target.Args[0] != "--key=${KEY:-none}" {
		t.Error("the original was changed")
	}
	if _, err := target.Expand(lookup(nil)); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Errorf("error %v for a variable that is not set", err)
	}
	target.Command = "${input:key}"
	if _, err := target.Expand(lookup(map[string]string{"TOKEN": ""})); err == nil || !strings.Contains(err.Error(), "asks for") {
		t.Errorf("error %v for an input", err)
	}
}

func TestStringHidesSecrets(t *testing.T) {
	target := mcp.Target{Name: "s", URL: "https://user:pass@x.test/mcp?key=secret#f"}
	if got := target.String(); got != "https://x.test/mcp" {
		t.Errorf("String() = %q", got)
	}
}

func FuzzClientConfigs(f *testing.F) {
	f.Add([]byte(`{"mcpServers":{"s":{"command":"c"}}}`))
	f.Add([]byte(`{"mcp":{"servers":{"s":{"url":"https://x"}}}, // c` + "\n}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		targets, err := mcp.ClientConfigs(data)
		for _, target := range targets {
			if err == nil && target.Validate() != nil {
				t.Errorf("an invalid target was returned: %+v", target)
			}
		}
	})
}
