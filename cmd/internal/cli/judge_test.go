package cli

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/judge"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// TestJudgeExample reads the judge's section out of the comment in the example: it has every field, and the defaults.
func TestJudgeExample(t *testing.T) {
	var section strings.Builder
	for line := range strings.Lines(string(config.Example)) {
		if text, ok := strings.CutPrefix(line, "#   "); ok && (section.Len() > 0 || strings.HasPrefix(text, "judge:")) {
			section.WriteString(text)
		}
	}
	var got struct{ Judge config.Judge }
	if err := yaml.Unmarshal([]byte(section.String()), &got); err != nil {
		t.Fatal(err)
	}
	c, err := judge.ParseConfig(detectors.Config(got.Judge.Section))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	want := judge.DefaultConfig()
	want.BaseURL, want.Model = c.BaseURL, c.Model
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
	readme, err := os.ReadFile("../../../detectors/judge/README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for _, typ := range []reflect.Type{reflect.TypeFor[judge.Config](), reflect.TypeFor[judge.Budget]()} {
		for i := range typ.NumField() {
			name := typ.Field(i).Tag.Get("json")
			if name == "api_key" {
				name = "api_key_file"
			}
			names++
			if !strings.Contains(section.String(), name+":") {
				t.Errorf("the example lacks %s", name)
			}
			if !regexp.MustCompile("`[a-z.]*"+name+"`").Match(readme) && name != "budget" {
				t.Errorf("the README lacks %s", name)
			}
		}
	}
	if names < 20 {
		t.Fatalf("only %d fields", names)
	}
}

// TestJudgeGetsItsKey puts the key beside the section, not into it.
func TestJudgeGetsItsKey(t *testing.T) {
	file := t.TempDir() + "/key"
	for content, ok := range map[string]bool{"abc\n": true, "": false, "a b\n": false, "a\nb\n": false} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		section, err := json.Marshal(map[string]string{"base_url": "https://models.example/v1", "model": "m"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := judgeConfig(config.Judge{Section: section, KeyFile: file})
		if (err == nil) != ok || ok && c.APIKey != "abc" {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := judgeConfig(config.Judge{Section: config.Section(`{"model":"m"}`)}); err == nil {
		t.Error("a judge without an endpoint was taken for one")
	}
}
