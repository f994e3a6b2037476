package models

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecisionOrder(t *testing.T) {
	all := Decisions()
	for i, d := range all {
		if d.Rank() != i {
			t.Errorf("%s.Rank() = %d, want %d", d, d.Rank(), i)
		}
		for j, e := range all {
			if d.AtLeast(e) != (i >= j) {
				t.Errorf("%s.AtLeast(%s) = %v", d, e, d.AtLeast(e))
			}
			if want := all[max(i, j)]; Stricter(d, e) != want {
				t.Errorf("Stricter(%s, %s) = %s, want %s", d, e, Stricter(d, e), want)
			}
		}
	}
	if Decision("deny").Rank() != -1 || Decision("").AtLeast(Allow) {
		t.Error("what is no decision has a rank")
	}
}

func TestTiers(t *testing.T) {
	definitions := map[Decision]Tier{Allow: TierNone, Monitor: TierNoted, RequireApproval: TierFlagged, Quarantine: TierBlocked, Block: TierBlocked}
	runtime := map[Decision]Tier{Allow: TierNone, Monitor: TierNoted, Redact: TierFlagged, RequireApproval: TierFlagged, Block: TierBlocked}
	for _, k := range Kinds() {
		want := runtime
		if k.Definition() {
			want = definitions
		}
		got := map[Decision]Tier{}
		for _, d := range Decisions() {
			if k.MayGet(d) {
				got[d] = k.Tier(d)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", k, diff)
		}
		if len(k.Decisions()) != len(want) {
			t.Errorf("%s.Decisions() = %v", k, k.Decisions())
		}
	}
}
