package view

// An identifier of this many words is spelled out. Longer than maxIdentifier it is no name.
const (
	minWords      = 4
	minWordBytes  = 3 // on average, so that random letters are no words
	maxIdentifier = 1024
)

// words spells out an identifier in snake_case, kebab-case, dotted.case or camelCase, or returns nil if text is none.
func words(text string) *builder {
	if len(text) < minWords*minWordBytes || len(text) > maxIdentifier {
		return nil
	}
	b := &builder{text: make([]byte, 0, len(text)+8)}
	count, letters := 1, 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '_' || c == '-' || c == '.':
			b.whole(" ", i, i+1)
			if i > 0 && i+1 < len(text) && alphanumeric(text[i-1]) {
				count++
			}
		case !alphanumeric(c):
			return nil
		case hump(text, i):
			b.whole(" "+text[i:i+1], i, i+1)
			count++
		default:
			b.keep(text, i, i+1)
		}
		if letter(c) {
			letters++
		}
	}
	if count < minWords || letters < count*minWordBytes || letters*4 < len(text)*3 {
		return nil
	}
	return b
}

// hump reports whether a word of camelCase begins at i: a capital behind a small letter or digit, or the last of several
// capitals before a small letter.
func hump(text string, i int) bool {
	if !upper(text[i]) || i == 0 || !alphanumeric(text[i-1]) {
		return false
	}
	return !upper(text[i-1]) || i+1 < len(text) && letter(text[i+1]) && !upper(text[i+1])
}

func upper(c byte) bool { return 'A' <= c && c <= 'Z' }
