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
	Rules:   []*check.Rule{secretKey, secretPassword, secretURL, personalData},
	Examine: examine,
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
		r.keys(text)
		r.addresses(text)
		r.grant(text)
		r.passwords(text)
		r.member(s, text)
		if !call && !e.Event.Kind.Definition() {
			people.read(i, text)
		}
	}
	people.report(e)
}

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
	for i := 0; i < len(text); {
		start := i
		var kinds uint8
		for i < len(text) && valueByte[text[i]] != 0 {
			kinds |= valueByte[text[i]]
			i++
		}
		if i == start {
			i++
		} else if i-start >= minValue && (kinds&digitByte != 0 && kinds&(smallByte|capitalByte) != 0 || kinds&smallByte != 0 && kinds&capitalByte != 0) {
			i = max(i, r.value(text, start, i))
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
	name := named(head)
	if name == "" {
		return end
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
	if value = strings.TrimRight(value, "."); live(value, least) {
		r.add(secretPassword, start, start+len(value))
	}
	return end
}

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
	tail = strings.ToLower(tail)
	for _, name := range names {
		if strings.HasSuffix(tail, name) {
			return name
		}
	}
	return ""
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
	if s.Pointer == "" || len(text) > 512 || strings.IndexByte(text, ' ') >= 0 || !nameEnd[s.Pointer[len(s.Pointer)-1]] || named(s.Pointer) == "" || r.e.Event.Kind == models.KindTool && !check.Below(s, "/_meta") && check.Last(s) != "default" {
		return
	}
	if r.basic(text, 0, len(text)); live(text, 10) {
		r.add(secretPassword, 0, len(text))
	}
}
