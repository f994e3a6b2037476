package index

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Format is the version of what stands in an index's directory.
const Format = 1

const sourceFile = "indicators.jsonl"

// Open opens the index in a directory for reading; any number of processes may. Without one the error is an
// [fs.ErrNotExist].
func Open(dir string) (*Index, error) {
	x := &Index{dir: dir}
	if _, err := x.Refresh(); err != nil {
		return nil, fmt.Errorf("opening index: %w", err)
	}
	return x, nil
}

// Refresh takes over what has changed in the directory.
func (x *Index) Refresh() (changed bool, err error) {
	if x.dir == "" {
		return false, nil
	}
	info, err := os.Stat(filepath.Join(x.dir, sourceFile))
	if err != nil {
		return false, err
	}
	version := fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	if version == x.version {
		return false, nil
	}
	all, err := All(x.dir)
	if err != nil {
		return false, err
	}
	x.version = version
	x.fill(all)
	return true, nil
}

// All returns the indicators of the index in a directory, by id.
func All(dir string) ([]models.Indicator, error) {
	data, err := os.ReadFile(filepath.Join(dir, sourceFile))
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	var all []models.Indicator
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var i models.Indicator
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			return nil, fmt.Errorf("reading index: %w", err)
		}
		all = append(all, i)
	}
	return all, lines.Err()
}

// Build makes an index of the indicators in the directory, from nothing or in place of what is there. Readers see the old
// one or the new one. progress may be nil.
func Build(ctx context.Context, dir string, all []models.Indicator, progress func(done, total int)) (Stats, error) {
	all, err := prepared(all)
	if err != nil {
		return Stats{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Stats{}, fmt.Errorf("building index: %w", err)
	}
	var b bytes.Buffer
	for i := range all {
		if err := ctx.Err(); err != nil {
			return Stats{}, fmt.Errorf("building index: %w", err)
		}
		line, err := json.Marshal(all[i])
		if err != nil {
			return Stats{}, fmt.Errorf("building index: %w", err)
		}
		b.Write(append(line, '\n'))
		if progress != nil {
			progress(i+1, len(all))
		}
	}
	next := filepath.Join(dir, sourceFile+".new")
	if err := os.WriteFile(next, b.Bytes(), 0o600); err != nil {
		return Stats{}, fmt.Errorf("building index: %w", err)
	}
	if err := os.Rename(next, filepath.Join(dir, sourceFile)); err != nil {
		return Stats{}, fmt.Errorf("building index: %w", err)
	}
	x, err := Open(dir)
	if err != nil {
		return Stats{}, err
	}
	defer x.Close()
	return x.Stats(), nil
}

// Change adds indicators to the index in the directory and removes others, by id; without an index it makes one. What is
// already there, or not there, is no error.
func Change(ctx context.Context, dir string, add []models.Indicator, remove []string) (Stats, error) {
	all, err := All(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Stats{}, err
	}
	all = slices.DeleteFunc(all, func(i models.Indicator) bool { return slices.Contains(remove, i.ID) })
	return Build(ctx, dir, append(all, add...), nil)
}

// prepared returns valid indicators by id, each once.
func prepared(indicators []models.Indicator) ([]models.Indicator, error) {
	out := slices.Clone(indicators)
	for i := range out {
		if err := out[i].Validate(); err != nil {
			return nil, fmt.Errorf("indicator %d of %d: %w", i+1, len(out), err)
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b models.Indicator) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(out, func(a, b models.Indicator) bool { return a.ID == b.ID }), nil
}
