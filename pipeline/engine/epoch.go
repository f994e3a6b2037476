package engine

import (
	"time"
	"unique"

	"github.com/aad6b6dc/taster/models"
)

// state is everything that decides, at one moment. It is never changed, only replaced.
type state struct {
	*crew
	policy    Policy
	revisions []string // of each slot's data, as it last told
	digests   []string // of each slot's code, configuration and data
	since     time.Time
	tenants   map[string]*tenantState // those that are announced, or have a policy of their own
	others    *tenantState
}

// tenantState is what decides for one tenant.
type tenantState struct {
	policy       TenantPolicy
	policyDigest string
	epoch        string
	previous     string
}

func (st *state) tenant(name string) *tenantState {
	if t, ok := st.tenants[name]; ok {
		return t
	}
	return st.others
}

// slotDigest identifies what a slot decides with, given the revision of its data.
func slotDigest(s *slot, revision string) string {
	if revision == "" {
		return s.Digest
	}
	return models.Digest([]byte(s.Digest), []byte{0}, []byte(revision))
}

// identity names the slot, with a digest of it, in the keys of memory.
func (s *slot) identity(digest string) unique.Handle[string] {
	return unique.Make(s.Spec.Name + "@" + digest)
}

// settle derives digests and epochs from policy and revisions.
func (e *Engine) settle(next, old *state) {
	next.since = e.now()
	parts := []string{"epoch", decisionVersion, e.fusion.Version}
	for i, s := range next.slots {
		next.digests = append(next.digests, slotDigest(s, next.revisions[i]))
		parts = append(parts, s.Spec.Name, next.digests[i])
	}
	settleTenant := func(name string, policy TenantPolicy) *tenantState {
		t := &tenantState{policy: policy, policyDigest: policy.Digest()}
		t.epoch = models.Hash(append(parts[:len(parts):len(parts)], t.policyDigest)...)
		if old != nil {
			before := old.tenant(name)
			t.previous = before.epoch
			if before.epoch == t.epoch {
				t.previous = before.previous
			}
		}
		return t
	}
	next.tenants = map[string]*tenantState{}
	for _, name := range e.tenants {
		next.tenants[name] = settleTenant(name, next.policy.For(name))
	}
	for name, policy := range next.policy.Tenants {
		if next.tenants[name] == nil {
			next.tenants[name] = settleTenant(name, policy)
		}
	}
	next.others = settleTenant("", next.policy.TenantPolicy)
}

// update replaces the state by what mutate makes of a copy, unless mutate returns false, and announces new epochs.
func (e *Engine) update(mutate func(next *state) bool) {
	e.change.Lock()
	old := e.state.Load()
	next := &state{crew: old.crew, policy: old.policy, revisions: append([]string(nil), old.revisions...)}
	changed := mutate(next)
	if changed {
		e.settle(next, old)
		e.state.Store(next)
	}
	e.change.Unlock()
	if !changed {
		return
	}
	for _, name := range e.tenants {
		if next.tenant(name).epoch == old.tenant(name).epoch {
			continue
		}
		notice := next.notice(name)
		e.log.Info("new epoch", "tenant", name, "epoch", notice.Epoch, "previous", notice.Previous)
		if e.onEpoch != nil {
			e.onEpoch(notice)
		}
	}
}

// advance records that a slot's data went to another revision than st knows. Whoever comes late with another idea of
// where it came from, or of which detectors there are, changes nothing.
func (e *Engine) advance(st *state, slot int, to string) {
	e.update(func(next *state) bool {
		if next.crew != st.crew || next.revisions[slot] != st.revisions[slot] {
			return false
		}
		next.revisions[slot] = to
		return true
	})
}

func (st *state) notice(tenant string) models.EpochNotice {
	t := st.tenant(tenant)
	n := models.EpochNotice{
		Tenant: tenant, Epoch: t.epoch, Previous: t.previous, Policy: t.policyDigest, Time: st.since,
		Detectors: make(map[string]string, len(st.slots)),
	}
	for i, s := range st.slots {
		n.Detectors[s.Spec.Name] = st.digests[i]
	}
	return n
}
