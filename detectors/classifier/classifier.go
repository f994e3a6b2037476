// Package classifier is the learned detector: a linear model over windows of text and a small network for the windows that it
// finds suspicious, both trained by package train. README.md says what it finds and misses, and how the shipped weights were
// made.
package classifier

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

//go:embed weights.bin
var shipped []byte

// load reads the shipped weights once.
var load = sync.OnceValues(func() (*Model, error) { return Parse(shipped) })

// Spec describes the detector.
var Spec = detectors.Spec{
	Name:     "classifier",
	Version:  "1.0.0",
	Purpose:  "Finds texts that read like attacks, by a model that was trained on attacks and look-alikes.",
	Classes:  []models.Class{"A1", "C1", "C10", "D5"},
	Stage:    detectors.Fast,
	Deadline: 2 * time.Second,
	New:      newDetector,
}

// Config is the detector's section of the configuration.
type Config struct {
	// NotedOnly keeps every finding below the scores that flag an event.
	NotedOnly bool `json:"noted_only"`
}

type detector struct {
	model  *Model
	config Config
	idle   sync.Pool // of *examination
}

func newDetector(_ context.Context, cfg detectors.Config) (detectors.Detector, error) {
	var config Config
	if err := cfg.Decode(&config); err != nil {
		return nil, err
	}
	m, err := load()
	if err != nil {
		return nil, fmt.Errorf("loading the shipped weights: %w", err)
	}
	return m.detector(config)
}

func (m *Model) detector(config Config) (*detector, error) {
	lexicon, err := directive.Default()
	if err != nil {
		return nil, fmt.Errorf("loading the lexicon: %w", err)
	}
	d := &detector{model: m, config: config}
	d.idle.New = func() any { return &examination{reader: &reader{words: lexicon.Reader(), names: signalNames()}} }
	return d, nil
}

// Detect judges each event on its own. It is safe for concurrent use.
func (d *detector) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	x := d.idle.Get().(*examination)
	defer d.idle.Put(x)
	answer := detectors.Answer{Outcomes: make([]models.Outcome, 0, len(batch.Inputs)), Revision: d.model.digest}
	for i := range batch.Inputs {
		if err := ctx.Err(); err != nil {
			return detectors.Answer{}, fmt.Errorf("judging event %d of %d: %w", i+1, len(batch.Inputs), err)
		}
		answer.Outcomes = append(answer.Outcomes, d.judge(x, &batch.Inputs[i]))
	}
	return answer, nil
}

func (d *detector) judge(x *examination, in *detectors.Input) models.Outcome {
	if in.Event.Oversize != nil {
		return models.NotInspected(models.ReasonOversize, "the event has no body")
	}
	judge := HeadOf(in.Event.Kind)
	h := &d.model.heads[judge]
	x.examine(d.model, judge, in)
	score := h.Calibration.Apply(x.peaks.score())
	if x.peaks.segment < 0 {
		return models.Clean()
	}
	outcome := models.Clean()
	if score >= h.Noted {
		outcome = models.Found(x.finding(h, judge, in, score, d.config))
	}
	outcome.Score = probability(score)
	return outcome
}

// probability is what a score stands for: it is a log-odds.
func probability(score float32) float64 { return 1 / (1 + math.Exp(-float64(score))) }

func (x *examination) finding(h *head, judge Head, in *detectors.Input, score float32, config Config) models.Finding {
	f := models.Finding{
		Rule: rules[judge].id, Version: Spec.Version, Class: rules[judge].class, Message: x.message(h, judge, in),
		Evidence: []models.Span{x.evidence(in)},
	}
	f.Severity, f.Confidence = h.weigh(score, judge, config.NotedOnly)
	return f
}

// examination is one event under examination. It belongs to one goroutine.
type examination struct {
	reader *reader
	peaks  peaks
	best   window  // the highest window
	tokens []token // its own
	stems  []uint16
	names  []uint16
}

// examine scores every window that the quick layer lets through.
func (x *examination) examine(m *Model, judge Head, in *detectors.Input) {
	h := &m.heads[judge]
	x.peaks = noPeaks()
	begun := false
	for i := range in.Segments {
		s := &in.Segments[i]
		if silent(s) {
			continue
		}
		for v := range s.Views {
			windows := x.reader.view(s, i, v)
			for j := range windows {
				w := &windows[j]
				if h.Quick.quick(w) < h.Gate {
					continue
				}
				if !begun {
					x.reader.begin(in)
					begun = true
				}
				x.reader.hear(s.Views[v].Text, windows, j)
				if x.peaks.add(x.score(m, judge, w, s.Views[v].Text), i, v) {
					x.keep(w)
				}
			}
		}
	}
}

// score is the score of a window that was heard last.
func (x *examination) score(m *Model, judge Head, w *window, text string) float32 {
	h := &m.heads[judge]
	linear := h.Full.score(w)
	if !h.asks(linear) {
		return h.unasked(linear)
	}
	x.stems = appendStems(x.stems[:0], text, w.tokens)
	x.names = x.reader.appendNames(x.names[:0])
	return linear + h.counts(m.network.Says(judge, w.place, x.stems, x.names))
}

// keep remembers a window beyond the reading of its view.
func (x *examination) keep(w *window) {
	x.tokens = append(x.tokens[:0], w.tokens...)
	x.best = *w
	x.best.tokens, x.best.signals = x.tokens, nil
}
