package engine

import (
	"context"
	"slices"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// CauseDeep is the cause of every second revision.
const CauseDeep = "deep detectors"

// Deepen asks the deep detectors about the event of a first revision and returns the second one, which is final.
//
// Invariant 8: the answer can raise risk, severity and decision or explain them, never lower them. A deep detector that
// failed, or has no time left when ctx ends, leaves the decision as it was and is reported not inspected.
func (e *Engine) Deepen(ctx context.Context, job Job, first models.Verdict) models.Verdict {
	began := e.now()
	b := e.answer(ctx, []Job{job}, detectors.Deep)
	e.countOutcomes(b, detectors.Deep)
	it := &b.items[0]

	v := first
	v.Revision, v.Final = first.Revision+1, true
	v.Supersedes, v.Cause = first.Key(), CauseDeep
	v.Time = e.now()
	v.Findings = slices.Clone(first.Findings)
	v.Detectors, v.Coverage = nil, models.Coverage{Skipped: slices.Clone(first.Coverage.Skipped)}
	for _, r := range first.Detectors {
		if r.Reason == models.ReasonPending {
			continue
		}
		v.Detectors = append(v.Detectors, r)
		if r.Status == models.StatusNotInspected {
			v.Coverage.Degraded = append(v.Coverage.Degraded, r.Name)
		}
	}
	inspected := len(v.Coverage.Degraded) == 0 && len(v.Coverage.Skipped) == 0 // by the fast detectors
	for i, s := range b.state.slots {
		if a := &it.answers[i]; a.asked {
			addReport(&v, s, b.state.digests[i], a)
			v.Findings = append(v.Findings, a.outcome.Findings...)
		}
	}
	v.Coverage.Complete = len(v.Coverage.Degraded) == 0 && len(v.Coverage.Skipped) == 0
	sortFindings(v.Findings)

	policy := &it.tenant.policy
	facts := it.facts(e.fusion.Fuse(it.event.Kind, v.Findings, v.Detectors), inspected, v.Time)
	share(v.Detectors, facts.Risk)
	ruling := policy.Decide(facts)
	raise(&v, facts.Risk, ruling)
	facts.Complete = v.Coverage.Complete
	v.ValidUntil = policy.validUntil(facts, ruling)
	findings, omitted := fit(v.Findings)
	v.Findings, v.Omitted = findings, first.Omitted+omitted
	v.Micros = e.now().Sub(began).Microseconds()
	e.meters.count(verdictTally{{it.event.Kind, v.Decision}: 1})
	return v
}

// raise writes into the verdict what is stricter than what it holds.
func raise(v *models.Verdict, risk Risk, ruling Ruling) {
	v.RiskScore, v.Probability = max(v.RiskScore, risk.Score), max(v.Probability, risk.Probability)
	if risk.Severity.Rank() > v.Severity.Rank() {
		v.Severity = risk.Severity
	}
	v.Decision = models.Stricter(v.Decision, ruling.Decision)
	if ruling.Exception != nil {
		v.Exception = ruling.Exception
	}
}
