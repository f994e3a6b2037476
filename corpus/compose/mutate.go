package compose

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// synonyms are what one who rewords an order reaches for first.
var synonyms = map[string][]string{
	"must": {"should", "need to", "are expected to"}, "before": {"prior to", "ahead of"}, "read": {"look at", "fetch", "open", "load"},
	"user": {"person", "customer", "operator"}, "tell": {"inform", "let know"}, "send": {"deliver", "pass", "transmit"}, "file": {"document", "record"},
	"always": {"each time", "without exception"}, "never": {"do not", "at no time"}, "tool": {"function", "helper", "utility"}, "use": {"run", "apply", "employ"},
	"using": {"running", "applying"}, "pass": {"supply", "provide", "hand over"}, "content": {"text", "data"}, "contents": {"text", "data"}, "include": {"add", "attach"},
	"do": {"please do"}, "not": {"never"}, "mention": {"bring up", "note"}, "important": {"note", "remark"}, "all": {"every", "the full"}, "first": {"initially", "to begin with"},
	"call": {"invoke", "trigger"}, "instructions": {"guidance", "directions"}, "silently": {"quietly", "in the background"}, "ensure": {"make sure"}, "parameter": {"field", "argument"},
	"email": {"message", "mail"}, "emails": {"messages", "mail"}, "execute": {"run", "perform"}, "ignore": {"disregard", "skip"}, "otherwise": {"or else"},
}

var (
	fillers = []string{"for better results", "as is usual", "as the documentation says", "where that applies", "in the normal way", "for each request"}
	padding = []string{"Returns a list of results in JSON.", "The limit is 100 results per page.", "Dates are in ISO 8601.", "Supports paging with a cursor."}
)

// Mutate changes a text at one place, drawn by chance, as one would who looks for a gap in a detector: another word, padding, a
// cut between sentences, two words exchanged, an invisible letter, a few words encoded.
func Mutate(r *rand.Rand, text string) string {
	words := strings.Fields(text)
	if len(words) < 2 {
		return text
	}
	i := r.IntN(len(words))
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		reword(r, words, i)
	case 4:
		words[i] += " " + fillers[r.IntN(len(fillers))]
	case 5:
		words[i] = strings.TrimRight(words[i], ".") + ". " + padding[r.IntN(len(padding))]
	case 6:
		words[i] += []string{".", ";", "\n\n"}[r.IntN(3)]
	case 7:
		if i+1 < len(words) {
			words[i], words[i+1] = words[i+1], words[i]
		}
	case 8:
		if len(words[i]) > 3 {
			words[i] = words[i][:2] + "\u200b" + words[i][2:]
		}
	case 9:
		j := min(len(words), i+4)
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Join(words[i:j], " ")))
		words = append(words[:i:i], append([]string{coded}, words[j:]...)...)
	}
	return strings.Join(words, " ")
}

// reword replaces the first word from place i on that has a synonym.
func reword(r *rand.Rand, words []string, i int) {
	for range len(words) {
		if s := synonyms[strings.ToLower(strings.Trim(words[i], ".,:;"))]; s != nil {
			words[i] = s[r.IntN(len(s))]
			return
		}
		i = (i + 1) % len(words)
	}
}

// Bounds of what [Bearable] lets pass.
const (
	maxBroken = 4
	maxLonger = 1.5
	moreWords = 10
)

// Bearable reports whether a mutated text is still one that a model would follow: at most half as long again as the original, and
// neither cut to pieces nor mostly encoded.
func Bearable(original, mutated string) bool {
	longest := maxLonger*float64(len(strings.Fields(original))) + moreWords
	return float64(len(strings.Fields(mutated))) <= longest && broken(mutated)-broken(original) <= maxBroken
}

// broken counts what makes a text unreadable.
func broken(text string) int {
	cuts := strings.Count(text, ".") + strings.Count(text, ";") + strings.Count(text, "\n\n")
	return cuts + 2*(strings.Count(text, "\u200b")+strings.Count(text, "=="))
}
