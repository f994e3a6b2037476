package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// Policy and detectors change in one step: a call under way ends with the old detector, the next one asks the new.
func TestReplace(t *testing.T) {
	var heard notices
	asked, release := make(chan struct{}), make(chan struct{})
	old := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 {
			close(asked)
			<-release
		}
		return allClean(b)
	}}
	e := newEngine(t, Settings{Slots: []Slot{slotOf("words", old)}, OnEpoch: heard.add})
	first := e.Epoch("")
	var before models.Verdict
	var wg sync.WaitGroup
	wg.Go(func() { before = e.Judge(t.Context(), []Job{tool("a", "ATTACK")})[0].Verdict })
	<-asked

	next := slotOf("words", words(attack))
	next.Digest = "digest-of-other-words"
	idle, err := e.Replace(t.Context(), with(func(p *Policy) { p.Mode = models.Observe }), []Slot{next})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-idle:
		t.Error("the old detector is let go while it is asked")
	default:
	}
	after := judge(t, e, tool("a", "ATTACK"))
	close(release)
	wg.Wait()
	<-idle
	if before.Epoch != first.Epoch || before.Mode != models.Enforce || report(t, before, "words").Status != models.StatusClean {
		t.Errorf("the call under way ended with %+v", before)
	}
	if after.Epoch == first.Epoch || after.Mode != models.Observe || report(t, after, "words").Status != models.StatusFound {
		t.Errorf("the next call ended with %+v", after)
	}
	if len(heard.all) != 1 || heard.all[0].Epoch != after.Epoch || heard.all[0].Previous != first.Epoch {
		t.Errorf("heard %+v", heard.all)
	}
}

// What is refused changes nothing.
func TestReplaceRefuses(t *testing.T) {
	var heard notices
	e := newEngine(t, Settings{Slots: []Slot{slotOf("words", words(attack))}, OnEpoch: heard.add})
	if _, err := e.Replace(t.Context(), with(func(p *Policy) { p.Mode = "loud" }), []Slot{slotOf("words", clean())}); err == nil {
		t.Error("an invalid policy was taken")
	}
	if _, err := e.Replace(t.Context(), DefaultPolicy(), []Slot{{Spec: slotOf("words", clean()).Spec}}); err == nil {
		t.Error("a slot without a detector was taken")
	}
	if len(heard.all) != 0 || report(t, judge(t, e, tool("a", "ATTACK")), "words").Status != models.StatusFound {
		t.Error("the old detector is gone")
	}
}

// A revision that the old detector tells late is not taken for the new one's.
func TestReplaceForgetsOldRevision(t *testing.T) {
	var revision atomic.Value
	revision.Store("r1")
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	old := &fake{detect: func(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
		if len(b.Inputs) > 0 {
			once.Do(func() { close(asked); <-release })
		}
		a, err := allClean(b)
		a.Revision = revision.Load().(string)
		return a, err
	}}
	e := withSlots(t, slotOf("words", old))
	var wg sync.WaitGroup
	var late models.Verdict
	wg.Go(func() { late = e.Judge(t.Context(), []Job{tool("a", "ATTACK")})[0].Verdict })
	<-asked
	revision.Store("r2")
	next := slotOf("words", words(attack))
	next.Digest = "digest-of-other-words"
	idle, err := e.Replace(t.Context(), DefaultPolicy(), []Slot{next})
	if err != nil {
		t.Fatal(err)
	}
	epoch := e.Epoch("").Epoch
	close(release)
	wg.Wait()
	<-idle
	if e.Epoch("").Epoch != epoch {
		t.Error("the old detector's revision began an epoch")
	}
	if late.Epoch != epoch || report(t, late, "words").Status != models.StatusFound {
		t.Errorf("what the old detector could not settle is not the new one's: %+v", late)
	}
}

// Under load every call is answered by one crew as a whole, and each crew is let go in the end.
func TestReplaceUnderLoad(t *testing.T) {
	slots := func(n int) []Slot {
		s := []Slot{slotOf("one", clean()), slotOf("two", clean())}
		s[0].Digest, s[1].Digest = string(rune('a'+n)), string(rune('a'+n))
		return s
	}
	e := withSlots(t, slots(0)...)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				v := e.Judge(t.Context(), []Job{tool("a", "x")})[0].Verdict
				if len(v.Detectors) != 2 || v.Detectors[0].Digest != v.Detectors[1].Digest || !v.Coverage.Complete {
					t.Errorf("verdict of two crews: %+v", v.Detectors)
					return
				}
			}
		})
	}
	for n := range 20 {
		idle, err := e.Replace(t.Context(), DefaultPolicy(), slots(n+1))
		if err != nil {
			t.Fatal(err)
		}
		<-idle
	}
	close(stop)
	wg.Wait()
}
