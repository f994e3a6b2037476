package judge

// DropSigns leaves everything to the model.
func DropSigns(j *Judge) { j.signs = nil }

// Spent is what the judge has used since it was made, in tokens, and how many requests it has sent.
func Spent(j *Judge) (tokens, requests int64) {
	c := clientOf(j)
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	return c.budget.spent.Tokens, c.budget.holds
}

func clientOf(j *Judge) *client {
	if r, ok := j.asker.(*recorder); ok {
		return r.next.(*client)
	}
	return j.asker.(*client)
}

// MostHeld is the most that was ever used and reserved together, in tokens.
func MostHeld(j *Judge) int64 {
	c := clientOf(j)
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	return c.budget.peak
}

// CloseIdle closes connections that wait for another request.
func CloseIdle(j *Judge) { j.asker.(*client).transport.CloseIdleConnections() }
