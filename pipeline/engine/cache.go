package engine

import (
	"container/list"
	"sync"
	"unique"

	"github.com/aad6b6dc/taster/models"
)

// lru is a map that forgets what was used least recently, bounded in entries and in bytes. It is safe for concurrent
// use. Values are shared: nobody may change them.
type lru[K comparable, V any] struct {
	maxEntries int
	maxBytes   int64

	mu      sync.Mutex
	bytes   int64
	order   list.List // of *entry[K, V], most recently used first
	entries map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	bytes int64
}

func newLRU[K comparable, V any](maxEntries int, maxBytes int64) *lru[K, V] {
	return &lru[K, V]{maxEntries: maxEntries, maxBytes: maxBytes, entries: map[K]*list.Element{}}
}

func (c *lru[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// put stores value, which takes about so many bytes. What alone is over the limit is not stored.
func (c *lru[K, V]) put(key K, value V, bytes int64) {
	if bytes > c.maxBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.entries[key])
	c.entries[key] = c.order.PushFront(&entry[K, V]{key, value, bytes})
	c.bytes += bytes
	for c.bytes > c.maxBytes || len(c.entries) > c.maxEntries {
		c.drop(c.order.Back())
	}
}

func (c *lru[K, V]) delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.entries[key])
}

func (c *lru[K, V]) drop(e *list.Element) {
	if e == nil {
		return
	}
	dropped := c.order.Remove(e).(*entry[K, V])
	delete(c.entries, dropped.key)
	c.bytes -= dropped.bytes
}

// outcomeKey is everything that one detector's outcome for one event may depend on.
type outcomeKey struct {
	detector unique.Handle[string] // name and digest of code, configuration and data; a handle is quick to hash
	raw      string
	server   string
	object   string
	kind     models.Kind
	toServer bool
	excerpts bool
	surround
}

// surround is the context that a detector declared; what it did not declare is empty.
type surround struct {
	catalogue string
	pin       models.PinState
	session   string
}

// bodyKey names what is remembered of a body whatever the detectors are.
type bodyKey struct {
	raw  string
	kind models.Kind
}

// bodyFacts saves taking a body apart again when every outcome is cached. That there are facts also means that the
// body is JSON.
type bodyFacts struct {
	canonical string
	named     bool // object is known: the name that the body gives itself
	object    string
}

// fixedEntryBytes is about what an entry takes beside its strings: key, list element, map slot.
const fixedEntryBytes = 400

func outcomeBytes(k outcomeKey, o *models.Outcome) int64 {
	n := fixedEntryBytes + len(k.raw) + len(k.server) + len(k.object) + len(k.catalogue)
	for i := range o.Findings {
		f := &o.Findings[i]
		n += 200 + len(f.Message) + len(f.Rule)
		for _, s := range f.Evidence {
			n += 160 + len(s.Pointer) + len(s.Excerpt)
		}
		for _, c := range f.Counter {
			n += 64 + len(c.Message)
		}
	}
	for _, s := range o.Skipped {
		n += 32 + len(s.Pointer) + len(s.Reason)
	}
	return int64(n)
}
