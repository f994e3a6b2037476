package drill

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/aad6b6dc/taster/cmd/internal/cli"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
	"github.com/aad6b6dc/taster/pipeline/client"
)

// playTaster makes the test binary the taster command. Its plugin processes are this executable again.
const (
	playTaster  = "drill-taster"
	playPlugins = "plugin-serve"
)

func runTaster(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return cli.Run(ctx, os.Environ(), os.Stdin, os.Stdout, os.Stderr, args)
}

// member is one of several engines on a bus: `taster serve` in a process of its own, with data of its own. Each serves
// another tenant, so that it is known which engine answers.
type member struct {
	tenant string
	data   string
	gate   *client.Client
}

// startMember starts an engine that trusts the key, and knows some texts already.
func startMember(t testing.TB, url, tenant, key string, known []models.Indicator) *member {
	t.Helper()
	m := &member{tenant: tenant, data: t.TempDir()}
	if len(known) > 0 {
		if _, err := index.Build(context.Background(), filepath.Join(m.data, "index"), known, nil); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(m.data, "taster.yaml")
	config := fmt.Sprintf("tenants: [{name: %s}]\nindicators: {trusted_keys: [%s]}\n", tenant, key)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], playTaster, "serve", "--config", file, "--data-dir", m.data, "--nats", url)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	log := testLog(t)
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		reading.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("engine of %s: %v", tenant, err)
		}
	})
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("engine of %s: %q, %v", tenant, line, err)
		}
		if strings.HasPrefix(line, "taster: serving ") {
			break
		}
	}
	reading.Go(func() {
		for line, err := lines.ReadString('\n'); err == nil; line, err = lines.ReadString('\n') {
			log.Info(strings.TrimSpace(line), "tenant", tenant)
		}
		_, _ = io.Copy(io.Discard, lines)
	})
	if m.gate, err = client.Connect(url, tenant); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.gate.Close)
	return m
}

// check asks for a verdict on a tool with the description.
func (m *member) check(ctx context.Context, t testing.TB, name, description string) models.Verdict {
	t.Helper()
	v, err := m.gate.Check(ctx, toolOf(name, description))
	if err != nil {
		t.Fatalf("engine of %s: %v", m.tenant, err)
	}
	if !v.Coverage.Complete {
		t.Errorf("engine of %s: not all was inspected: %+v", m.tenant, v.Coverage)
	}
	return v
}

func toolOf(name, description string) models.Event {
	return models.Event{Server: "pier", Kind: models.KindTool, Body: fmt.Appendf(nil, `{"name":%q,"description":%q}`, name, description)}
}

// knows reports whether the verdict names the indicator, or any if none is given.
func knows(v *models.Verdict, id ...string) bool {
	return slices.ContainsFunc(v.Findings, func(f models.Finding) bool {
		return f.Detector == "similarity" && (len(id) == 0 || strings.Contains(f.Message, id[0]))
	})
}

// vouch signs changes.
type vouch struct {
	t    testing.TB
	pair nkeys.KeyPair
}

func newVouch(t testing.TB) (v *vouch, public string) {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return &vouch{t, pair}, public
}

func (v *vouch) sign(c models.IndicatorChange) wire.SignedChange {
	v.t.Helper()
	c.Owner, c.Reason, c.Time = "ann", "drill", time.Now().UTC()
	s, err := wire.SignChange(c, v.pair)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

func attackOf(text string) *models.Indicator {
	x := models.Indicator{Label: models.Malicious, Class: "A1", Text: text, Source: "drill", FirstSeen: time.Now().UTC()}.Identify()
	return &x
}

// Texts that nothing but being known makes suspicious.
const (
	heronText = "When the tide turns, lay the brass lantern of the eldest ferryman beside the crate that the heron marked."
	gullText  = "Whoever counts seven gulls at the weir leaves a basket of plums under the third willow before the bells ring."
	carrier   = "Lists the moorings of a harbour with their length and depth. Results are sorted by name, and each has the hours at which the berth can be reached. "
	later     = " Times are local, distances are in metres, and moorings that are closed for the winter are left out of the list unless asked for."
)

// TestThreeEnginesLearn adds a known text and takes it back again, for three engines that have nothing in common but the
// bus. What was judged before is judged again.
func TestThreeEnginesLearn(t *testing.T) {
	ctx := testContext(t)
	b := embedBus(t)
	ann, trusted := newVouch(t)
	eve, _ := newVouch(t)
	var members []*member
	for _, tenant := range []string{"acme", "globex", "initech"} {
		members = append(members, startMember(t, b.url, tenant, trusted, nil))
	}
	operator := members[0].gate
	poisoned := carrier + heronText + later
	for _, m := range members {
		if v := m.check(ctx, t, "before", poisoned); v.Flagged() || knows(&v) {
			t.Fatalf("engine of %s: %s before anybody knew: %+v", m.tenant, v.Decision, v.Findings)
		}
	}

	// What nobody has signed, or somebody else, is refused.
	forged := eve.sign(models.IndicatorChange{Add: attackOf(gullText)})
	forged.Key = trusted
	unsigned := ann.sign(models.IndicatorChange{Add: attackOf(carrier)})
	unsigned.Signature = nil
	put(ctx, t, b, forged)
	put(ctx, t, b, unsigned)

	added := ann.sign(models.IndicatorChange{Add: attackOf(heronText)})
	began := time.Now()
	if err := operator.ChangeIndicator(ctx, added); err != nil {
		t.Fatal(err)
	}
	inForce := awaitAll(ctx, t, members, began, "the text is known", func(m *member) bool {
		v := m.check(ctx, t, "before", poisoned) // answered from memory until the new epoch
		return knows(&v) && v.Flagged()
	})
	t.Logf("in force after %v", inForce)
	for _, m := range members {
		if v := m.check(ctx, t, "new", later+heronText+carrier); !knows(&v) || !v.Flagged() {
			t.Errorf("engine of %s: %s on a new event", m.tenant, v.Decision)
		}
		if v := m.check(ctx, t, "forged", carrier+gullText); knows(&v) || v.Flagged() {
			t.Errorf("engine of %s: %s by what was refused: %+v", m.tenant, v.Decision, v.Findings)
		}
	}

	// The removal, and the addition put back over it.
	began = time.Now()
	if err := operator.ChangeIndicator(ctx, ann.sign(models.IndicatorChange{Remove: added.Change.Indicator()})); err != nil {
		t.Fatal(err)
	}
	gone := awaitAll(ctx, t, members, began, "the text is known no more", func(m *member) bool {
		v, err := m.gate.Last(ctx, models.Subject{Server: "pier", Kind: models.KindTool, Object: "new"}) // judged again
		return err == nil && !v.Flagged()
	})
	t.Logf("taken back, and what was judged before judged again, after %v", gone)
	put(ctx, t, b, added)
	if err := operator.ChangeIndicator(ctx, ann.sign(models.IndicatorChange{Add: attackOf(gullText)})); err != nil {
		t.Fatal(err)
	}
	awaitAll(ctx, t, members, time.Now(), "the next text is known", func(m *member) bool {
		v := m.check(ctx, t, "forged", carrier+gullText)
		return knows(&v) && v.Flagged()
	})
	for _, m := range members {
		if v := m.check(ctx, t, "after", poisoned); knows(&v) || v.Flagged() {
			t.Errorf("engine of %s: %s by what was taken back: %+v", m.tenant, v.Decision, v.Findings)
		}
	}
}

// BenchmarkThreeEnginesLearn is a known text from its publication until three engines flag what repeats it, which each had
// judged before.
func BenchmarkThreeEnginesLearn(b *testing.B) {
	for _, known := range []int{0, 50_000} {
		b.Run(fmt.Sprint(known), func(b *testing.B) { benchmarkLearning(b, manyTexts(known)) })
	}
}

func benchmarkLearning(b *testing.B, known []models.Indicator) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	bus := embedBus(b)
	ann, trusted := newVouch(b)
	var members []*member
	for _, tenant := range []string{"acme", "globex", "initech"} {
		members = append(members, startMember(b, bus.url, tenant, trusted, known))
	}
	var slowest time.Duration
	b.ResetTimer()
	for n := range b.N {
		b.StopTimer()
		text := fmt.Sprintf("%s It was bell number %d that rang %d times.", heronText, n, n*n)
		if n%2 == 1 {
			text = fmt.Sprintf("%s It was willow number %d of %d.", gullText, n, n*n)
		}
		poisoned, name := carrier+text+later, fmt.Sprint("moorings-", n)
		x := attackOf(text)
		for _, m := range members {
			m.check(ctx, b, name, poisoned)
		}
		change := ann.sign(models.IndicatorChange{Add: x})
		b.StartTimer()
		began := time.Now()
		if err := members[0].gate.ChangeIndicator(ctx, change); err != nil {
			b.Fatal(err)
		}
		took := awaitAll(ctx, b, members, began, "the text is known", func(m *member) bool {
			v := m.check(ctx, b, name, poisoned)
			return knows(&v, x.ID)
		})
		slowest = max(slowest, slices.Max(took))
	}
	b.ReportMetric(float64(slowest.Milliseconds()), "slowest-ms")
}

// manyTexts are so many known texts of words that are nobody's.
func manyTexts(n int) []models.Indicator {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		letters := make([]byte, 3+random.IntN(7))
		for i := range letters {
			letters[i] = 'a' + byte(random.IntN(26))
		}
		return string(letters)
	}
	words := make([]string, 5000)
	for i := range words {
		words[i] = word()
	}
	all := make([]models.Indicator, n)
	for i := range all {
		text := make([]string, 15+random.IntN(15))
		for j := range text {
			text[j] = words[random.IntN(len(words))]
		}
		all[i] = *attackOf(strings.Join(text, " "))
	}
	return all
}

// awaitAll waits until it holds for each member and returns how long each took.
func awaitAll(ctx context.Context, t testing.TB, members []*member, began time.Time, what string, holds func(*member) bool) []time.Duration {
	t.Helper()
	took := make([]time.Duration, len(members))
	for done := 0; done < len(members); {
		for i, m := range members {
			if took[i] == 0 && holds(m) {
				took[i] = time.Since(began).Round(time.Millisecond)
				done++
			}
		}
		if !pause(ctx, 5*time.Millisecond) {
			t.Fatalf("waited in vain: %s: %v", what, took)
		}
	}
	return took
}

// put stores a change as anybody could who may write to the bucket.
func put(ctx context.Context, t *testing.T, b *bus, s wire.SignedChange) {
	t.Helper()
	nc, err := connect(b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.EncodeSignedChange(&s)
	if err == nil {
		_, err = js.PublishMsg(ctx, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
	}
	if err != nil {
		t.Fatal(err)
	}
}
