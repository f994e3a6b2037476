package host

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/plugin"
	"github.com/aad6b6dc/taster/models"
)

// actAs is the first argument with which the test binary is a plugin; the second one says how it behaves.
const actAs = "act-as-plugin"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == actAs {
		act(os.Args[2])
		return
	}
	// gRPC keeps a worker for its own bookkeeping; everything else has to be gone.
	goleak.VerifyTestMain(m)
}

// act is the main of a misbehaving plugin.
func act(how string) {
	switch how {
	case "exit-at-start":
		fmt.Fprintln(os.Stderr, "no license file")
		os.Exit(7)
	case "wrong-handshake":
		fmt.Println("hello, world")
		time.Sleep(time.Minute)
	case "silent":
		time.Sleep(time.Minute)
	case "deaf":
		l, err := net.Listen("unix", os.Getenv("TMPDIR")+"/deaf")
		if err != nil {
			os.Exit(1)
		}
		fmt.Printf("1|1|unix|%s|grpc\n", l.Addr())
		time.Sleep(time.Minute)
	case "slow-deadline":
		s := spec("greedy", obedient)
		s.Deadline = 10 * time.Minute
		serveUnchecked(s)
	case "dies-alone":
		s := spec("shy", obedient)
		s.New = func(context.Context, detectors.Config) (detectors.Detector, error) {
			time.AfterFunc(50*time.Millisecond, func() { os.Exit(3) })
			return behaviour(obedient), nil
		}
		plugin.Serve(s)
	case "two":
		plugin.Serve(spec("first", obedient), spec("second", echoConfig))
	case "quick", "patient":
		s := spec("fixture", obedient)
		s.Deadline = map[string]time.Duration{"quick": 500 * time.Millisecond, "patient": 4 * time.Second}[how]
		plugin.Serve(s)
	default:
		plugin.Serve(spec("fixture", obedient))
	}
}

// behaviour is a detector made of a function.
type behaviour func(context.Context, *detectors.Batch) (detectors.Answer, error)

func (b behaviour) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	return b(ctx, batch)
}

func spec(name string, b behaviour) detectors.Spec {
	return detectors.Spec{
		Name: name, Version: "1.0.0", Purpose: "Obeys its events.", Classes: []models.Class{"X-test-fixture"},
		Stage: detectors.Fast, Deadline: 30 * time.Second,
		New: func(_ context.Context, cfg detectors.Config) (detectors.Detector, error) {
			var c struct{ Refuse bool }
			if err := cfg.Decode(&c); err != nil {
				return nil, err
			}
			if c.Refuse {
				return nil, &detectors.Error{Code: detectors.CodeOverloaded, Message: "refusing to start", RetryAfter: time.Second}
			}
			return b, nil
		},
	}
}

func echoConfig(context.Context, *detectors.Batch) (detectors.Answer, error) {
	return detectors.Answer{}, nil
}

// obedient does what the object names of its events say.
func obedient(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	answer := detectors.Answer{Revision: "r1"}
	for _, in := range batch.Inputs {
		order, argument, _ := strings.Cut(in.Event.Object, ":")
		switch order {
		case "panic":
			panic("asked to: " + argument)
		case "exit":
			os.Exit(9)
		case "hang":
			<-ctx.Done()
			return detectors.Answer{}, ctx.Err()
		case "busy":
			for n := 0; ; n++ { // a busy loop that no context stops
			}
		case "retry":
			return detectors.Answer{}, &detectors.Error{Code: detectors.CodeOverloaded, Message: "later", RetryAfter: 3 * time.Second}
		case "short":
			return answer, nil
		case "span":
			answer.Outcomes = append(answer.Outcomes, finding("X-test-fixture", "out of bounds", models.Span{Segment: 7}))
		case "class":
			answer.Outcomes = append(answer.Outcomes, finding("Z9", "no such class"))
		case "huge":
			answer.Outcomes = append(answer.Outcomes, models.Outcome{
				Status: models.StatusFound, Findings: []models.Finding{{Message: strings.Repeat("x", 16<<20)}},
			})
		case "env":
			answer.Outcomes = append(answer.Outcomes, finding("X-test-fixture", environmentNames()))
		case "pid":
			answer.Outcomes = append(answer.Outcomes, finding("X-test-fixture", fmt.Sprint(os.Getpid(), " ", os.Getuid())))
		case "stdin":
			answer.Outcomes = append(answer.Outcomes, finding("X-test-fixture", descriptors()))
		case "say":
			fmt.Fprintln(os.Stderr, argument)
			answer.Outcomes = append(answer.Outcomes, models.Clean())
		default:
			answer.Outcomes = append(answer.Outcomes, models.Clean())
		}
	}
	return answer, nil
}

func finding(class models.Class, message string, evidence ...models.Span) models.Outcome {
	return models.Found(models.Finding{
		Rule: "fixture", Class: class, Severity: models.SeverityLow, Confidence: 1, Message: message, Evidence: evidence,
	})
}

func environmentNames() string {
	var names []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// descriptors lists what the process has open, without what it opened itself.
func descriptors() string {
	var open []string
	for fd := range 64 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
			kind, _, _ := strings.Cut(to, ":")
			open = append(open, kind)
		}
	}
	return models.Truncate(strings.Join(open, " "), models.MaxMessageBytes)
}

// order returns a batch of one event per order.
func order(orders ...string) *detectors.Batch {
	b := &detectors.Batch{}
	for _, o := range orders {
		b.Inputs = append(b.Inputs, detectors.Input{Event: &models.Event{
			Server: "s", Kind: models.KindTool, Object: o, Body: json.RawMessage(`{}`),
		}})
	}
	return b
}
