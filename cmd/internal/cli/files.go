package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/aad6b6dc/taster/models/rpc"
)

// maxInputBytes is the largest file that a command takes as its subject.
const maxInputBytes = rpc.MaxFileBytes

// input reads the file that an argument names, "-" for standard input.
func (a *app) input(arg string) (data []byte, err error) {
	if arg == "-" {
		data, err = readAll(a.stdin, "standard input", maxInputBytes)
	} else {
		data, err = readFile(arg, maxInputBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	return data, nil
}

// readFile reads a file of at most limit bytes. Its error names the file.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// readAll reads at most limit bytes. name says in an error what r is.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}
