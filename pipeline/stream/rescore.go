package stream

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// causeRescored says in a verdict that the event is the old one and the judgement new.
const causeRescored = "rescored"

const rescoreBatch = 256

// Rescore judges every live definition of a tenant in the current epoch. A new verdict, which names the one that it
// supersedes, is published only where decision, severity or findings changed. It can be interrupted and called again.
func (r *Runner) Rescore(ctx context.Context, tenant string) (models.Rescored, error) {
	w, ok := r.workers[tenant]
	if !ok {
		return models.Rescored{}, fmt.Errorf("rescoring: %w", &models.FieldError{Field: "tenant", Problem: fmt.Sprintf("%q is not configured", tenant)})
	}
	var count models.Rescored
	err := w.liveDefinitions(ctx, func(batch []definition) error { return w.rescore(ctx, batch, &count) })
	if err != nil {
		return count, fmt.Errorf("rescoring tenant %q: %w", tenant, err)
	}
	return count, nil
}

// definition is an entry of the live bucket.
type definition struct {
	event models.Event
	place models.Verdict
}

// liveDefinitions hands the entries that the live bucket holds now to visit, in batches. What is stored meanwhile was
// judged meanwhile.
func (w *worker) liveDefinitions(ctx context.Context, visit func([]definition) error) error {
	bucket := wire.LiveBucket(w.tenant.Name)
	filter := bucketSubject(bucket, wire.Filter{}.Keys())
	cons, err := w.out.js.OrderedConsumer(ctx, bucketStream(bucket), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
		// Each fetch sets the consumer up anew, by default as often as it takes: for ever, when the server has gone.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return fmt.Errorf("reading bucket %q: %w", bucket, err)
	}
	last, err := w.lastSequence(ctx, bucketStream(bucket))
	if err != nil {
		return fmt.Errorf("reading bucket %q: %w", bucket, err)
	}
	for misses := 0; ; {
		batch, reached, err := fetchDefinitions(cons)
		if err == nil && reached == 0 {
			var left uint64
			if left, err = pending(ctx, cons); left > 0 {
				if misses++; misses <= maxMisses {
					continue
				}
				err = fmt.Errorf("%d entries did not come", left)
			}
		}
		if err != nil {
			return fmt.Errorf("reading bucket %q: %w", bucket, err)
		}
		if reached == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
		if err := visit(batch); err != nil {
			return err
		}
		if reached >= last {
			return nil
		}
	}
}

// lastSequence is the sequence of the last message that a stream has stored.
func (w *worker) lastSequence(ctx context.Context, stream string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, adminDeadline)
	defer cancel()
	s, err := w.out.js.Stream(ctx, stream) // asks for the stream's state
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}

// maxMisses is how often in all a fetch may come back empty although there are entries: they were stored right after it,
// or got lost on the way.
const maxMisses = 4

// pending tells the end of what there is from an answer that was lost: a fetch gives up on that without an error.
func pending(ctx context.Context, cons jetstream.Consumer) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	info, err := cons.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.NumPending, nil
}

// fetchDefinitions returns the definitions among the next entries, and the sequence of the last entry; 0 if there is none.
func fetchDefinitions(cons jetstream.Consumer) (batch []definition, reached uint64, err error) {
	msgs, err := cons.FetchNoWait(rescoreBatch)
	if err != nil {
		return nil, 0, err
	}
	for m := range msgs.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return nil, 0, err
		}
		reached = meta.Sequence.Stream
		raw := &jetstream.RawStreamMsg{Header: m.Headers(), Data: m.Data()}
		place, err := readPlace(raw)
		if err != nil {
			continue // another version's entry; the next event on the object replaces it
		}
		e, err := wire.UnmarshalEvent(m.Data())
		if err != nil {
			continue
		}
		batch = append(batch, definition{e, place})
	}
	return batch, reached, msgs.Error()
}

// rescore judges definitions again and settles what changed.
func (w *worker) rescore(ctx context.Context, batch []definition, count *models.Rescored) error {
	epoch := w.engine.Epoch(w.tenant.Name).Epoch
	var jobs []engine.Job
	var before []*models.Verdict
	for _, d := range batch {
		if d.place.Epoch == epoch { // stored by a worker of this epoch
			count.Current++
			continue
		}
		key := wire.LastKey(models.Subject{Server: d.event.Server, Kind: d.event.Kind, Object: d.event.Object})
		last, err := w.lastVerdict(ctx, w.tenant.Name, key)
		if err != nil {
			return err
		}
		if last != nil && (last.Epoch == epoch || last.EventID != d.place.EventID) {
			count.Current++ // or on a newer event, which is on its way through a worker of this epoch
			continue
		}
		job := engine.Job{Event: d.event, EventID: d.place.EventID, Sequence: d.place.Sequence, Cause: causeRescored}
		if last != nil {
			job.Supersedes = last.Key()
		}
		jobs, before = append(jobs, job), append(before, last)
	}
	if len(jobs) == 0 {
		return nil
	}
	var answers []answer
	for i, j := range w.engine.Judge(ctx, jobs) {
		count.Judged++
		v := j.Verdict
		if j.Deep {
			// Revision 1 alone would take back, for a while, what the deep detectors had found.
			v = w.engine.Deepen(ctx, jobs[i], v)
			v.Supersedes, v.Cause = jobs[i].Supersedes, jobs[i].Cause
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if before[i] != nil && sameAnswer(before[i], &v) {
			count.Unchanged++
			continue
		}
		answers = append(answers, answer{verdict: v})
	}
	count.Changed += len(answers)
	return errors.Join(w.settle(ctx, answers)...)
}

// sameAnswer reports whether two verdicts on the same event say the same.
func sameAnswer(a, b *models.Verdict) bool {
	return a.Decision == b.Decision && a.Severity == b.Severity && a.Omitted == b.Omitted &&
		slices.EqualFunc(a.Findings, b.Findings, func(f, g models.Finding) bool { return reflect.DeepEqual(f, g) })
}

// announceEpoch stores the tenant's epoch on its notice stream if the last one stored there is another.
func (w *worker) announceEpoch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adminDeadline)
	defer cancel()
	notices := wire.NoticeStream(w.tenant.Name)
	s, err := w.out.js.Stream(ctx, notices.Name)
	if err != nil {
		return fmt.Errorf("opening stream %q: %w", notices.Name, err)
	}
	notice := w.engine.Epoch(w.tenant.Name)
	last, err := s.GetLastMsgForSubject(ctx, wire.EpochSubject(w.tenant.Name))
	var sequence uint64
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
	case err != nil:
		return fmt.Errorf("reading the last epoch: %w", err)
	default:
		before, err := wire.DecodeEpoch(wire.Message{Subject: last.Subject, Header: last.Header, Data: last.Data})
		if err == nil && before.Epoch == notice.Epoch {
			return nil
		}
		sequence, notice.Previous = last.Sequence, before.Epoch
	}
	m, err := wire.EncodeEpoch(&notice)
	if err != nil {
		return fmt.Errorf("encoding epoch: %w", err)
	}
	// Several engines may announce at once; whoever is late finds the subject taken, and looks again.
	_, err = w.out.js.PublishMsg(ctx, toMsg(m), jetstream.WithExpectLastSequenceForSubject(sequence, m.Subject))
	if err != nil {
		return fmt.Errorf("announcing epoch: %w", err)
	}
	return nil
}

// rescoredKey is a key of the live bucket that no object has: it holds the epoch that was scored to the end.
const rescoredKey = "rescored"

// catchUp announces the current epoch and judges the live definitions in it, unless both was done before.
func (r *Runner) catchUp(ctx context.Context, w *worker) error {
	for wait := backoffFirst; ; wait = min(2*wait, backoffMost) {
		err := w.announceEpoch(ctx)
		if err == nil {
			break
		}
		if !sleep(ctx, wait) {
			return err
		}
	}
	epoch := w.engine.Epoch(w.tenant.Name).Epoch
	stale := r.stale[w.tenant.Name].Swap(false)
	done, err := w.live.read(ctx, w.tenant.Name, rescoredKey)
	if err == nil && !stale && done != nil && string(done.Data) == epoch {
		return nil
	}
	var count models.Rescored
	if err == nil {
		count, err = r.Rescore(ctx, w.tenant.Name)
	}
	if err != nil {
		if stale {
			r.stale[w.tenant.Name].Store(true)
		}
		return err
	}
	r.log.Info("live definitions judged in the current epoch", "tenant", w.tenant.Name, "epoch", epoch,
		"judged", count.Judged, "changed", count.Changed)
	marker := &nats.Msg{Subject: w.live.subject(w.tenant.Name, rescoredKey), Data: []byte(epoch)}
	return errors.Join(w.out.store(ctx, []*nats.Msg{marker}, tooLong)...)
}

// follow catches up with each new epoch until ctx ends.
func (r *Runner) follow(ctx context.Context, w *worker, changed <-chan struct{}) {
	for {
		if err := r.catchUp(ctx, w); err != nil && ctx.Err() == nil {
			r.log.Warn("following the epoch", "tenant", w.tenant.Name, "error", err)
			sleep(ctx, time.Second)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}
