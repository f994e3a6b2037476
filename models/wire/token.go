package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// MaxTokenBytes is the length above which a subject token is shortened.
const MaxTokenBytes = 96

// Marks that introduce an escape. Bucket names allow no '=', so tenants are escaped with '_' there.
const (
	tokenMark  = '='
	bucketMark = '_'
)

// hashDigits is the number of hex digits of SHA-256 at the end of a shortened token.
const hashDigits = 16

// EscapeToken makes any name a single subject token that is also valid in a KV key. Bytes outside [A-Za-z0-9_-] become
// =XX (upper-case hex), the empty name becomes "=". A token that would be longer than [MaxTokenBytes] becomes its head,
// "==" and 16 hex digits of the name's SHA-256; the full name then travels beside it.
func EscapeToken(name string) string { return escape(name, tokenMark) }

func escape(name string, mark byte) string {
	if name == "" {
		return string(mark)
	}
	if len(name) <= MaxTokenBytes && strings.IndexFunc(name, func(r rune) bool { return r >= 0x80 || !isPlain(byte(r)) || byte(r) == mark }) < 0 {
		return name
	}
	var b strings.Builder
	b.Grow(MaxTokenBytes + 3)
	head := 0 // where a shortened token would be cut
	for i := range len(name) {
		c := name[i]
		if isPlain(c) && c != mark {
			b.WriteByte(c)
		} else {
			b.Write([]byte{mark, upperHex[c>>4], upperHex[c&15]})
		}
		if b.Len() <= MaxTokenBytes-2-hashDigits {
			head = b.Len()
		}
		if b.Len() > MaxTokenBytes {
			sum := sha256.Sum256([]byte(name))
			return b.String()[:head] + string([]byte{mark, mark}) + hex.EncodeToString(sum[:hashDigits/2])
		}
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// ErrShortened is returned for a token that holds only a part and a hash of its name.
var ErrShortened = errors.New("shortened token: the full name travels beside it")

// UnescapeToken returns the name of which [EscapeToken] made the token. Every name has one token: any other spelling is
// an error, a shortened token is [ErrShortened].
func UnescapeToken(token string) (string, error) {
	if token == string(tokenMark) {
		return "", nil
	}
	if strings.Contains(token, "==") {
		return "", ErrShortened
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		if token[i] != tokenMark {
			b.WriteByte(token[i])
			continue
		}
		if i+2 >= len(token) {
			return "", errors.New("token ends inside an escape")
		}
		c, err := hex.DecodeString(token[i+1 : i+3])
		if err != nil {
			return "", errors.New("= is not followed by two hex digits")
		}
		b.WriteByte(c[0])
		i += 2
	}
	name := b.String()
	if EscapeToken(name) != token {
		return "", errors.New("not the escaped form of a name")
	}
	return name, nil
}
