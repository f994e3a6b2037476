//go:build unix

package host

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processAttr puts a process into a group of its own and, if userName is not empty, under that user without
// supplementary groups.
func processAttr(userName string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if userName == "" {
		return attr, nil
	}
	uid, gid, err := lookupUser(userName)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return attr, nil
}

func lookupUser(name string) (uid, gid uint32, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("looking up the plugin's user: %w", err)
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the uid of %q: %w", name, err)
	}
	group, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the gid of %q: %w", name, err)
	}
	return uint32(id), uint32(group), nil
}

// killGroup kills a process group; one that is gone is no error.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

const socketDirPrefix = "taster-plugin-"

// newSocketDir makes a directory for the sockets of one plugin under base ("" means the system's temporary directory)
// and removes those that other hosts left behind. A directory is in use as long as its lock is held.
func newSocketDir(base, userName string) (dir string, release func(), err error) {
	if base == "" {
		base = os.TempDir()
	}
	sweep(base)
	dir, err = os.MkdirTemp(base, socketDirPrefix)
	if err != nil {
		return "", nil, fmt.Errorf("making the plugin's socket directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("locking the plugin's socket directory: %w", err)
	}
	release = func() {
		os.RemoveAll(dir)
		lock.Close()
	}
	if err := giveTo(dir, userName); err != nil {
		release()
		return "", nil, err
	}
	return dir, release, nil
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// giveTo makes a directory the user's.
func giveTo(dir, userName string) error {
	if userName == "" {
		return nil
	}
	uid, gid, err := lookupUser(userName)
	if err != nil {
		return err
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return fmt.Errorf("giving the socket directory to %q: %w", userName, err)
	}
	return nil
}

// sweepAfter keeps a sweep from taking a directory that was made but not locked yet.
const sweepAfter = time.Minute

func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return // MkdirTemp will say it
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), socketDirPrefix) || time.Since(info.ModTime()) < sweepAfter {
			continue
		}
		dir := filepath.Join(base, e.Name())
		lock, err := lockDir(dir)
		if err != nil {
			continue // in use, or not ours
		}
		os.RemoveAll(dir)
		lock.Close()
	}
}
