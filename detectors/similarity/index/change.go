package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

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
	return statsOf(dir)
}

func (c *change) write(ctx context.Context, dir string) error {
	p, err := readPointer(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return generate(ctx, dir, c.Add, nil)
	} else if err != nil {
		return err
	}
	path := filepath.Join(dir, p.Generation, journalFile)
	j, err := readJournal(path)
	if err != nil {
		return err
	}
	if err := j.append(path, c); err != nil {
		return err
	}
	if j.changes <= maxJournal && p.whole(dir) {
		return nil
	}
	all, err := allOnce(dir)
	if err != nil {
		return err
	}
	return generate(ctx, dir, all, nil)
}

// whole reports whether the generation's files are as they were written.
func (p *pointer) whole(dir string) bool {
	for name := range p.Files {
		if p.check(dir, name) != nil {
			return false
		}
	}
	return true
}
