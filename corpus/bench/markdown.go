package bench

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes a report as Markdown with GitHub's tables.
func WriteMarkdown(w io.Writer, r *Report) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "# Benchmark")
	for _, s := range present(r) {
		fmt.Fprintf(out, "\n## %s\n", escapeMarkdown(s.title))
		for i := range s.tables {
			writeMarkdownTable(out, &s.tables[i])
		}
		if len(s.lines) > 0 {
			fmt.Fprintln(out)
		}
		for _, l := range s.lines {
			fmt.Fprintf(out, "- %s\n", escapeMarkdown(l))
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing Markdown: %w", err)
	}
	return nil
}

func writeMarkdownTable(out *bufio.Writer, t *table) {
	fmt.Fprintln(out)
	row := func(n int, text func(i int) string) {
		for i := range n {
			fmt.Fprintf(out, "| %s ", text(i))
		}
		fmt.Fprintln(out, "|")
	}
	row(len(t.columns), func(i int) string { return escapeMarkdown(t.columns[i]) })
	row(len(t.columns), func(i int) string {
		if i < t.leftmost {
			return ":--"
		}
		return "--:"
	})
	for _, cells := range t.rows {
		row(len(cells), func(i int) string { return escapeMarkdown(cells[i].text) })
	}
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "[", `\[`, "]", `\]`, "#", `\#`, "!", `\!`, "~", `\~`,
)

// escapeMarkdown makes s plain text in one line.
func escapeMarkdown(s string) string { return markdownEscapes.Replace(printable(s)) }
