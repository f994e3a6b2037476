package index

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
)

// write writes the gate, and the offsets of its documents' indicators: numbers of 32 bits, the least byte first.
func (g *gate) write(path string, offsets []uint32) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, filePerm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := numbers{out: bufio.NewWriterSize(f, numberBuffer)}
	for _, n := range [gateHead]int{g.terms, len(g.slots), len(g.lists), len(g.words), len(g.total)} {
		w.put(uint32(n))
	}
	for _, s := range g.slots {
		w.put(uint32(s.term))
		w.put(s.where)
	}
	for _, n := range g.documents {
		w.put(uint32(n))
	}
	for _, t := range g.words {
		w.put(uint32(t))
	}
	for _, list := range [...][]uint32{g.lists, g.starts, offsets} {
		for _, n := range list {
			w.put(n)
		}
	}
	for _, list := range [...][]float32{g.total, g.need} {
		for _, x := range list {
			w.put(math.Float32bits(x))
		}
	}
	return w.out.Flush()
}

// readGate reads what write wrote. It trusts the file: its digest has been checked.
func readGate(path string) (*gate, []uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	r := numbers{in: bufio.NewReaderSize(f, numberBuffer)}
	var head [gateHead]int
	for i := range head {
		head[i] = int(r.next())
	}
	slots, lists, words, documents := head[1], head[2], head[3], head[4]
	if int64(gateHead+3*slots+lists+words+4*documents+2)*4 != info.Size() {
		return nil, nil, &CorruptError{path, "its length is not what its head says"}
	}
	g := &gate{terms: head[0], slots: make([]slot, slots), documents: make([]uint16, slots), words: make([]term, words)}
	for i := range g.slots {
		g.slots[i] = slot{term(r.next()), r.next()}
	}
	for i := range g.documents {
		g.documents[i] = uint16(r.next())
	}
	for i := range g.words {
		g.words[i] = term(r.next())
	}
	g.lists, g.starts = r.list(lists), r.list(documents+1)
	offsets := r.list(documents + 1)
	g.total, g.need = r.floats(documents), r.floats(documents)
	return g, offsets, r.err
}

const (
	gateHead     = 5
	numberBuffer = 1 << 16
)

// numbers writes and reads numbers. A bufio.Writer keeps its first error until Flush.
type numbers struct {
	out *bufio.Writer
	in  *bufio.Reader
	buf [4]byte
	err error
}

func (n *numbers) put(x uint32) {
	binary.LittleEndian.PutUint32(n.buf[:], x)
	_, _ = n.out.Write(n.buf[:])
}

func (n *numbers) next() uint32 {
	if _, err := io.ReadFull(n.in, n.buf[:]); err != nil && n.err == nil {
		n.err = err
	}
	return binary.LittleEndian.Uint32(n.buf[:])
}

func (n *numbers) list(size int) []uint32 {
	out := make([]uint32, size)
	for i := range out {
		out[i] = n.next()
	}
	return out
}

func (n *numbers) floats(size int) []float32 {
	out := make([]float32, size)
	for i := range out {
		out[i] = math.Float32frombits(n.next())
	}
	return out
}
