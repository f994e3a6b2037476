package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
	Tokens int64   `json:"tokens"`
	Cost   float64 `json:"cost"`
}

// newMeter begins with what the state file holds, if there is one.
func newMeter(b Budget) (*meter, error) {
	m := &meter{budget: b, now: time.Now, minute: window{slot: time.Second}, day: window{slot: 24 * time.Minute}}
	if b.StateFile == "" {
		return m, nil
	}
	f, err := os.Open(b.StateFile)
	if errors.Is(err, os.ErrNotExist) {
		return m, m.save()
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the judge has spent: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxStateBytes)).Decode(&m.day.ring); err != nil {
		return nil, fmt.Errorf("reading what the judge has spent: %s, of which %d bytes are read: %w", b.StateFile, maxStateBytes, err)
	}
	return m, nil
}

// maxStateBytes limits the state file, which holds one short line of numbers.
const maxStateBytes = 64 << 10

// save writes down the day. Whoever can't write what he spends does not spend.
func (m *meter) save() error {
	if m.budget.StateFile == "" {
		return nil
	}
	data, err := json.Marshal(m.day.ring)
	if err == nil {
		temporary := m.budget.StateFile + ".new"
		if err = os.WriteFile(temporary, data, 0o600); err == nil {
			err = os.Rename(temporary, m.budget.StateFile)
		}
	}
	if err != nil {
		return fmt.Errorf("writing what the judge has spent: %w", err)
	}
	return nil
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
		{"tokens per minute", float64(minute.Tokens), float64(m.budget.TokensPerMinute), float64(want.Tokens)},
		{"tokens per day", float64(day.Tokens), float64(m.budget.TokensPerDay), float64(want.Tokens)},
		{"cost per minute", minute.Cost, m.budget.CostPerMinute, want.Cost},
		{"cost per day", day.Cost, m.budget.CostPerDay, want.Cost},
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
	if err := m.save(); err != nil {
		m.add(now, spending{-want.Tokens, -want.Cost}) // nothing is sent
		return nil, err
	}
	m.holds++
	return h, nil
}

// settle replaces what was reserved by what was used. It is called once at most; without it the reservation stands. So it
// does in the state file until the next request.
func (h *hold) settle(prompt, answer int64) {
	m := h.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	used := spending{prompt + answer, m.budget.cost(prompt, answer)}
	m.add(h.at, spending{used.Tokens - h.Tokens, used.Cost - h.Cost})
}

func (m *meter) add(at time.Time, s spending) {
	m.minute.add(at, s)
	m.day.add(at, s)
	m.spent.Tokens += s.Tokens
	m.spent.Cost += s.Cost
	m.peak = max(m.peak, m.spent.Tokens)
}

// slots is how many slots a window has, and one more for the one that has begun: so no stretch of the window's length
// ever holds more than the sum.
const slots = 60 + 1

// window adds up what happened in the last minute or day.
type window struct {
	slot time.Duration
	ring [slots]struct {
		Number int64 `json:"number"`
		spending
	}
}

func (w *window) add(at time.Time, s spending) {
	number := at.UnixNano() / int64(w.slot)
	e := &w.ring[number%slots]
	if e.Number > number {
		return // long ago
	}
	if e.Number < number {
		e.Number, e.spending = number, spending{}
	}
	e.Tokens += s.Tokens
	e.Cost += s.Cost
}

func (w *window) sum(now time.Time) (s spending) {
	oldest := now.UnixNano()/int64(w.slot) - slots + 1
	for i := range w.ring {
		if e := &w.ring[i]; e.Number >= oldest {
			s.Tokens += e.Tokens
			s.Cost += e.Cost
		}
	}
	return s
}
