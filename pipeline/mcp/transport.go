package mcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// errTooManyBytes ends a conversation in which the server has said more than [Limits.Bytes].
var errTooManyBytes = errors.New("the server has sent more bytes than allowed")

// budget counts down the bytes that a server may still send. It is safe for concurrent use.
type budget struct{ left atomic.Int64 }

func newBudget(n int64) *budget {
	b := &budget{}
	b.left.Store(n)
	return b
}

// limit returns a reader that fails once the budget is used up.
func (b *budget) limit(r io.ReadCloser) io.ReadCloser {
	return &limitedReader{ReadCloser: r, budget: b}
}

type limitedReader struct {
	io.ReadCloser
	budget *budget
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if r.budget.left.Load() <= 0 {
		return 0, errTooManyBytes
	}
	n, err := r.ReadCloser.Read(p)
	r.budget.left.Add(-int64(n))
	return n, err
}

// dial opens a connection to t. diagnose says what the server's side has to tell about a failure; close ends the
// connection and any child.
func dial(ctx context.Context, t *Target, limits Limits, revision *atomic.Value) (conn mcp.Connection, diagnose func() string, close func(), err error) {
	if t.Runs() {
		return dialChild(ctx, t, limits)
	}
	conn, err = dialHTTP(ctx, t, limits, revision)
	if err != nil {
		return nil, nil, nil, err
	}
	return conn, func() string { return "" }, func() { _ = conn.Close() }, nil
}

func dialHTTP(ctx context.Context, t *Target, limits Limits, revision *atomic.Value) (mcp.Connection, error) {
	endpoint, err := url.Parse(t.URL)
	if err != nil {
		return nil, fmt.Errorf("reading address: %w", err)
	}
	client := &http.Client{
		Transport: &guard{
			base: http.DefaultTransport, headers: t.Headers, revision: revision,
			budget: newBudget(limits.Bytes), frame: limits.FrameBytes,
		},
		// Headers carry credentials of the configured host: another one must not get them.
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Host != endpoint.Host || req.URL.Scheme != endpoint.Scheme || len(via) > 3 {
				return fmt.Errorf("not following a redirect to %s", req.URL.Host)
			}
			return nil
		},
	}
	var transport mcp.Transport = &mcp.StreamableClientTransport{
		Endpoint: t.URL, HTTPClient: client, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: limits.FrameBytes,
	}
	if t.SSE {
		transport = &mcp.SSEClientTransport{Endpoint: t.URL, HTTPClient: client, MaxEventSize: limits.FrameBytes}
	}
	return transport.Connect(ctx)
}

// guard adds the target's headers to every request and limits every response.
type guard struct {
	base     http.RoundTripper
	headers  map[string]string
	revision *atomic.Value // string: the protocol revision, once it is agreed
	budget   *budget
	frame    int
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, value := range g.headers {
		req.Header.Set(name, value)
	}
	// The SDK sets this header from its own client's session, which is not in use here.
	if rev, ok := g.revision.Load().(string); ok && req.Header.Get("Mcp-Protocol-Version") == "" {
		req.Header.Set("Mcp-Protocol-Version", rev)
	}
	resp, err := g.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = g.budget.limit(resp.Body)
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		resp.Body = newBudget(int64(g.frame)).limit(resp.Body)
	}
	return resp, nil
}

// dialChild starts the target's command. Lines on its standard output that are not JSON are left out, as clients do,
// and kept for the diagnosis together with the end of its standard error.
func dialChild(ctx context.Context, t *Target, limits Limits) (mcp.Connection, func() string, func(), error) {
	cmd := exec.Command(t.Command, t.Args...)
	cmd.Env, cmd.Dir = t.environ(), t.Dir
	ownGroup(cmd)
	stderr := &tail{limit: 2 << 10}
	cmd.Stderr = stderr
	cmd.WaitDelay = limits.Grace
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("opening the child's standard input: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("opening the child's standard output: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, nil, fmt.Errorf("starting %q: %w", t.Command, err)
	}
	noise := &tail{limit: 512}
	frames := newFrameReader(newBudget(limits.Bytes).limit(stdout), limits.FrameBytes, noise)
	conn, err := (&mcp.IOTransport{Reader: frames, Writer: stdin, MaxLineLength: limits.FrameBytes + 1}).Connect(ctx)
	if err != nil {
		killGroup(cmd)
		_ = cmd.Wait()
		return nil, nil, nil, fmt.Errorf("connecting to %q: %w", t.Command, err)
	}
	// A child that neither reads nor exits would hold a write for ever.
	stop := context.AfterFunc(ctx, func() { killGroup(cmd) })
	var once sync.Once
	end := func() {
		once.Do(func() {
			stop()
			_ = stdin.Close()
			timer := time.AfterFunc(limits.Grace, func() { killGroup(cmd) })
			_ = cmd.Wait()
			timer.Stop()
			killGroup(cmd) // grandchildren that outlived it
			_ = conn.Close()
		})
	}
	diagnose := func() string {
		var parts []string
		if s := noise.String(); s != "" {
			parts = append(parts, fmt.Sprintf("on standard output, where only JSON-RPC belongs, it printed %q", s))
		}
		if s := stderr.String(); s != "" {
			parts = append(parts, fmt.Sprintf("on standard error it printed %q", s))
		}
		return strings.Join(parts, "; ")
	}
	return conn, diagnose, end, nil
}

// frameReader passes on the lines that hold a JSON object or array.
type frameReader struct {
	io.Closer
	lines *bufio.Reader
	limit int
	noise io.Writer
	rest  []byte
}

func newFrameReader(r io.ReadCloser, limit int, noise io.Writer) *frameReader {
	return &frameReader{Closer: r, lines: bufio.NewReaderSize(r, 64<<10), limit: limit, noise: noise}
}

func (r *frameReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		line, err := r.line()
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
			r.rest = append(trimmed, '\n')
		} else if len(trimmed) > 0 {
			_, _ = r.noise.Write(line)
		}
		if err != nil && len(r.rest) == 0 {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *frameReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > r.limit {
			return nil, fmt.Errorf("a frame has more than %d bytes", r.limit)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// tail is a writer that keeps the last bytes written to it. It is safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	limit int
	data  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if extra := len(t.data) - t.limit; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(strings.TrimSpace(string(t.data)), "�")
}
