package stream

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count for one runner. Tenants and decisions come from configuration and code, so the labels are bounded.
type metrics struct {
	inputs   *prometheus.CounterVec // by tenant and result
	verdicts *prometheus.CounterVec // by tenant and decision
	checks   *prometheus.CounterVec // by tenant and result
	retries  prometheus.Counter
	batch    prometheus.Histogram
	// indicators counts changes of what is known, by result.
	indicators *prometheus.CounterVec
}

// Results of an input.
const (
	resultJudged       = "judged"
	resultRejected     = "rejected"
	resultNotInspected = "not_inspected" // delivered too often
	resultRedelivered  = "redelivered"   // given back, to be delivered again
)

// Results of a check.
const (
	checkAnswered   = "answered"
	checkRejected   = "rejected"
	checkOverloaded = "overloaded"
	checkFailed     = "failed"
)

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "taster", Subsystem: "stream", Name: name, Help: help}, labels)
	}
	m := &metrics{
		inputs:   counter("inputs_total", "Messages taken from the event stream, by what became of them.", "tenant", "result"),
		verdicts: counter("verdicts_total", "Verdicts stored, by decision.", "tenant", "decision"),
		checks:   counter("checks_total", "Inline checks, by how they ended.", "tenant", "result"),
		indicators: counter("indicator_changes_total",
			"Changes of the known texts, by what became of them: added, removed, stale, or refused as unsigned, untrusted, forged, malformed, over_limit or too_early.", "result"),
		retries: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "taster", Subsystem: "stream", Name: "publish_retries_total",
			Help: "Messages that had to be published again."}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "taster", Subsystem: "stream", Name: "batch_seconds",
			Help: "From a micro-batch's arrival to its last acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.inputs, m.verdicts, m.checks, m.retries, m.batch, m.indicators} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}
