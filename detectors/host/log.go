package host

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

// Limits on what a plugin may log.
const (
	maxLogLine       = 2 << 10 // bytes; the rest of a longer line is dropped
	logLinesPerSec   = 20
	logLinesAtOnce   = 200
	droppedLinesNote = 1000 // a note after so many dropped lines
)

// lineLog is a writer that logs what it is given line by line, within limits. It is safe for concurrent use.
type lineLog struct {
	log   *slog.Logger
	limit *rate.Limiter

	mu      sync.Mutex
	line    []byte
	dropped int
}

func newLineLog(log *slog.Logger) *lineLog {
	return &lineLog{log: log, limit: rate.NewLimiter(logLinesPerSec, logLinesAtOnce)}
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		l.line = append(l.line, part[:min(len(part), maxLogLine-len(l.line))]...)
		if ended {
			l.flush()
		}
		rest = after
	}
	return len(p), nil
}

func (l *lineLog) flush() {
	text := strings.ToValidUTF8(string(bytes.TrimSpace(l.line)), "?")
	l.line = l.line[:0]
	if text == "" {
		return
	}
	if !l.limit.Allow() {
		if l.dropped++; l.dropped%droppedLinesNote == 1 {
			l.log.Log(context.Background(), slog.LevelWarn, "plugin logs too much", "dropped_lines", l.dropped)
		}
		return
	}
	l.log.Log(context.Background(), slog.LevelInfo, "plugin says", "line", text)
}
