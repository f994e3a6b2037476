package view

import (
	"slices"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"

	"github.com/aad6b6dc/taster/models"
)

func TestCanonicalDigest(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"sorted", `{"b":1,"a":[2,{"d":"x","c":null}]}`, `{"a":[2,{"c":null,"d":"x"}],"b":1}`},
		{"white space", " [ 1 , true ]\n", "[1,true]"},
		{"numbers", `[1.0,-0,1e2,1E-7,333333333.33333329,9007199254740993,0.0001]`, `[1,0,100,1e-7,333333333.3333333,9007199254740992,0.0001]`},
		{"escapes", `"\u0041\/\u000a\u001f\"\\é\u20ac\ud83d\ude00"`, "\"A/\\n\\u001f\\\"\\\\é€😀\""},
		// The order of RFC 8785, section 3.2.3: UTF-16 code units, so that U+1F600 comes before U+FB33.
		{"order", "{\"\ufb33\":1,\"\U0001f600\":2,\"\u20ac\":3,\"\\r\":4,\"1\":5,\"\u0080\":6,\"ö\":7}", "{\"\\r\":4,\"1\":5,\"\u0080\":6,\"ö\":7,\"€\":3,\"😀\":2,\"\ufb33\":1}"},
		{"prefix", `{"ab":1,"a":2,"":3}`, `{"":3,"a":2,"ab":1}`},
		{"duplicate", `{"a":1,"b":{"x":1,"x":1}}`, ""},
		{"duplicate by escape", `{"a":1,"\u0061":1}`, ""},
		{"lone surrogate", `["\ud800"]`, ""},
		{"lone surrogate in a name", `{"\udc00":1}`, ""},
		{"reversed surrogates", `"\ude00\ud83d"`, ""},
		{"not UTF-8", "[\"\xff\"]", ""},
		{"too large", "[1e400]", ""},
		{"replacement character", "[\"\ufffd\"]", "[\"\ufffd\"]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := ""
			if tt.want != "" {
				want = models.Digest([]byte(tt.want))
			}
			if got := CanonicalDigest([]byte(tt.body)); got != want {
				t.Errorf("CanonicalDigest(%q) = %q, want the digest of %q", tt.body, got, tt.want)
			}
			doc, err := Build([]byte(tt.body))
			if err != nil || doc.CanonicalDigest != want {
				t.Errorf("Build: %q, %v", doc.CanonicalDigest, err)
			}
		})
	}
}

// A body whose members would have to be moved over and over is sorted by package jcs instead.
func TestCanonicalDigestOfNested(t *testing.T) {
	body := strings.Repeat(`{"b":1,"a":`, 200) + `"` + strings.Repeat("x", 1<<16) + `"` + strings.Repeat("}", 200)
	c := scanner{body: body, canonical: newCanonical(len(body))}
	if err := c.document(); err != nil || c.canonical.moves >= 0 {
		t.Fatalf("the body does not exhaust the moves: %v, %d left", err, c.canonical.moves)
	}
	same(t, []byte(body))
}

// same fails if the digest is not that of what package jcs makes of body.
func same(t *testing.T, body []byte) {
	t.Helper()
	want := ""
	if canonical, err := jcs.Transform(slices.Clone(body)); err == nil {
		want = models.Digest(canonical)
	}
	if got := CanonicalDigest(body); got != want {
		t.Errorf("CanonicalDigest(%.200q) = %q, want %q", body, got, want)
	}
}

func FuzzCanonicalDigest(f *testing.F) {
	f.Add([]byte(definition))
	f.Add([]byte(`{"b":[1.5e3,-0,9007199254740993],"a":{"\ud83d\ude00":1,"\ufb33":2},"a ":"\u0000\/"}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte("{\"\U0001f600\":1,\"\uffff\":2,\"\ue000\":3}"))
	f.Fuzz(func(t *testing.T, body []byte) { same(t, body) })
}
