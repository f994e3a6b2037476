package streambench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
)

// Latency is how long an inline check took, in microseconds.
type Latency struct {
	Name string  `json:"name"`
	P50  float64 `json:"p50_micros"`
	P95  float64 `json:"p95_micros"`
	P99  float64 `json:"p99_micros"`
}

// Checks measures inline checks one after the other over TCP, with the detectors in a process of their own, beside one
// that is answered with the same bytes at once and stores nothing. The three take turns, so that all see the same
// machine.
func Checks(ctx context.Context, s Settings, n int) ([]Latency, error) {
	b, err := openBus(ctx, s.Logger)
	if err != nil {
		return nil, err
	}
	defer b.close()
	eng, closeEngine, err := s.Plugins(ctx)
	if err != nil {
		return nil, err
	}
	defer closeEngine()
	events := tools(n+1, n+1, s.Bytes)
	sample := sampleAnswer(ctx, eng, events[n])
	service, err := micro.AddService(b.conn, micro.Config{Name: "noop", Version: "1.0.0"})
	if err != nil {
		return nil, err
	}
	defer service.Stop()
	answer := micro.HandlerFunc(func(r micro.Request) { _ = r.Respond(sample.verdict.Data) })
	if err := service.AddEndpoint("noop", answer, micro.WithEndpointSubject("noop")); err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.run(b, eng)(working) }()
	defer func() { stop(); <-done }()

	c, err := client.Connect(b.server.ClientURL(), tenant)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := ready(ctx, c, events[n]); err != nil {
		return nil, err
	}
	return s.takeTurns(ctx, b.pub, c, events[:n])
}

// ready waits until the engine answers checks.
func ready(ctx context.Context, c *client.Client, e models.Event) error {
	for {
		_, err := c.Check(ctx, e)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the engine: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Settings) takeTurns(ctx context.Context, nc *nats.Conn, c *client.Client, events []models.Event) ([]Latency, error) {
	sorts := []struct {
		name string
		ask  func(*models.Event) error
	}{
		{"nothing (round trip)", func(e *models.Event) error {
			m, err := wire.EncodeCheck(e)
			if err == nil {
				_, err = nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: "noop", Header: m.Header, Data: m.Data})
			}
			return err
		}},
		{"uncached", func(e *models.Event) error { return checkOnce(ctx, c, e) }},
		{"cached", func(e *models.Event) error { return checkOnce(ctx, c, e) }},
	}
	took := make([][]float64, len(sorts))
	for i := range events {
		for k := range sorts {
			started := time.Now()
			if err := sorts[k].ask(&events[i]); err != nil {
				return nil, fmt.Errorf("checking: %w", err)
			}
			took[k] = append(took[k], float64(time.Since(started).Nanoseconds())/1e3)
		}
	}
	out := make([]Latency, len(sorts))
	for k, t := range took {
		slices.Sort(t)
		out[k] = Latency{Name: sorts[k].name, P50: quantile(t, 0.5), P95: quantile(t, 0.95), P99: quantile(t, 0.99)}
	}
	return out, nil
}

func checkOnce(ctx context.Context, c *client.Client, e *models.Event) error {
	v, err := c.Check(ctx, *e)
	if err == nil && !v.Coverage.Complete {
		err = fmt.Errorf("not wholly inspected: %v", v.Coverage.Degraded)
	}
	return err
}

// quantile of sorted values, by the nearest rank.
func quantile(sorted []float64, q float64) float64 {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
