package corpus

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Extension is the one of corpus files.
const Extension = ".jsonl"

// MaxLineBytes limits a line: an event and what is said of it.
const MaxLineBytes = models.MaxEventBytes + 1<<20

// File is one file of a corpus.
type File struct {
	Name    string // without directory and extension: the source of its samples
	Digest  string // SHA-256 of the file's bytes
	Samples []Sample
}

// Corpus is what is measured together.
type Corpus struct {
	Files []File // in order of name
	// Manifest is what the directory says of its files; nil if it says nothing, or if there is not one directory.
	Manifest *Manifest
}

// samples are all samples, to be changed in place, file by file.
func (c *Corpus) samples() []*Sample {
	var all []*Sample
	for i := range c.Files {
		for j := range c.Files[i].Samples {
			all = append(all, &c.Files[i].Samples[j])
		}
	}
	return all
}

// All returns every sample, file by file.
func (c *Corpus) All() []Sample {
	var n int
	for _, f := range c.Files {
		n += len(f.Samples)
	}
	all := make([]Sample, 0, n)
	for _, f := range c.Files {
		all = append(all, f.Samples...)
	}
	return all
}

// Digest identifies the corpus: SHA-256 over the names and digests of its files.
func (c *Corpus) Digest() string {
	var b []byte
	for _, f := range c.Files {
		b = fmt.Appendf(b, "%s %s\n", f.Digest, f.Name)
	}
	return models.Digest(b)
}

// Open reads files and directories, which stand for the corpus files right in them. A corpus without a sample is an
// error, for a figure over nothing means nothing.
func Open(paths ...string) (*Corpus, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err != nil:
			return nil, fmt.Errorf("opening corpus: %w", err)
		case !info.IsDir():
			files = append(files, p)
			continue
		}
		found, err := fs.Glob(os.DirFS(p), "*"+Extension) // the directory's own name may hold a pattern's characters
		if err != nil {
			return nil, fmt.Errorf("opening corpus: %w", err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("opening corpus: %s has no %s files: %w", p, Extension, ErrEmpty)
		}
		for _, name := range found {
			files = append(files, filepath.Join(p, name))
		}
	}
	c := &Corpus{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("opening corpus: %w", err)
		}
		err = c.add(name, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	if len(paths) == 1 && paths[0] != files[0] {
		var err error
		if c.Manifest, err = readManifest(os.DirFS(paths[0])); err != nil {
			return nil, err
		}
	}
	return c.finish()
}

// OpenFS is [Open] of every corpus file at the top of fsys.
func OpenFS(fsys fs.FS) (*Corpus, error) {
	names, err := fs.Glob(fsys, "*"+Extension)
	if err != nil {
		return nil, fmt.Errorf("opening corpus: %w", err)
	}
	c := &Corpus{}
	for _, name := range names {
		f, err := fsys.Open(name)
		if err != nil {
			return nil, fmt.Errorf("opening corpus: %w", err)
		}
		err = c.add(name, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	if c.Manifest, err = readManifest(fsys); err != nil {
		return nil, err
	}
	return c.finish()
}

// Read reads one stream of samples as a corpus of one file.
func Read(name string, r io.Reader) (*Corpus, error) {
	c := &Corpus{}
	if err := c.add(name, r); err != nil {
		return nil, err
	}
	return c.finish()
}

func (c *Corpus) finish() (*Corpus, error) {
	slices.SortFunc(c.Files, func(a, b File) int { return strings.Compare(a.Name+a.Digest, b.Name+b.Digest) })
	for _, f := range c.Files {
		if len(f.Samples) > 0 {
			return c, nil
		}
	}
	return nil, ErrEmpty
}

// ErrEmpty says that a corpus has no sample.
var ErrEmpty = errors.New("the corpus is empty")

func (c *Corpus) add(name string, r io.Reader) error {
	f := File{Name: nameOf(name)}
	h := sha256.New()
	err := eachLine(name, io.TeeReader(r, h), func(n int, line []byte) error {
		s, err := ParseSample(line)
		if err != nil {
			return err
		}
		s.Line = n
		if s.Source == "" {
			s.Source = f.Name
		}
		if s.Event.Server == "" { // many collections do not say
			s.Event.Server = s.Source
		}
		f.Samples = append(f.Samples, s)
		return nil
	})
	if err != nil {
		return err
	}
	f.Digest = "sha256:" + hex.EncodeToString(h.Sum(nil))
	c.Files = append(c.Files, f)
	return nil
}

// eachLine hands out the lines of r that are not blank, without white space around them. Errors name file and line.
func eachLine(name string, r io.Reader, use func(n int, line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), MaxLineBytes)
	n := 1
	for ; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := use(n, line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: reading line of at most %d bytes: %w", name, n, MaxLineBytes, err)
	}
	return nil
}

// nameOf is a file's name without directory and extension.
func nameOf(file string) string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(file)), Extension)
}
