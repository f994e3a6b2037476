package rendering

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/detectors/internal/hosts"
	"github.com/aad6b6dc/taster/models"
)

var (
	leakingLink    = rule("leaking-link", "C5", models.SeverityHigh, 0.8, "Has an image or a link whose address is to be filled with data, or carries them: opening it sends them away.")
	openEnd        = rule("open-address", "C5", models.SeverityHigh, 0.7, "Has an address that is to be completed with data of the session.")
	falseLabel     = rule("false-label", "C5", models.SeverityHigh, 0.6, "Has a link that shows one address and leads to another.")
	trackedAddress = rule("telling-address", "C5", models.SeverityHigh, 0.65, "Has an address that tells its host who somebody is.")
)

// opening says what makes a client open an address.
type opening uint8

const (
	plainText opening = iota
	onClick
	atOnce // an image, an icon, a preview
)

// link is an address in a text.
type link struct {
	start, end int
	host       string
	opening    opening
}

const maxLinks = 200 // of one text

func (w *writer) links(i, v int, text string) {
	for at, n := 0, 0; at < len(text) && n < maxLinks; n++ {
		host, start, end := hosts.In(text, at, len(text))
		if start < 0 {
			return
		}
		at = max(end, at+1)
		if !strings.HasPrefix(text[start:], "http") || host == "" {
			continue
		}
		l := link{start: start, end: trim(text, start, end), host: host}
		l.opening = w.opens(i, text, l.start)
		w.link(i, v, text, l)
	}
}

// trim drops the marks behind an address that belong to the sentence.
func trim(text string, start, end int) int {
	for end > start && strings.IndexByte(".,:!", text[end-1]) >= 0 {
		end--
	}
	if n := strings.IndexAny(text[start:end], "，。、）；："); n > 0 {
		end = start + n
	}
	return end
}

const lookBack = 200 // bytes before an address that may make it an image

// opens says how an address at start is opened.
func (w *writer) opens(i int, text string, start int) opening {
	s := &w.Segments[i]
	before := text[max(0, start-lookBack):start]
	switch {
	case strings.HasSuffix(before, "]("):
		if open := opened(before[:len(before)-2]); open > 0 && before[open-1] == '!' {
			return atOnce
		}
		return onClick
	case start == 0:
		return openers[check.Last(s)]
	case strings.HasSuffix(before, "]: ") || strings.HasSuffix(before, "]:"):
		return reference(text, strings.ToLower(before))
	case strings.HasSuffix(before, "]8;;"):
		return onClick
	case endsWith(before, "url(") || endsWith(before, "url('") || endsWith(before, "url(\"") || endsWith(before, ";url=") || endsWith(before, "; url="):
		return atOnce
	}
	tag := before[strings.LastIndexByte(before, '<')+1:]
	element, _, spaced := strings.Cut(tag, " ")
	if spaced && strings.IndexByte(tag, '=') > 0 && slices.ContainsFunc(loading, func(t string) bool { return strings.EqualFold(element, t) }) {
		return atOnce
	}
	if spaced && strings.EqualFold(element, "a") && endsWith(strings.TrimRight(before, "\"'"), "href=") {
		return onClick
	}
	return plainText
}

// loading are elements that load what they point to.
var loading = []string{"img", "image", "iframe", "script", "link", "object", "embed", "video", "audio", "source", "input", "body", "use", "feimage"}

// endsWith reports whether text ends with end, whatever the case of its letters.
func endsWith(text, end string) bool {
	return len(text) >= len(end) && strings.EqualFold(text[len(text)-len(end):], end)
}

// opened returns where the bracket that is closed behind text was opened, or -1.
func opened(text string) int {
	for i, depth := len(text)-1, 0; i >= 0; i-- {
		switch text[i] {
		case ']':
			depth++
		case '[':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// openers are members whose value a client opens.
var openers = map[string]opening{
	"src": atOnce, "icon": atOnce, "iconUrl": atOnce, "icon_url": atOnce, "image": atOnce, "imageUrl": atOnce, "thumbnail": atOnce, "logo": atOnce,
	"preview": atOnce, "uri": atOnce, "url": onClick, "href": onClick, "link": onClick, "websiteUrl": onClick, "documentationUrl": onClick,
}

const maxReferred = 8 << 10 // bytes that are searched for the use of a definition

// reference says how the address of a definition, [id]: https://..., is opened.
func reference(text, before string) opening {
	open := strings.LastIndexByte(before, '[')
	if open < 0 {
		return plainText
	}
	id := strings.TrimRight(before[open:], ": ")
	text = text[:min(len(text), maxReferred)]
	if n := strings.Index(strings.ToLower(text), "]"+id); n > 0 && strings.LastIndex(text[:n], "![") > strings.LastIndex(text[:n], "]") {
		return atOnce
	}
	return onClick
}

var (
	filling = words("content")
	inward  = words("context", "inner", "private", "password", "token", "card", "otp", "identity", "profile")
	telling = check.Signals("rendering.follow")
	shown   = check.Signals("rendering.picture")
	whole   = words("verbatim", "context", "inner")
)

const around = 300 // bytes before and behind an address that may say what belongs into it

// link judges one address.
func (w *writer) link(i, v int, text string, l link) {
	address := text[l.start:l.end]
	rest := address[min(len(address), strings.Index(address, "://")+3+len(l.host)):]
	if knownHost(l.host) || l.opening != atOnce && hosts.Known(l.host) || w.Input.Event.Kind == models.KindToolCall && l.opening != atOnce {
		return
	}
	if w.offersServer(address, l.host, rest) && has(w.near(i, v, text, l.start, l.end), joining) {
		w.Report(strangeServer, nil, w.span(i, v, l.start, l.end))
	}
	if offersFile(rest) && w.judge(l.host, address) == shady && installs(w.near(i, v, text, l.start, l.end)) {
		w.Report(strangeServer, nil, w.span(i, v, l.start, l.end))
	}
	slot := slotIn(rest)
	if inner := lastSlot(text[l.end:min(len(text), l.end+maxSlots)]); inner != "" {
		slot = inner
	}
	if slot == "" {
		slot = defined(text[l.end:], rest)
	}
	if slot == "" && strings.ContainsAny(l.host, "{$") {
		slot = l.host
	}
	if slot == "" && l.end < len(text) && text[l.end] == '<' && strings.HasSuffix(rest, "=") {
		slot = untilClosed(text[l.end+1:])
	}
	open := unfinished(rest)
	if slot == "" && !open && l.opening == plainText && !strings.HasSuffix(rest, "/") && len(rest) < minPacked && len(l.host) < minLongHost {
		return
	}
	span := w.span(i, v, l.start, l.end)
	about := func() directive.Signals { return w.near(i, v, text, l.start, l.end) }
	switch {
	case slot != "" && has(about(), quoted):
	case slot != "" && l.opening == atOnce && !isTemplate(w, i):
		w.Report(leakingLink, nil, span)
	case strings.Contains(slot, " ") && l.opening != atOnce && has(w.about(i, v, l.start, l.end+maxSlots), inward.With(filling)):
		w.ReportAs(leakingLink, models.SeverityHigh, 0.7, nil, span)
	case slot != "" && (l.opening == onClick && asksForPrivate(slot) || isPlaceholder(slot) && explained(text, slot, l) && has(about(), inward)):
		w.ReportAs(leakingLink, models.SeverityHigh, 0.7, nil, span)
	case (open || strings.HasSuffix(rest, "/")) && joined(text, l) && has(about(), inward) && !has(about(), quoted):
		w.Report(openEnd, nil, span)
	case open && (l.opening == atOnce || has(about(), inward) || has(about(), telling) && has(about(), filling.With(shown))) && !has(about(), quoted) && l.end < len(text):
		w.Report(openEnd, nil, span)
	case slot == "" && (open || strings.HasSuffix(rest, "/")) && l.opening != atOnce && completes(about()):
		w.Report(openEnd, nil, span)
	case hosts.Known(l.host):
	case l.opening != plainText && packedText(rest):
		w.Report(leakingLink, nil, span)
	case l.opening == onClick && mislabelled(text, l):
		w.Report(falseLabel, nil, span)
	case longHost(l.host):
		w.Report(leakingLink, nil, span)
	case l.opening == atOnce && w.repeats(i, text, l, rest):
		w.Report(trackedAddress, nil, span)
	case tells(rest) && (l.opening != plainText || w.Input.Event.Kind == models.KindElicitation):
		w.Report(trackedAddress, nil, span)
	}
}

// offersServer reports the address of a server in figures or without encryption.
func (w *writer) offersServer(address, host, rest string) bool {
	path, _, _ := strings.Cut(rest, "?")
	for _, end := range []string{"/mcp", "/sse", "/mcp/", "/sse/"} {
		if strings.HasSuffix(path, end) {
			return w.judge(host, address) == shady
		}
	}
	return false
}

// offersFile reports a path to something that can be installed.
func offersFile(rest string) bool {
	path, _, _ := strings.Cut(strings.ToLower(rest), "?")
	for _, end := range []string{".tgz", ".tar.gz", ".zip", ".whl", ".deb", ".rpm", ".exe", ".msi", ".dmg", ".pkg", ".vsix", ".mcpb", ".dxt", ".crx", ".apk", ".jar", ".ps1", ".sh"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}

var (
	fetching = words("install")
	packaged = words("package")
)

func installs(about directive.Signals) bool {
	return has(about, fetching) && has(about, packaged) && !has(about, quoted)
}

var joining = words("install", "agent", "unreviewed")

// unfinished reports a query whose last parameter has no value.
func unfinished(rest string) bool {
	last := rest[strings.LastIndexAny(rest, "?&")+1:]
	return len(last) > 1 && len(last) < len(rest) && strings.IndexByte(last, '=') == len(last)-1
}

// completes reports text that tells what is to be put behind an address.
func completes(about directive.Signals) bool {
	return has(about, telling) && !has(about, quoted) && has(about, inward.With(whole).With(filling)) && has(about, shown.With(inward))
}

// mislabelled reports a Markdown link whose text is an address of somebody else.
func mislabelled(text string, l link) bool {
	if l.start < 2 || text[l.start-2:l.start] != "](" {
		return false
	}
	open := strings.LastIndexByte(text[max(0, l.start-lookBack):l.start-2], '[')
	if open < 0 {
		return false
	}
	label := text[max(0, l.start-lookBack)+open+1 : l.start-2]
	if !strings.Contains(label, "://") {
		if label = "https://" + label; strings.ContainsAny(label, " _") || strings.Count(label, ".") == 0 || !domain(label) {
			return false
		}
	}
	host, _, _ := hosts.In(label, 0, len(label))
	return strings.Contains(host, ".") && !hosts.Related(host, l.host) && !hosts.Known(l.host)
}

// domain reports an address whose host ends as domains do, not as files do.
func domain(address string) bool {
	host, _, _ := hosts.In(address, 0, len(address))
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "com", "org", "net", "example", "test", "io", "dev", "app", "co", "de", "fr", "uk", "eu", "gov", "edu", "bank":
		return true
	}
	return false
}

const (
	minLongHost  = 60 // bytes of a host that may carry something
	minLongLabel = 32 // bytes of a label that does
)

// longHost reports a host with labels that carry data: long, and of letters and figures only.
func longHost(host string) bool {
	if len(host) < minLongHost {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) >= minLongLabel && strings.ContainsAny(label, "0123456789") && !strings.Contains(label, "-") {
			return true
		}
	}
	return false
}

const (
	minRepeated = 3 // values that an address has in common with the rest of a text
	minValue    = 3 // bytes of a value that says something
)

// repeats reports an address of somebody else that carries several values of the text that it stands in.
func (w *writer) repeats(i int, text string, l link, rest string) bool {
	_, query, found := strings.Cut(rest, "?")
	if !found || hosts.Known(l.host) || hosts.Related(l.host, w.Input.Event.Server) {
		return false
	}
	n := 0
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		_, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		if len(value) >= minValue && (strings.Contains(text[:l.start], value) || strings.Contains(text[l.end:min(len(text), l.end+maxReferred)], value)) {
			if n++; n >= minRepeated {
				return true
			}
		}
	}
	return n >= minRepeated-1 && strings.Count(query, "&") >= minRepeated
}

// defined returns a word in capitals in a path that the text behind the address says the meaning of.
func defined(text, rest string) string {
	path, _, _ := strings.Cut(rest, "?")
	for part := range strings.SplitSeq(path, "/") {
		word, _, _ := strings.Cut(part, ".")
		if !isPlaceholder(word) {
			continue
		}
		for _, verb := range []string{" is ", " are ", " stands for ", " being ", " = ", " ist ", " est ", " es "} {
			if strings.Contains(text[:min(len(text), around)], word+verb) {
				return word
			}
		}
	}
	return ""
}

const maxSlots = 300 // bytes behind an address that may hold slots in angle brackets

// lastSlot is the last slot in angle brackets of an address that goes on behind its first one: o/<invoice>?by=<what was said>.
func lastSlot(text string) (slot string) {
	for strings.HasPrefix(text, "<") {
		end := strings.IndexByte(text, '>')
		if end < 0 || strings.ContainsAny(text[1:end], "<\n/=\"") {
			return slot
		}
		slot, text = text[1:end], text[end+1:]
		for text != "" && strings.IndexByte(" \t\r\n\"'`<>|;)\\", text[0]) < 0 {
			text = text[1:]
		}
	}
	return slot
}

// joined reports an address that is put together with what follows: "/k/ + the number".
func joined(text string, l link) bool {
	rest := strings.TrimLeft(text[l.end:min(len(text), l.end+8)], "`\"' ")
	return strings.HasPrefix(rest, "+ ") || strings.HasPrefix(rest, "& ") || strings.HasPrefix(rest, "|| ")
}

// untilClosed is what stands before a closing angle bracket close by.
func untilClosed(text string) string {
	n := strings.IndexByte(text[:min(len(text), lookBack)], '>')
	if n < 0 {
		return ""
	}
	return text[:n]
}

// isTemplate reports whether the segment declares a template, whose slots the client fills.
func isTemplate(w *writer, i int) bool { return check.Last(&w.Segments[i]) == "uriTemplate" }

// explained reports whether the text says elsewhere what belongs into the slot.
func explained(text, slot string, l link) bool {
	return strings.Contains(text[:l.start], slot) || strings.Contains(text[l.end:], slot)
}

// knownHost reports hosts that show badges and charts with whatever stands in the address.
func knownHost(host string) bool {
	for _, h := range []string{"img.shields.io", "badgen.net", "badge.fury.io", "star-history.com", "quickchart.io", "githubusercontent.com", "github.com", "codecov.io", "amazonaws.com", "googleapis.com"} {
		if host == h || strings.HasSuffix(host, "."+h) {
			return true
		}
	}
	return hosts.Loopback(host)
}

// slotIn returns the placeholder in an address: {data}, ${x}, <x>, [x], or words in capitals such as REPLACE_WITH_X.
func slotIn(rest string) string {
	for _, pair := range []string{"{}", "<>", "[]"} {
		open := strings.IndexByte(rest, pair[0])
		if open < 0 {
			continue
		}
		if n := strings.IndexByte(rest[open:], pair[1]); n > 1 {
			return rest[open+1 : open+n]
		}
	}
	path, query, _ := strings.Cut(rest, "?")
	for part := range strings.SplitSeq(path, "/") {
		if strings.Contains(part, "_") && isPlaceholder(part) {
			return part
		}
	}
	for value := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '=' }) {
		if variable(value) {
			return value[1:]
		}
		if trimmed := strings.Trim(value, "%@#~_*:"); trimmed != value && isPlaceholder(trimmed) {
			return trimmed
		}
		if isPlaceholder(value) || value == "…" || value == "..." || value == "***" {
			return value
		}
	}
	return ""
}

// variable reports the name of a variable: $USER, $last_prompt.
func variable(value string) bool {
	return len(value) > minPlaceholder && value[0] == '$' && (inWord[value[1]] || value[1] == '_')
}

const minPlaceholder = 4 // capitals; shorter ones are codes

// isPlaceholder reports a word in capitals, or several joined by underscores.
func isPlaceholder(value string) bool {
	for i := range len(value) {
		if c := value[i]; c != '_' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(value) >= minPlaceholder
}

func asksForPrivate(slot string) bool {
	slot = strings.ToLower(slot)
	for _, word := range []string{"conversation", "history", "chat", "secret", "token", "password", "prompt", "message", "context", "summary", "credential", "env", "customer", "data", "content", "stolen", "exfil"} {
		if strings.Contains(slot, word) {
			return true
		}
	}
	return false
}

const (
	minPacked = 24 // characters; shorter values are ids
	minWords  = 4  // words that make a value a text
)

// packedText reports whether a query value or path element is text: in base64, or words joined by escapes. Signatures and
// digests decode to bytes that are no text.
func packedText(rest string) bool {
	path, query, _ := strings.Cut(rest, "?")
	for part := range strings.SplitSeq(query, "&") {
		if packed(part) {
			return true
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		if packed(part) {
			return true
		}
	}
	return false
}

// packed reports whether a parameter or a part of a path is text.
func packed(part string) bool {
	name, value, found := strings.Cut(part, "=")
	if !found {
		value = name
	}
	if len(value) < minPacked {
		return false
	}
	if plain, err := url.QueryUnescape(value); found && err == nil && plain != value && len(strings.Fields(plain)) >= minWords {
		return true
	}
	raw := strings.TrimRight(unsafe64.Replace(value), "=")
	plain, err := base64.RawStdEncoding.DecodeString(raw)
	return err == nil && readable(plain)
}

// unsafe64 turns the alphabet for addresses into the other.
var unsafe64 = strings.NewReplacer("-", "+", "_", "/")

// readable reports whether b is printable ASCII throughout, in several words.
func readable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' || c >= utf8.RuneSelf-1 {
			return false
		}
	}
	return true
}

// person are parameters that name somebody, secret those that open something.
var (
	person = map[string]bool{"name": true, "email": true, "mail": true, "phone": true, "tel": true, "iban": true, "ssn": true, "ein": true, "dob": true, "birth": true,
		"address": true, "spouse": true, "salary": true, "gross": true, "income": true, "diagnosis": true, "icd": true, "patient": true, "passport": true, "account": true, "card": true, "pan": true, "balance": true, "door": true}
	secret = map[string]bool{"tok": true, "token": true, "password": true, "pwd": true, "pass": true, "secret": true, "apikey": true, "api_key": true, "key": true, "access_token": true,
		"auth": true, "reg": true, "cred": true, "credentials": true, "cookie": true, "session": true, "env": true, "otp": true, "seed": true}
)

const minSecret = 12 // characters of a value that may open something

// tells reports a query that names a person in two ways or carries a secret, in an address within the address, too.
func tells(rest string) bool {
	_, query, found := strings.Cut(rest, "?")
	if !found {
		return false
	}
	if strings.Contains(query, "X-Amz-") || strings.Contains(query, "code_challenge") || strings.Contains(query, "Signature=") {
		return false
	}
	named, opens := map[string]bool{}, map[string]bool{}
	for range maxNested {
		for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '?' || r == ';' }) {
			name, value, _ := strings.Cut(part, "=")
			name = strings.ToLower(name)
			named[name] = named[name] || value != "" && (person[name] || strings.ContainsAny(value, "@") || strings.Contains(value, "%40"))
			opens[name] = opens[name] || secret[name] && len(value) >= minSecret
		}
		plain, err := url.QueryUnescape(query)
		if err != nil || plain == query {
			break
		}
		query = plain
	}
	return trues(named) >= 2 || trues(opens) >= 2
}

const maxNested = 3 // addresses within addresses

func trues(m map[string]bool) int {
	n := 0
	for _, v := range m {
		if v {
			n++
		}
	}
	return n
}
