// Command genknown writes known.jsonl: the texts by which the similarity detector knows the attacks of Taster's own corpus,
// and the harmless ones that look like them, all of the train split. Package similarity runs it by go generate.
package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"github.com/aad6b6dc/taster/cmd/internal/known"
	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors/similarity/exchange"
)

const output = "known.jsonl"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "genknown:", err)
		os.Exit(1)
	}
}

func run() error {
	c, err := corpus.Own()
	if err != nil {
		return err
	}
	train := slices.DeleteFunc(c.All(), func(s corpus.Sample) bool { return s.Split != corpus.Train })
	texts, err := known.Of(train, known.Options{Seen: known.Published})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := exchange.Write(&out, exchange.JSONL, texts.Indicators); err != nil {
		return err
	}
	return os.WriteFile(output, out.Bytes(), 0o644)
}
