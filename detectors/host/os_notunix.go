//go:build !unix

package host

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func processAttr(userName string) (*syscall.SysProcAttr, error) {
	if userName != "" {
		return nil, errors.New("running a plugin as another user: not possible on this system")
	}
	return nil, nil
}

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

// giveTo has nothing to give: there are no other users here.
func giveTo(string, string) error { return nil }

func newSocketDir(base, _ string) (dir string, release func(), err error) {
	dir, err = os.MkdirTemp(base, "taster-plugin-")
	if err != nil {
		return "", nil, fmt.Errorf("making the plugin's socket directory: %w", err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}
