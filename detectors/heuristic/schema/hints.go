package schema

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var (
	readOnlyLie = &check.Rule{
		ID: "hint-denies-effect", Version: version, Class: "A13", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "The hints say that nothing is changed or lost, the description says that something is: a client would not ask before the call.",
	}
	repeatLie = &check.Rule{
		ID: "hint-denies-repetition", Version: version, Class: "A13", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "The tool is called idempotent, but each call does its deed again: a client would repeat it without asking.",
	}
	closedWorldLie = &check.Rule{
		ID: "hint-denies-outside", Version: version, Class: "A13", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "The hints say that the tool stays inside, but it hands data to addresses or parties outside.",
	}
	commandBehindHint = &check.Rule{
		ID: "hint-denies-command", Version: version, Class: "A13", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "The tool is called read-only, but takes commands that act.",
	}
)

var (
	destroy     = lexis.Set("destroy")
	pay         = lexis.Set("pay")
	alter       = lexis.Set("alter")
	send        = lexis.Set("send")
	outside     = lexis.Set("outside")
	irrevocable = lexis.Set("irrevocable")
	negation    = lexis.Set("not")
	mutes       = lexis.Set("mutes")
	harmless    = lexis.Set("harmless")
	again       = lexis.Set("again")
	more        = lexis.Set("more")
	runs        = lexis.Set("runs")
	limited     = lexis.Set("mutes", "harmless")
)

// hint is an annotation: the segment of its name, or -1, and whether it is true.
type hint struct {
	key   int
	value string
}

func (h hint) is(value string) bool { return h.key >= 0 && h.value == value }

func hintAt(e *reader, name string) hint {
	i, ok := e.At("/annotations/"+name, true)
	if !ok {
		return hint{key: -1}
	}
	return hint{i, e.Scalar(i)}
}

// hints compares a tool's annotations with what its description says.
func hints(e *reader) {
	if _, ok := e.At("/annotations", true); !ok {
		return
	}
	readOnly, destructive := hintAt(e, "readOnlyHint"), hintAt(e, "destructiveHint")
	idempotent, open := hintAt(e, "idempotentHint"), hintAt(e, "openWorldHint")
	calm := readOnly.is("true") || destructive.is("false")
	if !calm && !idempotent.is("true") && !open.is("false") {
		return
	}
	_, at := valueAt(e, "/description")
	if at < 0 {
		return
	}
	said := *e.book.Read(at)
	said.Hits = said.Hits[:min(len(said.Hits), maxHits)]
	t := claim{e: e, at: at, said: &said, calling: calling(e)}
	switch {
	case readOnly.is("true"):
		t.readOnly(readOnly, destructive)
		t.commands(readOnly)
		t.shell(readOnly)
		t.driven(readOnly)
	case destructive.is("false"):
		t.undoable(destructive)
	}
	if open.is("false") {
		t.closed(open, readOnly)
		t.addressed(open)
	}
	if idempotent.is("true") && !readOnly.is("true") {
		t.repeats(idempotent)
	}
}

// maxHits bounds the words that are weighed against each other.
const maxHits = 1500

// claim is what a tool says of itself.
type claim struct {
	e       *reader
	at      int // segment of the description
	said    *lexis.Reading
	calling lexis.Senses // of names and titles
}

// calling reads the titles under which a person sees the tool.
func calling(e *reader) (set lexis.Senses) {
	for _, p := range []string{"/name", "/title", "/annotations/title"} {
		if _, i := valueAt(e, p); i >= 0 {
			set |= e.book.All(i)
		}
	}
	return set
}

func (t *claim) span(h lexis.Hit) models.Span {
	return models.Span{Segment: t.at, Start: h.Start, End: h.End}
}

// deeds returns the first deed of the senses that the description affirms near sentence n, and how many there are.
func (t *claim) deeds(set lexis.Senses, n int) (first lexis.Hit, count int) {
	for i, h := range t.said.Hits {
		if set.Has(h.Sense) && (n < 0 || h.Sentence == n || h.Sentence == n+1) && t.done(i) {
			if count == 0 {
				first = h
			}
			count++
		}
	}
	return first, count
}

// done reports whether hit i is a deed that the tool does.
func (t *claim) done(i int) bool {
	h := t.said.Hits[i]
	return !h.Identifier && happens(t.said.Text, h) && !t.denied(i) && !t.foreign(h)
}

// own reports whether the deed goes on a sentence that began with what the tool does: "Shows it and cancels it".
func (t *claim) own(h lexis.Hit) bool {
	word, _, _ := strings.Cut(t.said.Text[h.Start:h.End], " ")
	if !strings.HasSuffix(t.said.Text[:h.Start], " and ") || !strings.HasSuffix(word, "s") {
		return false
	}
	start, _ := lexis.SentenceAt(t.said.Text, h.Start)
	first, _, _ := strings.Cut(strings.TrimLeft(t.said.Text[start:h.Start], " \n"), " ")
	return strings.HasSuffix(first, "s") && 'A' <= first[0] && first[0] <= 'Z'
}

// foreign reports whether the sentence is about another tool: it names one.
func (t *claim) foreign(h lexis.Hit) bool {
	start, end := lexis.SentenceAt(t.said.Text, h.Start)
	for sentence := t.said.Text[start:end]; ; {
		n := strings.IndexByte(sentence, '_')
		if n < 0 {
			return false
		}
		from, to := n, n
		for from > 0 && wordByte(sentence[from-1]) {
			from--
		}
		for to < len(sentence) && wordByte(sentence[to]) {
			to++
		}
		if name := sentence[from:to]; to-from > 3 && !t.mine(name) {
			return true
		}
		sentence = sentence[to:]
	}
}

// mine reports whether a name is the tool's own or that of one of its parameters.
func (t *claim) mine(name string) bool {
	own, _ := valueAt(t.e, "/name")
	_, parameter := t.e.At("/inputSchema/properties/"+name, true)
	return name == own || parameter
}

func wordByte(c byte) bool { return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// denied reports whether the part of the sentence says that the deed is not done, or only on trial.
func (t *claim) denied(i int) bool {
	h := t.said.Hits[i]
	for _, other := range t.said.Around(i) {
		if mutes.Has(other.Sense) && !t.negated(other) || negation.Has(other.Sense) && t.said.SamePart(other, h) && governs(t.said.Text, other, h) && !t.within(other) {
			return true
		}
	}
	return false
}

// governs reports whether a negation stands close enough to a word to deny it: before it, or right behind it.
func governs(text string, not, h lexis.Hit) bool {
	if not.Start >= h.End {
		return not.Start-h.End <= behindBytes
	}
	if text[not.Start] >= 0xe0 {
		return h.Start-not.End <= behindBytes
	}
	return h.Start-not.End <= beforeBytes
}

const (
	beforeBytes = 40
	behindBytes = 12
)

// negated reports whether the words are denied: "in no trash".
func (t *claim) negated(h lexis.Hit) bool {
	for _, other := range t.said.Hits {
		if (negation | irrevocable).Has(other.Sense) && t.said.SamePart(other, h) {
			return true
		}
	}
	return false
}

// within reports whether the negation belongs to a phrase such as "cannot be undone".
func (t *claim) within(h lexis.Hit) bool {
	for _, other := range t.said.Hits {
		if irrevocable.Has(other.Sense) && other.Start <= h.Start && h.Start < other.End {
			return true
		}
	}
	return false
}

// final returns the phrase around sentence n that says that nothing brings back what was lost.
func (t *claim) final(n int) (lexis.Hit, bool) {
	for i, h := range t.said.Hits {
		if irrevocable.Has(h.Sense) && (n < 0 || n-1 <= h.Sentence && h.Sentence <= n+2) && !t.muted(i) {
			return h, true
		}
	}
	return lexis.Hit{}, false
}

func (t *claim) muted(i int) bool {
	for _, other := range t.said.Around(i) {
		if mutes.Has(other.Sense) && !t.negated(other) {
			return true
		}
	}
	return false
}

const (
	sureLie  = 0.75
	likely   = 0.65
	doubtful = 0.4
)

// What tells against a tool that calls itself read-only, in points: a single deed may belong to another tool.
const (
	finalPoints   = 4 // nothing brings it back, and something is done
	lossPoints    = 4 // for each of at most two losses or payments
	destroyPoints = 1 // more, if the loss is no payment
	changePoints  = 2 // for a change; another one counts as one point
	deniedPoints  = 3 // the other hint denies losses, too
	firstPoints   = 2 // the first thing that is said of the tool is a deed
	ownPoints     = 3 // the tool itself is the one who does it: "and cancels it"
	pairPoints    = 1 // two deeds in one sentence
	titlePoints   = 2 // the title says that it is only looked at
	namePoints    = 3 // the name is that of a deed
	enoughPoints  = 5
)

// readOnly weighs deeds of a tool that calls itself read-only, two sentences at a time.
func (t *claim) readOnly(readOnly, destructive hint) {
	spans := []models.Span{t.e.Whole(readOnly.key)}
	extra := 0
	if destructive.is("false") {
		extra += deniedPoints
		spans = append(spans, t.e.Whole(destructive.key))
	}
	best, seen := 0, -1
	var words []models.Span
	for i, h := range t.said.Hits {
		if h.Sentence == seen || !acted(h) || !t.done(i) {
			continue
		}
		seen = h.Sentence
		if points, found := t.cluster(h.Sentence); points > best {
			best, words = points, found
		}
	}
	if best == 0 {
		return
	}
	if t.reassures() {
		extra += titlePoints
	}
	if t.named() {
		extra += namePoints
	}
	confidence := doubtful
	if best+extra >= enoughPoints {
		confidence = likely
	}
	t.e.ReportAs(readOnlyLie, severityOf(confidence), confidence, nil, append(spans, words...)...)
}

// acted reports whether a word may be a deed that changes something: sending counts where the description begins with it.
func acted(h lexis.Hit) bool {
	return (destroy | pay | alter).Has(h.Sense) || h.Start == 0 && send.Has(h.Sense)
}

// cluster adds up the points of sentence n and the next.
func (t *claim) cluster(n int) (points int, words []models.Span) {
	loss, losses := t.deeds(destroy|pay, n)
	change, changes := t.deeds(alter, n)
	if first, n := t.deeds(send, 0); n > 0 && first.Start == 0 && changes == 0 {
		change, changes = first, 1
	}
	points = lossPoints*min(losses, 2) + changePoints*min(changes, 1) + max(min(changes, 2)-1, 0)
	if final, ok := t.final(n); ok {
		points += finalPoints
		words = append(words, t.span(final))
	}
	if losses > 0 && t.own(loss) || changes > 0 && t.own(change) {
		points += ownPoints
	}
	if losses > 0 {
		words = append(words, t.span(loss))
		if destroy.Has(loss.Sense) {
			points += destroyPoints
		}
		if loss.Start == 0 {
			points += firstPoints
		}
	}
	if changes > 0 {
		words = append(words, t.span(change))
		if losses > 0 && change.Sentence == loss.Sentence {
			points += pairPoints
		}
	}
	return points, words
}

// named reports whether the tool's name begins with a deed that nobody takes for reading.
func (t *claim) named() bool {
	name, i := valueAt(t.e, "/name")
	first, _, _ := strings.Cut(strings.ToLower(name), "_")
	return i >= 0 && grave[first] && !t.e.book.All(i).Any(harmless|mutes)
}

// grave are deeds in names.
var grave = map[string]bool{
	"delete": true, "remove": true, "purge": true, "wipe": true, "erase": true, "destroy": true, "drop": true, "truncate": true, "dispose": true,
	"pay": true, "transfer": true, "send": true, "cancel": true, "place": true, "publish": true, "approve": true, "close": true, "sign": true,
	"terminate": true, "revoke": true, "book": true, "buy": true, "sell": true, "withdraw": true, "refund": true, "rotate": true, "unlock": true,
	"post": true, "share": true, "invite": true, "submit": true, "update": true, "write": true, "kill": true, "stop": true,
	"push": true, "deploy": true, "install": true, "grant": true, "upload": true, "charge": true, "archive": true,
	"settle": true, "suspend": true, "lock": true, "move": true, "flush": true, "clear": true, "empty": true,
	"disable": true, "uninstall": true, "overwrite": true, "reset": true, "ban": true, "dismiss": true, "release": true, "reboot": true,
}

// reassures reports whether the annotated title speaks of looking only, while the name does not.
func (t *claim) reassures() bool {
	_, i := valueAt(t.e, "/annotations/title")
	_, j := valueAt(t.e, "/name")
	return i >= 0 && j >= 0 && t.e.book.All(i).Any(harmless) && !t.e.book.All(j).Any(harmless)
}

// severityOf keeps what is doubtful from being more than a remark.
func severityOf(confidence float64) models.Severity {
	if confidence < 0.6 {
		return models.SeverityLow
	}
	return models.SeverityHigh
}

// undoable weighs losses of a tool that says it destroys nothing, under a title that says the same.
func (t *claim) undoable(destructive hint) {
	final, isFinal := t.final(-1)
	loss, n := t.deeds(destroy, -1)
	if n == 0 || !isFinal {
		t.promised(destructive)
		return
	}
	confidence := doubtful
	if t.calling.Any(harmless) && !t.calling.Any(destroy) || t.named() && !t.calling.Any(harmless) {
		confidence = sureLie
	}
	t.e.ReportAs(readOnlyLie, severityOf(confidence), confidence, nil, t.e.Whole(destructive.key), t.span(loss), t.span(final))
}

// promised compares a title that says that nothing happens yet with what does.
func (t *claim) promised(destructive hint) {
	_, i := valueAt(t.e, "/annotations/title")
	if i < 0 {
		return
	}
	r := t.e.book.Read(i)
	promise, ok := r.First(lexis.Set("calm"))
	deed, n := t.deeds(destroy|pay|send, -1)
	if ok && n > 0 {
		t.e.Report(readOnlyLie, nil, models.Span{Segment: i, Start: promise.Start, End: promise.End}, t.e.Whole(destructive.key), t.span(deed))
	}
}

// driven looks for a parameter that says what is set by it.
func (t *claim) driven(readOnly hint) {
	for i := range t.e.Segments {
		s := &t.e.Segments[i]
		if s.Key || !strings.HasPrefix(s.Pointer, "/inputSchema/properties/") || check.Last(s) != "description" {
			continue
		}
		r := t.e.book.Read(i)
		if h, ok := r.First(lexis.Set("purposed")); ok && !r.All.Any(negation) {
			t.e.Report(commandBehindHint, nil, models.Span{Segment: i, Start: h.Start, End: h.End}, t.e.Whole(readOnly.key))
			return
		}
	}
}

// closed weighs what leaves a tool that says it deals with nothing outside.
func (t *claim) closed(open, readOnly hint) {
	for i, h := range t.said.Hits {
		if !send.Has(h.Sense) || h.Identifier || t.denied(i) || !happens(t.said.Text, h) {
			continue
		}
		for j, o := range t.said.Hits {
			if outside.Has(o.Sense) && o.Sentence == h.Sentence && !t.denied(j) {
				spans := []models.Span{t.e.Whole(open.key), t.span(h), t.span(o)}
				if readOnly.is("true") {
					spans = append(spans, t.e.Whole(readOnly.key))
				}
				t.e.Report(closedWorldLie, nil, spans...)
				return
			}
		}
	}
}

// repeats weighs what a second call does.
func (t *claim) repeats(idempotent hint) {
	_, n := t.deeds(pay|send|alter, -1)
	if n == 0 {
		return
	}
	for i, h := range t.said.Hits {
		if !again.Has(h.Sense) || t.muted(i) {
			continue
		}
		for _, o := range t.said.Hits {
			if more.Has(o.Sense) && o.Sentence == h.Sentence && (o.Start >= h.End || o.End <= h.Start) {
				t.e.Report(repeatLie, nil, t.e.Whole(idempotent.key), t.span(h), t.span(o))
				return
			}
		}
	}
}

// commands looks for a parameter that takes commands that act.
func (t *claim) commands(readOnly hint) {
	for i := range t.e.Segments {
		s := &t.e.Segments[i]
		if s.Key || !check.Below(s, "/inputSchema") {
			continue
		}
		before, _, ok := strings.Cut(s.Pointer, "/enum/")
		if !ok || !takesCommand(before[strings.LastIndexByte(before, '/')+1:]) {
			continue
		}
		if acts[strings.ToLower(text(t.e, i))] {
			t.e.Report(commandBehindHint, nil, t.e.Whole(i), t.e.Whole(readOnly.key))
			return
		}
	}
}

func takesCommand(parameter string) bool {
	switch strings.ToLower(parameter) {
	case "command", "cmd", "do", "perform":
		return true
	}
	return false
}

// shell looks for a tool that runs whatever command it is given.
func (t *claim) shell(readOnly hint) {
	if !t.said.All.Any(runs) || (t.said.All | t.calling).Any(limited) {
		return
	}
	for _, name := range []string{"command", "cmd", "commands", "command_line", "commandLine", "script", "code", "shell"} {
		if i, ok := t.e.At("/inputSchema/properties/"+name, true); ok {
			h, _ := t.said.First(runs)
			t.e.Report(commandBehindHint, nil, t.e.Whole(readOnly.key), t.span(h), t.e.Whole(i))
			return
		}
	}
}

// recipients are parameters that say where something goes, as parts of their names.
var recipients = []string{"webhook", "callback", "recipient", "notify_", "forward_to", "send_to", "post_to", "deliver_to", "mail_to", "email_to", "upload_url", "cc", "bcc"}

// addressed looks for a parameter that is an address outside, which things are sent to.
func (t *claim) addressed(open hint) {
	if t.calling.Any(mutes) {
		return
	}
	const properties = "/inputSchema/properties/"
	for i := range t.e.Segments {
		s := &t.e.Segments[i]
		name, ok := strings.CutPrefix(s.Pointer, properties)
		if !s.Key || !ok || strings.IndexByte(name, '/') >= 0 || !slices.ContainsFunc(recipients, func(r string) bool { return name == r || len(r) > 3 && strings.Contains(strings.ToLower(name), r) }) {
			continue
		}
		set := t.said.All
		if _, d := valueAt(t.e, s.Pointer+"/description"); d >= 0 {
			set |= t.e.book.All(d)
		}
		if set.Any(send) && !set.Any(mutes) {
			t.e.Report(closedWorldLie, nil, t.e.Whole(open.key), t.e.Whole(i))
			return
		}
	}
}

// acts are commands that are no queries.
var acts = map[string]bool{
	"delete": true, "remove": true, "wipe": true, "purge": true, "erase": true, "unlock": true, "lock": true, "open": true, "start": true,
	"stop": true, "restart": true, "reboot": true, "shutdown": true, "kill": true, "immobilise": true, "immobilize": true, "disable": true,
	"enable": true, "install": true, "uninstall": true, "execute": true, "run": true, "pay": true, "transfer": true, "send": true,
	"publish": true, "deploy": true, "write": true, "update": true, "create": true, "reset": true, "format": true, "grant": true,
	"revoke": true, "cancel": true, "approve": true, "arm": true, "disarm": true, "drop": true, "insert": true, "truncate": true,
}

// happens reports whether an English word has the form of a deed that is done: "is deleted", "and deletes" or, at the
// beginning, "Delete". Other languages are taken as they are.
func happens(text string, h lexis.Hit) bool {
	word := text[h.Start:h.End]
	if h.Foreign || !ascii(word) {
		return !strings.HasSuffix(word, "tion") && !strings.HasSuffix(word, "tions") && !strings.HasSuffix(word, "able")
	}
	before := strings.TrimRight(text[max(0, h.Start-leadBytes):h.Start], " ")
	if after := text[h.End:]; otherwise(after) || strings.HasSuffix(word, "s") && subject(after) {
		return false
	}
	if before == "" || strings.HasSuffix(before, ".") || strings.HasSuffix(before, "\n") || strings.HasSuffix(before, ":") {
		return !strings.HasSuffix(word, "ed") && !strings.HasSuffix(word, "en")
	}
	if strings.Contains(word, " ") {
		return true
	}
	switch {
	case strings.HasSuffix(word, "s"), strings.HasSuffix(word, "ed"), strings.HasSuffix(word, "en"), withoutEnding[strings.ToLower(word)]:
	default:
		return false
	}
	last := strings.ToLower(before[strings.LastIndexAny(before, " \n(")+1:])
	if strings.HasSuffix(word, "s") {
		return follows3[last] && !relative(strings.ToLower(before))
	}
	before = strings.ToLower(before) + " "
	for _, aux := range auxiliaries {
		if n := strings.LastIndex(before, aux); n >= 0 {
			return !relative(before[:n])
		}
	}
	return false
}

// otherwise reports whether somebody else is named as the one who does it: "by the nightly job".
func otherwise(after string) bool {
	return strings.HasPrefix(after, " by ") || strings.HasPrefix(after, " with `")
}

// subject reports whether the word before is what the verb that follows speaks of: "charges are".
func subject(after string) bool {
	for _, verb := range []string{" is ", " are ", " was ", " were "} {
		if strings.HasPrefix(after, verb) {
			return true
		}
	}
	return false
}

// relative reports whether a clause that only describes a thing ends the text: "files that".
func relative(text string) bool {
	for _, word := range []string{" that", " which", " who", " when", " if", " user", " what", " whether", " once", " how", " date", " time"} {
		if n := strings.LastIndex(text, word); n >= 0 && len(text)-n <= relativeBytes && !strings.ContainsAny(text[n:], ",;") && !strings.Contains(text[n:], " and") && !strings.Contains(text[n:], " is ") && !strings.Contains(text[n:], " was ") && !strings.Contains(text[n:], " are ") {
			return true
		}
	}
	return false
}

// relativeBytes is how far a relative pronoun may stand before its verb.
const relativeBytes = 24

// withoutEnding are participles and past tenses without an ending.
var withoutEnding = map[string]bool{
	"sent": true, "lost": true, "gone": true, "paid": true, "sold": true, "bought": true, "withdrawn": true, "drawn": true, "lent": true,
	"burnt": true, "cut": true, "set": true, "reset": true, "cast": true, "frozen": true, "written": true, "overwritten": true,
	"rewritten": true, "shut": true, "void": true, "wrote": true, "overwrote": true, "binding": true, "struck": true, "broadcast": true,
}

// leadBytes is how far before a participle its auxiliary may stand.
const leadBytes = 48

var auxiliaries = []string{" is ", " are ", " be ", " has ", " have ", " gets ", " get ", " being ", " becomes "}

// follows3 are words after which a word that ends in s is a verb.
var follows3 = map[string]bool{
	"and": true, "then": true, "also": true, "it": true, "tool": true, "call": true, "this": true,
	"server": true, "or": true, "lookup": true, "search": true, "automatically": true, "silently": true, "immediately": true,
	"directly": true, "signatures": true, "quietly": true,
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
