package index

const (
	// foreignRun is how many words in a row must be unknown for a cipher to be tried.
	foreignRun = 4
	// shortestTold is the bytes from which a word tells whether it is known.
	shortestTold = 3
)

// foreign reports whether so many words of the text in s follow each other that nobody knows that they may be a cipher.
func (st *state) foreign(s *scratch) bool {
	run := 0
	for _, t := range s.tokens {
		if t.end-t.start < shortestTold || t.weight == characterWeight {
			continue
		}
		if run++; st.knows(t.term) {
			run = 0
		}
		if run == foreignRun {
			return true
		}
	}
	return false
}

// rot13 turns the letters of ASCII by half the alphabet. Every byte stays where it is.
func rot13(text string) string {
	out := []byte(text)
	for i, c := range out {
		switch lower := c | 0x20; {
		case 'a' <= lower && lower <= 'm':
			out[i] += 13
		case 'n' <= lower && lower <= 'z':
			out[i] -= 13
		}
	}
	return string(out)
}
