package output

import (
	"sort"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// stride is the distance between two bytes of a text whose character number an index remembers.
const stride = 1024

// index finds lines and characters in a text. Characters are counted by their first bytes, so that invalid UTF-8
// counts as nothing worse than a few characters less.
type index struct {
	text  []byte
	lines []int // offset of the first byte of each line
	chars []int // chars[i] is the number of characters before byte i*stride
}

func newIndex(text []byte) *index {
	ix := &index{text: text, lines: []int{0}}
	n := 0
	for i, c := range text {
		if i%stride == 0 {
			ix.chars = append(ix.chars, n)
		}
		if c&0xC0 != 0x80 {
			n++
		}
		if c == '\n' {
			ix.lines = append(ix.lines, i+1)
		}
	}
	return ix
}

// char returns the number of characters before the byte at offset.
func (ix *index) char(offset int) int {
	if len(ix.chars) == 0 {
		return 0
	}
	block := min(offset/stride, len(ix.chars)-1)
	n := ix.chars[block]
	for _, c := range ix.text[block*stride : offset] {
		if c&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

// position returns line and column of the byte at offset, both from 1.
func (ix *index) position(offset int) (line, column int) {
	line = sort.SearchInts(ix.lines, offset+1)
	return line, ix.char(offset) - ix.char(ix.lines[line-1]) + 1
}

func (ix *index) region(start, end int) *sarif.Region {
	start = min(max(start, 0), len(ix.text))
	end = min(max(end, start), len(ix.text))
	startLine, startColumn := ix.position(start)
	endLine, endColumn := ix.position(end)
	return sarif.NewRegion().WithByteOffset(start).WithByteLength(end - start).
		WithCharOffset(ix.char(start)).WithCharLength(ix.char(end) - ix.char(start)).
		WithStartLine(startLine).WithStartColumn(startColumn).WithEndLine(endLine).WithEndColumn(endColumn)
}
