package cli

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/rpc"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
)

// demoTraffic is sample traffic: a line is an event in its JSON form, or a frame ({"server", "method", "frame"}).
//
//go:embed demo/traffic.jsonl
var demoTraffic []byte

// demoDeadline is how long the verdicts on the sample traffic may take.
const demoDeadline = time.Minute

const demoHelp = `Publish sample traffic and print the verdicts as they come, the offending words underlined, then a summary.

Without --nats everything runs inside this process: a NATS server without a port, the detectors, the engine. With it, the
traffic goes to a running Taster. The exit code is 0 when every event got its verdict, whatever was found.`

func (a *app) demoCommand() *cobra.Command {
	var n config.NATS
	var tenant string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what a verdict stream looks like",
		Long:  demoHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), demoDeadline)
			defer cancel()
			if n.URL != "" {
				c, err := a.connect(n, tenant)
				if err != nil {
					return err
				}
				defer c.Close()
				return a.demo(ctx, c)
			}
			return a.demoAlone(ctx)
		},
	}
	busFlags(cmd, &n, runOne)
	tenantFlag(cmd, &tenant)
	return cmd
}

// demoAlone runs a whole Taster for the demonstration, in a directory that goes away with it.
func (a *app) demoAlone(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "taster-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	conf := config.Default()
	conf.DataDir, conf.NATS.Listen = dir, ""
	ready := make(chan struct{})
	s, err := a.openStation(ctx, conf, nil, func() { close(ready) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.runner.Run(serving) }()
	select {
	case err := <-served:
		return errors.Join(err, ctx.Err())
	case <-ready:
		err := a.demoInside(ctx, s.server)
		stop()
		return errors.Join(err, <-served)
	}
}

func (a *app) demoInside(ctx context.Context, server *natsembed.Server) error {
	c, err := client.Connect("", models.DefaultTenant, client.InProcess(server), client.Logger(a.logger()))
	if err != nil {
		return fmt.Errorf("connecting to the server inside: %w", err)
	}
	defer c.Close()
	return a.demo(ctx, c)
}

// sample is a line of the traffic.
type sample struct {
	Server string          `json:"server"`
	Method string          `json:"method"`
	Frame  json.RawMessage `json:"frame"`
	line   []byte
}

// publish sends the sample as a gateway would, and returns the events that it consists of.
func (s *sample) publish(ctx context.Context, c *client.Client) error {
	if s.Frame != nil {
		return c.PublishFrame(ctx, s.frame())
	}
	e, err := wire.UnmarshalEvent(s.line)
	if err != nil {
		return err
	}
	return c.Publish(ctx, e)
}

func (s *sample) frame() models.Frame {
	return models.Frame{Server: s.Server, Method: s.Method, Direction: models.ServerToClient, Data: s.Frame}
}

func (s *sample) events() ([]models.Event, error) {
	if s.Frame != nil {
		b, err := rpc.Events(s.frame())
		return b.Events, err
	}
	e, err := wire.UnmarshalEvent(s.line)
	return []models.Event{e}, err
}

func readSamples(data []byte) ([]sample, error) {
	var out []sample
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, models.MaxEventBytes)
	for lines.Scan() {
		s := sample{line: bytes.Clone(lines.Bytes())}
		if err := json.Unmarshal(s.line, &s); err != nil {
			return nil, fmt.Errorf("reading sample %d: %w", len(out)+1, err)
		}
		out = append(out, s)
	}
	return out, lines.Err()
}

// demo publishes the samples and prints the verdicts on them.
func (a *app) demo(ctx context.Context, c *client.Client) error {
	samples, err := readSamples(demoTraffic)
	if err != nil {
		return err
	}
	waiting := map[string][]models.Event{} // by raw digest
	total := 0
	for i := range samples {
		events, err := samples[i].events()
		if err != nil {
			return fmt.Errorf("reading sample %d: %w", i+1, err)
		}
		total += len(events)
		for _, e := range events {
			waiting[e.RawDigest()] = append(waiting[e.RawDigest()], e)
		}
	}
	verdicts := make(chan models.Verdict, total)
	sub, err := c.Subscribe(ctx, client.Filter{}, func(ctx context.Context, v models.Verdict) error {
		select {
		case verdicts <- v:
		case <-ctx.Done():
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("subscribing to verdicts: %w", err)
	}
	defer sub.Close()
	for i := range samples {
		if err := samples[i].publish(ctx, c); err != nil {
			return fmt.Errorf("publishing sample %d: %w", i+1, err)
		}
	}
	return a.printDemo(ctx, verdicts, waiting, total)
}

func (a *app) printDemo(ctx context.Context, verdicts <-chan models.Verdict, waiting map[string][]models.Event, total int) error {
	out := a.live(a.json)
	for answered := 0; answered < total; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d sample events got no verdict: %w", total-answered, total, ctx.Err())
		case v := <-verdicts:
			events := waiting[v.Subject.RawDigest]
			if len(events) == 0 { // somebody else's
				continue
			}
			if err := out.Verdict(&v, &events[0]); err != nil {
				return fmt.Errorf("writing result: %w", err)
			}
			if v.Final {
				waiting[v.Subject.RawDigest] = events[1:]
				answered++
			}
		}
	}
	return out.Summary()
}
