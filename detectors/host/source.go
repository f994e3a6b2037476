package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"

	"github.com/goccy/go-yaml"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// Source says how to run one plugin.
type Source struct {
	// Name of the plugin: lower-case letters, digits and dashes, at most 48 bytes. Required.
	Name string
	// Command is the executable and its arguments, without a shell. Required. The executable is an absolute path or
	// relative to Dir, is not looked up in PATH, and is one of Files.
	Command []string
	// Dir is the working directory. Optional: "" means the host's.
	Dir string
	// Files is every file whose content decides what runs: the executable, and for an interpreter its script and lock
	// file. Relative paths are relative to Dir. Required.
	Files []File
	// TLS turns on mutual TLS with one-time certificates, which Go plugins speak by themselves. Without it the plugin
	// is reached through a Unix socket in a directory that only the host's (and User's) user can enter.
	TLS bool
	// User runs the process as another user, by name; the host must be root. Optional.
	User string
	// Configs has the configuration of each detector, by its name. Optional. A name that the plugin does not have is
	// an error.
	Configs map[string]detectors.Config
	// Secrets has members that are added to the configuration of a detector, by its name, when it is sent. Optional. They
	// are part of no digest, log or message.
	Secrets map[string]map[string]string

	self *self // this executable, instead of Command[0] and Files
}

// File is a file with the SHA-256 that it must have, in the form of [models.Digest].
type File struct {
	Path   string
	SHA256 string
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,47}$`)

// Validate reports everything that is wrong with the source itself; it opens no file.
func (s *Source) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, &models.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if !sourceName.MatchString(s.Name) {
		bad("name", "%q does not match %s", s.Name, sourceName)
	}
	if len(s.Command) == 0 || s.Command[0] == "" {
		bad("command", "empty")
	} else if s.self == nil && !s.lists(s.Command[0]) {
		bad("files", "the executable %q is not listed: every file that runs needs its SHA-256", s.Command[0])
	}
	for _, f := range s.Files {
		if f.Path == "" || !models.ValidDigest(f.SHA256) {
			bad("files", "%q: sha256 %q is not sha256: and 64 hex digits", f.Path, f.SHA256)
		}
	}
	for name, cfg := range s.Configs {
		if len(cfg) > 0 && !json.Valid(cfg) {
			bad("configs", "%q: not JSON", name)
		}
	}
	return errors.Join(errs...)
}

// config is what a detector is sent: its configuration with its secrets.
func (s *Source) config(name string) (detectors.Config, error) {
	secrets := s.Secrets[name]
	if len(secrets) == 0 {
		return s.Configs[name], nil
	}
	members := map[string]json.RawMessage{}
	if cfg := s.Configs[name]; len(cfg) > 0 {
		if err := json.Unmarshal(cfg, &members); err != nil {
			return nil, fmt.Errorf("adding secrets to the configuration of %q: %w", name, err)
		}
	}
	for member, secret := range secrets {
		data, err := json.Marshal(secret)
		if err != nil {
			return nil, fmt.Errorf("adding secrets to the configuration of %q: %w", name, err)
		}
		members[member] = data
	}
	return json.Marshal(members)
}

func (s *Source) lists(path string) bool {
	for _, f := range s.Files {
		if s.path(f.Path) == s.path(path) {
			return true
		}
	}
	return false
}

// path resolves a path of the source.
func (s *Source) path(p string) string {
	if !filepath.IsAbs(p) {
		p = filepath.Join(s.Dir, p)
	}
	return filepath.Clean(p)
}

// manifest is a Source on disk.
type manifest struct {
	Name    string         `yaml:"name"`
	Command []string       `yaml:"command"`
	Files   []manifestFile `yaml:"files"`
	TLS     string         `yaml:"tls,omitempty"` // "auto" (the default) or "off"
	User    string         `yaml:"user,omitempty"`
	Config  map[string]any `yaml:"config,omitempty"` // by detector
}

type manifestFile struct {
	Path   string `yaml:"path"`
	SHA256 string `yaml:"sha256"` // 64 hex digits, "sha256:" before them is optional
}

// Limits on what is read from a plugin directory.
const (
	maxManifestBytes = 64 << 10
	maxManifests     = 256
)

// Discover reads the manifests (*.yaml) of a directory, in the order of their names. A manifest looks like this:
//
//	name: acme
//	command: [/usr/bin/node, detector.js]
//	files:
//	  - {path: /usr/bin/node, sha256: 2b6f...}
//	  - {path: detector.js, sha256: 81dc...}
//	  - {path: package-lock.json, sha256: 07aa...}
//	tls: off        # default: auto
//	user: nobody    # optional
//	config:         # optional, by detector
//	  acme-urls: {threshold: 0.5}
//
// Paths are relative to the directory, which is the working directory too. An unknown field, an invalid manifest or a
// second one with the same name is an error that names the file. A directory that does not exist has none.
func Discover(dir string) ([]Source, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("listing plugin manifests: %w", err)
	}
	if len(paths) > maxManifests {
		return nil, fmt.Errorf("listing plugin manifests: %d in %s, the limit is %d", len(paths), dir, maxManifests)
	}
	sort.Strings(paths)
	var (
		sources []Source
		errs    []error
		from    = map[string]string{}
	)
	for _, path := range paths {
		s, err := ReadManifest(path)
		if err == nil && from[s.Name] != "" {
			err = fmt.Errorf("plugin %q is already in %s", s.Name, from[s.Name])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading plugin manifest %s: %w", path, err))
			continue
		}
		from[s.Name] = path
		sources = append(sources, s)
	}
	return sources, errors.Join(errs...)
}

// ReadManifest reads one manifest; see [Discover].
func ReadManifest(path string) (Source, error) {
	data, err := readLimited(path, maxManifestBytes)
	if err != nil {
		return Source{}, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Source{}, err
	}
	return parseManifest(data, dir)
}

func parseManifest(data []byte, dir string) (Source, error) {
	var m manifest
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&m); err != nil {
		return Source{}, err
	}
	s := Source{Name: m.Name, Command: m.Command, Dir: dir, User: m.User, TLS: true}
	switch m.TLS {
	case "off":
		s.TLS = false
	case "", "auto":
	default:
		return Source{}, &models.FieldError{Field: "tls", Problem: fmt.Sprintf("%q is neither auto nor off", m.TLS)}
	}
	for _, f := range m.Files {
		s.Files = append(s.Files, File{Path: s.path(f.Path), SHA256: withPrefix(f.SHA256)})
	}
	for name, value := range m.Config {
		cfg, err := json.Marshal(value)
		if err != nil {
			return Source{}, fmt.Errorf("config of %q: %w", name, err)
		}
		if s.Configs == nil {
			s.Configs = map[string]detectors.Config{}
		}
		s.Configs[name] = cfg
	}
	return s, s.Validate()
}

func withPrefix(sum string) string {
	const prefix = "sha256:"
	if len(sum) == 64 {
		return prefix + sum
	}
	return sum
}

// Manifest returns a manifest for the command with the SHA-256 that its executable and the other files have now: what
// an operator writes to trust a plugin as it is. Paths are relative to dir.
func Manifest(name, dir string, command []string, files ...string) ([]byte, error) {
	if len(command) == 0 {
		return nil, &models.FieldError{Field: "command", Problem: "empty"}
	}
	s := Source{Dir: dir}
	m := manifest{Name: name, Command: command}
	for _, path := range append([]string{command[0]}, files...) {
		sum, err := hashFile(s.path(path))
		if err != nil {
			return nil, fmt.Errorf("pinning %q: %w", path, err)
		}
		m.Files = append(m.Files, manifestFile{Path: path, SHA256: sum[len("sha256:"):]})
	}
	return yaml.Marshal(m)
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}
