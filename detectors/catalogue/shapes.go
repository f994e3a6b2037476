package catalogue

import (
	"net/netip"
	"strings"
)

// shapes adds the values that a sentence names: addresses, links, settings and paths.
func shapes(text string, hits []hit) []hit {
	for at := 0; at < len(text); {
		for at < len(text) && strings.IndexByte(" \t\r\n\"'`()<>[]{},;", text[at]) >= 0 {
			at++
		}
		end := at
		for end < len(text) && strings.IndexByte(" \t\r\n\"'`()<>[]{},;", text[end]) < 0 && text[end] < 0x80 {
			end++
		}
		word := strings.TrimRight(text[at:end], ".:!?")
		if c, ok := shape(word, text[at:]); ok {
			hits = append(hits, hit{c, at, at + len(word)})
		}
		for end < len(text) && text[end] >= 0x80 {
			end++
		}
		at = max(end, at+1)
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
	case word[0] == '/' && strings.Count(word, "/") > 1, word[0] == '#' && strings.IndexByte("abcdefghijklmnopqrstuvwxyz", word[1]) >= 0:
		return path, true
	case strings.IndexByte(word, '=') > 1 && !upper(word[0]) && word[len(word)-1] != '=' && !strings.ContainsAny(word, "<>!&?"):
		return setting, true
	case word[0] >= '0' && word[0] <= '9':
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
