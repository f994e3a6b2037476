// Package secrets finds live credentials and personal data in what servers say: keys by their shape, passwords by what
// stands before them, accounts by their check digits. Placeholders, documented examples and digests are left alone.
package secrets

import (
	"encoding/base64"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// Checks are the checks for secrets and personal data.
var Checks = &check.Group{
	Name: "secrets",
	Kinds: []models.Kind{
		models.KindTool, models.KindPrompt, models.KindResource, models.KindInstructions, models.KindAgentCard,
		models.KindToolResult, models.KindNotification, models.KindToolCall,
	},
	Rules:  []*check.Rule{secretKey, secretPassword, secretURL, personalData},
	Checks: []check.Check{{Examine: examine}},
}

var (
	secretKey = &check.Rule{
		ID: "secret-key", Version: "1.0.0", Class: "C12", Severity: models.SeverityHigh, Confidence: 0.75,
		Message: "Discloses what looks like a live key or token.",
	}
	secretPassword = &check.Rule{
		ID: "secret-password", Version: "1.0.0", Class: "C12", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "Discloses what looks like a password.",
	}
	secretURL = &check.Rule{
		ID: "secret-in-address", Version: "1.0.0", Class: "C12", Severity: models.SeverityHigh, Confidence: 0.75,
		Message: "Has an address with a user's password in it.",
	}
	personalData = &check.Rule{
		ID: "personal-data", Version: "1.0.0", Class: "C12", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "Discloses matters of persons that are theirs: identity, health, bank.",
	}
)

// minText is the length below which a string holds no secret.
const minText = 12

func examine(e *check.Event) {
	var people person
	call := e.Event.Kind == models.KindToolCall
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < minText || len(text) > maxText || call && !embedded(s, text) {
			continue
		}
		r := report{e: e, segment: i}
		has := e.Bytes(i)
		if has.Has(digits) {
			r.keys(text)
		}
		if strings.Contains(text, "PRIVATE KEY") {
			r.privateKey(text)
		}
		if has.Has(digits) {
			r.packedKey(text)
		}
		if has.Count(address) == 2 && strings.Contains(text, "://") {
			r.addresses(text)
			r.grant(text)
		}
		if has.Count(values) > 1 {
			r.passwords(text)
		}
		r.member(s, text)
		if !call && !e.Event.Kind.Definition() {
			people.read(i, text)
		}
	}
	people.report(e)
}

// What a text has that has anything of a kind.
var (
	address = check.BytesOf(":/")
	values  = check.BytesOf("aA0")
	digits  = check.BytesOf("0")
)

// valueRun has the bytes that values are made of.
var valueRun = func() (t [256]bool) {
	for c, kind := range valueByte {
		t[c] = kind != 0
	}
	return t
}()

// embedded reports whether a call's argument is a text, in which nobody expects a secret. Calls that take a secret take it
// as a value of its own, and files and commands have theirs.
func embedded(s *models.Segment, text string) bool {
	if strings.Count(text, " ") < 4 {
		return false
	}
	switch check.Last(s) {
	case "content", "command", "script", "code", "sql", "query", "cmd", "file_text", "new_string", "old_string", "patch", "diff", "stdin", "headers":
		return false
	}
	return true
}

// maxText is the longest string that is read: what is longer is a file.
const maxText = 256 << 10

// report takes the findings in one segment, each place once.
type report struct {
	e       *check.Event
	segment int
	end     int // of what was reported
	count   int
}

const maxPerText = 8

func (r *report) add(rule *check.Rule, start, end int) {
	if start < r.end || r.count == maxPerText {
		return
	}
	r.end = end
	r.count++
	r.e.Report(rule, nil, models.Span{Segment: r.segment, Start: start, End: end})
}

// addresses finds scheme://user:password@host.
func (r *report) addresses(text string) {
	for at := 0; ; {
		n := strings.Index(text[at:], "://")
		if n < 0 {
			return
		}
		start := at + n + len("://")
		end := start
		for end < len(text) && text[end] > ' ' && strings.IndexByte("\"'`<>)", text[end]) < 0 && end-start < 400 {
			end++
		}
		at = start
		authority := text[start:end]
		if slash := strings.IndexByte(authority, '/'); slash > 0 && strings.LastIndexByte(authority[:slash], '@') > 0 {
			authority = authority[:slash]
		}
		sign := strings.LastIndexByte(authority, '@')
		colon := strings.IndexByte(authority, ':')
		if colon < 0 || sign < colon+2 || local(authority[sign+1:]) {
			continue
		}
		if password := authority[colon+1 : sign]; live(password, 8) {
			scheme := start - len("://")
			for scheme > 0 && (alphanumeric(text[scheme-1]) || text[scheme-1] == '+') {
				scheme--
			}
			r.add(secretURL, scheme, start+sign)
		}
	}
}

func local(host string) bool {
	for _, h := range []string{"localhost", "127.", "0.0.0.0", "[::1]", "host", "db:", "example.com", "example.org"} {
		if strings.HasPrefix(strings.ToLower(host), h) {
			return true
		}
	}
	return false
}

// names end what a value is called that must stay secret; in lower case.
var names = []string{
	"password", "passwd", "passphrase", "passwort", "kennwort", "contraseña", "senha", "пароль", "密码", "口令", "パスワード", "비밀번호", "كلمة المرور", "mot de passe", "wachtwoord", "hasło",
	"secret", "api_key", "api-key", "apikey", "api key", "auth-key", "auth_key", "access_key", "access-key", "secret_key", "secret key", "signing_key", "access_token", "access token", "auth_token",
	"api_token", "api token", "bot_token", "npm_token", "refresh_token", "deploy_token", "client_secret", "key_pass", "_pass", "_pwd", "_token", "pwd", "pw", "passcode", "private_key", "encryption_key", "master_key",
	"bearer", "basic", "auth", "cookie", "root /", "admin /", "user /", "_secret", "_apikey", "_key", "dek", "pin code", "recovery code",
}

// passwords finds values behind the name of a secret: password=..., "password": ..., password is ... It looks for the
// values first, since few words of a text have digits or capitals in them.
func (r *report) passwords(text string) {
	for i := 0; ; {
		start, end, ok := check.NextRun(text, i, &valueRun, minValue)
		if !ok {
			return
		}
		var kinds uint8
		for _, c := range []byte(text[start:end]) {
			kinds |= valueByte[c]
		}
		if i = end; kinds&digitByte != 0 && kinds&(smallByte|capitalByte) != 0 || kinds&smallByte != 0 && kinds&capitalByte != 0 {
			i = r.value(text, start, end)
		}
		for i < len(text) && valueRun[text[i]] {
			i++
		}
	}
}

const minValue = 8

// The kinds of bytes that values are made of.
const (
	smallByte = 1 << iota
	capitalByte
	digitByte
	signByte
)

var valueByte = func() (t [256]uint8) {
	for c := byte('!'); c < 0x7f; c++ {
		t[c] = [...]uint8{smallByte, capitalByte, digitByte, signByte}[kind(c)]
	}
	for _, c := range []byte("\"'`<>,;)|(=:{}[]") {
		t[c] = 0
	}
	return t
}()

// value judges text[start:end] as a secret's value by what stands before it, and returns where to go on.
func (r *report) value(text string, start, end int) int {
	before := start
	for before > 0 && start-before < 6 && strings.IndexByte("=: \"'`(\t", text[before-1]) >= 0 {
		before--
	}
	head := strings.TrimSuffix(text[:before], "：")
	head = strings.TrimSuffix(head, " is")
	if before == start && len(head) == before {
		return end
	}
	if text[start-1] == '(' { // a remark on the name
		return end
	}
	name := named(head)
	if name == "" && strings.IndexByte(text[before:start], ':') >= 0 && strong(text[start:end]) {
		name = subject(head)
	}
	if name == "" {
		return end
	}
	if n := strings.IndexByte(text[start:end], '&'); n >= 0 && end < len(text) && text[end] == '=' { // the next parameter of a query
		end = start + n
	}
	for end < len(text) && text[end] == '=' {
		end++
	}
	if name == "basic" || name == "auth" {
		r.basic(text, start, end)
		return end
	}
	least := 10
	switch {
	case text[before] == ' ' && !strings.ContainsAny(text[before:start], "=:"):
		least = 12
	case strings.HasPrefix(name, "pass") || name[0] >= 0x80 || name == "pwd" && strings.ContainsAny(text[before:start], "=:") || name == "kennwort" || name == "senha":
		least = minValue
	}
	value, _, _ := strings.Cut(text[start:end], "&")
	value = strings.TrimRight(value, ".")
	if live(value, least) && !(r.record(name, text, before) && !ofSystem(around(text, before))) {
		r.add(secretPassword, start, start+len(value))
	}
	return end
}

// record reports whether text[:end] ends with the bare name of a password as a field of a record: what people ask their
// servers for. It is none in a definition.
func (r *report) record(name, text string, end int) bool {
	if !ownFields[name] || r.e.Event.Kind.Definition() {
		return false
	}
	start := end - len(name)
	if start < 0 || !strings.EqualFold(text[start:end], name) {
		return false
	}
	line := strings.TrimRight(text[:start], " \t-")
	switch before := text[max(start-1, 0):start]; {
	case before == `"` || before == "'":
		return true
	case line == "" || strings.ContainsAny(line[len(line)-1:], "\n,{"):
		return strings.HasPrefix(strings.TrimLeft(text[end:], " "), ":")
	}
	return false
}

// ownFields are names of what people have for themselves as well as systems for theirs.
var ownFields = map[string]bool{"password": true, "passwd": true, "passcode": true, "pwd": true, "pw": true, "pin code": true, "passwort": true, "contraseña": true, "senha": true, "mot de passe": true}

// systems are words near a password that is one of a system rather than of a person at a website; in lower case.
var systems = []string{"host", "port\"", "port:", "port=", "database", "db_", "dsn", "server", "namespace", "cluster", "smtp", "imap", "ldap", "redis", "sql", "mongo", "admin", "root", "prod", "environ", "config", "ssh", "ftp", "vpn", "router", "backup", "deploy", "registry", "service_", "svc"}

// around is what stands near a password.
func around[T ~string | ~[]byte](text T, at int) T {
	return text[max(0, at-nearSystem):min(len(text), at+nearSystem)]
}

// ofSystem reports whether the words near a password are about a system.
func ofSystem(near string) bool {
	near = strings.ToLower(near)
	if strings.Contains(near, "website") {
		return false
	}
	for _, word := range systems {
		if strings.Contains(near, word) {
			return true
		}
	}
	return false
}

// nearSystem is how far around a password its system is looked for, in bytes.
const nearSystem = 200

// strong reports whether a value has letters in both cases and digits, as passwords that were made up for somebody have.
func strong(value string) bool {
	var kinds uint8
	for i := range len(value) {
		kinds |= valueByte[value[i]]
	}
	return kinds&(smallByte|capitalByte|digitByte) == smallByte|capitalByte|digitByte && len(value) >= 10
}

// subject returns the name of a password that the last words before a colon begin with: "password of the router:".
func subject(head string) string {
	line := head[max(0, len(head)-maxSubject):]
	line = strings.ToLower(line[strings.LastIndexAny(line, "\n.;,(!?")+1:])
	for _, name := range []string{"password", "passwort", "kennwort", "passphrase", "mot de passe", "contraseña", "senha", "парол", "пароль", "密码", "口令", "パスワード", "비밀번호", "parola", "hasło", "şifre", "wachtwoord", "pin "} {
		if strings.Contains(line, name) {
			return name
		}
	}
	return ""
}

const maxSubject = 64 // bytes

// basic reports a user and a password in base64.
func (r *report) basic(text string, start, end int) {
	plain, err := base64.StdEncoding.DecodeString(text[start:end])
	if err != nil {
		return
	}
	if _, password, ok := strings.Cut(string(plain), ":"); ok && live(password, 8) {
		r.add(secretPassword, start, end)
	}
}

// maxName is the longest name of a secret.
const maxName = 16

// named returns the name of a secret that text ends with.
func named(text string) string {
	tail := strings.TrimRight(text[max(0, len(text)-maxName-4):], " \"'`*")
	if tail == "" || !nameEnd[tail[len(tail)-1]] {
		return ""
	}
	if !mayName(tail) {
		return ""
	}
	if !ascii(tail) {
		tail = strings.ToLower(tail)
	}
	for _, name := range names {
		if len(tail) >= len(name) && strings.EqualFold(tail[len(tail)-len(name):], name) && !(strings.HasSuffix(name, "token") && cursor(strings.ToLower(tail))) {
			return name
		}
	}
	return ""
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// mayName reports whether a text may end with a name of a secret, by its last two bytes.
func mayName(tail string) bool {
	n := len(tail)
	if n < 2 || tail[n-1] >= 0x80 {
		return n >= 2
	}
	return nameEnds[[2]byte{tail[n-2] | 0x20, tail[n-1] | 0x20}]
}

// nameEnds has the last two bytes of names, with the bit of small letters set.
var nameEnds = func() map[[2]byte]bool {
	set := map[[2]byte]bool{}
	for _, name := range names {
		set[[2]byte{name[len(name)-2] | 0x20, name[len(name)-1] | 0x20}] = true
	}
	return set
}()

// cursor reports whether a token is called after where to go on.
func cursor(name string) bool {
	for _, word := range []string{"page", "next", "contin", "cursor", "sync", "progress", "resume"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// nameEnd has the last bytes of names.
var nameEnd = func() (t [256]bool) {
	for _, name := range names {
		c := name[len(name)-1]
		t[c] = true
		if 'a' <= c && c <= 'z' {
			t[c-'a'+'A'] = true
		}
	}
	return t
}()

// member judges a whole value by the name of its member.
func (r *report) member(s *models.Segment, text string) {
	if len(text) > 512 || s.Pointer == "" || !nameEnd[s.Pointer[len(s.Pointer)-1]] || strings.IndexByte(text, ' ') >= 0 {
		return
	}
	if r.e.Event.Kind == models.KindTool && check.Last(s) != "default" && !check.Below(s, "/_meta") || named(s.Pointer) == "" {
		return
	}
	if r.basic(text, 0, len(text)); live(text, 10) && !(r.personal(s) && !ofSystem(string(around(r.e.Event.Body, s.Start)))) {
		r.add(secretPassword, 0, len(text))
	}
}

// personal reports whether the member is called as a field of a person's record is.
func (r *report) personal(s *models.Segment) bool {
	return ownFields[strings.ToLower(check.Last(s))] && !r.e.Event.Kind.Definition()
}
