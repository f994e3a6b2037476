package requests

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// set is a set of what words are about: a bit for each signal of lexicon/requests.txt.
type set uint64

// prefix begins the names of this package's signals.
const prefix = "requests."

const maxConcepts = 64

// bits has the bit of each signal, none for those of others.
var bits = func() (bits [directive.MaxSignals]set) {
	naming := directive.Names()
	n := 0
	for _, name := range naming.Names() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if n == maxConcepts {
			panic("requests: more signals than fit into a set")
		}
		s, _ := naming.Signal(name)
		bits[s] = 1 << n
		n++
	}
	secret, _ := naming.Signal(prefix + "token")
	bits[directive.Secret] = bits[secret]
	return bits
}()

// of returns the set of the named signals.
func of(names ...string) (s set) {
	for _, name := range names {
		s |= bits[check.Signal(prefix+name)]
	}
	return s
}

// all makes a list of sets of a list of names, "a|b" being either.
func all(names ...string) []set {
	sets := make([]set, len(names))
	for i, n := range names {
		sets[i] = of(strings.Split(n, "|")...)
	}
	return sets
}

func mask(hits []directive.Hit) (s set) {
	for _, h := range hits {
		s |= bits[h.Signal]
	}
	return s
}

func meets(have set, need []set) bool {
	for _, s := range need {
		if have&s == 0 {
			return false
		}
	}
	return true
}

// about returns what the raw view of segment i is about. Denied actions don't count.
func about(e *check.Event, i int) set {
	if i < 0 {
		return 0
	}
	return heeded(text(e, i), e.Signals(i, 0))
}

// firstSentence returns how many of the hits in a text stand in the sentence, and on the line, of the first.
func firstSentence(text string, hits []directive.Hit) int {
	n := 1
	for n < len(hits) && hits[n].Sentence == hits[0].Sentence && strings.IndexByte(text[hits[n-1].Start:hits[n].Start], '\n') < 0 {
		n++
	}
	return n
}

// within returns what a part of the raw view of segment i is about.
func within(e *check.Event, i, start, end int) (s set) {
	for _, h := range e.Signals(i, 0) {
		if h.Start >= start && h.End <= end {
			s |= bits[h.Signal]
		}
	}
	return s
}

var (
	actions = of("ask", "include", "pass", "install", "call", "unread", "persist", "again", "later", "disguise", "approve", "userask", "onbehalf")
	denial  = of("not")
	behind  = of("after")
)

// heeded returns what hits are about, without actions that are denied: by a word before them in the same clause, or right
// behind them.
func heeded(text string, hits []directive.Hit) set {
	m := mask(hits)
	if m&actions == 0 {
		return m
	}
	deniable := m&(denial|behind) != 0
	m = 0
	for _, h := range hits {
		if b := bits[h.Signal]; b&actions == 0 || m&b == 0 && !optional(text, h) && !(deniable && denied(text, h, hits)) {
			m |= b
		}
	}
	return m
}

// optional reports a hit in an option of a command or in a setting: -auto-approve, autoApprove.
func optional(text string, h directive.Hit) bool {
	if h.Start > 0 && text[h.Start-1] == '-' {
		return true
	}
	return bits[h.Signal] == onBehalf && strings.ContainsAny(text[h.Start+1:h.End], "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") && strings.IndexByte(text[h.Start:h.End], ' ') < 0
}

var onBehalf = of("onbehalf")

const (
	reachBefore = 48 // bytes from a "not" to what it denies
	reachClose  = 12
	reachBehind = 24
)

// reach is how far before a word a "not" may stand that denies it: close to an approval, which ends many a sentence.
func reach(h directive.Hit) int {
	if bits[h.Signal]&approval != 0 {
		return reachClose
	}
	return reachBefore
}

var approval = of("approve")

func denied(text string, h directive.Hit, hits []directive.Hit) bool {
	for _, n := range hits {
		switch b := bits[n.Signal]; {
		case b == 0:
		case b == denial && n.End <= h.Start && h.Start-n.End <= reach(h) && !strings.ContainsAny(text[n.End:h.Start], ",;:.—–()"):
			return true
		case b == behind && n.Start >= h.End && n.Start-h.End <= reachBehind && !strings.ContainsAny(text[h.End:n.Start], ",;:.—–()、"):
			return true
		}
	}
	return false
}

// stretch returns the bytes from the first hit that is needed or says what to do to the last.
func stretch(hits []directive.Hit, need []set) (start, end int) {
	wanted := actions
	for _, s := range need {
		wanted |= s
	}
	start = -1
	for _, h := range hits {
		if bits[h.Signal]&wanted == 0 {
			continue
		}
		if start < 0 {
			start = h.Start
		}
		end = max(end, h.End)
	}
	return start, end
}
