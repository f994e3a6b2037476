package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a detector whose Detect is a function. It counts calls, and events without those of probes.
type fake struct {
	detect func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error)
	calls  atomic.Int64
	events atomic.Int64
}

func (f *fake) Detect(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
	if len(b.Inputs) > 0 {
		f.calls.Add(1)
		f.events.Add(int64(len(b.Inputs)))
	}
	return f.detect(ctx, b)
}

// each makes a detector of a function on single events.
func each(outcome func(in detectors.Input) models.Outcome) *fake {
	return &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		var a detectors.Answer
		for _, in := range b.Inputs {
			a.Outcomes = append(a.Outcomes, outcome(in))
		}
		return a, nil
	}}
}

func clean() *fake { return each(func(detectors.Input) models.Outcome { return models.Clean() }) }

// words finds every word of the table in the normalised or raw views, as a finding of the word's severity.
func words(table map[string]models.Severity) *fake {
	return each(func(in detectors.Input) models.Outcome {
		var found []models.Finding
		for i, seg := range in.Segments {
			for j, v := range seg.Views {
				for word, severity := range table {
					at := strings.Index(v.Text, word)
					if at < 0 || seg.Key || len(found) >= models.MaxFindings {
						continue
					}
					found = append(found, models.Finding{
						Rule: "word-" + word, Version: "1", Class: "A1", Severity: severity, Confidence: 1, Message: "Has a bad word.",
						Evidence: []models.Span{{Segment: i, View: j, Start: at, End: at + len(word)}},
					})
				}
			}
		}
		return models.Found(found...)
	})
}

var attack = map[string]models.Severity{"ATTACK": models.SeverityHigh}

// slotOf wraps a fake as the fast detector of a name.
func slotOf(name string, d detectors.Detector) Slot {
	return Slot{
		Spec: detectors.Spec{
			Name: name, Version: "1.0.0", Purpose: "Is a fake.", Classes: []models.Class{"A1"}, Stage: detectors.Fast,
			Deadline: 5 * time.Second,
		},
		Detector: d, Digest: "digest-of-" + name,
	}
}

func deepOf(name string, d detectors.Detector) Slot {
	s := slotOf(name, d)
	s.Spec.Stage = detectors.Deep
	return s
}

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newEngine(t testing.TB, settings Settings) *Engine {
	t.Helper()
	if settings.Now == nil {
		settings.Now = newClock().Now
	}
	settings.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	e, err := New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func withSlots(t testing.TB, slots ...Slot) *Engine {
	t.Helper()
	return newEngine(t, Settings{Slots: slots})
}

// tool is a job for a tool with a description.
func tool(name, description string) Job {
	body, err := json.Marshal(map[string]any{"name": name, "description": description})
	if err != nil {
		panic(err)
	}
	return Job{Event: models.Event{Server: "harbour", Kind: models.KindTool, Body: body}, EventID: "event-" + name}
}

func tools(n int) []Job {
	jobs := make([]Job, n)
	for i := range jobs {
		jobs[i] = tool(fmt.Sprintf("tool-%d", i), "Returns the tide.")
	}
	return jobs
}

// judge returns the one verdict on one job, and checks what holds for every verdict.
func judge(t testing.TB, e *Engine, job Job) models.Verdict {
	t.Helper()
	return judgeAll(t, e, []Job{job})[0].Verdict
}

func judgeAll(t testing.TB, e *Engine, jobs []Job) []Judgement {
	t.Helper()
	judgements := e.Judge(t.Context(), jobs)
	if len(judgements) != len(jobs) {
		t.Fatalf("%d judgements for %d jobs", len(judgements), len(jobs))
	}
	for i := range judgements {
		if judgements[i].Err != nil {
			continue
		}
		checkVerdict(t, &judgements[i].Verdict)
		if judgements[i].Verdict.EventID != jobs[i].EventID && jobs[i].EventID != "" {
			t.Fatalf("judgement %d is about %q, want %q", i, judgements[i].Verdict.EventID, jobs[i].EventID)
		}
	}
	return judgements
}

func checkVerdict(t testing.TB, v *models.Verdict) {
	t.Helper()
	if err := v.Validate(); err != nil {
		t.Fatalf("invalid verdict: %v", err)
	}
	for _, r := range v.Detectors {
		if r.Status != models.StatusNotInspected {
			continue
		}
		if v.Coverage.Complete || v.Clean() {
			t.Fatalf("%s did not inspect the event, and coverage is complete", r.Name)
		}
		if r.Reason != models.ReasonPending && v.Decision == models.Allow {
			t.Fatalf("%s did not inspect the event, and it is allowed", r.Name)
		}
	}
}

// report returns the named detector's report.
func report(t testing.TB, v models.Verdict, name string) models.DetectorReport {
	t.Helper()
	for _, r := range v.Detectors {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no report by %s in %+v", name, v.Detectors)
	return models.DetectorReport{}
}

// with returns a policy that differs from the default one.
func with(change func(p *Policy)) Policy {
	p := DefaultPolicy()
	change(&p)
	return p
}
