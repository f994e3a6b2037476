package rpc

import (
	"encoding/json"
	"strings"
)

// member is one member of a JSON object. Value is a slice of the object's bytes.
type member struct {
	Key   string
	Value []byte
}

// object is the members of a JSON object in order, duplicates included.
type object []member

// all returns the values of every member called key. Letter case does not count: some clients' parsers ignore it.
func (o object) all(key string) [][]byte {
	var values [][]byte
	for _, m := range o {
		if strings.EqualFold(m.Key, key) {
			values = append(values, m.Value)
		}
	}
	return values
}

func (o object) has(keys ...string) bool {
	for _, k := range keys {
		if len(o.all(k)) == 0 {
			return false
		}
	}
	return true
}

// hasAny reports whether some member called key holds a value whose first byte is one of kinds: '{', '[', '"'.
func (o object) hasAny(key, kinds string) bool {
	for _, v := range o.all(key) {
		if strings.IndexByte(kinds, v[0]) >= 0 {
			return true
		}
	}
	return false
}

// texts returns the string values of every member called key.
func (o object) texts(key string) []string {
	var texts []string
	for _, v := range o.all(key) {
		if v[0] == '"' {
			texts = append(texts, unquote(v))
		}
	}
	return texts
}

// members takes apart a JSON object. Like elements it expects bytes that json.Valid accepts and never validates.
func members(raw []byte) object {
	var o object
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return nil
	}
	for i = skipSpace(raw, i+1); raw[i] != '}'; i = skipSpace(raw, i) {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		end := stringEnd(raw, i)
		key := unquote(raw[i:end])
		i = skipSpace(raw, skipSpace(raw, end)+1) // past the colon
		end = valueEnd(raw, i)
		o = append(o, member{key, raw[i:end:end]})
		i = end
	}
	return o
}

// elements takes apart a JSON array.
func elements(raw []byte) [][]byte {
	var values [][]byte
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return nil
	}
	for i = skipSpace(raw, i+1); raw[i] != ']'; i = skipSpace(raw, i) {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		end := valueEnd(raw, i)
		values = append(values, raw[i:end:end])
		i = end
	}
	return values
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the offset behind the value that starts at i.
func valueEnd(raw []byte, i int) int {
	switch raw[i] {
	case '"':
		return stringEnd(raw, i)
	case '{', '[':
		return nestEnd(raw, i)
	}
	for i < len(raw) && !strings.ContainsRune(",]} \t\r\n", rune(raw[i])) {
		i++
	}
	return i
}

func stringEnd(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func nestEnd(raw []byte, i int) int {
	for depth := 0; ; i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

func unquote(raw []byte) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
