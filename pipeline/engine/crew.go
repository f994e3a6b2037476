package engine

import "sync"

// crew is the detectors of one configuration. It is replaced as a whole, and never changed.
type crew struct {
	slots []*slot // sorted by name

	mu      sync.Mutex
	calls   int // under way
	retired bool
	idle    chan struct{} // closed once the crew is retired and no call is under way
}

func newCrew(slots []*slot) *crew { return &crew{slots: slots, idle: make(chan struct{})} }

// enter begins a call, or reports false: the crew is retired.
func (c *crew) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		return false
	}
	c.calls++
	return true
}

func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls--
	c.rest()
}

// retire lets no call begin any more. The channel is closed when the last one has ended.
func (c *crew) retire() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	c.rest()
	return c.idle
}

// rest closes idle when it is time. A retired crew gets no calls, so that happens once.
func (c *crew) rest() {
	if c.retired && c.calls == 0 {
		close(c.idle)
	}
}
