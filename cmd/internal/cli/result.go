package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/models"
)

// resultFlags say how a report is written, and from where on it is a failure.
type resultFlags struct {
	format string
	failOn string
}

func (f *resultFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "format", "text", "how to write the result: "+words(output.Formats()))
	cmd.Flags().StringVar(&f.failOn, "fail-on", string(models.RequireApproval), "exit with 3 from this decision on: "+words(models.Decisions()[1:]))
	complete(cmd, "format", output.Formats())
	complete(cmd, "fail-on", models.Decisions()[1:])
}

// words lists values for a person.
func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

// complete offers values when a shell completes a flag. The flag exists, so that there is no error to handle.
func complete[T ~string](cmd *cobra.Command, flag string, values []T) {
	offered := strings.Split(words(values), ", ")
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(offered, cobra.ShellCompDirectiveNoFileComp))
}

func (f *resultFlags) validate() error {
	if !slices.Contains(output.Formats(), f.format) {
		return usagef("--format %q is not one of %s", f.format, words(output.Formats()))
	}
	if strict := models.Decisions()[1:]; !slices.Contains(strict, models.Decision(f.failOn)) {
		return usagef("--fail-on %q is not one of %s", f.failOn, words(strict))
	}
	return nil
}

// show writes the report and returns the exit code that it stands for.
func (a *app) show(r *output.Report, f *resultFlags) error {
	format := f.format
	if a.json {
		format = "json"
	}
	if err := output.Write(a.stdout, format, r, output.Options{Colour: a.colour(a.stdout)}); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	return verdict(r, models.Decision(f.failOn))
}

// verdict is the exit code of a report, as an error. A decision without a finding is due to what was not inspected.
func verdict(r *output.Report, failOn models.Decision) error {
	for i := range r.Items {
		v := &r.Items[i].Verdict
		found := len(v.Findings) > 0 || v.Omitted > 0 || v.Subject.Pin == models.PinMismatch
		if found && v.Decision.AtLeast(failOn) {
			return &codedError{code: exitFound}
		}
	}
	if s := r.Summary(); s.Events == 0 || !s.Complete() {
		return &codedError{code: exitIncomplete}
	}
	return nil
}
