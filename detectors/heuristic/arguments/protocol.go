package arguments

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// protocol looks at the shape of a call or result: members that two readers take for different things.
func protocol(e *check.Event) {
	if e.Event.Kind == models.KindToolCall {
		callShape(e)
	}
	var seen names
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key {
			seen.add(e, i)
			key(e, i, text)
			continue
		}
		_, last := cut(s.Pointer)
		switch {
		case last == "type" && contentItem.MatchString(s.Pointer) && e.Event.Kind == models.KindToolResult && !contents[text]:
			e.Report(hiddenMessage, nil, e.Whole(i))
		case otherTool(e, s, last, text):
			e.Report(headerMismatch, nil, e.Whole(i))
		case shortMembers[last] && e.Event.Kind == models.KindToolResult && headerLine.MatchString(text):
			e.Report(headerInValue, nil, e.Whole(i))
		case e.Event.Kind == models.KindToolCall && strings.ContainsAny(text, "\r\n") && check.Below(s, "/_meta") && headerLine.MatchString(text):
			e.Report(headerInValue, nil, e.Whole(i))
		case strings.HasPrefix(s.Pointer, "/inputRequests/") && last == "text" && workspaceWanted.MatchString(text):
			e.Report(hiddenMessage, nil, e.Whole(i))
		case onRecord[last] && e.Event.Kind == models.KindToolResult && contradicts(e, s, text):
			e.Report(contradiction, nil, e.Whole(i))
		case last == "method" && message(text):
			foreignMessage(e, i)
		case last == "requestState":
			requestState(e, i)
		case last == "nextCursor" || last == "cursor":
			cursor(e, i, text)
		}
	}
}

// shortMembers are members of a result that have one line.
var shortMembers = wordSet(`uri mimeType nextCursor cursor name title progressToken cacheKey taskId requestState`)

// otherTool reports whether a member beside the arguments names a tool other than the one that is called.
func otherTool(e *check.Event, s *models.Segment, last, text string) bool {
	if e.Event.Kind != models.KindToolCall || !check.Below(s, "/_meta") || text == toolName(e) || !strings.Contains(text, "_") || strings.ContainsAny(text, " /:") {
		return false
	}
	name := snake(last)
	return strings.HasSuffix(name, "tool") || strings.HasSuffix(name, "tool_name") || strings.HasSuffix(name, "toolname") || anyWord(name, toolMember) || name == "mcp_name" || name == "call" || name == "calls"
}

var toolMember = wordSet(`tool`)

// cursor looks at a cursor that carries more than a place in a list.
func cursor(e *check.Event, i int, text string) {
	if m := breaksOut(text); m != nil {
		e.Report(hiddenMessage, nil, models.Span{Segment: i, Start: m[0], End: len(text)})
		return
	}
	if decoded, err := base64.StdEncoding.DecodeString(text + strings.Repeat("=", -len(text)&3)); err == nil && cursorOrder.Match(decoded) {
		e.Report(hiddenMessage, nil, e.Whole(i))
	}
}

// cursorOrder is a call in a cursor.
var cursorOrder = regexp.MustCompile(`"(?:method|tool|name|arguments|role|isAdmin|is_admin|as_user|jsonrpc)"\s*:`)

// workspaceWanted is a request to the client's model for what the server has no business with.
var workspaceWanted = regexp.MustCompile(`(?i)\b(?:print|list|read|show|output|dump|include|repeat|paste)\b.{0,40}\b(?:files?|workspace|environment|secrets?|history|conversation|passwords?|keys|system prompt|context)\b`)

// onRecord are members that hold what another one is compared with.
var onRecord = wordSet(`on_file on_record registered expected original known_account account_on_file iban_on_file`)

var accounts = wordSet(`iban account account_no account_number bank_account wallet address to_account`)

// contradicts reports whether a member next to the one on record differs from it, while a third says that they match.
func contradicts(e *check.Event, s *models.Segment, text string) bool {
	parent, _ := cut(s.Pointer)
	says, differs := false, false
	for i := range e.Segments {
		other := &e.Segments[i]
		if p, last := cut(other.Pointer); p != parent {
			continue
		} else if other.Key {
			says = says || (last == "match" || last == "matches" || last == "equal" || last == "valid") && rawValue(e, i) == 't'
		} else if accounts[last] && other.Views[0].Text != text {
			differs = true
		}
	}
	return says && differs
}

// callShape reports a name that is no name, and arguments that are no object.
func callShape(e *check.Event) {
	if i, ok := e.At("/name", false); ok && strings.ContainsAny(e.Segments[i].Views[0].Text, "\x00\n\r\t,;\"'{}<>|&$`\\") {
		e.Report(hiddenMessage, nil, e.Whole(i))
	}
	if i, ok := e.At("/arguments", false); ok {
		e.Report(hiddenMessage, nil, e.Whole(i))
	}
}

// names remembers the members of an event, to find those that come twice.
type names struct{ bloom [256]uint64 }

// maxNames limits the members that are compared with each other.
const maxNames = 2048

// add reports member i if its object has it already, in the same letters or in what looks the same.
func (n *names) add(e *check.Event, i int) {
	s := &e.Segments[i]
	parent, last := cut(s.Pointer)
	h := uint32(2166136261)
	for j := range len(parent) {
		h = (h ^ uint32(parent[j])) * 16777619
	}
	for _, r := range skeleton(last) {
		h = (h ^ uint32(unicode.ToLower(r))) * 16777619
	}
	slot, bit := h%uint32(len(n.bloom)), uint64(1)<<(h>>26)
	if n.bloom[slot]&bit != 0 && i < maxNames {
		for j := i - 1; j >= 0; j-- {
			other := &e.Segments[j]
			if other.Key && len(other.Pointer) > 0 && same(other.Pointer, s.Pointer) {
				e.Report(duplicateMember, nil, e.Whole(i))
				return
			}
		}
	}
	n.bloom[slot] |= bit
}

func visible(r rune) bool { return unicode.IsGraphic(r) && r != ' ' && r != '\u00a0' }

// same reports whether two pointers differ by letter case, blanks and what can't be seen at most.
func same(a, b string) bool {
	if a == b {
		return true
	}
	pa, la := cut(a)
	pb, lb := cut(b)
	return pa == pb && strings.EqualFold(skeleton(la), skeleton(lb)) && skeleton(la) != ""
}

// skeleton is a name as it looks: without what can't be seen, and with letters of other scripts and widths as the Latin
// ones that they look like.
func skeleton(name string) string {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return lookalikes.Replace(norm.NFKC.String(strings.Map(seen, name)))
		}
	}
	return strings.Map(seen, name)
}

var lookalikes = strings.NewReplacer("а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "і", "i", "ѕ", "s", "ј", "j", "ԁ", "d", "ո", "n", "ο", "o", "α", "a", "ν", "v", "ι", "i", "ı", "i")

func seen(r rune) rune {
	if visible(r) {
		return r
	}
	return -1
}

// key looks at a member's name.
func key(e *check.Event, i int, name string) {
	pointer := e.Segments[i].Pointer
	if pointer == "" {
		return
	}
	switch lower := strings.ToLower(name); {
	case strings.Contains(lower, "__proto__") || strings.Contains(lower, "constructor.prototype") || strings.Contains(lower, "constructor[") || strings.Contains(lower, "__class__") || strings.Contains(lower, "__globals__") || strings.Contains(lower, "__init__") || strings.HasPrefix(lower, "__define") || strings.HasPrefix(lower, "__lookup") || objectMethods[name] && e.Event.Kind == models.KindToolCall:
		e.Report(prototypeMember, nil, e.Whole(i))
	case lower == "prototype":
		if parent, _ := cut(pointer); strings.HasSuffix(parent, "/constructor") {
			j, _ := e.At(parent, true)
			e.Report(prototypeMember, nil, e.Whole(j), e.Whole(i))
		}
	case strings.HasPrefix(lower, "mcp-"):
		header(e, i, lower)
	case name == "$set" || name == "$unset" || name == "$push" || name == "$merge":
		if e.Event.Kind == models.KindToolResult {
			e.Report(hiddenMessage, nil, e.Whole(i))
		}
	case members[e.Event.Kind] != nil && strings.Count(pointer, "/") == 1 && !members[e.Event.Kind][pointer] && messageBody(e):
		e.Report(hiddenMessage, nil, e.Whole(i))
	case wrongType(e, i, pointer):
		e.Report(hiddenMessage, nil, e.Whole(i))
	case elevated[name] && rawValue(e, i) == 't' && e.Event.Kind == models.KindToolCall && !grants(toolName(e)):
		e.Report(guardOff, nil, e.Whole(i))
	case lower == "role" && contentItem.MatchString(pointer):
		e.Report(hiddenMessage, nil, e.Whole(i))
	case smuggling[lower]:
		e.Report(headerInValue, nil, e.Whole(i))
	case metadataHeaders[lower] && e.Event.Kind == models.KindToolCall:
		e.Report(metadataAddress, nil, e.Whole(i))
	case strings.HasSuffix(lower, "requeststate") && pointer != "/requestState":
		j, ok := e.At(pointer, false)
		if k, real := e.At("/requestState", false); ok && real && e.Segments[j].Views[0].Text != e.Segments[k].Views[0].Text {
			e.Report(forgedState, nil, e.Whole(k), e.Whole(j))
		}
	case strings.ContainsFunc(name, unicode.IsControl) && !strings.ContainsAny(name, "\n\t"):
		e.Report(duplicateMember, nil, e.Whole(i))
	case concealed(pointer):
		guard(e, i, lower)
	}
}

// messageBody reports whether the event is the message itself, not something else that was recorded as one.
func messageBody(e *check.Event) bool {
	if e.Event.Kind == models.KindToolCall {
		_, ok := e.At("/name", false)
		return ok
	}
	_, ok := e.At("/content", true)
	return ok
}

// wrongType reports whether a member of the protocol has a type that it can't have.
func wrongType(e *check.Event, i int, pointer string) bool {
	if e.Event.Kind != models.KindToolResult {
		return false
	}
	c := rawValue(e, i)
	switch pointer {
	case "/isError":
		return c != 't' && c != 'f' && c != 'n'
	case "/content":
		return c != '[' && c != '"'
	case "/nextCursor", "/requestState":
		return c != '"' && c != 'n'
	}
	return false
}

// contentItem is a member of an element of a result's content.
var contentItem = regexp.MustCompile(`^/content/\d+/[^/]+$`)

// elevated are members that make somebody more than they are.
var elevated = wordSet(`is_admin isAdmin is_superuser isSuperuser is_staff isStaff is_root isRoot superuser bypass_auth bypassAuth bypass_approval bypassApproval skip_auth skipAuth skip_approval skipApproval skip_authorization
	skipAuthorization skip_mfa skipMfa bypass_mfa bypassMfa skip_permission_check skipPermissionCheck bypass_permissions bypassPermissions auto_approve autoApprove pre_approved preApproved ignore_acl ignoreAcl skip_consent skipConsent disable_audit disableAudit skip_audit skipAudit`)

// grants reports whether the tool is for rights.
func grants(tool string) bool { return anyWord(snake(tool), granters) }

var granters = wordSet(`role roles grant permission permissions admin user users invite policy settings config configure promote member members terraform tofu pulumi apply destroy deploy`)

// smuggling are headers by which two servers read one request differently; metadataHeaders open a cloud's metadata service.
var (
	smuggling       = wordSet(`transfer-encoding x-http-method-override x-http-method x-method-override x-original-url x-rewrite-url`)
	metadataHeaders = wordSet(`metadata-flavor x-google-metadata-request x-aws-ec2-metadata-token x-aws-ec2-metadata-token-ttl-seconds`)
)

// objectMethods are members that a program calls when it compares or prints an object.
var objectMethods = wordSet(`valueOf toString toJSON hasOwnProperty isPrototypeOf toLocaleString`)

// header compares a header that a member repeats with the call that it stands in.
func header(e *check.Event, i int, name string) {
	j, ok := e.At(e.Segments[i].Pointer, false)
	if !ok || e.Event.Kind != models.KindToolCall {
		return
	}
	value := e.Segments[j].Views[0].Text
	want := ""
	switch {
	case name == "mcp-name":
		want = toolName(e)
	case name == "mcp-method":
		want = "tools/call"
	case strings.HasPrefix(name, "mcp-param-"):
		if k, ok := argument(e, name[len("mcp-param-"):]); ok {
			want = e.Segments[k].Views[0].Text
		}
	case name == "mcp-protocol-version":
		if k, ok := e.At("/_meta/protocolVersion", false); ok {
			want = e.Segments[k].Views[0].Text
		}
	}
	if want != "" && value != want {
		e.Report(headerMismatch, nil, e.Whole(j))
	}
}

// argument finds the string argument of that name, in any letter case.
func argument(e *check.Event, name string) (int, bool) {
	for i := range e.Segments {
		if s := &e.Segments[i]; !s.Key {
			if parent, last := cut(s.Pointer); parent == "/arguments" && strings.EqualFold(last, name) {
				return i, true
			}
		}
	}
	return 0, false
}

// message reports whether the text is the name of a message of the protocol that does something.
func message(text string) bool {
	switch text {
	case "tools/call", "sampling/createMessage", "elicitation/create", "resources/read", "resources/subscribe", "prompts/get", "initialize", "tasks/cancel", "tasks/result", "logging/setLevel", "roots/list", "completion/complete", "tools/list":
		return true
	}
	return strings.HasPrefix(text, "notifications/")
}

// mayRequest reports whether a result may ask the client for such a message.
func mayRequest(method string) bool {
	return method == "elicitation/create" || method == "sampling/createMessage" || method == "roots/list"
}

// members are what a call and a result may have, in any revision of the protocol.
var members = map[models.Kind]map[string]bool{
	models.KindToolCall: wordSet("/name /arguments /_meta /task /requestState /inputResponses /progressToken"),
	models.KindToolResult: wordSet(`/content /structuredContent /isError /_meta /resultType /contents /messages /description /nextCursor /ttlMs /cacheScope /task /inputRequests /requestState
		/completion /resources /resourceTemplates /toolResult /uri /mimeType /text`),
}

// contents are the types of content that a result may have.
var contents = wordSet(`text image audio video resource resource_link embedded_resource json`)

// foreignMessage reports a message of the protocol inside of another one. A list of what a server said has no params.
func foreignMessage(e *check.Event, i int) {
	parent, _ := cut(e.Segments[i].Pointer)
	if requests, _ := cut(parent); requests == "/inputRequests" && mayRequest(e.Segments[i].Views[0].Text) {
		return
	}
	for _, member := range []string{"/params", "/jsonrpc"} {
		if j, ok := e.At(parent+member, true); ok {
			e.Report(hiddenMessage, nil, e.Whole(i), e.Whole(j))
			return
		}
	}
}

// breakout of JSON: a quote that ends a string which is no JSON itself, with members behind it.
var jsonBreakout = regexp.MustCompile(`["']\s*\}*\s*,\s*\{?\s*["']?[\p{L}\p{M}\w$.-]+["']\s*:\s*["'{\[\dtfn]`)

// breaksOut finds where a plain value goes on with members of its own.
func breaksOut(text string) []int {
	m := jsonBreakout.FindStringIndex(text)
	if m == nil || strings.ContainsAny(text[:m[0]], "\"{[") {
		return nil
	}
	return m
}

// headerLine is a header behind a line break that a value brings along.
var headerLine = regexp.MustCompile(`(?i)(?:%0d%0a|%0a|%e5%98%8a|\\r\\n|\r\n|\n)\s*((?:mcp-[\w-]+|x-[\w-]+|host|set-cookie|location|content-length|content-type|transfer-encoding|authorization|proxy-authorization|cookie|bcc|cc|to|from|reply-to|subject|connection|upgrade|access-control-[\w-]+|link|refresh)\s*:|http/\d|(?:get|post|put|delete|patch)\s+/\S*\s+http/)`)

// judgeProtocol looks for a header or members that a value smuggles into the message which it is put in.
func judgeProtocol(v *value) (*check.Rule, int, int) {
	if strings.Contains(v.text, "%") || v.role == data && strings.ContainsAny(v.text, "\n\\") && strings.Count(v.text, "\n") <= 6 {
		if m := headerLine.FindStringIndex(v.text); m != nil && !anyWord(v.name, headerNames) && (v.role != code || v.text[m[0]] == '%') {
			return headerInValue, m[0], len(v.text)
		}
	}
	if v.role == prose && strings.Contains(v.text, "\r\n") && !anyWord(v.name, headerNames) && len(headerLine.FindAllStringIndex(v.text, 2)) == 2 {
		return headerInValue, strings.Index(v.text, "\r\n"), len(v.text)
	}
	if strings.Contains(v.text, "__proto__") && (v.role == data || strings.ContainsAny(v.text[:1], "{[?")) {
		return prototypeMember, strings.Index(v.text, "__proto__"), len(v.text)
	}
	if i := strings.Index(v.text, `"jsonrpc"`); i >= 0 && strings.Contains(v.text[:i], "\n") && strings.HasSuffix(strings.TrimRight(v.text[:i], " \t"), "{") && !anyWord(v.name, headerNames) && strings.Contains(v.text, `"method"`) && v.role != code {
		return hiddenMessage, max(i-1, 0), len(v.text)
	}
	if v.role == data && strings.ContainsAny(v.text, "\"'") && strings.Contains(v.text, ":") {
		if m := breaksOut(v.text); m != nil {
			return hiddenMessage, m[0], len(v.text)
		}
	}
	return nil, 0, 0
}

// headerNames are parameters for whole messages.
var headerNames = wordSet(`headers header raw message mime eml email http request response frame vcard ics`)

// requestState looks at a state that the client made up: it is to be opaque, and the server's.
func requestState(e *check.Event, i int) {
	text := e.Segments[i].Views[0].Text
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "="))
	if err != nil {
		decoded = []byte(text)
	}
	if stateClaim.Match(decoded) && !sealed.Match(decoded) {
		e.Report(forgedState, nil, e.Whole(i))
	}
}

// sealed is a state with a signature.
var sealed = regexp.MustCompile(`(?i)"(?:sig|signature|mac|hmac|tag)"\s*:\s*"[\w+/=.-]{4,}"`)

// stateClaim is a decision in a state: it was for the server to make.
var stateClaim = regexp.MustCompile(`(?i)"?(?:signed|approved|verified|confirmed|authori[sz]ed|authenticated|is_?admin|admin|role|scope|paid|accepted|consent\w*|trusted|granted|privileged|user|uid|sub|org|owner|account|tenant|limit)"?\s*[:=]\s*"?[\w-]`)

// concealed reports whether the member stands where the people who read a call don't look: beside the arguments or in a
// part that calls itself internal.
func concealed(pointer string) bool {
	return check.Below(&models.Segment{Pointer: pointer}, "/_meta") || strings.Contains(pointer, "/_") || strings.Contains(pointer, "/x-")
}

// guards are what keeps a call in bounds; switches turn them off.
var (
	switches = wordSet(`skip bypass disable ignore override suppress no without noop deactivate unsafe force`)
	guards   = wordSet(`check checks gate gates filter filters validation validate approval approvals policy policies limit limits auth authz authorization acl rbac
	guard guards review consent confirmation confirm verification verify audit sandbox tenant permission permissions rls scope scopes ratelimit mfa signature safety moderation`)
	overrides = wordSet(`override overrides overriding replace replaces substitute instead rewrite`)
	claims    = wordSet(`isadmin is_admin superuser sudo root trusted autoapprove auto_approve preapproved authorized as_user asuser impersonate run_as runas act_as elevated privileged`)
)

// guard looks at a concealed member that switches off a check, or that claims a right.
func guard(e *check.Event, i int, lower string) {
	name := snake(e.Segments[i].Views[0].Text)
	if !truthy(e, i) {
		return
	}
	switch {
	case anyWord(underscores(name), switches) && anyWord(underscores(name), guards), claims[strings.Trim(name, "_")], claims[strings.Trim(lower, "_")]:
		e.Report(guardOff, nil, e.Whole(i))
	case anyWord(underscores(name), overrides) && rawValue(e, i) == '{':
		e.Report(guardOff, nil, e.Whole(i))
	}
}

func underscores(name string) string {
	if !strings.ContainsAny(name, "-./") {
		return name
	}
	return joints.Replace(name)
}

var joints = strings.NewReplacer("-", "_", ".", "_", "/", "_")

// rawValue is the first byte of the value of the member whose name is segment i.
func rawValue(e *check.Event, i int) byte {
	body := e.Event.Body
	for j := e.Segments[i].End + 1; j < len(body); j++ {
		if c := body[j]; c != ' ' && c != ':' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// truthy reports whether the value of the member whose name is segment i says yes, or more than no.
func truthy(e *check.Event, i int) bool {
	switch rawValue(e, i) {
	case 't', '{', '[', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return true
	case '"':
		j, ok := e.At(e.Segments[i].Pointer, false)
		if !ok {
			return false
		}
		switch strings.ToLower(e.Segments[j].Views[0].Text) {
		case "", "false", "no", "none", "off", "0", "null", "never":
			return false
		}
		return true
	}
	return false
}
