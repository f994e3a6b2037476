package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/custom"      // named in the mapping
	_ "github.com/blevesearch/bleve/v2/analysis/tokenizer/whitespace" // named in the mapping
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
)

// words is the inverted index of whole documents, on disk: what the gate leaves out of its lists is here. A nil one
// suggests nothing.
type words struct{ index bleve.Index }

const wordField = "w"

// mapping of a document: one field with its terms, already taken apart, and nothing kept beside.
func wordMapping() (mapping.IndexMapping, error) {
	m := bleve.NewIndexMapping()
	if err := m.AddCustomAnalyzer("terms", map[string]any{"type": "custom", "tokenizer": "whitespace"}); err != nil {
		return nil, err
	}
	f := bleve.NewTextFieldMapping()
	f.Analyzer, f.Store, f.IncludeInAll, f.IncludeTermVectors, f.DocValues = "terms", false, false, false, false
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	m.DefaultMapping.AddFieldMappingsAt(wordField, f)
	return m, nil
}

// wordBuilder writes words into a new directory, which appears with the first document: bleve builds no empty index.
type wordBuilder struct {
	path    string
	builder bleve.Builder
	text    strings.Builder
}

func (b *wordBuilder) add(doc int, tokens []token) error {
	if b.builder == nil {
		m, err := wordMapping()
		if err != nil {
			return err
		}
		b.builder, err = bleve.NewBuilder(b.path, m, map[string]any{"buildPathPrefix": filepath.Dir(b.path), "batchSize": 10000})
		if err != nil {
			return err
		}
	}
	b.text.Reset()
	for _, t := range wordTerms(nil, tokens) {
		b.text.WriteString(t.name())
		b.text.WriteByte(' ')
	}
	return b.builder.Index(strconv.Itoa(doc), map[string]any{wordField: b.text.String()})
}

func (b *wordBuilder) close() error {
	if b.builder == nil {
		return nil
	}
	return b.builder.Close()
}

// openWords opens what a wordBuilder wrote; nil if that had no documents.
func openWords(path string, documents int) (*words, error) {
	if documents == 0 {
		return nil, nil
	}
	x, err := bleve.OpenUsing(path, map[string]any{"read_only": true})
	if err != nil {
		return nil, err
	}
	return &words{x}, nil
}

// name is the term as bleve knows it.
func (t term) name() string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(t))
	return hex.EncodeToString(b[:])
}

// wordTerms appends what stands for words: those of a text, and pairs of characters.
func wordTerms(dst []term, tokens []token) []term {
	for i := range tokens {
		switch t := &tokens[i]; {
		case t.weight != characterWeight:
			dst = append(dst, t.term)
		case i > 0 && tokens[i-1].weight == characterWeight:
			dst = append(dst, pair(tokens[i-1].term, t.term))
		}
	}
	return dst
}

// How bleve is asked: for documents that have two of the rarest words of a text, so many words, or as many as so many
// documents have together.
const (
	askedTerms     = 12
	askedDocuments = 1000
	leastTerms     = 2
	suggested      = 16
	// askSteps is what asking costs.
	askSteps = 100_000
)

// suggest adds to s.candidates the documents that have the rarest words of a text, of those that are listed in the gate.
func (w *words) suggest(s *scratch, g *gate, tokens []token) error {
	if w == nil {
		return nil
	}
	asked := rarest(g, tokens)
	if len(asked) == 0 {
		return nil
	}
	s.budget.left -= askSteps
	clauses := make([]query.Query, len(asked))
	for i, t := range asked {
		q := bleve.NewTermQuery(t.name())
		q.SetField(wordField)
		clauses[i] = q
	}
	any := bleve.NewDisjunctionQuery(clauses...)
	any.SetMin(float64(min(leastTerms, len(clauses))))
	found, err := w.index.SearchInContext(context.Background(), bleve.NewSearchRequestOptions(any, suggested, 0, false))
	if err != nil {
		return err
	}
	for _, hit := range found.Hits {
		doc, err := strconv.ParseUint(hit.ID, 10, 32)
		if err != nil {
			return fmt.Errorf("document %q: %w", hit.ID, err)
		}
		if !slices.Contains(s.candidates, uint32(doc)) {
			s.candidates = append(s.candidates, uint32(doc))
		}
	}
	return nil
}

// rarest returns the words of a text that the fewest documents have, and one has.
func rarest(g *gate, tokens []token) []term {
	type count struct {
		term      term
		documents int
	}
	var counts []count
	for _, t := range wordTerms(nil, tokens) {
		if at := g.find(t); at >= 0 {
			counts = append(counts, count{t, int(g.documents[at])})
		}
	}
	slices.SortFunc(counts, func(a, b count) int {
		return cmp.Or(cmp.Compare(a.documents, b.documents), cmp.Compare(a.term, b.term))
	})
	counts = slices.Compact(counts)
	var out []term
	documents := 0
	for _, c := range counts[:min(askedTerms, len(counts))] {
		if documents += c.documents; documents > askedDocuments && len(out) >= leastTerms {
			break
		}
		out = append(out, c.term)
	}
	return out
}

func (w *words) close() error {
	if w == nil {
		return nil
	}
	return w.index.Close()
}
