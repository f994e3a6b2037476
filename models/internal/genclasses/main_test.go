package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGeneratedFileIsFresh(t *testing.T) {
	data, err := os.ReadFile("../../" + input)
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../" + output)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale, run go generate ./models (-want +got):\n%s", output, diff)
	}
}

func TestGenerateRefuses(t *testing.T) {
	const valid = `{"lists":[{"key":"l","framework":"f","edition":"1","ids":"L\\d"}],
		"classes":[{"id":"A1","name":"First","severity":"high","summary":"It is so.","mappings":{"l":["L1"]}}]}`
	if _, err := generate([]byte(valid)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`"high"`, `"grave"`, "severity"},
		{`"A1"`, `"Z1"`, "not an id"},
		{`"First"`, `""`, "short term"},
		{`It is so.`, `It is so`, "one sentence"},
		{`It is so.`, `It is. So.`, "one sentence"},
		{`{"l":["L1"]}`, `{}`, "no mappings"},
		{`["L1"]`, `["M1"]`, "not an id of l"},
		{`{"l":`, `{"m":`, `no list "m"`},
		{`"edition":"1"`, `"edition":""`, "missing or wrong"},
		{`L\\d`, `(`, "missing or wrong"},
		{`"name":`, `"nmae":`, "unknown field"},
		{`"classes":[`, `"classes":[{"id":"A1","name":"Other","severity":"high","summary":"So.","mappings":{"l":["L1"]}},`, "taken"},
	} {
		data := strings.Replace(valid, tt.old, tt.new, 1)
		if data == valid {
			t.Fatalf("%s is not in the valid source", tt.old)
		}
		if _, err := generate([]byte(data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s -> %s: error %v, want one with %q", tt.old, tt.new, err, tt.want)
		}
	}
}
