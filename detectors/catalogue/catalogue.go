// Package catalogue is the detector of what only shows across tools and over time: texts that order about other servers'
// tools, names that pass for others, payloads split over strings and tools, and definitions that changed since they were
// approved. README.md says what it finds and misses.
package catalogue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// Spec describes the detector.
var Spec = detectors.Spec{
	Name:     "catalogue",
	Version:  "1.0.0",
	Purpose:  "Finds orders about other servers' tools, names that pass for others, split payloads and dangerous changes.",
	Classes:  []models.Class{"A5", "A11", "E1", "E2", "E3", "E4", "E8", "E9"},
	Stage:    detectors.Fast,
	Context:  []detectors.Context{detectors.ContextSiblings, detectors.ContextPin},
	Deadline: 2 * time.Second,
	New:      newDetector,
}

type detector struct{}

// revision is the digest of the lexicon.
var revision = sync.OnceValue(func() string { return models.Digest([]byte(lexiconText)) })

func newDetector(_ context.Context, cfg detectors.Config) (detectors.Detector, error) {
	return detector{}, cfg.Decode(&struct{}{})
}

// Detect judges each event beside its catalogue. It is safe for concurrent use.
func (detector) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	answer := detectors.Answer{Outcomes: make([]models.Outcome, 0, len(batch.Inputs)), Revision: revision()}
	known := map[*models.Catalogue]*peers{}
	for i := range batch.Inputs {
		if err := ctx.Err(); err != nil {
			return detectors.Answer{}, fmt.Errorf("judging event %d of %d: %w", i+1, len(batch.Inputs), err)
		}
		in := &batch.Inputs[i]
		p := known[in.Siblings]
		if p == nil {
			p = newPeers(in.Siblings)
			known[in.Siblings] = p
		}
		answer.Outcomes = append(answer.Outcomes, judge(in, p))
	}
	return answer, nil
}

// examination is one event beside its catalogue.
type examination struct {
	check.Event
	peers    *peers
	reader   *reader
	findings []models.Finding
}

// examinations keeps the memory of those that are done.
var examinations = sync.Pool{New: func() any {
	x := &examination{reader: newReader()}
	x.Found = x.found
	return x
}}

// done gives the memory back, without what it held.
func (x *examination) done() {
	x.Input, x.peers, x.findings = nil, nil, nil
	x.reader.names.of(nil, "", nil)
	examinations.Put(x)
}

func judge(in *detectors.Input, p *peers) models.Outcome {
	if in.Event.Oversize != nil {
		return models.NotInspected(models.ReasonOversize, "the event has no body")
	}
	x := examinations.Get().(*examination)
	defer x.done()
	x.Input, x.peers = in, p
	x.reader.begin()
	switch {
	case in.Event.Kind.Definition():
		x.reader.names.of(p, in.Event.Server, in.Segments)
		x.reader.words.Own = x.reader.words.Own[:0]
		if i, ok := x.At("/name", false); ok && in.Event.Kind == models.KindTool {
			x.reader.words.Own = append(x.reader.words.Own, x.Segments[i].Views[0].Text)
		}
		x.reader.readAll(in.Segments)
		for _, look := range looks {
			look(x)
		}
	case in.Event.Kind == models.KindToolCall:
		calls(x)
	case incoming(in.Event.Kind):
		if in.Event.Kind == models.KindNotification {
			x.imitation()
		}
		x.reader.names.of(p, in.Event.Server, nil)
		x.reader.readAll(in.Segments)
		if in.Event.Kind != models.KindUserPrompt || x.relayed() {
			x.combine(requests)
		}
	}
	outcome := models.Found(x.findings...)
	for _, f := range outcome.Findings {
		outcome.Score = max(outcome.Score, f.Confidence*check.Weight(f.Severity))
	}
	return outcome
}

// looks are what is looked for in a definition.
var looks = []func(*examination){texts, lookalikes, origins, splits}

// found keeps a finding, as far as there is room.
func (x *examination) found(f models.Finding) {
	if len(x.findings) < models.MaxFindings {
		x.findings = append(x.findings, f)
	}
}
