package arguments

import (
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

// startsProcess is code, in many languages, that starts a process or evaluates a string.
var startsProcess = regexp.MustCompile(`__import__\s*\(|\bos\.(?:system|popen|exec[lv]\w*|spawn\w*)\s*\(|\bsubprocess\.\w+\s*\(|\bpty\.spawn|\bimportlib\.|` +
	`\bchild_process\b|\bprocess\.(?:env|binding|mainModule)\b|\bprocess\.mainModule|\brequire\(\s*['"](?:child_process|fs|net|https?)|` +
	`Runtime\.getRuntime\(\)|\bProcessBuilder\b|['"]\s*\.execute\(\)|\b(?:eval|exec|Function|system|passthru|shell_exec|popen|proc_open|pcntl_exec|getoutput)\s*\(\s*['"(\w]|` +
	`constructor\.constructor\s*\(|new\s+Function\s*\(|\.forName\s*\(|T\(java\.|java\.lang\.\w+|System\.Diagnostics\.Process|` +
	`\bio\.popen|\bos\.execute|%x[\[({]\w|\bKernel\.(?:system|exec|open)|\bIO\.popen|Process\.(?:Start|spawn)|` +
	`\\(?:immediate\s*\\)?write18|\\input\s*\{?\s*\||\\openout\b|%pipe%|<\?php|<\?=|<!--#exec|` +
	`!!python/(?:object|name|module)|!ruby/object|!!javax|\$\{jndi:|\$\{script:|__builtins__|__subclasses__|<script\b|\bjavascript:[a-z(]|\bon(?:error|load|click|mouseover)\s*=\s*['"]?\w+[(.]|document\.cookie|\bO:\d+:"[\w\\]+":\d+:\{|\brO0AB[\w+/]|\bSecurityRealm\b|jenkins\.model\.`)

// formula is a cell that starts a program or sends data away when the sheet is opened.
var formula = regexp.MustCompile(`(?i)^[=+\-@\t\r]+\s*(?:[\w\s.()]*\(?['"]?(?:cmd|msexcel|powershell|mshta|rundll32|regsvr32|dde)\S*\|\s*['"]|` +
	`[^|\n]{0,60}\|'[^'\n]*'!|(?:webservice|importxml|importdata|importhtml|importfeed|filterxml|call|register\.id|exec)\s*\(|` +
	`.*(?:hyperlink|image|importrange)\s*\(\s*"(?:https?:|\\\\)[^"]*"\s*&|.*\bconcat\w*\s*\(\s*"https?:)`)

// judgeProgram looks for code in a value that is not for code, and for settings that load some.
func judgeProgram(v *value) (*check.Rule, int, int) {
	if strings.ContainsRune("=+-@\t\r", rune(v.text[0])) {
		if m := formula.FindStringIndex(v.text); m != nil {
			return formulaInValue, 0, len(v.text)
		}
	}
	if r, start, end := judgeVariable(v); r != nil {
		return r, start, end
	}
	if m := serialised.FindStringIndex(v.text); m != nil && !quoted(v.text, m[0]) && v.role != prose {
		return codeInValue, m[0], len(v.text)
	}
	if strings.HasPrefix(v.text, "gAS") && v.role != prose && pickled(v.text) {
		return codeInValue, 0, len(v.text)
	}
	if v.role == code && !anyWord(v.name, evaluated) && !(anyWord(v.name, scripts) && v.toolWord(reads)) || !strings.ContainsAny(v.text, "(\\<!$_%") {
		return nil, 0, 0
	}
	for _, m := range startsProcess.FindAllStringIndex(v.text, 3) {
		if !quoted(v.text, m[0]) {
			return codeInValue, m[0], min(len(v.text), m[1]+80)
		}
	}
	return nil, 0, 0
}

// serialised is an object that starts a process when it is read.
var serialised = regexp.MustCompile(`!!python/(?:object|name|module)|!ruby/object|!!javax\.|^\s*rO0AB[\w+/]{8}|\bO:\d+:"[\w\\]+":\d+:\{`)

// scripts are parameters for a program within a query.
var scripts = wordSet(`script source inline painless`)

// pickled reports whether text is an encoded object of Python that starts a process when it is read.
func pickled(text string) bool {
	raw, err := base64.StdEncoding.DecodeString(text[:len(text)&^3])
	return err == nil && callsOut.Match(raw)
}

// callsOut is a function that a pickled object calls.
var callsOut = regexp.MustCompile(`(?:posix|nt|os|subprocess|builtins|__builtin__|pty|runpy)[^a-z]{1,8}(?:system|popen|Popen|exec|eval|call|check_output|run|spawn|getattr)`)

// evaluated are parameters for expressions that compute, not programs.
var evaluated = wordSet(`expression expr formula`)

// quoted reports whether text puts position i into backticks: it shows code.
func quoted(text string, i int) bool { return strings.Count(text[:i], "`")%2 == 1 }

// loaders are settings that name something to run or load, with what their value must have for that.
var loaders = []struct {
	name  string
	value *regexp.Regexp
}{
	{"ld_preload", anything}, {"ld_audit", anything}, {"dyld_insert_libraries", anything}, {"bash_env", anything}, {"prompt_command", anything},
	{"pythonstartup", anything}, {"pythonbreakpoint", anything}, {"git_askpass", ownProgram}, {"ssh_askpass", ownProgram}, {"sudo_askpass", ownProgram},
	{"node_options", regexp.MustCompile(`(?:--(?:require|import|loader|experimental-loader)|-r)[=\s]`)},
	{"perl5opt", anything}, {"rubyopt", anything}, {"perl5db", anything},
	{"java_tool_options", agent}, {"_java_options", agent}, {"maven_opts", agent}, {"gradle_opts", agent}, {"jdk_java_options", agent},
	{"git_ssh_command", shellish}, {"git_ssh", shellish}, {"git_proxy_command", anything}, {"git_external_diff", anything},
	{"git_editor", shellish}, {"git_pager", shellish}, {"pager", shellish}, {"editor", shellish}, {"visual", shellish}, {"browser", shellish},
	{"manpager", shellish}, {"lessopen", anything}, {"lessclose", anything},
	{"proxycommand", shellish}, {"localcommand", anything}, {"remotecommand", shellish}, {"knownhostscommand", anything},
	{"core.sshcommand", shellish}, {"core.pager", shellish}, {"core.editor", shellish}, {"core.hookspath", anything}, {"core.fsmonitor", ownProgram},
	{"diff.external", anything}, {"credential.helper", shellish}, {"gpg.program", ownProgram},
	{"preinstall", shellish}, {"postinstall", shellish},
}

var (
	anything   = regexp.MustCompile(`\S`)
	shellish   = regexp.MustCompile("[;|&`<>!]|\\$\\(|-c\\s+['\"]|/dev/|/tmp/|\\bcurl\\b|\\bwget\\b")
	ownProgram = regexp.MustCompile(`^(?:\.{1,2}/|/tmp/|/dev/shm/|/var/tmp/|.*/\.[^/]+/|.*[;|&$])`)
	agent      = regexp.MustCompile(`-(?:javaagent|agentpath|agentlib|Xbootclasspath)|-XX:OnError`)
)

func judgeVariable(v *value) (*check.Rule, int, int) {
	if m := assigned.FindStringIndex(v.text); m != nil {
		return commandVariable, 0, len(v.text)
	}
	for _, l := range loaders {
		if v.name == l.name && l.value.MatchString(v.text) {
			return commandVariable, 0, len(v.text)
		}
	}
	return nil, 0, 0
}

// assigned is such a setting in an assignment.
var assigned = regexp.MustCompile(`^(?:export\s+)?(?:LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES|BASH_ENV|PROMPT_COMMAND|PYTHONSTARTUP|PERL5OPT|RUBYOPT|GIT_EXTERNAL_DIFF|GIT_PROXY_COMMAND|NODE_OPTIONS=['"]?--(?:require|import|loader)|JAVA_TOOL_OPTIONS=['"]?-(?:javaagent|agent))=?\S`)

// judgeKey looks at a member's name.
func judgeKey(e *check.Event, i int) {
	operatorKey(e, i)
}
