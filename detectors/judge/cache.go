package judge

import (
	"fmt"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/aad6b6dc/taster/models"
)

// cache remembers outcomes by what was sent, whatever server and object it came from. It lives as long as the process.
type cache struct {
	outcomes *lru.Cache[string, models.Outcome]
}

func newCache(entries int) *cache {
	if entries == 0 {
		return &cache{}
	}
	c, err := lru.New[string, models.Outcome](entries)
	if err != nil {
		panic(err) // only for sizes that are not positive
	}
	return &cache{c}
}

// key stands for all that an answer may depend on: prompt, model, kind, and the items as they are shown.
func (t *text) key(model string) string {
	var b strings.Builder
	for i := range t.items {
		it := &t.items[i]
		fmt.Fprintf(&b, "%d:%s%d:%s", len(it.pointer), it.pointer, len(it.shown), it.shown)
	}
	return models.Hash("judge", revision(), model, string(t.kind), b.String())
}

// place is the key in the cache: the same items may be other segments in another event, and
// the same mask may stand for a secret of another length.
func place(key string, t *text) string {
	var b strings.Builder
	b.WriteString(key)
	for i := range t.items {
		fmt.Fprintf(&b, " %d.%d.%d", t.items[i].segment, t.items[i].view, len(t.items[i].text))
	}
	return b.String()
}

func (c *cache) get(key string, t *text) (models.Outcome, bool) {
	if c.outcomes == nil {
		return models.Outcome{}, false
	}
	o, ok := c.outcomes.Get(place(key, t))
	if !ok {
		return o, false
	}
	o.Findings = slices.Clone(o.Findings) // an answer is the engine's
	for i := range o.Findings {
		o.Findings[i].Evidence = slices.Clone(o.Findings[i].Evidence)
	}
	return withSkipped(o, t), true
}

// put remembers an outcome. What was not inspected never comes here.
func (c *cache) put(key string, t *text, o models.Outcome) {
	if c.outcomes == nil {
		return
	}
	o.Findings = slices.Clone(o.Findings)
	for i := range o.Findings {
		o.Findings[i].Evidence = slices.Clone(o.Findings[i].Evidence)
	}
	c.outcomes.Add(place(key, t), o)
}
