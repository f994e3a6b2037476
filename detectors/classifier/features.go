package classifier

import (
	"slices"
	"strings"
	"sync"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Head is the part of a model that judges some kinds of event. Each has weights and thresholds of its own.
type Head int

// The heads.
const (
	Definitions Head = iota
	Results          // whatever comes in at run time
	Prompts
	Calls
	heads
)

// Heads returns every head.
func Heads() []Head { return []Head{Definitions, Results, Prompts, Calls} }

func (h Head) String() string { return [...]string{"definitions", "results", "prompts", "calls"}[h] }

// HeadOf returns the head that judges events of kind k.
func HeadOf(k models.Kind) Head { return headOf[k.Group()] }

var headOf = map[models.Group]Head{
	models.GroupDefinitions: Definitions, models.GroupData: Results, models.GroupPrompts: Prompts, models.GroupCalls: Calls,
}

// places is how many places in an event the model tells apart: fields, each raw and otherwise.
const places = 2 * int(fields)

type field uint8

const (
	fieldName field = iota
	fieldTitle
	fieldDescription
	fieldParameter
	fieldSchema
	fieldKey
	fieldContent
	fieldArguments
	fieldOther
	fields
)

func fieldOf(s *models.Segment) field {
	if s.Key {
		return fieldKey
	}
	switch s.Pointer {
	case "/name":
		return fieldName
	case "/title":
		return fieldTitle
	case "/description":
		return fieldDescription
	}
	switch {
	case strings.HasPrefix(s.Pointer, "/inputSchema/"), strings.HasPrefix(s.Pointer, "/outputSchema/"):
		if strings.HasSuffix(s.Pointer, "/description") {
			return fieldParameter
		}
		return fieldSchema
	case strings.HasPrefix(s.Pointer, "/content/"):
		return fieldContent
	case strings.HasPrefix(s.Pointer, "/arguments/"):
		return fieldArguments
	}
	return fieldOther
}

// maxSignals bounds the signals of a window whose pairs are looked at.
const maxSignals = 96

// window is a stretch of a view that is judged as one: about a sentence.
type window struct {
	segment, view int
	start, end    int // bytes of the view's text
	place         uint8
	tokens        []token
	// signals are features, not numbers of the lexicon. They are valid until another window is heard.
	signals []uint32
}

// features of words: each word, each pair of neighbours, each pair with one word between.
func (w *window) appendWords(dst []uint32) []uint32 {
	var before, earlier uint32
	for i := range w.tokens {
		h := w.tokens[i].hash
		dst = append(dst, single(h))
		if i > 0 {
			dst = append(dst, pair(before, h))
		}
		if i > 1 {
			dst = append(dst, skip(earlier, h))
		}
		earlier, before = before, h
	}
	return dst
}

// The hashes of features have their entropy in the upper bits, which tables are addressed by.
func single(h uint32) uint32  { return (h ^ h>>15) * 0x2c1b3c6d }
func pair(a, b uint32) uint32 { return (a*0x85ebca6b ^ b>>13 ^ b) * 0xc2b2ae35 }
func skip(a, b uint32) uint32 { return (a*0xcc9e2d51 ^ b>>14 ^ b) * 0x1b873593 }

// signalNames has a hash of the name of each signal of the shipped lexicon: numbers change when the lexicon grows, and what was
// learned must not.
var signalNames = sync.OnceValue(func() (hashes []uint32) {
	for _, name := range directive.Names().Names() {
		h := uint32(hashStart)
		for i := range len(name) {
			h = (h ^ uint32(name[i])) * hashPrime
		}
		hashes = append(hashes, h)
	}
	return hashes
})

// signalFeature is the feature of two signals in one window, or of one if they are the same.
func signalFeature(a, b uint32) uint32 { return pair(min(a, b), max(a, b)) }

// reader takes events apart. It belongs to one goroutine.
type reader struct {
	tokens  tokens
	words   *directive.Reader
	set     []directive.Signal
	names   []uint32
	signals []uint32
	windows []window
}

func newReader() (*reader, error) {
	lexicon, err := directive.Default()
	if err != nil {
		return nil, err
	}
	return &reader{words: lexicon.Reader(), names: signalNames()}, nil
}

// begin prepares for the texts of one event.
func (r *reader) begin(in *detectors.Input) {
	r.words.Own = r.words.Own[:0]
	for i := range in.Segments {
		s := &in.Segments[i]
		if len(r.words.Own) < directive.MaxOwn && (!s.Key && s.Pointer == "/name" || s.Key && strings.HasPrefix(s.Pointer, "/inputSchema/properties/")) {
			r.words.Own = append(r.words.Own, s.Views[0].Text)
		}
	}
}

// structural are members whose short values are the schema's, not a person's.
var structural = []string{"/type", "/format", "/$schema", "/$ref", "/mimeType", "/role"}

// silent reports whether nobody reads the segment as a text.
func silent(s *models.Segment) bool {
	text := s.Views[0].Text
	if s.Key {
		return strings.IndexByte(text, '_') < 0 && strings.IndexByte(text, ' ') < 0 && len(text) <= maxWord
	}
	if len(text) < 3 {
		return true
	}
	return len(text) < 60 && (strings.Contains(s.Pointer, "/required/") ||
		slices.ContainsFunc(structural, func(end string) bool { return strings.HasSuffix(s.Pointer, end) }))
}

// view reads one view into windows, which are valid until the next call.
func (r *reader) view(s *models.Segment, segment, view int) []window {
	text := s.Views[view].Text
	r.tokens.read(text)
	place := uint8(fieldOf(s)) * 2
	if view > 0 {
		place++
	}
	r.windows = r.windows[:0]
	from := 0
	for _, to := range r.tokens.cuts {
		list := r.tokens.list[from:to]
		r.windows = slices.Grow(r.windows, 1)[:len(r.windows)+1]
		w := &r.windows[len(r.windows)-1]
		w.segment, w.view, w.place, w.tokens = segment, view, place, list
		w.start, w.end = int(list[0].start), int(list[len(list)-1].end)
		w.signals = nil
		from = to
	}
	return r.windows
}

// hear adds to window i of those of one view what the lexicon finds between its neighbours.
func (r *reader) hear(text string, windows []window, i int) {
	w, start, end := &windows[i], 0, len(text)
	if i > 0 {
		start = windows[i-1].end
	}
	if i+1 < len(windows) {
		end = windows[i+1].start
	}
	r.set = r.set[:0]
	for _, hit := range r.words.Read(text[start:end]).Hits {
		if len(r.set) < maxSignals && !slices.Contains(r.set, hit.Signal) {
			r.set = append(r.set, hit.Signal)
		}
	}
	r.signals = r.signals[:0]
	for a, x := range r.set {
		r.signals = append(r.signals, signalFeature(r.names[x], r.names[x]))
		for _, y := range r.set[a+1:] {
			r.signals = append(r.signals, signalFeature(r.names[x], r.names[y]))
		}
	}
	w.signals = r.signals
}
