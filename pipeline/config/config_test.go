package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	return Load(write(t, t.TempDir(), "taster.yaml", text))
}

func TestExampleEqualsDefaults(t *testing.T) {
	got, err := load(t, string(Example))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	// Empty in the file, nil by default: the same.
	got.Detectors.Disabled, got.Detectors.Sections, got.Indicators.TrustedKeys = nil, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
}

// TestExampleHasEveryField fails when a field is added and the example forgets it.
func TestExampleHasEveryField(t *testing.T) {
	fields := yamlFields(t, Config{})
	if len(fields) < 40 {
		t.Fatalf("found only %d fields", len(fields))
	}
	for _, name := range fields {
		if !strings.Contains(string(Example), name+":") {
			t.Errorf("the example lacks %q", name)
		}
	}
}

func TestEmptyFileIsDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n"} {
		got, err := load(t, text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(Default(), got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", text, diff)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "policy.yaml", "mode: observe\ntenants:\n  acme:\n    mode: enforce\n")
	path := write(t, dir, "taster.yaml", `
nats: {url: "tls://nats:4222", credentials_file: engine.creds}
tenants:
  - name: acme
    streams: {events: {max_bytes: 5}}
policy_file: policy.yaml
detectors:
  plugin_dir: plugins
  sections:
    heuristic: {limit: 3, words: [a, b]}
judge: {model: small, api_key_file: key}
`)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	acme := c.Policy.For("acme")
	check := map[string]bool{
		"credentials":  c.NATS.CredentialsFile == filepath.Join(dir, "engine.creds"),
		"plugin dir":   c.Detectors.PluginDir == filepath.Join(dir, "plugins"),
		"policy":       c.Policy.Mode == models.Observe && acme.Mode == models.Enforce,
		"section":      string(c.Detectors.Sections["heuristic"]) == `{"limit":3,"words":["a","b"]}`,
		"judge's key":  c.Judge.KeyFile == filepath.Join(dir, "key"),
		"judge":        string(c.Judge.Section) == `{"model":"small"}`,
		"own bound":    c.StreamsOf(c.Tenants[0]).Events.MaxBytes == 5,
		"common bound": c.StreamsOf(c.Tenants[0]).Events.MaxAgeHours == 7*24 && c.StreamsOf(c.Tenants[0]).Deep == Default().Streams.Deep,
		"default kept": c.Work == Default().Work,
	}
	for what, ok := range check {
		if !ok {
			t.Errorf("%s is wrong in %+v", what, c)
		}
	}
}

// key is the public key of an account.
const key = "ABTNCRAL6R6CH6B2S53C3I22UWER3ADTJFD57OWC666BNFFEMELJATQB"

func TestLoadRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"unknown field":        {"nats:\n  urk: x\n", `[2:3] unknown field "urk"`},
		"unknown policy field": {"policy:\n  definitions:\n    threshold: {}\n", `[3:5] unknown field "threshold"`},
		"duplicate":            {"data_dir: a\ndata_dir: b\n", "[2:1]"},
		"type":                 {"work: {workers: many}\n", "[1:17]"},
		"tenants":              {"tenants: []\n", "tenants: none"},
		"tenant twice":         {"tenants: [{name: a}, {name: a}]\n", "tenants[1].name"},
		"gateway":              {"tenants: [{name: a, gateways: [a.b]}]\n", "tenants[0].gateways[0]"},
		"negative bound":       {"tenants: [{name: a, streams: {last: {max_bytes: -1}}}]\n", "tenants[0].streams.last.max_bytes"},
		"zero bound":           {"streams: {deep: {max_bytes: 1, max_age_hours: 0}}\n", "streams.deep.max_age_hours"},
		"open port":            {"nats: {listen: \"0.0.0.0:4222\"}\n", "nats.listen"},
		"no port":              {"nats: {listen: localhost}\n", "nats.listen"},
		"port":                 {"metrics: {listen: \"localhost:99999\"}\n", "metrics.listen"},
		"url":                  {"nats: {url: \"http://nats\"}\n", "nats.url"},
		"url with password":    {"nats: {url: \"nats://a:secret@nats\"}\n", "nats.url"},
		"two ways":             {"nats: {user: a, credentials_file: b}\n", "more than one of"},
		"password alone":       {"nats: {password_file: b}\n", "nats.password_file"},
		"key alone":            {"nats: {tls: {key_file: b}}\n", "nats.tls"},
		"workers":              {"work: {workers: -1}\n", "work.workers"},
		"batch":                {"work: {batch_events: 257}\n", "work.batch_events"},
		"cache":                {"cache: {entries: 0}\n", "cache.entries"},
		"user's key":           {"indicators: {trusted_keys: [UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4]}\n", "indicators.trusted_keys[0]"},
		"key twice":            {"indicators: {trusted_keys: [" + key + ", " + key + "]}\n", "indicators.trusted_keys[1]"},
		"no indicators":        {"indicators: {max_entries: 0}\n", "indicators.max_entries"},
		"too many indicators":  {"indicators: {max_entries: 500001}\n", "indicators.max_entries"},
		"indicators' room":     {"indicators: {max_bytes: 0}\n", "indicators.max_bytes"},
		"judge":                {"judge: some\n", "judge"},
		"judge with a key":     {"judge: {api_key: x}\n", "judge.api_key"},
		"judge's key file":     {"judge: {api_key_file: 7}\n", "judge.api_key_file"},
		"policy":               {"policy: {mode: loud}\n", "mode"},
		"policy tenant":        {"policy: {tenants: {acme: {mode: observe}}}\n", `policy.tenants: "acme"`},
		"two policies":         {"policy: {mode: observe}\npolicy_file: x.yaml\n", "policy_file"},
		"missing policy file":  {"policy_file: missing.yaml\n", "missing.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestLoadLimitsSize(t *testing.T) {
	if _, err := load(t, strings.Repeat("#\n", MaxFileBytes)); err == nil {
		t.Error("a file over the limit was read")
	}
}

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.Policy.Mode != engine.DefaultPolicy().Mode {
		t.Error("another policy than the engine's default")
	}
}

func TestKnownTextsLieInTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(write(t, dir, "taster.yaml", "data_dir: data\nindicators: {trusted_keys: ["+key+"]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for want, path := range map[string]func() (string, error){"data/index": c.IndexDir, "data/indicators.jsonl": c.LedgerFile} {
		if got, err := path(); err != nil || got != filepath.Join(dir, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	t.Setenv("XDG_STATE_HOME", dir)
	c.DataDir = ""
	if got, err := c.IndexDir(); err != nil || got != filepath.Join(dir, "taster", "index") {
		t.Errorf("by default: %q, %v", got, err)
	}
}

func TestStateDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	if dir, err := StateDir(); err != nil || dir != "/state/taster" {
		t.Errorf("got %q, %v", dir, err)
	}
}
