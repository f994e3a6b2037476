package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzDecode feeds any message to every decoder. What one of them accepts must survive being written and read again;
// what it refuses is an [*Error].
func FuzzDecode(f *testing.F) {
	seeds := 0
	for name, g := range goldens() {
		m, err := g.encode()
		if err != nil {
			f.Fatalf("%s: %v", name, err)
		}
		f.Add(m.Subject, headerText(m), m.Data)
		seeds++
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Add("taster.events.default.weather.tool", "ce-object: a%20b", []byte("{\n}"))
	f.Fuzz(func(t *testing.T, subject, header string, data []byte) {
		m := Message{Subject: subject, Header: parseHeader(header), Data: data}
		again(t, m, DecodeEvent, func(e *models.Event) (Message, error) {
			if strings.HasPrefix(subject, prefixCheck) {
				return EncodeCheck(e)
			}
			return EncodeEvent(e)
		})
		again(t, m, DecodeFrame, EncodeFrame)
		again(t, m, DecodeVerdict, EncodeVerdict)
		again(t, m, DecodeVerdict, EncodeAlert)
		again(t, m, DecodeDeepJob, EncodeDeepJob)
		again(t, m, DecodeRejection, EncodeRejection)
		again(t, m, DecodeEpoch, EncodeEpoch)
		again(t, m, DecodeFeedback, EncodeFeedback)
		again(t, m, DecodeSignedChange, EncodeSignedChange)
	})
}

func again[T any](t *testing.T, m Message, decode func(Message) (T, error), encode func(*T) (Message, error)) {
	t.Helper()
	want, err := decode(m)
	if err != nil {
		mustBeTyped(t, err)
		return
	}
	sent, err := encode(&want)
	if err != nil {
		mustBeTyped(t, err) // a body may name a tenant that fits no subject
		return
	}
	got, err := decode(sent)
	if err != nil {
		t.Fatalf("%T: reading what was written: %v", want, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%T (-want +got):\n%s", want, diff)
	}
}

func mustBeTyped(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Reason == "" || e.Detail == "" {
		t.Fatalf("error %#v is not a complete *Error", err)
	}
}

func headerText(m Message) string {
	var lines []string
	for k, values := range m.Header {
		for _, v := range values {
			lines = append(lines, k+": "+v)
		}
	}
	return strings.Join(lines, "\n")
}

func parseHeader(text string) map[string][]string {
	h := map[string][]string{}
	for _, line := range strings.Split(text, "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			h[k] = append(h[k], v)
		}
	}
	return h
}

func FuzzUnescapeToken(f *testing.F) {
	for _, s := range []string{"", "=", "a=2Eb", "=2e", "a==0123456789abcdef", "=3D=3D"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		name, err := UnescapeToken(token)
		if err == nil && EscapeToken(name) != token {
			t.Fatalf("UnescapeToken(%q) = %q, whose token is %q", token, name, EscapeToken(name))
		}
	})
}

func FuzzUnmarshalEvent(f *testing.F) {
	for _, s := range []string{
		`{"server":"s","kind":"tool","body":{"a":1,"a":2}}`, `{"server":"s","kind":"tool","body_base64":"e30K"}`,
		`{"server":"s","kind":"tool","oversize":{"raw_digest":"x","bytes":1}}`, `{"body": null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, err := UnmarshalEvent(data)
		if err != nil {
			mustBeTyped(t, err)
			return
		}
		written, err := MarshalEvent(&want)
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		got, err := UnmarshalEvent(written)
		if err != nil {
			t.Fatalf("reading %q: %v", written, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}
