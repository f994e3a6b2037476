package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aad6b6dc/taster/models"
)

// ManifestName is the file in a corpus directory that holds its [Manifest].
const ManifestName = "manifest.json"

// Manifest seals a corpus directory: what is in its files, and how they were split. [Save] writes it. An edit that leaves
// every row plausible, such as a label changed together with its class, still shows against it.
type Manifest struct {
	Plan  Plan            `json:"split"`
	Files []ManifestEntry `json:"files"`
}

// ManifestEntry is what a manifest says of one file.
type ManifestEntry struct {
	Name   string               `json:"name"` // without extension
	Digest string               `json:"digest"`
	Rows   map[models.Label]int `json:"rows"`
}

func (f *File) entry() ManifestEntry {
	e := ManifestEntry{f.Name, f.Digest, map[models.Label]int{}}
	for _, s := range f.Samples {
		e.Rows[s.Label]++
	}
	return e
}

// readManifest returns nil where there is none.
func readManifest(dir fs.FS) (*Manifest, error) {
	data, err := fs.ReadFile(dir, ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	m := &Manifest{}
	if err == nil {
		err = json.Unmarshal(data, m)
	}
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	return m, nil
}

// Save writes the files of c that changed to dir, and a new manifest. Each file is replaced as a whole, the manifest last,
// after all of them could be written. Nothing removes a file that c no longer has.
func (c *Corpus) Save(dir string, plan Plan) (err error) {
	manifest := Manifest{Plan: plan}
	s := saver{dir: dir}
	defer func() {
		if err != nil {
			err = fmt.Errorf("saving corpus: %w", errors.Join(err, s.discard()))
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range c.Files {
		f := &c.Files[i]
		data, err := f.lines()
		if err != nil {
			return err
		}
		if digest := models.Digest(data); digest != f.Digest {
			f.Digest = digest
			if err := s.stage(f.Name+Extension, data); err != nil {
				return err
			}
		}
		manifest.Files = append(manifest.Files, f.entry())
	}
	data, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := s.stage(ManifestName, append(data, '\n')); err != nil {
		return err
	}
	c.Manifest = &manifest
	return s.commit()
}

// lines is the file as it stands on disk.
func (f *File) lines() (data []byte, err error) {
	for i := range f.Samples {
		s := &f.Samples[i]
		if s.Stray != "" {
			return nil, fmt.Errorf("writing sample %q would lose a member: %s", s.ID, s.Stray)
		}
		if data, err = s.AppendJSON(data); err != nil {
			return nil, err
		}
		data = append(data, '\n')
	}
	return data, nil
}

// saver writes several files of a directory, none of which takes its name before all are on disk.
type saver struct {
	dir    string
	staged [][2]string // temporary path, path
}

func (s *saver) stage(name string, data []byte) error {
	f, err := os.CreateTemp(s.dir, ".tmp-*")
	if err != nil {
		return err
	}
	s.staged = append(s.staged, [2]string{f.Name(), filepath.Join(s.dir, name)})
	_, err = f.Write(data)
	return errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
}

func (s *saver) commit() error {
	for len(s.staged) > 0 {
		if err := os.Rename(s.staged[0][0], s.staged[0][1]); err != nil {
			return err
		}
		s.staged = s.staged[1:]
	}
	return nil
}

func (s *saver) discard() error {
	var errs []error
	for _, f := range s.staged {
		errs = append(errs, os.Remove(f[0]))
	}
	return errors.Join(errs...)
}
