package index

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// version tells one state of a directory from another, as cheaply as two calls of stat.
type version struct {
	pointer, journal fs.FileInfo // nil if there is none
	journalPath      string

	digest     string // of the pointer
	generation string
	bytes      int64
	changes    int
}

// Open opens the index in a directory for reading; any number of processes may. Without one the error is an
// [fs.ErrNotExist]; a [*FormatError] and a [*CorruptError] say what else is wrong with it. Where only files are damaged
// that can be made anew from the source, the index is held in memory, and [Stats] says so.
func Open(dir string) (*Index, error) {
	held, err := load(dir, nil)
	if err != nil {
		return nil, fmt.Errorf("opening index: %w", err)
	}
	return &Index{dir: dir, held: held}, nil
}

// Refresh takes over what has changed in the directory since the last call, and reports whether anything had. After an
// error the index holds what it held.
func (x *Index) Refresh() (changed bool, err error) {
	if x.dir == "" {
		return false, nil
	}
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	x.mu.RLock()
	held := x.held
	x.mu.RUnlock()
	if held == nil {
		return false, errClosed
	}
	now, err := look(x.dir, held.seen.journalPath)
	if err != nil {
		return false, fmt.Errorf("opening index: %w", err)
	}
	if now.same(held.seen) {
		return false, nil
	}
	next, err := load(x.dir, held)
	if err != nil {
		return false, fmt.Errorf("opening index: %w", err)
	}
	x.mu.Lock()
	closed := x.held == nil
	if !closed {
		x.held = next
	}
	x.mu.Unlock()
	switch {
	case held.base == next.base:
		return true, nil
	case closed: // in the meantime
		return false, errors.Join(errClosed, next.close())
	}
	return true, held.close()
}

// look is the version of the directory now, with the journal of the generation that is held.
func look(dir, journalPath string) (v version, err error) {
	if v.pointer, err = os.Stat(filepath.Join(dir, pointerFile)); err != nil {
		return v, err
	}
	v.journal, err = statJournal(journalPath)
	return v, err
}

func statJournal(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

func (v version) same(o version) bool {
	return sameFile(v.pointer, o.pointer) && sameFile(v.journal, o.journal)
}

// sameFile reports whether a file is the one it was, with what it had. The size of a journal alone would not do: it ends
// where a line was cut off, or where the next one took that line's place.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// attempts is how often a reader tries to open a generation that is removed while it does so.
const attempts = 5

// load reads what the directory holds. What is held already is used again if only the journal grew.
func load(dir string, held *state) (st *state, err error) {
	for range attempts {
		if st, err = loadOnce(dir, held); !errors.Is(err, fs.ErrNotExist) {
			return st, err
		}
		if _, e := os.Stat(filepath.Join(dir, pointerFile)); e != nil {
			return nil, e
		}
	}
	return nil, err
}

func loadOnce(dir string, held *state) (*state, error) {
	info, err := os.Stat(filepath.Join(dir, pointerFile))
	if err != nil {
		return nil, err
	}
	p, err := readPointer(dir)
	if err != nil {
		return nil, err
	}
	st := &state{sum: p.Contents.clone(), gone: map[uint32]bool{}}
	st.seen = version{pointer: info, journalPath: p.journalPath(dir), digest: p.Digest, generation: p.Generation, bytes: p.bytes()}
	if held != nil && held.seen.digest == p.Digest {
		st.base, st.damage = held.base, held.damage
	} else if st.base, st.damage, err = openPart(dir, p); err != nil {
		return nil, err
	}
	if err := st.overlay(dir, p); err != nil {
		if held == nil || st.base != held.base {
			err = errors.Join(err, st.base.close())
		}
		return nil, err
	}
	return st, nil
}

// openPart opens a generation. If its gate or its words are damaged, the error comes back as damage, with a part in
// memory that was made of the source.
func openPart(dir string, p *pointer) (opened *part, damage, err error) {
	if err := p.check(dir, sourceFile); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, p.Generation)
	opened, damage = openFiles(dir, path, p)
	if damage == nil {
		return opened, nil, nil
	}
	if _, err := os.Stat(path); err != nil { // removed in the meantime: not damaged
		return nil, nil, err
	}
	all, err := readSource(filepath.Join(path, sourceFile))
	if err != nil {
		return nil, nil, err
	}
	return newPart(all), damage, nil
}

func openFiles(dir, path string, p *pointer) (*part, error) {
	for name := range p.Files {
		if name == sourceFile {
			continue
		}
		if err := p.check(dir, name); err != nil {
			return nil, err
		}
	}
	g, offsets, err := readGate(filepath.Join(path, gateFile))
	if err != nil {
		return nil, err
	}
	w, err := openWords(filepath.Join(path, wordsDir), len(g.total))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(path, sourceFile))
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return &part{gate: g, texts: &inFile{f, offsets}, words: w}, nil
}

func (p *pointer) journalPath(dir string) string {
	return filepath.Join(dir, p.Generation, journalFile)
}

// journal reads the journal of the generation. Where there is none that may be because the generation is on its way out,
// journal first: then it is an [fs.ErrNotExist].
func (p *pointer) journal(dir string) (*journal, error) {
	j, err := readJournal(p.journalPath(dir))
	if err != nil || j.size > 0 {
		return j, err
	}
	now, err := readPointer(dir)
	if err == nil && now.Digest != p.Digest {
		err = fmt.Errorf("%s was replaced: %w", p.Generation, fs.ErrNotExist)
	}
	return j, err
}

// overlay lays the journal over the generation.
func (st *state) overlay(dir string, p *pointer) (err error) {
	if st.seen.journal, err = statJournal(st.seen.journalPath); err != nil {
		return err
	}
	j, err := p.journal(dir)
	if err != nil {
		return err
	}
	st.seen.changes = j.changes
	var added []models.Indicator
	for _, id := range slices.Sorted(maps.Keys(j.changed)) {
		doc, found, err := number(st.base.texts, id)
		if err != nil {
			return err
		}
		if found {
			before, err := st.base.texts.at(doc)
			if err != nil {
				return err
			}
			st.gone[uint32(doc)] = true
			if err := st.sum.add(&before, -1); err != nil {
				return err
			}
		}
		if x := j.changed[id]; x != nil {
			added = append(added, *x)
			if err := st.sum.add(x, 1); err != nil {
				return err
			}
		}
	}
	st.added = newPart(added)
	return nil
}

// All returns the indicators of the index in a directory, by id.
func All(dir string) (all []models.Indicator, err error) {
	for range attempts {
		if all, err = allOnce(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	return all, nil
}

func allOnce(dir string) ([]models.Indicator, error) {
	p, err := readPointer(dir)
	if err != nil {
		return nil, err
	}
	if err := p.check(dir, sourceFile); err != nil {
		return nil, err
	}
	all, err := readSource(filepath.Join(dir, p.Generation, sourceFile))
	if err != nil {
		return nil, err
	}
	j, err := p.journal(dir)
	if err != nil {
		return nil, err
	}
	return j.over(all), nil
}

// over returns the indicators with the journal laid over them, by id.
func (j *journal) over(all []models.Indicator) []models.Indicator {
	out := slices.DeleteFunc(all, func(x models.Indicator) bool { _, ok := j.changed[x.ID]; return ok })
	for _, x := range j.changed {
		if x != nil {
			out = append(out, *x)
		}
	}
	slices.SortFunc(out, func(a, b models.Indicator) int { return strings.Compare(a.ID, b.ID) })
	return out
}
