//go:build !linux

package host

import "os"

func selfPath() (string, error) { return os.Executable() }

// runnable runs the file by its name: here, nothing better is at hand.
func runnable(s *Source, _ *os.File) (path string, files []*os.File) {
	if s.self != nil {
		return s.self.path, nil
	}
	return s.path(s.Command[0]), nil
}
