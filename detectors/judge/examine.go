package judge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// rounds is how often a text that gets no sound answer is asked about again, and how often the control is.
//
// A model that answers badly by chance, with probability p, seems swayed if it fails three times with the text and
// passes three times with the control: p³(1-p)³, which is at most 1/64 for the worst p, and 0.001 for a p of 0.1.
const rounds = 3

// unfitFor is how long a model that failed the probe is not tested again: its bad answers are refused at once.
const unfitFor = 10 * time.Minute

// examine asks about a text until there is a sound answer.
//
// An unsound answer (refused, cut off, not JSON, without the nonce, with invented quotes, without the plant, contradicting
// itself) is the model's fault or the text's. A controlled experiment tells which: the same words in alphabetical order,
// asked about in the same way. A model that is sound about those and unsound about the text, three times each in turn, is
// swayed by what the text says, and that is a finding. Otherwise the judge has failed, and says so.
func (j *Judge) examine(ctx context.Context, t *text) models.Outcome {
	if len(t.items) == 0 {
		return withSkipped(models.Clean(), t)
	}
	key := t.key(j.config.Model)
	if o, ok := j.cache.get(key, t); ok {
		return o
	}
	var last *unsound
	for round := range rounds {
		r, err := j.ask(ctx, t, fmt.Sprintf("%s text %d", key, round))
		if err == nil {
			return j.conclude(ctx, key, t, r.findings(t.kind))
		}
		if !errors.As(err, &last) {
			return failed(err).outcome()
		}
		if j.fit.unfit() {
			return refused(last, "the model is not fit for this: it lately failed at a harmless text, too")
		}
		if _, err := j.ask(ctx, t.jumbled(), fmt.Sprintf("%s control %d", key, round)); err != nil {
			var control *unsound
			if !errors.As(err, &control) {
				return failed(err).outcome()
			}
			j.testFitness(ctx)
			return refused(last, "so is its answer to the same words in alphabetical order ("+control.code+")")
		}
	}
	return j.keep(key, t, models.Found(swayed(t, last)))
}

// conclude is the outcome of a text with a sound answer. Where that has nothing to report, the model is asked once more about
// each half of the sentences: a text that speaks to it well enough is sound in every other respect.
func (j *Judge) conclude(ctx context.Context, key string, t *text, found []models.Finding) models.Outcome {
	if len(found) > 0 || !j.config.LookTwice {
		return j.keep(key, t, models.Found(found...))
	}
	halves := t.halves()
	reports, errs := make([]*report, len(halves)), make([]error, len(halves))
	var asked sync.WaitGroup
	for i, half := range halves {
		if len(half.items) > 0 {
			asked.Go(func() { reports[i], errs[i] = j.ask(ctx, half, fmt.Sprintf("%s half %d", key, i)) })
		}
	}
	asked.Wait()
	for i, r := range reports {
		var u *unsound
		switch {
		case r != nil:
			found = append(found, r.findings(t.kind)...)
		case errors.As(errs[i], &u):
			return refused(u, "it was to the second look, at every other sentence")
		case errs[i] != nil:
			return failed(errs[i]).outcome()
		}
	}
	return j.keep(key, t, models.Found(found...))
}

// swayed is the finding that the text keeps the model from doing what it does otherwise.
func swayed(t *text, u *unsound) models.Finding {
	return models.Finding{
		Rule: "judge-swayed", Version: ruleVersion, Class: attack, Severity: models.SeverityHigh, Confidence: confidenceSwayed,
		Message: models.Truncate(fmt.Sprintf("It keeps the model from a sound answer (%s), %d times out of %d; the same words in alphabetical order do not.",
			u.code, rounds, rounds), models.MaxMessageBytes),
		Evidence: t.longest(),
	}
}

// longest is the item that has the most room for orders.
func (t *text) longest() []models.Span {
	best := &t.items[0]
	for i := range t.items {
		if len(t.items[i].text) > len(best.text) {
			best = &t.items[i]
		}
	}
	return []models.Span{{Segment: best.segment, View: best.view, End: len(best.text)}}
}

func refused(u *unsound, and string) models.Outcome {
	return models.NotInspected(models.ReasonRefused, "the answer is unsound ("+u.code+": "+u.why+"), and "+and)
}

func (j *Judge) keep(key string, t *text, o models.Outcome) models.Outcome {
	j.cache.put(key, t, o)
	return withSkipped(o, t)
}

func withSkipped(o models.Outcome, t *text) models.Outcome {
	o.Skipped = t.skipped
	return o
}

// ask puts a text to the model once and checks the answer. The error is [*unsound] if there was one that can't be used.
func (j *Judge) ask(ctx context.Context, t *text, key string) (*report, error) {
	q, err := newQuestion(t, j.drawer(key))
	if err != nil {
		return nil, err
	}
	r, err := j.asker.ask(ctx, key, q)
	if err != nil {
		return nil, err
	}
	return q.check(r)
}

// fitness remembers that the model lately failed at a text of our own. A text of others is not enough: who writes it could
// make a model fail at the control as well, and so switch off the experiment for others (Invariant 5).
type fitness struct{ until atomic.Int64 }

func (f *fitness) unfit() bool { return time.Now().UnixNano() < f.until.Load() }

// testFitness asks about a text that every model has to manage.
func (j *Judge) testFitness(ctx context.Context) {
	var u *unsound
	if _, err := j.ask(ctx, probe(), "probe"); errors.As(err, &u) {
		j.fit.until.Store(time.Now().Add(unfitFor).UnixNano())
	}
}

// probe is a harmless text of our own.
func probe() *text {
	t := &text{kind: models.KindTool}
	for _, it := range [][2]string{
		{"/description", "Tides of a harbour: high and low water for one day, with heights in metres."},
		{"/inputSchema/properties/harbour/description", "Name of the harbour, as on the chart."},
		{"/inputSchema/properties/day/description", "The day, for example 2026-05-04."},
	} {
		t.items = append(t.items, item{pointer: it[0], shown: it[1], text: it[1]})
	}
	return t
}
