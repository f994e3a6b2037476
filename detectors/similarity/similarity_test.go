package similarity

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/detectortest"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

func TestMain(m *testing.M)        { detectortest.Main(m, Spec) }
func TestConformance(t *testing.T) { detectortest.Run(t, Spec) }
func TestCases(t *testing.T)       { detectortest.Cases(t, Spec, "testdata") }

func TestSpec(t *testing.T) {
	if err := detectors.Validate(Spec); err != nil {
		t.Error(err)
	}
}

func input(t *testing.T, description string) detectors.Input {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": "next_ferry", "description": description})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := view.Build(body)
	if err != nil {
		t.Fatal(err)
	}
	return detectors.Input{Event: &models.Event{Server: "pier", Kind: models.KindTool, Body: body}, Segments: doc.Segments}
}

func with(t *testing.T, cfg Config) detectors.Detector {
	t.Helper()
	section, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Spec.New(t.Context(), section)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ask(t *testing.T, d detectors.Detector, inputs ...detectors.Input) detectors.Answer {
	t.Helper()
	answer, err := d.Detect(t.Context(), &detectors.Batch{Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestConfig(t *testing.T) {
	for section, want := range map[string]string{
		`{"dir": "index"}`:          "absolute",
		`{"min_probability": 1.5}`:  "outside",
		`{"min_probability": -0.1}`: "outside",
		`{"directory": "/x"}`:       "unknown field",
	} {
		if _, err := Spec.New(t.Context(), detectors.Config(section)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", section, err)
		}
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "index.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	section, err := json.Marshal(Config{Dir: damaged})
	if err != nil {
		t.Fatal(err)
	}
	var corrupt *index.CorruptError
	if _, err := Spec.New(t.Context(), section); !errors.As(err, &corrupt) {
		t.Errorf("a damaged index: %v", err)
	}
}

// The directory may appear later; what is added to it is in force, and a new revision, a moment later. So is what is
// removed.
func TestFollow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	d := with(t, Config{Dir: dir})
	attack := models.Indicator{Label: models.Malicious, Class: "A2", Source: "verdict", FirstSeen: time.Unix(1e9, 0).UTC(),
		Text: "Skippers hand over the combination of the harbour safe when the lantern is lit, so that the pier can close its books."}.Identify()
	harmless := models.Indicator{Label: models.Benign, Class: "A2", Source: "verdict", FirstSeen: attack.FirstSeen,
		Text: "Skippers hand over the combination of the harbour safe when the lantern is lit, so that the pier can close its gate."}.Identify()
	in := input(t, "Next ferry. "+attack.Text)
	before := ask(t, d, in)
	if s := before.Outcomes[0].Status; s != models.StatusClean {
		t.Fatalf("%s before the attack is known", s)
	}
	found := func(answer detectors.Answer) bool {
		return answer.Outcomes[0].Status == models.StatusFound && answer.Outcomes[0].Findings[0].Class == "A2"
	}
	steps := []struct {
		name   string
		add    []models.Indicator
		remove []string
		want   bool
	}{
		{"added", []models.Indicator{attack}, nil, true},
		{"removed", nil, []string{attack.ID}, false},
		{"added again", []models.Indicator{attack}, nil, true},
	}
	revision := before.Revision
	for _, s := range steps {
		if _, err := index.Change(t.Context(), dir, s.add, s.remove); err != nil {
			t.Fatal(err)
		}
		if ask(t, d).Revision == revision { // which the engine asks at once
			t.Errorf("%s: the detector was asked and does not know yet", s.name)
		}
		answer := ask(t, d, in)
		if answer.Revision == revision || found(answer) != s.want {
			t.Errorf("%s: revision %s after %s, found %+v", s.name, answer.Revision, revision, answer.Outcomes[0])
		}
		revision = answer.Revision
	}
	answer := ask(t, d, in)
	f := answer.Outcomes[0].Findings[0]
	for _, want := range []string{attack.ID, "class A2", "from verdict", "2001-09-09", "Skippers hand over"} {
		if !strings.Contains(f.Message, want) {
			t.Errorf("the message lacks %q: %s", want, f.Message)
		}
	}
	if f.Confidence < 0.9 || len(f.Counter) > 0 {
		t.Errorf("confidence %v, counter-evidence %+v", f.Confidence, f.Counter)
	}
	if _, err := index.Change(t.Context(), dir, []models.Indicator{harmless}, nil); err != nil {
		t.Fatal(err)
	}
	contrasted := ask(t, with(t, Config{Dir: dir}), in).Outcomes[0]
	if contrasted.Status == models.StatusFound && (len(contrasted.Findings[0].Counter) != 1 || contrasted.Findings[0].Confidence >= f.Confidence) {
		t.Errorf("a harmless text that is as near changes nothing: %+v", contrasted.Findings[0])
	}
}

// pacing is a context that counts how often it is asked, and calls on after so many times.
type pacing struct {
	context.Context
	left int
	call func()
}

func (p *pacing) Err() error {
	if p.left--; p.left == 0 {
		p.call()
	}
	return p.Context.Err()
}

// A batch during which another call follows a change of the index is all of one revision.
func TestChangeWithinBatch(t *testing.T) {
	dir := t.TempDir()
	attack := models.Indicator{Label: models.Malicious, Class: "A2", Source: "verdict", FirstSeen: time.Unix(1e9, 0).UTC(),
		Text: "Skippers hand over the combination of the harbour safe when the lantern is lit, so that the pier can close its books."}.Identify()
	if _, err := index.Build(t.Context(), dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	d := with(t, Config{Dir: dir})
	in := input(t, attack.Text)
	ctx := &pacing{t.Context(), 10, func() { // between the first event and the last
		if _, err := index.Change(t.Context(), dir, []models.Indicator{attack}, nil); err != nil {
			t.Error(err)
		}
		ask(t, d)
	}}
	answer, err := d.Detect(ctx, &detectors.Batch{Inputs: slices.Repeat([]detectors.Input{in}, 20)})
	if err != nil || ctx.left > 0 {
		t.Fatal(err, ctx.left)
	}
	if answer.Revision != ask(t, d).Revision {
		t.Error("the revision is the one before")
	}
	for i, o := range answer.Outcomes {
		if o.Status != models.StatusFound {
			t.Errorf("event %d is %s", i, o.Status)
		}
	}
}

// A second detector with another configuration has another revision, the same one the same.
func TestRevision(t *testing.T) {
	a, b, c := with(t, Config{}), with(t, Config{}), with(t, Config{MinProbability: 0.9})
	if ask(t, a).Revision != ask(t, b).Revision || ask(t, a).Revision == ask(t, c).Revision {
		t.Error("the revision is not that of what decides")
	}
}

func TestOversize(t *testing.T) {
	in := detectors.Input{Event: &models.Event{Server: "pier", Kind: models.KindTool, Oversize: &models.Oversize{RawDigest: models.Digest(nil), Bytes: 1 << 30}}}
	if o := ask(t, with(t, Config{}), in).Outcomes[0]; o.Status != models.StatusNotInspected || o.Reason != models.ReasonOversize {
		t.Errorf("%+v", o)
	}
}

// A trace of an attack is noted, a part of one counts in company, an attack that is there has its class's severity, and a
// harmless text that is as near takes away from it.
func TestWeigh(t *testing.T) {
	const sure = 0.95
	company := func(s models.Severity) float64 { _, c := check.Company.Weigh(s, sure); return c }
	for _, c := range []struct {
		score, harmless float64
		class           models.Class
		severity        models.Severity
		confidence      float64
	}{
		{1, 0, "D1", models.SeverityCritical, sure},
		{wholeShare, 0, "A1", models.SeverityCritical, sure},
		{wholeShare - 0.01, 0, "A1", models.SeverityCritical, company(models.SeverityCritical)},
		{partShare, 0, "A1", models.SeverityCritical, company(models.SeverityCritical)},
		{partShare - 0.01, 0, "A1", models.SeverityLow, sure},
		{1, 0.5, "A1", models.SeverityCritical, company(models.SeverityCritical)},
		{1, 0.6, "A1", models.SeverityLow, sure},
		{1, 0, "E14", models.SeverityMedium, sure},
		{1, 0, "X-acme-odd", models.SeverityHigh, sure},
	} {
		l := Likeness{Match: index.Match{Indicator: models.Indicator{Class: c.class}, Score: c.score}, Harmless: &index.Match{Score: c.harmless}, Probability: sure}
		if s, p := l.weigh(); s != c.severity || p != c.confidence {
			t.Errorf("%v beside %v of class %s: %s %v, want %s %v", c.score, c.harmless, c.class, s, p, c.severity, c.confidence)
		}
	}
}

// An event that is stuffed with words of known texts is not taken as inspected, and what was found stays found.
func TestFlood(t *testing.T) {
	known, err := Known()
	if err != nil {
		t.Fatal(err)
	}
	var attack string
	var flood strings.Builder
	for i := 0; flood.Len() < 1<<19; i = (i + 7) % len(known) {
		if known[i].Label == models.Malicious {
			attack = known[i].Text
		}
		flood.WriteString(known[i].Text + " ")
	}
	o := ask(t, with(t, Config{}), input(t, attack+" "+flood.String())).Outcomes[0]
	if o.Status != models.StatusFound || len(o.Skipped) != 1 || o.Skipped[0].Pointer != "/description" || o.Skipped[0].Reason != string(models.ReasonOverBudget) {
		t.Errorf("%s with %d findings, skipped %+v", o.Status, len(o.Findings), o.Skipped)
	}
}

// An attack does not hide behind more known texts, in the same string, than are looked at: it is found, or the string is
// said to be not compared to the end.
func TestCrowd(t *testing.T) {
	known, err := Known()
	if err != nil {
		t.Fatal(err)
	}
	var crowd []string
	var attack models.Indicator
	for _, x := range known {
		if x.Label == models.Benign {
			crowd = append(crowd, x.Text)
		} else if len(x.Text) > len(attack.Text) {
			attack = x
		}
	}
	edited := strings.Fields(attack.Text)
	for i := 4; i < len(edited); i += 5 {
		edited[i] = "gadget"
	}
	d := with(t, Config{})
	for _, c := range []struct {
		harmless int
		found    bool
	}{{0, true}, {30, true}, {2 * matchesPerText, false}} {
		text := strings.Join(append(crowd[:c.harmless:c.harmless], edited...), " ")
		o := ask(t, d, input(t, text)).Outcomes[0]
		if found := o.Status == models.StatusFound; c.found && !found || !found && len(o.Skipped) == 0 {
			t.Errorf("behind %d harmless texts: %s with %d strings skipped", c.harmless, o.Status, len(o.Skipped))
		}
	}
}

// Of an event with many copies the likeliest come back, however many there are.
func TestLikeliest(t *testing.T) {
	known, err := Known()
	if err != nil {
		t.Fatal(err)
	}
	x, err := index.Memory(known)
	if err != nil {
		t.Fatal(err)
	}
	likeliest := func(texts []string) []Likeness {
		body, err := json.Marshal(texts)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := view.Build(body)
		if err != nil {
			t.Fatal(err)
		}
		found, _, err := Likenesses(t.Context(), models.KindTool, doc.Segments, x)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	var texts []string
	var one []Likeness
	for i := range known {
		if known[i].Label == models.Malicious && len(texts) < 4*maxFindings {
			texts = append(texts, known[i].Text)
			one = append(one, likeliest(texts[len(texts)-1:])...)
		}
	}
	sortLikenesses(one)
	got := likeliest(texts)
	if len(got) != maxFindings {
		t.Fatalf("%d come back", len(got))
	}
	for i, l := range got {
		if l.Probability != one[i].Probability {
			t.Errorf("number %d has %v, on its own %v", i, l.Probability, one[i].Probability)
		}
	}
}

func TestCurves(t *testing.T) {
	for name, c := range map[string]curve{"definitions": definitions, "run time": runTime} {
		if c.margin <= 0 || c.weight <= 0 {
			t.Errorf("%s: %+v: more of an attack must raise the probability", name, c)
		}
		l := Likeness{Match: index.Match{Score: 1, Weight: 2 * tellingWeight}}
		if p := c.probability(l.Features()); p < 0.95 {
			t.Errorf("%s: a copy has probability %v", name, p)
		}
		l.Harmless = &index.Match{Score: 1}
		if p := c.probability(l.Features()); p > leastProbability {
			t.Errorf("%s: what is as near to a harmless text has probability %v", name, p)
		}
		l.Harmless, l.Score = nil, 0
		if p := c.probability(l.Features()); p > leastProbability {
			t.Errorf("%s: nothing in common has probability %v", name, p)
		}
	}
}

// The README names the rule and every key of the configuration.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(Config{})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`"(\w+)":`).FindAllSubmatch(config, -1)
	if len(names) == 0 {
		t.Fatal("no keys")
	}
	for _, name := range append(names, [][]byte{nil, []byte(Rule)}) {
		if !strings.Contains(string(readme), "`"+string(name[1])+"`") {
			t.Errorf("the README lacks `%s`", name[1])
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	d, err := Spec.New(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"name": "plan_route", "description": "Plans a route over up to 25 points, preferring marked trails. Call list_maps first and pass the id of one of its maps; steep parts are shown in red.", "inputSchema": {"type": "object", "properties": {"points": {"type": "array", "description": "Points as latitude and longitude"}, "profile": {"type": "string", "enum": ["hike", "ride"], "description": "How the way is travelled"}}}}`)
	doc, err := view.Build(body)
	if err != nil {
		b.Fatal(err)
	}
	batch := &detectors.Batch{Inputs: []detectors.Input{{Event: &models.Event{Server: "trails", Kind: models.KindTool, Body: body}, Segments: doc.Segments}}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Detect(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		known, err := Known()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := index.Memory(known); err != nil {
			b.Fatal(err)
		}
	}
}
