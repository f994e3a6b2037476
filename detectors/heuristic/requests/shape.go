package requests

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// text is the raw view of segment i.
func text(e *check.Event, i int) string { return e.Segments[i].Views[0].Text }

// scalar is the number or word that is the value of the key segment i, as it stands in the body: true, 4096.
func scalar(e *check.Event, i int) string {
	rest := strings.TrimLeft(string(clip(e.Input.Event.Body, e.Segments[i].End, maxScalar)), "\" \t\r\n")
	rest, found := strings.CutPrefix(rest, ":")
	if !found {
		return unreadable
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	if n := strings.IndexAny(rest, ",}] \t\r\n"); n >= 0 {
		rest = rest[:n]
	}
	return rest
}

const unreadable = "?" // for a scalar that stands too far behind its key

const maxScalar = 64 // bytes of a key's end, blanks and a scalar

func clip(b []byte, start, n int) []byte {
	start = min(max(start, 0), len(b))
	return b[start:min(len(b), start+n)]
}

// parent is the pointer of what the segment stands in.
func parent(pointer string) string {
	return pointer[:max(0, strings.LastIndexByte(pointer, '/'))]
}

func whole(e *check.Event, segments ...int) []models.Span {
	spans := make([]models.Span, len(segments))
	for n, i := range segments {
		spans[n] = e.Whole(i)
	}
	return spans
}
