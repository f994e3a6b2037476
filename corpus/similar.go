package corpus

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/models"
)

// Near-duplicates are found by the containment of word shingles (A. Broder, "On the resemblance and containment of
// documents", 1997): the share of the shingles of the smaller text that the other one has too.
const (
	// NearDuplicate is the containment from which on two samples are near-duplicates.
	NearDuplicate = 0.5
	// shingleWords is how many words in a row are one shingle.
	shingleWords = 5
	// fewShingles is what a text counts as at least, so that a few common words make no near-duplicate.
	fewShingles = 8
)

// Pair is two samples, by index, and the containment of the smaller in the other.
type Pair struct {
	A, B        int
	Containment float64
}

// formal are members whose values are MCP's or JSON Schema's words and not the author's.
var formal = []string{"/type", "/format", "/role", "/mimeType", "/jsonrpc", "/$schema", "/protocolVersion"}

func isFormal(pointer string) bool {
	return slices.ContainsFunc(formal, func(suffix string) bool { return strings.HasSuffix(pointer, suffix) })
}

// shingles returns the hashes of the shingles of a document's values, each once, in ascending order.
func shingles(doc *models.Document) []uint64 {
	var words []uint64
	for i := range doc.Segments {
		if seg := &doc.Segments[i]; !seg.Key && !isFormal(seg.Pointer) {
			words = appendWords(words, seg.Views[0].Text)
		}
	}
	if len(words) == 0 {
		return nil
	}
	out := make([]uint64, 0, len(words))
	for i := range max(len(words)-shingleWords+1, 1) {
		h := uint64(fnvOffset)
		for _, w := range words[i:min(i+shingleWords, len(words))] {
			h = (h ^ w) * fnvPrime
			h ^= h >> 29 // or the high bits of a word would never reach the low ones
		}
		out = append(out, h)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// appendWords appends the hashes of the words of text in lower case. In scripts without spaces each character is a word.
func appendWords(words []uint64, text string) []uint64 {
	h, inside := uint64(fnvOffset), false
	end := func() {
		if inside {
			words = append(words, h)
		}
		h, inside = fnvOffset, false
	}
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			end()
			continue
		}
		h, inside = (h^uint64(unicode.ToLower(r)))*fnvPrime, true
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) {
			end()
		}
	}
	end()
	return words
}

// nearDuplicates finds every pair of sets, each in ascending order, with a containment of [NearDuplicate] or more.
//
// If the smaller set shares n of its shingles, it shares one of any len-n+1 of them (prefix filtering: R. Bayardo et al.,
// "Scaling up all pairs similarity search", 2007). So it is enough to look up its rarest ones.
func nearDuplicates(sets [][]uint64) []Pair {
	ids, holders := index(sets)
	var pairs []Pair
	seen := make([]int, len(sets)) // for which set a candidate was last looked at, plus 1
	for a, set := range ids {
		need := int(math.Ceil(NearDuplicate * float64(max(len(set), fewShingles))))
		if len(set) < need {
			continue
		}
		rarest := slices.Clone(set)
		slices.SortFunc(rarest, func(x, y int32) int {
			return cmp.Or(cmp.Compare(len(holders[x]), len(holders[y])), cmp.Compare(x, y))
		})
		for _, id := range rarest[:len(set)-need+1] {
			for _, b := range holders[id] {
				smaller := len(set) < len(ids[b]) || len(set) == len(ids[b]) && a < int(b)
				if !smaller || seen[b] == a+1 {
					continue
				}
				seen[b] = a + 1
				if n := common(set, ids[b]); n >= need {
					pairs = append(pairs, Pair{min(a, int(b)), max(a, int(b)), float64(n) / float64(max(len(set), fewShingles))})
				}
			}
		}
	}
	slices.SortFunc(pairs, func(x, y Pair) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return pairs
}

// index numbers the shingles, and lists the sets that hold each.
func index(sets [][]uint64) (ids, holders [][]int32) {
	type entry struct {
		hash uint64
		set  int32
	}
	var all []entry
	for i, set := range sets {
		for _, h := range set {
			all = append(all, entry{h, int32(i)})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.set, b.set)) })
	ids = make([][]int32, len(sets))
	room := make([]int32, len(all))
	for i := 0; i < len(all); {
		start := i
		for ; i < len(all) && all[i].hash == all[start].hash; i++ {
			room[i] = all[i].set
			ids[all[i].set] = append(ids[all[i].set], int32(len(holders)))
		}
		holders = append(holders, room[start:i])
	}
	return ids, holders
}

// common counts what two ascending lists share.
func common(a, b []int32) (n int) {
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0], b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			n++
			a, b = a[1:], b[1:]
		}
	}
	return n
}
