// Package directive reads a text for the parts that instructions to a model are made of: when to act, that one must,
// what to fetch, where to put it, who may not know. Each part on its own is everyday language; detectors judge which
// of them stand together.
//
// A [Lexicon] is safe for concurrent use.
package directive

import (
	"math/bits"
	"strings"
)

// Signal is one part of an instruction.
type Signal uint8

// The signals. Those that the lexicon lists under their name are word patterns; the rest are found by [Lexicon.Read]
// in the shape of the text.
const (
	When       Signal = iota // a moment in the model's work: "before using this tool"
	Scope                    // reaches past the tool: "for the rest of this session"
	Must                     // an obligation: "you must", "always"
	Fetch                    // an order to get hold of something: "read", "open"
	Place                    // an order to put something somewhere: "pass", "append"
	Send                     // an order to let something out: "forward", "upload"
	Secret                   // a key or credential that lies on the user's machine: "~/.ssh/id_rsa"
	Credential               // a credential by its kind: "API keys", "environment variables"
	Private                  // what the session or the user keeps to itself: "chat history", "API keys"
	Param                    // a parameter as the place where something goes: "as 'note'"
	Reply                    // the answer as the place where something goes
	Address                  // an address out of the machine: URL, e-mail, telephone number, "our server"
	DropFile                 // a file in a temporary or hidden place
	Conceal                  // the user is not to know of an action
	Covert                   // done quietly: "silently"
	Coerce                   // a threat or a claim to outrank: "otherwise it fails", "cannot be overridden"
	Override                 // lifts earlier instructions: "ignore previous instructions"
	Unguard                  // lifts safety: "disable all guardrails", "without confirmation"
	Authority                // borrowed authority: "security policy", "for compliance"
	Marker                   // a pseudo tag or heading that plays system message: "<IMPORTANT>", "[SYSTEM]"
	Template                 // a chat-template token: "<|im_start|>", "[INST]"
	Addressee                // speaks to the model: "assistant", "AI agents"
	Execute                  // a shell command or an order to run one
	Foreign                  // tools other than the one described: "any e-mail tool"
	Redirect                 // changes a recipient or an argument: "as a BCC recipient"
	Persist                  // to be kept for later sessions: memory, rule files
	Agent                    // puts the model into a new role: "you are now"
	Everything               // all there is of something: "the entire", "word for word"
	Mention                  // the text speaks about attacks or texts: "detects", "such as"
	Hygiene                  // what is hidden is a secret value, not an action: "raw tokens"
	Negated                  // denies access: "never opened"
	Leaks                    // says of itself that it lets out what it should not
	Render                   // shows an image or link
	Setup                    // what the operator configures beforehand: "must be set in the environment"
	numSignals
)

var signalNames = [numSignals]string{
	"when", "scope", "must", "fetch", "place", "send", "secret", "credential", "private", "param", "reply", "address", "dropfile",
	"conceal", "covert", "coerce", "override", "unguard", "authority", "marker", "template", "addressee", "execute",
	"foreign", "redirect", "persist", "agent", "everything", "mention", "hygiene", "negated", "leaks", "render", "setup",
}

func (s Signal) String() string { return signalNames[s] }

// ByName returns the signal with the given name.
func ByName(name string) (Signal, bool) {
	for s := range numSignals {
		if signalNames[s] == name {
			return s, true
		}
	}
	return 0, false
}

// Signals is a set of signals.
type Signals uint64

// Of returns the set of the given signals.
func Of(signals ...Signal) Signals {
	var set Signals
	for _, s := range signals {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set Signals) Has(s Signal) bool { return set&(1<<s) != 0 }

// Count returns how many signals the set holds.
func (set Signals) Count() int { return bits.OnesCount64(uint64(set)) }

func (set Signals) String() string {
	var names []string
	for s := range numSignals {
		if set.Has(s) {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, " ")
}
