package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/protocol"
	"github.com/aad6b6dc/taster/models"

	goplugin "github.com/hashicorp/go-plugin"
)

// serveUnchecked is plugin.Serve without its own checks: what a plugin in another language could do.
func serveUnchecked(specs ...detectors.Spec) {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: protocol.Handshake(), Plugins: protocol.PluginSet(protocol.NewServer(specs...)),
		GRPCServer: protocol.NewGRPCServer,
	})
}

// source returns this test binary, acting.
func source(t *testing.T, how string) Source {
	t.Helper()
	s, err := SelfSource(actAs, how)
	if err != nil {
		t.Fatal(err)
	}
	s.TLS = false // faster to start; TestTLS is about TLS
	return s
}

// socketBase returns a directory with a name short enough for sockets, empty at the end of the test.
func socketBase(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tt")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		os.RemoveAll(dir)
	})
	return dir
}

// start launches a fixture and closes it with the test.
func start(t *testing.T, s Source, opts Options) *Process {
	t.Helper()
	opts.SocketDir = socketBase(t)
	if opts.Backoff == 0 {
		opts.Backoff = time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := Launch(ctx, s, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// ask gives the first detector a minute, so that the test does not depend on the machine's pace.
func ask(p *Process, orders ...string) (detectors.Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return p.Detectors()[0].Detector.Detect(ctx, order(orders...))
}

// message is the message of the only finding that a fixture answers.
func message(t *testing.T, p *Process, what string) string {
	t.Helper()
	answer, err := ask(p, what)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Outcomes[0].Findings[0].Message
}

func pid(t *testing.T, p *Process) int {
	t.Helper()
	first, _, _ := strings.Cut(message(t, p, "pid"), " ")
	n, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func code(err error) detectors.Code {
	var e *detectors.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestMisbehaviourIsTypedAndSurvived(t *testing.T) {
	tests := []struct {
		order string
		want  detectors.Code
		text  string
		dies  bool
	}{
		{"panic:boo", detectors.CodeInternal, "panic: asked to: boo", false},
		{"exit", detectors.CodeUnavailable, "", true},
		{"retry", detectors.CodeOverloaded, "later", false},
		{"short", detectors.CodeBadAnswer, "0 outcomes for 1 events", false},
		{"span", detectors.CodeBadAnswer, "evidence[0]", false},
		{"class", detectors.CodeBadAnswer, `"Z9"`, false},
		{"huge", detectors.CodeTooLarge, "", false},
	}
	p := start(t, source(t, "obedient"), Options{})
	for _, tt := range tests {
		t.Run(tt.order, func(t *testing.T) {
			before := pid(t, p)
			_, err := ask(p, tt.order)
			if code(err) != tt.want || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("got %v, want %s with %q", err, tt.want, tt.text)
			}
			if after := pid(t, p); (after != before) != tt.dies {
				t.Errorf("process %d became %d, want a new one: %v", before, after, tt.dies)
			}
		})
	}
}

func TestRetryAfterCrosses(t *testing.T) {
	p := start(t, source(t, "obedient"), Options{})
	_, err := ask(p, "retry")
	var e *detectors.Error
	if !errors.As(err, &e) || e.RetryAfter != 3*time.Second {
		t.Errorf("got %#v, want a delay of 3s", err)
	}
}

func TestKilledProcessIsReplaced(t *testing.T) {
	p := start(t, source(t, "obedient"), Options{})
	for range 3 {
		before := pid(t, p)
		p.mu.Lock()
		dead := p.current.child.exited
		p.mu.Unlock()
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-dead
		if after := pid(t, p); after == before {
			t.Errorf("still process %d", after)
		}
	}
}

// waitGone waits until a child of this process has been reaped.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 10000 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("process %d does not go away", pid)
}

func TestStuckProcessIsReplaced(t *testing.T) {
	p := start(t, source(t, "quick"), Options{MaxOverruns: 2})
	before := pid(t, p)
	for range 2 {
		if _, err := ask(p, "busy"); code(err) != detectors.CodeDeadline {
			t.Fatalf("got %v, want a deadline", err)
		}
	}
	if pid(t, p) == before {
		t.Error("the process with two busy loops goes on")
	}
	waitGone(t, before)
}

func TestPoliteDeadlinesDoNotKill(t *testing.T) {
	p := start(t, source(t, "patient"), Options{MaxOverruns: 1})
	before := pid(t, p)
	if _, err := ask(p, "hang"); code(err) != detectors.CodeDeadline {
		t.Fatalf("got %v, want a deadline", err)
	}
	if pid(t, p) != before {
		t.Error("a detector that gives up in time was killed")
	}
}

func TestHurriedCallersDoNotKill(t *testing.T) {
	p := start(t, source(t, "quick"), Options{MaxOverruns: 1})
	before := pid(t, p)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := p.Detectors()[0].Detector.Detect(ctx, order("busy")); code(err) != detectors.CodeDeadline {
		t.Fatalf("got %v, want a deadline", err)
	}
	if pid(t, p) != before {
		t.Error("a caller in a hurry got the process killed")
	}
}

func TestLateProbesDoNotKill(t *testing.T) {
	p := start(t, source(t, "quick"), Options{MaxOverruns: 1})
	before := pid(t, p)
	if err := syscall.Kill(before, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil { // until it has stopped
		_, err = p.Detectors()[0].Detector.Detect(context.Background(), &detectors.Batch{})
	}
	if err := syscall.Kill(before, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code(err) != detectors.CodeDeadline {
		t.Fatalf("got %v, want a deadline", err)
	}
	if pid(t, p) != before {
		t.Error("a process that was asked for its revision while the machine was busy was killed")
	}
}

func TestLaunchFailures(t *testing.T) {
	tests := []struct {
		how, text string
	}{
		{"exit-at-start", "is it a Taster plugin"},
		{"wrong-handshake", "hello, world"},
		{"silent", "deadline"},
		{"deaf", "deadline"},
		{"slow-deadline", "10m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			timeout := 30 * time.Second
			if tt.how == "silent" || tt.how == "deaf" {
				timeout = 300 * time.Millisecond
			}
			p, err := Launch(context.Background(), source(t, tt.how), Options{SocketDir: socketBase(t), LaunchTimeout: timeout})
			if err == nil {
				p.Close()
				t.Fatal("launched")
			}
			if code(err) == "" || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want a typed error with %q", err, tt.text)
			}
		})
	}
}

func TestRefusingConfiguration(t *testing.T) {
	s := source(t, "obedient")
	for _, tt := range []struct {
		name, cfg, text string
	}{
		{"fixture", `{"Refuse": true}`, "refusing to start"},
		{"fixture", `{"Unknown": true}`, "unknown field"},
		{"nobody", `{}`, `"nobody"`},
	} {
		s.Configs = map[string]detectors.Config{tt.name: detectors.Config(tt.cfg)}
		p, err := Launch(context.Background(), s, Options{SocketDir: socketBase(t)})
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want %q", tt.cfg, err, tt.text)
		}
	}
}

func TestCircuitOpensAndCloses(t *testing.T) {
	dir := socketBase(t)
	exe := copyOfSelf(t)
	sum, err := hashFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	s := Source{Name: "copy", Command: []string{exe, actAs, "obedient"}, Files: []File{{exe, sum}}}
	p, err := Launch(context.Background(), s, Options{SocketDir: dir, MaxFailures: 2, Backoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.Close()
	}()
	// Without its executable the plugin can't come back.
	if err := os.Rename(exe, exe+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(p, "exit"); code(err) != detectors.CodeUnavailable {
		t.Fatalf("got %v, want unavailable", err)
	}
	_, err = ask(p, "clean")
	var e *detectors.Error
	if !errors.As(err, &e) || e.Code != detectors.CodeCircuitOpen || e.RetryAfter <= 0 {
		t.Fatalf("got %#v, want an open circuit and when to ask again", err)
	}
	if err := os.Rename(exe+".away", exe); err != nil {
		t.Fatal(err)
	}
	for range 10000 {
		if _, err = ask(p, "clean"); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("the circuit stays open: %v", err)
}

func TestDyingAloneOpensTheCircuit(t *testing.T) {
	p := start(t, source(t, "dies-alone"), Options{MaxFailures: 2, MaxBackoff: time.Minute, Backoff: 10 * time.Second})
	p.mu.Lock()
	changed := p.changed
	p.mu.Unlock()
	<-changed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures == 0 {
		t.Error("a process that died without having served is no failure")
	}
}

func copyOfSelf(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip("no /proc:", err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChangedFileIsRefused(t *testing.T) {
	exe := copyOfSelf(t)
	sum, err := hashFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	extra := filepath.Join(t.TempDir(), "lock.json")
	if err := os.WriteFile(extra, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := Source{Name: "copy", Command: []string{exe, actAs, "obedient"}, Files: []File{
		{exe, sum}, {extra, models.Digest([]byte("{}"))},
	}}
	p, err := Launch(context.Background(), s, Options{SocketDir: socketBase(t)})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if err := os.WriteFile(extra, []byte("{ }"), 0o644); err != nil {
		t.Fatal(err)
	}
	if p, err = Launch(context.Background(), s, Options{SocketDir: socketBase(t)}); err == nil {
		p.Close()
		t.Fatal("a changed file was accepted")
	}
	if !strings.Contains(err.Error(), "lock.json") {
		t.Errorf("%v does not name the file", err)
	}
}

func TestScriptNeedsItsInterpreter(t *testing.T) {
	script := filepath.Join(t.TempDir(), "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := Source{Name: "script", Command: []string{script}, Files: []File{{script, models.Digest([]byte("#!/bin/sh\n"))}}}
	p, err := Launch(context.Background(), s, Options{SocketDir: socketBase(t)})
	if err == nil {
		p.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "interpreter") {
		t.Errorf("got %v, want a word about the interpreter", err)
	}
}

func TestChildGetsNothingOfTheHost(t *testing.T) {
	t.Setenv("TASTER_TEST_SECRET", "sk-not-for-plugins")
	p := start(t, source(t, "obedient"), Options{})
	got := message(t, p, "env")
	for _, name := range strings.Fields(got) {
		switch {
		case name == "PATH", name == "LANG", name == "TMPDIR", name == "TASTER_PLUGIN", strings.HasPrefix(name, "PLUGIN_"):
		default:
			t.Errorf("the plugin has %s", name)
		}
	}
	if !strings.Contains(got, "TASTER_PLUGIN") {
		t.Errorf("saw no environment: %q", got)
	}
	if open := strings.Fields(message(t, p, "stdin")); len(open) < 4 || open[0] != "pipe" {
		t.Errorf("descriptors %v: standard input is not the lifeline", open)
	}
}

func TestTLS(t *testing.T) {
	s := source(t, "obedient")
	s.TLS = true
	p := start(t, s, Options{})
	if _, err := ask(p, "clean"); err != nil {
		t.Error(err)
	}
}

func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	s := source(t, "obedient")
	s.User = "nobody"
	p := start(t, s, Options{})
	if got := message(t, p, "pid"); strings.HasSuffix(got, " 0") {
		t.Errorf("pid and uid %q: still root", got)
	}
}

func TestSeveralDetectorsShareAProcess(t *testing.T) {
	s := source(t, "two")
	s.Configs = map[string]detectors.Config{"second": detectors.Config(`{"Refuse": false}`)}
	p := start(t, s, Options{})
	loaded := p.Detectors()
	if len(loaded) != 2 || loaded[0].Process != loaded[1].Process || loaded[0].Digest == loaded[1].Digest {
		t.Errorf("got %+v, want two detectors with two digests in one process", loaded)
	}
	if _, err := Join(loaded, loaded); err == nil {
		t.Error("one name twice was accepted")
	}
}

func TestPlacementsShareDigests(t *testing.T) {
	s := source(t, "obedient")
	s.Configs = map[string]detectors.Config{"fixture": detectors.Config(`{"Refuse": false}`)}
	p := start(t, s, Options{})
	local, err := InProcess(context.Background(), []detectors.Spec{spec("fixture", obedient)}, s.Configs)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := p.Detectors()[0].Digest, local[0].Digest; a != b || !models.ValidDigest(a) {
		t.Errorf("as a plugin %s, in process %s", a, b)
	}
	bare, err := InProcess(context.Background(), []detectors.Spec{spec("fixture", obedient)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bare[0].Digest == local[0].Digest {
		t.Error("the configuration is not part of the digest")
	}
}

func TestInProcessGuards(t *testing.T) {
	local, err := InProcess(context.Background(), []detectors.Spec{spec("fixture", obedient)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for o, want := range map[string]detectors.Code{
		"panic": detectors.CodeInternal, "short": detectors.CodeBadAnswer, "class": detectors.CodeBadAnswer, "retry": detectors.CodeOverloaded,
	} {
		if _, err := local[0].Detector.Detect(context.Background(), order(o)); code(err) != want {
			t.Errorf("%s: got %v, want %s", o, err, want)
		}
	}
}

func TestConcurrentCallsOverCrashes(t *testing.T) {
	p := start(t, source(t, "obedient"), Options{})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for k := range 5 {
				o := "clean"
				if i == 0 && k%2 == 0 {
					o = "exit"
				}
				if _, err := ask(p, o); err != nil && code(err) != detectors.CodeUnavailable {
					t.Errorf("%s: %v", o, err)
				}
			}
		})
	}
	callers.Wait()
	if _, err := ask(p, "clean"); err != nil {
		t.Errorf("after the crashes: %v", err)
	}
}

func TestClosedProcessRefuses(t *testing.T) {
	p := start(t, source(t, "obedient"), Options{})
	d := p.Detectors()[0].Detector
	before := pid(t, p)
	p.Close()
	if syscall.Kill(before, 0) == nil {
		t.Errorf("process %d outlives Close", before)
	}
	if _, err := d.Detect(context.Background(), order("clean")); code(err) != detectors.CodeUnavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

func TestSocketsOfDeadHostsAreSwept(t *testing.T) {
	base := socketBase(t)
	old := filepath.Join(base, socketDirPrefix+"old")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	dir, release, err := newSocketDir(base, "")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := os.Chtimes(dir, long, long); err != nil {
		t.Fatal(err)
	}
	sweep(base)
	if _, err := os.Stat(old); err == nil {
		t.Error("the directory of a dead host is still there")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the directory of a living host is gone: %v", err)
	}
}
