package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// memory is what an engine knows, by id.
type memory struct {
	mu    sync.Mutex
	texts map[string]string
	calls int
	fail  error
}

func newMemory() *memory { return &memory{texts: map[string]string{}} }

func (k *memory) apply(_ context.Context, add []models.Indicator, remove []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if k.fail != nil {
		return k.fail
	}
	for _, x := range add {
		k.texts[x.ID] = x.Text
	}
	for _, id := range remove {
		delete(k.texts, id)
	}
	return nil
}

func (k *memory) known() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Values(k.texts))
}

func (k *memory) set(change func(*memory)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

// awaitKnown waits until exactly these texts are known.
func awaitKnown(ctx context.Context, t *testing.T, k *memory, texts ...string) {
	t.Helper()
	slices.Sort(texts)
	eventually(ctx, t, fmt.Sprintf("%q is known", texts), func() bool { return slices.Equal(k.known(), texts) })
}

// signer signs changes, each a millisecond newer than the one before.
type signer struct {
	t      testing.TB
	pair   nkeys.KeyPair
	public string
	now    time.Time
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, pair, public, time.Now().Add(-time.Hour)}
}

func indicatorOf(text string) models.Indicator {
	return models.Indicator{Label: models.Malicious, Class: "A1", Text: text, Source: "test", FirstSeen: time.Unix(0, 0).UTC()}.Identify()
}

func (s *signer) sign(c models.IndicatorChange) wire.SignedChange {
	s.t.Helper()
	c.Owner, c.Reason = "ann", "seen"
	if c.Time.IsZero() {
		s.now = s.now.Add(time.Millisecond)
		c.Time = s.now
	}
	signed, err := wire.SignChange(c, s.pair)
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

func (s *signer) add(text string) wire.SignedChange {
	x := indicatorOf(text)
	return s.sign(models.IndicatorChange{Add: &x})
}

func (s *signer) remove(text string) wire.SignedChange {
	return s.sign(models.IndicatorChange{Remove: indicatorOf(text).ID})
}

// put stores changes as anybody could who may write to the bucket.
func (b *bus) put(ctx context.Context, changes ...wire.SignedChange) {
	b.t.Helper()
	for i := range changes {
		m, err := wire.EncodeSignedChange(&changes[i])
		if err == nil {
			_, err = b.js.PublishMsg(ctx, toMsg(m))
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// following runs a runner that follows what is known.
func following(t *testing.T, nc *nats.Conn, i Indicators, registerer prometheus.Registerer) (stop func()) {
	t.Helper()
	ready := make(chan struct{})
	stop = run(t, nc, newFakeEngine(), func(s *Settings) {
		s.Indicators, s.Registerer, s.OnReady = &i, registerer, func() { close(ready) }
	})
	<-ready
	return stop
}

// counts reads the counter of changes.
func counts(t *testing.T, r *prometheus.Registry) map[string]int {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range families {
		if f.GetName() == "taster_stream_indicator_changes_total" {
			for _, m := range f.GetMetric() {
				if n := int(m.GetCounter().GetValue()); n > 0 {
					got[m.GetLabel()[0].GetValue()] = n
				}
			}
		}
	}
	return got
}

const (
	gull  = "The gull takes the harbour keys."
	heron = "The heron takes the harbour keys."
	tern  = "The tern takes the harbour keys."
)

func TestIndicatorsAreFollowed(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s := newBus(t, nc, err), newSigner(t)
	first, second := newMemory(), newMemory()
	following(t, nc, Indicators{TrustedKeys: []string{newSigner(t).public, s.public}, Apply: first.apply}, nil)
	added := s.add(gull)
	b.put(ctx, added, s.add(heron))
	awaitKnown(ctx, t, first, gull, heron)

	// A second engine comes late.
	following(t, nc, Indicators{TrustedKeys: []string{s.public}, Apply: second.apply}, nil)
	awaitKnown(ctx, t, second, gull, heron)
	removed := s.remove(gull)
	b.put(ctx, removed)
	awaitKnown(ctx, t, first, heron)
	awaitKnown(ctx, t, second, heron)

	// The old addition, put back, undoes nothing; a new one does.
	b.put(ctx, added, s.add(tern))
	awaitKnown(ctx, t, first, heron, tern)
	awaitKnown(ctx, t, second, heron, tern)
	b.put(ctx, s.add(gull))
	awaitKnown(ctx, t, first, heron, tern, gull)
	awaitKnown(ctx, t, second, heron, tern, gull)
}

func TestIndicatorsAreRefused(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s, eve := newBus(t, nc, err), newSigner(t), newSigner(t)
	k, registry := newMemory(), prometheus.NewRegistry()
	following(t, nc, Indicators{TrustedKeys: []string{s.public}, Apply: k.apply}, registry)

	// Each is about an indicator of its own: of one the bucket keeps only the last.
	text := func(n int) string { return fmt.Sprintf("Gull number %d takes the harbour keys.", n) }
	unsigned := s.add(text(1))
	unsigned.Signature = nil
	forged := eve.add(text(2))
	forged.Key = s.public
	altered := s.add(text(3))
	altered.Raw = []byte(strings.Replace(string(altered.Raw), `"A1"`, `"A2"`, 1))
	x := indicatorOf(text(4))
	early := s.sign(models.IndicatorChange{Add: &x, Time: time.Now().Add(2 * wire.MaxClockSkew)})
	b.put(ctx, unsigned, eve.add(text(5)), forged, altered, early)
	good := s.add(heron)
	elsewhere, err := wire.EncodeSignedChange(&good)
	if err != nil {
		t.Fatal(err)
	}
	large := fmt.Appendf(nil, `{"change":%q}`, strings.Repeat("a", wire.MaxChangeBytes))
	for n, data := range [][]byte{nil, []byte("{}"), []byte("not JSON"), elsewhere.Data, large} {
		if _, err := b.js.Publish(ctx, wire.IndicatorSubject(fmt.Sprint("any-", n)), data); err != nil {
			t.Fatal(err)
		}
	}
	b.put(ctx, good)
	awaitKnown(ctx, t, k, heron)
	kv, err := b.js.KeyValue(ctx, wire.IndicatorBucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := kv.Delete(ctx, good.Change.Indicator()); err != nil {
		t.Fatal(err)
	}
	b.put(ctx, s.add(tern))
	awaitKnown(ctx, t, k, heron, tern) // a deletion takes nothing back: nobody has signed it
	want := map[string]int{changeAdded: 2, changeUnsigned: 1, changeUntrusted: 1, changeForged: 2, changeTooEarly: 1, changeMalformed: 5, changeOverLimit: 1}
	if diff := cmp.Diff(want, counts(t, registry)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if err := kv.Purge(ctx, good.Change.Indicator()); err == nil {
		t.Error("the bucket lets a key be purged")
	}
	stream, err := b.js.Stream(ctx, bucketStream(wire.IndicatorBucket))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(ctx); err == nil {
		t.Error("the bucket lets itself be purged")
	}
}

// TestOldIndicatorComesBackInVain starts an engine anew after somebody has put an old change over a newer one.
func TestOldIndicatorComesBackInVain(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s, k := newBus(t, nc, err), newSigner(t), newMemory()
	i := Indicators{TrustedKeys: []string{s.public}, Apply: k.apply, Ledger: filepath.Join(t.TempDir(), "data", "ledger.jsonl")}
	stop := following(t, nc, i, nil)
	added := s.add(gull)
	b.put(ctx, added, s.add(heron))
	awaitKnown(ctx, t, k, gull, heron)
	b.put(ctx, s.remove(gull))
	awaitKnown(ctx, t, k, heron)
	stop()

	b.put(ctx, added)
	k.set(func(k *memory) { clear(k.texts) }) // the index was lost
	registry := prometheus.NewRegistry()
	stop = following(t, nc, i, registry)
	awaitKnown(ctx, t, k, heron)
	eventually(ctx, t, "the old addition is seen", func() bool { return counts(t, registry)[changeStale] == 1 })
	stop()
	if got := k.known(); !slices.Equal(got, []string{heron}) {
		t.Errorf("known: %q", got)
	}
}

func TestDistrustTakesBack(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s, leaked, k := newBus(t, nc, err), newSigner(t), newSigner(t), newMemory()
	i := Indicators{TrustedKeys: []string{s.public, leaked.public}, Apply: k.apply, Ledger: filepath.Join(t.TempDir(), "ledger.jsonl")}
	stop := following(t, nc, i, nil)
	b.put(ctx, s.add(gull), leaked.add(heron), leaked.add(tern))
	awaitKnown(ctx, t, k, gull, heron, tern)
	b.put(ctx, leaked.remove(tern))
	awaitKnown(ctx, t, k, gull, heron)
	stop()

	i.TrustedKeys = i.TrustedKeys[:1]
	stop = following(t, nc, i, nil)
	awaitKnown(ctx, t, k, gull)
	again := s.add(heron) // what it says is right
	b.put(ctx, again)
	awaitKnown(ctx, t, k, gull, heron)
	stop()
	l, err := openLedger(i.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for id, e := range l.entries {
		if e.Key != s.public {
			t.Errorf("%s is still vouched for by %s", id, e.Key)
		}
	}
	if len(l.entries) != 2 {
		t.Errorf("%d entries, want 2", len(l.entries))
	}
}

func TestIndicatorsAreBounded(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s, k := newBus(t, nc, err), newSigner(t), newMemory()
	following(t, nc, Indicators{TrustedKeys: []string{s.public}, Apply: k.apply, MaxEntries: 2}, nil)
	b.put(ctx, s.add(gull), s.add(heron))
	awaitKnown(ctx, t, k, gull, heron)
	third := s.add(tern)
	m, err := wire.EncodeSignedChange(&third)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.PublishMsg(ctx, toMsg(m)); !full(err) {
		t.Errorf("a third one: %v", err)
	}
	b.put(ctx, s.remove(gull)) // what is there can change
	awaitKnown(ctx, t, k, heron)

	// A bucket that somebody makes larger lets no engine learn more than it was told to.
	stream, err := b.js.Stream(ctx, bucketStream(wire.IndicatorBucket))
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.MaxMsgs = 10
	if _, err := b.js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	b.put(ctx, third, s.remove(heron), s.add(gull))
	awaitKnown(ctx, t, k, gull)
}

func TestApplyingIsTriedAgain(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s, k := newBus(t, nc, err), newSigner(t), newMemory()
	k.fail = errors.New("no room")
	following(t, nc, Indicators{TrustedKeys: []string{s.public}, Apply: k.apply}, nil)
	b.put(ctx, s.add(gull))
	eventually(ctx, t, "it was tried twice", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.calls > 1
	})
	k.set(func(k *memory) { k.fail = nil })
	awaitKnown(ctx, t, k, gull)
}

// TestIndicatorsSurviveTheServer kills the server, and later has somebody delete the bucket.
func TestIndicatorsSurviveTheServer(t *testing.T) {
	ctx := testContext(t)
	o := startOutside(t)
	nc, err := o.connect()
	b, s, k := newBus(t, nc, err), newSigner(t), newMemory()
	following(t, nc, Indicators{TrustedKeys: []string{s.public}, Apply: k.apply}, nil)
	b.put(ctx, s.add(gull))
	awaitKnown(ctx, t, k, gull)
	calls := k.calls
	o.kill()
	o.start()
	insist := func(c wire.SignedChange) {
		t.Helper()
		m, err := wire.EncodeSignedChange(&c)
		if err != nil {
			t.Fatal(err)
		}
		eventually(ctx, t, "the change is stored", func() bool {
			attempt, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := b.js.PublishMsg(attempt, toMsg(m), jetstream.WithRetryAttempts(0))
			return err == nil
		})
	}
	insist(s.add(heron))
	awaitKnown(ctx, t, k, gull, heron)
	if k.calls != calls+1 {
		t.Errorf("applied %d times, want %d: what was applied before comes to nothing", k.calls, calls+1)
	}
	if err := b.js.DeleteStream(ctx, bucketStream(wire.IndicatorBucket)); err != nil {
		t.Fatal(err)
	}
	insist(s.add(tern))
	awaitKnown(ctx, t, k, gull, heron, tern)
}

// newLearner is a learner without a file, to be handed changes.
func newLearner(t *testing.T, s *signer, apply func(context.Context, []models.Indicator, []string) error, log *slog.Logger) *learner {
	t.Helper()
	meters, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{Indicators: Indicators{TrustedKeys: []string{s.public}, Apply: apply}, meters: meters, log: log}
	if l.ledger, err = openLedger(""); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWhatWasAppliedComesToNothing hands the same changes over twice, as after every lost connection.
func TestWhatWasAppliedComesToNothing(t *testing.T) {
	ctx := testContext(t)
	s, k := newSigner(t), newMemory()
	l := newLearner(t, s, k.apply, testLog(t))
	var batch []stored
	for _, c := range []wire.SignedChange{s.add(gull), s.add(heron), s.remove(gull)} {
		m, err := wire.EncodeSignedChange(&c)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, stored{m, time.Now()})
	}
	for range 2 {
		if err := l.learn(ctx, batch); err != nil {
			t.Fatal(err)
		}
	}
	if got := k.known(); k.calls != 1 || !slices.Equal(got, []string{heron}) {
		t.Errorf("known after %d calls: %q", k.calls, got)
	}
}

// steady is a bus from which a change comes every ten milliseconds, for ever.
type steady struct{ jetstream.MessagesContext }

func (steady) Next(...jetstream.NextOpt) (jetstream.Msg, error) {
	time.Sleep(10 * time.Millisecond)
	return steadyMsg{}, nil
}

type steadyMsg struct{ jetstream.Msg }

func (steadyMsg) Subject() string      { return "" }
func (steadyMsg) Headers() nats.Header { return nil }
func (steadyMsg) Data() []byte         { return nil }

func (steadyMsg) Metadata() (*jetstream.MsgMetadata, error) { return &jetstream.MsgMetadata{}, nil }

// TestSteadyChangesDelayNone: those who publish much keep nobody's change from being applied within a second.
func TestSteadyChangesDelayNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		batch, err := nextChanges(t.Context(), steady{})
		if took := time.Since(began); took > time.Second || err != nil || len(batch) < 2 {
			t.Errorf("%d changes gathered in %s, %v", len(batch), took, err)
		}
	})
}

// TestTooEarlyStaysTooEarly: an engine that starts when the time of a change has come refuses it like those that were there
// when it came.
func TestTooEarlyStaysTooEarly(t *testing.T) {
	s, k := newSigner(t), newMemory()
	l := newLearner(t, s, k.apply, testLog(t))
	early, fine := s.add(gull), s.add(heron)
	var batch []stored
	for _, c := range []wire.SignedChange{early, fine} {
		m, err := wire.EncodeSignedChange(&c)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, stored{m, c.Change.Time.Add(-wire.MaxClockSkew)})
	}
	batch[0].at = batch[0].at.Add(-time.Nanosecond)
	if err := l.learn(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if got := k.known(); !slices.Equal(got, []string{heron}) {
		t.Errorf("known: %q", got)
	}
}

// TestOlderChangesAreLogged: the help of taster index publish says that the log tells what became of a change.
func TestOlderChangesAreLogged(t *testing.T) {
	s := newSigner(t)
	var log bytes.Buffer
	l := newLearner(t, s, newMemory().apply, slog.New(slog.NewTextHandler(&log, nil)))
	old, newer := s.add(gull), s.remove(gull)
	for _, c := range []wire.SignedChange{newer, old} {
		m, err := wire.EncodeSignedChange(&c)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.learn(t.Context(), []stored{{m, time.Now()}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.String(); strings.Count(got, "refusing") != 1 || !strings.Contains(got, "result="+changeStale) {
		t.Errorf("logged: %s", got)
	}
}

func TestControlServiceTellsTrustedKeys(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	newBus(t, nc, err)
	s, other := newSigner(t), newSigner(t)
	following(t, nc, Indicators{TrustedKeys: []string{s.public, other.public}, Apply: newMemory().apply}, nil)
	reply, err := nc.RequestWithContext(ctx, "$SRV.PING."+ControlService, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(reply.Data), `"`+ControlTrustedKeys+`":"`+s.public+","+other.public+`"`) {
		t.Errorf("it says %s", reply.Data)
	}
}

func TestIndicatorsValidate(t *testing.T) {
	nc, err := embedded(t).Connect()
	b := newBus(t, nc, err)
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, i := range map[string]Indicators{
		"nothing to apply with": {},
		"a user's key":          {Apply: newMemory().apply, TrustedKeys: []string{public}},
	} {
		_, err := New(Settings{Conn: b.nc, Engine: newFakeEngine(), Tenants: []Tenant{quick("acme")}, Indicators: &i})
		var field *models.FieldError
		if !errors.As(err, &field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "ledger.jsonl")
	at := time.Date(2026, 11, 22, 12, 0, 0, 1, time.UTC)
	reopened := func(l *ledger) *ledger {
		t.Helper()
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		again, err := openLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l.entries, again.entries, cmpopts.IgnoreUnexported(ledgerEntry{})); diff != "" {
			t.Errorf("read again (-before +after):\n%s", diff)
		}
		return again
	}
	note := func(l *ledger, entries ...ledgerEntry) {
		t.Helper()
		if err := l.note(entries); err != nil {
			t.Fatal(err)
		}
	}
	l, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	note(l, ledgerEntry{Indicator: "a", Time: at, Key: "k"}, ledgerEntry{Indicator: "b", Time: at, Key: "k"})
	note(l, ledgerEntry{Indicator: "a", Time: at.Add(1), Key: "k", Removed: true}, ledgerEntry{Indicator: "b", Forgotten: true})
	l = reopened(l)
	if len(l.entries) != 1 || !l.entries["a"].Removed || !l.entries["a"].Time.Equal(at.Add(1)) {
		t.Errorf("entries: %v", l.entries)
	}

	// A crash in the middle of a line.
	if _, err := l.file.WriteString(`{"indicator":"c","ti`); err != nil {
		t.Fatal(err)
	}
	l = reopened(l)
	note(l, ledgerEntry{Indicator: "d", Time: at, Key: "k"})
	l = reopened(l)

	// It does not grow for ever.
	for n := range 5000 {
		note(l, ledgerEntry{Indicator: "e", Time: at.Add(time.Duration(n)), Key: "k"})
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 200<<10 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has %d bytes and mode %v, %v", info.Size(), info.Mode(), err)
	}
	if l = reopened(l); len(l.entries) != 3 {
		t.Errorf("entries: %v", l.entries)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left beside it: %v, %v", left, err)
	}
}

// TestLedgerIsMended breaks the ledger's file under a runner: what was applied meanwhile is in it all the same, with no other
// change to come.
func TestLedgerIsMended(t *testing.T) {
	ctx := testContext(t)
	nc, err := embedded(t).Connect()
	b, s, k := newBus(t, nc, err), newSigner(t), newMemory()
	i := Indicators{TrustedKeys: []string{s.public}, Apply: k.apply, Ledger: filepath.Join(t.TempDir(), "ledger.jsonl")}
	meters, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{Indicators: i, js: b.js, meters: meters, log: testLog(t)}
	if l.ledger, err = openLedger(i.Ledger); err != nil {
		t.Fatal(err)
	}
	if err := l.ledger.file.Close(); err != nil {
		t.Fatal(err)
	}
	following, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.follow(following)
	}()
	eventually(ctx, t, "the bucket is there", func() bool {
		_, err := b.js.Stream(ctx, bucketStream(wire.IndicatorBucket))
		return err == nil
	})
	b.put(ctx, s.add(gull))
	eventually(ctx, t, "the ledger has it", func() bool {
		data, err := os.ReadFile(i.Ledger)
		return err == nil && strings.Contains(string(data), indicatorOf(gull).ID)
	})
	stop()
	<-done
}

// FuzzLedger reads anything as a ledger: what of it can be read, is read again from what is written of it.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"indicator":"a","time":"2026-11-22T12:00:00.000000001Z","key":"k","removed":true}` + "\n" + `{"indicator":"a","forgotten":true}`))
	f.Add([]byte("{\n" + strings.Repeat("\x00", 1<<17) + `{"indicator":"b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		before, after := ledger{entries: map[string]ledgerEntry{}}, ledger{entries: map[string]ledgerEntry{}}
		before.read(data)
		lines, err := ledgerLines(slices.Collect(maps.Values(before.entries)))
		if err != nil {
			t.Fatal(err)
		}
		after.read(lines)
		if diff := cmp.Diff(before.entries, after.entries, cmpopts.IgnoreUnexported(ledgerEntry{})); diff != "" {
			t.Errorf("read again (-before +after):\n%s", diff)
		}
	})
}
