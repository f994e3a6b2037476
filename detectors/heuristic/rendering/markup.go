package rendering

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/detectors/internal/hosts"
	"github.com/aad6b6dc/taster/models"
)

// script is a rule on a line of markup or script: something of each set, and an address of somebody else if outward is set.
type script struct {
	rule    *check.Rule
	need    []piece
	outward bool
}

var (
	keyLogger    = rule("key-logger", "C8", models.SeverityHigh, 0.75, "Has a page that sends away what a person types.")
	pageData     = rule("page-data-sent", "C8", models.SeverityHigh, 0.65, "Has a page that sends what it shows or knows to somebody else.")
	borrowedData = rule("borrowed-data", "C8", models.SeverityHigh, 0.65, "Has a page that hands over the clipboard, cookies or the like.")
	hostSteered  = rule("host-steered", "C8", models.SeverityHigh, 0.65, "Has a page that reaches into the client around it.")
	forgedAnswer = rule("forged-answer", "C8", models.SeverityHigh, 0.65, "Has a page that makes up answers of the client or of the person.")
	actingMarkup = rule("acting-markup", "C8", models.SeverityHigh, 0.7, "Has markup in data that acts as soon as it is shown.")

	secretForm    = rule("secret-form", "C8", models.SeverityHigh, 0.7, "Has a page that asks for a secret and sends it on.")
	hiddenOrder   = rule("hidden-field-order", "C8", models.SeverityHigh, 0.65, "Has an order to the model in a field that is not shown.")
	remoteScript  = rule("remote-script", "C8", models.SeverityHigh, 0.55, "Gives a script of somebody else access to private data.")
	twinButtons   = rule("twin-buttons", "C8", models.SeverityHigh, 0.65, "Has a button that does something else than it says.")
	selfSubmit    = rule("self-submit", "C8", models.SeverityHigh, 0.6, "Has a form that sends itself to somebody else.")
	hiddenLayer   = rule("hidden-layer", "C8", models.SeverityHigh, 0.6, "Lays something that can't be seen over what a person clicks.")
	looseFrame    = rule("loose-frame", "C8", models.SeverityHigh, 0.6, "Has a frame of somebody else with rights that undo its confinement.")
	selfActing    = rule("self-acting-page", "C8", models.SeverityHigh, 0.65, "Has a page that changes things without a click.")
	decodedScript = rule("decoded-script", "C8", models.SeverityHigh, 0.7, "Has a page that runs a script hidden in an encoding.")
	strayScript   = rule("stray-script", "C11", models.SeverityHigh, 0.6, "Has a script in what should be plain data.")
	lintPolicy    = rule("open-policy", "C8", models.SeverityHigh, 0.6, "Has a page that may connect to any host or asks for rights that it doesn't need.")
)

var scripts = []script{
	{rule: keyLogger, need: all("keys", "sink"), outward: true},
	{rule: pageData, need: all("sink", "stolen|send"), outward: true},
	{rule: hostSteered, need: all("host")},
	{rule: forgedAnswer, need: all("appcall")},
	{rule: borrowedData, need: all("stolen", "appcall|sink")},
	{rule: selfActing, need: all("appcall")},
	{rule: decodedScript, need: all("decode", "evaluate")},
}

// active is what makes a text markup that a client would run.
var active = []string{"<script", "<form", "<input", "<textarea", "<iframe", "<button", "<svg", "<body", "<html", "<object", "<embed", "<meta http-equiv"}

// opensActive has the bytes behind the bracket of active markup, and all beyond ASCII.
var opensActive = func() (t [256]bool) {
	for c := utf8.RuneSelf; c < len(t); c++ {
		t[c] = true
	}
	for _, a := range active {
		t[a[1]], t[a[1]-'a'+'A'] = true, true
	}
	return t
}()

// mayAct reports a text with what active markup begins with, or one of [handlerNames] ends with.
func mayAct(text string) bool {
	if strings.IndexByte(text, '=') >= 0 || strings.Contains(text, "t:") || strings.Contains(text, "T:") {
		return true
	}
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '<' && opensActive[text[i+1]] {
			return true
		}
	}
	return false
}

func (w *writer) markup(i, v int, text string) {
	if !mayAct(text) {
		return
	}
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		lower = text
	}
	w.handlers(i, v, text, lower)
	markup := false
	for _, a := range active {
		markup = markup || strings.Contains(lower, a)
	}
	if !markup || strings.Contains(lower, "```") {
		return
	}
	if !strings.HasPrefix(w.Segments[i].Pointer, "/contents/") {
		w.stray(i, v, text, lower)
	}
	w.page(i, v, text, lower)
	if !strings.Contains(lower, "<script") && !strings.Contains(lower, "onclick") && !strings.Contains(lower, "oninput") && !strings.Contains(lower, "onload") {
		return
	}
	var reported uint64
	for start := 0; start < len(text); {
		end := lineEnd(text, start)
		if w.parts = code.find(text, start, end, w.parts[:0]); len(w.parts) > 0 {
			w.script(i, v, text, start, end, &reported)
		}
		start = end
	}
}

func (w *writer) script(i, v int, text string, start, end int, reported *uint64) {
	seen := pieces(w.parts)
	for n := range scripts {
		s := &scripts[n]
		if !meets(seen, s.need) || *reported>>n&1 == 1 || s.outward && !w.outward(text, start, end) {
			continue
		}
		line := text[start:end]
		switch s.rule {
		case forgedAnswer:
			if !w.forges(i, v, text, start, end) {
				continue
			}
		case selfActing:
			if !w.actsAlone(i, v, text, start, end) {
				continue
			}
		case hostSteered:
			if !steers(line) {
				continue
			}
		case borrowedData:
			if !borrows(line) {
				continue
			}
		}
		*reported |= 1 << n
		first, last := w.stretch(s.need)
		w.Report(s.rule, nil, w.span(i, v, first, max(last, first)))
	}
}

// outward reports an address of somebody else than the server in a line.
func (w *writer) outward(text string, start, end int) bool {
	for at := start; at < end; {
		host, from, stop := hosts.In(text, at, end)
		if from < 0 {
			break
		}
		if host != "" && !hosts.Known(host) && !hosts.Related(host, w.Input.Event.Server) {
			return true
		}
		at = max(stop, at+1)
	}
	return false
}

var (
	agreeing = words("approve", "onbehalf")
	asking   = words("ask")
	secrets  = words("password", "otp", "card", "token", "identity")
	ordering = words("call", "pass", "include", "danger", "install", "ask", "hidden", "approve")
	agent    = words("agent")
)

// forges reports words of a person, or an answer of the client, that the page makes up without a click.
func (w *writer) forges(i, v int, text string, start, end int) bool {
	line := text[start:end]
	lower := strings.ToLower(line)
	if n := strings.Index(lower, "postmessage("); n >= 0 && strings.Contains(lower[n:], "result:") {
		return true
	}
	n := strings.Index(lower, "sendmessage(")
	for _, call := range []string{"ui/message", "updatemodelcontext("} {
		if n < 0 {
			n = strings.Index(lower, call)
		}
	}
	if n < 0 || strings.Contains(lower[:n], "onclick") || strings.Contains(lower[:n], "\"click\"") || strings.Contains(lower[:n], "onsubmit") {
		return false
	}
	return (strings.Contains(lower[n:], "text:\"") || strings.Contains(lower[n:], "text:'") || strings.Contains(lower[n:], "text:`")) && has(w.about(i, v, start+n, end), agreeing.With(ordering))
}

var (
	clicks  = []string{"onclick", "click\"", "'click'", "onsubmit", "\"submit\"", "'submit'", "onchange", "\"change\"", "addeventlistener", "function ", "=>"}
	harmful = words("danger")
)

// actsAlone reports a call of a tool that changes things, outside of any handler.
func (w *writer) actsAlone(i, v int, text string, start, end int) bool {
	line := strings.ToLower(text[start:end])
	n := strings.Index(line, "calltool")
	if n < 0 && strings.Contains(line, "tool") {
		n = strings.Index(line, "postmessage(")
	}
	if n < 0 {
		if n = strings.Index(line, "servertool"); n < 0 {
			return false
		}
	}
	before := line[:n]
	if wholly := strings.ToLower(text[max(0, start-lookBack):start]); len(before) < lookBack {
		before = wholly + before
	}
	for _, timed := range []string{"onload", "'load'", "\"load\"", "domcontentloaded", "settimeout", "setinterval", "await app.connect"} {
		if strings.Contains(before, timed) {
			return has(w.about(i, v, start+n, end), harmful)
		}
	}
	for _, c := range clicks {
		if strings.Contains(before, c) {
			return false
		}
	}
	return has(w.about(i, v, start+n, end), harmful)
}

// steers reports a line that writes to the client around the page.
func steers(line string) bool {
	for _, s := range []string{"top.location=", "top.location =", "top.location.", "parent.location", "window.top.", "parent.document", "top.document", "document.domain="} {
		if strings.Contains(strings.ToLower(line), s) {
			return true
		}
	}
	return false
}

// borrows reports a line that reads what is not the page's own.
func borrows(line string) bool {
	lower := strings.ToLower(line)
	for _, s := range []string{"clipboard.read", "document.cookie", "localstorage.getitem", "getusermedia", "getcurrentposition", "navigator.credentials"} {
		if strings.Contains(lower, s) {
			return !strings.Contains(lower, "\"click\"") && !strings.Contains(lower, "onclick")
		}
	}
	return false
}

var handlerNames = []string{"onerror=", "onload=", "onmouseover=", "onfocus=", "ontoggle=", "onanimationstart=", "onpointerenter=", "javascript:"}

var (
	acts   = pieceOf("sink", "stolen", "evaluate", "fetch", "appcall", "decode")
	leaves = pieceOf("sink", "appcall")
	data   = pieceOf("stolen", "evaluate", "sink")
)

const maxHandlers = 20 // of one sort that are looked at

// handlers reports elements whose handler runs by itself and does more than draw.
func (w *writer) handlers(i, v int, text, lower string) {
	for _, h := range handlerNames {
		at := 0
		for range maxHandlers {
			n := strings.Index(lower[at:], h)
			if n < 0 {
				break
			}
			if w.handler(i, v, text, lower, at+n) {
				return
			}
			at += n + len(h)
		}
	}
}

// handler looks at the handler at n.
func (w *writer) handler(i, v int, text, lower string, n int) bool {
	open := strings.LastIndexByte(lower[max(0, n-lookBack):n], '<')
	if open < 0 {
		return false
	}
	end := min(len(text), n+lookBack)
	if stop := strings.IndexByte(text[n:end], '>'); stop > 0 {
		end = n + stop
	}
	w.parts = code.find(text, n, end, w.parts[:0])
	if m := pieces(w.parts); m&acts == 0 || m&data == 0 || has(w.near(i, v, text, n, end), quoted) {
		return false
	}
	w.Report(actingMarkup, nil, w.span(i, v, max(0, n-lookBack)+open, end))
	return true
}

// page looks at a whole page.
func (w *writer) page(i, v int, text, lower string) {
	w.parts = code.find(text, 0, len(text), w.parts[:0])
	seen := pieces(w.parts)
	foreign := w.outward(text, 0, len(text))
	fields := strings.Contains(lower, "<input") || strings.Contains(lower, "<textarea")
	if fields && seen&leaves != 0 {
		n := w.asked(i, v)
		if n < 0 && foreign {
			n = w.labelled(i, v, lower)
		}
		if n >= 0 {
			w.Report(secretForm, nil, w.span(i, v, n, min(len(text), n+lookBack)))
		}
	}
	if n := strings.Index(lower, "document.cookie"); n >= 0 && foreign && strings.Contains(lower, "<script src=") && !strings.Contains(lower, "integrity=") {
		w.Report(remoteScript, nil, w.span(i, v, n, n+len("document.cookie")))
	}
	if n := strings.Index(lower, ".submit()"); n >= 0 && foreign && strings.Contains(lower, "<form") && !strings.Contains(lower, "onclick") {
		w.Report(selfSubmit, nil, w.span(i, v, n, n+len(".submit()")))
	}
	for _, run := range []string{"eval(", "function(e.data", "function(event.data", "function(m.data", "function(msg.data"} {
		if n := strings.Index(lower, run); n >= 0 && foreign && strings.Contains(lower, "websocket(") {
			w.Report(remoteScript, nil, w.span(i, v, n, n+len(run)))
			break
		}
	}
	w.layers(i, v, text, lower, foreign)
	w.hiddenFields(i, v, text, lower)
	w.buttons(i, v, text, lower)
}

// unseen are styles of what is there but can't be seen.
var unseen = []string{"opacity:0;", "opacity:0\"", "opacity:0'", "opacity:0}", "opacity: 0;", "opacity: 0\"", "opacity:.0", "opacity:0.0", "opacity: 0.0"}

// layers looks at layers and frames.
func (w *writer) layers(i, v int, text, lower string, foreign bool) {
	for _, u := range unseen {
		n := strings.Index(lower, u)
		if n < 0 || !strings.Contains(lower, "absolute") && !strings.Contains(lower, "fixed") {
			continue
		}
		if strings.Contains(lower, "<iframe") || strings.Contains(lower, "onclick") || strings.Contains(lower, "<a href") || strings.Contains(lower, "<button") && strings.Contains(lower, "servertool") {
			w.Report(hiddenLayer, nil, w.span(i, v, n, n+len(u)))
			break
		}
	}
	n := strings.Index(lower, "<iframe")
	if n < 0 || !foreign {
		return
	}
	tag := lower[n:]
	if end := strings.IndexByte(tag, '>'); end > 0 {
		tag = tag[:end]
	}
	confined := !strings.Contains(tag, "allow-same-origin") && !strings.Contains(tag, "allow-top-navigation")
	listens := strings.Contains(tag, "clipboard-read") || strings.Contains(tag, "microphone") || strings.Contains(tag, "camera") || strings.Contains(tag, "display-capture")
	small := strings.Contains(tag, "width=\"0\"") || strings.Contains(tag, "width=\"1\"") || strings.Contains(tag, "width:0") || strings.Contains(tag, "width:1px") || strings.Contains(tag, "display:none") || strings.Contains(tag, "hidden")
	if !confined || listens || small {
		w.Report(looseFrame, nil, w.span(i, v, n, n+len(tag)))
	}
}

const maxCell = 600 // bytes; a longer text with a script is a page

// stray reports a script in a short text that is no page.
func (w *writer) stray(i, v int, text, lower string) {
	n := strings.Index(lower, "<script")
	if n < 0 || len(text) > maxCell || strings.Contains(lower, "<html") || strings.Contains(lower, "<body") || has(w.about(i, v, 0, len(text)), quoted) {
		return
	}
	w.parts = code.find(text, n, len(text), w.parts[:0])
	if pieces(w.parts)&data == 0 && !strings.Contains(lower[n:], "<script src=") || !w.outward(text, n, len(text)) && pieces(w.parts)&pieceOf("stolen") == 0 {
		return
	}
	w.Report(strayScript, nil, w.span(i, v, n, len(text)))
}

// labelled returns where a page that sends to somebody else has a field for a secret, or -1.
func (w *writer) labelled(i, v int, lower string) int {
	if n := strings.Index(lower, "type=\"password\""); n >= 0 {
		return n
	}
	n := strings.Index(lower, "<label")
	if n < 0 {
		return -1
	}
	for _, h := range w.Signals(i, v) {
		if h.Start > n && proofs.Has(h.Signal) {
			return h.Start
		}
	}
	return -1
}

var proofs = words("password", "otp", "card")

// asked returns where a page asks for a secret, or -1.
func (w *writer) asked(i, v int) int {
	hits := w.Signals(i, v)
	for len(hits) > 0 {
		n, secret := 0, -1
		var about directive.Signals
		for ; n < len(hits) && hits[n].Sentence == hits[0].Sentence; n++ {
			if about.Add(hits[n].Signal); secret < 0 && secrets.Has(hits[n].Signal) {
				secret = hits[n].Start
			}
		}
		if secret >= 0 && has(about, asking) && !has(about, quoted) {
			return secret
		}
		hits = hits[n:]
	}
	return -1
}

const maxFields = 50

// hiddenFields reports prose for the model in the values of hidden fields.
func (w *writer) hiddenFields(i, v int, text, lower string) {
	at := 0
	for range maxFields {
		n := strings.Index(lower[at:], "type=\"hidden\"")
		if n < 0 {
			return
		}
		at += n + 1
		end := at + strings.IndexByte(lower[at:]+">", '>')
		start := strings.Index(lower[at:end], "value=\"")
		if start < 0 {
			continue
		}
		value := text[at+start : end]
		if m := w.about(i, v, at+start, end); len(strings.Fields(value)) >= minWords && has(m, agent) && has(m, ordering) {
			w.Report(hiddenOrder, nil, w.span(i, v, at+start, end))
			return
		}
	}
}

// buttons reports two buttons with one and the same deed.
func (w *writer) buttons(i, v int, text, lower string) {
	seen := map[string]bool{}
	at := 0
	for range maxFields {
		n := strings.Index(lower[at:], "onclick=\"")
		if n < 0 {
			return
		}
		at += n + len("onclick=\"")
		end := at + strings.IndexByte(lower[at:]+"\"", '"')
		deed := text[at:end]
		if seen[deed] && strings.Contains(lower[at:end], "call") {
			w.Report(twinButtons, nil, w.span(i, v, at, end))
			return
		}
		if w.mislabels(i, v, text, at, end) {
			return
		}
		seen[deed] = true
		at = end
	}
}

var (
	harmless = words("reading")
	showing  = check.Signals("rendering.show")
)

// mislabels reports a button at whose click something is changed while it says that something is shown.
func (w *writer) mislabels(i, v int, text string, start, end int) bool {
	open := end + strings.IndexByte(text[end:], '>') + 1
	if open <= end || !strings.Contains(strings.ToLower(text[start:end]), "tool") {
		return false
	}
	stop := open + strings.IndexByte(text[open:], '<')
	if stop <= open || stop-open > maxLabel {
		return false
	}
	label := w.about(i, v, open, stop)
	if !has(w.about(i, v, start, end), harmful) || has(label, harmful) || !has(label, harmless.With(showing)) {
		return false
	}
	w.Report(twinButtons, nil, w.span(i, v, start, stop))
	return true
}

const maxLabel = 80 // bytes of what a button says

// anyHost are sources of a content policy that let everybody in.
var anyHost = map[string]bool{"*": true, "https:": true, "http:": true, "wss:": true, "ws:": true, "data:": true, "https://*": true, "http://*": true, "wss://*": true, "*:*": true, "'unsafe-eval'": true}

const tooManyRights = 3

var sensitive = map[string]bool{"camera": true, "microphone": true, "clipboardRead": true, "geolocation": true, "displayCapture": true}

// inside reports a source of a content policy in the person's own network.
func inside(value string) bool {
	return strings.Contains(value, "127.0.0.1") || strings.Contains(value, "localhost") || strings.Contains(value, "//192.168.") || strings.Contains(value, "//10.") || strings.HasSuffix(value, ":*")
}

var metaMember = []byte("_meta")

// policy looks at the declaration of a page.
func policy(e *check.Event) {
	if !bytes.Contains(e.Input.Event.Body, metaMember) {
		return
	}
	rights, last, outside := 0, 0, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		name := check.Last(s)
		switch {
		case s.Key && sensitive[name] && strings.HasSuffix(s.Pointer, "/permissions/"+name):
			rights, last = rights+1, i
		case !s.Key && strings.Contains(s.Pointer, "/csp/"):
			value := s.Views[0].Text
			if anyHost[value] || inside(value) || strings.HasPrefix(value, "https://*.") && strings.Count(value, ".") == 1 {
				e.Report(lintPolicy, nil, e.Whole(i))
				return
			}
			host, _, _ := hosts.In(value, 0, len(value))
			if strings.Contains(s.Pointer, "/connectDomains/") && host != "" && !hosts.Known(host) && !hosts.Related(host, e.Input.Event.Server) {
				outside = i
			}
		}
	}
	switch {
	case rights >= tooManyRights:
		e.Report(lintPolicy, nil, e.Whole(last))
	case rights > 0 && outside >= 0:
		e.Report(lintPolicy, nil, e.Whole(last), e.Whole(outside))
	}
}
