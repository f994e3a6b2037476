package train

// minSentence is how many features of words a window has at least that is told from others: six words or so.
const minSentence = 15

// Sentences returns a hash of each window of the row that is long enough not to be the same as another by chance. It tells
// rows that were made from one template.
func (r *Row) Sentences() (hashes []uint64) {
	for i := range r.windows {
		words := r.windows[i].Words
		if len(words) < minSentence {
			continue
		}
		h := uint64(14695981039346656037)
		for _, f := range words {
			h = (h ^ uint64(f)) * 1099511628211
		}
		hashes = append(hashes, h)
	}
	return hashes
}

// Windows is how many windows the row has.
func (r *Row) Windows() int { return len(r.windows) }
