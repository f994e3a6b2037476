package catalogue

import (
	"net/netip"
	"strings"
)

// The bytes that end a value, and those without which a value has no shape.
var edge, mark = bytesOf(" \t\r\n\"'`()<>[]{},;"), bytesOf("@:/=#-0123456789")

func bytesOf(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

// shapes adds the values that a text names: addresses, links, settings and paths.
func shapes(text string, hits []hit) []hit {
	for at := 0; at < len(text); {
		if c := text[at]; edge[c] || c >= 0x80 {
			at++
			continue
		}
		end, marked := at, false
		for end < len(text) && !edge[text[end]] && text[end] < 0x80 {
			marked = marked || mark[text[end]]
			end++
		}
		if marked && end-at >= 4 {
			word := strings.TrimRight(text[at:end], ".:!?")
			if c, ok := shape(word, text[at:]); ok {
				hits = append(hits, hit{c, at, at + len(word)})
			}
		}
		at = end
	}
	return hits
}

func shape(word, rest string) (concept, bool) {
	switch {
	case len(word) < 4:
		return 0, false
	case strings.Contains(word, "://"):
		if scheme := word[:strings.Index(word, "://")]; scheme != "http" && scheme != "https" {
			return address, scheme == "ftp" || scheme == "sftp" || scheme == "smb" || scheme == "ssh"
		}
		return link, true
	case mailAddress(word) && !sample(word), accountNumber(word, rest), wallet(word):
		return address, true
	case word[0] == '/' && strings.Count(word, "/") > 1, word[0] == '#' && word[1] >= 'a' && word[1] <= 'z':
		return path, true
	case strings.IndexByte(word, '=') > 1 && !upper(word[0]) && word[len(word)-1] != '=' && !strings.ContainsAny(word, "<>!&?"):
		return setting, true
	case strings.HasPrefix(word, "--") && word[2] >= 'a' && word[2] <= 'z':
		return setting, true
	case digit(word[0]) && strings.IndexByte(word, '.') > 0:
		_, err := netip.ParseAddr(word)
		return address, err == nil
	}
	return 0, false
}
func mailAddress(word string) bool {
	at := strings.IndexByte(word, '@')
	return at > 0 && strings.IndexByte(word[at+1:], '.') > 0
}

// sample reports an address as examples in documentation have it.
func sample(word string) bool {
	for _, host := range [...]string{"example.com", "example.org", "example.net", "email.com", "domain.com", "company.com", "test.com", "gmail.com"} {
		if strings.HasSuffix(word, host) {
			return true
		}
	}
	return false
}

// wallet reports a long hexadecimal number, the address of a wallet or contract.
func wallet(word string) bool { return len(word) >= 32 && strings.HasPrefix(word, "0x") }

// accountNumber reports whether an IBAN starts with word: two letters, two digits, then groups of digits and letters.
func accountNumber(word, rest string) bool {
	if !upper(word[0]) || !upper(word[1]) || !digit(word[2]) || !digit(word[3]) {
		return false
	}
	digits := 0
	for i := 4; i < len(rest) && digits < 11; i++ {
		switch {
		case digit(rest[i]):
			digits++
		case rest[i] != ' ' && !upper(rest[i]):
			return false
		}
	}
	return digits == 11
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
