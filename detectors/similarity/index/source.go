package index

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"

	"github.com/aad6b6dc/taster/models"
)

// inFile are the indicators of a generation, read from its source one by one.
type inFile struct {
	file    *os.File
	offsets []uint32 // of the lines, and the end
}

func (f *inFile) count() int { return len(f.offsets) - 1 }

func (f *inFile) at(doc int) (models.Indicator, error) {
	var x models.Indicator
	line := make([]byte, f.offsets[doc+1]-f.offsets[doc])
	if _, err := f.file.ReadAt(line, int64(f.offsets[doc])); err != nil {
		return x, err
	}
	if err := json.Unmarshal(line, &x); err != nil {
		return x, &CorruptError{f.file.Name(), fmt.Sprintf("line %d: %v", doc+1, err)}
	}
	return x, nil
}

// number returns the number of the indicator with an id.
func number(t texts, id string) (doc int, found bool, err error) {
	doc = sort.Search(t.count(), func(i int) bool {
		x, e := t.at(i)
		if e != nil {
			err = e
		}
		return x.ID >= id
	})
	if err != nil || doc == t.count() {
		return 0, false, err
	}
	x, err := t.at(doc)
	return doc, x.ID == id, err
}

// sourceWriter writes indicators, one a line.
type sourceWriter struct {
	file    *os.File
	out     *bufio.Writer
	offsets []uint32
	at      int64
}

func newSource(path string) (*sourceWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, filePerm)
	if err != nil {
		return nil, err
	}
	return &sourceWriter{file: f, out: bufio.NewWriter(f), offsets: []uint32{0}}, nil
}

func (w *sourceWriter) add(x *models.Indicator) error {
	line, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if w.at += int64(len(line)) + 1; w.at > math.MaxUint32 {
		return &models.FieldError{Field: "indicators", Problem: "more than 4 GiB of them"}
	}
	w.offsets = append(w.offsets, uint32(w.at))
	_, err = w.out.Write(append(line, '\n'))
	return err
}

func (w *sourceWriter) close() error {
	err := w.out.Flush()
	if e := w.file.Close(); err == nil {
		err = e
	}
	return err
}

// readSource reads a whole source.
func readSource(path string) ([]models.Indicator, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []models.Indicator
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var x models.Indicator
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			return nil, &CorruptError{path, fmt.Sprintf("line %d: %v", len(all)+1, err)}
		}
		all = append(all, x)
	}
	return all, lines.Err()
}

// maxLine is above the longest indicator with every byte escaped.
const maxLine = 64 << 10
