package natsembed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockName is the file in the data directory that its user holds locked.
const lockName = "taster.lock"

// LockedError says that another process is using the data directory.
type LockedError struct{ Dir string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("data directory %q is in use by another process", e.Dir)
}

// lockDir creates dir and takes its lock. JetStream itself would let two servers write over each other.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening data directory: %w", err)
	}
	switch held, err := tryLock(f); {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("locking data directory %q: %w", dir, err), f.Close())
	case !held:
		return nil, errors.Join(&LockedError{Dir: dir}, f.Close())
	}
	return f, nil
}

// unlock gives the lock up; the file stays, since removing it would race with the next user.
func unlock(f *os.File) error { return f.Close() }
