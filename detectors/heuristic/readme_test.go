package heuristic

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors/heuristic/rulepack"
	"github.com/aad6b6dc/taster/models"
)

// The README lists every rule as its pack or group has it, and its example of a pack is one.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	packs, err := rulepack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	listed := func(group, id string, class models.Class, severity models.Severity, message string) {
		row := fmt.Sprintf("| %s | `%s` | %s | %s | %s |\n", group, id, class, severity, message)
		if !strings.Contains(readme, row) {
			t.Errorf("the table lacks %s", row)
		}
		rows++
	}
	for _, p := range packs {
		for _, r := range p.Rules {
			listed(p.Name, r.ID, r.Class, r.Severity, r.Message)
		}
	}
	for _, r := range CodeRules() {
		listed(r.Group, r.ID, r.Class, r.Severity, r.Message)
	}
	if rows == 0 {
		t.Error("no rules")
	}
	example := regexp.MustCompile("(?s)```yaml\n(name: .*?)```").FindStringSubmatch(readme)
	if example == nil {
		t.Fatal("no example")
	}
	p, err := rulepack.Parse([]byte(example[1]))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range p.Lint() {
		t.Error("example: ", problem)
	}
}
