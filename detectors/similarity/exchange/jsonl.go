package exchange

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// readJSONL reads an indicator a line. Blank lines are passed over, an id that is left out is worked out.
func readJSONL(data []byte, seen time.Time) (*Import, error) {
	im := &Import{Format: JSONL}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		where := fmt.Sprintf("line %d", n)
		x, err := parseLine(line, seen)
		if err != nil {
			im.refuse(where, err)
			continue
		}
		if err := im.take(where, x); err != nil {
			return nil, fmt.Errorf("reading indicators: %w", err)
		}
	}
	return im, nil
}

func parseLine(line []byte, seen time.Time) (x models.Indicator, err error) {
	if len(line) > MaxLineBytes {
		return x, fmt.Errorf("%d bytes, the limit is %d", len(line), MaxLineBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return x, jsonError(err)
	}
	if len(line) > int(dec.InputOffset()) {
		return x, errors.New("more behind the JSON object")
	}
	if x.FirstSeen.IsZero() {
		x.FirstSeen = seen
	}
	x.FirstSeen = x.FirstSeen.UTC()
	if x.ID == "" {
		x = x.Identify()
	}
	return x, nil
}

// jsonError names the field that an error of package json is about.
func jsonError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return &models.FieldError{Field: wrong.Field, Problem: "is a JSON " + wrong.Value}
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if field, ok := strings.CutPrefix(text, "unknown field "); ok {
		return &models.FieldError{Field: strings.Trim(field, `"`), Problem: "there is no such field"}
	}
	var at *time.ParseError
	if errors.As(err, &at) {
		return &models.FieldError{Field: "first_seen", Problem: "not a time such as 2026-01-31T12:00:00Z"}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		text = "not a whole JSON object"
	}
	return errors.New(text)
}

func writeJSONL(w io.Writer, indicators []models.Indicator) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for i := range indicators {
		if err := enc.Encode(&indicators[i]); err != nil {
			return err
		}
	}
	return buf.Flush()
}
