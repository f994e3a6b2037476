package view

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fileHeads are the beginnings in base64 of files that can carry text beside their content.
var fileHeads = []string{
	"iVBORw0KGgo",      // PNG
	"/9j/",             // JPEG
	"R0lGOD",           // GIF
	"SUQz",             // ID3
	"UEsDB",            // ZIP, and what is one
	"UklGR",            // RIFF: WAV, WebP
	"T2dnUw",           // Ogg
	"ZkxhQ",            // FLAC
	"H4sI",             // gzip
	"eJ", "eNo", "eAE", // zlib
	"JVBERi0",       // PDF with parts that are compressed
	"AAAA",          // MP4, HEIC, AVIF
	"SUkq", "TU0AK", // TIFF
	"GkXfo", // Matroska
}

const (
	minFile     = 40       // characters of base64
	maxFile     = 24 << 10 // bytes of a file that are looked at, from either end
	maxInflated = 32 << 10 // bytes of text in all compressed parts of a file
	minPrinted  = 16       // bytes of a text in a file
)

// decodeFile finds files in base64 and yields the texts in them: fields of metadata, comments, what is compressed.
func decodeFile(text string) *builder {
	var b builder
	for i := 0; ; {
		start, end, ok := nextRun(text, i, base64Set, minFile)
		if !ok {
			return b.parts()
		}
		i = end
		if !beginsFile(text[start:end]) {
			continue
		}
		head := min(end, start+maxFile/3*4)
		b.texts(unbase64(text[start:head]), start)
		if tail := end - maxFile/3*4/4; tail > head {
			tail -= (tail - start) % 4
			b.texts(unbase64(text[tail:end]), tail)
		}
	}
}

func beginsFile(s string) bool {
	for _, head := range fileHeads {
		if strings.HasPrefix(s, head) {
			return true
		}
	}
	return false
}

// texts appends the texts of a file, whose base64 begins at from: printed ones as they stand, compressed ones inflated.
func (b *builder) texts(file string, from int) {
	char := func(at int) int { return from + at*4/3 }
	left := maxInflated
	for i := 0; i < len(file); {
		if packed(file[i:]) && left > 0 {
			if plain := inflate(file[i:], left); plain != "" {
				left -= len(plain)
				b.part(char(i), func(b *builder) { b.whole(plain, char(i), char(min(len(file), i+16))) })
			}
		}
		start := i
		wide := false
		i, wide = printedEnd(file, i)
		if i == start {
			i++
			continue
		}
		printed := file[start:i]
		if wide {
			printed = strings.ReplaceAll(printed, "\x00", "")
		}
		if len(printed) >= minPrinted && strings.Count(printed, " ") >= 2 && utf8.ValidString(printed) && mostlyWords(printed) {
			b.part(char(start), func(b *builder) { b.whole(printed, char(start), max(char(i), char(start)+1)) })
		}
	}
}

// printedEnd returns where the printable text at i ends: UTF-8, or ASCII in UTF-16.
func printedEnd(s string, i int) (end int, wide bool) {
	at := i
	if at < len(s) && s[at] == 0 && at+1 < len(s) && printable(s[at+1]) {
		at++ // big-endian
	}
	if at+3 < len(s) && printable(s[at]) && s[at+1] == 0 && printable(s[at+2]) && s[at+3] == 0 {
		for at+1 < len(s) && printable(s[at]) && s[at+1] == 0 {
			at += 2
		}
		return at, true
	}
	for i < len(s) {
		if printable(s[i]) {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if s[i] < utf8.RuneSelf || r == utf8.RuneError || !unicode.IsPrint(r) {
			break
		}
		i += n
	}
	return i, false
}

func printable(c byte) bool { return c >= ' ' && c < 0x7f || c == '\t' }

// mostlyWords reports whether a text has far more letters and blanks than signs.
func mostlyWords(s string) bool {
	words := 0
	for i := range len(s) {
		if letter(s[i]) || s[i] == ' ' || s[i] >= utf8.RuneSelf {
			words++
		}
	}
	return words*10 >= len(s)*7
}

// packed reports whether s begins as gzip or zlib do.
func packed(s string) bool {
	return len(s) > 8 && (s[0] == 0x1f && s[1] == 0x8b && s[2] == 8 || s[0] == 0x78 && (s[1] == 0x9c || s[1] == 0xda || s[1] == 0x01 || s[1] == 0x5e) && (uint(s[0])<<8|uint(s[1]))%31 == 0)
}

// inflate returns at most limit bytes of text that s holds compressed; "" if it is no text.
func inflate(s string, limit int) string {
	var r io.Reader
	var err error
	if s[0] == 0x1f {
		r, err = gzip.NewReader(strings.NewReader(s))
	} else {
		r, err = zlib.NewReader(strings.NewReader(s))
		if err != nil {
			r, err = flate.NewReader(strings.NewReader(s[2:])), nil
		}
	}
	if err != nil {
		return ""
	}
	var head [64]byte
	n, _ := io.ReadFull(r, head[:])
	if !begins(string(head[:n])) || n < minPrinted {
		return ""
	}
	var out bytes.Buffer
	out.Write(head[:n])
	_, _ = io.Copy(&out, io.LimitReader(r, int64(limit-n)))
	plain := strings.ToValidUTF8(out.String(), "")
	if !readable(plain) {
		return ""
	}
	return plain
}
