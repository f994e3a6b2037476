// Package config reads the configuration of `taster serve`: one YAML file, strict about what it does not know.
//
// [Default] is complete, [Load] lays a file over it, and [Config.Validate] says what is wrong, naming the field as it
// stands in the file. The package's example, [Example], documents every field and equals the defaults.
package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// MaxFileBytes limits a configuration file.
const MaxFileBytes = 1 << 20

// Example is a commented configuration file with every field at its default.
//
//go:embed taster.yaml
var Example []byte

// Config is what `taster serve` needs to know. Units are in the names.
type Config struct {
	// DataDir keeps the embedded server's streams and the known texts. Optional: empty means [StateDir].
	DataDir string `yaml:"data_dir"`
	NATS    NATS   `yaml:"nats"`
	// Tenants are those that events are taken from. At least one.
	Tenants []Tenant `yaml:"tenants"`
	// Streams bounds what is kept for every tenant that does not say otherwise.
	Streams   Streams   `yaml:"streams"`
	Work      Work      `yaml:"work"`
	Cache     Cache     `yaml:"cache"`
	Detectors Detectors `yaml:"detectors"`
	// Indicators says whose changes of the known texts are taken from the bus.
	Indicators Indicators `yaml:"indicators"`
	// Judge configures the LLM judge; none leaves it out.
	Judge Judge `yaml:"judge"`
	// Policy is the policy itself, PolicyFile a file that holds it; [Load] reads the file into Policy. At most one of them
	// stands in the file.
	Policy     engine.Policy `yaml:"policy"`
	PolicyFile string        `yaml:"policy_file"`
	// CalibrationFile says what evidence is worth, as `taster bench calibrate` writes it. Optional: empty means the shipped
	// one. A change takes a restart.
	CalibrationFile string  `yaml:"calibration_file"`
	Metrics         Metrics `yaml:"metrics"`
}

// NATS says where the bus is.
type NATS struct {
	// URL of a server. Optional: empty means that the engine runs its own.
	URL string `yaml:"url"`
	// Listen is the own server's address for clients; empty opens no port. An address that other machines reach needs
	// ServerConfigFile, which says who may do what.
	Listen string `yaml:"listen"`
	// ServerConfigFile is a nats-server configuration for the own server. Optional.
	ServerConfigFile string `yaml:"server_config_file"`
	// SyncAlways makes the own server write each message through to the disk.
	SyncAlways bool `yaml:"sync_always"`
	// One way to log on, at most: a credentials file, an nkey seed in a file, or a user with a password in a file.
	CredentialsFile string `yaml:"credentials_file"`
	NkeySeedFile    string `yaml:"nkey_seed_file"`
	User            string `yaml:"user"`
	PasswordFile    string `yaml:"password_file"`
	TLS             TLS    `yaml:"tls"`
	// ConnectTimeoutSeconds is how long the first connection may take.
	ConnectTimeoutSeconds int `yaml:"connect_timeout_seconds"`
}

// TLS says how the connection to [NATS.URL] is secured beyond what the URL's scheme asks for.
type TLS struct {
	CAFile   string `yaml:"ca_file"`   // optional: empty means the system's
	CertFile string `yaml:"cert_file"` // with KeyFile: the client's own certificate
	KeyFile  string `yaml:"key_file"`
}

// Tenant is one tenant of the bus.
type Tenant struct {
	Name string `yaml:"name"`
	// Gateways names the durable consumers of the verdict stream. Optional: nil means one called gateway.
	Gateways []string `yaml:"gateways"`
	// KeepRejectedBytes keeps the bytes of what can't be read, beside digest and length.
	KeepRejectedBytes bool `yaml:"keep_rejected_bytes"`
	// Streams overrides [Config.Streams] where it is not zero.
	Streams Streams `yaml:"streams"`
}

// Streams bounds a tenant's streams and buckets.
type Streams struct {
	Events     Bound `yaml:"events"`
	Verdicts   Bound `yaml:"verdicts"`
	Alerts     Bound `yaml:"alerts"`
	Rejected   Bound `yaml:"rejected"`
	Deep       Bound `yaml:"deep"`
	Notices    Bound `yaml:"notices"`
	Last       Bound `yaml:"last"`
	Live       Bound `yaml:"live"`
	Catalogues Bound `yaml:"catalogues"`
}

// Bound limits one stream.
type Bound struct {
	MaxBytes    int64 `yaml:"max_bytes"`
	MaxAgeHours int   `yaml:"max_age_hours"`
}

// Work sizes the engine.
type Work struct {
	// Workers take micro-batches from the bus. Optional: 0 means one per CPU.
	Workers int `yaml:"workers"`
	// BatchEvents is the most that a micro-batch holds; it takes what is there and waits for nothing.
	BatchEvents int `yaml:"batch_events"`
}

// Cache bounds the memory for outcomes.
type Cache struct {
	Entries  int   `yaml:"entries"`
	MaxBytes int64 `yaml:"max_bytes"`
}

// Detectors says which detectors run, and with what configuration.
type Detectors struct {
	// PluginDir holds the manifests of outside plugins. Optional: empty means none.
	PluginDir string `yaml:"plugin_dir"`
	// InProcess runs the shipped detectors inside the engine: faster, and not contained.
	InProcess bool `yaml:"in_process"`
	// Disabled names detectors that do not run.
	Disabled []string `yaml:"disabled"`
	// Sections has a detector's own configuration by its name.
	Sections map[string]Section `yaml:"sections"`
}

// Section is a part of the file as JSON, for whoever knows its fields.
type Section json.RawMessage

// UnmarshalYAML turns the YAML into JSON.
func (s *Section) UnmarshalYAML(unmarshal func(any) error) error {
	var v map[string]any
	if err := unmarshal(&v); err != nil {
		return err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("converting a section to JSON: %w", err)
	}
	*s = data
	return nil
}

// Judge is the LLM judge's section, or nothing: without it no text leaves the machine.
type Judge struct {
	// Section is the judge's configuration; nil means that it does not run.
	Section Section
	// KeyFile holds the key for the endpoint: a secret does not stand in a configuration. Optional.
	KeyFile string
}

// keyFileField names [Judge.KeyFile] in the section.
const keyFileField = "api_key_file"

// UnmarshalYAML reads the word none, or a section.
func (j *Judge) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "none" {
			return &models.FieldError{Field: "judge", Problem: fmt.Sprintf("%q is neither none nor a section", word)}
		}
		*j = Judge{}
		return nil
	}
	var fields map[string]any
	if err := unmarshal(&fields); err != nil {
		return err
	}
	if _, there := fields["api_key"]; there {
		return &models.FieldError{Field: "judge.api_key", Problem: "a key does not stand in a configuration: use " + keyFileField}
	}
	if path, there := fields[keyFileField]; there {
		var ok bool
		if j.KeyFile, ok = path.(string); !ok {
			return &models.FieldError{Field: "judge." + keyFileField, Problem: "not a path"}
		}
		delete(fields, keyFileField)
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("converting a section to JSON: %w", err)
	}
	j.Section = data
	return nil
}

// maxKeyBytes limits a key.
const maxKeyBytes = 8 << 10

// Key reads the key: what stands in the file, without the space around it. It is empty without a file.
func (j *Judge) Key() (string, error) {
	if j.KeyFile == "" {
		return "", nil
	}
	data, err := readLimited(j.KeyFile, maxKeyBytes)
	if err != nil {
		return "", fmt.Errorf("reading judge.%s: %w", keyFileField, err)
	}
	key := strings.TrimSpace(string(data))
	if key == "" || strings.ContainsAny(key, "\r\n \t") {
		return "", &models.FieldError{Field: "judge." + keyFileField, Problem: "does not hold one key and nothing else"}
	}
	return key, nil
}

// Indicators says whose additions to the known texts, and removals from them, come into force over the bus.
type Indicators struct {
	// TrustedKeys are public nkeys of accounts. Optional: without any, no change counts.
	TrustedKeys []string `yaml:"trusted_keys"`
	// MaxEntries and MaxBytes bound the bucket of changes, removals included. When it is full, it refuses.
	MaxEntries int   `yaml:"max_entries"`
	MaxBytes   int64 `yaml:"max_bytes"`
}

// IndexDir is the directory of the known texts: index, below [Config.DataDir] or [StateDir].
func (c *Config) IndexDir() (string, error) { return c.state("index") }

// LedgerFile is where the engine remembers the times of the changes that it applied: indicators.jsonl, beside the index.
func (c *Config) LedgerFile() (string, error) { return c.state("indicators.jsonl") }

// state is the path of what is called name where data lives.
func (c *Config) state(name string) (string, error) {
	if c.DataDir != "" {
		return filepath.Join(c.DataDir, name), nil
	}
	dir, err := StateDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, name), nil
}

// Metrics says where Prometheus finds the metrics.
type Metrics struct {
	Listen string `yaml:"listen"` // optional: empty means nowhere
}

// Default is the configuration of one laptop: an embedded server on the loopback interface, one tenant, the shipped
// detectors, the default policy.
func Default() Config {
	const mib, day = 1 << 20, 24
	return Config{
		NATS:    NATS{Listen: "127.0.0.1:4222", ConnectTimeoutSeconds: 10},
		Tenants: []Tenant{{Name: models.DefaultTenant, Gateways: []string{"gateway"}}},
		Streams: Streams{
			Events:     Bound{1024 * mib, 7 * day},
			Verdicts:   Bound{1024 * mib, 7 * day},
			Alerts:     Bound{256 * mib, 30 * day},
			Rejected:   Bound{64 * mib, 7 * day},
			Deep:       Bound{256 * mib, day},
			Notices:    Bound{16 * mib, 90 * day},
			Last:       Bound{512 * mib, 90 * day},
			Live:       Bound{512 * mib, 90 * day},
			Catalogues: Bound{512 * mib, 90 * day},
		},
		Work:       Work{BatchEvents: 256},
		Cache:      Cache{Entries: engine.DefaultCacheEntries, MaxBytes: engine.DefaultCacheBytes},
		Policy:     engine.DefaultPolicy(),
		Indicators: Indicators{MaxEntries: 50_000, MaxBytes: 128 * mib},
	}
}

// Load reads the file at path over [Default], reads the policy file if it names one, and validates the whole. Relative
// paths in the file are relative to its directory.
func Load(path string) (Config, error) {
	data, err := readLimited(path, MaxFileBytes)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	c, err := parse(data)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration %q: %w", path, err)
	}
	c.resolvePaths(filepath.Dir(path))
	if c.PolicyFile != "" {
		if c.Policy, err = loadPolicy(c.PolicyFile); err != nil {
			return Config{}, err
		}
	}
	if _, err := c.Fusion(); err != nil {
		return Config{}, err
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("checking configuration %q: %w", path, err)
	}
	return c, nil
}

func parse(data []byte) (Config, error) {
	c := Default()
	var given map[string]any
	if err := yaml.Unmarshal(data, &given); err != nil {
		return Config{}, err
	}
	if len(given) == 0 { // decoding nothing would clear the defaults
		return c, nil
	}
	if given["policy"] != nil && given["policy_file"] != nil && given["policy_file"] != "" {
		return Config{}, &models.FieldError{Field: "policy_file", Problem: "set together with policy"}
	}
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		return Config{}, err
	}
	return c, nil
}

func loadPolicy(path string) (engine.Policy, error) {
	data, err := readLimited(path, engine.MaxPolicyBytes)
	if err != nil {
		return engine.Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	p, err := engine.ParsePolicy(data)
	if err != nil {
		return engine.Policy{}, fmt.Errorf("reading policy %q: %w", path, err)
	}
	return p, nil
}

// Fusion reads CalibrationFile. Without one it is the zero value, which means the shipped fusion.
func (c *Config) Fusion() (engine.Fusion, error) {
	if c.CalibrationFile == "" {
		return engine.Fusion{}, nil
	}
	data, err := readLimited(c.CalibrationFile, engine.MaxCalibrationBytes)
	if err != nil {
		return engine.Fusion{}, fmt.Errorf("reading calibration: %w", err)
	}
	calibration, err := engine.ParseCalibration(data)
	if err != nil {
		return engine.Fusion{}, fmt.Errorf("calibration %q: %w", c.CalibrationFile, err)
	}
	return calibration.Fusion(), nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%q is over the limit of %d bytes", path, limit)
	}
	return data, nil
}

func (c *Config) resolvePaths(dir string) {
	for _, p := range []*string{
		&c.DataDir, &c.PolicyFile, &c.CalibrationFile, &c.Detectors.PluginDir, &c.NATS.ServerConfigFile, &c.NATS.CredentialsFile,
		&c.NATS.NkeySeedFile, &c.NATS.PasswordFile, &c.NATS.TLS.CAFile, &c.NATS.TLS.CertFile, &c.NATS.TLS.KeyFile,
		&c.Judge.KeyFile,
	} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// StateDir is where data lives when the configuration does not say: $XDG_STATE_HOME/taster, else
// ~/.local/state/taster.
func StateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "taster"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the home directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "taster"), nil
}

// StreamsOf returns the bounds for a tenant: its own where they are set, else the common ones.
func (c *Config) StreamsOf(t Tenant) Streams {
	s := t.Streams
	own, common := s.bounds(), c.Streams.bounds()
	for i := range own {
		if own[i].bound.MaxBytes == 0 {
			own[i].bound.MaxBytes = common[i].bound.MaxBytes
		}
		if own[i].bound.MaxAgeHours == 0 {
			own[i].bound.MaxAgeHours = common[i].bound.MaxAgeHours
		}
	}
	return s
}

type namedBound struct {
	name  string
	bound *Bound
}

func (s *Streams) bounds() []namedBound {
	return []namedBound{
		{"events", &s.Events}, {"verdicts", &s.Verdicts}, {"alerts", &s.Alerts}, {"rejected", &s.Rejected}, {"deep", &s.Deep},
		{"notices", &s.Notices}, {"last", &s.Last}, {"live", &s.Live}, {"catalogues", &s.Catalogues},
	}
}
