package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/aad6b6dc/taster/models"
)

// maxJournal is how many changes a journal takes: with more, a new generation is built.
const maxJournal = 4096

// Change adds indicators to the index in the directory and removes others, by id; what is both removed and added is
// there afterwards. Without an index it makes one. It is no error to add what is there or to remove what is not. It
// takes a write to the journal, and only every few thousand changes, or if files are damaged, a build.
func Change(ctx context.Context, dir string, add []models.Indicator, remove []string) (Stats, error) {
	add, err := prepared(add)
	if err != nil {
		return Stats{}, fmt.Errorf("changing index: %w", err)
	}
	c := &change{Add: add, Remove: remove}
	if err := locked(ctx, dir, func() error { return c.write(ctx, dir) }); err != nil {
		return Stats{}, fmt.Errorf("changing index: %w", err)
	}
	stats, err := statsOf(dir)
	if err != nil || stats.Damage == "" {
		return stats, err
	}
	if err := locked(ctx, dir, func() error { return rebuild(ctx, dir) }); err != nil {
		return Stats{}, fmt.Errorf("mending index: %w", err)
	}
	return statsOf(dir)
}

func (c *change) write(ctx context.Context, dir string) error {
	p, err := readPointer(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return generate(ctx, dir, c.Add, nil)
	} else if err != nil {
		return err
	}
	path := p.journalPath(dir)
	j, err := readJournal(path)
	if err != nil {
		return err
	}
	if err := j.append(path, c); err != nil {
		return err
	}
	if j.changes <= maxJournal {
		return nil
	}
	return rebuild(ctx, dir)
}

// rebuild makes a new generation of what the directory holds.
func rebuild(ctx context.Context, dir string) error {
	all, err := allOnce(dir)
	if err != nil {
		return err
	}
	return generate(ctx, dir, all, nil)
}
