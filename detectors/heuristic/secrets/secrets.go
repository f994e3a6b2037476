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
		models.KindToolResult, models.KindNotification,
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
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < minText || len(text) > maxText {
			continue
		}
		r := report{e: e, segment: i}
		r.keys(text)
		r.addresses(text)
		r.grant(text)
		r.passwords(text)
		r.member(s, text)
		if !e.Event.Kind.Definition() {
			people.read(i, text)
		}
	}
	people.report(e)
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
	"api_token", "api token", "bot_token", "npm_token", "refresh_token", "deploy_token", "client_secret", "key_pass", "_pass", "_pwd", "_token", "pwd", "private_key", "encryption_key", "master_key",
	"bearer", "basic", "auth", "cookie", "root /", "admin /", "user /", "_secret", "_apikey", "_key", "dek", "pin code", "recovery code",
}

// passwords finds values behind the name of a secret: password=..., "password": ..., password is ...
func (r *report) passwords(text string) {
	for at := 0; at < len(text); {
		n := strings.IndexAny(text[at:], "=: ,：")
		if n < 0 {
			return
		}
		sign := at + n
		at = sign + 1
		if c := text[sign]; sign == 0 || c != '=' && c != ':' && c != ' ' && c < 0x80 {
			continue
		}
		name := named(text[:sign])
		if name == "" {
			continue
		}
		start := sign
		for skipped := 0; start < len(text) && skipped < 6; skipped++ {
			if strings.IndexByte("=: \"'`(\t", text[start]) >= 0 {
				start++
			} else if strings.HasPrefix(text[start:], "：") {
				start += len("：")
			} else if strings.HasPrefix(text[start:], "is ") {
				start += 3
			} else {
				break
			}
		}
		end := start
		for end < len(text) && text[end] > ' ' && text[end] < 0x7f && strings.IndexByte("\"'`<>,;)|", text[end]) < 0 {
			end++
		}
		least := 10
		switch {
		case text[sign] == ' ':
			least = 12
		case strings.HasPrefix(name, "pass") || name[0] >= 0x80 || name == "pwd" || name == "kennwort" || name == "senha":
			least = 8
		}
		if name == "basic" || name == "auth" {
			r.basic(text, start, end)
			at = end
			continue
		}
		if value := strings.TrimRight(text[start:end], "."); value != "" && live(value, least) {
			r.add(secretPassword, start, start+len(value))
			at = end
		}
	}
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
	if len(text) > 512 || strings.IndexByte(text, ' ') >= 0 || named(s.Pointer) == "" || r.e.Event.Kind == models.KindTool && !check.Below(s, "/_meta") && check.Last(s) != "default" {
		return
	}
	if r.basic(text, 0, len(text)); live(text, 10) {
		r.add(secretPassword, 0, len(text))
	}
}
