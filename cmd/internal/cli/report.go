package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
)

func (a *app) reportCommand() *cobra.Command {
	var f resultFlags
	cmd := &cobra.Command{
		Use:   "report FILE",
		Short: "Show a saved scan (--json) in another form",
		Long: `Show the JSON result of a scan in another form, and end with the exit code that the scan had. The result holds
excerpts of what was found instead of whole texts.`,
		Example: "  taster scan --json tools.json > result.json\n  taster report --format sarif result.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := f.validate(); err != nil {
				return err
			}
			data, err := a.input(args[0])
			if err != nil {
				return err
			}
			r, err := output.ReadJSON(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return a.show(r, &f)
		},
	}
	f.addTo(cmd)
	return cmd
}
