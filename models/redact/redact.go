// Package redact masks secrets in text that is shown or stored: excerpts in verdicts, logs, reports.
//
// It knows secrets by their shape and by what stands before them. The shapes come from their issuers' documentation and
// agree with the default rules of gitleaks (github.com/gitleaks/gitleaks, config/gitleaks.toml, MIT). Placeholders as they
// occur in documentation are left as they are. A secret of no known shape, in no telling place, is not masked.
//
// All functions are pure and safe to call concurrently.
package redact

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// mask stands for what is left out of a secret, ellipsis for what is left out of an excerpt.
const (
	mask     = "***"
	ellipsis = "…"
)

// shown is how many bytes of a token stay, so that its kind can be told: "AKIA***", "ghp_***", "eyJh***".
const shown = 4

// shape recognises one kind of secret. The secret is the first group, or the whole match if there is none.
type shape struct {
	hints   []string // in lower case: text with none of them has no such secret
	pattern *regexp.Regexp
	shown   int  // bytes of the secret that stay
	guess   bool // known by what stands before it only, so it has to look random too
}

var shapes = []shape{
	// PEM (RFC 7468): private keys only, up to the end of the text if the end line is missing.
	{[]string{"private key"}, regexp.MustCompile(`-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----([\s\S]*?)(?:-----END|\z)`), 0, false},
	// JSON Web Tokens and encrypted ones: base64url of `{"`, three to five parts (RFC 7515, 7516).
	token(`eyJ[\w-]{8,}(?:\.[\w-]*){2,4}`, "eyj"),
	// Amazon access key ids.
	token(`(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}`, "akia", "asia", "abia", "acca"),
	// Google API keys, access tokens, client secrets.
	token(`(?:AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,})`, "aiza", "ya29", "gocspx"),
	// GitHub and GitLab.
	token(`(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|gl(?:pat|dt|rt|ptt|soat|ft)-[\w-]{20,})`, "gh", "github_pat_", "gl"),
	// Slack.
	token(`(?:xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{20,})`, "xox", "xapp-"),
	// OpenAI, Anthropic (sk-ant-) and others.
	token(`sk-[\w-]{20,}`, "sk-"),
	// Stripe.
	token(`(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})`, "k_live_", "k_test_", "whsec_"),
	// npm, PyPI, Hugging Face.
	token(`(?:npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|hf_[A-Za-z0-9]{30,})`, "npm_", "pypi-", "hf_"),
	// SendGrid, Shopify.
	token(`(?:SG\.[\w-]{16,}\.[\w-]{16,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})`, "sg.", "shp"),
	// DigitalOcean, HashiCorp Vault, Databricks.
	token(`(?:do[opr]_v1_[a-f0-9]{64}|hvs\.[\w-]{24,}|dapi[a-f0-9]{32})`, "_v1_", "hvs.", "dapi"),
	// Telegram bots.
	token(`\d{8,10}:AA[\w-]{33}`, ":aa"),
	// age.
	token(`AGE-SECRET-KEY-1[0-9A-Z]{58}`, "age-secret-key-"),
	// Slack and Discord webhooks: who has the address may post.
	{[]string{"hooks.slack.com", "/api/webhooks/"}, regexp.MustCompile(`(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/([\w/-]{20,})`), 0, false},
	// The password in a URL's user information (RFC 3986, section 3.2.1).
	{[]string{"://"}, regexp.MustCompile(`://[^\s/:@"']{0,64}:([^\s/@"']{3,128})@`), 0, false},
	// HTTP Authorization (RFC 7617, 6750).
	{[]string{"bearer", "basic"}, regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([\w.~+/-]{16,}=*)`), shown, true},
	// A value given to a name that says it is secret.
	{
		[]string{"passw", "passphrase", "pwd", "secret", "token", "credential", "key"},
		regexp.MustCompile(`(?i)(?:passw(?:or)?d|passphrase|pwd|secret|token|credential|(?:api|access|account|private|auth)[_-]?key)\w{0,16}["']?\s{0,4}(?::=|=>|[:=])\s{0,4}["']?([^\s"'\x60,;&<>(){}\[\]]{6,})`),
		0, true,
	},
}

// token is the shape of a secret that begins as no other word does.
func token(pattern string, hints ...string) shape {
	return shape{hints, regexp.MustCompile(`\b` + pattern), shown, false}
}

var placeholder = regexp.MustCompile(`(?i)example|placeholder|your[_-]|changeme|change[_-]me|redacted|dummy|sample|xxxx|\*\*\*|\.\.\.|…|[<>${}]`)

// secret is a stretch [start, end) to be masked from start+shown on.
type secret struct{ start, end, shown int }

// maxPlaceholder is the longest value that may be a placeholder; in a long one the telling letters occur by chance.
const maxPlaceholder = 128

// Mask returns s with every secret replaced by its first few bytes and "***".
func Mask(s string) string { return cut(s, 0, len(s), secrets(s)) }

// Excerpt returns what stands in text at [start, end), with secrets masked, in valid UTF-8 and at most
// [models.MaxExcerptBytes] long; a longer one loses its middle. A secret that the span cuts in half is masked all the
// same. Bounds outside the text are moved to its ends.
func Excerpt(text string, start, end int) string { return shorten(Part(text, start, end)) }

// Part returns the same as [Excerpt], as long as it is. It takes time for what stands in [start, end) and around it, not for
// the whole text.
func Part(text string, start, end int) string {
	start = min(max(start, 0), len(text))
	end = min(max(end, start), len(text))
	from, to := surroundings(text, start, end)
	found := cut(text[from:to], start-from, end-from, secrets(text[from:to]))
	return strings.ToValidUTF8(found, string(utf8.RuneError))
}

// How far around a span secrets are looked for: a private key is at most 4 KiB long, any other secret stands in a line.
const (
	keyReach  = 4 << 10
	lineReach = 256
)

// surroundings returns the stretch of text that has every secret that reaches into [start, end).
func surroundings(text string, start, end int) (from, to int) {
	from, to = max(start-keyReach, 0), min(end+keyReach, len(text))
	if strings.Contains(text[from:to], "PRIVATE KEY") {
		return from, to
	}
	left, right := max(start-lineReach, from), min(end+lineReach, to)
	from += strings.LastIndexAny(text[from:left], " \t\n") + 1
	if i := strings.IndexAny(text[right:to], " \t\n"); i >= 0 {
		to = right + i
	}
	return from, to
}

// secrets finds the secrets of s, in order, without overlaps.
func secrets(s string) []secret {
	var all []secret
	lower := strings.ToLower(s)
	for i := range shapes {
		if !slices.ContainsFunc(shapes[i].hints, func(hint string) bool { return strings.Contains(lower, hint) }) {
			continue
		}
		for _, m := range shapes[i].pattern.FindAllStringSubmatchIndex(s, -1) {
			start, end := m[len(m)-2], m[len(m)-1]
			value := s[start:end]
			if len(value) <= maxPlaceholder && placeholder.MatchString(value) || shapes[i].guess && !random(value) {
				continue
			}
			all = append(all, secret{start, end, min(shapes[i].shown, end-start)})
		}
	}
	slices.SortStableFunc(all, func(a, b secret) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	kept := all[:0]
	for _, x := range all {
		if n := len(kept); n > 0 && x.start < kept[n-1].end {
			kept[n-1].end = max(kept[n-1].end, x.end)
			continue
		}
		kept = append(kept, x)
	}
	return kept
}

// random reports whether a value looks chosen or generated rather than being a word: something other than letters in it,
// and at least two bits of entropy for each byte.
func random(value string) bool {
	words := true
	var counts [256]int
	for i := range len(value) {
		c := value[i]
		counts[c]++
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-' || c == '.' || c == '/' || c >= utf8.RuneSelf
		words = words && letter
	}
	entropy := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(value))
			entropy -= p * math.Log2(p)
		}
	}
	return !words && entropy >= 2
}

// cut returns s[start:end] with the secrets of s masked.
func cut(s string, start, end int, found []secret) string {
	var b strings.Builder
	at := start
	for _, x := range found {
		if x.end <= at || x.start >= end {
			continue
		}
		b.WriteString(s[at:max(at, min(x.start+x.shown, end))])
		b.WriteString(mask)
		at = min(x.end, end)
	}
	b.WriteString(s[at:end])
	return b.String()
}

// shorten takes out the middle of a long text, between runes.
func shorten(s string) string {
	if len(s) <= models.MaxExcerptBytes {
		return s
	}
	room := models.MaxExcerptBytes - len(ellipsis)
	head := models.Truncate(s, room/2)
	tail := len(s) - (room - room/2)
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return head + ellipsis + s[tail:]
}
