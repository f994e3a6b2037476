package index

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"

	"github.com/aad6b6dc/taster/models"
)

// Stats describes an index.
type Stats struct {
	Indicators int            `json:"indicators"`
	Labels     map[string]int `json:"labels"`
	Classes    map[string]int `json:"classes"`
	Sources    map[string]int `json:"sources"`
	// Terms counts the hashed words and pairs of the gate, Bytes the files; both without what stands in the journal.
	Terms int   `json:"terms"`
	Bytes int64 `json:"bytes"`
	// Journal counts what was added and removed since the generation was built.
	Journal    int    `json:"journal"`
	Format     int    `json:"format"`
	Generation string `json:"generation,omitempty"`
	Revision   string `json:"revision"`
	// Damage says why the source alone is used, in memory; empty if nothing is wrong. The next change rebuilds the rest.
	Damage string `json:"damage,omitempty"`
}

// Stats counts what the index holds.
func (x *Index) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	st := x.held
	if st == nil {
		return Stats{}
	}
	out := Stats{
		Indicators: st.sum.Indicators, Labels: maps.Clone(st.sum.Labels), Classes: maps.Clone(st.sum.Classes), Sources: maps.Clone(st.sum.Sources),
		Terms: st.base.gate.terms, Bytes: st.seen.bytes, Journal: st.seen.changes, Format: Format, Generation: st.seen.generation,
		Revision: st.sum.revision(),
	}
	if st.damage != nil {
		out.Damage = st.damage.Error()
	}
	return out
}

// contents counts indicators, and sums up what they are.
type contents struct {
	Indicators int            `json:"indicators"`
	Labels     map[string]int `json:"labels"`
	Classes    map[string]int `json:"classes"`
	Sources    map[string]int `json:"sources"`
	// Sum is the sum of the indicators' digests, four numbers of 64 bits each on its own: it minds no order, and one can
	// be taken out again.
	Sum [4]uint64 `json:"sum"`
}

// add counts an indicator in, or out if by is -1.
func (c *contents) add(x *models.Indicator, by int) error {
	line, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if c.Labels == nil {
		c.Labels, c.Classes, c.Sources = map[string]int{}, map[string]int{}, map[string]int{}
	}
	c.Indicators += by
	tally(c.Labels, string(x.Label), by)
	tally(c.Classes, string(x.Class), by)
	tally(c.Sources, x.Source, by)
	digest := sha256.Sum256(line)
	for i := range c.Sum {
		n := binary.LittleEndian.Uint64(digest[8*i:])
		if by < 0 {
			n = -n
		}
		c.Sum[i] += n
	}
	return nil
}

func tally[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}

// clone returns a copy that shares nothing.
func (c *contents) clone() contents {
	out := *c
	out.Labels, out.Classes, out.Sources = maps.Clone(c.Labels), maps.Clone(c.Classes), maps.Clone(c.Sources)
	return out
}

func (c *contents) revision() string {
	var b [32]byte
	for i, n := range c.Sum {
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
	return models.Digest(b[:])
}
