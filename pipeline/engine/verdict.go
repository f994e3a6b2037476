package engine

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// nobodyReads is why an event of a kind that no detector reads is not wholly inspected.
const nobodyReads = "no detector reads events of this kind"

// conclude makes a judgement of every item's answers.
func (e *Engine) conclude(b *batch, began time.Time) []Judgement {
	judgements := make([]Judgement, len(b.items))
	verdicts := verdictTally{}
	for i := range b.items {
		it := &b.items[i]
		judgements[i] = e.judgement(b.state, it, began)
		verdicts[verdictLabels{it.event.Kind, judgements[i].Verdict.Decision}]++
	}
	e.meters.count(verdicts)
	e.countOutcomes(b, detectors.Fast)
	return judgements
}

// countOutcomes counts how the detectors of one stage ended.
func (e *Engine) countOutcomes(b *batch, stage detectors.Stage) {
	for i, s := range b.state.slots {
		if s.Spec.Stage != stage {
			continue
		}
		tally := outcomeTally{}
		var run outcomeLabels // most neighbours have the same
		var n float64
		for j := range b.items {
			a := &b.items[j].answers[i]
			if !a.asked {
				continue
			}
			labels := outcomeLabels{a.outcome.Status, a.outcome.Reason, a.cached}
			if labels != run && n > 0 {
				tally[run] += n
				n = 0
			}
			run, n = labels, n+1
		}
		if n > 0 {
			tally[run] += n
		}
		s.meters.count(tally)
	}
}

// judgement makes revision 1 of the verdict on an item.
func (e *Engine) judgement(st *state, it *item, began time.Time) Judgement {
	v := e.blank(it)
	policy := &it.tenant.policy
	for i := range st.slots {
		if a := &it.answers[i]; a.asked {
			v.Findings = append(v.Findings, a.outcome.Findings...)
		}
	}
	sortFindings(v.Findings)
	e.report(st, it, &v)
	facts := it.facts(e.fusion.Fuse(it.event.Kind, v.Findings, v.Detectors), v.Coverage.Complete, v.Time)
	share(v.Detectors, facts.Risk)
	ruling := policy.Decide(facts)
	deep := it.err == nil && it.event.Oversize == nil && it.docErr == nil && st.readsDeep(it.event.Kind) &&
		policy.WantsDeep(facts, ruling, it.sample())
	if deep {
		e.reportPending(st, it, &v)
	}
	v.Final = !deep
	rule(&v, facts.Risk, ruling)
	v.ValidUntil = policy.validUntil(facts, ruling)
	v.Findings, v.Omitted = fit(v.Findings)
	v.Micros = e.now().Sub(began).Microseconds()
	return Judgement{Verdict: v, Deep: deep, Err: it.err}
}

// blank is the verdict on an item before anyone has answered.
func (e *Engine) blank(it *item) models.Verdict {
	ev := &it.event
	id := it.job.EventID
	if id == "" {
		id = models.Hash("event", ev.Tenant, ev.ID, ev.Server, string(ev.Kind), ev.Object, it.raw)
	}
	size := int64(len(ev.Body))
	if ev.Oversize != nil {
		size = ev.Oversize.Bytes
	}
	return models.Verdict{
		SchemaVersion: models.VerdictSchemaVersion,
		ID:            models.VerdictID(ev.Tenant, id, it.tenant.epoch),
		EventID:       id,
		Sequence:      it.job.Sequence,
		Revision:      1,
		Supersedes:    it.job.Supersedes,
		Cause:         it.job.Cause,
		Time:          e.now(),
		Epoch:         it.tenant.epoch,
		Subject: models.Subject{
			Tenant: ev.Tenant, Server: ev.Server, Kind: ev.Kind, Object: ev.Object, Session: ev.Session,
			Direction: ev.Direction, RawDigest: it.raw, CanonicalDigest: it.canonical, Bytes: size,
			Catalogue: ev.Catalogue, Pin: it.pin, PinnedDigest: ev.Pin,
		},
		Mode:     it.tenant.policy.Mode,
		Findings: []models.Finding{},
	}
}

// rule writes what policy says into the verdict.
func rule(v *models.Verdict, risk Risk, ruling Ruling) {
	v.Severity, v.RiskScore, v.Probability = risk.Severity, risk.Score, risk.Probability
	v.Decision, v.Exception = ruling.Decision, ruling.Exception
}

// share writes into each report what its detector contributed.
func share(reports []models.DetectorReport, risk Risk) {
	for i, s := range risk.Shares {
		reports[i].Share = s
	}
}

func (it *item) facts(risk Risk, complete bool, now time.Time) Facts {
	return Facts{
		Kind: it.event.Kind, Server: it.event.Server, Object: it.event.Object, CanonicalDigest: it.canonical,
		Pin: it.pin, Risk: risk, Complete: complete, Time: now,
	}
}

// report writes detectors and coverage into the verdict.
//
// Invariant 3: coverage is complete only if some detector read the event, and all that did inspected every part.
func (e *Engine) report(st *state, it *item, v *models.Verdict) {
	v.Detectors = make([]models.DetectorReport, 0, len(st.slots))
	for i, s := range st.slots {
		a := &it.answers[i]
		if a.asked {
			addReport(v, s, st.digests[i], a)
		}
	}
	if len(v.Detectors) == 0 {
		addSkipped(v, models.Skipped{Reason: nobodyReads})
	}
	v.Coverage.Complete = len(v.Coverage.Degraded) == 0 && len(v.Coverage.Skipped) == 0
}

func addReport(v *models.Verdict, s *slot, digest string, a *answer) {
	v.Detectors = append(v.Detectors, models.DetectorReport{
		Name: s.Spec.Name, Version: s.Spec.Version, Digest: digest,
		Status: a.outcome.Status, Reason: a.outcome.Reason, Detail: a.outcome.Detail, Score: a.outcome.Score,
		Findings: len(a.outcome.Findings), Cached: a.cached, Micros: a.micros,
	})
	if !a.inspected() {
		v.Coverage.Degraded = append(v.Coverage.Degraded, s.Spec.Name)
	}
	for _, skipped := range a.outcome.Skipped {
		addSkipped(v, skipped)
	}
}

// addSkipped lists a part that was left out, once, and at most [maxSkipped] parts.
func addSkipped(v *models.Verdict, s models.Skipped) {
	if len(v.Coverage.Skipped) < maxSkipped && !slices.Contains(v.Coverage.Skipped, s) {
		v.Coverage.Skipped = append(v.Coverage.Skipped, s)
	}
}

// reportPending adds the deep detectors, whose answers are still to come.
func (e *Engine) reportPending(st *state, it *item, v *models.Verdict) {
	for i, s := range st.slots {
		if s.Spec.Stage == detectors.Deep && s.Spec.Reads(it.event.Kind) {
			addReport(v, s, st.digests[i], &answer{outcome: models.NotInspected(models.ReasonPending, "the next revision has the answer")})
		}
	}
	v.Coverage.Complete = false
}

func (st *state) readsDeep(k models.Kind) bool {
	return slices.ContainsFunc(st.slots, func(s *slot) bool { return s.Spec.Stage == detectors.Deep && s.Spec.Reads(k) })
}

// sample is a number in [0, 1) that follows from epoch and bytes. The epoch is in it so that nobody can search for
// bytes that are never sampled.
func (it *item) sample() float64 {
	h, err := hex.DecodeString(models.Hash("sample", it.tenant.epoch, it.raw)[:8])
	if err != nil {
		return 0 // not hexadecimal: cannot happen; 0 samples
	}
	return float64(binary.BigEndian.Uint32(h)) / (math.MaxUint32 + 1)
}

// sortFindings orders by severity, confidence, and then by everything else that tells findings apart, so that the order
// never depends on which detector was quicker.
func sortFindings(findings []models.Finding) {
	if len(findings) < 2 {
		return
	}
	slices.SortStableFunc(findings, func(a, b models.Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
			cmp.Compare(b.Confidence, a.Confidence),
			cmp.Compare(a.Class, b.Class),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Detector, b.Detector),
			cmp.Compare(firstByte(&a), firstByte(&b)),
		)
	})
}

func firstByte(f *models.Finding) int {
	if len(f.Evidence) == 0 {
		return -1
	}
	return f.Evidence[0].RawStart
}

// NotInspected returns the final verdict on an event that the engine is given no chance to judge, for example because
// it was delivered too often. No detector runs.
func (e *Engine) NotInspected(job Job, reason models.Reason, detail string) models.Verdict {
	began := e.now()
	st := e.state.Load()
	b := &batch{state: st, items: make([]item, 1)}
	it := &b.items[0]
	it.job, it.event = &job, job.Event
	it.event.Normalise()
	it.raw = it.event.RawDigest()
	it.tenant = st.tenant(it.event.Tenant)
	it.pin = models.ComparePin(it.event.Pin, "") // the body may be what is wrong: it is not read
	it.answers = make([]answer, len(st.slots))
	for i, s := range st.slots {
		if s.Spec.Stage == detectors.Fast && s.Spec.Reads(it.event.Kind) {
			it.answers[i] = answer{asked: true, outcome: models.NotInspected(reason, detail)}
		}
	}
	v := e.blank(it)
	e.report(st, it, &v)
	facts := it.facts(Risk{}, false, v.Time)
	ruling := it.tenant.policy.Decide(facts)
	rule(&v, Risk{}, ruling)
	v.Final, v.ValidUntil = true, it.tenant.policy.validUntil(facts, ruling)
	v.Micros = e.now().Sub(began).Microseconds()
	e.countOutcomes(b, detectors.Fast)
	e.meters.count(verdictTally{{it.event.Kind, v.Decision}: 1})
	return v
}
