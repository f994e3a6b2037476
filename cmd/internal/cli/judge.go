package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/judge"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// addJudge starts the judge in a process of its own, which alone gets the key, if the configuration has one. It returns how
// many events it can be asked about at once.
func (w *crew) addJudge(ctx context.Context, c config.Judge) (atOnce int, err error) {
	if c.Section == nil || judgeDisabled(w.config) {
		return 0, nil
	}
	jc, err := judgeConfig(c)
	if err != nil {
		return 0, err
	}
	source, err := selfSource([]detectors.Spec{judge.Spec})
	if err != nil {
		return 0, err
	}
	source.Configs = map[string]detectors.Config{judge.Spec.Name: detectors.Config(c.Section)}
	if jc.APIKey != "" {
		source.Secrets = map[string]map[string]string{judge.Spec.Name: {"api_key": jc.APIKey}}
	}
	process, err := launch(ctx, source, w.log)
	if err != nil {
		return 0, err
	}
	w.outside = append(w.outside, process)
	w.slots, err = w.joined(w.shipped)
	return jc.Concurrency, err
}

func judgeDisabled(c config.Detectors) bool { return slices.Contains(c.Disabled, judge.Spec.Name) }

// judgeConfig reads a judge's section and its key, and checks both: what is wrong is said before any process starts.
func judgeConfig(c config.Judge) (judge.Config, error) {
	jc, err := judge.ParseConfig(detectors.Config(c.Section))
	if err != nil {
		return jc, fmt.Errorf("reading the judge's configuration: %w", err)
	}
	if jc.APIKey, err = c.Key(); err != nil {
		return jc, err
	}
	if jc.BaseURL == "" {
		return jc, &models.FieldError{Field: "judge.base_url", Problem: "missing"}
	}
	return jc, jc.Validate()
}

func (a *app) judgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "judge",
		Short: "The language model: probe its endpoint, ask it about one object",
		Long: `The judge asks a language model about what rules do not settle. It runs where the configuration of serve has a section judge
(taster config shows all of it), and sends what it judges to the endpoint that stands there.`,
	}
	cmd.AddCommand(a.judgeAskCommand(), a.judgeTestCommand())
	return cmd
}

// judgeFlags say which judge.
type judgeFlags struct {
	file   string
	dryRun bool
}

func (f *judgeFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "config", "", "configuration `FILE` with a section judge (required)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the exact request, and send nothing")
	_ = cmd.MarkFlagRequired("config") // the flag exists
}

func (f *judgeFlags) open() (*judge.Judge, error) {
	c, err := config.Load(f.file)
	if err != nil {
		return nil, err
	}
	if c.Judge.Section == nil {
		return nil, &codedError{code: exitUsage, err: fmt.Errorf("%s has no judge", f.file), hint: "taster config shows its section"}
	}
	jc, err := judgeConfig(c.Judge)
	if err != nil {
		return nil, err
	}
	return judge.New(jc)
}

func (a *app) judgeTestCommand() *cobra.Command {
	var f judgeFlags
	tries := 4
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Probe the endpoint: which model, does it speak json_schema, how fast, is it of use",
		Long: `Ask the endpoint about two texts of Taster's own in turn, a harmless and a poisoned one, and say which model answers, in which
format, how fast, and how many answers pass the checks that every answer has to pass.

Exit codes: 0 the endpoint is of use, 1 it is not, or does not answer.`,
		Example: "  taster judge test --config taster.yaml\n  taster judge test --config taster.yaml --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if tries < 1 || tries > 100 {
				return usagef("--tries %d is outside [1, 100]", tries)
			}
			j, err := f.open()
			if err != nil {
				return err
			}
			if f.dryRun {
				body, err := j.ProbeRequest()
				return a.writeRequest(body, err)
			}
			return a.judgeTest(cmd.Context(), j, tries)
		},
	}
	f.addTo(cmd)
	cmd.Flags().IntVar(&tries, "tries", tries, "how often to ask")
	return cmd
}

func (a *app) judgeTest(ctx context.Context, j *judge.Judge, tries int) error {
	p, err := j.Probe(ctx, tries)
	if err != nil {
		return fmt.Errorf("probing the endpoint: %w", err)
	}
	if a.json {
		err = a.writeJSON(p)
	} else {
		_, err = fmt.Fprintf(a.stdout, "endpoint  %s\nmodel     %s\nformat    %s\nsound     %d of %d answers\nright     %d of %d\nseconds   %.2f per answer\ntokens    %d sent, %d received\n",
			p.Endpoint, output.Visible(p.Model), p.Format, p.Sound, p.Tries, p.Found, p.Tries, p.Seconds, p.PromptTokens, p.AnswerTokens)
		for _, fault := range p.Faults {
			fmt.Fprintf(a.stdout, "unsound   %s\n", output.Visible(fault))
		}
	}
	if err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	if !p.OK() {
		return hinted(errors.New("the model is not of use: most of its answers would be refused"), "a larger model follows the format and copies what it quotes")
	}
	return nil
}

func (a *app) judgeAskCommand() *cobra.Command {
	var f judgeFlags
	kind := string(models.KindTool)
	cmd := &cobra.Command{
		Use:   "ask [flags] FILE|-",
		Short: "Ask the model about one object",
		Long: `Ask the model about one MCP object, as the peer sent it, and print the judge's outcome. With --dry-run print the exact request
instead: what would leave this machine.

Exit codes: 0 nothing found, 3 something found, 4 not inspected, 1 the command broke.`,
		Example: "  taster judge ask --config taster.yaml tool.json\n  taster judge ask --config taster.yaml --dry-run --kind tool_result - < result.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := a.judgeInput(args[0], models.Kind(kind))
			if err != nil {
				return err
			}
			j, err := f.open()
			if err != nil {
				return err
			}
			if f.dryRun {
				body, err := j.Request(in)
				return a.writeRequest(body, err)
			}
			return a.judgeAsk(cmd.Context(), j, in)
		},
	}
	f.addTo(cmd)
	cmd.Flags().StringVar(&kind, "kind", kind, "`KIND` of the object: "+words(models.Kinds()))
	complete(cmd, "kind", models.Kinds())
	return cmd
}

// judgeInput takes an object apart as the engine does.
func (a *app) judgeInput(file string, kind models.Kind) (*detectors.Input, error) {
	body, err := a.input(file)
	if err != nil {
		return nil, err
	}
	e := models.Event{Server: "local", Kind: kind, Body: body}
	e.Normalise()
	if err := e.Validate(); err != nil {
		return nil, &codedError{code: exitUsage, err: err}
	}
	doc, err := view.Build(e.Body)
	if err != nil {
		return nil, &codedError{code: exitUsage, err: fmt.Errorf("reading %s: %w", file, err)}
	}
	return &detectors.Input{Event: &e, Segments: doc.Segments, Skipped: doc.Skipped}, nil
}

func (a *app) writeRequest(body []byte, err error) error {
	if err != nil {
		return err
	}
	if body == nil {
		a.warn("nothing would be sent: the text speaks to the judge, or has nothing to read")
		return nil
	}
	return a.writeJSON(json.RawMessage(body))
}

// asked is the JSON form of an outcome.
type asked struct {
	models.Outcome
	Detector string `json:"detector"`
}

func (a *app) judgeAsk(ctx context.Context, j *judge.Judge, in *detectors.Input) error {
	answer, err := j.Detect(ctx, &detectors.Batch{Inputs: []detectors.Input{*in}})
	if err != nil {
		return fmt.Errorf("asking the model: %w", err)
	}
	o := &answer.Outcomes[0]
	for i := range o.Findings {
		for k := range o.Findings[i].Evidence {
			s := &o.Findings[i].Evidence[k]
			seg := &in.Segments[s.Segment]
			s.Pointer, s.Key, s.ViewKind = seg.Pointer, seg.Key, seg.Views[s.View].Kind
			s.RawStart, s.RawEnd = seg.Raw(s.View, s.Start, s.End)
		}
	}
	if a.json {
		err = a.writeJSON(asked{*o, judge.Spec.Name})
	} else {
		err = a.printAsked(o, in)
	}
	switch {
	case err != nil:
		return err
	case o.Status == models.StatusFound:
		return &codedError{code: exitFound}
	case o.Status == models.StatusNotInspected, len(o.Skipped) > 0:
		return &codedError{code: exitIncomplete}
	}
	return nil
}

func (a *app) printAsked(o *models.Outcome, in *detectors.Input) error {
	fmt.Fprint(a.stdout, o.Status)
	if o.Reason != "" {
		fmt.Fprintf(a.stdout, ": %s: %s", o.Reason, output.Visible(o.Detail))
	}
	fmt.Fprintln(a.stdout)
	for i := range o.Findings {
		f := &o.Findings[i]
		fmt.Fprintf(a.stdout, "%s  %s  %s  %.2f  %s\n", f.Class, f.Rule, f.Severity, f.Confidence, output.Visible(f.Message))
		for _, s := range f.Evidence {
			fmt.Fprintf(a.stdout, "    %s  %q\n", output.Visible(s.Pointer), in.Segments[s.Segment].Views[s.View].Text[s.Start:s.End])
		}
	}
	for _, s := range o.Skipped {
		fmt.Fprintf(a.stdout, "skipped  %s  %s\n", output.Visible(s.Pointer), output.Visible(s.Reason))
	}
	return nil
}
