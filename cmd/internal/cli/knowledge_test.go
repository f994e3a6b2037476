package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// texts are so many known texts.
func texts(n int) []models.Indicator {
	all := make([]models.Indicator, n)
	for i := range all {
		all[i] = models.Indicator{
			Label: models.Malicious, Class: "A1", Text: fmt.Sprintf("Gull number %d takes the keys of the harbour.", i), Source: "test", FirstSeen: time.Unix(0, 0).UTC(),
		}.Identify()
	}
	return all
}

// TestWhatIsHeldIsNoNews has an engine start twice: the second time the index stays as it is.
func TestWhatIsHeldIsNoNews(t *testing.T) {
	k := knowledge{dir: filepath.Join(t.TempDir(), "index")}
	all := texts(fewChanges + 2)
	gone := []string{all[0].ID}
	for n, step := range []struct {
		add    []models.Indicator
		remove []string
		want   bool
		held   int
	}{
		{all, nil, true, len(all)},
		{all, nil, false, len(all)},
		{all[1:], gone, true, len(all) - 1},
		{all[1:], gone, false, len(all) - 1},
		{all, nil, true, len(all)},
		{all[:1], nil, true, len(all)}, // a few are not looked up
	} {
		changed, err := k.change(t.Context(), step.add, step.remove)
		if err != nil || changed != step.want {
			t.Errorf("step %d: changed %v, %v, want %v", n, changed, err, step.want)
		}
		if held, err := index.All(k.dir); err != nil || len(held) != step.held {
			t.Errorf("step %d: %d held, %v, want %d", n, len(held), err, step.held)
		}
	}
	other := slices.Clone(all)
	other[3].Class = "A2"
	if add, remove := news(all, other, []string{"ind-x"}); len(add) != 1 || add[0].Class != "A2" || len(remove) != 0 {
		t.Errorf("news: %v, %v", add, remove)
	}
}

func TestPlaceKnowledge(t *testing.T) {
	dir := t.TempDir()
	elsewhere := filepath.Join(dir, "elsewhere")
	for name, tt := range map[string]struct {
		section string
		want    string
	}{
		"by default":            {"", filepath.Join(dir, "index")},
		"the detector's own":    {fmt.Sprintf(`{"dir":%q}`, elsewhere), elsewhere},
		"beside something else": {`{"min_probability":0.5}`, filepath.Join(dir, "index")},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			c.DataDir = dir
			if tt.section != "" {
				c.Detectors.Sections = map[string]config.Section{knowingDetector: config.Section(tt.section)}
			}
			placed, k, err := placeKnowledge(c)
			if err != nil {
				t.Fatal(err)
			}
			if k.dir != tt.want || k.ledger != filepath.Join(dir, "indicators.jsonl") {
				t.Errorf("placed at %+v", k)
			}
			if !slices.ContainsFunc(fastDetectors(), func(s detectors.Spec) bool { return s.Name == knowingDetector }) {
				t.Skip("the detector is not shipped")
			}
			var section struct {
				Dir            string  `json:"dir"`
				MinProbability float64 `json:"min_probability"`
			}
			if err := json.Unmarshal(placed.Detectors.Sections[knowingDetector], &section); err != nil || section.Dir != tt.want {
				t.Errorf("the section says %+v, %v", section, err)
			}
			if tt.section != "" && string(c.Detectors.Sections[knowingDetector]) != tt.section {
				t.Error("the configuration that was given has changed")
			}
		})
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	c := config.Default()
	if _, k, err := placeKnowledge(c); k != nil || err != nil {
		t.Errorf("without a place, and nobody to trust: %+v, %v", k, err)
	}
	c.Indicators.TrustedKeys = []string{"A"}
	if _, _, err := placeKnowledge(c); err == nil {
		t.Error("without a place for what comes over the bus")
	}
}
