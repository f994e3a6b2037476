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

// version tells one state of a directory from another, as cheaply as a call of stat.
type version struct {
	pointer     fs.FileInfo
	journalPath string
	journal     int64 // bytes

	generation string
	bytes      int64
	changes    int
}

// Open opens the index in a directory for reading; any number of processes may. Without one the error is an
// [fs.ErrNotExist]; a [*FormatError] and a [*CorruptError] say what else is wrong with it. Where only files are damaged
// that can be made anew from the source, the index is held in memory, and [Stats] says so.
func Open(dir string) (*Index, error) {
	x := &Index{dir: dir}
	if _, err := x.Refresh(); err != nil {
		return nil, err
	}
	return x, nil
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
	now, err := look(x.dir, held)
	if err != nil {
		return false, fmt.Errorf("opening index: %w", err)
	}
	if held != nil && now.same(held.seen) {
		return false, nil
	}
	next, err := load(x.dir, held)
	if err != nil {
		return false, fmt.Errorf("opening index: %w", err)
	}
	x.mu.Lock()
	x.held = next
	x.mu.Unlock()
	if held != nil && held.base != next.base {
		return true, held.close()
	}
	return true, nil
}

// look is the version of the directory now; the journal's is that of the generation that is held.
func look(dir string, held *state) (version, error) {
	var v version
	var err error
	if v.pointer, err = os.Stat(filepath.Join(dir, pointerFile)); err != nil || held == nil {
		return v, err
	}
	info, err := os.Stat(held.seen.journalPath)
	if err == nil {
		v.journal = info.Size()
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return v, err
}

func (v version) same(o version) bool {
	return o.pointer != nil && os.SameFile(v.pointer, o.pointer) && v.pointer.ModTime().Equal(o.pointer.ModTime()) && v.journal == o.journal
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
	st.seen = version{pointer: info, journalPath: filepath.Join(dir, p.Generation, journalFile), generation: p.Generation, bytes: p.bytes()}
	if held != nil && held.seen.generation == p.Generation && os.SameFile(held.seen.pointer, info) {
		st.base, st.damage = held.base, held.damage
	} else if st.base, st.damage, err = openPart(dir, p); err != nil {
		return nil, err
	}
	if err := st.overlay(); err != nil {
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

// overlay lays the journal over the generation.
func (st *state) overlay() error {
	j, err := readJournal(st.seen.journalPath)
	if err != nil {
		return err
	}
	st.seen.journal, st.seen.changes = j.size, j.changes
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
	j, err := readJournal(filepath.Join(dir, p.Generation, journalFile))
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
