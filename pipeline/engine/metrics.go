package engine

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/models"
)

// meters counts what the engine does. Labels come from configuration only, never from events.
type meters struct {
	outcomes *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	verdicts *prometheus.CounterVec
}

// slotMeters is one detector's share of meters.
type slotMeters struct {
	outcomes *prometheus.CounterVec // by status, reason and source
	seconds  prometheus.Observer
}

func newMeters(r prometheus.Registerer) (*meters, error) {
	m := &meters{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taster_detector_outcomes_total",
			Help: "Outcomes by detector, status (found, clean, not_inspected), reason and source (detector, cache).",
		}, []string{"detector", "status", "reason", "source"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "taster_detector_call_seconds",
			Help:    "Time of one call of a detector, whatever the size of its batch.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}, []string{"detector"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taster_verdicts_total",
			Help: "Verdicts by kind of event and decision, all revisions.",
		}, []string{"kind", "decision"}),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.outcomes), r.Register(m.seconds), r.Register(m.verdicts))
}

func (m *meters) forDetector(name string) *slotMeters {
	return &slotMeters{
		outcomes: m.outcomes.MustCurryWith(prometheus.Labels{"detector": name}),
		seconds:  m.seconds.WithLabelValues(name),
	}
}

// outcomeTally counts the outcomes of one batch, so that each counter is touched once.
type outcomeTally map[outcomeLabels]float64

type outcomeLabels struct {
	status models.Status
	reason models.Reason
	cached bool
}

func (m *slotMeters) count(tally outcomeTally) {
	for l, n := range tally {
		source := "detector"
		if l.cached {
			source = "cache"
		}
		m.outcomes.WithLabelValues(string(l.status), string(knownReason(l.reason)), source).Add(n)
	}
}

// knownReason keeps a detector from inventing label values.
func knownReason(r models.Reason) models.Reason {
	switch r {
	case "", models.ReasonDeadline, models.ReasonCrashed, models.ReasonHeldBack, models.ReasonUnavailable,
		models.ReasonCircuitOpen, models.ReasonError, models.ReasonBadAnswer, models.ReasonOversize,
		models.ReasonUnsupported, models.ReasonContext, models.ReasonDeliveries, models.ReasonOverBudget,
		models.ReasonRefused, models.ReasonPending:
		return r
	}
	return "other"
}

type verdictTally map[verdictLabels]float64

type verdictLabels struct {
	kind     models.Kind
	decision models.Decision
}

func (m *meters) count(tally verdictTally) {
	for l, n := range tally {
		kind := l.kind
		if !kind.Valid() {
			kind = "unknown"
		}
		m.verdicts.WithLabelValues(string(kind), string(l.decision)).Add(n)
	}
}
