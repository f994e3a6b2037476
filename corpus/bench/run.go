package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Settings says what to run.
type Settings struct {
	System  string
	Judge   Judge
	Samples []corpus.Sample
	// Workers call the judge at the same time. Optional: 0 means one for each CPU.
	Workers int
	// Batch is how many events the judge is handed at once. Optional: 0 means 64.
	Batch int
	// Progress hears how many events are done, from one goroutine at a time. Optional.
	Progress func(done, all int)
}

const defaultBatch = 64

// Run judges every sample and returns a row for each, in the order of the samples, and the wall time that it took.
func Run(ctx context.Context, s Settings) ([]Row, time.Duration, error) {
	if len(s.Samples) == 0 {
		return nil, 0, corpus.ErrEmpty
	}
	if s.Workers <= 0 {
		s.Workers = runtime.NumCPU()
	}
	if s.Batch <= 0 {
		s.Batch = defaultBatch
	}
	events, _ := Events(s.Samples)
	rows := make([]Row, len(s.Samples))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var mu sync.Mutex // over next and done
	next, done := 0, 0
	take := func() (from, to int) {
		mu.Lock()
		defer mu.Unlock()
		from, to = next, min(next+s.Batch, len(events))
		next = to
		return from, to
	}
	finish := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		done += n
		if s.Progress != nil {
			s.Progress(done, len(events))
		}
	}
	start := time.Now()
	var workers sync.WaitGroup
	for range s.Workers {
		workers.Go(func() {
			for from, to := take(); from < to && ctx.Err() == nil; from, to = take() {
				answers, err := s.Judge.Judge(ctx, events[from:to])
				if err == nil && len(answers) != to-from {
					err = fmt.Errorf("%d answers to %d events", len(answers), to-from)
				}
				if err != nil {
					cancel(fmt.Errorf("judging with %s: %w", s.System, err))
					return
				}
				for i, a := range answers {
					if err := a.validate(events[from+i].Kind); err != nil {
						cancel(fmt.Errorf("answer of %s to %q: %w", s.System, events[from+i].ID, err))
						return
					}
					rows[from+i] = newRow(s.System, &s.Samples[from+i], a)
				}
				finish(to - from)
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	return rows, time.Since(start), nil
}

func (a *Answer) validate(k models.Kind) error {
	switch {
	case !k.MayGet(a.Decision):
		return &models.FieldError{Field: "decision", Problem: fmt.Sprintf("%q is not for kind %s: %v", a.Decision, k, k.Decisions())}
	case !(a.Score >= 0 && a.Score <= 1):
		return &models.FieldError{Field: "score", Problem: fmt.Sprintf("%v is outside [0, 1]", a.Score)}
	case !(a.Micros >= 0):
		return &models.FieldError{Field: "micros", Problem: fmt.Sprintf("%v is below 0", a.Micros)}
	case a.Status != models.StatusFound && a.Status != models.StatusClean && a.Status != models.StatusNotInspected:
		return &models.FieldError{Field: "status", Problem: fmt.Sprintf("%q", a.Status)}
	}
	return nil
}

// Events returns the samples' events as a gateway would publish them: with the sample's id, the digest of the
// catalogue that they were listed in, and the pin of the definition that was approved before. The catalogues are by
// digest. Samples of one catalogue are told by source and name. A variation ([corpus.Sample.From]) stands in the
// catalogue in the place of the sample that it was made from, and in no other's: what is measured of one does not depend
// on whether others were varied.
func Events(samples []corpus.Sample) ([]models.Event, map[string]*models.Catalogue) {
	type listing struct{ source, name string }
	entries := map[listing][]listed{}
	byID := make(map[string]*corpus.Sample, len(samples))
	events := make([]models.Event, len(samples))
	for i := range samples {
		s := &samples[i]
		byID[s.ID] = s
		events[i] = s.Event
		events[i].ID = s.ID
		events[i].Normalise()
		if s.Catalogue != "" && s.From == "" && s.Event.Kind.Definition() {
			l := listing{s.Source, s.Catalogue}
			entries[l] = append(entries[l], listed{s.ID, object(&events[i])})
		}
	}
	catalogues := map[string]*models.Catalogue{}
	digest := func(objects []models.CatalogueObject) string {
		c := models.NewCatalogue(objects)
		catalogues[c.Digest] = c
		return c.Digest
	}
	digests := map[listing]string{}
	for l, all := range entries {
		digests[l] = digest(without(all, ""))
	}
	for i := range samples {
		s := &samples[i]
		switch l := (listing{s.Source, s.Catalogue}); {
		case s.Catalogue == "":
		case s.From != "" && s.Event.Kind.Definition():
			events[i].Catalogue = digest(append(without(entries[l], s.From), object(&events[i])))
		default:
			events[i].Catalogue = digests[l]
		}
		if before := byID[s.Before]; before != nil {
			events[i].Pin = view.CanonicalDigest(before.Event.Body)
		}
	}
	return events, catalogues
}

// listed is an object of a catalogue and the sample that it is of.
type listed struct {
	id     string
	object models.CatalogueObject
}

func object(e *models.Event) models.CatalogueObject {
	return models.CatalogueObject{Server: e.Server, Kind: e.Kind, Name: e.Object, Body: e.Body}
}

// without returns the objects but that of one sample.
func without(all []listed, id string) []models.CatalogueObject {
	var out []models.CatalogueObject
	for _, l := range all {
		if l.id != id {
			out = append(out, l.object)
		}
	}
	return out
}

// located says whether evidence overlaps one of the sample's spans, or nil where that can't be said.
func located(s *corpus.Sample, findings []models.Finding) *bool {
	evidence := false
	for _, f := range findings {
		evidence = evidence || len(f.Evidence) > 0
	}
	if !evidence || len(s.Spans) == 0 {
		return nil
	}
	raw, err := rawSpans(s)
	if err != nil {
		return nil
	}
	hit := false
	for _, f := range findings {
		for _, e := range f.Evidence {
			for _, r := range raw {
				hit = hit || e.RawStart < r[1] && r[0] < e.RawEnd
			}
		}
	}
	return &hit
}

// rawSpans maps a sample's spans to bytes of its body.
func rawSpans(s *corpus.Sample) ([][2]int, error) {
	doc, err := view.Build(s.Event.Body)
	if err != nil {
		return nil, err
	}
	var out [][2]int
	for _, span := range s.Spans {
		for i := range doc.Segments {
			g := &doc.Segments[i]
			if g.Pointer == span.Pointer && g.Key == span.Key && span.End <= len(g.Views[0].Text) {
				from, to := g.Raw(0, span.Start, span.End)
				out = append(out, [2]int{from, to})
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no span is in the body")
	}
	return out, nil
}

// Repeat compares a run with a second one over some of the same samples by the same judge.
func Repeat(first, second []Row) *Control {
	byID := make(map[string]*Row, len(first))
	for i := range first {
		byID[first[i].ID] = &first[i]
	}
	c := &Control{}
	var before, after []float64
	for i := range second {
		b, a := byID[second[i].ID], &second[i]
		if b == nil {
			continue
		}
		c.Rows++
		if b.Decision != a.Decision || b.Score != a.Score || b.Status != a.Status || len(b.Findings) != len(a.Findings) {
			c.Changed++
		}
		before, after = append(before, b.Micros), append(after, a.Micros)
	}
	if m := score.NewQuantiles(before).P50; m > 0 {
		c.Latency = score.NewQuantiles(after).P50 / m
	}
	return c
}
