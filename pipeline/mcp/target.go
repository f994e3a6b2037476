package mcp

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Target is one server as a client configures it: a command to start, or an address.
type Target struct {
	// Name is what the configuration calls the server, never what the server says of itself. Required.
	Name string
	// Command starts the server as a child that speaks over stdio. Exactly one of Command and URL is set.
	Command string
	Args    []string
	// Env is added to the little that a child always gets (see [BaseEnv]).
	Env map[string]string
	Dir string // working directory; empty means the caller's
	// URL is the endpoint of a server that speaks streamable HTTP, or the older SSE transport if SSE is set.
	URL     string
	Headers map[string]string
	SSE     bool
	// Disabled is set for a server that its configuration switches off.
	Disabled bool
}

// Runs reports whether listing the target starts a program on this machine.
func (t *Target) Runs() bool { return t.Command != "" }

// String is the command line or the address, without environment and headers, since these hold secrets.
func (t *Target) String() string {
	if t.Runs() {
		return strings.Join(append([]string{t.Command}, t.Args...), " ")
	}
	if u, err := url.Parse(t.URL); err == nil {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return u.String()
	}
	return "unreadable address"
}

// Validate reports the first thing that keeps the target from being listed.
func (t *Target) Validate() error {
	switch {
	case t.Name == "":
		return fmt.Errorf("server has no name")
	case t.Runs() && t.URL != "":
		return fmt.Errorf("server %q has both a command and an address", t.Name)
	case t.Runs():
		return nil
	case t.URL == "":
		return fmt.Errorf("server %q has neither a command nor an address", t.Name)
	}
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("server %q: its address is not an http or https URL", t.Name)
	}
	return nil
}

// reference matches ${NAME}, ${NAME:-default}, ${env:NAME} and ${input:NAME} as clients write them.
var reference = regexp.MustCompile(`\$\{(?:(env|input):)?([A-Za-z_][A-Za-z0-9_-]*)(?::-([^}]*))?\}`)

// Expand replaces references to variables in command, arguments, environment, address and headers by what lookup
// says, as clients do. It fails for a variable that is not set and for one that a client would ask its user for.
func (t Target) Expand(lookup func(name string) (string, bool)) (Target, error) {
	var failed error
	expand := func(s string) string {
		return reference.ReplaceAllStringFunc(s, func(ref string) string {
			m := reference.FindStringSubmatch(ref)
			source, name, fallback := m[1], m[2], m[3]
			value, ok := lookup(name)
			switch {
			case source == "input":
				failed = fmt.Errorf("server %q: %s is something its client asks for", t.Name, ref)
			case ok:
				return value
			case !strings.Contains(ref, ":-"):
				failed = fmt.Errorf("server %q: variable %q is not set", t.Name, name)
			}
			return fallback
		})
	}
	expandAll := func(m map[string]string) map[string]string {
		out := make(map[string]string, len(m))
		for k, v := range m {
			out[k] = expand(v)
		}
		return out
	}
	t.Command, t.URL, t.Dir = expand(t.Command), expand(t.URL), expand(t.Dir)
	t.Args = slices.Clone(t.Args)
	for i, a := range t.Args {
		t.Args[i] = expand(a)
	}
	t.Env, t.Headers = expandAll(t.Env), expandAll(t.Headers)
	return t, failed
}

// inherited is what the official TypeScript SDK hands to a stdio server (DEFAULT_INHERITED_ENV_VARS in
// client/stdio.ts), with the variable for temporary files.
var inherited = map[bool][]string{
	false: {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"},
	true: {"APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATH", "PROCESSOR_ARCHITECTURE", "SYSTEMDRIVE",
		"SYSTEMROOT", "TEMP", "USERNAME", "USERPROFILE"},
}

// BaseEnv is the part of this process's environment that every stdio server gets, as NAME=value.
func BaseEnv() []string {
	var env []string
	for _, name := range inherited[runtime.GOOS == "windows"] {
		// A value that starts with "()" is a shell function, not a value.
		if v, ok := os.LookupEnv(name); ok && !strings.HasPrefix(v, "()") {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (t *Target) environ() []string {
	env := BaseEnv()
	for k, v := range t.Env {
		env = append(env, k+"="+v)
	}
	return env
}
