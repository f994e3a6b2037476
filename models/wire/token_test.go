package wire

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
	"pgregory.net/rapid"
)

func TestEscapeToken(t *testing.T) {
	tests := []struct{ name, want string }{
		{"weather", "weather"},
		{"my_server-2", "my_server-2"},
		{"", "="},
		{"=", "=3D"},
		{"==", "=3D=3D"},
		{"io.github.acme/weather", "io=2Egithub=2Eacme=2Fweather"},
		{"a b", "a=20b"},
		{"*", "=2A"},
		{">", "=3E"},
		{"é", "=C3=A9"},
		{strings.Repeat("a", 96), strings.Repeat("a", 96)},
		{strings.Repeat("a", 97), strings.Repeat("a", 78) + "==2a2c60fe96afac91"},
		// The head ends before the escape that would be cut.
		{strings.Repeat("a", 77) + strings.Repeat(".", 20), strings.Repeat("a", 77) + "==0b6e95bcb7ebf3d0"},
	}
	for _, tt := range tests {
		got := EscapeToken(tt.name)
		if got != tt.want {
			t.Errorf("EscapeToken(%q) = %q, want %q", tt.name, got, tt.want)
		}
		name, err := UnescapeToken(got)
		switch short := strings.Contains(tt.want, "=="); {
		case short && !errors.Is(err, ErrShortened):
			t.Errorf("UnescapeToken(%q) = %q, %v, want ErrShortened", got, name, err)
		case !short && (err != nil || name != tt.name):
			t.Errorf("UnescapeToken(%q) = %q, %v, want %q", got, name, err, tt.name)
		}
	}
}

func TestUnescapeTokenRefusesOtherSpellings(t *testing.T) {
	for _, token := range []string{"", "=2", "a=", "=zz", "=2e", "=41", "a.b", "a b", "=3D=", "*", strings.Repeat("a", 97)} {
		if name, err := UnescapeToken(token); err == nil {
			t.Errorf("UnescapeToken(%q) = %q, want an error", token, name)
		}
	}
}

// keyPattern is what nats.go accepts as a KV key; a subject token besides has no dot.
var (
	keyPattern    = regexp.MustCompile(`^[-/_=a-zA-Z0-9]+$`)
	bucketPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

func TestTokensAreSafeAndReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "name"))
		token := EscapeToken(name)
		if len(token) > MaxTokenBytes || !keyPattern.MatchString(token) {
			t.Fatalf("EscapeToken(%q) = %q", name, token)
		}
		if b := LastBucket(name); len(b) > 128 || !bucketPattern.MatchString(b) {
			t.Fatalf("LastBucket(%q) = %q", name, b)
		}
		if back, err := UnescapeToken(token); err == nil && back != name {
			t.Fatalf("UnescapeToken(%q) = %q, want %q", token, back, name)
		} else if err != nil && !errors.Is(err, ErrShortened) {
			t.Fatalf("UnescapeToken(%q): %v", token, err)
		}
	})
}

func TestCatalogueKey(t *testing.T) {
	if key := CatalogueKey(models.Digest(nil)); !keyPattern.MatchString(key) || strings.Contains(key, "==") {
		t.Errorf("CatalogueKey = %q", key)
	}
}

func TestTokensDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringOfN(rapid.RuneFrom([]rune("a_=.-2EDéX")), 0, 60, -1), 2, 2, rapid.ID[string]).Draw(t, "names")
		a, b := names[0], names[1]
		if EscapeToken(a) == EscapeToken(b) {
			t.Fatalf("%q and %q share token %q", a, b, EscapeToken(a))
		}
		if LastBucket(a) == LastBucket(b) {
			t.Fatalf("%q and %q share bucket %q", a, b, LastBucket(a))
		}
	})
}
