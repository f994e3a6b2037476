package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ledger remembers, for each indicator, the newest change that was applied, also when the engine starts anew: an old
// change that somebody puts back into the bucket then undoes nothing. It is for one goroutine.
type ledger struct {
	path    string // empty: nothing is kept
	file    *os.File
	lines   int // in the file
	entries map[string]ledgerEntry
}

// ledgerEntry is a line of the file.
type ledgerEntry struct {
	Indicator string    `json:"indicator"`
	Time      time.Time `json:"time"`
	Key       string    `json:"key"`
	Removed   bool      `json:"removed,omitempty"`
	Forgotten bool      `json:"forgotten,omitempty"` // there is no such entry any more

	applied bool // by this process: an index may have been lost since an earlier one
}

// maxLedgerBytes limits the file that is read: a line has some 150 bytes.
const maxLedgerBytes = 256 << 20

// openLedger reads the file, if there is one. A line that can't be read, as the last one after a crash, counts as never
// written: its change comes again from the bucket.
func openLedger(path string) (*ledger, error) {
	l := &ledger{path: path, entries: map[string]ledgerEntry{}}
	if path == "" {
		return l, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, l.rewrite()
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, maxLedgerBytes))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ledger of indicators: %w", err)
	}
	l.read(data)
	return l, l.rewrite()
}

func (l *ledger) read(data []byte) {
	for line := range bytes.Lines(data) {
		var e ledgerEntry
		if json.Unmarshal(line, &e) == nil && e.Indicator != "" {
			l.take(e)
		}
	}
}

func (l *ledger) take(e ledgerEntry) {
	if e.Forgotten {
		delete(l.entries, e.Indicator)
		return
	}
	l.entries[e.Indicator] = e
}

// note adds entries, or replaces those on the same indicators.
func (l *ledger) note(entries []ledgerEntry) error {
	for _, e := range entries {
		l.take(e)
	}
	if l.path == "" {
		return nil
	}
	l.lines += len(entries)
	if l.file == nil || l.lines > 2*len(l.entries)+1024 {
		return l.rewrite()
	}
	data, err := ledgerLines(entries)
	if err == nil {
		_, err = l.file.Write(data)
	}
	if err != nil {
		_ = l.close() // half a line may be there: mend writes it anew
		return fmt.Errorf("writing the ledger of indicators: %w", err)
	}
	return nil
}

// mend writes the file anew if writing into it has failed: what was applied is not applied again, and so not noted again.
func (l *ledger) mend() error {
	if l.path == "" || l.file != nil {
		return nil
	}
	return l.rewrite()
}

// rewrite replaces the file by one with a line for each entry.
func (l *ledger) rewrite() error {
	if err := l.replace(); err != nil {
		return fmt.Errorf("writing the ledger of indicators: %w", err)
	}
	return nil
}

func (l *ledger) replace() error {
	entries := slices.SortedFunc(maps.Values(l.entries), func(a, b ledgerEntry) int { return strings.Compare(a.Indicator, b.Indicator) })
	data, err := ledgerLines(entries)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(l.path), filepath.Base(l.path)+".*")
	if err != nil {
		return err
	}
	_, err = next.Write(data)
	if err == nil {
		err = next.Sync()
	}
	if err == nil {
		err = os.Rename(next.Name(), l.path)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(next.Name()))
	}
	err = l.close()
	l.file, l.lines = next, len(entries)
	return err
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

func ledgerLines(entries []ledgerEntry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i := range entries {
		if err := enc.Encode(&entries[i]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
