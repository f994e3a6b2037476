package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"

	"github.com/aad6b6dc/taster/models"
)

// CanonicalDigest returns the digest of the RFC 8785 form of body, or "" when body is not I-JSON (RFC 7493): not JSON at
// all, a duplicate key at any depth, a lone surrogate, a byte that is not UTF-8, a number too large for a float64.
// As in RFC 8785, numbers are compared as float64: two that differ only beyond its precision share a digest.
func CanonicalDigest(body []byte) string {
	s := scanner{body: string(body), canonical: newCanonical(len(body))}
	if s.document() != nil {
		return ""
	}
	return s.canonical.digest(body)
}

// canonical collects the RFC 8785 form of a body while it is scanned.
type canonical struct {
	text    []byte
	members []member // of the objects being read, innermost last
	refused bool     // the body is not I-JSON
	// moves is how many bytes may still be moved to sort members. Sorting moves a value once for each object around
	// it; a body made to abuse that is left to package jcs, which sorts a tree.
	moves   int
	scratch []byte
}

// member is one member of an object: its name, and where name and value stand in the text.
type member struct {
	name       string
	start, end int
}

func newCanonical(bodyBytes int) canonical {
	return canonical{text: make([]byte, 0, bodyBytes), moves: 8*bodyBytes + 1<<12}
}

func (c *canonical) digest(body []byte) string {
	if c.refused {
		return ""
	}
	if c.moves >= 0 {
		return models.Digest(c.text)
	}
	text, err := jcs.Transform(body)
	if err != nil {
		return ""
	}
	return models.Digest(text)
}

func (c *canonical) punct(b byte) { c.text = append(c.text, b) }

// verbatim appends a string that holds no escapes: its canonical form is what stands in the body.
func (c *canonical) verbatim(s string) {
	c.text = append(append(append(c.text, '"'), s...), '"')
}

// quote appends a string with the escapes that RFC 8785 asks for and no others.
func (c *canonical) quote(s string) {
	const digits = "0123456789abcdef"
	c.punct('"')
	for i := range len(s) {
		b := s[i]
		if class[b] == 0 || class[b] == classMultibyte {
			c.punct(b)
			continue
		}
		if k := strings.IndexByte("\"\\\b\f\n\r\t", b); k >= 0 {
			c.text = append(c.text, '\\', `"\bfnrt`[k])
			continue
		}
		c.text = append(c.text, '\\', 'u', '0', '0', digits[b>>4], digits[b&15])
	}
	c.punct('"')
}

// exactDigits is how many digits of an integer a float64 holds whatever they are.
const exactDigits = 15

func (c *canonical) number(s string) {
	if len(s) <= exactDigits && s != "-0" && !strings.ContainsAny(s, ".eE") {
		c.text = append(c.text, s...)
		return
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		c.refused = true
		return
	}
	s, err = jcs.NumberToJSON(v)
	c.refused = c.refused || err != nil
	c.text = append(c.text, s...)
}

// sort puts the members from first on, which stand at the end of the text with commas between them, in the order of
// their names, and forgets them.
func (c *canonical) sort(first int) {
	all := c.members[first:]
	c.members = c.members[:first]
	if len(all) < 2 || c.refused || c.moves < 0 {
		return
	}
	order := func(a, b member) int { return compareNames(a.name, b.name) }
	start, end := all[0].start, len(c.text)
	if !slices.IsSortedFunc(all, order) {
		if c.moves -= end - start; c.moves < 0 {
			return
		}
		slices.SortFunc(all, order)
		c.scratch = c.scratch[:0]
		for i, m := range all {
			if i > 0 {
				c.scratch = append(c.scratch, ',')
			}
			c.scratch = append(c.scratch, c.text[m.start:m.end]...)
		}
		copy(c.text[start:end], c.scratch)
	}
	for i := 1; i < len(all); i++ {
		c.refused = c.refused || all[i].name == all[i-1].name
	}
}

// compareNames orders names by their UTF-16 code units (RFC 8785, section 3.2.3). That is the order of their bytes, save
// that characters beyond U+FFFF, which are surrogates there, come before U+E000.
func compareNames(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) || a[i] < 0xee && b[i] < 0xee {
		return cmp.Compare(a[i:], b[i:])
	}
	for !utf8.RuneStart(a[i]) {
		i--
	}
	x, _ := utf8.DecodeRuneInString(a[i:])
	y, _ := utf8.DecodeRuneInString(b[i:])
	if (x > 0xffff) != (y > 0xffff) && min(x, y) >= 0xe000 {
		return cmp.Compare(y, x)
	}
	return cmp.Compare(x, y)
}
