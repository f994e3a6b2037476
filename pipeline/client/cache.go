package client

import (
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/aad6b6dc/taster/models"
)

// cacheKey is everything that a verdict depends on beside the epoch.
type cacheKey struct {
	server    string
	kind      models.Kind
	object    string
	direction models.Direction
	session   string
	catalogue string
	pin       string
	raw       string
}

// keyOf names the event after its derived fields are filled in, as the engine will.
func keyOf(e *models.Event) cacheKey {
	n := *e
	n.Normalise()
	return cacheKey{n.Server, n.Kind, n.Object, n.Direction, n.Session, n.Catalogue, n.Pin, n.RawDigest()}
}

// cache holds verdicts of the current epoch.
type cache struct {
	verdicts *lru.Cache[cacheKey, models.Verdict]
	drops    atomic.Uint64
}

func newCache(entries int) *cache {
	verdicts, err := lru.New[cacheKey, models.Verdict](entries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &cache{verdicts: verdicts}
}

func (c *cache) get(key cacheKey) (models.Verdict, bool) {
	v, ok := c.verdicts.Get(key)
	return v, ok && (v.ValidUntil.IsZero() || time.Now().Before(v.ValidUntil))
}

// generation counts the drops: a verdict that was asked for before one must not be put after it.
func (c *cache) generation() uint64 { return c.drops.Load() }

// put remembers a verdict that was wholly inspected and is final (Invariant 3).
func (c *cache) put(key cacheKey, v models.Verdict, generation uint64) {
	if !v.Final || !v.Coverage.Complete {
		return
	}
	c.verdicts.Add(key, v)
	if c.drops.Load() != generation {
		c.verdicts.Remove(key)
	}
}

func (c *cache) drop() {
	c.drops.Add(1)
	c.verdicts.Purge()
}
