//go:build race

package classifier

// raced says that the race detector is on, under which sync.Pool forgets what it holds and so does package regexp.
const raced = true
