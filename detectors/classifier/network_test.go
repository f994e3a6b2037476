package classifier

import (
	"math"
	"math/rand/v2"
	"testing"
)

// noise is a network of which every weight was drawn by chance.
func noise(seed uint64) *Network {
	n, r := NewNetwork(), rand.New(rand.NewPCG(seed, 1))
	for i := range n.Weights {
		n.Weights[i] = float32(r.NormFloat64() / 4)
	}
	n.Prepare()
	return n
}

// The products change nothing but the time that it takes.
func TestSays(t *testing.T) {
	n, r := noise(1), rand.New(rand.NewPCG(2, 2))
	for length := range 12 {
		var stems, names []uint16
		for range length {
			stems = append(stems, uint16(r.IntN(Stems)))
		}
		for range length % 4 {
			names = append(names, uint16(r.IntN(Names)))
		}
		got, want := n.Says(Calls, 3, stems, names), n.plainly(PlaceEntry(Calls, 3), stems, names)
		if math.Abs(float64(got)-want) > 1e-3 {
			t.Errorf("%d words: %v, want %v", length, got, want)
		}
	}
}

// plainly is Says by the book.
func (n *Network) plainly(place int, stems, names []uint16) float64 {
	var input [2 * Channels]float64
	for c := range Channels {
		for p := range stems {
			sum := float64(n.Tap[Reach*Embedded*Channels+c])
			for tap := range Reach {
				if at := p + tap - 1; at >= 0 && at < len(stems) {
					for e := range Embedded {
						sum += float64(n.Stem[int(stems[at])*Embedded+e]) * float64(n.Tap[(tap*Embedded+e)*Channels+c])
					}
				}
			}
			input[c] = max(input[c], sum)
		}
		sum := float64(n.Place[place*Channels+c])
		for _, name := range names {
			sum += float64(n.Name[int(name)*Channels+c])
		}
		input[Channels+c] = max(0, sum)
	}
	says := float64(n.Out[Hidden])
	for j := range Hidden {
		sum := float64(n.Layer[2*Channels*Hidden+j])
		for i, x := range input {
			sum += x * float64(n.Layer[i*Hidden+j])
		}
		says += max(0, sum) * float64(n.Out[j])
	}
	return says
}

// Words that differ in their endings have one entry, marks their own, and none that of a word left out.
func TestStems(t *testing.T) {
	entries := func(text string) []uint16 {
		var r tokens
		r.read(text)
		return appendStems(nil, text, r.list)
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"reads", "Reading", true}, {"instruction", "instructions", true}, {"user's", "users", true}, {"note", "not", false},
		{"the", "they", false}, {"forwarded", "forwarding", true}, {"12", "a", false}, {"12", "345", true}, {"a@b.example", "c@d.example", true},
		{"читает", "ЧИТАЕТ", true}, {"send", "read", false},
	} {
		a, b := entries(c.a), entries(c.b)
		if len(a) != 1 || len(b) != 1 || (a[0] == b[0]) != c.same || a[0] == 0 || b[0] == 0 {
			t.Errorf("%q and %q: %v and %v", c.a, c.b, a, b)
		}
	}
}

// A window below the gate keeps its order below what the network might have said.
func TestAsks(t *testing.T) {
	h := &head{NetGate: 2}
	if h.asks(5) || h.unasked(5) != 5 {
		t.Error("a head without a voice of the network asks it")
	}
	h.Voice = 0.5
	if !h.asks(2) || h.asks(1.9) {
		t.Error("the gate is elsewhere")
	}
	if h.counts(99) != trust/2 || h.counts(-99) != -trust/2 || h.counts(1) != 0.5 || h.unasked(1) != 1-trust/2 {
		t.Errorf("%v, %v, %v, %v", h.counts(99), h.counts(-99), h.counts(1), h.unasked(1))
	}
}

func TestCalibration(t *testing.T) {
	if (Calibration{}).Apply(3) != 3 || (Calibration{Slope: 2, Offset: 1}).Apply(3) != 7 {
		t.Error("a calibration is not a line")
	}
}

func BenchmarkSays(b *testing.B) {
	n := noise(1)
	stems, names := make([]uint16, 14), make([]uint16, 4)
	for i := range stems {
		stems[i] = uint16(i * 577)
	}
	b.ReportAllocs()
	for b.Loop() {
		n.Says(Definitions, 4, stems, names)
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse(shipped); err != nil {
			b.Fatal(err)
		}
	}
}
