package view

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// step is one transform of text.
type step struct {
	name  string
	needs features                   // changes nothing where none of them occurs
	apply func(text string) *builder // nil if it changes nothing
}

// normalisation lists the steps of the normalised view, in order.
var normalisation = []step{
	{"strip_controls", hasControl, stripControls},
	{"strip_invisible", hasInvisible, stripInvisible},
	{"nfkc", hasMultibyte, nfkc},
	{"strip_marks", hasMark, stripMarks},
	{"fold_lookalikes", hasLookalike, foldLookalikes},
}

// normalise applies the steps that change something to r, whose features are f, and returns the features of the result.
func normalise(r reading, f features) (reading, features) {
	for _, s := range normalisation {
		if !f.has(s.needs) {
			continue
		}
		if b := s.apply(r.text); b != nil {
			r = r.then(s.name, b)
			f = survey(r.text)
		}
	}
	return r, f
}

// stripControls removes terminal escape sequences (ECMA-48: CSI, OSC, DCS, SOS, PM, APC, and two-byte ones) and control
// characters (C0 but tab, line feed and carriage return; DEL; C1).
func stripControls(text string) *builder {
	return rewrite(text, func(i int) (string, int) {
		c := text[i]
		switch {
		case c == 0x1b:
			return "", terminalEscape(text[i:])
		case c == 0x7f, c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return "", 1
		case c == 0xc2 && i+1 < len(text) && text[i+1] >= 0x80 && text[i+1] <= 0x9f:
			if text[i+1] == 0x9b {
				return "", 2 + csiLen(text[i+2:])
			}
			return "", 2
		}
		return "", 0
	})
}

// terminalEscape returns the length of the escape sequence that s begins with. A string sequence that nothing ends
// counts as its introducer only, so that nothing hides behind it.
func terminalEscape(s string) int {
	if len(s) < 2 {
		return 1
	}
	switch c := s[1]; {
	case c == '[':
		return 2 + csiLen(s[2:])
	case strings.IndexByte("]PX^_", c) >= 0:
		for i := 2; i < len(s); i++ {
			if s[i] == '\a' {
				return i + 1
			}
			if s[i] != 0x1b {
				continue
			}
			if i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			break // a terminal gives up here too
		}
		return 2
	case c >= 0x20 && c < 0x7f:
		return 2
	}
	return 1
}

// csiLen returns the length of the parameters, intermediates and final byte that s begins with.
func csiLen(s string) int {
	i := 0
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3f {
		i++
	}
	if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7e {
		return i + 1
	}
	return 0
}

// invisible reports whether a reader sees nothing of r: the Default_Ignorable_Code_Point property of Unicode 15 (soft
// hyphen, joiners, zero-width characters, bidirectional controls, fillers, variation selectors, tag characters) and the
// interlinear annotation marks.
func invisible(r rune) bool {
	switch {
	case r < 0xad:
		return false
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5:
		return true
	case r < 0x180b:
		return false
	case r <= 0x180f, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r < 0x3164:
		return false
	case r == 0x3164, r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff, r == 0xffa0, r >= 0xfff0 && r <= 0xfffb:
		return true
	}
	return r >= 0x1bca0 && r <= 0x1bca3 || r >= 0x1d173 && r <= 0x1d17a || r >= 0xe0000 && r <= 0xe0fff
}

func stripInvisible(text string) *builder {
	return rewrite(text, func(i int) (string, int) {
		if text[i] < utf8.RuneSelf {
			return "", 0
		}
		if r, n := utf8.DecodeRuneInString(text[i:]); invisible(r) {
			return "", n
		}
		return "", 0
	})
}

// nfkc brings text to normalisation form KC, character by character with what combines with it. Blank characters that
// are not spaces to Unicode (U+2800) become spaces too.
func nfkc(text string) *builder {
	const blank = "\u2800"
	if norm.NFKC.IsNormalString(text) && !strings.Contains(text, blank) {
		return nil
	}
	var composed []byte
	known := 0 // text up to here is in form KC, or rewritten
	return rewrite(text, func(i int) (string, int) {
		if strings.HasPrefix(text[i:], blank) {
			return " ", len(blank)
		}
		if i < known {
			return "", 0
		}
		if n := norm.NFKC.QuickSpanString(text[i:]); n > 0 {
			known = i + n
			return "", 0
		}
		n := norm.NFKC.NextBoundaryInString(text[i:], true)
		known = i + n
		composed = norm.NFKC.AppendString(composed[:0], text[i:known])
		if string(composed) == text[i:known] {
			return "", 0
		}
		return string(composed), n
	})
}

// stripMarks removes marks that overlay or surround ASCII letters and that NFKC could not compose with them.
func stripMarks(text string) *builder {
	plain := false // the last character that is no mark was an ASCII letter or digit
	return rewrite(text, func(i int) (string, int) {
		if text[i] < utf8.RuneSelf {
			plain = alphanumeric(text[i])
			return "", 0
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if !runeFeatures(r).has(hasMark) {
			plain = false
			return "", 0
		}
		if !plain {
			return "", 0
		}
		return "", n
	})
}

func alphanumeric(c byte) bool { return letter(c) || '0' <= c && c <= '9' }

func letter(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }
