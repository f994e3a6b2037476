package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/pipeline/config"
)

func (a *app) rescoreCommand() *cobra.Command {
	var n config.NATS
	var tenant string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "rescore",
		Short: "Have a running Taster judge the live definitions again",
		Long: `Have a running Taster judge the live definitions again, and wait for the end. A definition that has a verdict of the current
epoch is left alone; where decision, severity or findings changed, a new verdict is published that supersedes the old one.

An engine does so by itself when its epoch changes. It needs an operator's rights on the bus.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return a.rescore(ctx, n, tenant)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "for all of it")
	busFlags(cmd, &n, askDefault)
	tenantFlag(cmd, &tenant)
	return cmd
}

func (a *app) rescore(ctx context.Context, n config.NATS, tenant string) error {
	c, err := a.connect(n, tenant)
	if err != nil {
		return err
	}
	defer c.Close()
	count, err := c.Rescore(ctx)
	if err != nil {
		return explained(err)
	}
	if a.json {
		return a.writeJSON(count)
	}
	_, err = fmt.Fprintf(a.stdout, "%d judged again: %d changed, %d unchanged; %d had a verdict of this epoch\n",
		count.Judged, count.Changed, count.Unchanged, count.Current)
	return err
}
