package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aad6b6dc/taster/models"
)

// checkBatch holds what is true of every batch, whatever it was made of.
func checkBatch(t *testing.T, b Batch, err error) {
	t.Helper()
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || e.Reason == "" || e.Detail == "" {
			t.Fatalf("error %#v is not a complete *Error", err)
		}
		return
	}
	offered := 0
	for _, e := range b.Events {
		if err := e.Validate(); err != nil {
			t.Fatalf("invalid event %+v: %v", e, err)
		}
		if e.Direction == "" || e.Tenant == "" {
			t.Fatalf("event is not normalised: %+v", e)
		}
		if b.Catalogue != nil && e.Catalogue == b.Catalogue.Digest {
			offered++
		}
	}
	if b.Catalogue != nil && offered < len(b.Catalogue.Entries) {
		t.Fatalf("%d of %d catalogue entries have an event", offered, len(b.Catalogue.Entries))
	}
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		`{"result":{"tools":[{"name":"a"}],"_meta":{"b":[1,"x"]}}}`, `[{"method":"tools/call","params":{}}]`, `{"error":{}}`,
		`{"result":{"inputRequests":{"a":{"method":"sampling/createMessage","params":{}}}}}`, `{"method":"notifications/x","params":[]}`, " {\"result\" :\t{}\n} ",
	} {
		for _, m := range []string{"tools/list", "tools/call", "initialize", ""} {
			f.Add(m, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, method string, data []byte) {
		if len(method) > models.MaxNameBytes {
			return
		}
		b, err := Events(models.Frame{Server: "s", Method: method, Data: data})
		checkBatch(t, b, err)
		for _, e := range b.Events {
			if !bytes.Contains(data, e.Body) {
				t.Fatalf("body %q is not verbatim", e.Body)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"tools":[{"name":"a"}]}`, "\ufeff[{\"name\":\"a\",\"inputSchema\":{}}]", "{\"id\":\"r\",\"event\":{\"kind\":\"tool\",\"body\":{}}}\n{\"kind\":\"tool\",\"body_base64\":\"e30K\"}",
		`{"name":"x","skills":[]}`, `{"jsonrpc":"2.0","id":1,"result":{"contents":[]}}`, `[[[{"role":"user","content":"x"}]]]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data, "s")
		checkBatch(t, b, err)
	})
}

// FuzzMembers compares the scanner with encoding/json: the same keys in the same order, the same values.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, ` { "a" : [ {"b":"}"} ] , "a":"\\\"" , "c":-1e5 } `, `{"a":{"b":{}},"":null}`, `[1, "]", [ ], {"a":[2]}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		start, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for dec.More() {
			if start == json.Delim('{') {
				key, err := dec.Token()
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, key.(string))
			}
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				t.Fatal(err)
			}
			want = append(want, string(raw))
		}
		for _, m := range members(data) {
			got = append(got, m.Key, string(m.Value))
		}
		for _, e := range elements(data) {
			got = append(got, string(e))
		}
		if len(got) != len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("got %q, want %q", got[i], want[i])
			}
		}
	})
}
