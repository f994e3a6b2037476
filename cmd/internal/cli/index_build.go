package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/known"
	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/similarity"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
)

const indexBuildHelp = `Make an index of files of indicators (JSON Lines or a STIX 2.1 bundle; - is standard input), of a corpus's samples, or of
what Taster ships. One that is there is replaced as a whole: whoever searches it finds the old one or the new one.

Of a corpus the words between a malicious sample's spans become indicators, and of harmless samples the sentences that
look most like attacks. Samples without such text are left out and counted. With --whole also attacks of collections that
mark no words are taken, piece by piece, and a class that is such a collection's own word becomes X-corpus-<word>.`

// indexBuildFlags are the flags of index build.
type indexBuildFlags struct {
	indexDir
	corpus  []string
	split   string
	shipped bool
	whole   bool
}

func (a *app) indexBuildCommand() *cobra.Command {
	var f indexBuildFlags
	cmd := &cobra.Command{
		Use:     "build [FILE...]",
		Short:   "Make an index of indicators or of a corpus",
		Long:    indexBuildHelp,
		Example: "  taster index build partners.jsonl bundle.json\n  taster index build --corpus samples/ --split train",
		RunE: func(cmd *cobra.Command, paths []string) error {
			switch {
			case len(paths) == 0 && len(f.corpus) == 0 && !f.shipped:
				return usagef("nothing to build from: name files, --corpus or --shipped")
			case f.split != allSplits && !corpus.Split(f.split).Valid():
				return usagef("--split %q is not one of %s, %s", f.split, words(corpus.Splits()), allSplits)
			}
			return a.indexBuild(cmd.Context(), &f, paths)
		},
	}
	f.addTo(cmd)
	cmd.Flags().StringSliceVar(&f.corpus, "corpus", nil, "also the samples of these corpus `FILES` or directories")
	cmd.Flags().StringVar(&f.split, "split", string(corpus.Train), "of the corpus: train, dev, test or all. Samples without a split always count")
	cmd.Flags().BoolVar(&f.whole, "whole", false, "of attacks without spans take all that their longest string says")
	cmd.Flags().BoolVar(&f.shipped, "shipped", false, "also what Taster ships")
	complete(cmd, "split", append(corpus.Splits(), allSplits))
	return cmd
}

func (a *app) indexBuild(ctx context.Context, f *indexBuildFlags, paths []string) error {
	dir, err := f.path()
	if err != nil {
		return err
	}
	all, err := a.wholeIndicators(paths)
	if err != nil {
		return err
	}
	if f.shipped {
		shipped, err := similarity.Known()
		if err != nil {
			return err
		}
		all = append(all, shipped...)
	}
	if len(f.corpus) > 0 {
		texts, err := corpusTexts(f.corpus, f.split, f.whole)
		if err != nil {
			return err
		}
		for _, r := range []known.Reason{known.NoSentence, known.NoClass, known.NoSpans, known.Unreadable} {
			if n := texts.Left[r]; n > 0 {
				a.warn("left out %s: %s", plural(n, "sample"), r)
			}
		}
		all = append(all, texts.Indicators...)
	}
	if len(all) == 0 { // a pipe that broke must not empty the index that is there
		return errors.New("there is no indicator to build from")
	}
	stats, err := a.buildIndex(ctx, dir, all)
	if err != nil {
		return err
	}
	return a.showChanged(changedIndex{Dir: dir, Added: stats.Indicators, Index: stats})
}

// buildIndex builds with a progress bar.
func (a *app) buildIndex(ctx context.Context, dir string, all []models.Indicator) (index.Stats, error) {
	bar := a.progressBarOf(len(all), "building", "texts")
	defer func() { _ = bar.Clear() }() // drawing a bar is not worth failing for
	return index.Build(ctx, dir, all, func(done, _ int) { _ = bar.Set(done) })
}

// corpusTexts are the texts of a split of a corpus. They were first seen now, since samples do not say when.
func corpusTexts(paths []string, split string, whole bool) (*known.Texts, error) {
	c, err := corpus.Open(paths...)
	if err != nil {
		return nil, err
	}
	samples := slices.DeleteFunc(c.All(), func(s corpus.Sample) bool {
		return split != allSplits && s.Split != "" && string(s.Split) != split
	})
	texts, err := known.Of(samples, known.Options{Seen: time.Now().UTC().Truncate(time.Second), Whole: whole})
	if err != nil {
		return nil, err
	}
	if len(texts.Indicators) == 0 {
		return nil, fmt.Errorf("no text of %s in split %s is worth knowing", plural(len(samples), "sample"), split)
	}
	return texts, nil
}
