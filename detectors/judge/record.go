package judge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/aad6b6dc/taster/models"
)

// Record files are JSON lines: a head, then one line for each exchange. The chance of each question follows from the head's
// seed and the exchange's key, so that a replay asks the very same questions.

// recordHead is the first line.
type recordHead struct {
	Version  int    `json:"version"`
	Revision string `json:"revision"` // of prompt, schema, plants and signs
	Model    string `json:"model"`
	Seed     string `json:"seed"`
}

const recordVersion = 1

// recordLine is one exchange.
type recordLine struct {
	Key   string `json:"key"`
	Nonce string `json:"nonce"`
	Reply *reply `json:"reply,omitempty"`
	// Failure is why there was no reply.
	Reason models.Reason `json:"reason,omitempty"`
	Detail string        `json:"detail,omitempty"`
	// Unsound is why the endpoint refused the text.
	Unsound string `json:"unsound,omitempty"`
}

// openRecords puts a recorder before the client, or a replay in its place.
func (j *Judge) openRecords() error {
	if j.config.RecordFile == "" && j.config.ReplayFile == "" {
		return nil
	}
	path := j.config.ReplayFile + j.config.RecordFile // one of them is empty
	known, head, err := readRecords(path)
	recording := j.config.RecordFile != ""
	if recording && errors.Is(err, os.ErrNotExist) {
		known, head, err = replay{}, recordHead{}, nil
	}
	if err != nil {
		return err
	}
	if head.Version != 0 && head.Model != j.config.Model {
		return bad("model", "%q, and %s is of %q", j.config.Model, path, head.Model)
	}
	if !recording {
		j.asker, j.drawer = known, drawSeeded(head.Seed)
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the record: %w", err)
	}
	r := &recorder{next: j.asker, known: known, file: f}
	if head.Version == 0 {
		head = recordHead{recordVersion, revision(), j.config.Model, newSeed()}
		if err := r.write(head); err != nil {
			return err
		}
	}
	j.asker, j.drawer = r, drawSeeded(head.Seed)
	return nil
}

// recorder answers what stands in its file already, and writes down the rest. The file is open as long as the process.
type recorder struct {
	next  asker
	mu    sync.Mutex
	known replay
	file  io.Writer
}

func (r *recorder) write(v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = r.file.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	return nil
}

func (r *recorder) ask(ctx context.Context, key string, q *question) (*reply, error) {
	r.mu.Lock()
	_, known := r.known[key]
	r.mu.Unlock()
	if known {
		return r.recall(ctx, key, q)
	}
	got, err := r.next.ask(ctx, key, q)
	line := recordLine{Key: key, Nonce: q.nonce, Reply: got}
	var u *unsound
	if errors.As(err, &u) {
		line.Unsound = u.why
	} else if err != nil {
		f := failed(err)
		line.Reason, line.Detail = f.reason, f.detail
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if werr := r.write(line); werr != nil {
		return nil, werr
	}
	r.known[key] = line
	return got, err
}

func (r *recorder) recall(ctx context.Context, key string, q *question) (*reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known.ask(ctx, key, q)
}

// replay answers from a record. Nothing is sent.
type replay map[string]recordLine

// Limits on a record.
const (
	maxRecordBytes = 1 << 30
	maxRecordLine  = 1 << 20
)

func readRecords(path string) (replay, recordHead, error) {
	var head recordHead
	f, err := os.Open(path)
	if err != nil {
		return nil, head, fmt.Errorf("opening the record: %w", err)
	}
	defer f.Close()
	r := replay{}
	lines := bufio.NewScanner(io.LimitReader(f, maxRecordBytes))
	lines.Buffer(nil, maxRecordLine)
	for n := 1; lines.Scan(); n++ {
		if n == 1 {
			if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Version != recordVersion {
				return nil, head, fmt.Errorf("reading the record %s: line 1 is not the head of a record, version %d", path, recordVersion)
			}
			if head.Revision != revision() {
				return nil, head, fmt.Errorf("reading the record %s: it was recorded with another prompt: record anew", path)
			}
			continue
		}
		var line recordLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, head, fmt.Errorf("reading the record %s: line %d: %w", path, n, err)
		}
		r[line.Key] = line
	}
	if err := lines.Err(); err != nil {
		return nil, head, fmt.Errorf("reading the record %s: %w", path, err)
	}
	if head.Version == 0 {
		return nil, head, fmt.Errorf("reading the record %s: empty", path)
	}
	return r, head, nil
}

func (r replay) ask(ctx context.Context, key string, q *question) (*reply, error) {
	line, ok := r[key]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !ok:
		return nil, &failure{reason: models.ReasonUnavailable, detail: "the record has no answer to this text"}
	case line.Nonce != q.nonce:
		return nil, &failure{reason: models.ReasonBadAnswer, detail: "the record is of another question"}
	case line.Unsound != "":
		return nil, &unsound{"filter", line.Unsound}
	case line.Reply == nil:
		return nil, &failure{reason: line.Reason, detail: line.Detail}
	}
	return line.Reply, nil
}
