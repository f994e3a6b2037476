package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/heuristic"
	"github.com/aad6b6dc/taster/detectors/judge"
	"github.com/aad6b6dc/taster/detectors/plugin"
	"github.com/aad6b6dc/taster/models"
)

// The detectors that drills run beside the heuristic one. Each does what its events tell it to.
const (
	heuristicName = "heuristic"
	obedientName  = "obedient" // fast, impatient
	patientName   = "patient"  // fast, with time
	secondName    = "second"   // deep, impatient
	gatedName     = "gated"    // deep, answers nothing before the gate is open
	judgeName     = "judge"    // deep, the one that ships
)

// orders is what a body can tell the detectors to do.
type orders struct {
	Fast   string `json:"fast,omitempty"`
	Deep   string `json:"deep,omitempty"`
	Millis int    `json:"millis,omitempty"` // for wait
}

// What an order can be, and what the event is not inspected for then.
const (
	orderWait     = "wait"
	orderPanic    = "panic"
	orderExit     = "exit"
	orderHang     = "hang"
	orderBusy     = "busy"
	orderShort    = "short"
	orderEvidence = "evidence"
	orderHuge     = "huge"
	orderFail     = "fail"
	orderFind     = "find"
)

// The deadlines of detectors that are to miss them, and only where they are told to. A deep event that misses it gets no
// second try, so that a busy machine must not make it do so.
const (
	impatience     = 700 * time.Millisecond
	deepImpatience = 3 * time.Second
)

func specs(dir string) map[string]detectors.Spec {
	fast := func(o *orders) string { return o.Fast }
	deep := func(o *orders) string { return o.Deep }
	return map[string]detectors.Spec{
		heuristicName: heuristic.Spec,
		obedientName:  spec(obedientName, detectors.Fast, impatience, servant{order: fast}),
		patientName:   spec(patientName, detectors.Fast, 30*time.Second, servant{order: fast}),
		secondName:    spec(secondName, detectors.Deep, deepImpatience, servant{order: deep}),
		judgeName:     judge.Spec,
		gatedName:     spec(gatedName, detectors.Deep, time.Minute, servant{order: deep, gate: gatePath(dir)}),
	}
}

func gatePath(dir string) string { return filepath.Join(dir, "gate") }

func spec(name string, stage detectors.Stage, deadline time.Duration, d detectors.Detector) detectors.Spec {
	return detectors.Spec{
		Name: name, Version: "1.0.0", Purpose: "Does what events tell it to.", Classes: []models.Class{"X-drill-order"},
		Stage: stage, Deadline: deadline,
		New: func(context.Context, detectors.Config) (detectors.Detector, error) { return d, nil },
	}
}

// serveDetectors is the main of a plugin process.
func serveDetectors(dir string, names []string) error {
	if err := noteLife(dir, names[0]); err != nil {
		return err
	}
	var serve []detectors.Spec
	for _, name := range names {
		serve = append(serve, specs(dir)[name])
	}
	plugin.Serve(serve...)
	return nil
}

// servant is a detector that obeys.
type servant struct {
	order func(*orders) string
	gate  string // a file that must exist before it answers; "" for none
}

func (s servant) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	answer := detectors.Answer{Revision: "1"}
	longest := 0
	for i := range batch.Inputs {
		var o orders
		if err := json.Unmarshal(batch.Inputs[i].Event.Body, &o); err != nil {
			return detectors.Answer{}, err
		}
		outcome := models.Clean()
		switch order := s.order(&o); order {
		case orderWait:
			longest = max(longest, o.Millis)
		case orderPanic:
			panic("as ordered")
		case orderExit:
			os.Exit(9)
		case orderHang:
			select {} // whatever the context says
		case orderBusy:
			for spin := true; spin; { // for ever, and at full speed
			}
		case orderShort:
			return answer, nil
		case orderFail:
			return detectors.Answer{}, fmt.Errorf("as ordered")
		case orderFind:
			outcome = found("as ordered")
		case orderEvidence:
			outcome = found("as ordered", models.Span{Segment: 1 << 20})
		case orderHuge:
			outcome = found(strings.Repeat("x", 16<<20))
		}
		answer.Outcomes = append(answer.Outcomes, outcome)
	}
	pause(ctx, time.Duration(longest)*time.Millisecond)
	if s.gate != "" && len(batch.Inputs) > 0 {
		return answer, awaitFile(ctx, s.gate)
	}
	return answer, nil
}

func found(message string, evidence ...models.Span) models.Outcome {
	return models.Found(models.Finding{
		Rule: "order", Class: "X-drill-order", Severity: models.SeverityHigh, Confidence: 0.9, Message: message, Evidence: evidence,
	})
}

func awaitFile(ctx context.Context, path string) error {
	for {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if !pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
}
