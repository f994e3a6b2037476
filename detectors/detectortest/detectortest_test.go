package detectortest

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/models"
)

func TestMain(m *testing.M) { Main(m, good) }

var spells = regexp.MustCompile(`(?i)ignore\b[^.]*`)

// good keeps the contract.
var good = detectors.Spec{
	Name: "good", Version: "1.0.0", Purpose: "Finds the word ignore.", Classes: []models.Class{"A1", "X-test-key"},
	Stage: detectors.Fast, Deadline: time.Second, Context: []detectors.Context{detectors.ContextSiblings, detectors.ContextPin, detectors.ContextSession},
	New: func(_ context.Context, cfg detectors.Config) (detectors.Detector, error) {
		var c struct{ Blind bool }
		return detector(func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
			var a detectors.Answer
			for _, in := range b.Inputs {
				o := search(in)
				if c.Blind {
					o = models.NotInspected(models.ReasonUnsupported, "blind")
				}
				a.Outcomes = append(a.Outcomes, o)
			}
			return a, nil
		}), cfg.Decode(&c)
	},
}

func search(in detectors.Input) models.Outcome {
	var found []models.Finding
	for s, segment := range in.Segments {
		for v, view := range segment.Views {
			at := spells.FindStringIndex(view.Text)
			if at == nil {
				continue
			}
			f := models.Finding{
				Rule: "ignore", Class: "A1", Severity: models.SeverityHigh, Confidence: 0.9, Message: "Tells the reader to ignore something.",
				Evidence: []models.Span{{Segment: s, View: v, Start: at[0], End: at[1]}},
			}
			if segment.Key {
				f.Class = "X-test-key"
			}
			found = append(found, f)
		}
	}
	if in.Siblings != nil && in.Pin == models.PinMismatch && in.Event.Session != "" {
		found = append(found, models.Finding{
			Rule: "changed", Class: "A1", Severity: models.SeverityLow, Confidence: 0.1, Message: "Changed in " + in.Siblings.Entries[0].Server + ".",
		})
	}
	return models.Found(found...)
}

type detector func(context.Context, *detectors.Batch) (detectors.Answer, error)

func (d detector) Detect(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
	return d(ctx, b)
}

func TestRun(t *testing.T) { Run(t, good) }

func TestRunConfigured(t *testing.T) { Run(t, good, WithConfig(detectors.Config(`{"Blind": true}`))) }

func TestCases(t *testing.T) { Cases(t, good, "testdata") }

// bad returns the good detector with its answers spoilt.
func bad(spoil func(*detectors.Batch, *detectors.Answer) error) detectors.Spec {
	spec := good
	spec.New = func(context.Context, detectors.Config) (detectors.Detector, error) {
		return detector(func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
			var a detectors.Answer
			for _, in := range b.Inputs {
				a.Outcomes = append(a.Outcomes, search(in))
			}
			return a, spoil(b, &a)
		}), nil
	}
	return spec
}

func TestChecksFindFaults(t *testing.T) {
	tests := []struct {
		check string
		spoil func(*detectors.Batch, *detectors.Answer) error
	}{
		{"probe", func(b *detectors.Batch, a *detectors.Answer) error {
			if len(b.Inputs) == 0 {
				return errors.New("nothing to do")
			}
			return nil
		}},
		{"outcomes", func(b *detectors.Batch, a *detectors.Answer) error {
			if len(a.Outcomes) > 1 {
				a.Outcomes = a.Outcomes[1:]
			}
			return nil
		}},
		{"outcomes", func(b *detectors.Batch, a *detectors.Answer) error {
			for i := range a.Outcomes {
				for k := range a.Outcomes[i].Findings {
					a.Outcomes[i].Findings[k].Class = "B1" // valid, but not in the spec
				}
			}
			return nil
		}},
		{"odd input", func(b *detectors.Batch, a *detectors.Answer) error {
			for _, in := range b.Inputs {
				if len(in.Segments) == 0 {
					panic("index out of range")
				}
			}
			return nil
		}},
		{"determinism", func(b *detectors.Batch, a *detectors.Answer) error {
			if len(a.Outcomes) > 0 {
				a.Outcomes[0] = models.Clean()
				a.Outcomes[0].Score = rand.Float64()
			}
			return nil
		}},
		{"batching", func(b *detectors.Batch, a *detectors.Answer) error {
			if len(a.Outcomes) > 1 {
				a.Outcomes[0], a.Outcomes[1] = models.Clean(), models.Clean()
			}
			return nil
		}},
		{"concurrency", racy()},
		{"ownership", func(b *detectors.Batch, a *detectors.Answer) error {
			for _, in := range b.Inputs {
				in.Event.Object += "!"
			}
			return nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.check, func(t *testing.T) {
			loaded, err := host.InProcess(t.Context(), []detectors.Spec{bad(tt.spoil)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			s, err := newSubject(&loaded[0].Spec, loaded[0].Detector, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range checks() {
				if c.name == tt.check && c.run(t.Context(), s) == nil {
					t.Errorf("check %s holds", tt.check)
				}
			}
		})
	}
}

// racy is a fault that shows only when calls overlap.
func racy() func(*detectors.Batch, *detectors.Answer) error {
	busy := make(chan struct{}, 1)
	return func(b *detectors.Batch, a *detectors.Answer) error {
		select {
		case busy <- struct{}{}:
			time.Sleep(time.Millisecond)
			<-busy
			return nil
		default:
			return errors.New("called twice at once")
		}
	}
}

func TestReport(t *testing.T) {
	loaded, err := host.InProcess(t.Context(), []detectors.Spec{good}, nil)
	if err != nil {
		t.Fatal(err)
	}
	report := Check(t.Context(), loaded)
	if spoilt := (Report{[]Result{{Err: errors.New("broken")}}}); spoilt.OK() || !strings.Contains(spoilt.String(), "FAIL") {
		t.Errorf("a failed check passes:\n%s", spoilt)
	}
	if !report.OK() || len(report.Results) != len(checks()) {
		t.Errorf("the good detector fails:\n%s", report)
	}
	if !strings.Contains(report.String(), "good 1.0.0\n  ok    probe") {
		t.Errorf("unreadable:\n%s", report)
	}
	if (Report{}).OK() {
		t.Error("nothing checked counts as OK")
	}
}

func TestCasesFindMissingAndExtra(t *testing.T) {
	const head = "What this is about.\n-- a.tool.json --\n{\"description\":\"ignore me\"}\n-- a.want --\n"
	tests := []struct{ want, problem string }{
		{`A1 ignore /description "ignore me"`, ""},
		{"clean", "missing: clean\nnot wanted: A1 ignore /description \"ignore me\""},
		{`A1 ignore /description "ignore"`, `missing: A1 ignore /description "ignore"` + "\n" + `not wanted: A1 ignore /description "ignore me"`},
		{"A1 ignore /description \"ignore me\"\nA1 other", "missing: A1 other"},
		{"A1 ignore /description \"ignore me\"\nA1 ignore /description \"ignore me\"", `missing: A1 ignore /description "ignore me"`},
	}
	d, err := good.New(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		file, err := parseCases([]byte(head+tt.want+"\n"), &good)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := file.cases[0].compare(t.Context(), &good, d); err != nil {
			got = err.Error()
		}
		if got != tt.problem {
			t.Errorf("want %q: got %q, want %q", tt.want, got, tt.problem)
		}
	}
}

func TestCaseFileMistakes(t *testing.T) {
	const event = "-- a.tool.json --\n{}\n"
	tests := []struct{ file, problem string }{
		{event + "-- a.want --\nclean\n", "no comment"},
		{"About.\n" + event, "a.want is missing"},
		{"About.\n" + event + "-- a.want --\n\n", "nothing is wanted"},
		{"About.\n" + event + "-- a.want --\nclean\nA1 x\n", "does not go with"},
		{"About.\n" + event + "-- a.want --\nclaen\n", "begins with neither"},
		{"About.\n" + event + "-- a.want --\nA1 rule /pointer\n", "pairs"},
		{"About.\n" + event + "-- a.want --\nA1 rule /p \"x\n", "quoted"},
		{"About.\n" + event + "-- a.want --\nclean\n-- b.tol.json --\n{}\n", "belongs to no case"},
		{"About.\n-- a.tool.json --\n{\n-- a.want --\nclean\n", "not JSON"},
		{"About.\n" + event + event + "-- a.want --\nclean\n", "twice"},
		{"About.\n", "no case"},
		{"About.\n" + event + "-- a.want --\nclean\n-- a.context.json --\n{\"sever\":\"x\"}\n", "unknown field"},
	}
	for _, tt := range tests {
		if _, err := parseCases([]byte(tt.file), &good); err == nil || !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("%q: got %v, want %q", tt.file, err, tt.problem)
		}
	}
}

func FuzzParseCases(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parseCases(data, &good)
		if err == nil && len(file.cases) == 0 {
			t.Error("neither cases nor an error")
		}
	})
}

func TestNoGoroutineIsLeft(t *testing.T) { goleak.VerifyNone(t) }
