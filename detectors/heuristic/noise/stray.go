package noise

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

// common are frequent short words, which tell English apart from English with stray letters.
var common = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`the and for with this that into from read send put add copy user about first then also all any file key tell say nothing never not before after
		paste it of to in is on at by be do or as an if so we he you your their them out over when where what which without before every each session message password secret token
		ignore ignoring previous instruction instructions forward forwards server servers files filed without asking without request requests answer answers secretly reveal messages delete deletes account accounts system prompt
		print call run open show mail upload post give take write it's its them there here please must always ask it`) {
		words[w] = true
	}
	return words
}()

const (
	minStray   = 5  // words with a stray letter
	strayReach = 14 // words among which they must stand
)

// sampled is how far apart the words are that are looked at first, in bytes.
const sampled = 40

// sampleStray reports whether any word of a sample has a stray letter. Where words have, most do.
func sampleStray(text string) bool {
	for at := 0; at < len(text); at += sampled {
		for at < len(text) && 'a' <= text[at]|0x20 && text[at]|0x20 <= 'z' {
			at++
		}
		for at < len(text) && (text[at]|0x20 < 'a' || 'z' < text[at]|0x20) {
			at++
		}
		start := at
		for at < len(text) && 'a' <= text[at]|0x20 && text[at]|0x20 <= 'z' {
			at++
		}
		if strayed(text[start:at]) {
			return true
		}
	}
	return false
}

// stray finds words that are common ones but for a letter at their beginning or end.
func stray(e *check.Event, i int, text string) {
	var found [minStray]int // ordinal numbers of the words
	var starts [minStray]int
	count, ordinal := 0, 0
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && 'a' <= text[at]|0x20 && text[at]|0x20 <= 'z' {
			at++
		}
		if at == start {
			at++
			continue
		}
		ordinal++
		if !strayed(text[start:at]) {
			continue
		}
		found[count%minStray], starts[count%minStray] = ordinal, start
		count++
		if first := count % minStray; count >= minStray && ordinal-found[first] < strayReach && different(text, starts[:]) {
			end := sentenceEnd(text, at)
			e.Report(strayLetters, nil, models.Span{Segment: i, Start: starts[first], End: end})
			return
		}
	}
}

// different reports whether the words at these places are not the same again and again.
func different(text string, starts []int) bool {
	kinds := 0
	for n, start := range starts {
		again := false
		for _, other := range starts[:n] {
			again = again || strings.HasPrefix(text[start:], text[other:min(len(text), other+3)])
		}
		if !again {
			kinds++
		}
	}
	return kinds >= minStray-1
}

// strayed reports whether word is none that is known, and a common one without its first or last letter or with one letter
// once instead of twice.
func strayed(word string) bool {
	var small [maxWord + 1]byte
	if len(word) < minWord || len(word) > maxWord {
		return false
	}
	for i := range len(word) {
		small[i] = word[i] | 0x20
	}
	lower, last := small[:len(word)], len(word)-1
	if len(word) > minWord || 'a' <= word[0] {
		if common[string(lower[1:])] || common[string(lower[:last])] || stammered(lower) {
			return !common[string(lower)] && !others[string(lower)]
		}
	}
	return false
}

const (
	minWord = 3
	maxWord = 14
)

// stammered reports whether a word in small letters is a common one without the second of two equal letters in it.
func stammered(word []byte) bool {
	var rest [maxWord]byte
	for i := 1; i < len(word); i++ {
		if word[i] == word[i-1] {
			n := copy(rest[:], word[:i])
			n += copy(rest[n:], word[i+1:])
			if common[string(rest[:n])] {
				return true
			}
		}
	}
	return false
}

// others are words that are others with a letter more.
var others = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`they them then than there these bread tread reads files keys users tells says runs calls shows opens prints puts adds into onto fall call hall tall ball wall small
		mall many sand hand land band brand grand stand pit sit bit fit hit kit lit wit its hits sits bits fits kits tin pin win bin fin sin din gin kin skin spin twin thin
		won ton son on non cat bat hat fat sat rat mat pat vat that chat flat what at eat heat beat meat seat neat great treat
		bus us plus thus dusk ask task mask bask asks tasks disk risk key keyed monkey turkey donkey your yours four tour hour pour sour flour
		said paid laid raid aid bread dread ahead head lead dead road load toad broad abroad too two to do go so no of off doe dog dot toe ton too top tor tow toy
		done gone none one bone tone zone stone phone alone in inn ink king being is his this list wish fish dish as has was gas ass pas bass mass pass class glass be bed bee beg bet best
		ban can fan man pan ran tan van plan scan than an ant any and ad add bad dad had lad mad pad sad fad glad grade by buy baby or for nor odd orb ore form fork fort word work worm worn born corn horn torn
		if iff iffy we web wed wet were owe he she the them hem hen her hex heir shell hell help held file filed filer mile tile pile while smile profile
		send sends sender spend mends ends copy copying pout output input put putt shut stop spot post posts poster most host cost lost ghost almost
		mail email emails mails snail nail rail tail sail fail jail token tokens tokened pass passed calls called caller recall shown showing open opened opens reopen give gives given
		take taken takes stake write writes writer wrote prints sprint printed printer run runs rung grunt rune trun user users abuser used where here there hither where when whet
		every very all also fall fully tally ally asker must musty trust just dust rust each teach reach beach peach outs route rout shout about out over cover hover lover rover overt mover
		first thirst nothing without password passwords session sessions message messages secret secrets before after pasted pastes taste haste waste please pleased pleases always
		say says essay stay day way may pay lay ray bay gay hay sayings what whats which which's their theirs from form forms tot not note noted knot hot lot got rot dot pot
		seach saves add adder ladder madder additional inso isa onto ton tor oft soft loft toi anti ani`) {
		words[w] = true
	}
	return words
}()

func sentenceEnd(text string, i int) int {
	if n := strings.IndexAny(text[i:], ".!?\n"); n >= 0 {
		return i + n
	}
	return len(text)
}

// symbols finds mangled names of functions whose parts are an order: _ZN9assistant3run7commandE.
func symbols(e *check.Event, i int, text string) {
	for at := strings.Index(text, "_Z"); at >= 0; {
		end := at
		for end < len(text) && (isLetter(text[end]) && text[end] < 0x80 || text[end] == '_' || '0' <= text[end] && text[end] <= '9') {
			end++
		}
		words := strings.FieldsFunc(text[at:end], func(r rune) bool { return r == '_' || '0' <= r && r <= '9' })
		if g := gist.Of(strings.Join(words, " ")); g.Score() >= 5 && g.Has(gist.Addressee|gist.Covert) {
			e.Report(wordsInSymbol, nil, models.Span{Segment: i, Start: at, End: end})
			return
		}
		next := strings.Index(text[end:], "_Z")
		if next < 0 {
			return
		}
		at = end + next
	}
}
