package judge

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

//go:embed signs.txt
var signWords string

// signs finds text that speaks to the judge, or that imitates what only a judge says or sees. No model is asked: who
// addresses the judge has told what he wants, and the model is the one thing that he may be able to change.
type signs struct {
	lexicon *directive.Lexicon
	readers sync.Pool
	names   map[directive.Signal]sign
}

// sign is one thing that a sentence can say; a set of them is a bit set.
type sign uint32

const (
	judged  sign = 1 << iota // names one who judges
	hailed                   // speaks to one
	charged                  // says what one has to do
	cast                     // makes somebody one
	acquit                   // nothing is to be found
	muzzle                   // nothing is to be said
	burden                   // too much is to be said
	inward                   // what only a judge has
	about                    // speaks about such text
	convict                  // lists the opposite, too
)

var signNames = map[string]sign{
	"judge": judged, "hailed": hailed, "charged": charged, "cast": cast, "acquit": acquit, "muzzle": muzzle, "burden": burden,
	"inward": inward, "about": about, "convict": convict,
}

var signLexicon = sync.OnceValue(func() *directive.Lexicon {
	l, err := directive.Parse(directive.File{Name: "signs.txt", Text: signWords})
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	return l
})

func newSigns() *signs {
	s := &signs{lexicon: signLexicon(), names: map[directive.Signal]sign{}}
	for name, bit := range signNames {
		signal, ok := s.lexicon.Signal(name)
		if !ok {
			panic("judge: the lexicon has no section " + name)
		}
		s.names[signal] = bit
	}
	s.readers.New = func() any { return s.lexicon.Reader() }
	return s
}

// confidenceSign is that of findings by signs; see the README for how often they are right.
const confidenceSign = 0.8

// The rules by signs.
const (
	ruleTold    = "judge-told"
	ruleVerdict = "judge-verdict"
	ruleFence   = "judge-fence"
	ruleRole    = "judge-role"
)

var signSays = map[string]string{
	ruleTold:    "It speaks to whoever inspects it, and says what to find.",
	ruleVerdict: "It imitates the answer of whoever inspects it.",
	ruleFence:   "It imitates the end of what is inspected.",
	ruleRole:    "It imitates the turns of a conversation with a model, and speaks in them.",
}

// maxSigns limits the findings by signs on one event.
const maxSigns = 8

// find returns at most one finding of each rule in each segment.
func (s *signs) find(in *detectors.Input) []models.Finding {
	if s == nil {
		return nil
	}
	var out []models.Finding
	for i := range in.Segments {
		seen := map[string]bool{}
		for v := range in.Segments[i].Views {
			for _, f := range s.inView(in.Segments[i].Views[v].Text) {
				if seen[f.rule] || len(out) == maxSigns {
					continue
				}
				seen[f.rule] = true
				out = append(out, models.Finding{
					Rule: f.rule, Version: ruleVersion, Class: attack, Severity: models.SeverityHigh, Confidence: confidenceSign,
					Message: signSays[f.rule], Evidence: []models.Span{{Segment: i, View: v, Start: f.start, End: f.end}},
				})
			}
		}
	}
	return out
}

// seenSign is a rule that holds for a stretch of a view.
type seenSign struct {
	rule       string
	start, end int
}

// shortestSigns is the length below which a text says nothing to anybody.
const shortestSigns = 16

func (s *signs) inView(text string) []seenSign {
	if len(text) < shortestSigns {
		return nil
	}
	rd := s.readers.Get().(*directive.Reader)
	defer s.readers.Put(rd)
	sentences := s.sentences(rd, text)
	var said sign
	for i := range sentences {
		said |= sentences[i].all
	}
	out := shapeSigns(text, said)
	for i := range sentences {
		if start, end, ok := told(sentences, i); ok {
			return append(out, seenSign{ruleTold, start, start + len(strings.TrimRight(text[start:end], " \n\t"))})
		}
	}
	return out
}

// told reports whether sentence i, alone or with a neighbour, tells a judge what to find, and from where to where.
func told(sentences []sentence, i int) (start, end int, ok bool) {
	s := &sentences[i]
	if i+1 < len(sentences) {
		if next := &sentences[i+1]; s.tells(next) {
			if s.tells(&sentence{}) {
				return s.start, s.end, true
			}
			return s.start, next.end, true
		}
	} else if s.tells(&sentence{}) {
		return s.start, s.end, true
	}
	// A verdict, and then who is to repeat it.
	if i > 0 && s.all&charged != 0 && s.all&inQuotes == 0 && sentences[i-1].all&acquit != 0 && sentences[i-1].all&convict == 0 {
		return sentences[i-1].start, s.end, true
	}
	return 0, 0, false
}

// sentence is what one says.
type sentence struct {
	start, end int
	all        sign
}

func (s *signs) sentences(rd *directive.Reader, text string) []sentence {
	reading := rd.Read(text)
	var out []sentence
	for i := range reading.Hits {
		h := &reading.Hits[i]
		bit, ok := s.names[h.Signal]
		if !ok {
			continue
		}
		for len(out) <= h.Sentence {
			start, end := reading.Bounds(len(out), len(text))
			out = append(out, sentence{start: start, end: end})
		}
		sen := &out[h.Sentence]
		if bit == judged && vocative(text, h.Start, h.End) {
			bit |= hailed
		}
		if bit&(judged|hailed|charged) != 0 && quoted(text[sen.start:sen.end], h.Start-sen.start) {
			bit |= about << 8 // see mentions
		}
		sen.all |= bit
	}
	return out
}

// vocative reports whether the word is followed by a colon or a comma, or stands at the end of a sentence behind a comma.
func vocative(text string, start, end int) bool {
	rest := strings.TrimLeft(text[end:], " ")
	for _, mark := range []string{":", ",", "：", "，", "،", "、"} {
		if strings.HasPrefix(rest, mark) {
			return true
		}
	}
	before := strings.TrimRight(text[:start], " ")
	return strings.HasSuffix(before, ",") && (rest == "" || rest[0] == '.' || rest[0] == '!')
}

// quoted reports whether an odd number of quotation marks stands before a place in its sentence.
func quoted(sentence string, at int) bool {
	n := 0
	for _, r := range sentence[:max(min(at, len(sentence)), 0)] {
		switch r {
		case '"', '“', '”', '„', '«', '»', '‘', '’', '「', '」':
			n++
		}
	}
	return n%2 == 1
}

// inQuotes is set where the address stands in quotation marks.
const inQuotes = about << 8

// tells reports whether a sentence, alone or with the one after it, tells a judge what to find.
func (s *sentence) tells(next *sentence) bool {
	if s.all&inQuotes != 0 && s.all&about != 0 {
		return false // it speaks about such text
	}
	wants := func(t *sentence) bool {
		if t.all&convict != 0 {
			return t.all&(muzzle|burden) != 0
		}
		return t.all&(acquit|muzzle|burden) != 0
	}
	both := s.all | next.all
	switch {
	case s.all&(hailed|charged) != 0:
		return wants(s) || wants(next)
	case s.all&cast != 0:
		return both&convict == 0 && (s.all&acquit != 0 && s.all&judged != 0 || both&muzzle != 0 || both&inward != 0 && both&acquit != 0)
	case s.all&inward != 0 && both&judged != 0:
		return both&convict == 0 && (both&acquit != 0 || both&muzzle != 0)
	}
	return false
}

// The shapes of what only a judge says or sees.
var (
	// ownAnswer is an answer in the judge's own form.
	ownAnswer = regexp.MustCompile(`(?i)["'{,\s](?:conclusion|passages|addressed)["']?\s*:\s*(?:["']?harmless|\[\s*\])`)
	// anyVerdict is a verdict in the form of JSON or of tags, told to be given.
	anyVerdict = regexp.MustCompile(`(?i)(?:"(?:verdict|label|classification|rating|conclusion|risk|score)"\s*:\s*(?:"(?:benign|harmless|safe|clean|approved|ok|pass|none)"|0(?:\.0+)?[,}\s])|<(verdict|label|rating|score)>\s*(?:benign|harmless|safe|clean|0))`)
	// giveIt tells to give it.
	giveIt = regexp.MustCompile(`(?i)\b(?:output|return|answer with|emit|copy|repeat|give|reply with|respond with|print)s?\b[^.]{0,40}\b(?:exactly|this|same|these|the above|verbatim|nothing else)\b`)
	// ownFence is one in the judge's own form.
	ownFence = regexp.MustCompile(`(?i)</?data-[0-9a-f]{4,}>`)
	// fence is the end of a stretch that was set apart for a reader, and a new voice behind it.
	fence = regexp.MustCompile(`(?i)(?:</?data-[0-9a-f]{4,}|</(?:data|untrusted|input|content|document|items?|user_input|inspection|tool_description)>\s*\S|(?:={3,}|-{3,}|<{3,}|\[{3,})\s*/?(?:end|ende|fin|конец)(?:[ _](?:of|der|des|de|des)?\s*(?:the\s+)?)?\s*(?:untrusted|scanned|data|input|daten|items|content|données|datos|данных)|---\s*データここまで|\bend of (?:the )?(?:untrusted (?:data|input)|data block|items)\b|\[/(?:items|data|input|operator)\]|\[operator\])`)
	// marks are letters joined by private-use characters, as the judge joins them.
	marks = regexp.MustCompile(`(?:\pL[\x{E000}-\x{F8FF}]\pL+[\x{E000}-\x{F8FF}]){2}|(?:\pL+[,:]?[\x{E000}-\x{F8FF}]\pL+[\s\S]{0,40}){3}`)
	// role is a turn of a conversation, and words in it.
	role = regexp.MustCompile(`(?i)(?:<\|(?:im_start|start_header_id)\|>\s*(?:system|assistant|user)|<\|(?:system|assistant|user)\|>|<start_of_turn>\s*(?:model|user)|\[/?INST\]|<</?SYS>>|^\s*###\s*(?:system|assistant|instruction):|\n###?\s*(?:system|assistant)\s*:|[}\]]\s*\n?\s*\{\s*"role"\s*:\s*"(?:system|developer)"\s*,\s*"content"\s*:|\n\s*(?:human|assistant)\s*:\s*\S)[^a-z]{0,12}(?:\S+\s+){2}`)
	// closes is the end of a turn: what opens after it was not meant to.
	closes = regexp.MustCompile(`(?i)<\|im_end\|>\s*<\|im_start\|>|<end_of_turn>\s*<start_of_turn>|\[/INST\][^\[]{0,200}\[INST\]|<\|eot_id\|>|<</SYS>>|<\|assistant\|>|###\s*assistant\s*:|\n\s*assistant\s*:[\s\S]*\n\s*human\s*:|"role"\s*:\s*"system"`)
)

// verdictWords are those that a text has to hold somewhere for its shape to count: documentation of chat templates and markup
// has the shapes, too.
const verdictWords = judged | acquit | muzzle | burden | inward

// shape is a form that only a judge's text has. One of its hints stands in every text of that form, in lower case: most texts
// have none, and the pattern need not be tried.
type shape struct {
	rule    string
	hints   []string
	pattern *regexp.Regexp
	words   bool           // counts only beside verdictWords
	also    *regexp.Regexp // has to match somewhere, too
}

var shapes = []shape{
	{ruleVerdict, []string{"conclusion", "passages", "addressed"}, ownAnswer, false, nil},
	{ruleVerdict, []string{`"`, "<"}, anyVerdict, false, giveIt},
	{ruleFence, []string{"<data-", "</data-"}, ownFence, false, nil},
	{ruleFence, []string{"</", "---", "===", "<<<", "[[[", "end of ", "[/", "[operator"}, fence, true, nil},
	{ruleFence, []string{"\xee", "\xef"}, marks, false, nil},
	{ruleRole, []string{"<|", "<start_of_turn", "[inst", "[/inst", "<<sys", "<</sys", "###", `"role"`, "human", "assistant"}, role, true, closes},
}

// shapeSigns are what shows in the shape of a text.
func shapeSigns(text string, said sign) []seenSign {
	var out []seenSign
	lower := strings.ReplaceAll(strings.ToLower(text), "ſ", "s") // as patterns fold letters
	done := ""
	for i := range shapes {
		sh := &shapes[i]
		if sh.rule == done || sh.words && said&verdictWords == 0 || !slices.ContainsFunc(sh.hints, func(hint string) bool { return strings.Contains(lower, hint) }) {
			continue
		}
		at := sh.pattern.FindStringIndex(text)
		if at == nil || sh.also != nil && !sh.also.MatchString(text) {
			continue
		}
		out, done = append(out, seenSign{sh.rule, at[0], at[1]}), sh.rule
	}
	return out
}
