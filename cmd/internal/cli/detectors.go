package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/catalog"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/detectors/plugin"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// pluginServeName is the command by which this program runs itself as a plugin process.
const pluginServeName = "plugin-serve"

func (a *app) pluginServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    pluginServeName + " DETECTOR...",
		Short:  "Serve shipped detectors as a plugin process",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, names []string) error {
			specs, err := shipped(names...)
			if err != nil {
				return err
			}
			a.tuneMemory()
			plugin.Serve(specs...)
			return nil
		},
	}
}

// shipped returns the shipped detectors of these names.
func shipped(names ...string) ([]detectors.Spec, error) {
	all := catalog.Specs()
	var specs []detectors.Spec
	for _, name := range names {
		i := slices.IndexFunc(all, func(s detectors.Spec) bool { return s.Name == name })
		if i < 0 {
			return nil, usagef("no shipped detector is called %q", name)
		}
		specs = append(specs, all[i])
	}
	return specs, nil
}

// fastDetectors are the shipped detectors that need nothing but this machine.
func fastDetectors() []detectors.Spec {
	return slices.DeleteFunc(catalog.Specs(), func(s detectors.Spec) bool { return s.Stage != detectors.Fast })
}

// inProcess makes detectors inside this process.
func inProcess(ctx context.Context, specs []detectors.Spec) ([]engine.Slot, error) {
	loaded, err := host.InProcess(ctx, specs, nil)
	if err != nil {
		return nil, fmt.Errorf("making detectors: %w", err)
	}
	return slots(loaded), nil
}

// asPlugins runs detectors together in one plugin process. The caller closes them.
func (a *app) asPlugins(ctx context.Context, specs []detectors.Spec) ([]engine.Slot, func() error, error) {
	source, err := selfSource(specs)
	if err != nil {
		return nil, nil, err
	}
	process, err := host.Launch(ctx, source, host.Options{Logger: a.logger()})
	if err != nil {
		return nil, nil, fmt.Errorf("starting detectors: %w", err)
	}
	loaded := process.Detectors()
	if len(loaded) != len(specs) {
		return nil, nil, errors.Join(errors.New("the plugin process does not serve what was asked for"), process.Close())
	}
	return slots(loaded), process.Close, nil
}

// selfSource is this program as a plugin that serves shipped detectors.
func selfSource(specs []detectors.Spec) (host.Source, error) {
	args := []string{pluginServeName}
	for _, s := range specs {
		args = append(args, s.Name)
	}
	source, err := host.SelfSource(args...)
	if err != nil {
		return host.Source{}, fmt.Errorf("finding this program: %w", err)
	}
	return source, nil
}

func slots(loaded []host.Loaded) []engine.Slot {
	var out []engine.Slot
	for _, l := range loaded {
		out = append(out, engine.Slot{Spec: l.Spec, Detector: l.Detector, Digest: l.Digest, Group: l.Process})
	}
	return out
}
