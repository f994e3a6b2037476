package judge

import (
	"fmt"
	"sync"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// meter keeps a budget. Whoever wants to send reserves the most that it can take, and gives back what was not used: a
// check after the fact would be overshot by all that are under way.
type meter struct {
	budget Budget
	now    func() time.Time

	mu     sync.Mutex
	minute window
	day    window
	spent  spending // since the start
	holds  int64    // reservations, since the start
	peak   int64    // the most tokens that were used and reserved together
}

// spending is an amount of both kinds.
type spending struct {
	tokens int64
	cost   float64
}

func newMeter(b Budget) *meter {
	return &meter{budget: b, now: time.Now, minute: window{slot: time.Second}, day: window{slot: 24 * time.Minute}}
}

// cost of tokens, in the currency of the prices.
func (b *Budget) cost(prompt, answer int64) float64 {
	return (float64(prompt)*b.PromptPricePerM + float64(answer)*b.AnswerPricePerM) / 1e6
}

// hold is a reservation.
type hold struct {
	meter *meter
	at    time.Time
	spending
}

// reserve sets aside the most that a request can take, or fails: a budget is never waited for.
func (m *meter) reserve(prompt, answer int64) (*hold, error) {
	want := spending{prompt + answer, m.budget.cost(prompt, answer)}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	minute, day := m.minute.sum(now), m.day.sum(now)
	for _, limit := range []struct {
		what            string
		used, most, new float64
	}{
		{"tokens per minute", float64(minute.tokens), float64(m.budget.TokensPerMinute), float64(want.tokens)},
		{"tokens per day", float64(day.tokens), float64(m.budget.TokensPerDay), float64(want.tokens)},
		{"cost per minute", minute.cost, m.budget.CostPerMinute, want.cost},
		{"cost per day", day.cost, m.budget.CostPerDay, want.cost},
	} {
		if limit.most > 0 && limit.used+limit.new > limit.most {
			return nil, &failure{
				reason: models.ReasonOverBudget,
				detail: fmt.Sprintf("%s: %.6g of %.6g are used or reserved, and this may take %.6g", limit.what, limit.used, limit.most, limit.new),
			}
		}
	}
	h := &hold{m, now, want}
	m.add(now, want)
	m.holds++
	return h, nil
}

// settle replaces what was reserved by what was used. It is called once at most; without it the reservation stands.
func (h *hold) settle(prompt, answer int64) {
	m := h.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	used := spending{prompt + answer, m.budget.cost(prompt, answer)}
	m.add(h.at, spending{used.tokens - h.tokens, used.cost - h.cost})
}

func (m *meter) add(at time.Time, s spending) {
	m.minute.add(at, s)
	m.day.add(at, s)
	m.spent.tokens += s.tokens
	m.spent.cost += s.cost
	m.peak = max(m.peak, m.spent.tokens)
}

// slots is how many slots a window has, and one more for the one that has begun: so no stretch of the window's length
// ever holds more than the sum.
const slots = 60 + 1

// window adds up what happened in the last minute or day.
type window struct {
	slot time.Duration
	ring [slots]struct {
		number int64
		spending
	}
}

func (w *window) add(at time.Time, s spending) {
	number := at.UnixNano() / int64(w.slot)
	e := &w.ring[number%slots]
	if e.number > number {
		return // long ago
	}
	if e.number < number {
		e.number, e.spending = number, spending{}
	}
	e.tokens += s.tokens
	e.cost += s.cost
}

func (w *window) sum(now time.Time) (s spending) {
	oldest := now.UnixNano()/int64(w.slot) - slots + 1
	for i := range w.ring {
		if e := &w.ring[i]; e.number >= oldest {
			s.tokens += e.tokens
			s.cost += e.cost
		}
	}
	return s
}
