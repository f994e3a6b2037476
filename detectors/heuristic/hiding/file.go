package hiding

import (
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// file reports orders in the text that was taken out of a file, line by line.
func file(e *check.Event, i, v int, text string) {
	for start := 0; start < len(text); {
		end := start + strings.IndexByte(text[start:]+"\n", '\n')
		judge(e, fileText, "B11", need(e, needFile), models.Span{Segment: i, View: v, Start: start, End: end}, text[start:end])
		start = end + 1
	}
}

// labelled reports orders behind a label of content of a file that people do not see, in what a tool says about the file.
func labelled(e *check.Event, i int, text string) {
	describes := describesFiles[e.Event.Kind]
	if !describes && strings.IndexByte(e.Segments[i].Pointer, ':') < 0 {
		return
	}
	name := strings.ToLower(check.Last(&e.Segments[i]))
	if strings.HasPrefix(name, "xmp:") || strings.HasPrefix(name, "exif") || strings.HasPrefix(name, "iptc") {
		judge(e, fileText, "B11", need(e, needFile), e.Whole(i), text)
		return
	}
	if !describes || len(text) > maxLabelled {
		return
	}
	if strings.Contains(text, " --> ") {
		subtitles(e, i, text)
	}
	for _, h := range e.Signals(i, 0) {
		if h.Signal != label {
			continue
		}
		colon := strings.IndexAny(text[h.Start:min(len(text), h.Start+80)], ":\n\"])：")
		if colon < 0 {
			continue
		}
		_, width := utf8.DecodeRuneInString(text[h.Start+colon:])
		start := h.Start + colon + width
		end := min(len(text), start+maxAfter)
		if n := strings.Index(text[start:end], "\n\n"); n > 0 {
			end = start + n
		} else if n := strings.IndexByte(text[start:end], '\n'); n > minText {
			end = start + n
		}
		for end > start && end < len(text) && text[end]&0xc0 == 0x80 {
			end--
		}
		if strings.ContainsAny(text[start:end], "\"“„«") && mentions(e, i) {
			continue
		}
		if g := gist.Of(text[start:end]); !g.Has(gist.Addressee|gist.Spoken) && !spokenToMachine(g) {
			continue
		}
		judge(e, fileText, "B11", needLabelled, models.Span{Segment: i, Start: start, End: end}, text[start:end])
	}
}

// subtitles reports orders to machines among subtitles, which may show for a moment that nobody sees.
func subtitles(e *check.Event, i int, text string) {
	if !strings.HasPrefix(text, "WEBVTT") && !strings.HasPrefix(text, "1\n00:") {
		return
	}
	for start := 0; start < len(text); {
		end := start + strings.IndexByte(text[start:]+"\n", '\n')
		line := text[start:end]
		if g := gist.Of(line); g.Has(gist.Spoken) && g.Has(gist.Address|gist.Covert|gist.Override) {
			judge(e, fileText, "B11", needFile, models.Span{Segment: i, Start: start, End: end}, line)
		}
		start = end + 1
	}
}

// mentions reports whether a text speaks about attacks, so that what it quotes is none.
func mentions(e *check.Event, i int) bool {
	for _, h := range e.Signals(i, 0) {
		if h.Signal == directive.Mention {
			return true
		}
	}
	return false
}

// spokenToMachine reports an order to a machine that gives something away or keeps people out.
func spokenToMachine(g gist.Gist) bool {
	gives := g.Has(gist.Address) || g.Has(gist.Covert) || g.Has(gist.Override)
	switch {
	case !g.Has(gist.Act) || !gives:
		return false
	case g.Has(gist.Addressee):
		return g.Has(gist.Private) && g.Score() >= 7
	}
	return g.Has(gist.You) && g.Has(gist.Private) && g.Has(gist.Address) && g.Has(gist.Covert|gist.Override) && g.Score() >= 8
}

// describesFiles are the kinds of event in which a tool tells what a file holds.
var describesFiles = map[models.Kind]bool{models.KindToolResult: true, models.KindResource: true, models.KindNotification: true}

const (
	maxLabelled  = 32 << 10
	needLabelled = 6
)
