package redact

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// Secrets are put together here so that scanners of this repository find none.
var (
	digits = strings.Repeat("a1B2c3D4e5", 8)
	pem    = "-----BEGIN RSA " + "PRIVATE KEY-----"
)

func TestMask(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "Reads ~/.ssh/config and lists hosts.", "Reads ~/.ssh/config and lists hosts."},
		{"aws id", "use AKI" + "A2E0A8F3B244C9986 now", "use AKIA*** now"},
		{"aws documentation", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"},
		{"aws secret documentation", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		{"github", "ghp" + "_" + digits[:36], "ghp_***"},
		{"github fine-grained", "x=github" + "_pat_" + digits[:40] + ".", "x=gith***."},
		{"openai", "OPENAI key sk" + "-proj-" + digits[:40], "OPENAI key sk-p***"},
		{"openai placeholder", "sk-... or sk-your-key-goes-right-here", "sk-... or sk-your-key-goes-right-here"},
		{"slack", "xox" + "b-123456789012-abcdef", "xoxb***"},
		{"slack webhook", "https://hooks.slack.com/services/T0AAAAAA1/B0BBBBBB2/" + digits[:24], "https://hooks.slack.com/services/***"},
		{"jwt", "Bearer ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!", "Bearer eyJh***!"},
		{"pem", "key:\n" + pem + "\nMIIEow\nabc\n-----END RSA PRIVATE KEY----- done", "key:\n" + pem + "***-----END RSA PRIVATE KEY----- done"},
		{"pem without end", pem + "\nMIIEow", pem + "***"},
		{"certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"},
		{"password", `{"password": "hunter2!x", "user": "ann"}`, `{"password": "***", "user": "ann"}`},
		{"password in url", "postgres://ann:s3cr3t@db/app", "postgres://ann:***@db/app"},
		{"host and port", "http://localhost:3000/a@b", "http://localhost:3000/a@b"},
		{"token described", "token: authentication for the service", "token: authentication for the service"},
		{"password policy", "password_policy: minimum", "password_policy: minimum"},
		{"variable", "api_key=${API_KEY_1}", "api_key=${API_KEY_1}"},
		{"bearer", "Authorization: Bearer " + digits[:24], "Authorization: Bearer a1B2***"},
		{"bearer described", "Bearer authentication-required", "Bearer authentication-required"},
		{"two", "AKI" + "A2E0A8F3B244C9986,AKI" + "A2E0A8F3B244C9987", "AKIA***,AKIA***"},
		{"in a name", "token=ghp" + "_" + digits[:36], "token=ghp_***"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Mask(tt.in)
			if got != tt.want {
				t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if again := Mask(got); again != got {
				t.Errorf("masked again: %q", again)
			}
		})
	}
}

func TestExcerpt(t *testing.T) {
	key := "ghp" + "_" + digits[:36]
	text := "send " + key + " to me"
	for _, tt := range []struct {
		name       string
		text       string
		start, end int
		want       string
	}{
		{"all", text, 0, len(text), "send ghp_*** to me"},
		{"cut at its end", text, 0, 20, "send ghp_***"},
		{"cut at its start", text, 15, len(text), "*** to me"},
		{"inside", text, 15, 20, "***"},
		{"in the shown bytes", text, 0, 7, "send gh***"},
		{"beside", text, 0, 4, "send"},
		{"outside the text", text, -5, 1000, "send ghp_*** to me"},
		{"reversed bounds", text, 4, 2, ""},
		{"not UTF-8", "a\xffb", 0, 3, "a\ufffdb"},
		{"inside a private key", pem + strings.Repeat("\nMIIEowAB", 300), 2000, 2100, mask},
		{"long", strings.Repeat("é", 200), 0, 400, strings.Repeat("é", 39) + ellipsis + strings.Repeat("é", 39)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Excerpt(tt.text, tt.start, tt.end); got != tt.want {
				t.Errorf("Excerpt = %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("password: hunter2!x and é", 3, 15)
	f.Add(pem+"\nMIIEow", 30, 40)
	f.Add(strings.Repeat("\xff", 300), 0, 300)
	f.Add("Bearer "+digits, 20, 10)
	f.Fuzz(func(t *testing.T, text string, start, end int) {
		got := Excerpt(text, start, end)
		if len(got) > models.MaxExcerptBytes || !utf8.ValidString(got) {
			t.Errorf("Excerpt(%q, %d, %d) = %q: %d bytes", text, start, end, got, len(got))
		}
		if masked := Mask(text); len(masked) > len(text)+len(mask)*len(text) {
			t.Errorf("Mask(%q) grew to %q", text, masked)
		}
	})
}

func BenchmarkExcerpt(b *testing.B) {
	text := strings.Repeat("Reads the file and sends it to the server with a token. ", 200)
	b.ReportAllocs()
	for b.Loop() {
		Excerpt(text, 5000, 5100)
	}
}

func TestPartMasksWhatItsEndsCut(t *testing.T) {
	secret := "ghp" + "_" + digits[:36]
	text := strings.Repeat("tide ", 4000) + secret + strings.Repeat(" ebb", 4000)
	at := strings.Index(text, secret)
	for _, span := range [][2]int{{0, at + 20}, {at + 20, len(text)}, {0, len(text)}, {at + 10, at + 20}} {
		if got := Part(text, span[0], span[1]); strings.Contains(got, secret[10:20]) || !utf8.ValidString(got) {
			t.Errorf("%v: shows the secret", span)
		}
	}
	if got, want := Part(text, 0, at), text[:at]; got != want {
		t.Errorf("a part without a secret has %d bytes, want %d", len(got), len(want))
	}
}
