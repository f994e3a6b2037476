package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// crew is the detectors of a station: the shipped ones, which can be replaced while it runs, and the outside plugins.
type crew struct {
	config  config.Detectors
	log     *slog.Logger
	slots   []engine.Slot
	shipped group
	outside []group
}

// group is detectors that were started together.
type group struct {
	loaded []host.Loaded
	close  func() error
}

// openCrew starts the shipped detectors, in one process of their own unless configured otherwise, and the outside
// plugins.
func openCrew(ctx context.Context, c config.Detectors, log *slog.Logger) (_ *crew, err error) {
	w := &crew{config: c, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.shipped, err = openShipped(ctx, c, log); err != nil {
		return nil, err
	}
	sources, err := discover(c.PluginDir)
	if err != nil {
		return nil, err
	}
	for _, source := range sources {
		plugin, err := launch(ctx, source, log)
		if err != nil {
			return nil, err
		}
		w.outside = append(w.outside, plugin)
	}
	w.slots, err = w.joined(w.shipped)
	return w, err
}

// joined are the slots of the crew with such shipped detectors.
func (w *crew) joined(shipped group) ([]engine.Slot, error) {
	groups := [][]host.Loaded{shipped.loaded}
	for _, g := range w.outside {
		groups = append(groups, g.loaded)
	}
	all, err := host.Join(groups...)
	if err != nil {
		return nil, fmt.Errorf("putting detectors together: %w", err)
	}
	return slots(all), nil
}

// reload has the engine decide by the configuration's policy and, if their sections or which of them run have changed,
// by shipped detectors made anew. The new ones are up before the old ones go, and the old ones go when no event is with
// them any more. On an error everything stays as it was. changed reports whether detectors were replaced, told to
// announce before the old ones go.
func (w *crew) reload(ctx context.Context, e *engine.Engine, c config.Config, announce func(changed bool)) error {
	next := w.config
	next.Sections, next.Disabled = c.Detectors.Sections, c.Detectors.Disabled
	if reflect.DeepEqual(next, w.config) {
		if err := e.SetPolicy(c.Policy); err != nil {
			return err
		}
		announce(false)
		return nil
	}
	shipped, err := openShipped(ctx, next, w.log)
	if err != nil {
		return err
	}
	joined, err := w.joined(shipped)
	if err != nil {
		return errors.Join(err, shipped.stop())
	}
	idle, err := e.Replace(ctx, c.Policy, joined)
	if err != nil {
		return errors.Join(err, shipped.stop())
	}
	old := w.shipped
	w.config, w.slots, w.shipped = next, joined, shipped
	announce(true)
	<-idle
	if err := old.stop(); err != nil {
		w.log.Warn("stopping the old detectors", "error", err)
	}
	return nil
}

// close stops all detectors, last started first.
func (w *crew) close() error {
	var errs []error
	for i := len(w.outside) - 1; i >= 0; i-- {
		errs = append(errs, w.outside[i].stop())
	}
	return errors.Join(append(errs, w.shipped.stop())...)
}

func (g *group) stop() error {
	if g.close == nil {
		return nil
	}
	return g.close()
}

func openShipped(ctx context.Context, c config.Detectors, log *slog.Logger) (group, error) {
	specs, err := enabled(c)
	if err != nil || len(specs) == 0 {
		return group{}, err
	}
	if c.InProcess {
		loaded, err := host.InProcess(ctx, specs, sections(c))
		if err != nil {
			return group{}, fmt.Errorf("making detectors: %w", err)
		}
		return group{loaded: loaded}, nil
	}
	source, err := selfSource(specs)
	if err != nil {
		return group{}, err
	}
	source.Configs = sections(c)
	return launch(ctx, source, log)
}

// launchTimeout is how long a process may take to start: thousands of rules on a busy machine take their time.
const launchTimeout = 30 * time.Second

func launch(ctx context.Context, source host.Source, log *slog.Logger) (group, error) {
	process, err := host.Launch(ctx, source, host.Options{Logger: log, LaunchTimeout: launchTimeout})
	if err != nil {
		return group{}, fmt.Errorf("starting plugin %q: %w", source.Name, err)
	}
	return group{process.Detectors(), process.Close}, nil
}

// enabled are the shipped fast detectors that the configuration does not leave out.
func enabled(c config.Detectors) ([]detectors.Spec, error) {
	off := map[string]bool{}
	for _, name := range c.Disabled {
		if _, err := shipped(name); err != nil {
			return nil, err
		}
		off[name] = true
	}
	var specs []detectors.Spec
	for _, s := range fastDetectors() {
		if !off[s.Name] {
			specs = append(specs, s)
		}
	}
	return specs, nil
}

func sections(c config.Detectors) map[string]detectors.Config {
	out := map[string]detectors.Config{}
	for name, section := range c.Sections {
		out[name] = detectors.Config(section)
	}
	return out
}
