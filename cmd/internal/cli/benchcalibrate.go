package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus/bench"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/engine/fit"
)

const calibrateHelp = `Fit what evidence is worth to the rows of benchmark runs, and write it: the weights and thresholds by which the engine makes one
probability and one risk of what all detectors said.

The rows must be of events that no detector was made of: for the shipped ones that is the dev split. --real has rows of harmless
events of real traffic, which set thresholds and nothing else. The same rows and flags give the same file; "scan"
and "bench" take it with --calibration, "serve" as calibration_file in its configuration.`

const calibrateExample = `  taster bench --split dev --rows dev.jsonl
  taster bench --data real.jsonl --rows real-rows.jsonl
  taster bench calibrate dev.jsonl --real real-rows.jsonl --out calibration.json`

type calibrateFlags struct {
	hard    []string
	real    []string
	out     string
	options fit.Options
	alike   []float64
	traffic []float64
}

func (a *app) benchCalibrateCommand() *cobra.Command {
	f := calibrateFlags{options: fit.Defaults()}
	cmd := &cobra.Command{
		Use:     "calibrate ROWS...",
		Short:   "Fit weights and thresholds of the fusion to rows of benchmark runs",
		Long:    calibrateHelp,
		Example: calibrateExample,
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, paths []string) error { return a.calibrate(&f, paths) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.hard, "hard", nil, "`FILES` of rows like those that probabilities speak of: they set the scale and the thresholds, in place of ROWS")
	flags.StringSliceVar(&f.real, "real", nil, "`FILES` of rows of real, harmless traffic")
	flags.StringVar(&f.out, "out", "-", "write the calibration to `FILE`")
	flags.StringSliceVar(&f.options.Findings, "findings", f.options.Findings, "`NAMES` of the detectors whose findings are evidence")
	flags.StringSliceVar(&f.options.Scores, "scores", f.options.Scores, "`NAMES` of the detectors whose scores are evidence")
	flags.Float64SliceVar(&f.alike, "look-alikes", f.options.LookAlikes[:], "shares of the harmless rows that may be noted, flagged, withheld, blocked")
	flags.Float64SliceVar(&f.traffic, "traffic", f.options.Real[:], "the same shares of the rows of --real")
	return cmd
}

func (f *calibrateFlags) shares(flag string, values []float64, into *[4]float64) error {
	if len(values) != len(into) {
		return usagef("--%s wants %d shares, not %d", flag, len(into), len(values))
	}
	for i, x := range values {
		if !(x >= 0 && x < 1) || i > 0 && x > values[i-1] {
			return usagef("--%s: shares must fall, from below 1 to 0 or more", flag)
		}
		into[i] = x
	}
	return nil
}

func (a *app) calibrate(f *calibrateFlags, paths []string) error {
	if err := f.shares("look-alikes", f.alike, &f.options.LookAlikes); err != nil {
		return err
	}
	if err := f.shares("traffic", f.traffic, &f.options.Real); err != nil {
		return err
	}
	labelled, from, err := a.examples(paths)
	if err != nil {
		return err
	}
	var bars fit.Bars
	var hardFrom, realFrom []calibratedFile
	if len(f.hard) > 0 {
		if bars.Hard, hardFrom, err = a.examples(f.hard); err != nil {
			return err
		}
	}
	if len(f.real) > 0 {
		if bars.Real, realFrom, err = a.examples(f.real); err != nil {
			return err
		}
	}
	c, err := fit.Fit(labelled, bars, f.options)
	if err != nil {
		return err
	}
	if c.Source, err = json.Marshal(map[string]any{"command": f.command(paths), "rows": from, "hard": hardFrom, "real": realFrom}); err != nil {
		return fmt.Errorf("describing the calibration: %w", err)
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the calibration: %w", err)
	}
	data = append(data, '\n')
	if _, err := engine.ParseCalibration(data); err != nil {
		return fmt.Errorf("fitting: %w", err)
	}
	return a.writeTo(f.out, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// command is the call that makes the same calibration.
func (f *calibrateFlags) command(paths []string) string {
	base := func(paths []string) (names []string) {
		for _, p := range paths {
			names = append(names, filepath.Base(p))
		}
		return names
	}
	list := func(shares [4]float64) string {
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(shares), " ", ","), "[]")
	}
	o := &f.options
	return fmt.Sprintf("taster bench calibrate %s --hard %s --real %s --findings %s --scores %s --look-alikes %s --traffic %s", strings.Join(base(paths), " "),
		strings.Join(base(f.hard), ","), strings.Join(base(f.real), ","), strings.Join(o.Findings, ","), strings.Join(o.Scores, ","), list(o.LookAlikes), list(o.Real))
}

// calibratedFile is what a calibration says of the rows that it was made of: what was judged, and by whom.
type calibratedFile struct {
	Corpus    string `json:"corpus"`
	Digest    string `json:"digest"`
	Rows      int    `json:"rows"`
	Detectors string `json:"detectors"` // digest of names and digests
}

// examples reads rows of one system. Rows that a detector did not inspect, and steering, teach nothing.
func (a *app) examples(paths []string) (examples []fit.Example, from []calibratedFile, err error) {
	rows, err := a.readRows(paths)
	if err != nil {
		return nil, nil, err
	}
	for i := range rows {
		r := &rows[i]
		if r.System != rows[0].System {
			return nil, nil, usagef("rows of %q and of %q: a calibration is for one system", rows[0].System, r.System)
		}
		if r.Run != nil {
			from = append(from, calibratedFrom(r.Run)...)
		}
		if r.Label == models.Steering || r.Status == models.StatusNotInspected {
			continue
		}
		e := fit.Example{Kind: r.Kind, Malicious: r.Label == models.Malicious, Findings: r.Findings}
		for _, d := range r.Detectors {
			e.Reports = append(e.Reports, models.DetectorReport{Name: d.Name, Status: d.Status, Score: d.Score})
		}
		examples = append(examples, e)
	}
	return examples, from, nil
}

func calibratedFrom(r *bench.Record) (from []calibratedFile) {
	var names []string
	for _, d := range r.Detectors {
		names = append(names, d.Name, d.Digest)
	}
	for _, c := range r.Corpora {
		from = append(from, calibratedFile{Corpus: c.Name, Digest: c.Digest, Rows: c.Rows, Detectors: models.Hash(names...)})
	}
	return from
}
