package similarity

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
)

// shipped is the index of the shipped texts. It is made once in a process, beside its start.
var shipped = sync.OnceValues(func() (*index.Index, error) {
	known, err := Known()
	if err != nil {
		return nil, err
	}
	return index.Memory(known)
})

var shippedDigest = sync.OnceValue(func() string { return models.Digest(knownTexts) })

// revision is a digest of all that decides.
func revision(own *index.Index, least float64) string {
	ownRevision := ""
	if own != nil {
		ownRevision = own.Revision()
	}
	return models.Digest([]byte(shippedDigest()), []byte(ownRevision), []byte(calibration), []byte(strconv.FormatFloat(least, 'g', -1, 64)))
}

// lookEvery is how often at most the directory is looked at.
const lookEvery = 100 * time.Millisecond

// follower holds the index of a directory and follows its changes. Without a directory it holds none.
type follower struct {
	dir  string
	next atomic.Int64 // nanoseconds since the epoch: when to look again
	held atomic.Pointer[index.Index]
	// opening keeps two callers from opening the directory at once.
	opening sync.Mutex
	told    string // the last trouble that was logged
}

// newFollower opens the directory. That there is no index in it yet is no error.
func newFollower(dir string) (*follower, error) {
	f := &follower{dir: dir}
	if dir == "" {
		return f, nil
	}
	if !filepath.IsAbs(dir) { // the detector's process has a working directory of its own
		return nil, &models.FieldError{Field: "dir", Problem: fmt.Sprintf("%q is not an absolute path", dir)}
	}
	if err := f.look(); err != nil {
		return nil, err
	}
	f.next.Store(time.Now().Add(lookEvery).UnixNano())
	return f, nil
}

// current returns the index as the directory has it now, or unless it has to be now, had it less than [lookEvery] ago; nil if
// there is none. What can't be opened leaves in force what is held, and is logged once.
func (f *follower) current(now bool) *index.Index {
	if f.dir == "" {
		return nil
	}
	at, next := time.Now(), f.next.Load()
	if now || at.UnixNano() >= next && f.next.CompareAndSwap(next, at.Add(lookEvery).UnixNano()) {
		f.tell(f.look())
	}
	return f.held.Load()
}

func (f *follower) look() error {
	f.opening.Lock()
	defer f.opening.Unlock()
	if x := f.held.Load(); x != nil {
		changed, err := x.Refresh()
		if changed {
			f.damage(x)
		}
		return err
	}
	x, err := index.Open(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	f.held.Store(x)
	f.damage(x)
	return nil
}

// damage logs what is wrong with an index that can be used nevertheless.
func (f *follower) damage(x *index.Index) {
	if damage := x.Stats().Damage; damage != "" {
		slog.Warn("index of known texts is read from its source alone", "dir", f.dir, "damage", damage)
	}
}

func (f *follower) tell(err error) {
	f.opening.Lock()
	defer f.opening.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != f.told && text != "" {
		slog.Error("index of known texts can't be read, the last one stays in force", "dir", f.dir, "error", err)
	}
	f.told = text
}
