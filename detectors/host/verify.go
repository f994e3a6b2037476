package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// self is the executable of this process.
type self struct {
	path   string // of the file as it was started, also if its name means another file by now
	digest string
}

var thisExecutable = sync.OnceValues(func() (self, error) {
	path, err := selfPath()
	if err != nil {
		return self{}, fmt.Errorf("finding this executable: %w", err)
	}
	digest, err := hashFile(path)
	if err != nil {
		return self{}, fmt.Errorf("hashing this executable: %w", err)
	}
	return self{path, digest}, nil
})

// SelfSource is this executable, run again as a plugin with the given arguments, which must make it call plugin.Serve.
// The digests of its detectors do not depend on the arguments: they are those of [InProcess].
func SelfSource(args ...string) (Source, error) {
	s, err := thisExecutable()
	if err != nil {
		return Source{}, err
	}
	return Source{Name: "self", Command: append([]string{os.Args[0]}, args...), TLS: true, self: &s}, nil
}

// verify checks the source's files and opens its executable, whose content is what was checked.
func (s *Source) verify() (*os.File, error) {
	if s.self != nil {
		return os.Open(s.self.path)
	}
	var exe *os.File
	err := func() error {
		for _, want := range s.Files {
			f, err := checked(s.path(want.Path), want.SHA256)
			if err != nil {
				return err
			}
			if exe == nil && s.path(want.Path) == s.path(s.Command[0]) {
				exe = f
				continue
			}
			f.Close()
		}
		if script, err := isScript(exe); err != nil || script {
			return fmt.Errorf("verifying %s: it is a script: name its interpreter in the command, and list both files (%v)", s.Command[0], err)
		}
		return nil
	}()
	if err != nil && exe != nil {
		exe.Close()
	}
	return exe, err
}

// checked opens a file and compares its hash.
func checked(path, want string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("verifying plugin file: %w", err)
	}
	got, err := hashReader(f)
	if err == nil && got != want {
		err = fmt.Errorf("it has %s, the manifest has %s", got, want)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("verifying %s: %w", path, err)
	}
	return f, nil
}

func isScript(f *os.File) (bool, error) {
	head := make([]byte, 2)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return false, err
	}
	return string(head[:n]) == "#!", nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return hashReader(f)
}

func hashReader(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// codeDigest stands for what runs: the executable for this one, else command and files.
func (s *Source) codeDigest() string {
	if s.self != nil {
		return s.self.digest
	}
	sums := make([]string, len(s.Files))
	for i, f := range s.Files {
		sums[i] = f.SHA256
	}
	sort.Strings(sums)
	return digestOf(append(sums, s.Command[1:]...)...)
}

// detectorDigest stands for everything that decides an outcome and that the host knows of: code, name, version and
// configuration. What a detector loads by itself is for its Answer.Revision.
func detectorDigest(code string, spec *detectors.Spec, cfg detectors.Config) string {
	return digestOf(code, spec.Name, spec.Version, string(cfg))
}

// digestOf digests strings so that ("ab", "c") and ("a", "bc") differ.
func digestOf(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:%s", len(p), p)
	}
	return models.Digest([]byte(b.String()))
}
