package view

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// scanner takes a JSON text apart in one pass. It keeps what other parsers drop: every occurrence of a duplicate key,
// unknown members, and the place of each byte.
type scanner struct {
	body    string
	pos     int
	pointer []byte // of the value being read
	shared  string // pointer as a string, where the member's name has already made one; else empty
	depth   int
	views   []models.View    // room for raw views, handed out one by one
	doc     *models.Document // nil: only the canonical form is wanted
	budget  budget

	canonical canonical
}

// budget counts down what a document may still cost.
type budget struct {
	segments int
	pointers int // bytes of all pointers
	views    int // bytes of all views that are not raw
}

// SyntaxError says that a body is not JSON, and where.
type SyntaxError struct {
	Offset  int // byte in the body
	Problem string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON at byte %d: %s", e.Offset, e.Problem)
}

func (s *scanner) fail(problem string) error { return &SyntaxError{s.pos, problem} }

func (s *scanner) document() error {
	if err := s.value(); err != nil {
		return err
	}
	if s.space(); s.pos < len(s.body) {
		return s.fail("text after the value")
	}
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.body) {
		switch s.body[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos == len(s.body) {
		return 0
	}
	return s.body[s.pos]
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.fail(fmt.Sprintf("want %q", c))
	}
	s.pos++
	return nil
}

func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.text(false)
		return err
	case c == '{':
		first := len(s.canonical.members)
		if err := s.nested('}', s.member); err != nil {
			return err
		}
		s.canonical.sort(first)
		s.canonical.punct('}')
		return nil
	case c == '[':
		if err := s.nested(']', s.element); err != nil {
			return err
		}
		s.canonical.punct(']')
		return nil
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.body[s.pos:], word) {
			s.pos += len(word)
			s.canonical.text = append(s.canonical.text, word...)
			return nil
		}
	}
	return s.fail("want a value")
}

func (s *scanner) number() error {
	rest := s.body[s.pos:]
	n := 0
	digits := func() bool {
		from := n
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		return n > from
	}
	at := func(set string) bool { return n < len(rest) && strings.IndexByte(set, rest[n]) >= 0 }
	if at("-") {
		n++
	}
	ok := true
	if at("0") {
		n++
	} else {
		ok = digits()
	}
	if ok && at(".") {
		n++
		ok = digits()
	}
	if ok && at("eE") {
		if n++; at("+-") {
			n++
		}
		ok = digits()
	}
	s.pos += n
	if !ok {
		return s.fail("want a digit")
	}
	s.canonical.number(rest[:n])
	return nil
}

// nested reads the items of an object or an array up to its closing byte.
func (s *scanner) nested(closing byte, item func(i int) error) error {
	if s.depth++; s.depth > maxNesting {
		return s.fail(fmt.Sprintf("nested deeper than %d", maxNesting))
	}
	if s.depth == MaxDepth+1 {
		s.skip(reasonDepth)
	}
	s.canonical.punct(s.body[s.pos])
	s.pos++
	length := len(s.pointer)
	for i := 0; ; i++ {
		if i == 0 && s.peek() == closing {
			break
		}
		if err := item(i); err != nil {
			return err
		}
		s.pointer, s.shared = s.pointer[:length], ""
		if c := s.peek(); c == closing {
			break
		} else if c != ',' {
			return s.fail(fmt.Sprintf("want ',' or %q", closing))
		}
		s.canonical.punct(',')
		s.pos++
	}
	s.pos++
	s.depth--
	return nil
}

func (s *scanner) member(int) error {
	if s.peek() != '"' {
		return s.fail("want a member's name")
	}
	c := &s.canonical
	m := member{start: len(c.text)}
	var err error
	if m.name, err = s.text(true); err != nil {
		return err
	}
	if err := s.expect(':'); err != nil {
		return err
	}
	c.punct(':')
	if err := s.value(); err != nil {
		return err
	}
	m.end = len(c.text)
	c.members = append(c.members, m)
	return nil
}

func (s *scanner) element(i int) error {
	s.pointer = strconv.AppendInt(append(s.pointer, '/'), int64(i), 10)
	s.shared = ""
	return s.value()
}

// class tells the bytes that end or complicate a string from plain ASCII, which is 0.
var class = func() (c [256]byte) {
	for i := range c {
		switch {
		case i < ' ':
			c[i] = classControl
		case i == '"':
			c[i] = classQuote
		case i == '\\':
			c[i] = classEscape
		case i >= utf8.RuneSelf:
			c[i] = classMultibyte
		}
	}
	return c
}()

const (
	classControl = 1 + iota
	classQuote
	classEscape
	classMultibyte
)

// text reads a string, makes it a segment and returns it. A member's name becomes part of the pointer.
func (s *scanner) text(key bool) (string, error) {
	s.pos++
	start := s.pos
	escaped, multibyte := false, false
	for s.pos < len(s.body) {
		switch class[s.body[s.pos]] {
		case 0:
			s.pos++
		case classMultibyte:
			multibyte = true
			s.pos++
		case classEscape:
			n := escapeLen(s.body[s.pos:])
			if n == 0 {
				return "", s.fail("bad escape")
			}
			escaped = true
			s.pos += n
		case classControl:
			return "", s.fail("control character in a string")
		case classQuote:
			end := s.pos
			s.pos++
			rewritten := escaped || multibyte && !utf8.ValidString(s.body[start:end])
			return s.segment(key, start, end, rewritten), nil
		}
	}
	return "", s.fail("string without end")
}

// escapeLen returns the length of the JSON escape that s begins with, or 0.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hexValue(s, 2, 4); ok {
			return 6
		}
	}
	return 0
}

// segment takes in the string at body[start:end]. It is rewritten if its text differs from the bytes.
func (s *scanner) segment(key bool, start, end int, rewritten bool) string {
	raw := models.View{Kind: models.ViewRaw, Text: s.body[start:end]}
	if rewritten {
		var exact bool
		raw.Text, raw.Map, exact = unescape(s.body, start, end)
		s.canonical.refused = s.canonical.refused || !exact
		s.canonical.quote(raw.Text)
	} else {
		s.canonical.verbatim(raw.Text)
	}
	if s.doc == nil {
		return raw.Text
	}
	if key {
		s.pointer = appendToken(s.pointer, raw.Text)
		s.shared = ""
	}
	if s.depth > MaxDepth || !s.charge() {
		return raw.Text
	}
	if len(s.shared) == 0 {
		s.shared = string(s.pointer)
	}
	s.doc.Segments = append(s.doc.Segments, models.Segment{Pointer: s.shared, Key: key, Start: start, End: end, Views: s.room(raw)})
	s.read(&s.doc.Segments[len(s.doc.Segments)-1])
	return raw.Text
}

// charge takes one segment off the budget, or notes that there is none left.
func (s *scanner) charge() bool {
	cost := 0
	if len(s.shared) == 0 {
		cost = len(s.pointer)
	}
	switch {
	case s.budget.segments == 0:
		s.skipRest(reasonSegments)
		return false
	case s.budget.pointers < cost:
		s.skipRest(reasonPointers)
		return false
	}
	s.budget.segments--
	s.budget.pointers -= cost
	return true
}

// room puts a raw view in a slice of its own without an allocation of its own.
func (s *scanner) room(raw models.View) []models.View {
	if len(s.views) == cap(s.views) {
		s.views = make([]models.View, 0, 256)
	}
	n := len(s.views)
	s.views = append(s.views, raw)
	return s.views[n : n+1 : n+1]
}

// skip notes that the value at the pointer is left out.
func (s *scanner) skip(reason string) {
	s.skipAt(string(s.pointer[:min(len(s.pointer), 2*models.MaxNameBytes)]), reason)
}

// skipAt notes that the part at pointer is not taken apart, or not all of it.
func (s *scanner) skipAt(pointer, reason string) {
	if s.doc == nil {
		return
	}
	if len(s.doc.Skipped) == maxSkipped {
		s.doc.Skipped = append(s.doc.Skipped, models.Skipped{Reason: reasonSkips})
	}
	if len(s.doc.Skipped) > maxSkipped {
		return
	}
	s.doc.Skipped = append(s.doc.Skipped, models.Skipped{Pointer: models.Truncate(pointer, models.MaxNameBytes), Reason: reason})
}

// skipRest notes once that from the pointer on something is left out.
func (s *scanner) skipRest(reason string) {
	for _, noted := range s.doc.Skipped {
		if noted.Reason == reason {
			return
		}
	}
	s.skip(reason)
}

// appendToken adds one reference token to an RFC 6901 pointer.
func appendToken(pointer []byte, name string) []byte {
	pointer = append(pointer, '/')
	for i := range len(name) {
		switch name[i] {
		case '~':
			pointer = append(pointer, "~0"...)
		case '/':
			pointer = append(pointer, "~1"...)
		default:
			pointer = append(pointer, name[i])
		}
	}
	return pointer
}
