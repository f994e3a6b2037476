package rulepack

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// literal is a term and the number of the class it belongs to.
type literal struct {
	text  string
	class int
}

// automaton finds all literals in one pass over a text (Aho and Corasick, 1975): a complete table of states over classes
// of bytes, with letters of either case in one class.
type automaton struct {
	class   [256]uint8 // of a byte; 0 for those in no literal
	width   uint32     // classes
	next    []uint32   // [state*width+class]: the next state's row, with the flag outputs if a literal ends there
	outputs [][]ending // by state
}

// ending is a literal that ends at a state.
type ending struct{ class, bytes, runes int }

const (
	endsHere     = 1 << 31
	maxTableSize = 8 << 20 // entries: 32 MiB
)

// newAutomaton builds the automaton; without literals it is nil.
func newAutomaton(literals []literal) (*automaton, error) {
	if len(literals) == 0 {
		return nil, nil
	}
	a := &automaton{width: 1}
	folded := make([][]byte, len(literals))
	for i, l := range literals {
		folded[i] = foldString(l.text)
		for _, c := range folded[i] {
			if a.class[c] == 0 {
				a.class[c] = uint8(a.width)
				a.width++
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		a.class[c] = a.class[c|0x20]
	}
	for i, l := range literals {
		a.insert(folded[i], ending{l.class, len(folded[i]), utf8.RuneCount(folded[i])})
		if len(a.next) > maxTableSize {
			return nil, fmt.Errorf("%d literals need more than %d table entries", len(literals), maxTableSize)
		}
	}
	a.complete()
	return a, nil
}

func (a *automaton) addState() uint32 {
	row := uint32(len(a.next))
	a.next = append(a.next, make([]uint32, a.width)...)
	a.outputs = append(a.outputs, nil)
	return row
}

// insert adds a literal to the trie.
func (a *automaton) insert(text []byte, end ending) {
	if len(a.next) == 0 {
		a.addState()
	}
	row := uint32(0)
	for _, c := range text {
		at := row + uint32(a.class[c])
		if a.next[at] == 0 {
			a.next[at] = a.addState()
		}
		row = a.next[at]
	}
	a.outputs[row/a.width] = append(a.outputs[row/a.width], end)
}

// complete turns the trie into the automaton, state by state in order of depth: where the trie has no edge, the state
// goes where its longest proper suffix goes.
func (a *automaton) complete() {
	suffix := make([]uint32, len(a.outputs))
	var queue []uint32
	for c := range a.width {
		if row := a.next[c]; row != 0 {
			queue = append(queue, row)
		}
	}
	for len(queue) > 0 {
		row := queue[0]
		queue = queue[1:]
		fallback := suffix[row/a.width]
		a.outputs[row/a.width] = append(a.outputs[row/a.width], a.outputs[fallback/a.width]...)
		for c := range a.width {
			if child := a.next[row+c]; child != 0 {
				suffix[child/a.width] = a.next[fallback+c]
				queue = append(queue, child)
			} else {
				a.next[row+c] = a.next[fallback+c]
			}
		}
	}
	for i, row := range a.next {
		if len(a.outputs[row/a.width]) > 0 {
			a.next[i] = row | endsHere
		}
	}
}

// scan replaces what hits holds, by class, with the places of the literals in text. Touched lists the classes that have
// hits; scan returns the list for the next call.
func (a *automaton) scan(text string, hits [][]termHit, touched []int) []int {
	for _, class := range touched {
		hits[class] = hits[class][:0]
	}
	touched = touched[:0]
	if a == nil {
		return touched
	}
	row, multibyte := uint32(0), false
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			row = a.next[row&^endsHere+uint32(a.class[c])]
			i++
		} else {
			r, size := utf8.DecodeRuneInString(text[i:])
			row, multibyte = a.rune(row, r, size), true
			i += size
		}
		if row&endsHere != 0 {
			touched = a.record(text, i, row, multibyte, hits, touched)
		}
	}
	return touched
}

// rune takes the bytes of r, folded. No literal ends within a rune.
func (a *automaton) rune(row uint32, r rune, size int) uint32 {
	if r == utf8.RuneError && size == 1 {
		return 0
	}
	var buf [utf8.UTFMax]byte
	for _, c := range buf[:utf8.EncodeRune(buf[:], fold(r))] {
		row = a.next[row&^endsHere+uint32(a.class[c])]
	}
	return row
}

func (a *automaton) record(text string, end int, row uint32, multibyte bool, hits [][]termHit, touched []int) []int {
	for _, out := range a.outputs[row&^endsHere/a.width] {
		start := end - out.bytes
		if multibyte {
			start = end
			for range out.runes {
				_, size := utf8.DecodeLastRuneInString(text[:start])
				start -= size
			}
		}
		if len(hits[out.class]) == 0 {
			touched = append(touched, out.class)
		}
		hits[out.class] = append(hits[out.class], termHit{start, end})
	}
	return touched
}

// fold returns the one rune that stands for all cases of r: the least, in lower case if that is ASCII.
func fold(r rune) rune {
	const uncased, uncasedEnd = 0x3000, 0xa640 // kana, bopomofo, Han
	if uncased <= r && r < uncasedEnd {
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		return least | 0x20
	}
	return least
}

func foldString(s string) []byte {
	var out []byte
	for _, r := range s {
		out = utf8.AppendRune(out, fold(r))
	}
	return out
}
