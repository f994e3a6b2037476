package classifier

import (
	"math"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// The sizes of the tables that training fills.
const (
	Words   = 1 << wordBits
	Signals = 1 << signalBits
	Places  = places
	// WordShift and SignalShift lead from a feature to its place in a table.
	WordShift   = 32 - wordBits
	SignalShift = 32 - signalBits
	PlaceWeight = placeWeight
)

// Root is the value of each of n features of one sort.
func Root(n int) float32 { return root(n) }

// Extractor takes events apart for training. It belongs to one goroutine.
type Extractor struct{ reader *reader }

// NewExtractor returns an extractor with the shipped lexicon.
func NewExtractor() (*Extractor, error) {
	r, err := newReader()
	return &Extractor{r}, err
}

// Windows returns every window of an event.
func (x *Extractor) Windows(in *detectors.Input) []Features {
	var out []Features
	x.reader.begin(in)
	for i := range in.Segments {
		s := &in.Segments[i]
		if silent(s) {
			continue
		}
		for v := range s.Views {
			windows := x.reader.view(s, i, v)
			for j := range windows {
				x.reader.hear(s.Views[v].Text, windows, j)
				w := &windows[j]
				out = append(out, Features{
					Segment: i, View: v, Start: w.start, End: w.end, Place: w.place,
					Words: w.appendWords(make([]uint32, 0, features(len(w.tokens)))), Signals: append([]uint32(nil), w.signals...),
					Stems: appendStems(make([]uint16, 0, len(w.tokens)), s.Views[v].Text, w.tokens), Names: x.reader.appendNames(nil),
				})
			}
		}
	}
	return out
}

// Trained is a layer as training leaves it. Signals is nil for a layer that does not read them.
type Trained struct {
	Bias    float32
	Places  [Places]float32
	Words   []float32
	Signals []float32
}

// Assembled is a head as training leaves it.
type Assembled struct {
	Quick, Full Trained
	// Gate is the score by words from which the full layer is asked, NetGate the full one's from which the network is.
	Gate, NetGate float32
	// Voice is what the network's log-odds count beside the full layer's score. 0 leaves it out.
	Voice       float32
	Calibration Calibration
	Tiers       Tiers
}

// Assemble makes a model, with weights of layers rounded to a byte each, of a head for each of [Heads] and a network, which
// may be nil.
func Assemble(header Header, parts map[Head]*Assembled, network *Network) (*Model, error) {
	header.Lexicon = models.Digest([]byte(directive.Source()))
	m := &Model{header: header, network: network}
	for h, part := range parts {
		m.heads[h] = head{
			Tiers: part.Tiers, Gate: part.Gate, NetGate: part.NetGate, Voice: part.Voice, Calibration: part.Calibration,
			Quick: part.Quick.round(), Full: part.Full.round(),
		}
	}
	for _, t := range m.tables() {
		if len(*t.weights) != t.size {
			*t.weights = make([]int8, t.size)
		}
	}
	data, err := m.Append(nil)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

func (t *Trained) round() layer {
	l := layer{Bias: t.Bias, Places: t.Places}
	l.words, l.Scale = round(t.Words)
	if t.Signals != nil {
		l.signals, l.Signals = round(t.Signals)
	}
	return l
}

// round keeps the highest weight at 127.
func round(weights []float32) ([]int8, float32) {
	var top float32
	for _, w := range weights {
		top = max(top, max(w, -w))
	}
	out := make([]int8, len(weights))
	if top == 0 {
		return out, 0
	}
	scale := top / 127
	for i, w := range weights {
		out[i] = int8(math.RoundToEven(float64(w / scale)))
	}
	return out, scale
}
