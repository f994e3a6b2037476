package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// feedbackDeadline is how long storing a person's word may take.
const feedbackDeadline = 10 * time.Second

// shareDeadline is how long it may take to find a verdict and publish what it rests on.
const shareDeadline = time.Minute

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
	var share sharing
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
			if share.publish {
				return a.confirmAndShare(cmd.Context(), n, f, &share)
			}
			return a.feedback(cmd.Context(), n, f)
		},
	}
	if confirmed {
		share.addTo(cmd)
	}
	cmd.Flags().StringVar(&f.Owner, "owner", "", "`WHO` says so (required)")
	cmd.Flags().StringVar(&f.Reason, "reason", "", "`WHY` (required)")
	busFlags(cmd, &n, askDefault)
	tenantFlag(cmd, &f.Tenant)
	_ = cmd.MarkFlagRequired("owner") // the flags exist
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

// sharing are the flags by which a confirmation also makes the attack known to every engine.
type sharing struct {
	publish bool
	verdictFlags
}

func (s *sharing) addTo(cmd *cobra.Command) {
	cmd.Long += `

With --publish what the verdict rests on is also made known to every engine on the bus, as taster index add --verdict does.`
	flags := cmd.Flags()
	flags.BoolVar(&s.publish, "publish", false, "also make the text of the attack known to every engine; takes --key")
	flags.StringVar(&s.key, "key", "", "sign with the key in this `FILE` (taster index key new)")
	flags.StringVar(&s.event, "event", "", "the `FILE` that holds the object as the peer sent it, where the bus does not")
	flags.StringVar(&s.text, "text", "", "the `TEXT` of the attack itself")
	flags.StringVar(&s.class, "class", "", "threat `CLASS` of the attack, instead of the findings'")
	complete(cmd, "class", classIDs())
	cmd.MarkFlagsRequiredTogether("publish", "key")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range []string{"event", "text", "class"} {
			if !s.publish && cmd.Flags().Changed(name) {
				return usagef("--%s is for --publish", name)
			}
		}
		return nil
	}
}

// confirmAndShare stores the word when everything else is known to be right, and then makes the attack known.
func (a *app) confirmAndShare(ctx context.Context, n config.NATS, f models.Feedback, s *sharing) error {
	s.nats, s.tenant, s.verdict, s.owner, s.reason, s.timeout = n, f.Tenant, f.VerdictID, f.Owner, f.Reason, shareDeadline
	if err := s.validate(); err != nil {
		return err
	}
	return a.shareVerdict(ctx, &s.verdictFlags, func(c *client.Client) error {
		if err := c.Feedback(ctx, f); err != nil {
			return explained(fmt.Errorf("storing feedback: %w", err))
		}
		if a.json {
			return nil // the result is what was published
		}
		return a.showFeedback(f)
	})
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
	return a.showFeedback(f)
}

func (a *app) showFeedback(f models.Feedback) error {
	word := "dismissed"
	if f.Confirmed {
		word = "confirmed"
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s\n", word, f.VerdictID)
	return err
}
