// Package directive reads a text for the parts that instructions to a model are made of: when to act, that one must,
// what to fetch, where to put it, who may not know. Each part on its own is everyday language; detectors judge which
// of them stand together.
//
// A [Lexicon] is safe for concurrent use.
package directive

import (
	"iter"
	"math/bits"
)

// Signal is one part of an instruction: a number in the lexicon, see [Lexicon.Name].
type Signal uint16

// The signals that code refers to. The lexicon declares further ones by the sections it opens.
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
	Identifier               // an identifier in a sentence that the event itself does not define: "send_mail"
	Own                      // an identifier that the event itself defines: its name, its parameters
	Invoked                  // such an identifier right beside a word for calling it: "call send_mail", "via send_mail"
	numBuiltin
)

var builtinNames = [numBuiltin]string{
	"when", "scope", "must", "fetch", "place", "send", "secret", "credential", "private", "param", "reply", "address", "dropfile",
	"conceal", "covert", "coerce", "override", "unguard", "authority", "marker", "template", "addressee", "execute",
	"foreign", "redirect", "persist", "agent", "everything", "mention", "hygiene", "negated", "leaks", "render", "setup",
	"identifier", "own", "invoked",
}

// MaxSignals is above every signal of a lexicon; the last number is never given.
const MaxSignals = 512

// Signals is a set of signals. The zero value is empty.
type Signals [MaxSignals / 64]uint64

// Of returns the set of the given signals.
func Of(signals ...Signal) Signals {
	var set Signals
	for _, s := range signals {
		set.Add(s)
	}
	return set
}

// Has reports whether s is in the set.
func (set *Signals) Has(s Signal) bool { return set[s>>6]&(1<<(s&63)) != 0 }

// Add puts s into the set.
func (set *Signals) Add(s Signal) { set[s>>6] |= 1 << (s & 63) }

// Drop takes s out of the set.
func (set *Signals) Drop(s Signal) { set[s>>6] &^= 1 << (s & 63) }

// Meets reports whether the two sets have a signal in common.
func (set *Signals) Meets(other *Signals) bool {
	for i := range set {
		if set[i]&other[i] != 0 {
			return true
		}
	}
	return false
}

// Without returns the signals that are not in other.
func (set Signals) Without(other Signals) Signals {
	for i := range set {
		set[i] &^= other[i]
	}
	return set
}

// With returns the signals of either set.
func (set Signals) With(other Signals) Signals {
	for i := range set {
		set[i] |= other[i]
	}
	return set
}

// Empty reports whether the set has no signal.
func (set Signals) Empty() bool { return set == Signals{} }

// Count returns how many signals the set holds.
func (set Signals) Count() int {
	n := 0
	for _, word := range set {
		n += bits.OnesCount64(word)
	}
	return n
}

// All yields the signals of the set in ascending order.
func (set Signals) All() iter.Seq[Signal] {
	return func(yield func(Signal) bool) {
		for i, word := range set {
			for ; word != 0; word &= word - 1 {
				if !yield(Signal(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
