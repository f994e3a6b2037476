package cli

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/bench"
	"github.com/aad6b6dc/taster/corpus/compose"
	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

const climbHelp = `Attack the detectors as one who may ask them: change the string that makes an event malicious word by word (other words,
padding, cuts, invisible letters, encoded parts), keep whatever makes the risk lower, and see whether the event gets away.

An event that reaches the tier is a seed; it gets away when it is below --below. What a change leaves of the meaning is bounded (at
most half as long again, few cuts), but nobody reads it: the figure is what an attacker could hope for at best.`

type climbFlags struct {
	benchFlags
	queries, seeds int
	tier, below    string
}

func (a *app) benchClimbCommand() *cobra.Command {
	f := climbFlags{}
	cmd := &cobra.Command{
		Use:     "climb",
		Short:   "Measure how many attacks get away by asking again and again",
		Long:    climbHelp,
		Example: "  taster bench climb\n  taster bench climb --data samples.jsonl --queries 200 --tier noted",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.climb(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.data, "data", nil, "`FILES` or directories of samples; Taster's own corpus otherwise")
	flags.StringVar(&f.split, "split", "", "train, dev, test or all; dev of the own corpus, all of --data otherwise")
	flags.StringSliceVar(&f.detectors, "detectors", nil, "`NAMES` of the detectors to attack; all otherwise")
	flags.StringVar(&f.policy, "policy", "", "policy `FILE` (YAML)")
	f.fusion.addTo(flags)
	flags.IntVar(&f.queries, "queries", 200, "questions for each seed")
	flags.IntVar(&f.seeds, "seeds", 500, "seeds at most")
	flags.StringVar(&f.tier, "tier", bench.TierName(models.TierFlagged), "what a seed is at first: "+words(climbTiers()))
	flags.StringVar(&f.below, "below", "", "what it must be below to get away; the tier of --tier otherwise")
	flags.Uint64Var(&f.seed, "seed", 1, "of what is left to chance")
	return cmd
}

// climbFigures is the JSON form of the result.
type climbFigures struct {
	Corpus  string     `json:"corpus_digest"`
	Split   string     `json:"split"`
	Tier    string     `json:"tier"`
	Below   string     `json:"below"`
	Queries int        `json:"queries"`
	Away    score.Rate `json:"away"` // of the seeds
}

func climbTiers() []string {
	return []string{bench.TierName(models.TierNoted), bench.TierName(models.TierFlagged), bench.TierName(models.TierBlocked)}
}

// climbTier reads a tier's name.
func climbTier(flag, name string) (models.Tier, error) {
	i := slices.Index(climbTiers(), name)
	if i < 0 {
		return 0, usagef("--%s %q is not one of %s", flag, name, words(climbTiers()))
	}
	return models.TierNoted + models.Tier(i), nil
}

func (a *app) climb(ctx context.Context, f *climbFlags) error {
	f.below = cmp.Or(f.below, f.tier)
	tier, err := climbTier("tier", f.tier)
	if err != nil {
		return err
	}
	below, err := climbTier("below", f.below)
	if err != nil {
		return err
	}
	if below > tier {
		return usagef("--below %s is above --tier %s: every seed would be away", f.below, f.tier)
	}
	if f.queries < 1 || f.seeds < 1 {
		return usagef("--queries and --seeds must be positive")
	}
	c, err := f.choose()
	if err != nil {
		return err
	}
	systems, err := a.chains(ctx, &f.benchFlags)
	if err != nil {
		return err
	}
	judge, stop, err := systems[0].open(nil)
	if err != nil {
		return err
	}
	away, err := a.climbAll(ctx, f, c, judge.(engineJudge).engine, tier, below)
	if err := joinStop(err, stop); err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(climbFigures{c.digest, c.split, f.tier, f.below, f.queries, away})
	}
	fmt.Fprintf(a.stdout, "%d of %d seeds that are %s get below %s within %d questions each: %.1f %% [%.1f-%.1f]\n",
		away.Hits, away.N, f.tier, f.below, f.queries, 100*away.Value, 100*away.Low, 100*away.High)
	return nil
}

func joinStop(err error, stop func() error) error {
	if err != nil {
		return joinClose(err, stop)
	}
	return stop()
}

func (a *app) climbAll(ctx context.Context, f *climbFlags, c *chosen, eng *engine.Engine, tier, below models.Tier) (score.Rate, error) {
	seeds, away := 0, 0
	for i := range c.samples {
		s := &c.samples[i]
		if s.Label != models.Malicious || seeds == f.seeds {
			continue
		}
		risk := func(s *corpus.Sample) (float64, error) {
			j := eng.Judge(ctx, []engine.Job{{Event: s.Event}})[0]
			if j.Err != nil {
				return 0, fmt.Errorf("sample %q: %w", s.ID, j.Err)
			}
			// Whole numbers are tiers, so that a lower tier is always better than a lower risk.
			return float64(j.Verdict.Tier()) + j.Verdict.RiskScore/101, ctx.Err()
		}
		climbed, ok, err := compose.Climb(s, risk, float64(below), f.queries, rand.New(rand.NewPCG(f.seed, uint64(i))))
		if err != nil {
			return score.Rate{}, err
		}
		if !ok || climbed.From < float64(tier) {
			continue
		}
		seeds++
		a.progress(seeds, f.seeds)
		away += btoi(climbed.To < float64(below))
	}
	if seeds == 0 {
		return score.Rate{}, fmt.Errorf("no sample with marked words is %s: nothing to start from", f.tier)
	}
	return score.NewRate(away, seeds), nil
}
