package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Job is one event to judge.
type Job struct {
	Event models.Event
	// EventID names this occurrence of the event. Optional: empty means that it follows from tenant, the gateway's id and
	// the bytes, which is right where nothing is delivered twice.
	EventID string
	// Sequence is the event's number in its tenant's stream, or 0.
	Sequence uint64
	// Supersedes and Cause go into the verdict: what it replaces, and why it was made again. Optional.
	Supersedes string
	Cause      string
}

// Judgement is the engine's answer to one job.
type Judgement struct {
	Verdict models.Verdict
	// Deep is set when policy wants the deep detectors' opinion: the verdict is not final, and [Engine.Deepen] makes the
	// final one.
	Deep bool
	// Err says that the event itself breaks its contract (a [*models.FieldError]). The verdict is then not inspected, and
	// may lack what it needs to be published.
	Err error
}

// maxAttempts is how often a batch is judged anew because a detector's data changed meanwhile.
const maxAttempts = 3

// Judge returns one judgement per job, in order, always. When ctx ends before the detectors are done, what is missing
// is not inspected. Jobs stay the caller's; the findings in verdicts are shared with the cache and must not be changed.
//
// Invariant 9: a verdict is made wholly of outcomes that belong to its epoch. Where a detector tells a new revision, the
// batch is judged again in the new epoch; most of it then comes from the cache.
func (e *Engine) Judge(ctx context.Context, jobs []Job) []Judgement {
	began := e.now()
	return e.conclude(e.answer(ctx, jobs, detectors.Fast), began)
}

// answer prepares the jobs and has every detector of the stage answer, anew while a detector's data changes.
func (e *Engine) answer(ctx context.Context, jobs []Job, stage detectors.Stage) *batch {
	for attempt := 1; ; attempt++ {
		if b, settled := e.attempt(ctx, jobs, stage, attempt == maxAttempts); settled {
			return b
		}
	}
}

func (e *Engine) attempt(ctx context.Context, jobs []Job, stage detectors.Stage, final bool) (_ *batch, settled bool) {
	st := e.enter()
	defer st.leave()
	b := e.prepare(st, jobs)
	return b, e.inspect(ctx, b, stage, final)
}

// enter returns the current state; its detectors stay until the caller calls leave.
func (e *Engine) enter() *state {
	for {
		if st := e.state.Load(); st.enter() {
			return st
		} // else another is there already
	}
}

// batch is what one attempt at judging works on.
type batch struct {
	state      *state
	items      []item
	documents  map[string]*models.Document     // by raw digest
	catalogues map[[2]string]*models.Catalogue // by tenant and digest; nil: not to be had
}

// item is a job on its way.
type item struct {
	job       *Job
	event     models.Event // normalised
	tenant    *tenantState
	raw       string
	canonical string
	pin       models.PinState
	excerpts  bool
	err       error            // the event breaks its contract
	doc       *models.Document // nil until someone needs it
	docErr    error
	siblings  *models.Catalogue
	answers   []answer // by slot
}

// refusal is why no detector can be asked about the item, or "".
func (it *item) refusal() (models.Reason, string) {
	switch {
	case it.err != nil:
		return models.ReasonUnsupported, it.err.Error()
	case it.event.Oversize != nil:
		return models.ReasonOversize, fmt.Sprintf("%d bytes, the limit is %d", it.event.Oversize.Bytes, models.MaxEventBytes)
	case it.docErr != nil:
		return models.ReasonUnsupported, it.docErr.Error()
	}
	return "", ""
}

// prepare reads every job's event.
func (e *Engine) prepare(st *state, jobs []Job) *batch {
	b := &batch{
		state: st, items: make([]item, len(jobs)),
		documents: map[string]*models.Document{}, catalogues: map[[2]string]*models.Catalogue{},
	}
	answers := make([]answer, len(jobs)*len(st.slots))
	for i := range jobs {
		it := &b.items[i]
		it.job, it.event = &jobs[i], jobs[i].Event
		it.answers, answers = answers[:len(st.slots):len(st.slots)], answers[len(st.slots):]
		e.readBody(b, it)
		it.tenant = st.tenant(it.event.Tenant)
		it.pin = models.ComparePin(it.event.Pin, it.canonical)
		it.excerpts = it.tenant.policy.WantsExcerpts(it.event.Kind)
	}
	return b
}

// readBody normalises and validates the event and finds out about its body: from memory if its bytes were seen before,
// else by taking it apart.
func (e *Engine) readBody(b *batch, it *item) {
	ev := &it.event
	it.raw = ev.RawDigest()
	key := bodyKey{it.raw, ev.Kind}
	facts, known := e.bodies.get(key)
	if known && ev.Oversize == nil && (ev.Object != "" || facts.named) {
		it.err = recognise(ev, facts)
		it.canonical = facts.canonical
		return
	}
	named := ev.Object == ""
	ev.Normalise()
	if it.err = ev.ValidateEnvelope(); it.err != nil || ev.Oversize != nil {
		return
	}
	b.takeApart(it)
	if it.docErr != nil {
		it.err = &models.FieldError{Field: "body", Problem: it.docErr.Error()}
		return
	}
	it.canonical = it.doc.CanonicalDigest
	facts = bodyFacts{canonical: it.canonical}
	if named {
		facts.named, facts.object = true, ev.Object
	}
	e.bodies.put(key, facts, int64(fixedEntryBytes+len(facts.object)))
}

// recognise normalises and validates an event whose body was read before, without reading it again.
func recognise(ev *models.Event, facts bodyFacts) error {
	if ev.Object == "" {
		ev.Object = facts.object
	}
	body := ev.Body
	ev.Body = nil // Normalise need not look for a name in it again
	ev.Normalise()
	ev.Body = body
	return ev.ValidateEnvelope()
}

// takeApart gives the item its document; the same bytes in one batch share theirs.
func (b *batch) takeApart(it *item) {
	if it.doc != nil || it.docErr != nil {
		return
	}
	if doc := b.documents[it.raw]; doc != nil {
		it.doc = doc
		return
	}
	it.doc, it.docErr = view.Build(it.event.Body)
	if it.docErr == nil {
		b.documents[it.raw] = it.doc
	}
}

// miss is one question to a detector, for all items that it answers.
type miss struct {
	key   outcomeKey
	items []*item
}

// inspect gets an answer for every item from every detector of the stage. It returns false when a detector decided
// with other data than the batch's state knows, unless final is set: then such answers count as bad.
func (e *Engine) inspect(ctx context.Context, b *batch, stage detectors.Stage, final bool) bool {
	misses := make([][]*miss, len(b.state.slots))
	for i, s := range b.state.slots {
		if s.Spec.Stage == stage {
			misses[i] = e.lookUp(b, i)
		}
	}
	e.gather(ctx, b, misses)
	var unsettled atomic.Bool
	var wg sync.WaitGroup
	for i := range misses {
		if len(misses[i]) == 0 {
			continue
		}
		wg.Go(func() {
			if !e.ask(ctx, b.state, i, misses[i], final) {
				unsettled.Store(true)
			}
		})
	}
	wg.Wait()
	return !unsettled.Load()
}

// lookUp answers what can be answered without asking slot i, and returns the rest.
func (e *Engine) lookUp(b *batch, i int) []*miss {
	s := b.state.slots[i]
	identity := s.identity(b.state.digests[i])
	var misses []*miss
	var byKey map[outcomeKey]*miss
	for j := range b.items {
		it := &b.items[j]
		if !s.Spec.Reads(it.event.Kind) {
			continue
		}
		a := &it.answers[i]
		a.asked = true
		if reason, detail := it.refusal(); reason != "" {
			a.outcome = models.NotInspected(reason, detail)
			continue
		}
		key := it.key(s, identity)
		if o, ok := e.outcomes.get(key); ok {
			a.outcome, a.cached = o, true
			continue
		}
		if reason, ok := e.heldBack(s, it); ok {
			a.outcome = models.NotInspected(models.ReasonHeldBack, "these bytes failed the detector before: "+string(reason))
			continue
		}
		if byKey == nil {
			byKey = map[outcomeKey]*miss{}
		}
		m := byKey[key]
		if m == nil {
			m = &miss{key: key}
			byKey[key], misses = m, append(misses, m)
		}
		m.items = append(m.items, it)
	}
	return misses
}

// key is what the slot's outcome for the item may depend on. What input blanks is not in it.
func (it *item) key(s *slot, identity unique.Handle[string]) outcomeKey {
	k := outcomeKey{
		detector: identity, raw: it.raw, server: it.event.Server, object: it.event.Object, kind: it.event.Kind,
		toServer: it.event.Direction == models.ClientToServer, excerpts: it.excerpts,
	}
	for _, c := range s.Spec.Context {
		switch c {
		case detectors.ContextSiblings:
			k.catalogue = it.event.Catalogue
		case detectors.ContextPin:
			k.pin = it.pin
		case detectors.ContextSession:
			k.session = it.session()
		}
	}
	return k
}

// session is what detectors see of the session's name: two tenants never share one.
func (it *item) session() string {
	if it.event.Session == "" {
		return ""
	}
	return models.Hash("session", it.event.Tenant, it.event.Session)
}

// heldBack reports whether the item's bytes failed the slot lately, and how.
func (e *Engine) heldBack(s *slot, it *item) (models.Reason, bool) {
	key := heldKey{s.identity(s.Digest), it.raw}
	h, ok := e.held.get(key)
	if ok && !e.now().Before(h.until) {
		e.held.delete(key)
		return "", false
	}
	return h.reason, ok
}

// gather takes apart what is to be inspected and finds the catalogues that detectors declared, each once.
func (e *Engine) gather(ctx context.Context, b *batch, misses [][]*miss) {
	for i := range misses {
		for _, m := range misses[i] {
			it := m.items[0]
			b.takeApart(it)
			if m.key.catalogue == "" || it.docErr != nil {
				continue
			}
			key := [2]string{it.event.Tenant, m.key.catalogue}
			if _, tried := b.catalogues[key]; !tried {
				b.catalogues[key] = e.catalogue(ctx, key[0], key[1])
			}
			it.siblings = b.catalogues[key]
		}
	}
}

// catalogue returns a tenant's catalogue, or nil when it can't be had.
func (e *Engine) catalogue(ctx context.Context, tenant, digest string) *models.Catalogue {
	if e.catalogues == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, CatalogueDeadline)
	defer cancel()
	c, err := e.catalogues(ctx, tenant, digest)
	if err == nil && (c == nil || c.Digest != digest) {
		err = errors.New("got another one")
	}
	if err != nil {
		e.log.Warn("finding catalogue", "tenant", tenant, "catalogue", digest, "error", err)
		return nil
	}
	return c
}

// ask puts misses to slot i and hands the answers to their items. It returns false when the slot decided with other
// data than st knows and final is not set.
func (e *Engine) ask(ctx context.Context, st *state, i int, misses []*miss, final bool) bool {
	s := st.slots[i]
	settled := true
	for _, part := range cut(answerable(i, misses)) {
		inputs := make([]detectors.Input, len(part))
		for j, m := range part {
			inputs[j] = m.input(s)
		}
		for j, a := range s.inspect(ctx, inputs) {
			if a.inspected() && a.revision != st.revisions[i] {
				e.advance(st, i, a.revision)
				settled = false
				if final {
					a = answer{asked: true, outcome: models.NotInspected(models.ReasonBadAnswer, "the detector's revision keeps changing")}
				}
			}
			e.keep(s, part[j], &a)
			for _, it := range part[j].items {
				it.answers[i] = a
			}
		}
	}
	return settled || final
}

// answerable answers what lacks a document or a catalogue, and returns the rest.
func answerable(i int, misses []*miss) []*miss {
	rest := misses[:0:0]
	for _, m := range misses {
		it := m.items[0]
		reason, detail := it.refusal()
		if reason == "" && m.key.catalogue != "" && it.siblings == nil {
			reason, detail = models.ReasonContext, "the catalogue could not be had"
		}
		if reason == "" {
			rest = append(rest, m)
			continue
		}
		for _, it := range m.items {
			it.answers[i].outcome = models.NotInspected(reason, detail)
		}
	}
	return rest
}

// input is what the detector gets to see: nothing that its outcome must not depend on.
func (m *miss) input(s *slot) detectors.Input {
	it := m.items[0]
	visible := it.event
	visible.ID, visible.Tenant, visible.Time, visible.Catalogue, visible.Pin = "", "", time.Time{}, "", ""
	visible.Session = m.key.session
	in := detectors.Input{Event: &visible, Segments: it.doc.Segments, Skipped: it.doc.Skipped, Pin: m.key.pin}
	if s.Spec.Needs(detectors.ContextSiblings) {
		in.Siblings = it.siblings
	}
	return in
}

// keep resolves an answer's evidence and remembers the answer.
func (e *Engine) keep(s *slot, m *miss, a *answer) {
	it := m.items[0]
	if !a.inspected() {
		// Invariant 3: not inspected is never cached. The bytes that did it are held back, for a while.
		if a.culprit != "" {
			key := heldKey{s.identity(s.Digest), it.raw}
			e.held.put(key, heldBack{a.culprit, e.now().Add(heldFor)}, fixedEntryBytes)
		}
		return
	}
	resolve(&a.outcome, s.Spec.Name, it.doc, len(it.event.Body), m.key.excerpts)
	key := m.key
	key.detector = s.identity(slotDigest(s, a.revision))
	e.outcomes.put(key, a.outcome, outcomeBytes(key, &a.outcome))
}

// cut divides misses into batches within the limits of the plugin line. A miss over the limit goes alone.
func cut(misses []*miss) [][]*miss {
	var parts [][]*miss
	start, size := 0, 0
	for i, m := range misses {
		n := m.items[0].lineBytes()
		if i > start && (i-start >= detectors.MaxBatchEvents || size+n > detectors.MaxBatchBytes) {
			parts = append(parts, misses[start:i])
			start, size = i, 0
		}
		size += n
	}
	if start < len(misses) {
		parts = append(parts, misses[start:])
	}
	return parts
}

// segmentLineBytes is about what a segment takes on the plugin line beside its text.
const segmentLineBytes = 32

// lineBytes is about what the item takes on the plugin line: the body, and the views that differ from it.
func (it *item) lineBytes() int {
	n := len(it.event.Body)
	for i := range it.doc.Segments {
		seg := &it.doc.Segments[i]
		n += segmentLineBytes + len(seg.Pointer)
		for _, v := range seg.Views {
			if v.Map != nil {
				n += len(v.Text) + segmentLineBytes*len(v.Map)
			}
		}
	}
	return n
}
