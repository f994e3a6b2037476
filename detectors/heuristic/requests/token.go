package requests

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/hosts"
	"github.com/aad6b6dc/taster/models"
)

var (
	foreignRedirect = rule("foreign-redirect", "E11", models.SeverityHigh, 0.65, "Has the code of a sign-in delivered to an address of somebody else.")
	mixedIssuer     = rule("mixed-issuer", "E11", models.SeverityHigh, 0.65, "Mixes endpoints of one issuer with those of another.")
	unsignedToken   = rule("unsigned-token", "E11", models.SeverityHigh, 0.7, "Carries a token that nobody has signed.")
	foreignAudience = rule("foreign-audience", "E11", models.SeverityHigh, 0.6, "Passes a token that was issued for another service.")
	headerToken     = rule("header-token", "E11", models.SeverityHigh, 0.6, "Has a parameter copied into a header that proves who somebody is.")
	armedEndpoint   = rule("armed-endpoint", "E11", models.SeverityHigh, 0.75, "Has a sign-in address that runs a script or a command.")
	uncheckedCode   = rule("unchecked-code", "E11", models.SeverityHigh, 0.6, "Redeems a code without the checks that tie it to who asked for it.")
)

// hints are what the body of an event with something of a sign-in has, one of them at least; a definition one of the first.
var hints = [][]byte{[]byte("redirect_"), []byte("eyJ"), []byte("ssuer"), []byte("_metadata"), []byte("_endpoint"), []byte("iss\""), []byte("verifier"), []byte("authorization_"), []byte("authorizationU"),
	[]byte("authorize_url"), []byte("auth_url"), []byte("authUrl"), []byte("login_url"), []byte("verification_uri"), []byte("signin_url"), []byte("\"state\"")}

const inDefinitions = 5 // hints that matter in a definition

var slashes = []byte("//")

// hasWebToken reports "eyJ", by its last letter: there are few of them.
func hasWebToken(body []byte) bool {
	for at := 0; ; at++ {
		n := bytes.IndexByte(body[at:], 'J')
		if n < 0 {
			return false
		}
		if at += n; at >= 2 && body[at-2] == 'e' && body[at-1] == 'y' {
			return true
		}
	}
}

// hinted reports whether there may be something of a sign-in.
func hinted(e *check.Event) bool {
	body, hints := e.Input.Event.Body, hints
	if e.Input.Event.Kind == models.KindTool {
		if !bytes.Contains(body, slashes) && !hasWebToken(body) {
			return false
		}
		hints = hints[:inDefinitions]
	}
	for _, h := range hints {
		if bytes.Contains(body, h) {
			return true
		}
	}
	return false
}

// tokens looks at addresses, metadata and tokens of sign-ins.
func tokens(e *check.Event) {
	if !hinted(e) {
		return
	}
	var m metadata
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key {
			continue
		}
		value := text(e, i)
		value = value[:min(len(value), maxText)]
		redirects(e, i, value)
		if n := strings.Index(value, "eyJ"); n >= 0 {
			token(e, i, n, value[n:])
		}
		m.member(e, i, value)
		challenge(e, i, value)
		document(e, i, value)
		armed(e, i, value)
	}
	m.finish(e)
	redeemed(e)
}

var (
	codes  = map[string]bool{"code": true, "auth_code": true, "authorization_code": true, "authcode": true, "device_code": true, "assertion": true, "ticket": true, "callback_url": true}
	guards = map[string]bool{"state": true, "nonce": true, "pkce": true, "pkce_verifier": true, "code_verifier": true, "verifier": true, "iss_check": true, "verify": true, "audience_check": true, "state_check": true, "check_state": true, "validate": true, "verify_signature": true, "pkce_required": true, "strict": true}
	absent = map[string]bool{"": true, "none": true, "off": true, "false": true, "skip": true, "skipped": true, "not checked": true, "ignored": true, "ignore": true, "static": true, "disabled": true, "no": true, "null": true, "0": true, "unchecked": true, "any": true, "constant": true, "plain": true}
)

// redeemed reports a code that is redeemed while what ties it to a session is empty or switched off.
func redeemed(e *check.Event) {
	code, guard := -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		name := strings.ToLower(check.Last(s))
		switch {
		case s.Key && guards[name] && absent[strings.Trim(strings.ToLower(scalar(e, i)), "\"")]:
			guard = i
		case !s.Key && codes[name] && text(e, i) != "":
			code = i
		case !s.Key && guards[name] && absent[strings.ToLower(text(e, i))]:
			guard = i
		}
	}
	if code >= 0 && guard >= 0 && !(check.Last(&e.Segments[code]) == "code" && check.Last(&e.Segments[guard]) == "state") {
		e.Report(uncheckedCode, nil, e.Whole(code), e.Whole(guard))
	}
}

// redirects reports addresses of a sign-in that lead the code away.
func redirects(e *check.Event, i int, value string) {
	n := strings.Index(value, "redirect_uri=")
	if n < 0 {
		return
	}
	start := n
	for start > 0 && !strings.ContainsRune(" \t\n\"'`(<", rune(value[start-1])) {
		start--
	}
	end := n
	for end < len(value) && !strings.ContainsRune(" \t\n\"'`)>", rune(value[end])) {
		end++
	}
	at, err := url.Parse(strings.TrimRight(value[start:end], ".,;"))
	if err != nil || at.Host == "" {
		return
	}
	q := at.Query()
	to, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || to.Host == "" || hosts.Loopback(to.Hostname()) {
		return
	}
	if to.Scheme == "http" || !hosts.Related(to.Hostname(), at.Hostname(), e.Input.Event.Server, q.Get("client_id")) || q.Get("response_type") == "token" {
		e.Report(foreignRedirect, nil, models.Span{Segment: i, Start: n, End: end})
	}
}

// secretHeaders are parts of the names of headers that carry what proves a right.
var secretHeaders = []string{"authorization", "cookie", "api-key", "apikey", "token", "session", "secret", "credential", "x-auth", "password"}

func secretHeader(name string) bool {
	name = strings.ToLower(name)
	for _, h := range secretHeaders {
		if strings.Contains(name, h) {
			return true
		}
	}
	return false
}

// headers reports parameters that a client is to copy into a header that proves a right.
func headers(e *check.Event) {
	if e.Input.Event.Kind != models.KindTool {
		return
	}
	for i := range e.Segments {
		if s := &e.Segments[i]; !s.Key && check.Last(s) == "x-mcp-header" && secretHeader(text(e, i)) {
			e.Report(headerToken, nil, e.Whole(i))
		}
	}
}

// endpoints are members whose address a client opens to sign somebody in.
var endpoints = map[string]bool{"authorization_endpoint": true, "authorizationurl": true, "authorization_url": true, "auth_url": true, "authurl": true, "login_url": true, "verification_uri": true, "verification_uri_complete": true, "authorize_url": true, "signin_url": true, "token_endpoint": true, "end_session_endpoint": true}

// armed reports an address of a sign-in that is a script, or that a shell would take for a command.
func armed(e *check.Event, i int, value string) {
	if !endpoints[strings.ToLower(check.Last(&e.Segments[i]))] {
		return
	}
	scheme, _, _ := strings.Cut(strings.ToLower(value), ":")
	if scheme == "javascript" || scheme == "data" || scheme == "file" || scheme == "vbscript" || strings.Contains(value, "$(") || strings.ContainsAny(value, "`|;<>\"") || strings.Contains(value, "&&") {
		e.Report(armedEndpoint, nil, e.Whole(i))
	}
}

// metadata collects who issues tokens and where they are fetched, within one event.
type metadata struct {
	issuer, endpoint   string
	at                 int
	remote             int // redirect addresses elsewhere than on the person's machine
	localSeen, hasSeen bool
}

// member looks at a member of metadata, or at a challenge in a text.
func (m *metadata) member(e *check.Event, i int, value string) {
	if !strings.Contains(value, "//") { // no address with a host
		return
	}
	s := &e.Segments[i]
	name := check.Last(s)
	if isIndex(name) {
		name = parent(s.Pointer)
		name = name[strings.LastIndexByte(name, '/')+1:]
		if name == "default" {
			name = parent(parent(s.Pointer))
			name = name[strings.LastIndexByte(name, '/')+1:]
		}
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return
	}
	switch strings.ToLower(name) {
	case "issuer", "expected_issuer", "expectedissuer":
		m.issuer = u.Hostname()
	case "iss", "token_endpoint", "authorization_endpoint", "jwks_uri", "registration_endpoint", "introspection_endpoint", "device_authorization_endpoint":
		m.endpoint, m.at = u.Hostname(), i
	case "redirect_uris", "redirecturis", "redirect_uri":
		if hosts.Loopback(u.Hostname()) {
			m.localSeen = true
		} else {
			m.hasSeen, m.remote = true, i
		}
	}
}

func isIndex(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func (m *metadata) finish(e *check.Event) {
	if m.issuer != "" && m.endpoint != "" && !hosts.Related(m.endpoint, m.issuer) {
		e.Report(mixedIssuer, nil, e.Whole(m.at))
	}
	if m.localSeen && m.hasSeen {
		e.Report(foreignRedirect, nil, e.Whole(m.remote))
	}
}

// challenge reports a demand to sign in whose metadata lie with somebody else than the address that was called.
func challenge(e *check.Event, i int, value string) {
	n := strings.Index(value, "resource_metadata=")
	if n < 0 {
		return
	}
	named, end := addressAt(value, n+len("resource_metadata="))
	from := strings.Index(value[:n], "http")
	if from < 0 {
		if from = strings.Index(value[end:], "http"); from < 0 {
			return
		}
		from += end
	}
	called, _ := addressAt(value, from)
	if called != nil && named != nil && !hosts.Related(named.Hostname(), called.Hostname()) {
		e.Report(mixedIssuer, nil, models.Span{Segment: i, Start: n, End: end})
	}
}

// published is what an authorization server or a protected resource says of itself.
type published struct {
	Issuer        string   `json:"issuer"`
	Resource      string   `json:"resource"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Register      string   `json:"registration_endpoint"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	Signatures    []string `json:"id_token_signing_alg_values_supported"`
	Client        string   `json:"client_id"`
	Redirects     []string `json:"redirect_uris"`
}

// document looks at metadata that stand in a text.
func document(e *check.Event, i int, value string) {
	if !strings.HasPrefix(value, "{") || len(value) > maxDocument {
		return
	}
	var d published
	if json.Unmarshal([]byte(value), &d) != nil {
		return
	}
	issuer := hostOf(d.Issuer)
	for _, endpoint := range []string{d.Authorization, d.Token, d.Keys, d.Register} {
		if endpoint == "" {
			continue
		}
		if host := hostOf(endpoint); host == "" || strings.ContainsAny(endpoint, "$`|;<>") || issuer != "" && !hosts.Related(host, issuer) || strings.HasPrefix(endpoint, "http:") && !hosts.Loopback(host) {
			e.Report(mixedIssuer, nil, span(e, i, endpoint))
			return
		}
	}
	for _, weak := range append(d.Challenges, d.Signatures...) {
		if weak == "none" || weak == "plain" && len(d.Challenges) == 1 {
			e.Report(uncheckedCode, nil, span(e, i, "\""+weak+"\""))
			return
		}
	}
	client := hostOf(d.Client)
	for _, to := range d.Redirects {
		if host := hostOf(to); client != "" && host != "" && !hosts.Loopback(host) && !hosts.Related(host, client) {
			e.Report(foreignRedirect, nil, span(e, i, to))
			return
		}
	}
	from := strings.TrimSuffix(e.Segments[i].Pointer, "/text") + "/uri"
	for j := max(0, i-maxSiblings); j < min(len(e.Segments), i+maxSiblings); j++ {
		if s := &e.Segments[j]; !s.Key && s.Pointer == from {
			if a, b := hostOf(d.Resource), hostOf(text(e, j)); a != "" && b != "" && !hosts.Related(a, b) {
				e.Report(mixedIssuer, nil, span(e, i, d.Resource))
			}
		}
	}
}

const maxDocument = 64 << 10

// hostOf is the host of an http address, or "".
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Hostname()
}

// addressAt parses the address that begins at start, quoted or not.
func addressAt(s string, start int) (*url.URL, int) {
	for start < len(s) && strings.IndexByte("\"'\\", s[start]) >= 0 {
		start++
	}
	end := start
	for end < len(s) && !strings.ContainsRune(" \t\n\"'`,)>\\", rune(s[end])) {
		end++
	}
	u, err := url.Parse(s[start:end])
	if err != nil || u.Host == "" {
		return nil, end
	}
	return u, end
}

// claims are what a token says of itself.
type claims struct {
	Alg string          `json:"alg"`
	Aud json.RawMessage `json:"aud"`
}

const maxToken = 8 << 10

// token looks at the JSON web token that begins with value.
func token(e *check.Event, i, at int, value string) {
	end := 0
	for end < len(value) && end < maxToken && tokenByte(value[end]) {
		end++
	}
	parts := strings.Split(value[:end], ".")
	if len(parts) != 3 {
		return
	}
	where := models.Span{Segment: i, Start: at, End: at + end}
	if head, ok := decode(parts[0]); ok && strings.EqualFold(head.Alg, "none") && parts[2] == "" {
		e.Report(unsignedToken, nil, where)
		return
	}
	if e.Input.Event.Kind != models.KindToolCall || inspects(e) {
		return
	}
	if body, ok := decode(parts[1]); ok && len(body.Aud) > 2 && !addressed(string(body.Aud), e.Input.Event.Server) {
		e.Report(foreignAudience, nil, where)
	}
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

func decode(part string) (c claims, ok bool) {
	plain, err := base64.RawURLEncoding.DecodeString(part)
	return c, err == nil && json.Unmarshal(plain, &c) == nil
}

// inspects reports calls of tools that are there to look at tokens.
func inspects(e *check.Event) bool {
	i, ok := e.At("/name", false)
	if !ok {
		return false
	}
	name := strings.ToLower(text(e, i))
	for _, w := range []string{"jwt", "decode", "inspect", "introspect", "verify", "validate", "exchange", "revoke"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

const minWord = 4 // letters of a server's name that tell it from others

// addressed reports whether an audience names the server.
func addressed(audience, server string) bool {
	audience = strings.ToLower(audience)
	for w := range strings.FieldsFuncSeq(strings.ToLower(server), func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if len(w) >= minWord && strings.Contains(audience, w) {
			return true
		}
	}
	return server == ""
}
