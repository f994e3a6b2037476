package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/natsembed"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

// station is everything that `taster serve` runs: a bus or a connection to one, detectors, the engine and its runner.
type station struct {
	server *natsembed.Server // nil with an outside bus
	conn   *nats.Conn
	crew   *crew
	engine *engine.Engine
	runner *stream.Runner
	// calibration is the version of the fusion; empty for the shipped one.
	calibration string

	closers []func() error // in the order of opening
}

// openStation starts all of it but the runner's work, which calls ready when events are taken. The caller closes it.
func (a *app) openStation(ctx context.Context, c config.Config, metrics prometheus.Registerer, ready func()) (_ *station, err error) {
	s := &station{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	log := a.logger()
	c, known, err := placeKnowledge(c)
	if err != nil {
		return nil, err
	}
	if err := s.openBus(a, c, log); err != nil {
		return nil, err
	}
	if s.crew, err = openCrew(ctx, c.Detectors, log); err != nil {
		return nil, err
	}
	s.onClose(s.crew.close)
	deepWorkers, err := s.crew.addJudge(ctx, c.Judge)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, fmt.Errorf("opening JetStream: %w", err)
	}
	catalogues := stream.NewCatalogues(js)
	var runner atomic.Pointer[stream.Runner] // made after the engine, which tells it of new epochs
	fusion, err := c.Fusion()
	if err != nil {
		return nil, err
	}
	s.calibration = fusion.Version
	s.engine, err = engine.New(ctx, engine.Settings{
		Slots: s.crew.slots, Policy: c.Policy, Fusion: fusion, Tenants: tenantNames(c), Catalogues: catalogues.Get,
		OnEpoch: func(n models.EpochNotice) {
			if r := runner.Load(); r != nil {
				r.EpochChanged(n.Tenant)
			}
		},
		Logger: log, Metrics: metrics, CacheEntries: c.Cache.Entries, CacheBytes: c.Cache.MaxBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the engine: %w", err)
	}
	settings := stream.Settings{
		Conn: s.conn, Engine: s.engine, Tenants: streamTenants(c), Catalogues: catalogues, Logger: log, Registerer: metrics,
		Workers: c.Work.Workers, BatchEvents: c.Work.BatchEvents, DeepWorkers: deepWorkers, OnReady: ready,
	}
	if known != nil {
		settings.Indicators = known.follow(c.Indicators, s.engine)
		stop := look(ctx, s.engine)
		s.onClose(func() error { stop(); return nil })
	}
	s.runner, err = stream.New(settings)
	if err != nil {
		return nil, fmt.Errorf("starting the runner: %w", err)
	}
	runner.Store(s.runner)
	return s, nil
}

// openBus connects to the configured server, or starts one inside this process.
func (s *station) openBus(a *app, c config.Config, log *slog.Logger) error {
	opts, err := a.natsOptions(c.NATS, "taster engine")
	if err != nil {
		return err
	}
	if c.NATS.URL != "" {
		if s.conn, err = nats.Connect(c.NATS.URL, opts...); err != nil {
			return unreachable(c.NATS.URL, err)
		}
	} else if err := s.startServer(c, opts, log); err != nil {
		return err
	}
	s.onClose(func() error { s.conn.Close(); return nil })
	return nil
}

func (s *station) startServer(c config.Config, opts []nats.Option, log *slog.Logger) error {
	dir := c.DataDir
	if dir == "" {
		var err error
		if dir, err = config.StateDir(); err != nil {
			return hinted(err, "--data-dir names a place for the server's files")
		}
	}
	server, err := natsembed.Start(natsembed.Settings{
		Dir: dir, Listen: c.NATS.Listen, ConfigFile: c.NATS.ServerConfigFile, SyncAlways: c.NATS.SyncAlways, Logger: log,
	})
	var locked *natsembed.LockedError
	if errors.As(err, &locked) {
		return hinted(err, "another taster serves from there; --data-dir names another place")
	}
	if err != nil {
		return fmt.Errorf("starting the NATS server: %w", err)
	}
	s.server = server
	s.onClose(func() error { server.Shutdown(); return nil })
	if s.conn, err = server.Connect(opts...); err != nil {
		return fmt.Errorf("connecting inside the process: %w", err)
	}
	return nil
}

func tenantNames(c config.Config) []string {
	var names []string
	for _, t := range c.Tenants {
		names = append(names, t.Name)
	}
	return names
}

func streamTenants(c config.Config) []stream.Tenant {
	var out []stream.Tenant
	for _, t := range c.Tenants {
		b := c.StreamsOf(t)
		out = append(out, stream.Tenant{
			Name: t.Name, Gateways: t.Gateways, KeepRejected: t.KeepRejectedBytes,
			Limits: stream.Limits{
				Events: bound(b.Events), Verdicts: bound(b.Verdicts), Alerts: bound(b.Alerts), Rejected: bound(b.Rejected),
				Deep: bound(b.Deep), Notices: bound(b.Notices), Last: bound(b.Last), Live: bound(b.Live), Catalogues: bound(b.Catalogues),
			},
		})
	}
	return out
}

func bound(b config.Bound) stream.Bound {
	return stream.Bound{MaxBytes: b.MaxBytes, MaxAge: time.Duration(b.MaxAgeHours) * time.Hour}
}

func (s *station) onClose(f func() error) { s.closers = append(s.closers, f) }

// close stops everything, last opened first. A second call does nothing.
func (s *station) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}
