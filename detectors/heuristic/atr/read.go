package atr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
)

// MaxFileBytes limits a file of a rule.
const MaxFileBytes = 1 << 20

// source is an ATR rule, as far as it is read.
type source struct {
	ID       string `yaml:"id"`
	Title    string `yaml:"title"`
	Status   string `yaml:"status"`
	Severity string `yaml:"severity"`
	Tags     struct {
		Category    string `yaml:"category"`
		Subcategory string `yaml:"subcategory"`
		Confidence  string `yaml:"confidence"`
	} `yaml:"tags"`
	References struct {
		CVE      any `yaml:"cve"`
		Research any `yaml:"research"`
	} `yaml:"references"`
	Detection struct {
		Condition  any `yaml:"condition"`
		Conditions any `yaml:"conditions"`
	} `yaml:"detection"`
	TestCases struct {
		TruePositives []map[string]any `yaml:"true_positives"`
		TrueNegatives []map[string]any `yaml:"true_negatives"`
	} `yaml:"test_cases"`
}

// condition is one of a rule's.
type condition struct{ field, operator, value string }

var idForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{1,55}$`)

// read reads a rule and says why there is none.
func read(data []byte) (*source, error) {
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("%d bytes, the limit is %d", len(data), MaxFileBytes)
	}
	if err := rulepack.CheckPlain(data); err != nil {
		return nil, err
	}
	var s source
	if err := yaml.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	switch {
	case !idForm.MatchString(s.ID):
		return nil, fmt.Errorf("id %q is not letters, digits and dashes", s.ID)
	case s.Detection.Conditions == nil:
		return nil, errors.New("no detection.conditions: this is no rule of Agent Threat Rules, or not one of patterns")
	}
	return &s, nil
}

// conditions are the rule's conditions, of which one is enough.
func (s *source) conditions() ([]condition, error) {
	list, ok := s.Detection.Conditions.([]any)
	if !ok {
		return nil, errors.New("its conditions have names: only lists of conditions are read")
	}
	switch how := strings.ToLower(fmt.Sprint(s.Detection.Condition)); how {
	case "any", "or", "<nil>":
	case "all", "and":
		if len(list) > 1 {
			return nil, fmt.Errorf("all of its %d conditions must hold, wherever they match", len(list))
		}
	default:
		return nil, fmt.Errorf("its condition is an expression: %q", how)
	}
	var out []condition
	for _, element := range list {
		member, ok := element.(map[string]any)
		if !ok {
			return nil, errors.New("a condition is not a mapping")
		}
		text := func(name string) string { s, _ := member[name].(string); return s }
		out = append(out, condition{text("field"), text("operator"), text("value")})
	}
	return out, nil
}

// texts returns the texts of a list, or of one.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, element := range v {
			if s, ok := element.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
