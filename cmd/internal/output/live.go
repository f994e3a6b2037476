package output

import (
	"bufio"
	"io"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Live writes verdicts one by one, as they come: as text, or as the JSON lines of [Write]. It is not safe for
// concurrent use.
type Live struct {
	printer printer
	json    bool
	seen    Report
}

// NewLive writes to w, after each verdict at once.
func NewLive(w io.Writer, json bool, o Options) *Live {
	return &Live{printer: printer{w: bufio.NewWriter(w), colour: o.Colour}, json: json}
}

// Verdict writes a verdict. With the event, the offending words stand in their place; without it (nil) the verdict's
// excerpts do, as far as it has any. Unlike a scan's text, it has a line for every verdict, clean ones too.
func (l *Live) Verdict(v *models.Verdict, e *models.Event) error {
	l.seen.Items = append(l.seen.Items, Item{Verdict: summarised(v)})
	if l.json {
		return l.encode(line{Verdict: v})
	}
	if v.Clean() && v.Decision == models.Allow {
		l.printer.printf("%s  %s  clean\n\n", l.printer.paint(green, strings.ToUpper(string(v.Decision))), name(&v.Subject))
	} else {
		l.printer.item(&Item{Verdict: *v, Event: e})
	}
	if v.Supersedes != "" {
		l.printer.printf("  supersedes %s: %s\n\n", Visible(v.Supersedes), Visible(v.Cause))
	}
	return l.printer.w.Flush()
}

// Summary writes what all verdicts so far come to.
func (l *Live) Summary() error {
	s := l.seen.Summary()
	if l.json {
		return l.encode(line{Summary: &s})
	}
	l.printer.summary(s)
	return l.printer.w.Flush()
}

func (l *Live) encode(x line) error {
	if err := encoder(l.printer.w).Encode(x); err != nil {
		return err
	}
	return l.printer.w.Flush()
}

// summarised keeps of a verdict what a summary counts, so that watching for days takes little memory.
func summarised(v *models.Verdict) models.Verdict {
	short := models.Verdict{Decision: v.Decision, Coverage: models.Coverage{Complete: v.Coverage.Complete}}
	for _, f := range v.Findings {
		short.Findings = append(short.Findings, models.Finding{Severity: f.Severity})
	}
	return short
}
