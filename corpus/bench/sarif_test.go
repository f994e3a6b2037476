package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/rpc"
)

const sarifLog = `{"version":"2.1.0","$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[{
 "tool":{"driver":{"name":"peer","rules":[{"id":"R1","defaultConfiguration":{"level":"note"}}]}},
 "invocations":[{"executionSuccessful":%s}],
 "artifacts":[%s],
 "results":[
  {"ruleId":"R9","level":"error","message":{"text":"hidden words"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"events/e0.json"}}}]},
  {"ruleId":"R1","message":{"text":"odd"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"file:///tmp/e1.json"}}}]},
  {"ruleId":"R2","message":{"text":"absent level"},"locations":[{"logicalLocations":[{"name":"e2"}]}]},
  {"ruleId":"R3","level":"error","message":{"text":"accepted"},"suppressions":[{"kind":"external"}],"locations":[{"physicalLocation":{"artifactLocation":{"uri":"e3.json"}}}]},
  {"ruleId":"R4","level":"warning","message":{"text":"by property"},"properties":{"id":"e5"}},
  {"ruleId":"R4","level":"note","message":{"text":"and less"},"properties":{"id":"e5"}},
  {"ruleId":"R5","kind":"pass","message":{"text":"in order"},"properties":{"id":"e6"}},
  {"ruleId":"R6","kind":"review","message":{"text":"look at it"},"properties":{"id":"e7"}}
 ]}]}`

func parsed(t *testing.T, successful, artifacts string) *SARIF {
	t.Helper()
	text := strings.Replace(strings.Replace(sarifLog, "%s", successful, 1), "%s", artifacts, 1)
	s, err := ParseSARIF([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tiersOf(t *testing.T, s *SARIF, n int) string {
	t.Helper()
	answers, err := s.Judge(t.Context(), events(n))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range answers {
		name := TierName(models.KindTool.Tier(a.Decision))
		if a.Status == models.StatusNotInspected {
			name = "?"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestSARIF(t *testing.T) {
	for _, c := range []struct{ name, successful, artifacts, want string }{
		{"all seen", "true", "", "blocked noted flagged none none flagged none none"},
		{"listed artifacts", "true", `{"location":{"uri":"events/e3.json"}},{"location":{"uri":"e0.json"}}`, "blocked noted flagged none ? flagged ? none"},
		{"failed run", "false", "", "blocked noted flagged ? ? flagged ? none"},
	} {
		if got := tiersOf(t, parsed(t, c.successful, c.artifacts), 8); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestParseSARIFRefuses(t *testing.T) {
	for _, bad := range []string{"", "{}", "[]", `{"version":"2.1.0","runs":[]}`} {
		if _, err := ParseSARIF([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestExport: what is written is what the event holds, and any reader of saved lists takes it for what it is.
func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	all := events(2)
	all[1].ID = "row/2 of …"
	all = append(all,
		models.Event{ID: "p", Server: "s", Kind: models.KindPrompt, Body: []byte(`{"name":"n","arguments":[]}`)},
		models.Event{ID: "r", Server: "s", Kind: models.KindToolResult, Body: []byte(`{"content":[]}`)})
	if err := Export(dir, all); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		data, err := os.ReadFile(filepath.Join(dir, fileName(e.ID)))
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(data) || !strings.Contains(string(data), string(e.Body)) {
			t.Errorf("%s: %s", e.ID, data)
		}
		batch, err := rpc.Parse(data, "s")
		if err != nil || len(batch.Events) != 1 || batch.Events[0].Kind != e.Kind {
			t.Errorf("%s: %s reads as %+v, %v", e.ID, data, batch.Events, err)
		}
	}
}
