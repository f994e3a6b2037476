package purpose

import (
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var hiddenSink = &check.Rule{
	ID: "sink-parameter", Version: version, Class: "A4", Severity: models.SeverityHigh, Confidence: 0.65,
	Message: "A parameter asks for what the tool has no use for: the conversation, instructions, secrets, other data or a person's life.",
}

var (
	chat       = lexis.Set("chat")
	setup      = lexis.Set("setup")
	toolset    = lexis.Set("toolset")
	secret     = lexis.Set("secret")
	files      = lexis.Set("files")
	stores     = lexis.Set("stores")
	personal   = lexis.Set("identity", "money", "health", "kin", "whereabouts")
	profile    = lexis.Set("profile")
	all        = lexis.Set("all")
	past       = lexis.Set("past")
	known      = lexis.Set("known")
	agent      = lexis.Set("agent", "you")
	assistant  = lexis.Set("agent")
	consent    = lexis.Set("consent")
	brief      = lexis.Set("brief")
	hide       = lexis.Set("hide")
	modelwork  = lexis.Set("modelwork")
	put        = lexis.Set("put")
	personwork = lexis.Set("personwork")
)

// want is a sort of data that a parameter may ask for.
type want struct {
	data    lexis.Senses
	explain lexis.Senses // purposes of a tool that make the request natural
	more    lexis.Senses // what makes it a demand; each counts
	weight  int
}

var wants = []want{
	{setup, modelwork, all | past | agent | known, 2},
	{toolset, modelwork, all | past | agent | known | secret, 2},
	{chat, lexis.Set("chatwork", "modelwork"), all | past | agent | known, 2},
	{secret, lexis.Set("secretwork"), all | known | files | lexis.Set("agent"), 2},
	{files, lexis.Set("filework"), known | agent | past | secret, 1},
	{stores, lexis.Set("storework"), all | known | agent | past, 1},
	{personal, lexis.Set("personwork"), known | lexis.Set("agent") | stores | chat, 1},
	{profile, lexis.Set("personwork", "chatwork", "modelwork"), all | known | agent | past, 1},
}

// enough is the weight from which a parameter is reported.
const enough = 3

// sink is a parameter under examination.
type sink struct {
	pointer   string // of the parameter
	name      lexis.Senses
	senses    lexis.Senses // of all texts together
	told      [maxSentences]lexis.Senses
	sentences int                     // of told
	texts     [models.MaxEvidence]int // segments that speak of data
	evidence  int                     // of texts
	bounded   bool                    // by a pattern, a list or a small length
	scalar    bool                    // a number or a yes
}

// maxSentences is how many sentences of a parameter are weighed.
const maxSentences = 32

// data is what no tool gets without a reason.
var data = chat | setup | toolset | secret | files | stores | personal | profile

// mayFill reports an event that speaks of data and of where to put it.
func mayFill(e *check.Event) bool {
	all := lexis.Open(e).Everything()
	return all.Any(data) && all.Any(put|assistant)
}

// filled reports a sentence of the description that says what a parameter is to be filled with.
func filled(e *reader) {
	i, ok := e.At("/description", false)
	if !ok {
		return
	}
	r := e.read(i)
	if !r.All.Any(data) {
		return
	}
	about := e.aim()
	for hits := range r.Sentences {
		set := spoken(hits)
		if !set.Any(data) || !set.Any(put|assistant) {
			continue
		}
		start, end := lexis.SentenceAt(r.Text, hits[0].Start)
		if !namesParameter(e, r.Text[start:end]) {
			continue
		}
		p := sink{senses: set, told: [maxSentences]lexis.Senses{set}, sentences: 1}
		if p.weigh(about) > enough {
			from, to := lexis.Extent(hits, data|all|past|known)
			e.Report(hiddenSink, nil, models.Span{Segment: i, Start: from, End: to})
		}
	}
}

// namesParameter reports whether a parameter's name stands in the sentence as a word of its own.
func namesParameter(e *reader, sentence string) bool {
	const properties = "/inputSchema/properties/"
	for i := range e.Segments {
		s := &e.Segments[i]
		if !s.Key || !strings.HasPrefix(s.Pointer, properties) || strings.Contains(s.Pointer[len(properties):], "/") {
			continue
		}
		if name := text(e, i); len(name) > 1 && mentions(sentence, name) {
			return true
		}
	}
	return false
}

// mentions reports whether the sentence speaks of the parameter: a plain word must stand where a parameter's name stands.
func mentions(sentence, name string) bool {
	for from := 0; ; {
		n := strings.Index(sentence[from:], name)
		if n < 0 {
			return false
		}
		start, end := from+n, from+n+len(name)
		if (start == 0 || !wordByte(sentence[start-1])) && (end == len(sentence) || !wordByte(sentence[end])) {
			if strings.ContainsAny(name, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") || asParameter(sentence[:start], sentence[end:]) {
				return true
			}
		}
		from = end
	}
}

// asParameter reports whether a word between before and after is the name of a parameter.
func asParameter(before, after string) bool {
	if before == "" || strings.ContainsAny(before[len(before)-1:], "`'\"") || before[len(before)-1] >= 0x80 || after != "" && after[0] >= 0x80 {
		return true
	}
	before = strings.TrimRight(before, " ")
	switch strings.ToLower(before[strings.LastIndexByte(before, ' ')+1:]) {
	case "in", "into", "as", "fill", "field", "parameter", "through", "via":
		return true
	}
	next, _, _ := strings.Cut(strings.TrimLeft(after, " "), " ")
	switch next {
	case "is", "are", "takes", "holds", "carries", "receives", "contains", "must", "brings", "gets", "then", "=":
		return true
	}
	return false
}

func wordByte(c byte) bool { return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// maySink reports an event that speaks of data, and of one thing more that makes a parameter for it too much.
func maySink(e *check.Event) bool {
	all := lexis.Open(e).Everything()
	return all.Any(data) && all.Count(telling) >= 2
}

// telling is what makes a parameter weigh [enough], two of it at least.
var telling = data | all | past | known | agent | hide | put

// sinks reads the parameters of a tool one by one, with all that is nested in them.
func sinks(e *reader) {
	const properties = "/inputSchema/properties/"
	var p sink
	flush := func() {
		if p.pointer == "" || p.scalar || !p.senses.Any(data) {
			return
		}
		if p.weigh(e.aim()) >= enough {
			p.report(e)
		}
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		rest, ok := strings.CutPrefix(s.Pointer, properties)
		if !ok {
			continue
		}
		name, below, _ := strings.Cut(rest, "/")
		if pointer := s.Pointer[:len(properties)+len(name)]; pointer != p.pointer {
			flush()
			p = sink{pointer: pointer}
		}
		p.read(e, i, below)
	}
	flush()
}

// read takes a name, a title or a description below the parameter.
func (p *sink) read(e *reader, i int, below string) {
	s := &e.Segments[i]
	if s.Key {
		switch {
		case below == "enum" || below == "pattern":
			p.bounded = true
		case below == "maxLength":
			p.bounded = p.bounded || short(e, i)
		}
		if below != "" && !strings.HasSuffix(parent(below), "properties") {
			return
		}
	} else if last := check.Last(s); last == "type" && below == "type" {
		switch text(e, i) {
		case "boolean", "integer", "number":
			p.bounded, p.scalar = true, true
		}
		return
	} else if last != "description" && last != "title" {
		return
	}
	said := e.book.All(i)
	p.senses |= said
	name := s.Key || check.Last(s) == "title"
	if name {
		p.name |= said
	}
	if said.Any(data) {
		p.take(i, e.read(i), name)
	}
}

// take adds what a text says of data.
func (p *sink) take(i int, r *lexis.Reading, name bool) {
	if !name {
		for hits := range r.Sentences {
			if set := spoken(hits); set.Any(data) && p.sentences < maxSentences {
				p.told[p.sentences] = set
				p.sentences++
			}
		}
	}
	if p.evidence < len(p.texts) {
		p.texts[p.evidence] = i
		p.evidence++
	}
}

// report reports the parameter.
func (p *sink) report(e *reader) {
	spans := make([]models.Span, p.evidence)
	for n, i := range p.texts[:p.evidence] {
		start, end := lexis.Extent(e.read(i).Hits, data|all|past|known)
		spans[n] = models.Span{Segment: i, Start: start, End: end}
	}
	e.Report(hiddenSink, nil, spans...)
}

// spoken are the senses of words that are no names.
func spoken(hits []lexis.Hit) (set lexis.Senses) {
	for _, h := range hits {
		if !h.Identifier {
			set |= 1 << h.Sense
		}
	}
	return set
}

func parent(path string) string {
	n := strings.LastIndexByte(path, '/')
	if n < 0 {
		return ""
	}
	return path[:n]
}

// shortText is the longest value in which nobody's life or conversation fits.
const shortText = 320

func short(e *reader, i int) bool {
	n, err := strconv.Atoi(e.Scalar(i))
	return err == nil && n <= shortText
}

// weigh says how far the parameter asks for more than the tool is about.
func (p *sink) weigh(about lexis.Senses) int {
	best := 0
	for _, told := range p.told[:p.sentences] {
		n := demanded(told|p.name&data, about)
		if p.name.Any(secret) {
			n-- // it says openly what it is
		}
		best = max(best, n)
	}
	if n := p.senses.Count(personal | profile); n >= 2 && !about.Any(personwork) {
		best = max(best, n+p.senses.Count(known|agent|all))
	}
	if best == 0 {
		return 0
	}
	if p.senses.Any(hide) {
		best++
	}
	if p.senses.Any(put) {
		best++
	}
	if p.senses.Any(consent) {
		best -= 3
	}
	if p.senses.Any(brief) {
		best -= 2
	}
	if p.bounded {
		best -= 2
	}
	return best
}

// demanded weighs one sentence.
func demanded(told, about lexis.Senses) int {
	best := 0
	for _, w := range wants {
		if told.Any(w.data) && !about.Any(w.explain|w.data) {
			best = max(best, w.weight+told.Count(w.more))
		}
	}
	return best
}
