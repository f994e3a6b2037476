package bench

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextOptions says how text is laid out.
type TextOptions struct {
	Colour bool
	// Width is how many columns a line may have. Optional: 0 means 120. Below 40 is taken for 40.
	Width int
}

const (
	defaultWidth = 120
	leastWidth   = 40
	leastColumn  = 12 // to which a column of words is cut before a table is broken up
	gap          = "  "
)

// Colours, as parameters of the terminal's SGR sequence.
const (
	bold   = "1"
	red    = "1;31"
	yellow = "33"
	green  = "32"
)

// WriteText writes a report for a person at a terminal.
func WriteText(w io.Writer, r *Report, o TextOptions) error { return writeText(w, present(r), o) }

func writeText(w io.Writer, sections []section, o TextOptions) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	p := textPrinter{w: bufio.NewWriter(w), colour: o.Colour, width: max(o.Width, leastWidth)}
	for i := range sections {
		if i > 0 {
			p.line("")
		}
		p.section(&sections[i])
	}
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("writing text: %w", err)
	}
	return nil
}

// textPrinter writes lines; its writer keeps the first error until the end.
type textPrinter struct {
	w      *bufio.Writer
	colour bool
	width  int
}

func (p *textPrinter) line(s string) { p.w.WriteString(strings.TrimRight(s, " ") + "\n") }

func (p *textPrinter) paint(code, s string) string {
	if !p.colour || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *textPrinter) section(s *section) {
	p.line(p.paint(bold, cut(printable(s.title), p.width)))
	for i := range s.tables {
		if i > 0 {
			p.line("")
		}
		p.table(&s.tables[i])
	}
	paint := ""
	if s.alarm {
		paint = yellow
	}
	for _, l := range s.lines {
		for i, part := range wrap(printable(l), p.width-2) {
			indent := ""
			if i > 0 {
				indent = gap
			}
			p.line(indent + p.paint(paint, part))
		}
	}
}

// table writes a table, in several pieces that repeat the first column where it is too wide.
func (p *textPrinter) table(t *table) {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(printable(c))
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(printable(c.text)))
		}
	}
	p.shrink(widths, t.leftmost)
	for i := 1; i < len(widths); i++ {
		widths[i] = min(widths[i], p.width-len(gap)-widths[0])
	}
	for from := 1; from < len(widths); {
		to, total := from, widths[0]
		for to < len(widths) && (to == from || total+len(gap)+widths[to] <= p.width) {
			total += len(gap) + widths[to]
			to++
		}
		if from > 1 {
			p.line("")
		}
		p.piece(t, widths, from, to)
		from = to
	}
}

// shrink narrows the widest column of words until the table fits or none can be narrowed.
func (p *textPrinter) shrink(widths []int, words int) {
	for {
		total, widest := -len(gap), 0
		for i, w := range widths {
			total += len(gap) + w
			if i < words && w > widths[widest] {
				widest = i
			}
		}
		if total <= p.width || widths[widest] <= leastColumn {
			return
		}
		widths[widest] = max(leastColumn, widths[widest]-(total-p.width))
	}
}

// piece writes the first column and those in [from, to).
func (p *textPrinter) piece(t *table, widths []int, from, to int) {
	columns := []int{0}
	for i := from; i < to; i++ {
		columns = append(columns, i)
	}
	write := func(cellAt func(i int) cell) {
		var b strings.Builder
		for n, i := range columns {
			if n > 0 {
				b.WriteString(gap)
			}
			c := cellAt(i)
			text := cut(printable(c.text), widths[i])
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i < t.leftmost {
				b.WriteString(p.paint(c.paint, text) + pad)
			} else {
				b.WriteString(pad + p.paint(c.paint, text))
			}
		}
		p.line(b.String())
	}
	write(func(i int) cell { return cell{text: t.columns[i], paint: bold} })
	for _, row := range t.rows {
		write(func(i int) cell { return row[i] })
	}
}

// cut shortens s to at most limit runes, the last an ellipsis.
func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// wrap breaks s at spaces into parts of at most width runes; a longer word stands alone.
func wrap(s string, width int) []string {
	var parts []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			parts, line = append(parts, line), word
		}
	}
	return append(parts, line)
}

// printable writes out what would steer a terminal or deceive a reader, such as escapes and marks of direction: names
// come from corpora and scanners of other people.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u{%x}", r)
		}
	}
	return b.String()
}
