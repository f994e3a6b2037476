package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/config"
)

const indexPublishHelp = `Publish indicators (JSON Lines or a STIX 2.1 bundle; - is standard input) to every engine on the bus, or with --remove take
some back by their ids. Each is signed with the key: engines that have its public part in indicators.trusted_keys apply it
to their own index, whatever came before it, and tell the bus of the new epoch. Of the changes of one indicator the newest
holds. It needs an operator's rights on the bus.

Secrets in texts are masked first, since everybody on the bus may read them. What an engine made of a change is in its log
and in the metric taster_stream_indicator_changes_total.`

// signFlags say who vouches for a change, and how.
type signFlags struct {
	nats       config.NATS
	key, owner string
	reason     string
	timeout    time.Duration
}

func (f *signFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "sign with the key in this `FILE` (taster index key new)")
	flags.StringVar(&f.owner, "owner", "", "`WHO` says so")
	flags.StringVar(&f.reason, "reason", "", "and `WHY`")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "for all of it")
	busFlags(cmd, &f.nats, askDefault)
}

func (a *app) indexPublishCommand() *cobra.Command {
	var f signFlags
	var remove bool
	cmd := &cobra.Command{
		Use:   "publish FILE...|--remove ID...",
		Short: "Publish signed additions and removals to every engine",
		Long:  indexPublishHelp,
		Example: `  taster index publish --key team.nk --owner ann@example.com --reason "seen at a partner" partners.jsonl
  taster index publish --key team.nk --owner ann@example.com --reason "our own text" --remove ind-0123456789abcdef01234567`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.indexPublish(cmd.Context(), &f, args, remove)
		},
	}
	f.addTo(cmd)
	cmd.Flags().BoolVar(&remove, "remove", false, "the arguments are ids of indicators to take back")
	for _, name := range []string{"key", "owner", "reason"} {
		_ = cmd.MarkFlagRequired(name) // the flags exist
	}
	return cmd
}

func (a *app) indexPublish(ctx context.Context, f *signFlags, args []string, remove bool) error {
	var changes []models.IndicatorChange
	if remove {
		slices.Sort(args)
		for _, id := range slices.Compact(args) {
			changes = append(changes, models.IndicatorChange{Remove: id})
		}
	} else {
		add, err := a.wholeIndicators(args)
		if err != nil {
			return err
		}
		changes = a.additions(add)
	}
	if len(changes) == 0 {
		return errors.New("there is nothing to publish")
	}
	p, err := a.openPublisher(ctx, f, models.DefaultTenant)
	if err != nil {
		return err
	}
	defer p.close()
	signed, err := p.sign(changes)
	if err == nil {
		err = p.askTrust()
	}
	if err != nil {
		return err
	}
	return p.publish(signed)
}

// additions are the changes that make indicators known, with secrets masked: one for each text, of several the last.
func (a *app) additions(all []models.Indicator) []models.IndicatorChange {
	var changes []models.IndicatorChange
	place := map[string]int{}
	masked := 0
	for i := range all {
		x := all[i]
		if text := redact.Mask(x.Text); text != x.Text {
			x.Text = text
			x = x.Identify()
			masked++
		}
		if n, twice := place[x.ID]; twice {
			changes[n].Add = &x
			continue
		}
		place[x.ID] = len(changes)
		changes = append(changes, models.IndicatorChange{Add: &x})
	}
	if masked > 0 {
		a.warn("masked secrets in %s", plural(masked, "text"))
	}
	return changes
}

// publisher signs changes and sends them.
type publisher struct {
	*app
	*signFlags
	ctx    context.Context
	cancel context.CancelFunc
	key    *signingKey
	client *client.Client
}

// openPublisher reads the key, and then connects. The caller closes it.
func (a *app) openPublisher(ctx context.Context, f *signFlags, tenant string) (*publisher, error) {
	p := &publisher{app: a, signFlags: f}
	var err error
	if p.key, err = readSigningKey(f.key); err != nil {
		return nil, err
	}
	if p.client, err = a.connect(f.nats, tenant); err != nil {
		return nil, err
	}
	p.ctx, p.cancel = context.WithTimeout(ctx, f.timeout)
	return p, nil
}

func (p *publisher) close() {
	p.cancel()
	p.client.Close()
	p.key.Wipe()
}

// sign signs all changes, or none.
func (p *publisher) sign(changes []models.IndicatorChange) ([]wire.SignedChange, error) {
	now := time.Now().UTC()
	signed := make([]wire.SignedChange, len(changes))
	for i, c := range changes {
		c.Owner, c.Reason, c.Time = p.owner, p.reason, now
		if err := c.Validate(); err != nil {
			return nil, usagef("change %d of %d: %w", i+1, len(changes), err)
		}
		var err error
		if signed[i], err = wire.SignChange(c, p.key); err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
	}
	return signed, nil
}

// askTrust finds out whether anybody will believe the key.
func (p *publisher) askTrust() error {
	do, doNot, err := p.client.Trusted(p.ctx, p.key.public)
	switch {
	case errors.Is(err, client.ErrNotServed):
		p.warn("no engine is running: those that start later decide whether they trust the key")
	case err != nil:
		return explained(err)
	case do == 0:
		return hinted(fmt.Errorf("no engine trusts the key %s", p.key.public),
			"put it into indicators.trusted_keys of their configuration, and start them anew")
	case doNot > 0:
		p.warn("%d of %d engines do not trust the key", doNot, do+doNot)
	}
	return nil
}

// publish sends the changes and says which were stored.
func (p *publisher) publish(signed []wire.SignedChange) error {
	bar := p.progressBarOf(len(signed), "publishing", "changes")
	stored := 0
	var err error
	for ; stored < len(signed) && err == nil; stored++ {
		if err = p.client.ChangeIndicator(p.ctx, signed[stored]); err != nil {
			break
		}
		_ = bar.Set(stored + 1) // drawing a bar is not worth failing for
	}
	_ = bar.Clear()
	if shown := p.show(signed[:stored]); err == nil {
		err = shown
	}
	switch {
	case errors.Is(err, client.ErrFull):
		return hinted(err, "the bucket is full: raise indicators.max_entries or max_bytes of the engines' configuration")
	case errors.Is(err, client.ErrOutdated):
		return hinted(err, "is the clock right?")
	}
	return explained(err)
}

func (p *publisher) show(signed []wire.SignedChange) error {
	if p.json {
		list := []models.IndicatorChange{}
		for _, s := range signed {
			list = append(list, s.Change)
		}
		return p.writeJSON(list)
	}
	for _, s := range signed {
		line := "removed " + s.Change.Remove
		if x := s.Change.Add; x != nil {
			line = fmt.Sprintf("added %s  %s %s  %s", x.ID, x.Label, x.Class, oneLine(x.Text))
		}
		if _, err := fmt.Fprintln(p.stdout, line); err != nil {
			return fmt.Errorf("writing result: %w", err)
		}
	}
	return nil
}
