package classifier

import (
	"math"
	"slices"
	"strings"
)

// The sizes of a [Network].
const (
	// Stems and Names are the entries of its tables of words and of signals. Entry 0 of Stems stands for a word left out.
	Stems = 1 << 13
	Names = 1 << nameBits
	// Embedded is how many numbers stand for a word.
	Embedded = 16
	// Channels is how many patterns of Reach words side by side it looks for, and how many numbers stand for the signals.
	Channels = 32
	Reach    = 3
	// Hidden is the size of its hidden layer.
	Hidden = 32
	// MaxNames is how many signals of a window it reads.
	MaxNames = 16
)

// Network is a small network over the words of a window in their order and over its signals, the same for all heads. It says
// how much likelier, as log-odds, an attack is. Its tables lie row by row and share the memory of Weights.
type Network struct {
	Weights []float32
	// Stem has a row of Embedded numbers for each entry.
	Stem []float32
	// Tap has a row of Channels numbers for each number of each of Reach words side by side, and one more, which is added.
	Tap []float32
	// Name has a row of Channels numbers for each entry, Place one for each place of each head.
	Name, Place []float32
	// Layer has a row of Hidden numbers for each channel of the words, then of the signals, and one more, which is added.
	Layer []float32
	// Out has the weight of each hidden number, and one more, which is added.
	Out []float32

	products []float32 // of each row of Stem with the rows of Tap, for each of Reach positions
}

// networkSizes are those of the tables in the order of Weights.
var networkSizes = [...]int{
	Stems * Embedded, (Reach*Embedded + 1) * Channels, Names * Channels, int(heads) * places * Channels, (2*Channels + 1) * Hidden, Hidden + 1,
}

// NewNetwork returns a network of zeros.
func NewNetwork() *Network {
	size := 0
	for _, n := range networkSizes {
		size += n
	}
	n := &Network{Weights: make([]float32, size)}
	rest := n.Weights
	for i, t := range []*[]float32{&n.Stem, &n.Tap, &n.Name, &n.Place, &n.Layer, &n.Out} {
		*t, rest = rest[:networkSizes[i]:networkSizes[i]], rest[networkSizes[i]:]
	}
	return n
}

// PlaceEntry is the row of Place for a window of an event that h judges.
func PlaceEntry(h Head, place uint8) int { return int(h)*places + int(place) }

// Prepare makes Says follow the weights: a channel at one position is the sum of three rows of products.
func (n *Network) Prepare() {
	n.products = make([]float32, Stems*Reach*Channels)
	for i := range Stems * Reach {
		stem, product := n.Stem[i/Reach*Embedded:][:Embedded], n.products[i*Channels:][:Channels]
		for e, x := range stem {
			for c, weight := range n.Tap[(i%Reach*Embedded+e)*Channels:][:Channels] {
				product[c] += float32(x * weight)
			}
		}
	}
}

// Says returns the network's log-odds for a window of which the entries of stems and signals are known.
func (n *Network) Says(h Head, place uint8, stems, names []uint16) float32 {
	var input [2 * Channels]float32
	n.read(input[:Channels], stems)
	signals := input[Channels:]
	copy(signals, n.Place[PlaceEntry(h, place)*Channels:])
	for _, name := range names {
		for c, x := range n.Name[int(name)*Channels:][:Channels] {
			signals[c] += x
		}
	}
	hidden := [Hidden]float32(n.Layer[2*Channels*Hidden:])
	for i, x := range input {
		if x <= 0 {
			continue
		}
		for j, weight := range (*[Hidden]float32)(n.Layer[i*Hidden:]) {
			hidden[j] += float32(x * weight)
		}
	}
	says := n.Out[Hidden]
	for j, x := range hidden {
		says += float32(max(x, 0) * n.Out[j])
	}
	return says
}

// read puts the highest value of each channel, at least 0, into top.
func (n *Network) read(top []float32, stems []uint16) {
	for p := range stems {
		sum := [Channels]float32(n.Tap[Reach*Embedded*Channels:])
		for tap := range Reach {
			if at := p + tap - Reach/2; at >= 0 && at < len(stems) {
				for c, x := range (*[Channels]float32)(n.products[(int(stems[at])*Reach+tap)*Channels:]) {
					sum[c] += x
				}
			}
		}
		for c, x := range sum {
			if x > top[c] {
				top[c] = x
			}
		}
	}
}

// trust bounds the network's log-odds that count.
const trust = 6

// counts is what the network adds to the score of a window, or takes from it.
func (h *head) counts(says float32) float32 { return h.Voice * min(max(says, -trust), trust) }

// asks reports whether the network is asked about a window with this linear score.
func (h *head) asks(linear float32) bool { return h.Voice > 0 && linear >= h.NetGate }

// unasked is the score of a window that the network is not asked about: as if it had spoken against it.
func (h *head) unasked(linear float32) float32 { return linear + h.counts(-trust) }

// stemEntry is the entry of a token: words that differ in their endings have one.
func stemEntry(t token, text string) uint16 {
	h := t.hash
	if h-markNumber >= marks {
		h = stem(text[t.start:t.end], h)
	}
	return uint16(1 + uint64(single(h))*(Stems-1)>>32)
}

func nameEntry(h uint32) uint16 { return uint16(single(h) >> (32 - nameBits)) }

// endings are cut off a stem of at least shortStem letters, the first that fits.
var endings = []string{"ations", "ation", "ingly", "ings", "ing", "edly", "ed", "ies", "es", "s", "ly", "ment", "ments", "er", "ers"}

const shortStem = 4

// stem returns the hash of a word's stem; of a word beyond ASCII, its own.
func stem(word string, own uint32) uint32 {
	var buffer [maxWord]byte
	letters := buffer[:0]
	for i := range len(word) {
		switch c := word[i]; classes[c] {
		case letter:
			letters = append(letters, c|0x20)
		case beyond:
			return own
		}
	}
	h := uint32(hashStart)
	for _, c := range letters[:stemLength(letters)] {
		h = (h ^ uint32(c)) * hashPrime
	}
	return h
}

func stemLength(word []byte) int {
	for _, ending := range endings {
		if n := len(word) - len(ending); n >= shortStem && strings.HasSuffix(string(word), ending) {
			return n
		}
	}
	if n := len(word) - 1; n >= shortStem && word[n] == 'e' {
		return n
	}
	return len(word)
}

// appendStems appends the entries of a window's words.
func appendStems(dst []uint16, text string, tokens []token) []uint16 {
	for _, t := range tokens {
		dst = append(dst, stemEntry(t, text))
	}
	return dst
}

// appendNames appends the entries of the signals that were heard last.
func (r *reader) appendNames(dst []uint16) []uint16 {
	for _, s := range r.set[:min(len(r.set), MaxNames)] {
		dst = append(dst, nameEntry(r.names[s]))
	}
	return dst
}

// valid reports whether every weight is a number that sums may be made of.
func (n *Network) valid() bool {
	return !slices.ContainsFunc(n.Weights, func(w float32) bool { return !(math.Abs(float64(w)) <= 1e6) })
}
