package concepts

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"Enter your PASSWORD":                    "password",
		"Ihr Anmeldepasswort":                    "password",
		"Введите Пароль":                         "password",
		"请输入验证码":                                 "otp",
		"أدخل كلمة المرور":                       "password",
		"पासवर्ड दर्ज करें":                      "password",
		"phrase de\nrécupération":                "password",
		"the user’s messages":                    "context",
		"compass":                                "",
		"spin the wheel":                         "",
		"Mother's maiden name, carte d’identité": "identity",
	} {
		var found []string
		for _, h := range Words.Find(text, 0, len(text), nil) {
			if h.Start < 0 || h.End > len(text) || h.Start >= h.End {
				t.Fatalf("%q: hit %+v", text, h)
			}
			found = append(found, Words.names[h.Concept])
		}
		if got := strings.Join(found, " "); !strings.Contains(got, want) || want == "" && strings.Contains(got, "pass pin") {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	names := map[string]bool{}
	for line := range strings.Lines(words) {
		name, stems, found := strings.Cut(strings.TrimSpace(line), ": ")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		if names[name] {
			t.Errorf("%s stands twice", name)
		}
		names[name] = true
		seen := map[string]bool{}
		for stem := range strings.SplitSeq(stems, ", ") {
			if stem == "" || seen[stem] || strings.ToLower(stem) != stem {
				t.Errorf("%s: %q is empty, not in lower case, or stands twice", name, stem)
			}
			seen[stem] = true
		}
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"One. Two.":            "One.",
		"Version 1.2 is here!": "Version 1.2 is here!",
		"一句。二句。":               "一句。",
		"हाँ। नहीं।":           "हाँ।",
		"a\nb":                 "a\n",
	} {
		if got := text[:Sentence(text, 0)]; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if n := Sentence(strings.Repeat("ж", MaxSentence), 0); n > MaxSentence+1 || n%2 != 0 {
		t.Errorf("a long sentence is cut at %d", n)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("Enter your password İ ’")
	f.Fuzz(func(t *testing.T, text string) {
		for start := 0; start < len(text); {
			end := Sentence(text, start)
			if end <= start {
				t.Fatalf("no progress at %d", start)
			}
			for _, h := range Words.Find(text, start, end, nil) {
				if h.Start < start || h.End > end || h.Start >= h.End {
					t.Fatalf("hit %+v in [%d, %d)", h, start, end)
				}
			}
			start = end
		}
	})
}
