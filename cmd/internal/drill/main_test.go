package drill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary's first argument when it plays a part in a process of its own.
const (
	playServer    = "drill-server"
	playStation   = "drill-station"
	playDetectors = "drill-detectors"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch part, args := os.Args[1], os.Args[2:]; part {
		case playTaster:
			os.Exit(runTaster(args))
		case playPlugins:
			os.Exit(runTaster(os.Args[1:]))
		case playServer:
			exit(serveBus(args[0], args[1]))
		case playStation:
			exit(serveStation(args[0]))
		case playDetectors:
			exit(serveDetectors(args[0], args[1:]))
		}
	}
	// The index's library starts these when it is linked in.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// untilParentEnds returns when standard input does: nothing outlives the tests.
func untilParentEnds() { _, _ = io.Copy(io.Discard, os.Stdin) }

// child is a part in a process of its own.
type child struct {
	said string // its first line
	kill func() // as a crash does; a second call does nothing
}

// spawn starts a part and waits for its first line.
func spawn(t testing.TB, args ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{kill: sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	})}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s says %q: %v", args[0], line, err)
	}
	c.said = strings.TrimSpace(line)
	return c
}

// herd is the plugin processes of a drill. Each writes down its number when it starts.
type herd struct {
	t   *testing.T
	dir string
}

// newHerd makes the directory that the processes know each other by, and sees to it that none outlives the test.
func newHerd(t *testing.T) *herd {
	h := &herd{t, t.TempDir()}
	t.Cleanup(func() {
		entries, err := os.ReadDir(h.dir)
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), livesSuffix)
			if !ok {
				continue
			}
			eventually(testContext(t), t, "the plugin processes are gone", func() bool {
				return !slices.ContainsFunc(h.lives(name), h.alive)
			})
		}
	})
	return h
}

const livesSuffix = ".lives"

// noteLife is called by a plugin process, whose first detector gives it its name.
func noteLife(dir, name string) error {
	f, err := os.OpenFile(filepath.Join(dir, name+livesSuffix), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return errors.Join(err, f.Close())
}

// lives returns the numbers of all processes that ever served the detector, the last one last.
func (h *herd) lives(detector string) []int {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, detector+livesSuffix))
	if err != nil {
		h.t.Fatal(err)
	}
	var pids []int
	for _, field := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			h.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// alive reports whether the number is still that of a process of the herd. Only Linux can tell.
func (h *herd) alive(pid int) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(cmdline), h.dir) // a zombie has none
}

// openGate lets the gated detector answer.
func (h *herd) openGate() {
	h.t.Helper()
	if err := os.WriteFile(gatePath(h.dir), nil, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// killLast kills the process that serves the detector now.
func (h *herd) killLast(detector string) {
	h.t.Helper()
	pids := h.lives(detector)
	p, err := os.FindProcess(pids[len(pids)-1])
	if err == nil {
		err = p.Kill()
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		h.t.Error(err)
	}
}

// testContext ends when no drill should still be waiting.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func eventually(ctx context.Context, t testing.TB, what string, done func() bool) {
	t.Helper()
	for !done() {
		if !pause(ctx, 10*time.Millisecond) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// scaled is n, or a tenth of it where tests are to be short.
func scaled(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}
