package secrets

import (
	"encoding/base64"
	"strings"
)

// shapes are keys of known services: what they begin with, and how many characters follow at least.
var shapes = []struct {
	prefix string
	least  int
}{
	{"AKIA", 16}, {"ASIA", 16}, {"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 40}, {"glpat-", 16}, {"glrt-", 16}, {"gldt-", 16},
	{"npm_", 30}, {"sk_live_", 16}, {"rk_live_", 16}, {"pk_live_secret", 16}, {"sk-", 32}, {"sk-ant-", 24}, {"sk-proj-", 24}, {"xoxb-", 20}, {"xoxp-", 20}, {"xoxa-", 20}, {"xoxs-", 20}, {"xapp-", 20},
	{"AIza", 30}, {"ya29", 30}, {"SG", 40}, {"hf_", 30}, {"dop_v1_", 40}, {"shpat_", 24}, {"shpss_", 24}, {"pypi-", 40}, {"AGE-SECRET-KEY-1", 40}, {"whsec_", 24}, {"glsa_", 24}, {"lin_api_", 24},
	{"figd_", 24}, {"PMAK-", 24}, {"rubygems_", 30}, {"sq0csp-", 24}, {"NRAK-", 20}, {"hvs", 24}, {"ATATT3x", 30}, {"tskey-", 20}, {"phc_", 30}, {"pat_", 30}, {"r8_", 30}, {"gsk_", 30}, {"xai-", 30},
	{"EAAC", 60}, {"dckr_pat_", 20}, {"nvapi-", 30}, {"CFPAT-", 30}, {"secret_", 32}, {"ntn_", 30}, {"sntrys_", 30}, {"AccountKey", 40},
}

// keyByte has the characters of keys.
var keyByte = func() (t [256]bool) {
	for c := range t {
		t[c] = alphanumeric(byte(c)) || c == '_' || c == '-'
	}
	return t
}()

const minKey = 20

// keys finds keys of known shapes and signed tokens: all have digits.
func (r *report) keys(text string) {
	for i := 0; i+minKey <= len(text); {
		j := i + minKey - 1
		for j >= i && keyByte[text[j]] {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		start, end := i, i+minKey
		for end < len(text) && keyByte[text[end]] {
			end++
		}
		i = end
		r.key(text, start, end)
	}
}

// packedKey finds a private key in base64.
func (r *report) packedKey(text string) {
	if at := strings.Index(text, "LS0tLS1CRUdJTi"); at >= 0 {
		head, _ := base64.StdEncoding.DecodeString(text[at : at+min(len(text)-at, 64)/4*4])
		if strings.Contains(string(head), "PRIVATE KEY") && len(text)-at > 100 {
			r.add(secretKey, at, valueEnd(text, at))
		}
	}
}

func valueEnd(text string, i int) int {
	for i < len(text) && text[i] > ' ' && text[i] != '"' && text[i] != '\'' {
		i++
	}
	return i
}

// key judges one run of key characters.
func (r *report) key(text string, start, end int) {
	run := text[start:end]
	if !strings.ContainsAny(run, "0123456789") {
		return
	}
	if strings.HasPrefix(run, "eyJ") && end < len(text) && text[end] == '.' {
		r.signedToken(text, start)
		return
	}
	if len(run) >= 64 && len(run) <= 66 && hexadecimal(strings.TrimPrefix(run, "0x")) {
		r.rawKey(text, start, end)
		return
	}
	if start >= 11 && text[start-1] == ':' && len(run) >= 34 && botNumber(text[:start-1]) && disorder(run) {
		r.add(secretKey, start-11, end)
		return
	}
	for _, s := range shapes {
		at := strings.Index(run, s.prefix)
		if at < 0 || at > 0 && alphanumeric(run[at-1]) || len(run)-at-len(s.prefix) < s.least {
			continue
		}
		if rest := run[at+len(s.prefix):]; plausible(rest) {
			r.add(secretKey, start+at, end)
			return
		}
	}
	for _, word := range []string{"_live_", "_prod_", "_secret_"} {
		if at := strings.Index(run, word); at > 0 && len(run)-at-len(word) >= 20 && plausible(run[at+len(word):]) && disorder(run[at+len(word):]) {
			r.add(secretKey, start, end)
			return
		}
	}
}

// plausible reports whether the random part of a key is random.
func plausible(rest string) bool {
	lower := strings.ToLower(rest)
	for _, p := range []string{"example", "xxxx", "0000", "your", "placeholder", "1234567", "abcdefg", "replace", "redacted", "fake", "dummy", "sample", "aaaa"} {
		if strings.Contains(lower, p) {
			return false
		}
	}
	return entropy(rest) >= 3
}

// botNumber reports whether text ends with the number of a bot: eight to ten digits.
func botNumber(text string) bool {
	n := 0
	for n < len(text) && kind(text[len(text)-1-n]) == 2 {
		n++
	}
	return n >= 8 && n <= 10
}

// privateKey finds private keys in PEM with their content.
func (r *report) privateKey(text string) {
	for from := 0; ; {
		n := strings.Index(text[from:], "PRIVATE KEY")
		if n < 0 {
			return
		}
		body := from + n + len("PRIVATE KEY")
		start := max(0, from+strings.LastIndex(text[from:from+n]+"-----BEGIN", "-----BEGIN"))
		from = body
		if n := strings.Index(text[body:min(len(text), body+24)], "-----"); n >= 0 {
			body += n + 5
		}
		digits := 0
		var sample strings.Builder
		end := body
		for ; end < len(text) && digits < 400 && text[end] != '-'; end++ {
			if alphanumeric(text[end]) || text[end] == '+' || text[end] == '/' {
				digits++
				sample.WriteByte(text[end])
			}
		}
		if digits >= 60 && entropy(sample.String()) > 4.2 && !strings.Contains(strings.ToLower(sample.String()), "example") {
			r.add(secretKey, min(start, body), end)
		}
	}
}

// rawKey finds a key as 64 hexadecimal digits where the words before say so, and no word says that it is a digest.
func (r *report) rawKey(text string, start, end int) {
	before := strings.ToLower(text[max(0, start-60):start])
	for _, digest := range []string{"sha", "hash", "tx", "transaction", "digest", "commit", "checksum", "block", "integrity", "fingerprint", "public", "signature", "kid", "idempot", "trace"} {
		if strings.Contains(before, digest) {
			return
		}
	}
	for _, key := range []string{"private", "priv", "secret", "seed", "signer", "signing", "wallet", "key ", "key:", "key=", "schlüssel", "clave", "ключ", "私钥", "秘密鍵"} {
		if strings.Contains(before, key) {
			r.add(secretKey, start, end)
			return
		}
	}
}

// grants are parts of addresses behind which a secret stands that opens them.
var grants = []string{"hooks.slack.com/services/", "/api/webhooks/", "/webhook/", "/webhooks/", "/incoming/", "outlook.office.com/webhook", "/hooks/"}

// grant finds addresses that are secrets themselves: of webhooks, and signed ones that allow writing.
func (r *report) grant(text string) {
	for _, g := range grants {
		at := strings.Index(text, g)
		if at < 0 {
			continue
		}
		end := valueEnd(text, at)
		if last := text[strings.LastIndexByte(text[:end], '/')+1 : end]; len(last) >= 20 && disorder(last) && plausible(last) {
			r.add(secretKey, at, end)
			return
		}
	}
	if at := strings.Index(text, "otpauth://"); at >= 0 && strings.Contains(text[at:], "secret=") {
		r.add(secretKey, at, valueEnd(text, at))
	}
	if at := strings.Index(text, "sig="); at > 0 && strings.Contains(text, "se=") {
		if p := strings.Index(text, "sp="); p >= 0 && strings.ContainsAny(strings.SplitN(text[p+3:min(len(text), p+16)], "&", 2)[0], "wdc") && plausible(text[at+4:valueEnd(text, at)]) {
			r.add(secretKey, at, valueEnd(text, at))
		}
	}
}

// signedToken judges a JSON Web Token: a specimen says so in its claims, or is signed with words.
func (r *report) signedToken(text string, start int) {
	end := start
	for end < len(text) && (keyByte[text[end]] || text[end] == '.') {
		end++
	}
	parts := strings.Split(text[start:end], ".")
	if len(parts) < 3 || len(parts[2]) < 20 {
		return
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return
	}
	for _, specimen := range []string{"1234567890", "John Doe", "Example", "1516239022", "\"test", "demo", "sample"} {
		if strings.Contains(string(claims), specimen) {
			return
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err == nil && printed(signature) {
		return
	}
	r.add(secretKey, start, end)
}

func printed(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
