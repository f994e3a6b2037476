package judge

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
)

// text is what of an event the model sees: a list of items.
type text struct {
	kind    models.Kind
	items   []item
	skipped []models.Skipped
}

// item is one view of one segment.
type item struct {
	segment, view int
	pointer       string // with secrets masked: a key may hold one
	shown         string // with secrets masked, perhaps cut
	// text is the view's own text. Evidence stands in it.
	text string
}

const (
	// wordBytes is the length up to which a string without spaces is a word, which can't ask for anything.
	wordBytes = 16
	// maxPointerBytes limits the pointer that is shown beside an item.
	maxPointerBytes = 120
	// maxItems limits the items of one text, so that the plant is not lost among them.
	maxItems = 200
	// share is the part of the room that one item may take, unless the others leave it more.
	share = 4
	// gap stands where the middle of an item was left out.
	gap = " […] "
)

// newText chooses and cuts what is sent: the readable view of each string that can hold a sentence, and what is hidden in
// it. Secrets are masked: the judge's endpoint is not told what it does not need.
func newText(in *detectors.Input, limit int) *text {
	t := &text{kind: in.Event.Kind}
	t.skipped = append(t.skipped, in.Skipped...)
	room := limit
	for i := range in.Segments {
		seg := &in.Segments[i]
		for _, v := range viewsOf(seg) {
			if room <= 0 || len(t.items) == maxItems {
				t.skip(seg.Pointer, fmt.Sprintf("the judge reads %d bytes and %d strings of an event", limit, maxItems))
				break
			}
			own := seg.Views[v].Text
			most := max(room/share, min(room, limit/share))
			shown, whole := show(own, most)
			if !whole {
				t.skip(seg.Pointer, fmt.Sprintf("the judge reads %d bytes of an event", limit))
			}
			room -= len(shown) + len(seg.Pointer)
			t.items = append(t.items, item{segment: i, view: v, pointer: redact.Mask(seg.Pointer), shown: shown, text: own})
		}
	}
	return t
}

func (t *text) skip(pointer, reason string) {
	s := models.Skipped{Pointer: pointer, Reason: reason}
	if len(t.skipped) < 16 && !slices.Contains(t.skipped, s) {
		t.skipped = append(t.skipped, s)
	}
}

// viewsOf are the views that are sent: the normalised one where there is one, else the raw one, and the decoded ones.
func viewsOf(seg *models.Segment) []int {
	plain := 0
	var views []int
	for v := 1; v < len(seg.Views); v++ {
		switch {
		case seg.Views[v].Kind == models.ViewDecoded:
			views = append(views, v)
		case plain == 0 && seg.Views[v].Kind == models.ViewNormalised && !slices.Contains(seg.Views[v].Chain, "words"):
			plain = v
		}
	}
	own := seg.Views[plain].Text
	if word := len(own) <= wordBytes && !strings.ContainsAny(own, " \t\n"); word || strings.TrimSpace(own) == "" {
		return views
	}
	return append([]int{plain}, views...)
}

// show masks the secrets of a text, and leaves out the middle of one that is longer than most.
func show(own string, most int) (shown string, whole bool) {
	if len(own) <= most {
		return redact.Mask(own), true
	}
	half := max((most-len(gap))/2, 0)
	return redact.Part(own, 0, len(models.Truncate(own, half))) + gap + redact.Part(own, runeStart(own, len(own)-half), len(own)), false
}

// runeStart is the first byte from at on that begins a letter.
func runeStart(s string, at int) int {
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return at
}

// jumbled is a text of the same items with the words of each in alphabetical order: as long, in the same language, about
// the same things, and without a sentence that could ask for anything. What a model can't do with it, it can't do at all.
func (t *text) jumbled() *text {
	out := &text{kind: t.kind, items: slices.Clone(t.items)}
	for i := range out.items {
		out.items[i].shown = jumble(out.items[i].shown)
		out.items[i].text = out.items[i].shown
	}
	return out
}

// longWord is the length from which a word may be a text without spaces: its letters are sorted, too.
const longWord = 24

func jumble(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = strings.Map(lettersOnly, w)
		if utf8.RuneCountInString(w) >= longWord || strings.ContainsFunc(w, spaceless) {
			letters := []rune(words[i])
			slices.Sort(letters)
			words[i] = string(letters)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// lettersOnly takes out the marks that give words a structure: tags, quotes, braces.
func lettersOnly(r rune) rune {
	if unicode.IsPunct(r) || unicode.IsSymbol(r) {
		return -1
	}
	return r
}

// spaceless reports whether the letter is of a script that is written without spaces.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// locate finds a quote in an item and returns its place in the view's text. Spaces and markers do not count, since the model
// saw others than the peer wrote.
func (it *item) locate(quote string) (start, end int, ok bool) {
	q, _ := squeeze(quote)
	if len(q) == 0 {
		return 0, 0, false
	}
	own, at := squeeze(it.text)
	if i := strings.Index(own, q); i >= 0 {
		return at[i], at[i+len(q)-1] + 1, true
	}
	// The quote may hold what stands for a masked secret, or for the middle.
	if shown, _ := squeeze(it.shown); strings.Contains(shown, q) {
		return 0, len(it.text), true
	}
	return 0, 0, false
}

// squeeze leaves out spaces and private-use characters. at has the offset in s of each byte that stays.
func squeeze(s string) (squeezed string, at []int) {
	b := make([]byte, 0, len(s))
	for i, r := range s {
		if unicode.IsSpace(r) || private(r) {
			continue
		}
		n := utf8.RuneLen(r)
		if r == utf8.RuneError {
			n = 1
		}
		for k := range min(n, len(s)-i) {
			b, at = append(b, s[i+k]), append(at, i+k)
		}
	}
	return string(b), at
}

func private(r rune) bool { return r >= 0xE000 && r <= 0xF8FF }

// halves are two texts, one of the odd and one of the even sentences of each item: whatever talks the model out of a passage
// is away from it in one of them, unless both are one sentence. There are none of a text without two sentences in an item.
func (t *text) halves() []*text {
	halves := []*text{{kind: t.kind}, {kind: t.kind}}
	parted := false
	for i := range t.items {
		parts := sentencesOf(t.items[i].shown)
		parted = parted || len(parts) > 1
		for h, half := range halves {
			it := t.items[i]
			it.shown = ""
			for n := h; n < len(parts); n += 2 {
				it.shown += parts[n]
			}
			if strings.TrimSpace(it.shown) != "" {
				half.items = append(half.items, it)
			}
		}
	}
	if !parted {
		return nil
	}
	return halves
}

// sentencesOf cuts a text behind full stops and at line ends. Nothing is lost.
func sentencesOf(s string) []string {
	var parts []string
	start := 0
	for i, r := range s {
		end := i + utf8.RuneLen(r)
		stop := r == '\n' || strings.ContainsRune("。！？", r) ||
			strings.ContainsRune(".!?", r) && (end == len(s) || s[end] == ' ' || s[end] == '\n' || s[end] == '<')
		if stop && strings.TrimSpace(s[start:end]) != "" {
			parts, start = append(parts, s[start:end]), end
		}
	}
	if strings.TrimSpace(s[start:]) != "" {
		parts = append(parts, s[start:])
	}
	return parts
}
