package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// benchJudge says which language model is measured beside the detectors, if any.
type benchJudge struct{ file, record, replay string }

func (b *benchJudge) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&b.file, "judge", "", "measure the judge, too: configuration `FILE` with a section judge")
	flags.StringVar(&b.record, "judge-record", "", "answer from `FILE`, ask the model what is not in it, and write that into it")
	flags.StringVar(&b.replay, "judge-replay", "", "answer from `FILE` alone, without a network")
	cmd.MarkFlagsMutuallyExclusive("judge-record", "judge-replay")
}

// join starts the judge beside a crew.
func (b *benchJudge) join(ctx context.Context, w *crew) error {
	if b.file == "" {
		if b.record+b.replay != "" {
			return usagef("--judge-record and --judge-replay need --judge")
		}
		return nil
	}
	c, err := config.Load(b.file)
	if err != nil {
		return err
	}
	if c.Judge.Section == nil {
		return &codedError{code: exitUsage, err: fmt.Errorf("--judge: %s has no judge", b.file), hint: "taster config shows its section"}
	}
	if err := b.addFiles(&c.Judge); err != nil {
		return err
	}
	_, err = w.addJudge(ctx, c.Judge)
	return err
}

// addFiles writes the record's place into the section: the judge's process has a working directory of its own.
func (b *benchJudge) addFiles(j *config.Judge) error {
	members := map[string]any{}
	if err := json.Unmarshal(j.Section, &members); err != nil {
		return fmt.Errorf("reading the judge's configuration: %w", err)
	}
	for name, path := range map[string]string{"record_file": b.record, "replay_file": b.replay} {
		if path == "" {
			continue
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		members[name] = absolute
	}
	section, err := json.Marshal(members)
	if err != nil {
		return fmt.Errorf("writing the judge's configuration: %w", err)
	}
	j.Section = section
	return nil
}

// deepen takes a judgement to its final revision, if policy wants that.
func deepen(ctx context.Context, e *engine.Engine, event models.Event, j *engine.Judgement) {
	if j.Deep {
		j.Verdict = e.Deepen(ctx, engine.Job{Event: event}, j.Verdict)
	}
}
