package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

func TestVerdict(t *testing.T) {
	e := withSlots(t, slotOf("words", words(attack)), slotOf("quiet", clean()))
	job := tool("tide", "Returns the \u0041TTACK tide.")
	job.Sequence, job.Supersedes, job.Cause = 7, "old/1", "rescored"
	job.Event.Tenant, job.Event.Session = "acme", "s1"
	v := judge(t, e, job)

	if v.Decision != models.Quarantine || v.Severity != models.SeverityHigh || v.RiskScore != 89 || v.Mode != models.Enforce {
		t.Errorf("decision %s, severity %s, risk %v, mode %s", v.Decision, v.Severity, v.RiskScore, v.Mode)
	}
	if !v.Final || v.Revision != 1 || v.Sequence != 7 || v.Supersedes != "old/1" || v.Cause != "rescored" {
		t.Errorf("identity %+v", v)
	}
	if want := models.VerdictID("acme", job.EventID, e.Epoch("acme").Epoch); v.ID != want {
		t.Errorf("id %q, want %q", v.ID, want)
	}
	want := models.Subject{
		Tenant: "acme", Server: "harbour", Kind: models.KindTool, Object: "tide", Session: "s1", Direction: models.ServerToClient,
		RawDigest: models.Digest(job.Event.Body), CanonicalDigest: v.Subject.CanonicalDigest, Bytes: int64(len(job.Event.Body)),
		Pin: models.Unpinned,
	}
	if diff := cmp.Diff(want, v.Subject); diff != "" || v.Subject.CanonicalDigest == "" {
		t.Errorf("subject (-want +got):\n%s", diff)
	}
	if !v.Coverage.Complete || len(v.Detectors) != 2 || report(t, v, "words").Findings != 1 || report(t, v, "quiet").Status != models.StatusClean {
		t.Errorf("coverage %+v, reports %+v", v.Coverage, v.Detectors)
	}
	if job.Event.Object != "" {
		t.Error("the caller's job was changed")
	}
}

// TestEvidencePointsAtRawBytes looks for the word in the body with escapes and invisible characters in it.
func TestEvidencePointsAtRawBytes(t *testing.T) {
	e := withSlots(t, slotOf("words", words(attack)))
	for name, tt := range map[string]struct{ body, raw string }{
		"plain":     {`{"name":"n","description":"an ATTACK here"}`, "ATTACK"},
		"escaped":   {`{"name":"n","description":"an \u0041TTACK here"}`, `\u0041TTACK`},
		"invisible": {`{"name":"n","description":"an ATT` + "\u200b" + `ACK here"}`, "ATT\u200bACK"},
		"nested":    {`{"name":"n","inputSchema":{"properties":{"a":{"description":"ATTACK"}}}}`, "ATTACK"},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(t, e, Job{Event: models.Event{Server: "s", Kind: models.KindTool, Body: []byte(tt.body)}})
			if len(v.Findings) == 0 {
				t.Fatal("nothing found")
			}
			span := v.Findings[0].Evidence[0]
			if got := tt.body[span.RawStart:span.RawEnd]; got != tt.raw {
				t.Errorf("evidence is %q, want %q", got, tt.raw)
			}
			if span.Pointer == "" || span.ViewKind == "" || !strings.Contains(span.Excerpt, "ATTACK") {
				t.Errorf("span %+v", span)
			}
			if v.Findings[0].Detector != "words" {
				t.Errorf("found by %q", v.Findings[0].Detector)
			}
		})
	}
}

func TestExcerptsFollowPolicy(t *testing.T) {
	for _, tt := range []struct {
		excerpts Excerpts
		kind     models.Kind
		want     bool
	}{
		{ExcerptsNone, models.KindTool, false}, {ExcerptsDefinitions, models.KindTool, true}, {ExcerptsAll, models.KindTool, true},
		{ExcerptsNone, models.KindToolResult, false}, {ExcerptsDefinitions, models.KindToolResult, false}, {ExcerptsAll, models.KindToolResult, true},
	} {
		e := newEngine(t, Settings{
			Slots:  []Slot{slotOf("words", words(attack))},
			Policy: with(func(p *Policy) { p.Excerpts = tt.excerpts }),
		})
		job := tool("tide", "ATTACK")
		job.Event.Kind = tt.kind
		for range 2 { // once from the detector, once from the cache
			span := judge(t, e, job).Findings[0].Evidence[0]
			if (span.Excerpt != "") != tt.want {
				t.Errorf("excerpts %s, kind %s: excerpt %q", tt.excerpts, tt.kind, span.Excerpt)
			}
		}
	}
}

func TestCache(t *testing.T) {
	d := words(attack)
	e := withSlots(t, slotOf("words", d))
	job := tool("tide", "ATTACK")
	first := judge(t, e, job)
	second := judge(t, e, job)
	if d.events.Load() != 1 {
		t.Errorf("asked about %d events, want 1", d.events.Load())
	}
	if !report(t, second, "words").Cached || report(t, first, "words").Cached {
		t.Error("wrong marks of what is cached")
	}
	if diff := cmp.Diff(timeless(first), timeless(second)); diff != "" {
		t.Errorf("a cached verdict differs:\n%s", diff)
	}
	for name, change := range map[string]func(*models.Event){
		"server":    func(ev *models.Event) { ev.Server = "port" },
		"kind":      func(ev *models.Event) { ev.Kind = models.KindPrompt },
		"object":    func(ev *models.Event) { ev.Object = "other" },
		"direction": func(ev *models.Event) { ev.Direction = models.ClientToServer },
		"bytes":     func(ev *models.Event) { ev.Body = append(ev.Body[:len(ev.Body):len(ev.Body)], ' ') },
	} {
		before := d.events.Load()
		other := job
		change(&other.Event)
		judge(t, e, other)
		if d.events.Load() != before+1 {
			t.Errorf("another %s was answered from the cache", name)
		}
	}
	for name, change := range map[string]func(*models.Event){
		"tenant":  func(ev *models.Event) { ev.Tenant = "acme" },
		"session": func(ev *models.Event) { ev.Session = "s2" },
		"id":      func(ev *models.Event) { ev.ID = "i2" },
		"pin":     func(ev *models.Event) { ev.Pin = digestA },
	} {
		before := d.events.Load()
		other := job
		change(&other.Event)
		judge(t, e, other)
		if d.events.Load() != before {
			t.Errorf("another %s asked the detector again", name)
		}
	}
}

// timeless drops what may differ between two verdicts on the same bytes in the same epoch.
func timeless(v models.Verdict) models.Verdict {
	v.Micros, v.Time, v.ValidUntil = 0, time.Time{}, time.Time{}
	v.Detectors = slices.Clone(v.Detectors)
	for i := range v.Detectors {
		v.Detectors[i].Micros, v.Detectors[i].Cached = 0, false
	}
	return v
}

func TestIdenticalBytesInABatch(t *testing.T) {
	d := words(attack)
	e := withSlots(t, slotOf("words", d))
	jobs := make([]Job, 10)
	for i := range jobs {
		jobs[i] = tool("tide", "ATTACK")
		jobs[i].EventID = fmt.Sprint(i)
	}
	seen := map[string]bool{}
	for _, j := range judgeAll(t, e, jobs) {
		seen[j.Verdict.ID] = true
		if j.Verdict.Decision != models.Quarantine {
			t.Errorf("decision %s", j.Verdict.Decision)
		}
	}
	if d.events.Load() != 1 || len(seen) != len(jobs) {
		t.Errorf("%d analyses, %d verdicts", d.events.Load(), len(seen))
	}
}

// TestDeterminism: engines that saw other things before, in other batches, with detectors in another order, agree to
// the byte.
func TestDeterminism(t *testing.T) {
	table := map[string]models.Severity{"ATTACK": models.SeverityHigh, "tide": models.SeverityLow, "the": models.SeverityLow}
	slots := []Slot{slotOf("aa", words(table)), slotOf("bb", words(attack)), slotOf("cc", clean())}
	var jobs []Job
	for i := range 40 {
		jobs = append(jobs, tool(fmt.Sprintf("t%d", i%25), strings.Repeat("the ATTACK tide ", i%5)))
	}
	var want []string
	for round := range 4 {
		e := withSlots(t, slots...)
		var got []string
		for batch := range slices.Chunk(jobs, 1+13*round) {
			for _, j := range judgeAll(t, e, batch) {
				data, err := json.Marshal(timeless(j.Verdict))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(data))
			}
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d:\n%s", round, diff)
		}
		slices.Reverse(slots)
	}
}

func TestDetectorSeesNothingElse(t *testing.T) {
	var seen []detectors.Input
	look := func() *fake {
		return each(func(in detectors.Input) models.Outcome {
			seen = append(seen, in)
			return models.Clean()
		})
	}
	catalogue := models.NewCatalogue([]models.CatalogueObject{{Server: "s", Kind: models.KindTool, Name: "n", Body: []byte(`{}`)}})
	catalogues := func(_ context.Context, tenant, digest string) (*models.Catalogue, error) {
		if tenant != "acme" || digest != catalogue.Digest {
			return nil, errors.New("unknown")
		}
		return catalogue, nil
	}
	job := tool("tide", "Returns the tide.")
	job.Event.ID, job.Event.Tenant, job.Event.Session, job.Event.Catalogue = "i", "acme", "s", catalogue.Digest
	job.Event.Pin, job.Event.Time = digestA, noon

	judge(t, newEngine(t, Settings{Slots: []Slot{slotOf("plain", look())}, Catalogues: catalogues}), job)
	in := seen[0]
	if ev := in.Event; ev.ID+ev.Tenant+ev.Session+ev.Catalogue+ev.Pin != "" || !ev.Time.IsZero() || in.Siblings != nil || in.Pin != "" {
		t.Errorf("saw %+v", in)
	}
	if ev := in.Event; ev.Server != "harbour" || ev.Object != "tide" || ev.Kind != models.KindTool || len(ev.Body) == 0 || len(in.Segments) == 0 {
		t.Errorf("did not see %+v", in)
	}

	slot := slotOf("nosy", look())
	slot.Spec.Context = []detectors.Context{detectors.ContextSiblings, detectors.ContextPin, detectors.ContextSession}
	e := newEngine(t, Settings{Slots: []Slot{slot}, Catalogues: catalogues})
	judge(t, e, job)
	in = seen[1]
	if in.Siblings != catalogue || in.Pin != models.PinMismatch || in.Event.Session == "" || in.Event.Pin != "" {
		t.Errorf("saw %+v", in)
	}
	for name, change := range map[string]func(*models.Event){
		"session":   func(ev *models.Event) { ev.Session = "s2" },
		"pin":       func(ev *models.Event) { ev.Pin = "" },
		"catalogue": func(ev *models.Event) { ev.Catalogue = "" },
	} {
		before := len(seen)
		other := job
		change(&other.Event)
		judge(t, e, other)
		if len(seen) != before+1 {
			t.Errorf("another %s was answered from the cache", name)
		}
	}

	job.Event.Tenant = "globex" // has no such catalogue, and its session of the same name is another
	slot.Spec.Context = slot.Spec.Context[2:]
	before := seen[len(seen)-1].Event.Session
	judge(t, withSlots(t, slot), job)
	if after := seen[len(seen)-1].Event.Session; after == before || after == "" {
		t.Errorf("two tenants share the session %q", after)
	}
}

func TestMissingCatalogue(t *testing.T) {
	d := clean()
	slot := slotOf("siblings", d)
	slot.Spec.Context = []detectors.Context{detectors.ContextSiblings}
	job := tool("tide", "Returns the tide.")
	job.Event.Catalogue = digestA
	other := models.NewCatalogue(nil)
	for name, find := range map[string]func(context.Context, string, string) (*models.Catalogue, error){
		"no function": nil,
		"error":       func(context.Context, string, string) (*models.Catalogue, error) { return nil, errors.New("gone") },
		"nothing":     func(context.Context, string, string) (*models.Catalogue, error) { return nil, nil },
		"another one": func(context.Context, string, string) (*models.Catalogue, error) { return other, nil },
	} {
		e := newEngine(t, Settings{Slots: []Slot{slot, slotOf("other", clean())}, Catalogues: find})
		v := judge(t, e, job)
		if r := report(t, v, "siblings"); r.Reason != models.ReasonContext {
			t.Errorf("%s: %+v", name, r)
		}
		if r := report(t, v, "other"); r.Status != models.StatusClean {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if d.events.Load() != 0 {
		t.Error("asked without its catalogue")
	}
}

func TestWhatCannotBeInspected(t *testing.T) {
	resultsOnly := slotOf("results", clean())
	resultsOnly.Spec.Kinds = []models.Kind{models.KindToolResult}
	job := tool("tide", "Returns the tide.")

	t.Run("kind that nobody reads", func(t *testing.T) {
		v := judge(t, withSlots(t, resultsOnly), job)
		if v.Clean() || v.Coverage.Complete || len(v.Coverage.Skipped) != 1 || v.Decision != models.RequireApproval || len(v.Detectors) != 0 {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("no detectors", func(t *testing.T) {
		if v := judge(t, withSlots(t), job); v.Clean() || v.Decision != models.RequireApproval {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("oversize", func(t *testing.T) {
		big := job
		big.Event.Body, big.Event.Oversize = nil, &models.Oversize{RawDigest: digestA, Bytes: 5 << 20}
		v := judge(t, withSlots(t, slotOf("quiet", clean())), big)
		if r := report(t, v, "quiet"); r.Reason != models.ReasonOversize || v.Subject.RawDigest != digestA || v.Subject.Bytes != 5<<20 || !v.Final {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("nested too deep", func(t *testing.T) {
		deep := job
		deep.Event.Body = []byte(strings.Repeat("[", 5000) + strings.Repeat("]", 5000))
		v := judge(t, withSlots(t, slotOf("quiet", clean())), deep)
		if v.Coverage.Complete || v.Decision != models.RequireApproval {
			t.Errorf("coverage %+v, decision %s", v.Coverage, v.Decision)
		}
	})
	t.Run("skipped by the detector", func(t *testing.T) {
		part := each(func(detectors.Input) models.Outcome {
			o := models.Clean()
			o.Skipped = []models.Skipped{{Pointer: "/icon", Reason: "image"}}
			return o
		})
		e := withSlots(t, slotOf("part", part), slotOf("quiet", clean()))
		for range 2 { // the second from the cache
			v := judge(t, e, job)
			if v.Clean() || v.Decision != models.RequireApproval || len(v.Coverage.Skipped) != 1 || len(v.Coverage.Degraded) != 0 {
				t.Errorf("got %+v", v)
			}
		}
	})
	t.Run("broken event", func(t *testing.T) {
		d := clean()
		e := withSlots(t, slotOf("quiet", d))
		broken := []models.Event{
			{Kind: models.KindTool, Body: []byte(`{}`)},
			{Server: "s", Kind: "tol", Body: []byte(`{}`)},
			{Server: "s", Kind: models.KindTool, Body: []byte(`{`)},
			{Server: "s", Kind: models.KindTool},
		}
		for _, ev := range broken {
			j := e.Judge(t.Context(), []Job{{Event: ev}})[0]
			var field *models.FieldError
			if !errors.As(j.Err, &field) || j.Verdict.Clean() || j.Verdict.Decision == models.Allow || j.Deep {
				t.Errorf("%+v: err %v, verdict %+v", ev, j.Err, j.Verdict)
			}
		}
		if d.events.Load() != 0 {
			t.Error("a broken event reached the detector")
		}
		known := job // the same bytes were seen before: the rest of the event is checked all the same
		judge(t, e, known)
		known.Event.Server = ""
		if j := e.Judge(t.Context(), []Job{known})[0]; j.Err == nil {
			t.Error("a broken event with known bytes passed")
		}
	})
	t.Run("not given to the engine", func(t *testing.T) {
		d := clean()
		e := withSlots(t, slotOf("quiet", d))
		v := e.NotInspected(job, models.ReasonDeliveries, "delivered 5 times")
		checkVerdict(t, &v)
		if r := report(t, v, "quiet"); r.Reason != models.ReasonDeliveries || r.Detail != "delivered 5 times" || !v.Final || v.Revision != 1 {
			t.Errorf("got %+v", v)
		}
		if want := judge(t, e, job); v.ID != want.ID || v.Subject.RawDigest != want.Subject.RawDigest {
			t.Error("another identity than judging gives")
		}
	})
}

func TestPin(t *testing.T) {
	e := withSlots(t, slotOf("quiet", clean()))
	job := tool("tide", "Returns the tide.")
	canonical := judge(t, e, job).Subject.CanonicalDigest
	for name, tt := range map[string]struct {
		body     string
		pin      string
		state    models.PinState
		decision models.Decision
	}{
		"match":            {string(job.Event.Body), canonical, models.PinMatch, models.Allow},
		"other formatting": {" " + string(job.Event.Body), canonical, models.PinMatch, models.Allow},
		"mismatch":         {string(job.Event.Body), digestA, models.PinMismatch, models.RequireApproval},
		"not I-JSON":       {`{"name":"a","name":"b"}`, canonical, models.PinMismatch, models.RequireApproval},
	} {
		t.Run(name, func(t *testing.T) {
			pinned := job
			pinned.Event.Body, pinned.Event.Pin = []byte(tt.body), tt.pin
			for range 2 {
				v := judge(t, e, pinned)
				if v.Subject.Pin != tt.state || v.Decision != tt.decision || v.Subject.PinnedDigest != tt.pin {
					t.Errorf("pin %s, decision %s", v.Subject.Pin, v.Decision)
				}
			}
		})
	}
}

func TestAllowList(t *testing.T) {
	time := newClock()
	slots := []Slot{slotOf("words", words(attack))}
	job := tool("tide", "ATTACK")
	canonical := judge(t, withSlots(t, slots...), job).Subject.CanonicalDigest
	e := newEngine(t, Settings{Slots: slots, Now: time.Now, Policy: with(func(p *Policy) { p.Allow = []AllowEntry{entryFor(canonical)} })})
	v := judge(t, e, job)
	if v.Decision != models.Allow || v.Exception == nil || v.Exception.ID != "e1" || len(v.Findings) == 0 || !v.ValidUntil.Equal(v.Exception.Expires) {
		t.Errorf("got %+v", v)
	}
	time.move(2 * 3600e9)
	if v := judge(t, e, job); v.Decision != models.Quarantine || v.Exception != nil {
		t.Errorf("after its end: %+v", v)
	}
}

func TestTenantsHaveTheirPolicies(t *testing.T) {
	e := newEngine(t, Settings{
		Slots: []Slot{slotOf("words", words(attack))}, Tenants: []string{"acme", "globex"},
		Policy: with(func(p *Policy) {
			acme := p.TenantPolicy
			acme.Mode = models.Observe
			p.Tenants = map[string]TenantPolicy{"acme": acme}
		}),
	})
	for tenant, want := range map[string]models.Mode{"acme": models.Observe, "globex": models.Enforce, "unheard": models.Enforce} {
		job := tool("tide", "ATTACK")
		job.Event.Tenant = tenant
		if v := judge(t, e, job); v.Mode != want || v.Epoch != e.Epoch(tenant).Epoch {
			t.Errorf("%s: mode %s, epoch %s", tenant, v.Mode, v.Epoch)
		}
	}
	if e.Epoch("acme").Epoch == e.Epoch("globex").Epoch {
		t.Error("different policies in one epoch")
	}
}

// notices collects epochs.
type notices struct {
	mu  sync.Mutex
	all []models.EpochNotice
}

func (n *notices) add(notice models.EpochNotice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, notice)
}

func TestSetPolicyStartsEpoch(t *testing.T) {
	var heard notices
	d := clean()
	e := newEngine(t, Settings{Slots: []Slot{slotOf("quiet", d)}, Tenants: []string{"acme", "globex"}, OnEpoch: heard.add})
	job := tool("tide", "Returns the tide.")
	job.Event.Tenant = "acme"
	before := judge(t, e, job)
	p := with(func(p *Policy) {
		acme := p.TenantPolicy
		acme.Mode = models.Observe
		p.Tenants = map[string]TenantPolicy{"acme": acme}
	})
	if err := e.SetPolicy(p); err != nil {
		t.Fatal(err)
	}
	if len(heard.all) != 1 || heard.all[0].Tenant != "acme" || heard.all[0].Previous != before.Epoch || heard.all[0].Epoch == before.Epoch {
		t.Fatalf("heard %+v", heard.all)
	}
	after := judge(t, e, job)
	if after.Epoch != heard.all[0].Epoch || after.ID == before.ID || after.Mode != models.Observe {
		t.Errorf("verdict %+v", after)
	}
	if d.events.Load() != 1 {
		t.Error("a change of policy asked the detector again")
	}
	if err := e.SetPolicy(p); err != nil || len(heard.all) != 1 {
		t.Errorf("the same policy again: %v, heard %+v", err, heard.all)
	}
	p.Mode = "loud"
	if err := e.SetPolicy(p); err == nil {
		t.Error("an invalid policy was taken")
	}
}

func TestRevisionStartsEpoch(t *testing.T) {
	var revision atomic.Value
	revision.Store("r1")
	d := &fake{}
	d.detect = func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		a := detectors.Answer{Revision: revision.Load().(string)}
		for range b.Inputs {
			if a.Revision == "r2" {
				a.Outcomes = append(a.Outcomes, models.Found(models.Finding{
					Rule: "r", Class: "A1", Severity: models.SeverityHigh, Confidence: 1, Message: "Now known.",
				}))
				continue
			}
			a.Outcomes = append(a.Outcomes, models.Clean())
		}
		return a, nil
	}
	var heard notices
	e := newEngine(t, Settings{Slots: []Slot{slotOf("index", d)}, OnEpoch: heard.add})
	old := judge(t, e, tool("a", "x"))
	if len(heard.all) != 0 {
		t.Fatalf("the revision of the probe was announced: %+v", heard.all)
	}
	revision.Store("r2")
	if v := judge(t, e, tool("a", "x")); v.Decision != models.Allow || v.Epoch != old.Epoch {
		t.Errorf("cached in its epoch: %s in %s", v.Decision, v.Epoch)
	}
	// One new event tells of the new revision: the whole batch belongs to the new epoch.
	both := judgeAll(t, e, []Job{tool("a", "x"), tool("b", "y")})
	for _, j := range both {
		if j.Verdict.Epoch == old.Epoch || j.Verdict.Decision != models.Quarantine {
			t.Errorf("%s in epoch %s", j.Verdict.Decision, j.Verdict.Epoch)
		}
	}
	if len(heard.all) != 1 || heard.all[0].Epoch != both[0].Verdict.Epoch || heard.all[0].Previous != old.Epoch {
		t.Errorf("heard %+v", heard.all)
	}
	if both[0].Verdict.Detectors[0].Digest == old.Detectors[0].Digest {
		t.Error("the detector's digest did not change with its data")
	}
}

// TestProbeFindsNewRevision: without a probe, answers from memory would keep the old epoch for as long as nothing new
// comes.
func TestProbeFindsNewRevision(t *testing.T) {
	var revision atomic.Value
	revision.Store("r1")
	var broken atomic.Bool
	d := &fake{}
	d.detect = func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if broken.Load() {
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeUnavailable, Message: "restarting"}
		}
		a := detectors.Answer{Revision: revision.Load().(string)}
		for range b.Inputs {
			a.Outcomes = append(a.Outcomes, models.Clean())
		}
		return a, nil
	}
	var heard notices
	e := newEngine(t, Settings{Slots: []Slot{slotOf("index", d), slotOf("other", clean())}, OnEpoch: heard.add})
	old := judge(t, e, tool("a", "x"))
	e.Probe(t.Context())
	if len(heard.all) != 0 {
		t.Fatalf("nothing has changed, and heard: %+v", heard.all)
	}
	broken.Store(true)
	revision.Store("r2")
	e.Probe(t.Context())
	if len(heard.all) != 0 {
		t.Errorf("a detector that does not tell began an epoch: %+v", heard.all)
	}
	broken.Store(false)
	e.Probe(t.Context())
	v := judge(t, e, tool("a", "x"))
	if len(heard.all) != 1 || heard.all[0].Previous != old.Epoch || v.Epoch != heard.all[0].Epoch {
		t.Errorf("heard %+v, judged in %q", heard.all, v.Epoch)
	}
}

// TestRestlessRevision: a detector that never tells the same revision twice can't make verdicts that mix epochs, nor
// keep the engine busy for ever.
func TestRestlessRevision(t *testing.T) {
	var n atomic.Int64
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		a, err := allClean(b)
		a.Revision = fmt.Sprint(n.Add(1))
		return a, err
	}}
	e := withSlots(t, slotOf("restless", d))
	reasons, epochs := map[models.Reason]int{}, map[string]int{}
	for _, j := range judgeAll(t, e, tools(detectors.MaxBatchEvents+1)) { // two calls, so two revisions
		reasons[report(t, j.Verdict, "restless").Reason]++
		epochs[j.Verdict.Epoch]++
	}
	if len(epochs) != 1 || reasons[""] == 0 || reasons[models.ReasonBadAnswer] == 0 {
		t.Errorf("%d epochs, reasons %v", len(epochs), reasons)
	}
	if c := d.calls.Load(); c > 2*maxAttempts {
		t.Errorf("%d calls", c)
	}
}

func TestEpochNames(t *testing.T) {
	slots := []Slot{slotOf("aa", clean()), slotOf("bb", clean())}
	base := withSlots(t, slots...).Epoch("").Epoch
	swapped := withSlots(t, slots[1], slots[0]).Epoch("").Epoch
	if base != swapped {
		t.Error("the order of detectors changes the epoch")
	}
	other := slots[0]
	other.Digest = "another"
	for name, e := range map[string]*Engine{
		"digest":   withSlots(t, other, slots[1]),
		"set":      withSlots(t, slots[0]),
		"policy":   newEngine(t, Settings{Slots: slots, Policy: with(func(p *Policy) { p.Deep.Unpinned = false })}),
		"fusion":   newEngine(t, Settings{Slots: slots, Fusion: Fusion{Version: "other", Fuse: DefaultFusion().Fuse}}),
		"excerpts": newEngine(t, Settings{Slots: slots, Policy: with(func(p *Policy) { p.Excerpts = ExcerptsNone })}),
	} {
		if e.Epoch("").Epoch == base {
			t.Errorf("another %s in the same epoch", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	unnamed, noDigest, noDetector := slotOf("", clean()), slotOf("aa", clean()), slotOf("aa", nil)
	noDigest.Digest = ""
	noDetector.Detector = nil
	for name, s := range map[string]Settings{
		"name":      {Slots: []Slot{unnamed}},
		"digest":    {Slots: []Slot{noDigest}},
		"detector":  {Slots: []Slot{noDetector}},
		"duplicate": {Slots: []Slot{slotOf("aa", clean()), slotOf("aa", clean())}},
		"policy":    {Policy: with(func(p *Policy) { p.Mode = "loud" })},
	} {
		if _, err := New(t.Context(), s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	e := newEngine(t, Settings{Slots: []Slot{slotOf("words", words(attack))}, Metrics: registry})
	for range 3 {
		judge(t, e, tool("tide", "ATTACK"))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"taster_detector_outcomes_total words  cache found":    2,
		"taster_detector_outcomes_total words  detector found": 1,
		"taster_detector_call_seconds words":                   1,
		"taster_verdicts_total quarantine tool":                3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := New(t.Context(), Settings{Metrics: registry}); err == nil {
		t.Error("two engines on one registry")
	}
}

func TestFindingsFitTheVerdict(t *testing.T) {
	many := each(func(in detectors.Input) models.Outcome {
		var all []models.Finding
		for i := range models.MaxFindings {
			f := models.Finding{
				Rule: fmt.Sprintf("r%d", i), Class: "A1", Severity: models.SeverityLow, Confidence: 1, Message: strings.Repeat("\x01", models.MaxMessageBytes),
			}
			for range models.MaxEvidence {
				f.Evidence = append(f.Evidence, models.Span{})
			}
			all = append(all, f)
		}
		all[200].Severity = models.SeverityCritical
		return models.Found(all...)
	})
	v := judge(t, withSlots(t, slotOf("many", many)), tool(strings.Repeat("n", 900), "x"))
	data, err := json.Marshal(v)
	if err != nil || len(data) > models.MaxVerdictBytes {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if v.Omitted == 0 || v.Omitted+len(v.Findings) != models.MaxFindings || v.Findings[0].Severity != models.SeverityCritical || v.Decision != models.Block {
		t.Errorf("%d findings, %d omitted, decision %s", len(v.Findings), v.Omitted, v.Decision)
	}
}

func TestBatchesAreCut(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	d := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 {
			mu.Lock()
			sizes = append(sizes, len(b.Inputs))
			mu.Unlock()
		}
		return detectors.Answer{Outcomes: slices.Repeat([]models.Outcome{models.Clean()}, len(b.Inputs))}, nil
	}}
	e := withSlots(t, slotOf("quiet", d))
	judgeAll(t, e, tools(detectors.MaxBatchEvents+1))
	if diff := cmp.Diff([]int{detectors.MaxBatchEvents, 1}, sizes); diff != "" {
		t.Error(diff)
	}
	sizes = nil
	judgeAll(t, e, []Job{
		tool("a", strings.Repeat("a ", 1<<20)), tool("b", strings.Repeat("b ", 3<<18)), tool("c", strings.Repeat("c ", 3<<18)), tool("d", "d"),
	})
	if diff := cmp.Diff([]int{1, 2, 1}, sizes); diff != "" && len(sizes) < 2 {
		t.Error(diff)
	}
}

func TestConcurrentUse(t *testing.T) {
	e := withSlots(t, slotOf("words", words(attack)), deepOf("judge", clean()))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				jobs := []Job{tool(fmt.Sprintf("t%d", i), "ATTACK"), tool(fmt.Sprintf("w%d-%d", w, i), "x")}
				for k, j := range e.Judge(t.Context(), jobs) {
					if j.Deep {
						e.Deepen(t.Context(), jobs[k], j.Verdict)
					}
				}
				if w == 0 {
					p := with(func(p *Policy) { p.Deep.SampledShare = float64(i) / 100 })
					if err := e.SetPolicy(p); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}
