package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/aad6b6dc/taster/models"
)

// Format is the version of what stands in an index's directory.
const Format = 1

// The files of a directory, and of a generation.
const (
	pointerFile = "index.json"
	lockFile    = "lock"
	sourceFile  = "indicators.jsonl"
	gateFile    = "gate"
	wordsDir    = "words"
	journalFile = "journal.jsonl"
)

// FormatError says that a directory was written by another version of the program.
type FormatError struct {
	Dir    string
	Format int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("the index in %s has format %d, this program reads format %d: export it there and build it here", e.Dir, e.Format, Format)
}

// CorruptError says that a file is not as it was written.
type CorruptError struct{ File, Problem string }

func (e *CorruptError) Error() string { return fmt.Sprintf("%s is damaged: %s", e.File, e.Problem) }

// pointer is what index.json holds. A generation is never changed, apart from its journal.
type pointer struct {
	Format     int      `json:"format"`
	Generation string   `json:"generation"`
	Contents   contents `json:"contents"`
	Terms      int      `json:"terms"`
	// Files are those of the generation, by path.
	Files map[string]fileDigest `json:"files"`
	// Digest is that of the pointer without it.
	Digest string `json:"digest"`
}

type fileDigest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (p *pointer) digest() string {
	bare := *p
	bare.Digest = ""
	data, err := json.Marshal(bare)
	if err != nil {
		panic(err) // numbers and strings: cannot happen
	}
	return models.Digest(data)
}

func (p *pointer) bytes() (sum int64) {
	for _, f := range p.Files {
		sum += f.Bytes
	}
	return sum
}

func readPointer(dir string) (*pointer, error) {
	path := filepath.Join(dir, pointerFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var p pointer
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, &CorruptError{path, err.Error()}
	}
	if p.Format != Format {
		return nil, &FormatError{dir, p.Format}
	}
	if p.Digest != p.digest() || !generationName(p.Generation) {
		return nil, &CorruptError{path, "its digest is another"}
	}
	return &p, nil
}

const generationPrefix = "gen-"

func generationName(name string) bool {
	n, ok := strings.CutPrefix(name, generationPrefix)
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}

// write puts the pointer in the place of the one before, as a whole.
func (p *pointer) write(dir string) error {
	p.Digest = p.digest()
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	next := filepath.Join(dir, pointerFile+".new")
	if err := os.WriteFile(next, append(data, '\n'), filePerm); err != nil {
		return err
	}
	if err := syncPath(next); err != nil {
		return err
	}
	if err := os.Rename(next, filepath.Join(dir, pointerFile)); err != nil {
		return err
	}
	return syncPath(dir)
}

const (
	dirPerm  = 0o700
	filePerm = 0o600
)

// syncPath has the file or directory reach the disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lockWait is how long a writer waits for the one before it.
const lockWait = time.Minute

// locked runs write while no other process writes into the directory, which is made if it is missing.
func locked(ctx context.Context, dir string, write func() error) (err error) {
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	lock := flock.New(filepath.Join(dir, lockFile))
	if ok, err := lock.TryLockContext(ctx, 20*time.Millisecond); !ok {
		return fmt.Errorf("waiting for the process that writes into %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return write()
}

// Build makes an index of the indicators in the directory, from nothing or in place of what is there. Readers see the old
// one or the new one. A writer waits up to a minute for another. progress may be nil.
func Build(ctx context.Context, dir string, all []models.Indicator, progress func(done, total int)) (Stats, error) {
	all, err := prepared(all)
	if err != nil {
		return Stats{}, fmt.Errorf("building index: %w", err)
	}
	if err := locked(ctx, dir, func() error { return generate(ctx, dir, all, progress) }); err != nil {
		return Stats{}, fmt.Errorf("building index: %w", err)
	}
	return statsOf(dir)
}

func statsOf(dir string) (Stats, error) {
	x, err := Open(dir)
	if err != nil {
		return Stats{}, err
	}
	return x.Stats(), x.Close()
}

// generate writes a new generation and makes it the one that holds. Those before the last one are removed: a reader that
// has just read the pointer to the last one still finds it.
func generate(ctx context.Context, dir string, all []models.Indicator, progress func(done, total int)) error {
	last := ""
	if p, err := readPointer(dir); err == nil {
		last = p.Generation
	}
	names, err := generations(dir)
	if err != nil {
		return err
	}
	if at := slices.Index(names, last); at >= 0 { // what comes behind was never finished
		for _, name := range names[at+1:] {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		names = names[:at+1]
	}
	next := generationPrefix + "0001"
	if len(names) > 0 {
		next = following(names[len(names)-1])
	}
	p, err := writeGeneration(ctx, filepath.Join(dir, next), all, progress)
	if err != nil {
		return errors.Join(err, os.RemoveAll(filepath.Join(dir, next)))
	}
	p.Generation = next
	if err := p.write(dir); err != nil {
		return err
	}
	for _, name := range names {
		if name != last {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// generations lists the generations in a directory, finished or not, in order.
func generations(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && generationName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return numberOf(a) - numberOf(b) })
	return names, nil
}

func numberOf(generation string) (n int) {
	_, _ = fmt.Sscanf(generation, generationPrefix+"%d", &n)
	return n
}

func following(generation string) string {
	return fmt.Sprintf("%s%04d", generationPrefix, numberOf(generation)+1)
}

// writeGeneration writes everything that a generation is into a new directory.
func writeGeneration(ctx context.Context, dir string, all []models.Indicator, progress func(done, total int)) (*pointer, error) {
	if err := os.Mkdir(dir, dirPerm); err != nil {
		return nil, err
	}
	p := &pointer{Format: Format}
	source, err := newSource(filepath.Join(dir, sourceFile))
	if err != nil {
		return nil, err
	}
	words := &wordBuilder{path: filepath.Join(dir, wordsDir)}
	gate, err := readAll(ctx, all, progress, source, words, &p.Contents)
	if err = errors.Join(err, source.close(), words.close()); err != nil {
		return nil, err
	}
	p.Terms = gate.terms
	if err := gate.write(filepath.Join(dir, gateFile), source.offsets); err != nil {
		return nil, err
	}
	if p.Files, err = settle(dir); err != nil {
		return nil, err
	}
	return p, nil
}

// readAll reads each indicator into all that is made of it.
func readAll(ctx context.Context, all []models.Indicator, progress func(done, total int), source *sourceWriter, words *wordBuilder, sum *contents) (*gate, error) {
	var b gateBuilder
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.tokens = appendTokens(s.tokens[:0], all[i].Text)
		b.add(s)
		if err := errors.Join(source.add(&all[i]), words.add(i, s.tokens), sum.add(&all[i], 1)); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(i+1, len(all))
		}
	}
	return b.build(), nil
}

// settle has every file below dir reach the disk, and returns their digests.
func settle(dir string) (map[string]fileDigest, error) {
	files := map[string]fileDigest{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := syncPath(path); err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = digestFile(path)
		return err
	})
	return files, err
}

func digestFile(path string) (fileDigest, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileDigest{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return fileDigest{n, hex.EncodeToString(h.Sum(nil))}, err
}

// check returns a [CorruptError] unless the file is as the pointer says.
func (p *pointer) check(dir, name string) error {
	path := filepath.Join(dir, p.Generation, filepath.FromSlash(name))
	want, ok := p.Files[name]
	if !ok {
		return &CorruptError{path, "it is not listed"}
	}
	got, err := digestFile(path)
	if err != nil {
		return err
	}
	if got != want {
		return &CorruptError{path, fmt.Sprintf("%d bytes with another digest than when it was written (%d bytes)", got.Bytes, want.Bytes)}
	}
	return nil
}
