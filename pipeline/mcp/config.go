package mcp

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// MaxConfigBytes is the largest client configuration that [ClientConfigs] reads.
const MaxConfigBytes = 8 << 20

// ErrNotConfig means that a document is not an MCP client configuration.
var ErrNotConfig = errors.New("not an MCP client configuration")

// ClientConfigs returns the servers that an MCP client's configuration names, by name. Comments and trailing commas
// are allowed. It knows the layouts of Claude Desktop, Claude Code, Cursor, Windsurf, Cline and Gemini CLI
// (mcpServers), VS Code (servers, and mcp.servers in its settings), opencode (mcp) and Zed (context_servers).
//
// References to variables stay as they are ([Target.Expand]). The error is [ErrNotConfig] if the document is nothing
// of that; a server that can't be listed is an error that names it.
func ClientConfigs(data []byte) ([]Target, error) {
	if len(data) > MaxConfigBytes {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrNotConfig, len(data), MaxConfigBytes)
	}
	plain, err := hujson.Standardize(slices.Clone(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConfig, err)
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal(plain, &doc) != nil {
		return nil, ErrNotConfig
	}
	groups := serverGroups(doc)
	if len(groups) == 0 {
		return nil, ErrNotConfig
	}
	var targets []Target
	for _, group := range groups {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			t, err := parseServer(name, group[name])
			if err != nil {
				return nil, err
			}
			targets = append(targets, t)
		}
	}
	return targets, nil
}

type group = map[string]json.RawMessage

// serverGroups finds every object that maps names to servers.
func serverGroups(doc map[string]json.RawMessage) []group {
	var groups []group
	add := func(raw json.RawMessage) {
		var g group
		if raw != nil && json.Unmarshal(raw, &g) == nil && isGroup(g) {
			groups = append(groups, g)
		}
	}
	for _, key := range []string{"mcpServers", "amp.mcpServers", "servers", "context_servers"} {
		add(doc[key])
	}
	var nested map[string]json.RawMessage
	if json.Unmarshal(doc["mcp"], &nested) == nil {
		if _, vscode := nested["servers"]; vscode {
			add(nested["servers"])
		} else {
			add(doc["mcp"])
		}
	}
	var projects map[string]map[string]json.RawMessage
	if json.Unmarshal(doc["projects"], &projects) == nil {
		for _, path := range slices.Sorted(maps.Keys(projects)) {
			add(projects[path]["mcpServers"])
		}
	}
	return groups
}

// isGroup reports whether every member is an object, which tells a server list from other settings of that name.
func isGroup(g group) bool {
	for _, raw := range g {
		if !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
			return false
		}
	}
	return true
}

// server is the union of what clients write for one server.
type server struct {
	Type        string            `json:"type"`
	Transport   string            `json:"transport"`
	Command     words             `json:"command"`
	Args        []string          `json:"args"`
	Env         map[string]string `json:"env"`
	Environment map[string]string `json:"environment"`
	Cwd         string            `json:"cwd"`
	URL         string            `json:"url"`
	ServerURL   string            `json:"serverUrl"`
	HTTPURL     string            `json:"httpUrl"`
	Headers     map[string]string `json:"headers"`
	Disabled    bool              `json:"disabled"`
	Enabled     *bool             `json:"enabled"`
}

// words is a command: a string, a list of words (opencode), or an object with path and args (older Zed).
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	var object struct {
		Path string   `json:"path"`
		Args []string `json:"args"`
	}
	if json.Unmarshal(data, &object) == nil && object.Path != "" {
		*w = append(words{object.Path}, object.Args...)
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

func parseServer(name string, raw json.RawMessage) (Target, error) {
	var s server
	if err := json.Unmarshal(raw, &s); err != nil {
		return Target{}, fmt.Errorf("reading server %q of the client configuration: %w", name, err)
	}
	t := Target{
		Name: name, Args: s.Args, Dir: s.Cwd, Headers: s.Headers,
		URL:      cmp.Or(s.HTTPURL, s.ServerURL, s.URL),
		SSE:      s.Type == "sse" || s.Transport == "sse",
		Disabled: s.Disabled || s.Enabled != nil && !*s.Enabled,
		Env:      s.Env,
	}
	if t.Env == nil {
		t.Env = s.Environment
	}
	if len(s.Command) > 0 {
		t.Command, t.Args = s.Command[0], append(slices.Clone(s.Command[1:]), s.Args...)
	}
	if err := t.Validate(); err != nil {
		return Target{}, fmt.Errorf("reading client configuration: %w", err)
	}
	return t, nil
}
