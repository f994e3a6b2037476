package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// feedbackDeadline is how long storing a person's word may take.
const feedbackDeadline = 10 * time.Second

func (a *app) verdictCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "verdict", Short: "Say what a verdict was worth"}
	cmd.AddCommand(
		a.feedbackCommand("confirm", "Confirm that a verdict is about an attack", true),
		a.feedbackCommand("dismiss", "Dismiss a verdict as a false alarm", false),
	)
	return cmd
}

func (a *app) feedbackCommand(name, short string, confirmed bool) *cobra.Command {
	var n config.NATS
	f := models.Feedback{Confirmed: confirmed}
	cmd := &cobra.Command{
		Use:     name + " VERDICT_ID",
		Short:   short,
		Long:    short + ". The word is stored and published as an event; it changes no decision: that is what the policy's allow-list is for.",
		Example: "  taster verdict " + name + ` 3f1c... --owner you@example.com --reason "our own deploy tool"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.VerdictID, f.Time = args[0], time.Now().UTC()
			if err := f.Validate(); err != nil {
				return &codedError{code: exitUsage, err: err}
			}
			return a.feedback(cmd.Context(), n, f)
		},
	}
	cmd.Flags().StringVar(&f.Owner, "owner", "", "`WHO` says so (required)")
	cmd.Flags().StringVar(&f.Reason, "reason", "", "`WHY` (required)")
	busFlags(cmd, &n, askDefault)
	tenantFlag(cmd, &f.Tenant)
	_ = cmd.MarkFlagRequired("owner") // the flags exist
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) feedback(ctx context.Context, n config.NATS, f models.Feedback) error {
	c, err := a.connect(n, f.Tenant)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, feedbackDeadline)
	defer cancel()
	if err := c.Feedback(ctx, f); err != nil {
		return explained(fmt.Errorf("storing feedback: %w", err))
	}
	if a.json {
		return a.writeJSON(f)
	}
	word := "dismissed"
	if f.Confirmed {
		word = "confirmed"
	}
	_, err = fmt.Fprintf(a.stdout, "%s %s\n", word, f.VerdictID)
	return err
}
