package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/bench"
)

func reportFormats() []string { return []string{"text", "json", "markdown", "html"} }

// readGate reads a gate, or nothing without a path.
func readGate(path string) (*bench.Gate, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readFile(path, bench.MaxGateBytes)
	if err != nil {
		return nil, fmt.Errorf("reading gate: %w", err)
	}
	gate, err := bench.ParseGate(data)
	if err != nil {
		return nil, fmt.Errorf("gate %s: %w", path, err)
	}
	return gate, nil
}

// conclude makes the report of rows, shows it unless quiet, writes it to files, and holds the rows against the gate,
// whose table goes to standard error where standard output is for a program.
func (a *app) conclude(rows []bench.Row, gate *bench.Gate, quiet bool, format string, out []string) error {
	report, err := bench.NewReport(rows, bench.ReportOptions{})
	if err != nil {
		return err
	}
	if a.json {
		format = "json"
	}
	for _, name := range out {
		format, err := formatOf(name)
		if err != nil {
			return err
		}
		if err := a.writeTo(name, func(w io.Writer) error { return a.writeReport(w, format, report) }); err != nil {
			return err
		}
	}
	if !quiet {
		if err := a.writeReport(a.stdout, format, report); err != nil {
			return err
		}
	}
	if gate == nil {
		return nil
	}
	result, err := gate.Check(rows)
	if err != nil {
		return err
	}
	w := a.stdout
	if quiet || format != "text" {
		w = a.stderr
	} else {
		fmt.Fprintln(w)
	}
	if err := result.WriteText(w, a.textOptions(w)); err != nil {
		return err
	}
	if !result.OK {
		return &codedError{code: exitFound}
	}
	return nil
}

func (a *app) writeReport(w io.Writer, format string, r *bench.Report) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("writing report: %w", err)
		}
		return nil
	case "markdown":
		return bench.WriteMarkdown(w, r)
	case "html":
		return bench.WriteHTML(w, r)
	}
	return bench.WriteText(w, r, a.textOptions(w))
}

// textOptions fit text to the terminal, if w is one.
func (a *app) textOptions(w io.Writer) bench.TextOptions {
	o := bench.TextOptions{Colour: a.colour(w)}
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = width
		}
	}
	return o
}

// readRows reads files of rows, one after the other.
func (a *app) readRows(paths []string) ([]bench.Row, error) {
	var rows []bench.Row
	for _, path := range paths {
		data, err := a.rowsFile(path)
		if err != nil {
			return nil, err
		}
		more, err := bench.ReadRows(bytes.NewReader(data))
		if err != nil {
			return nil, hinted(fmt.Errorf("%s: %w", path, err), "rows are what `taster bench --rows` writes; to measure a file of samples: taster bench --data")
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// maxRowsBytes limits a file of rows.
const maxRowsBytes = 1 << 30

func (a *app) rowsFile(path string) ([]byte, error) {
	if path == "-" {
		return readAll(a.stdin, "standard input", maxRowsBytes)
	}
	return readFile(path, maxRowsBytes)
}

// reportFlags are those of the commands that make a report from rows.
type reportFlags struct {
	format, gate string
	out          []string
}

func (f *reportFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "format", "text", "of the report on standard output: "+words(reportFormats()))
	cmd.Flags().StringSliceVar(&f.out, "out", nil, "write the report also to `FILE`, as its extension says: .html, .md, .json or .txt")
	cmd.Flags().StringVar(&f.gate, "gate", "", "exit with 3 unless every bar in `FILE` (YAML) is met")
	complete(cmd, "format", reportFormats())
}

func (f *reportFlags) validate() error {
	b := benchFlags{format: f.format, out: f.out, control: 1, idle: bench.DefaultIdle}
	return b.validate()
}

func (a *app) report(f *reportFlags, rows []bench.Row) error {
	if err := f.validate(); err != nil {
		return err
	}
	gate, err := readGate(f.gate)
	if err != nil {
		return err
	}
	return a.conclude(rows, gate, false, f.format, f.out)
}

func (a *app) benchReportCommand() *cobra.Command {
	f := reportFlags{}
	cmd := &cobra.Command{
		Use:   "report ROWS...",
		Short: "Make a report again from the rows of one or several runs",
		Long: `Make a report again from what --rows has written. Several files, and several systems in one, stand side by side; each of the
others is compared with the first. "-" is standard input.`,
		Example: `  taster bench report rows.jsonl --out report.html`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			rows, err := a.readRows(paths)
			if err != nil {
				return err
			}
			return a.report(&f, rows)
		},
	}
	f.addTo(cmd)
	return cmd
}

func (a *app) benchCompareCommand() *cobra.Command {
	f := reportFlags{}
	cmd := &cobra.Command{
		Use:   "compare BEFORE AFTER",
		Short: "Compare two runs: what changed, and is it more than chance?",
		Long: `Compare the rows of two runs over the same samples: rates side by side, McNemar's exact test on the rows that both
answered, and the list of those that changed. Runs of the same system are told apart by their files.`,
		Example: `  taster bench --rows before.jsonl
  taster bench --rows after.jsonl
  taster bench compare before.jsonl after.jsonl`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, paths []string) error {
			var rows []bench.Row
			taken := map[string]bool{}
			for _, path := range paths {
				own, err := a.readRows([]string{path})
				if err != nil {
					return err
				}
				rows = append(rows, tellApart(own, path, taken)...)
			}
			return a.report(&f, rows)
		},
	}
	f.addTo(cmd)
	return cmd
}

// tellApart renames the systems of a file that were in an earlier one too.
func tellApart(rows []bench.Row, path string, taken map[string]bool) []bench.Row {
	names := map[string]string{}
	for i := range rows {
		name, known := names[rows[i].System]
		if !known {
			name = rows[i].System
			if taken[name] {
				name += " (" + path + ")"
			}
			names[rows[i].System] = name
		}
		rows[i].System = name
		if rows[i].Run != nil {
			rows[i].Run.System = name
		}
	}
	for _, name := range names {
		taken[name] = true
	}
	return rows
}

func (a *app) benchExportCommand() *cobra.Command {
	f := benchFlags{}
	var dir string
	var asLines bool
	cmd := &cobra.Command{
		Use:   "export --to DIR | --lines",
		Short: "Write the events of a corpus for a foreign scanner",
		Long: `Write each event to a file of its own, for a scanner that reads files and writes SARIF: a definition as the list result
that would hold it, anything else as the object itself. Or write all of them to standard output as JSON lines, which is
what "taster bench --external" hands to a scanner.`,
		Example: `  taster bench export --to events/
  scanner events/ > results.sarif
  taster bench --sarif scanner=results.sarif`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if (dir == "") == !asLines {
				return usagef("one of --to and --lines is needed")
			}
			c, err := f.choose()
			if err != nil {
				return err
			}
			events, _ := bench.Events(c.samples)
			if asLines {
				return bench.WriteEvents(a.stdout, events)
			}
			if err := bench.Export(dir, events); err != nil {
				return err
			}
			a.warn("%d events of split %s in %s", len(events), c.split, dir)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.data, "data", nil, "`FILES` or directories of samples; Taster's own corpus otherwise")
	flags.StringVar(&f.split, "split", "", "train, dev, test or all; dev of the own corpus, all of --data otherwise")
	flags.StringVar(&dir, "to", "", "`DIR` to write to")
	flags.BoolVar(&asLines, "lines", false, "write JSON lines to standard output")
	complete(cmd, "split", append(corpus.Splits(), allSplits))
	return cmd
}
