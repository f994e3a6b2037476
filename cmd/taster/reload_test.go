package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
)

// TestReloadUnderTraffic changes the rules of a running engine, time and again, while events come in. Each event gets
// exactly one first verdict, inspected by all detectors and by the rules of one configuration, and in the end the last
// verdict on every definition is by the rules in force.
func TestReloadUnderTraffic(t *testing.T) {
	for name, args := range map[string][]string{"plugin process": nil, "in process": {"--in-process"}} {
		t.Run(name, func(t *testing.T) { reloadUnderTraffic(t, args...) })
	}
}

func reloadUnderTraffic(t *testing.T, args ...string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := startServing(t, args...)
	c, err := client.Connect(s.url, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	book := &verdictBook{t: t, first: map[string]models.Verdict{}, rules: map[string]string{}, fresh: map[string]int{}}
	if _, err := c.Subscribe(ctx, client.Filter{From: client.Durable("")}, book.hear); err != nil {
		t.Fatal(err)
	}

	reloaded := make(chan struct{})
	var published []models.Event
	var traffic sync.WaitGroup
	traffic.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-reloaded:
				return
			default:
			}
			e := bargeEvent(n)
			if err := c.Publish(ctx, e); err != nil {
				t.Error(err)
				return
			}
			published = append(published, e)
		}
	})
	const swaps = 6
	for n := 1; n <= swaps; n++ {
		book.awaitRule(ctx, bargeRule(n-1)) // so that there is traffic before, between and after
		s.configure(n)
		s.hangUp("policy and detectors reloaded")
		if n == swaps/2 {
			s.misconfigure()
			s.hangUp("keeping the old policy and detectors: ")
		}
	}
	book.awaitRule(ctx, bargeRule(swaps))
	close(reloaded)
	traffic.Wait()
	book.awaitFirst(ctx, len(published))

	for i := range published {
		e := &published[i]
		v, ok := book.first[wire.EventID(e, "", 0, 0)]
		if !ok {
			t.Fatalf("event %s got no verdict", e.ID)
		}
		if !v.Coverage.Complete {
			t.Errorf("event %s was not inspected: %+v", e.ID, v.Coverage)
		}
	}
	for i := range published {
		if e := &published[i]; e.Kind.Definition() {
			awaitLast(ctx, t, c, e, bargeRule(swaps))
		}
	}
}

// bargeEvent is an event whose bytes no other has; every third is a definition.
func bargeEvent(n int) models.Event {
	e := models.Event{ID: fmt.Sprint("event-", n), Server: "pier", Kind: models.KindToolResult, Object: "fleet"}
	if n%3 == 0 {
		e.Kind, e.Object = models.KindTool, fmt.Sprint("fleet-", n)
	}
	e.Body = fmt.Appendf(nil, `{"name":"fleet-%d","description":"Orders a barge with timber."}`, n)
	return e
}

// awaitLast waits until the last verdict on the event's object is by the rule.
func awaitLast(ctx context.Context, t *testing.T, c *client.Client, e *models.Event, rule string) {
	t.Helper()
	subject := models.Subject{Server: e.Server, Kind: e.Kind, Object: e.Object}
	for {
		v, err := c.Last(ctx, subject)
		if err != nil {
			t.Fatalf("the last verdict on %s: %v", e.Object, err)
		}
		if len(v.Findings) == 1 && v.Findings[0].Rule == rule {
			return
		}
	}
}

// verdictBook keeps the first verdict on each event, and which rule each epoch has.
type verdictBook struct {
	t     *testing.T
	mu    sync.Mutex
	first map[string]models.Verdict // by event id
	rules map[string]string         // by epoch
	fresh map[string]int            // first verdicts by rule
	more  chan struct{}             // closed at the next verdict
}

func (b *verdictBook) hear(_ context.Context, v models.Verdict) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(v.Findings) != 1 {
		b.t.Errorf("%s %s: %d findings", v.Subject.Kind, v.Subject.Object, len(v.Findings))
		return nil
	}
	rule := v.Findings[0].Rule
	if known := b.rules[v.Epoch]; known != "" && known != rule {
		b.t.Errorf("epoch %s decides by %s and by %s", v.Epoch, known, rule)
	}
	b.rules[v.Epoch] = rule
	if v.Cause == "" {
		if _, twice := b.first[v.EventID]; twice {
			b.t.Errorf("event %s got two first verdicts", v.EventID)
		}
		b.first[v.EventID] = v
		b.fresh[rule]++
		if b.more != nil {
			close(b.more)
			b.more = nil
		}
	}
	return nil
}

// awaitFirst waits for the first verdicts on n events.
func (b *verdictBook) awaitFirst(ctx context.Context, n int) {
	b.t.Helper()
	b.await(ctx, fmt.Sprintf("first verdicts on %d events", n), func() bool { return len(b.first) >= n })
}

// awaitRule waits for first verdicts by a rule.
func (b *verdictBook) awaitRule(ctx context.Context, rule string) {
	b.t.Helper()
	const some = 40
	b.await(ctx, fmt.Sprintf("%d first verdicts by %s", some, rule), func() bool { return b.fresh[rule] >= some })
}

func (b *verdictBook) await(ctx context.Context, what string, there func() bool) {
	b.t.Helper()
	for {
		b.mu.Lock()
		if there() {
			b.mu.Unlock()
			return
		}
		if b.more == nil {
			b.more = make(chan struct{})
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Fatalf("want %s, got %v on %d events", what, b.fresh, len(b.first))
		}
	}
}

// serving is a `taster serve` in a process of its own.
type serving struct {
	t       *testing.T
	dir     string
	url     string
	process *os.Process
	lines   *bufio.Scanner // of its standard error
}

func startServing(t *testing.T, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, dir: t.TempDir()}
	s.configure(0)
	cmd := exec.Command("taster", append([]string{"serve", "--config", s.path("taster.yaml"), "--listen", "127.0.0.1:0", "--data-dir", s.path("data")}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process, s.lines = cmd.Process, bufio.NewScanner(stderr)
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		rest, _ := io.ReadAll(stderr)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serving: %v\n%s", err, rest)
		}
	})
	s.url = s.awaitLine(regexp.MustCompile(`on (nats://\S+)`))
	return s
}

// awaitLine reads on to a line of a form and returns what its group matches.
func (s *serving) awaitLine(form *regexp.Regexp) string {
	s.t.Helper()
	var read bytes.Buffer
	for s.lines.Scan() {
		fmt.Fprintln(&read, s.lines.Text())
		if m := form.FindStringSubmatch(s.lines.Text()); m != nil {
			return m[len(m)-1]
		}
	}
	s.t.Fatalf("no line like %s:\n%s", form, &read)
	return ""
}

// hangUp sends the signal and waits until the engine says what came of it.
func (s *serving) hangUp(answer string) {
	s.t.Helper()
	if err := s.process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	got := s.awaitLine(regexp.MustCompile(`^taster: (policy and detectors reloaded|keeping the old .*)`))
	if !strings.HasPrefix(got, answer) {
		s.t.Errorf("got %q, want %q", got, answer)
	}
}

func (s *serving) path(name string) string { return filepath.Join(s.dir, name) }

func (s *serving) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func bargeRule(n int) string { return fmt.Sprint("barge-order-", n) }

// configure writes a pack whose one rule is called after n, and the configuration that pins it.
func (s *serving) configure(n int) {
	pack := fmt.Sprintf(`name: harbour
version: 1.0.%d
description: Barges.
terms:
  boat: [barge, ferry]
  cargo: [timber]
rules:
  - id: %s
    version: 1.0.0
    class: A1
    severity: high
    confidence: 0.8
    message: Orders a barge.
    near: {terms: [boat, cargo], within: 20}
    hits: ["A barge with timber."]
    misses: ["A barge."]
`, n, bargeRule(n))
	s.write("harbour.yaml", pack)
	s.pin(fmt.Sprintf("%x", sha256.Sum256([]byte(pack))))
}

// misconfigure pins other bytes than there are.
func (s *serving) misconfigure() { s.pin(strings.Repeat("0", 64)) }

func (s *serving) pin(sum string) {
	s.write("taster.yaml", fmt.Sprintf("detectors:\n  sections:\n    heuristic:\n      packs:\n        - {path: %q, sha256: %s}\n", s.path("harbour.yaml"), sum))
}
