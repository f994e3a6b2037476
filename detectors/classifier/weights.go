package classifier

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/aad6b6dc/taster/models"
)

const (
	wordBits   = 18
	signalBits = 16
	nameBits   = 10
	magic      = "TASTERW2"
	// MaxWeightsBytes limits a file of weights.
	MaxWeightsBytes = 4 << 20
	maxHeader       = 64 << 10
)

// Header says what a model was made of.
type Header struct {
	// Command is what made the file.
	Command string `json:"command"`
	// Inputs are the files that were read, with the digest of each.
	Inputs []InputFile `json:"inputs"`
	// Lexicon is the digest of the lexicon that was asked. Signals are known by name, so a later lexicon will do; training
	// anew with it is better.
	Lexicon string `json:"lexicon"`
	Seed    uint64 `json:"seed"`
	// Rows counts the events that were learned, malicious and others, by head.
	Rows map[string][2]int `json:"rows"`
}

// InputFile is a file that a model was trained on.
type InputFile struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Rows   int    `json:"rows"`
}

type fileHeader struct {
	Header
	Heads [heads]head `json:"heads"`
	// Network says whether a network's weights follow those of the heads.
	Network bool `json:"network"`
}

// ErrWeights is the error of a file that holds no weights of this version.
var ErrWeights = errors.New("not a file of weights")

// Parse reads what [Model.Append] wrote.
func Parse(data []byte) (*Model, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("reading weights: %w: %s", ErrWeights, fmt.Sprintf(format, args...))
	}
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	switch {
	case len(data) > MaxWeightsBytes:
		return nil, bad("%d bytes, the limit is %d", len(data), MaxWeightsBytes)
	case !ok || len(rest) < 4:
		return nil, bad("it does not begin with %s and a length", magic)
	}
	size := binary.LittleEndian.Uint32(rest)
	if rest = rest[4:]; size > maxHeader || int(size) > len(rest) {
		return nil, bad("a header of %d bytes", size)
	}
	var h fileHeader
	if err := json.Unmarshal(rest[:size], &h); err != nil {
		return nil, bad("header: %v", err)
	}
	m := &Model{header: h.Header, heads: h.Heads, digest: models.Digest(data)}
	rest = rest[size:]
	for _, t := range m.tables() {
		n := t.size
		if len(rest) < n {
			return nil, bad("it ends early")
		}
		*t.weights, rest = signed(rest[:n]), rest[n:]
	}
	if h.Network {
		m.network = NewNetwork()
		n := 4 * len(m.network.Weights)
		if len(rest) < n {
			return nil, bad("it ends in the network")
		}
		m.network.decode(rest[:n])
		rest = rest[n:]
		if !m.network.valid() {
			return nil, bad("the network has weights outside [-1e6, 1e6]")
		}
	}
	if len(rest) > 0 {
		return nil, bad("%d bytes are left over", len(rest))
	}
	for i := range m.heads {
		if err := m.heads[i].validate(); err != nil {
			return nil, bad("%s: %v", Head(i), err)
		}
		if m.heads[i].Voice != 0 && m.network == nil {
			return nil, bad("%s: a voice of no network", Head(i))
		}
	}
	return m, nil
}

func (h *head) validate() error {
	numbers := []float32{h.Noted, h.Flagged, h.Blocked, h.Gate, h.NetGate, h.Voice, h.Calibration.Slope, h.Calibration.Offset}
	for _, l := range []*layer{&h.Quick, &h.Full} {
		numbers = append(append(numbers, l.Bias, l.Scale, l.Signals), l.Places[:]...)
	}
	for _, x := range numbers {
		if math.Abs(float64(x)) > 1e6 {
			return fmt.Errorf("%v is outside [-1e6, 1e6]", x)
		}
	}
	if h.Calibration.Slope < 0 || h.Voice < 0 {
		return fmt.Errorf("slope %v or voice %v turns scores around", h.Calibration.Slope, h.Voice)
	}
	if h.Noted > h.Flagged || h.Flagged > h.Blocked {
		return fmt.Errorf("tiers %v, %v, %v are not in order", h.Noted, h.Flagged, h.Blocked)
	}
	return nil
}

type table struct {
	weights *[]int8
	size    int
}

// tables are the weights in the order of the file.
func (m *Model) tables() []table {
	var out []table
	for i := range m.heads {
		h := &m.heads[i]
		out = append(out, table{&h.Quick.words, 1 << wordBits}, table{&h.Full.words, 1 << wordBits}, table{&h.Full.signals, 1 << signalBits})
	}
	return out
}

// Append appends the model's file to dst: the same model gives the same bytes.
func (m *Model) Append(dst []byte) ([]byte, error) {
	header, err := json.Marshal(fileHeader{m.header, m.heads, m.network != nil})
	if err != nil {
		return nil, fmt.Errorf("writing weights: %w", err)
	}
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(header)))
	dst = append(dst, header...)
	for _, t := range m.tables() {
		for _, w := range *t.weights {
			dst = append(dst, byte(w))
		}
	}
	if m.network != nil {
		dst = m.network.append(dst)
	}
	return dst, nil
}

// append appends the weights, four bytes each.
func (n *Network) append(dst []byte) []byte {
	for _, w := range n.Weights {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(w))
	}
	return dst
}

// decode reads what append wrote.
func (n *Network) decode(data []byte) {
	for i := range n.Weights {
		n.Weights[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	n.Prepare()
}

func signed(data []byte) []int8 {
	out := make([]int8, len(data))
	for i, b := range data {
		out[i] = int8(b)
	}
	return out
}
