package secrets

import (
	"math"
	"strings"
)

// placeholders are words by which a value says that it is none; in lower case.
var placeholders = []string{
	"example", "placeholder", "your", "xxx", "0000", "1234", "test", "dummy", "fake", "sample", "redact", "replace", "change", "here", "demo", "todo", "secret", "password",
	"passwort", "hunter2", "insert", "put_", "masked", "hidden", "...", "***", "abcdef", "qwerty", "notreal", "not-real", "mock", "foobar", "enter", "my_", "my-", "string",
	"token", "generate", "process.env", "getenv", "env.", "null", "none", "undefined", "vault:", "secrets.", "specimen", "dev", "temp",
}

// live reports whether a value is a secret by its looks: at least least characters without order, and no placeholder.
func live(value string, least int) bool {
	if len(value) < least || len(value) > 200 || strings.ContainsAny(value, "<>{}[]() \t\n…") || value[0] == '$' || value[0] == '%' || value[0] == '/' || value[0] == '.' {
		return false
	}
	lower := strings.ToLower(value)
	for _, p := range placeholders {
		if strings.Contains(lower, p) {
			return false
		}
	}
	if strings.Contains(value, "://") || strings.Count(value, "/") > 2 && strings.Count(value, "+") == 0 || strings.Count(value, "_") > 2 && lower == value {
		return false
	}
	return disorder(value)
}

// disorder reports whether a value is random rather than made of words: letters and digits that alternate, many different
// ones.
func disorder(s string) bool {
	var kinds [4]int
	changes, last := 0, -1
	for i := range len(s) {
		k := kind(s[i])
		kinds[k]++
		if k != last && last >= 0 {
			changes++
		}
		last = k
	}
	letters := kinds[0] + kinds[1]
	if letters == 0 || entropy(s) < 2.9 {
		return false
	}
	if hexadecimal(s) {
		return len(s) >= 32 && !(len(s) == 36 && strings.Count(s, "-") == 4)
	}
	used := 0
	for _, n := range kinds {
		if n > 0 {
			used++
		}
	}
	switch {
	case kinds[2] == 0: // no digit
		return kinds[0] > 0 && kinds[1] > 0 && changes*3 >= len(s) && kinds[3] <= 2
	case used == 2:
		return changes >= 5 && changes*4 >= len(s)
	}
	return changes >= 4 && changes*5 >= len(s)
}

func kind(c byte) int {
	switch {
	case 'a' <= c && c <= 'z':
		return 0
	case 'A' <= c && c <= 'Z':
		return 1
	case '0' <= c && c <= '9':
		return 2
	}
	return 3
}

func alphanumeric(c byte) bool { return kind(c) < 3 }

func hexadecimal(s string) bool {
	for i := range len(s) {
		if c := s[i]; kind(c) != 2 && (c|0x20 < 'a' || c|0x20 > 'f') && c != '-' && c != ':' {
			return false
		}
	}
	return true
}

// entropy is that of the characters of s, in bits a character.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
