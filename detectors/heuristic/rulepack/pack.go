// Package rulepack holds the heuristic detector's rules as data: packs in YAML, each rule with what it says, what speaks
// against it and samples that it must hit and must not hit. A [Set] is packs compiled for matching; a [Scanner] matches
// one text after the other.
//
// A rule has one of two forms of condition. [Signals] combines parts of instructions that package directive finds.
// [Near] wants terms of several classes close to each other and, if it has one, a bounded regular expression around
// them. No condition can backtrack or look further than a bounded stretch.
package rulepack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/aad6b6dc/taster/models"
)

// Limits on a pack. [Parse] refuses what is over one of the first three, [Pack.Lint] reports the others.
const (
	MaxPackBytes = 4 << 20
	MaxRules     = 2000
	MaxDepth     = 32 // of flow collections in the YAML

	MaxTerms     = 20_000 // literals of a pack
	MaxTermBytes = 64
	MinTermBytes = 3
	MaxWithin    = 400 // bytes, see Near.Within
	MaxWindow    = 512 // bytes, see Near.Window
	MaxNears     = 64  // alternatives of one rule

	// MinLonePattern is how many bytes a pattern matches at least that stands beside a single class of terms.
	MinLonePattern = 6
	MaxSamples     = 64  // hits, and as many misses, of one rule
	MaxReach       = 1   // sentences, see Signals.Reach
	minConfidence  = 0.3 // a match below is not reported
)

// Pack is a file of rules. Once parsed it is only read, and safe for concurrent use.
type Pack struct {
	Name        string `yaml:"name"`    // lower-case letters, digits and dashes; unique in a [Set]
	Version     string `yaml:"version"` // semantic version
	Description string `yaml:"description"`
	// Terms are named classes of literals that [Near] conditions refer to. Case does not matter in them.
	Terms map[string][]string `yaml:"terms"`
	Rules []Rule              `yaml:"rules"`

	// Shipped is set for the packs that are compiled into the program.
	Shipped bool `yaml:"-"`
	// Digest is the SHA-256 of the pack's bytes, in lower-case hex: what a configuration pins.
	Digest string `yaml:"-"`
}

// Rule says when something is wrong, and what.
type Rule struct {
	ID      string `yaml:"id"`      // lower-case letters, digits and dashes; unique in a [Set]
	Version string `yaml:"version"` // semantic version; becomes the finding's
	// Class is the threat class in a tool's definition; the detector maps the classes of orders (A1, A2, A5, A6, A8) to
	// those of other places.
	Class      models.Class    `yaml:"class"`
	Severity   models.Severity `yaml:"severity"`
	Confidence float64         `yaml:"confidence"` // in (0, 1], before what speaks for and against it is weighed
	Message    string          `yaml:"message"`    // one sentence for a person who never saw the rule
	// Kinds and Fields say which events, and which parts of them, the rule reads. Optional: none means all.
	Kinds  []models.Kind `yaml:"kinds"`
	Fields []Field       `yaml:"fields"`
	// Against names the counter-evidence that lowers the confidence, see [Counters].
	Against    []string `yaml:"against"`
	References []string `yaml:"references"` // URLs, or ids of published attacks

	// Signals and Near are the two forms of condition; a rule has exactly one.
	Signals *Signals     `yaml:"signals"`
	Near    Alternatives `yaml:"near"`

	// Hits and Misses are the rule's own tests: it must find something in each of the former, nothing in the latter.
	Hits   []Sample `yaml:"hits"`
	Misses []Sample `yaml:"misses"`
}

// Signals holds where one signal of every set stands within reach of one of the first set.
type Signals struct {
	// Need lists sets of signals of package directive by name, "secret" or "fetch execute"; the first is the anchor.
	Need []Names `yaml:"need"`
	// Foreign is how many different signals of the first set must stand within reach that are not what the object is
	// for, see [Scanner.Purpose]; the anchor is one of them. Optional: 0 asks for no more than Need.
	Foreign int `yaml:"foreign"`
	// Absent names signals of which none may stand within reach of the anchor. Optional.
	Absent Names `yaml:"absent"`
	// Reach is how many sentences apart the signals may stand: 0 for the same sentence, at most [MaxReach].
	Reach int `yaml:"reach"`
	// Within is how many bytes from the anchor the signals may begin. Optional: none means that only Reach counts.
	Within int `yaml:"within"`
	// After is set if what the anchor opens, such as a form of address, stands behind it.
	After bool `yaml:"after"`
	// Pointed is set if the anchor alone is the evidence.
	Pointed bool `yaml:"pointed"`
	// Described is set if the combination counts only where something is described, and orders have no business.
	Described bool `yaml:"described"`
	// Commands is set if the combination is ordinary where a person or a prompt gives the orders.
	Commands bool `yaml:"commands"`
}

// Near holds around a term of the first class that has a term of every other class close by.
type Near struct {
	// Terms names term classes of the pack: two or more, or one if there is a pattern. The first is the anchor: the rarest
	// is the cheapest.
	Terms []string `yaml:"terms"`
	// Within is how many bytes may lie between the anchor and a term of each other class, on either side.
	Within int `yaml:"within"`
	// Pattern is a regular expression (RE2) that must match in the window as well. Optional. Unless its flags say
	// otherwise it is matched without regard to case and . takes line breaks. It may repeat without bound only what is
	// narrow (a blank), and knows no beginning or end of text.
	Pattern string `yaml:"pattern"`
	// Window is how many bytes on either side of the anchor the pattern sees. Optional: as many as Within.
	Window int `yaml:"window"`

	parsed *parsedPattern // what Parse made of Pattern; nil otherwise
}

// Alternatives are Near conditions of which one is enough; written in YAML as a list, or as a mapping if there is one.
type Alternatives []Near

// Names is a list of names, written in YAML as one string with blanks.
type Names []string

// Sample is a test of a rule: a text, which stands for the description of a tool, or a whole event.
type Sample struct {
	Text string      // set for a text
	Kind models.Kind // set, with Body, for an event
	Body []byte      // the MCP object
}

// Problem is something wrong with a pack.
type Problem struct {
	Rule    string `json:"rule,omitempty"` // the rule's id; empty if it is the pack's
	Field   string `json:"field"`          // YAML path below the rule or the pack: "near.pattern"
	Message string `json:"message"`        // for a person
}

func (p Problem) Error() string {
	if p.Rule == "" {
		return p.Field + ": " + p.Message
	}
	return "rule " + p.Rule + ": " + p.Field + ": " + p.Message
}

// Parse reads a pack. It refuses unknown members, anchors and aliases, and what is over the limits; whether the rules
// make sense is for [Pack.Lint], which everything that loads a pack calls too.
func Parse(data []byte) (*Pack, error) {
	if len(data) > MaxPackBytes {
		return nil, fmt.Errorf("reading rule pack: %d bytes, the limit is %d", len(data), MaxPackBytes)
	}
	if err := CheckPlain(data); err != nil {
		return nil, fmt.Errorf("reading rule pack: %w", err)
	}
	var p Pack
	if err := yaml.UnmarshalWithOptions(data, &p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading rule pack: %w", err)
	}
	if len(p.Rules) == 0 || len(p.Rules) > MaxRules {
		return nil, fmt.Errorf("reading rule pack: %d rules, a pack has 1 to %d", len(p.Rules), MaxRules)
	}
	for i := range p.Rules {
		for n := range p.Rules[i].Near {
			near := &p.Rules[i].Near[n]
			near.parsed = parsePattern(near.Pattern)
		}
	}
	sum := sha256.Sum256(data)
	p.Digest = hex.EncodeToString(sum[:])
	return &p, nil
}

// CheckPlain refuses what makes a small YAML file large or deep: anchors and aliases, tags, and deep nesting.
func CheckPlain(data []byte) error {
	depth := 0
	for _, t := range lexer.Tokenize(string(data)) {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return fmt.Errorf("line %d: %q: anchors, aliases and tags are not allowed", t.Position.Line, t.Value)
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if depth > MaxDepth {
			return fmt.Errorf("line %d: nested deeper than %d", t.Position.Line, MaxDepth)
		}
	}
	return nil
}

// UnmarshalYAML reads names separated by blanks.
func (n *Names) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	*n = strings.Fields(text)
	return nil
}

// UnmarshalYAML reads a mapping, or a list of them.
func (a *Alternatives) UnmarshalYAML(unmarshal func(any) error) error {
	var elements []any
	if unmarshal(&elements) == nil {
		var list []Near
		if err := unmarshal(&list); err != nil {
			return err
		}
		*a = list
		return nil
	}
	var one Near
	if err := unmarshal(&one); err != nil {
		return err
	}
	*a = Alternatives{one}
	return nil
}

// UnmarshalYAML reads a text, or kind and body of an event; a body is a YAML mapping or, to be kept to the byte, a
// string of JSON.
func (s *Sample) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&s.Text); err == nil {
		return nil
	}
	var event struct {
		Kind models.Kind `yaml:"kind"`
		Body any         `yaml:"body"`
	}
	if err := unmarshal(&event); err != nil {
		return err
	}
	if s.Kind = event.Kind; !s.Kind.Valid() {
		return fmt.Errorf("a sample is a text or a mapping of kind and body; %q is no kind", s.Kind)
	}
	switch body := event.Body.(type) {
	case nil:
		return errors.New("a sample's event has a body")
	case string:
		s.Body = []byte(body)
	default:
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("writing a sample's body as JSON: %w", err)
		}
		s.Body = data
	}
	return nil
}
