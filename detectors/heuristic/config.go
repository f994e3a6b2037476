package heuristic

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// Config is the detector's section of the configuration. The zero value is the embedded packs with all their rules.
//
// Files are read once, when the detector is made. A running detector never looks at them again: new bytes come into
// force with a configuration that pins them, and until then its revision names the rules that do decide.
type Config struct {
	// Packs are rule packs beside the embedded ones.
	Packs []PackFile `json:"packs"`
	// Disabled lists ids of rules that are left out, those of checks in code included.
	Disabled []string `json:"disabled"`
}

// PackFile is a rule pack on disk, pinned to its bytes.
type PackFile struct {
	Path   string `json:"path"`   // absolute: the detector's process has a working directory of its own
	SHA256 string `json:"sha256"` // 64 hex digits, as `sha256sum` prints them
}

// PinError is the refusal of a pack whose bytes are not the ones that are pinned.
type PinError struct {
	Path          string
	Pinned, Found string // SHA-256, hex
}

func (e *PinError) Error() string {
	return fmt.Sprintf("rule pack %s has SHA-256 %s, the configuration pins %s", e.Path, e.Found, e.Pinned)
}

// maxPacks is how many packs a configuration can add.
const maxPacks = 64

func (c *Config) compile() (*detector, error) {
	packs, err := rulepack.Embedded()
	if err != nil {
		return nil, err
	}
	if len(c.Packs) > maxPacks {
		return nil, fmt.Errorf("loading rule packs: %d, the limit is %d", len(c.Packs), maxPacks)
	}
	packs = slices.Clone(packs)
	for _, f := range c.Packs {
		p, err := f.load()
		if err != nil {
			return nil, fmt.Errorf("loading rule pack: %w", err)
		}
		packs = append(packs, p)
	}
	disabled, without := splitDisabled(c.Disabled)
	rules, err := rulepack.Compile(packs, disabled...)
	if err != nil {
		return nil, err
	}
	return &detector{rules: rules, without: without, revision: revisionOf(rules, without)}, nil
}

// splitDisabled tells the ids of rules of packs, or of nothing, from those of rules in code.
func splitDisabled(ids []string) (ofPacks []string, inCode map[string]bool) {
	inCode = map[string]bool{}
	for _, id := range ids {
		if KnowsCodeRule(id) {
			inCode[id] = true
		} else {
			ofPacks = append(ofPacks, id)
		}
	}
	return ofPacks, inCode
}

// revisionOf is the set's digest as long as no rule in code is disabled.
func revisionOf(rules *rulepack.Set, without map[string]bool) string {
	if len(without) == 0 {
		return rules.Digest()
	}
	parts := [][]byte{[]byte(rules.Digest())}
	for _, id := range slices.Sorted(maps.Keys(without)) {
		parts = append(parts, []byte("\nwithout "+id))
	}
	return models.Digest(parts...)
}

var sha256Form = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// load reads a pack whose bytes are the pinned ones and whose rules hold what they promise.
func (f PackFile) load() (*rulepack.Pack, error) {
	switch {
	case !filepath.IsAbs(f.Path):
		return nil, fmt.Errorf("%q is not an absolute path", f.Path)
	case !sha256Form.MatchString(f.SHA256):
		return nil, fmt.Errorf("%s: sha256 is %q, a pack is pinned by the 64 hex digits of its SHA-256", f.Path, f.SHA256)
	}
	data, err := readFile(f.Path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if found := hex.EncodeToString(sum[:]); !strings.EqualFold(found, f.SHA256) {
		return nil, &PinError{Path: f.Path, Pinned: strings.ToLower(f.SHA256), Found: found}
	}
	p, err := rulepack.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	var errs []error
	for _, problem := range p.Lint() {
		errs = append(errs, fmt.Errorf("%s: %w", f.Path, problem))
	}
	for i := range p.Rules {
		if r := &p.Rules[i]; !slices.Contains(classes, r.Class) {
			errs = append(errs, fmt.Errorf("%s: rule %s: class %s is not one that the detector declares", f.Path, r.ID, r.Class))
		} else if KnowsCodeRule(r.ID) {
			errs = append(errs, fmt.Errorf("%s: rule %s: a rule in code has this id", f.Path, r.ID))
		}
	}
	return p, errors.Join(errs...)
}

// readFile reads no more of a file than a pack can have.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, rulepack.MaxPackBytes+1))
}
