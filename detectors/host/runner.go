package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// child is one plugin process. It implements go-plugin's runner, whose own one would hand the host's standard input
// on, forget processes that the plugin started, and leave its sockets in the temporary directory.
type child struct {
	cmd            *exec.Cmd
	exe            *os.File // what runs; closed once it does
	stdout, stderr *os.File // read ends
	lifeline       *os.File // write end of the child's standard input

	mu     sync.Mutex
	pid    int  // 0 before the start
	doomed bool // to be killed, also if it has not started yet

	exited chan struct{} // closed when the process is gone and its group is killed
	err    error         // how it ended; valid after exited
	diedAt time.Time     // valid after exited
}

var _ runner.Runner = (*child)(nil)

// newChild prepares the source's command, still without environment, around an executable that was verified.
func newChild(s *Source, exe *os.File) (*child, error) {
	path, files := runnable(s, exe)
	c := &child{
		exe: exe, exited: make(chan struct{}),
		cmd: &exec.Cmd{Path: path, Args: s.Command, Dir: s.Dir, ExtraFiles: files},
	}
	attr, err := processAttr(s.User)
	if err != nil {
		return nil, err
	}
	c.cmd.SysProcAttr = attr
	return c, nil
}

// Start starts the process and a goroutine that waits for its end.
func (c *child) Start(context.Context) error {
	defer c.exe.Close()
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			return nil, nil, fmt.Errorf("opening a pipe for the plugin: %w", err)
		}
		return r, w, nil
	}
	in, lifeline, err := pipe()
	if err != nil {
		return err
	}
	theirs = append(theirs, in)
	stdout, out, err := pipe()
	if err != nil {
		lifeline.Close()
		return err
	}
	theirs = append(theirs, out)
	stderr, errw, err := pipe()
	if err != nil {
		lifeline.Close()
		stdout.Close()
		return err
	}
	theirs = append(theirs, errw)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, out, errw
	c.lifeline, c.stdout, c.stderr = lifeline, stdout, stderr
	if err := c.cmd.Start(); err != nil {
		close(c.exited)
		c.closePipes()
		return fmt.Errorf("starting %s: %w", c.Name(), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = c.cmd.Process.Pid
	if c.doomed {
		killGroup(c.pid)
	}
	go c.await()
	return nil
}

// drainTime is how long output is read after the end, should something that escaped the group hold it open.
const drainTime = time.Second

func (c *child) await() {
	c.err = c.cmd.Wait()
	c.diedAt = time.Now()
	killGroup(c.pid)
	late := time.Now().Add(drainTime)
	_ = c.stdout.SetReadDeadline(late)
	_ = c.stderr.SetReadDeadline(late)
	c.lifeline.Close()
	close(c.exited)
}

func (c *child) closePipes() {
	c.lifeline.Close()
	c.stdout.Close()
	c.stderr.Close()
}

// kill ends the process and whatever it started in its group.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = true
	select {
	case <-c.exited: // its number may be another's by now
	default:
		if c.pid != 0 {
			killGroup(c.pid)
		}
	}
}

// Wait waits for the end.
func (c *child) Wait(context.Context) error {
	<-c.exited
	c.stdout.Close()
	c.stderr.Close()
	return c.err
}

// Kill ends the process.
func (c *child) Kill(context.Context) error {
	c.kill()
	return nil
}

// Stdout is the process's output.
func (c *child) Stdout() io.ReadCloser { return c.stdout }

// Stderr is the process's error output.
func (c *child) Stderr() io.ReadCloser { return c.stderr }

// Name is the command's name.
func (c *child) Name() string { return c.cmd.Args[0] }

// ID is the process id, or "" before the start.
func (c *child) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid == 0 {
		return ""
	}
	return strconv.Itoa(c.pid)
}

// Diagnose adds to go-plugin's message about a program that does not shake hands.
func (c *child) Diagnose(context.Context) string {
	return "is it a Taster plugin? A Go plugin calls plugin.Serve first of all and prints nothing before"
}

// PluginToHost and HostToPlugin say that both see the same network.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin is the inverse of PluginToHost.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
