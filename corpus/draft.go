package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// The marks around the words of a draft that make it an attack.
const (
	markOpen  = "\u27e6" // ⟦
	markClose = "\u27e7" // ⟧
)

// Draft is a sample as its author writes it. It has no id, source, split or spans: [Corpus.Add] gives it the first two,
// [Corpus.Assign] the third, and the spans are the stretches between ⟦ and ⟧ in strings and member names of the body,
// which is without these marks here.
type Draft struct {
	// Name is a handle by which the Before of other drafts refers to this one; empty if none does.
	Name   string
	Sample Sample
}

// DraftFile is a file of drafts.
type DraftFile struct {
	Name   string // without directory and extension
	Drafts []Draft
}

// ParseDraft reads one line of a draft file. All of the body but the marks stays byte for byte. A malicious draft that
// states no signal has the usual one, [Instruction].
func ParseDraft(line []byte) (Draft, error) {
	var r struct {
		row
		Name string `json:"name"`
	}
	stray, err := decode(line, &r)
	if err == nil {
		err = r.finish(stray)
	}
	if err != nil {
		return Draft{}, fmt.Errorf("reading draft: %w", err)
	}
	d := Draft{r.Name, r.Sample}
	if err := d.settle(); err != nil {
		return Draft{}, fmt.Errorf("reading draft: %w", err)
	}
	return d, nil
}

// settle turns marks into spans.
func (d *Draft) settle() (err error) {
	s := &d.Sample
	for _, f := range []struct {
		name string
		set  bool
	}{{"id", s.ID != ""}, {"source", s.Source != ""}, {"split", s.Split != ""}, {"spans", s.Spans != nil}} {
		if f.set {
			return &models.FieldError{Field: f.name, Problem: "given, but it is made when the draft is added"}
		}
	}
	if s.Stray != "" {
		return errors.New(s.Stray)
	}
	if s.Event.Oversize != nil {
		return &models.FieldError{Field: "event", Problem: "without a body"}
	}
	if s.Event.Body, s.Spans, err = unmark(s.Event.Body); err != nil {
		return err
	}
	if s.Label != models.Malicious && len(s.Spans) > 0 {
		return fmt.Errorf("marks in a %s draft", s.Label)
	}
	if s.Label == models.Malicious && s.Signal == "" {
		s.Signal = Instruction
	}
	return nil
}

// unmark removes the marks of a body and returns what stood between them.
func unmark(body []byte) ([]byte, []Span, error) {
	marked, err := view.Build(body)
	if err != nil {
		return nil, nil, fmt.Errorf("reading body: %w", err)
	}
	type stretch struct{ segment, start, end int }
	var clean []byte
	var found []stretch
	copied := 0
	for i := range marked.Segments {
		seg := &marked.Segments[i]
		stretches, marks, err := stretchesOf(seg.Views[0].Text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", seg.Pointer, err)
		}
		for _, at := range marks {
			start, end := seg.Raw(0, at, at+len(markOpen))
			clean = append(clean, body[copied:start]...)
			copied = end
		}
		for _, s := range stretches {
			found = append(found, stretch{i, s[0], s[1]})
		}
	}
	clean = append(clean, body[copied:]...)
	if len(found) == 0 {
		return clean, nil, nil
	}
	// Names may have had marks, and then their pointers had them too.
	unmarked, err := view.Build(clean)
	if err != nil || len(unmarked.Segments) != len(marked.Segments) {
		return nil, nil, errors.Join(errors.New("the body falls apart without its marks"), err)
	}
	spans := make([]Span, len(found))
	for i, f := range found {
		seg := &unmarked.Segments[f.segment]
		spans[i] = Span{seg.Pointer, seg.Key, f.start, f.end}
	}
	return clean, spans, nil
}

// stretchesOf finds the marks of a text, and the stretches between them as they stand once the marks are gone.
func stretchesOf(text string) (stretches [][2]int, marks []int, err error) {
	open := -1
	for at := 0; ; at += len(markOpen) {
		next := strings.IndexAny(text[at:], markOpen+markClose)
		if next < 0 {
			break
		}
		at += next
		place := at - len(marks)*len(markOpen)
		opening := strings.HasPrefix(text[at:], markOpen)
		switch {
		case opening == (open >= 0):
			return nil, nil, errors.New("marks do not pair")
		case opening:
			open = place
		case place == open:
			return nil, nil, errors.New("nothing between two marks")
		default:
			stretches = append(stretches, [2]int{open, place})
			open = -1
		}
		marks = append(marks, at)
	}
	if open >= 0 {
		return nil, nil, errors.New("marks do not pair")
	}
	return stretches, marks, nil
}

// ReadDrafts reads a draft file: JSON lines. Errors name file and line.
func ReadDrafts(name string, r io.Reader) (DraftFile, error) {
	f := DraftFile{Name: nameOf(name)}
	err := eachLine(name, r, func(n int, line []byte) error {
		d, err := ParseDraft(bytes.Clone(line))
		d.Sample.Line = n
		f.Drafts = append(f.Drafts, d)
		return err
	})
	if err == nil && len(f.Drafts) == 0 {
		err = fmt.Errorf("%s: %w", name, ErrEmpty)
	}
	return f, err
}

// Add turns drafts into samples of the file of the same name, which it makes if need be. Ids are the file's name and four
// digits, going on behind the highest one. Splits are left to [Corpus.Assign].
//
// The new samples stay in the order of their drafts, with the lines of these as their Line. Nothing is added if a draft's
// Before names neither a draft of the same file nor a sample.
func (c *Corpus) Add(drafts DraftFile) error {
	at := slices.IndexFunc(c.Files, func(f File) bool { return f.Name == drafts.Name })
	next := 1
	if at >= 0 {
		next = c.Files[at].highest() + 1
	}
	known := map[string]string{}
	for _, s := range c.samples() {
		known[s.ID] = s.ID
	}
	added := make([]Sample, len(drafts.Drafts))
	for i, d := range drafts.Drafts {
		added[i] = d.Sample
		added[i].Source = drafts.Name
		added[i].ID = fmt.Sprintf("%s-%04d", drafts.Name, next+i)
		switch _, taken := known[d.Name]; {
		case d.Name == "":
		case taken:
			return fmt.Errorf("%s:%d: adding draft: the name %q is taken", drafts.Name, d.Sample.Line, d.Name)
		default:
			known[d.Name] = added[i].ID
		}
	}
	for i := range added {
		if s := &added[i]; s.Before != "" {
			id, ok := known[s.Before]
			if !ok {
				return fmt.Errorf("%s:%d: adding draft: before names no row: %q", drafts.Name, s.Line, s.Before)
			}
			s.Before = id
		}
	}
	if at < 0 {
		c.Files = append(c.Files, File{Name: drafts.Name, Samples: added})
		slices.SortFunc(c.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
		return nil
	}
	c.Files[at].Samples = append(c.Files[at].Samples, added...)
	return nil
}

// highest is the highest number of an id of the file.
func (f *File) highest() int {
	top := 0
	for _, s := range f.Samples {
		n := 0
		if digits, ok := strings.CutPrefix(s.ID, f.Name+"-"); ok {
			_, _ = fmt.Sscanf(digits, "%d", &n) // an id of another form has no number
		}
		top = max(top, n)
	}
	return top
}
