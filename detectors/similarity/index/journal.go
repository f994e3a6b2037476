package index

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/aad6b6dc/taster/models"
)

// change is one line of a journal: what [Change] was given. The line begins with its checksum, so that one which was cut
// off is known: it does not count, and the next writer overwrites it.
type change struct {
	Add    []models.Indicator `json:"add,omitempty"`
	Remove []string           `json:"remove,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c *change) line() ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(data, castagnoli), data), nil
}

const checksumDigits = 8

func parseChange(line []byte) (c change, ok bool) {
	if len(line) <= checksumDigits || line[checksumDigits] != ' ' {
		return c, false
	}
	data := line[checksumDigits+1:]
	if fmt.Sprintf("%08x", crc32.Checksum(data, castagnoli)) != string(line[:checksumDigits]) {
		return c, false
	}
	return c, json.Unmarshal(data, &c) == nil
}

// journal is what a generation's journal holds: the last word on each id. A nil indicator was removed.
type journal struct {
	changed map[string]*models.Indicator
	changes int   // that were read, each indicator counted
	size    int64 // of the whole lines
}

// readJournal reads a journal. One that is missing is empty. A bad line that others follow is a [CorruptError].
func readJournal(path string) (*journal, error) {
	j := &journal{changed: map[string]*models.Indicator{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // without a line break it is not finished
			return j, nil
		} else if err != nil {
			return nil, err
		}
		c, ok := parseChange(bytes.TrimSuffix(line, []byte("\n")))
		if !ok {
			if _, err := in.Peek(1); errors.Is(err, io.EOF) {
				return j, nil
			}
			return nil, &CorruptError{path, fmt.Sprintf("the line at byte %d has another checksum", j.size)}
		}
		j.apply(&c)
		j.size += int64(len(line))
	}
}

func (j *journal) apply(c *change) {
	for _, id := range c.Remove {
		j.changed[id] = nil
	}
	for i := range c.Add {
		j.changed[c.Add[i].ID] = &c.Add[i]
	}
	j.changes += len(c.Add) + len(c.Remove)
}

// append writes one more line, in place of one that was not finished.
func (j *journal) append(path string, c *change) (err error) {
	line, err := c.line()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, filePerm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(j.size); err != nil {
		return err
	}
	if _, err := f.WriteAt(line, j.size); err != nil {
		return err
	}
	j.apply(c)
	j.size += int64(len(line))
	return f.Sync()
}
