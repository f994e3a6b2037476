package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// limiter is the round tripper around the library, which limits no body and tells no header of a response with an error.
type limiter struct {
	next     http.RoundTripper
	maxBytes int64
}

// exchange is what the limiter saw of one request. It travels in the request's context.
type exchange struct {
	status   atomic.Int32
	after    atomic.Int64 // nanoseconds
	oversize atomic.Bool
}

type exchangeKey struct{}

func (e *exchange) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

func (e *exchange) retryAfter() time.Duration { return time.Duration(e.after.Load()) }

// turnedAway reports whether the endpoint answered without having the model work.
func (e *exchange) turnedAway() bool { s := e.status.Load(); return s >= 300 && s < 500 }

// moved reports whether the endpoint pointed elsewhere.
func (e *exchange) moved() bool { s := e.status.Load(); return s >= 300 && s < 400 }

func (l *limiter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	seen, _ := r.Context().Value(exchangeKey{}).(*exchange)
	if seen == nil {
		seen = &exchange{}
	}
	seen.status.Store(int32(resp.StatusCode))
	seen.after.Store(int64(retryAfter(resp.Header, time.Now())))
	if seen.moved() {
		// Followed, it could carry key and text to another host; handed out, the library would take its body for an answer.
		resp.Body.Close()
		return nil, errors.New("a redirect")
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: l.maxBytes, seen: seen}
	return resp, nil
}

// limitedBody fails at the byte behind the limit, instead of ending there as if all were well.
type limitedBody struct {
	io.ReadCloser
	left int64
	seen *exchange
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		b.seen.oversize.Store(true)
		return 0, fmt.Errorf("the body is over its limit")
	}
	b.left -= int64(n)
	return n, err
}

// retryAfter reads RFC 9110, section 10.2.3: seconds or a date; and the milliseconds that Azure and OpenAI send.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
