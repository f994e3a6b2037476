package directive

// memory remembers what the last words of plain ASCII were in the vocabulary: a few thousand words make up most of what
// is ever said, and the trie lies scattered over megabytes. A word that takes another's place makes it be looked up again,
// nothing else.
type memory struct {
	words [1 << memoryBits]remembered
}

const (
	memoryBits = 12
	// maxRemembered is the longest word that is remembered, in bytes.
	maxRemembered = 16
)

// remembered is one word: its bytes, which are never zero, and what [vocabulary.word] says of it.
type remembered struct {
	high, low uint64
	number    uint16
	joined    bool
}

// word is [vocabulary.word] with a memory.
func (m *memory) word(v *vocabulary, text string, i int) (end int, number uint16, joined bool) {
	var high, low uint64
	for end = i; end < len(text) && (wordByte[text[end]] || end == i); end++ {
		high, low = high<<8|low>>56, low<<8|uint64(text[end])
	}
	if end-i > maxRemembered || end < len(text) && (asciiClass[text[end]] == beyondASCII || text[end] == '\'') || asciiClass[text[i]] == beyondASCII {
		return v.word(text, i)
	}
	w := &m.words[(low^high*0x9e3779b97f4a7c15)*0xff51afd7ed558ccd>>(64-memoryBits)]
	if w.low != low || w.high != high {
		w.high, w.low = high, low
		_, w.number, w.joined = v.word(text, i)
	}
	return end, w.number, w.joined
}
