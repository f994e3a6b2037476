package rendering

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/hosts"
	"github.com/aad6b6dc/taster/models"
)

// origin says where a command must get something from for a rule to hold.
type origin uint8

const (
	anyOrigin origin = iota
	stranger         // a host that is neither well-known nor the server's own
	shady            // one that shows no name, or comes without encryption
)

// command is a rule on a line: something of each set, from such an origin.
type command struct {
	rule  *check.Rule
	need  []piece
	from  origin
	calls bool // reads tool calls, too
}

var (
	downloadRun    = rule("download-and-run", "C11", models.SeverityHigh, 0.75, "Has a program of a stranger fetched and run.")
	decodedRun     = rule("decoded-command", "C11", models.SeverityHigh, 0.7, "Runs a command that is hidden in an encoding.")
	reverseShell   = rule("reverse-shell", "C11", models.SeverityHigh, 0.8, "Opens the machine to somebody outside.")
	guardDown      = rule("guard-down", "C11", models.SeverityHigh, 0.65, "Takes a safeguard of the machine down for a stranger's software.")
	planted        = rule("planted-start", "C11", models.SeverityHigh, 0.7, "Plants a stranger's program where it starts by itself.")
	carriedOut     = rule("carried-out", "C11", models.SeverityHigh, 0.7, "Sends files or the environment to a stranger.")
	pasted         = rule("paste-and-run", "C11", models.SeverityHigh, 0.6, "Has a person paste a command of a stranger into a terminal.")
	formula        = rule("acting-formula", "C11", models.SeverityHigh, 0.7, "Has a table cell that acts when it is opened.")
	liveObject     = rule("live-object", "C11", models.SeverityHigh, 0.7, "Has data that run code when they are read.")
	typeset        = rule("typeset-command", "C11", models.SeverityHigh, 0.7, "Has a document that runs commands when it is typeset.")
	installHook    = rule("install-hook", "E10", models.SeverityHigh, 0.7, "Has a package that fetches or sends something while it is installed.")
	uncheckedBuild = rule("unchecked-build", "E10", models.SeverityHigh, 0.6, "Has a build started whose digest is not the expected one.")
	strangeServer  = rule("strange-server", "E10", models.SeverityHigh, 0.6, "Has a server connected that shows no name or speaks without encryption.")
	lookalike      = rule("look-alike-package", "E10", models.SeverityHigh, 0.6, "Installs a package whose name is that of a well-known one but for a letter.")
	selfTrusted    = rule("self-trusted-server", "E10", models.SeverityHigh, 0.6, "Adds a program to a configuration and trusts it beforehand.")
	strangeIndex   = rule("strange-index", "E10", models.SeverityHigh, 0.6, "Installs from an index that nobody knows.")
)

var commands = []command{
	{rule: reverseShell, need: all("reverse", "fetch|pipe|evaluate|decode|persist"), from: anyOrigin},
	{rule: reverseShell, need: all("reverse", "redirect")},
	{rule: reverseShell, need: all("reverse"), from: shady},
	{rule: downloadRun, need: all("fetch", "pipe|evaluate|run"), from: stranger},
	{rule: downloadRun, need: all("pipe"), from: shady},
	{rule: decodedRun, need: all("decode", "pipe|reverse")},
	{rule: decodedRun, need: all("decode", "evaluate")},
	{rule: guardDown, need: all("weaken", "fetch|run|pipe|start|index|direct"), from: stranger},
	{rule: planted, need: all("persist", "fetch|decode", "pipe|run|evaluate|send"), from: stranger},
	{rule: carriedOut, need: all("loot", "send", "fetch"), from: stranger},
	{rule: carriedOut, need: all("loot", "fetch", "evaluate"), from: stranger},
	{rule: formula, need: all("formula")},
	{rule: liveObject, need: all("object", "evaluate|fetch|run|pipe|loot")},
	{rule: typeset, need: all("tex", "fetch|pipe|run|loot|evaluate")},
	{rule: installHook, need: all("hook", "fetch", "evaluate|loot|pipe|run"), from: stranger, calls: true},
	{rule: uncheckedBuild, need: all("digest", "start|run|weaken")},
	{rule: carriedOut, need: all("send", "fetch", "evaluate"), from: stranger},
	{rule: guardDown, need: all("weaken", "file")},
	{rule: strangeIndex, need: all("file"), from: shady, calls: true},
	{rule: strangeIndex, need: all("direct"), from: stranger, calls: true},
	{rule: strangeIndex, need: all("index", "weaken"), from: stranger, calls: true},
	{rule: strangeIndex, need: all("index"), from: shady, calls: true},
}

const (
	maxLine   = 1 << 10 // bytes of a line that are read at once
	maxScript = 8 << 10 // bytes of a text that is one script: a hook in any line holds for all
	maxJudged = 200     // lines of one text whose addresses are looked at
)

var (
	quoted = words("mention")
	hooks  = pieceOf("hook")
)

// commands reads a text line by line, from piece to piece.
func (w *writer) commands(i, v int, text string) {
	w.article, w.lower, w.judged = unknown, "", 0
	w.pastes(i, v, text)
	var reported uint64
	w.all = code.find(text, 0, len(text), w.all[:0])
	for rest := w.all; len(rest) > 0; {
		start, end := lineOf(text, rest[0].start)
		n := 0
		for n < len(rest) && rest[n].start < end {
			n++
		}
		w.parts, rest = rest[:n], rest[n:]
		w.line(i, v, text, start, end, &reported)
		w.packages(i, v, text, start, end)
	}
}

// lineOf returns the line that holds the byte at offset; of a very long one, the part around it.
func lineOf(text string, offset int) (start, end int) {
	start = max(strings.LastIndexByte(text[:offset], '\n')+1, offset-maxLine)
	return start, lineEnd(text, offset)
}

var (
	terminal = check.Signal("rendering.terminal")
	pastes   = check.Signals("rendering.paste")
)

// pastes looks for a line that has a person paste something of a stranger into a terminal.
func (w *writer) pastes(i, v int, text string) {
	for _, h := range w.Signals(i, v) {
		if h.Signal != terminal || h.Start >= len(text) {
			continue
		}
		start, end := lineOf(text, h.Start)
		about := w.about(i, v, start, end)
		end = min(len(text), end+around)
		if has(about, pastes) && !has(about, quoted) && w.originOf(text, start, end) >= stranger && !w.speaksOfAttacks(i, v) {
			w.Report(pasted, nil, w.span(i, v, h.Start, max(h.End, min(w.addressEnd(text, start, end), len(text)))))
			return
		}
	}
}

func lineEnd(text string, start int) int {
	end := min(len(text), start+maxLine)
	if n := strings.IndexByte(text[start:end], '\n'); n >= 0 {
		return start + n + 1
	}
	for end < len(text) && text[end]&0xc0 == 0x80 {
		end++
	}
	return end
}

func (w *writer) line(i, v int, text string, start, end int, reported *uint64) {
	seen := pieces(w.parts)
	if len(text) < maxScript {
		seen |= pieces(w.all) & hooks
	}
	asked, from := false, anyOrigin
	for n := range commands {
		c := &commands[n]
		if !meets(seen, c.need) || *reported>>n&1 == 1 || w.Input.Event.Kind == models.KindToolCall && !c.calls {
			continue
		}
		if !asked {
			if w.judged++; w.judged > maxJudged {
				return
			}
			asked, from = true, w.originOf(text, start, end)
			if has(w.about(i, v, start, end), quoted) || w.speaksOfAttacks(i, v) {
				return
			}
		}
		if from < c.from {
			continue
		}
		first, last := w.stretch(c.need)
		if c.rule == formula && !calculates(text[start:end], first-start) {
			continue
		}
		for m := range commands {
			if commands[m].rule == c.rule {
				*reported |= 1 << m
			}
		}
		if c.from != anyOrigin {
			last = max(last, w.addressEnd(text, start, end))
		}
		w.Report(c.rule, nil, w.span(i, v, first, last))
	}
}

// calculates reports a formula at the beginning of a cell that runs a program or sends what other cells hold.
func calculates(line string, at int) bool {
	if at == 0 || strings.IndexByte("=+-@", line[at-1]) < 0 {
		return false
	}
	if at--; at > 0 && strings.IndexByte(" \t;,|\"'", line[at-1]) < 0 {
		return false
	}
	cell := strings.ToLower(line[at:])
	return strings.Contains(cell, "|") || strings.Contains(cell, "&") || strings.Contains(cell, "concat") || strings.HasPrefix(cell, "=dde") || strings.Contains(cell, "/c ")
}

// answer is whether something holds that is costly to find out.
type answer uint8

const (
	unknown answer = iota
	yes
	no
)

const minMentions = 2 // words about attacks that make a text one about attacks

// speaksOfAttacks reports a text that is about attacks, such as an article or a log of what was blocked.
func (w *writer) speaksOfAttacks(i, v int) bool {
	if w.article == unknown {
		n := 0
		for _, h := range w.Signals(i, v) {
			if quoted.Has(h.Signal) {
				n++
			}
		}
		w.article = no
		if n >= minMentions {
			w.article = yes
		}
	}
	return w.article == yes
}

// stretch returns the bytes from the first needed hit to the last.
func (w *writer) stretch(need []piece) (start, end int) {
	var of piece
	for _, s := range need {
		of |= s
	}
	start = -1
	for _, p := range w.parts {
		if p.piece&of != 0 {
			if start < 0 {
				start = p.start
			}
			end = max(end, p.end)
		}
	}
	return max(start, 0), end
}

func (w *writer) addressEnd(text string, start, end int) int {
	_, _, stop := hosts.In(text, start, end)
	return stop
}

// originOf returns the worst origin among the addresses of a line.
func (w *writer) originOf(text string, start, end int) origin {
	worst := anyOrigin
	for at := start; at < end; {
		host, from, stop := hosts.In(text, at, end)
		if from < 0 {
			break
		}
		if o := w.judge(host, text[from:stop]); o != stranger || !w.spokenOf(text, hosts.Owner(host)) {
			worst = max(worst, o)
		}
		at = max(stop, at+1)
	}
	if worst == anyOrigin {
		return w.bareOrigin(text[start:end])
	}
	return worst
}

func (w *writer) judge(host, address string) origin {
	switch {
	case host == "" || hosts.Known(host) || strings.ContainsAny(host, "$%{<"):
		return anyOrigin
	case strings.HasPrefix(address, "http:") || isAddress(host):
		return shady
	case hosts.Owner(host) == w.Input.Event.Server:
		return anyOrigin
	}
	return stranger
}

const (
	minOwner  = 4        // letters; shorter names are in other words
	maxSpoken = 64 << 10 // bytes that are searched for a name
)

// product is a name without what vendors add to it in addresses.
func product(owner string) string {
	for _, end := range []string{"cd", "hq", "app", "labs", "dev", "cli"} {
		if cut, found := strings.CutSuffix(owner, end); found && len(cut) >= minOwner {
			return cut
		}
	}
	return owner
}

// spokenOf reports whether the text names the owner of a host outside of addresses: a vendor's own page tells how to install
// its product from its own host.
func (w *writer) spokenOf(text, owner string) bool {
	if owner = product(owner); len(owner) < minOwner {
		return false
	}
	if w.lower == "" {
		w.lower = strings.ToLower(text[:min(len(text), maxSpoken)])
	}
	for at := 0; ; at += len(owner) {
		n := strings.Index(w.lower[at:], owner)
		if n < 0 {
			return false
		}
		if at += n; at == 0 || strings.IndexByte("/.@_", w.lower[at-1]) < 0 {
			return true
		}
	}
}

func isAddress(host string) bool {
	ip, ok := hosts.Address(host)
	return ok && !ip.IsLoopback() && !ip.IsPrivate()
}

// bareOrigin judges addresses without a scheme, as "curl 198.51.100.7/x" and "nc tally.example 4443" have them.
func (w *writer) bareOrigin(line string) origin {
	for field := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`|;()[]<>,=@", r) }) {
		host, _, _ := strings.Cut(field, "/")
		host, _, _ = strings.Cut(host, ":")
		switch {
		case isAddress(host):
			return shady
		case strings.IndexByte(host, '.') > 0 && domain("https://"+host) && !hosts.Known(host):
			return stranger
		}
	}
	return anyOrigin
}
