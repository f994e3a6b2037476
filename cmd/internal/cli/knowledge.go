package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

const (
	// knowingDetector is the name of the detector that looks for known texts, dirMember the member of its section that
	// names their directory.
	knowingDetector = "similarity"
	dirMember       = "dir"

	// changeDeadline is how long changing an index may take, also behind another writer.
	changeDeadline = time.Minute
	// lookInterval is how often the engine looks whether somebody on this machine has changed the index. What comes over
	// the bus is heeded at once.
	lookInterval = 2 * time.Second
)

// knowledge is where an engine keeps the known texts.
type knowledge struct{ dir, ledger string }

// placeKnowledge finds the place, and has the detector's section name it. The section's own wins over the one where data
// lives. An engine that needs none, and has no place for data, has none.
func placeKnowledge(c config.Config) (config.Config, *knowledge, error) {
	var k knowledge
	section := map[string]any{}
	if s := c.Detectors.Sections[knowingDetector]; s != nil {
		if err := json.Unmarshal(s, &section); err != nil {
			return c, nil, fmt.Errorf("reading the section of detector %q: %w", knowingDetector, err)
		}
		k.dir, _ = section[dirMember].(string)
	}
	if err := k.place(&c); err != nil {
		if k.dir == "" && len(c.Indicators.TrustedKeys) == 0 {
			return c, nil, nil
		}
		return c, nil, hinted(err, "--data-dir names a place for the known texts")
	}
	if !slices.ContainsFunc(fastDetectors(), func(s detectors.Spec) bool { return s.Name == knowingDetector }) {
		return c, &k, nil
	}
	section[dirMember] = k.dir
	data, err := json.Marshal(section)
	if err != nil {
		return c, nil, fmt.Errorf("writing the section of detector %q: %w", knowingDetector, err)
	}
	c.Detectors.Sections = maps.Clone(c.Detectors.Sections)
	if c.Detectors.Sections == nil {
		c.Detectors.Sections = map[string]config.Section{}
	}
	c.Detectors.Sections[knowingDetector] = data
	return c, &k, nil
}

// place fills in what the section does not say. Paths are absolute: plugins have a working directory of their own.
func (k *knowledge) place(c *config.Config) (err error) {
	if k.dir == "" {
		if k.dir, err = c.IndexDir(); err != nil {
			return err
		}
	}
	if k.dir, err = filepath.Abs(k.dir); err != nil {
		return err
	}
	k.ledger, err = c.LedgerFile()
	return err
}

// follow has a runner apply changes from the bus to the index, and the engine heed them.
func (k *knowledge) follow(c config.Indicators, e *engine.Engine) *stream.Indicators {
	return &stream.Indicators{
		TrustedKeys: c.TrustedKeys, MaxEntries: c.MaxEntries, MaxBytes: c.MaxBytes, Ledger: k.ledger,
		Apply: func(ctx context.Context, add []models.Indicator, remove []string) error {
			ctx, cancel := context.WithTimeout(ctx, changeDeadline)
			defer cancel()
			changed, err := k.change(ctx, add, remove)
			if changed {
				e.Probe(ctx)
			}
			return err
		},
	}
}

// fewChanges is how many are applied without asking first which of them are news.
const fewChanges = 16

// change changes the index. An engine that starts gets everything that it has been told before; what of it the index holds
// already is left out, since so many changes would have it built anew.
func (k *knowledge) change(ctx context.Context, add []models.Indicator, remove []string) (changed bool, err error) {
	if len(add)+len(remove) > fewChanges {
		held, err := index.All(k.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		add, remove = news(held, add, remove)
		if len(add)+len(remove) == 0 {
			return false, nil
		}
	}
	if _, err := index.Change(ctx, k.dir, add, remove); err != nil {
		return false, err
	}
	return true, nil
}

// news are the additions that are not held, or differ, and the removals of what is.
func news(held, add []models.Indicator, remove []string) ([]models.Indicator, []string) {
	byID := make(map[string]*models.Indicator, len(held))
	for i := range held {
		byID[held[i].ID] = &held[i]
	}
	var added []models.Indicator
	for _, x := range add {
		old := byID[x.ID]
		if old == nil || old.Class != x.Class || old.Source != x.Source || !old.FirstSeen.Equal(x.FirstSeen) {
			added = append(added, x)
		}
	}
	var removed []string
	for _, id := range remove {
		if byID[id] != nil {
			removed = append(removed, id)
		}
	}
	return added, removed
}

// look has the engine heed what others change on this machine, until stop is called.
func look(ctx context.Context, e *engine.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				e.Probe(ctx)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
