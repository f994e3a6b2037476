package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// path leads from a verdict to everything that is stored of it. Workers, the check endpoint, the deep worker, the
// backstop and the rescore share it.
type path struct {
	engine Engine
	out    *outbox
	last   *register // last verdict per object
	live   *register // last definition per object
	meters *metrics
	log    *slog.Logger
	// outdated hears of a tenant with a definition that was stored in an epoch that is over.
	outdated func(tenant string)
}

// answer is a verdict to store, with the event that it is about.
type answer struct {
	event   *models.Event
	verdict models.Verdict
	deep    bool // the deep detectors shall follow

	encoded wire.Message  // the verdict as it is stored on its stream
	alert   *wire.Message // the same as an alert, if it is one
}

// settle stores the answers' verdicts, alerts and deep jobs, and puts each in its place as last verdict and live
// definition, all at once: what is not stored completely comes again and settles the same. It returns an error, or nil,
// for each answer; a nil one is stored completely.
func (p *path) settle(ctx context.Context, answers []answer) []error {
	errs := make([]error, len(answers))
	valid := make([]*answer, 0, len(answers))
	for i := range answers {
		if errs[i] = answers[i].encode(); errs[i] == nil {
			valid = append(valid, &answers[i])
		}
	}
	var last, live error
	var wg sync.WaitGroup
	wg.Go(func() { last = p.remember(ctx, valid) })
	wg.Go(func() { live = p.keepLive(ctx, valid) })
	p.storeAnswers(ctx, answers, errs)
	p.storeDeepJobs(ctx, answers, errs)
	wg.Wait()
	for i := range answers {
		if errs[i] = errors.Join(errs[i], last, live); errs[i] == nil {
			p.meters.verdicts.WithLabelValues(answers[i].verdict.Subject.Tenant, string(answers[i].verdict.Decision)).Inc()
		}
	}
	p.noteOutdated(valid)
	return errs
}

// noteOutdated tells of definitions that were judged before an epoch began and stored after: whoever judged the live
// definitions again may have missed them.
func (p *path) noteOutdated(answers []*answer) {
	epochs := map[string]string{} // by tenant
	for _, a := range answers {
		tenant := a.verdict.Subject.Tenant
		if !a.verdict.Subject.Kind.Definition() || a.verdict.Revision > 1 {
			continue
		}
		if epochs[tenant] == "" {
			epochs[tenant] = p.engine.Epoch(tenant).Epoch
		}
		if a.verdict.Epoch != epochs[tenant] {
			p.outdated(tenant)
			return
		}
	}
}

// storeAnswers stores what each answer without an error has to say on the streams.
func (p *path) storeAnswers(ctx context.Context, answers []answer, errs []error) {
	var msgs []*nats.Msg
	var owner []int
	for i := range answers {
		if errs[i] != nil {
			continue
		}
		msgs, owner = append(msgs, toMsg(answers[i].encoded)), append(owner, i)
		if answers[i].alert != nil {
			msgs, owner = append(msgs, toMsg(*answers[i].alert)), append(owner, i)
		}
	}
	for n, err := range p.out.store(ctx, msgs, tooLong) {
		if err != nil {
			errs[owner[n]] = errors.Join(errs[owner[n]], fmt.Errorf("storing on %q: %w", msgs[n].Subject, err))
		}
	}
}

// encode makes the messages that the answer is stored as.
func (a *answer) encode() (err error) {
	if a.encoded, err = wire.EncodeVerdict(&a.verdict); err != nil {
		return fmt.Errorf("encoding verdict: %w", err)
	}
	if a.verdict.Flagged() {
		alert, err := wire.EncodeAlert(&a.verdict)
		if err != nil {
			return fmt.Errorf("encoding alert: %w", err)
		}
		a.alert = &alert
	}
	return nil
}

// storeDeepJobs stores the jobs for the deep detectors. Where there is no room for one, the deep detectors can't keep up:
// the verdict gets its final revision at once, without them, and the fast path goes on.
func (p *path) storeDeepJobs(ctx context.Context, answers []answer, errs []error) {
	var msgs []*nats.Msg
	var owner []int
	for i := range answers {
		a := &answers[i]
		if !a.deep || errs[i] != nil {
			continue
		}
		m, err := wire.EncodeDeepJob(&wire.DeepJob{Event: *a.event, Verdict: a.verdict})
		if err != nil {
			errs[i] = fmt.Errorf("encoding deep job: %w", err)
			continue
		}
		msgs, owner = append(msgs, toMsg(m)), append(owner, i)
	}
	noRoom := func(err error) bool { return full(err) || tooLong(err) }
	var finals []answer
	var finalOwner []int
	for n, err := range p.out.store(ctx, msgs, noRoom) {
		a := &answers[owner[n]]
		switch {
		case err == nil:
		case noRoom(err):
			p.log.Warn("no room for a deep job", "tenant", a.verdict.Subject.Tenant, "error", err)
			finals, finalOwner = append(finals, answer{verdict: p.withoutDeep(ctx, a)}), append(finalOwner, owner[n])
		default:
			errs[owner[n]] = fmt.Errorf("storing deep job: %w", err)
		}
	}
	if len(finals) == 0 {
		return
	}
	for n, err := range p.settle(ctx, finals) {
		errs[finalOwner[n]] = err
	}
}

// withDeep is the final revision of a verdict.
func (p *path) withDeep(ctx context.Context, a *answer) models.Verdict {
	return p.engine.Deepen(ctx, engine.Job{Event: *a.event, EventID: a.verdict.EventID, Sequence: a.verdict.Sequence}, a.verdict)
}

// withoutDeep is the final revision of a verdict whose deep detectors get no time.
func (p *path) withoutDeep(ctx context.Context, a *answer) models.Verdict {
	expired, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	defer cancel()
	return p.withDeep(expired, a)
}

// objectGroup is answers about one object, in the order of their place.
type objectGroup struct {
	key     string
	answers []*answer
}

// remember makes each object's newest verdict its last one, and alerts to every change away from flagged that it sees
// in doing so: whoever finds a flagged verdict beside a newer one that is not flagged says so, whichever came first.
func (p *path) remember(ctx context.Context, answers []*answer) error {
	groups := group(answers)
	look := func(_ context.Context, entries []entry) ([]held, error) { return p.last.guess(entries), nil }
	for wait := backoffFirst; len(groups) > 0; wait = min(2*wait, backoffMost) {
		rest, err := p.rememberOnce(ctx, groups, look)
		if err != nil && !sleep(ctx, wait) {
			return fmt.Errorf("replacing last verdicts: %w", err)
		}
		groups, look = rest, p.last.getAll
	}
	return nil
}

func group(answers []*answer) []objectGroup {
	var groups []objectGroup
	type object struct{ tenant, key string }
	index := make(map[object]int, len(answers))
	for _, a := range answers {
		o := object{a.verdict.Subject.Tenant, wire.LastKey(a.verdict.Subject)}
		i, ok := index[o]
		if !ok {
			i = len(groups)
			index[o] = i
			groups = append(groups, objectGroup{key: o.key})
		}
		groups[i].insert(a)
	}
	return groups
}

func (g *objectGroup) insert(a *answer) {
	i := len(g.answers)
	for i > 0 && g.answers[i-1].verdict.Newer(&a.verdict) {
		i--
	}
	g.answers = slices.Insert(g.answers, i, a)
}

func (g *objectGroup) newest() *answer { return g.answers[len(g.answers)-1] }

// rememberOnce tries once, for all groups together, on what look says is held, and returns the groups that another
// writer was faster on.
func (p *path) rememberOnce(ctx context.Context, groups []objectGroup, look func(context.Context, []entry) ([]held, error)) ([]objectGroup, error) {
	entries := make([]entry, len(groups))
	for i := range groups {
		entries[i] = p.lastEntry(&groups[i])
	}
	old, err := look(ctx, entries)
	if err != nil {
		return groups, err
	}
	if err := p.alertChanges(ctx, groups, old); err != nil {
		return groups, err
	}
	var newer []entry
	var replaced []held
	var index []int
	for i := range groups {
		if old[i].precedes(&groups[i].newest().verdict) {
			newer, replaced, index = append(newer, entries[i]), append(replaced, old[i]), append(index, i)
		}
	}
	done, err := p.last.put(newer, replaced)
	var rest []objectGroup
	for n, ok := range done {
		if !ok {
			rest = append(rest, groups[index[n]])
		}
	}
	return rest, err
}

func (p *path) lastEntry(g *objectGroup) entry {
	a := g.newest()
	tenant := a.verdict.Subject.Tenant
	header := maps.Clone(nats.Header(a.encoded.Header))
	header.Del(wire.HeaderMsgID) // a value may come back to a bucket
	return entry{tenant: tenant, key: g.key, subject: p.last.subject(tenant, g.key), header: header, data: a.encoded.Data, place: &a.verdict}
}

// alertChanges stores an alert for each verdict that is not flagged and follows one that is.
func (p *path) alertChanges(ctx context.Context, groups []objectGroup, old []held) error {
	var msgs []*nats.Msg
	alert := func(v *models.Verdict) error {
		m, err := wire.EncodeAlert(v)
		if err == nil {
			msgs = append(msgs, toMsg(m))
		}
		return err
	}
	for i := range groups {
		before := old[i].place
		for _, a := range groups[i].answers {
			v := &a.verdict
			switch {
			case before.ID == "" || v.Newer(&before):
				if before.Flagged() && !v.Flagged() {
					if err := alert(v); err != nil {
						return err
					}
				}
				before = *v
			case v.Flagged() && !before.Flagged():
				stored, err := p.lastVerdict(ctx, v.Subject.Tenant, groups[i].key)
				if err != nil {
					return err
				}
				if stored != nil && !stored.Flagged() {
					if err := alert(stored); err != nil {
						return err
					}
				}
			}
		}
	}
	return errors.Join(p.out.store(ctx, msgs, tooLong)...)
}

// lastVerdict reads the last verdict on an object, nil if there is none.
func (p *path) lastVerdict(ctx context.Context, tenant, key string) (*models.Verdict, error) {
	msg, err := p.last.read(ctx, tenant, key)
	if err != nil || msg == nil {
		return nil, err
	}
	v, err := readVerdict(msg)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

func readVerdict(msg *jetstream.RawStreamMsg) (models.Verdict, error) {
	return wire.DecodeVerdict(wire.Message{Header: msg.Header, Data: msg.Data})
}

// Headers of a live definition: the place of the verdict that it belongs to. The data is the event's JSON form.
const (
	headerEventID  = "Taster-Event-Id"
	headerSequence = "Taster-Sequence"
	headerEpoch    = "Taster-Epoch"
	headerRevision = "Taster-Revision"
	headerTime     = "Taster-Time"
)

// liveEntry is what the live bucket keeps of an answer: definitions that can be judged again.
func (p *path) liveEntry(a *answer) (entry, bool) {
	v := &a.verdict
	if a.event == nil || !a.event.Kind.Definition() || a.event.Oversize != nil {
		return entry{}, false
	}
	data, err := a.event.AppendJSON(nil)
	if err != nil {
		p.log.Error("keeping a definition", "server", a.event.Server, "object", a.event.Object, "error", err)
		return entry{}, false
	}
	header := nats.Header{}
	header.Set(headerEventID, v.EventID)
	header.Set(headerSequence, strconv.FormatUint(v.Sequence, 10))
	header.Set(headerEpoch, v.Epoch)
	header.Set(headerRevision, strconv.Itoa(v.Revision))
	header.Set(headerTime, v.Time.UTC().Format(time.RFC3339Nano))
	tenant, key := v.Subject.Tenant, wire.LastKey(v.Subject)
	return entry{tenant: tenant, key: key, subject: p.live.subject(tenant, key), header: header, data: data, place: v}, true
}

// readPlace reads the place that a live definition has.
func readPlace(msg *jetstream.RawStreamMsg) (models.Verdict, error) {
	sequence, err1 := strconv.ParseUint(msg.Header.Get(headerSequence), 10, 64)
	revision, err2 := strconv.Atoi(msg.Header.Get(headerRevision))
	at, err3 := time.Parse(time.RFC3339Nano, msg.Header.Get(headerTime))
	return models.Verdict{
		ID: "live", EventID: msg.Header.Get(headerEventID), Sequence: sequence,
		Revision: revision, Time: at, Epoch: msg.Header.Get(headerEpoch),
	}, errors.Join(err1, err2, err3)
}

// keepLive puts the definitions among the answers in the live bucket; of several on one object the newest.
func (p *path) keepLive(ctx context.Context, answers []*answer) error {
	newest := make(map[string]entry, len(answers))
	for _, a := range answers {
		e, ok := p.liveEntry(a)
		if !ok {
			continue
		}
		if old, ok := newest[e.subject]; !ok || e.place.Newer(old.place) {
			newest[e.subject] = e
		}
	}
	entries := make([]entry, 0, len(newest))
	for _, e := range newest {
		entries = append(entries, e)
	}
	if err := p.live.keep(ctx, entries); err != nil {
		return fmt.Errorf("keeping live definitions: %w", err)
	}
	return nil
}
