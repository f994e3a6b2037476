package requests

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/concepts"
	"github.com/aad6b6dc/taster/models"
)

// sentence is a rule on the words of a sentence: one hit of each set in need, none of those in unless.
type sentence struct {
	rule   *check.Rule
	in     where
	need   []concepts.Set
	unless concepts.Set
	next   bool // the sentence before may have some of what is needed
}

func rule(id string, class models.Class, severity models.Severity, confidence float64, message string) *check.Rule {
	return &check.Rule{ID: id, Version: version, Class: class, Severity: severity, Confidence: confidence, Message: message}
}

// all makes a list of sets of a list of names, "a|b" being either.
func all(names ...string) []concepts.Set {
	sets := make([]concepts.Set, len(names))
	for i, n := range names {
		sets[i] = concepts.Words.Of(strings.Split(n, "|")...)
	}
	return sets
}

const secrets = "password|otp|card|token"

var (
	secretAsked = rule("secret-asked", "C7", models.SeverityHigh, 0.7, "Asks a person for a secret that no server may ask for.")

	contextTaken  = rule("context-taken", "C6", models.SeverityHigh, 0.7, "Has the client's model put the conversation or its instructions into an answer for the server.")
	secretTaken   = rule("secret-taken", "C6", models.SeverityHigh, 0.7, "Has the client's model put a secret into an answer for the server.")
	hiddenOutput  = rule("hidden-output", "C6", models.SeverityHigh, 0.65, "Has the client's model do or write something that the person is not to see.")
	encodedOutput = rule("encoded-output", "C6", models.SeverityHigh, 0.65, "Has the client's model hide private matters in the form of an answer.")
	lasting       = rule("lasting-order", "C6", models.SeverityHigh, 0.65, "Has one completion change how later answers are given.")
	borrowedWork  = rule("borrowed-work", "C6", models.SeverityHigh, 0.65, "Has the client's model do work of its own beside the task.")
	profiling     = rule("profiling", "C6", models.SeverityHigh, 0.65, "Has the client's model draw up a profile of the person.")
	collectedData = rule("collected-data", "C6", models.SeverityHigh, 0.65, "Has the client's model collect private data with tools and hand them on.")

	unreadConsent  = rule("unread-consent", "E6", models.SeverityHigh, 0.65, "Has a person approve what they have not read.")
	floodedConsent = rule("flooded-consent", "E6", models.SeverityHigh, 0.65, "Buries a question among many so that it is waved through.")
	wornConsent    = rule("worn-consent", "E6", models.SeverityHigh, 0.7, "Keeps asking after a refusal until the person gives in.")
	takenConsent   = rule("taken-consent", "E6", models.SeverityHigh, 0.65, "Has something approved in the person's place.")
	dressedConsent = rule("dressed-consent", "E6", models.SeverityHigh, 0.6, "Words a question so that it looks harmless.")
	silentConsent  = rule("silent-consent", "E6", models.SeverityHigh, 0.6, "Takes silence for consent.")
	bundledConsent = rule("bundled-consent", "E6", models.SeverityHigh, 0.6, "Has a person approve more than what is asked about.")

	foreignToken = rule("foreign-token", "E11", models.SeverityHigh, 0.7, "Takes a token that was issued for another server.")
	replayed     = rule("replayed-token", "E11", models.SeverityHigh, 0.65, "Passes a caller's token on to somewhere else.")
	checksOff    = rule("checks-off", "E11", models.SeverityHigh, 0.7, "Has a safeguard of the sign-in left out.")
	deputy       = rule("confused-deputy", "E11", models.SeverityHigh, 0.65, "Acts with rights of its own for whoever asks.")
	unseenGrant  = rule("unseen-grant", "E11", models.SeverityHigh, 0.7, "Has a consent page answered without the person.")

	strangeServer = rule("unreviewed-install", "E10", models.SeverityHigh, 0.65, "Has something installed or connected that nobody has reviewed.")
	forgedRating  = rule("forged-rating", "E10", models.SeverityHigh, 0.65, "Has ratings written in the name of people who don't exist.")
)

var prose = []sentence{
	{rule: secretAsked, in: inElicitation, need: all("ask", secrets), unless: concepts.Words.Of("elsewhere", "mention")},
	{rule: identityField, in: inElicitation, need: all("ask", "identity", "pressure"), unless: concepts.Words.Of("elsewhere", "mention")},
	{rule: secretAsked, in: inNotice, need: all("ask", secrets), unless: concepts.Words.Of("elsewhere", "mention")},
	{rule: secretAsked, in: anywhere, need: all("userask", "otp|card"), unless: concepts.Words.Of("analysis", "elsewhere", "mention")},
	{rule: contextTaken, in: inSampling, need: all("inner"), unless: concepts.Words.Of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("context", "verbatim|private|hidden|profile|others|agent|identity|"+secrets), unless: concepts.Words.Of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("others", "ask|include|content|private|context|agent"), unless: concepts.Words.Of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("past", "include|ask", "user|context|private|inner"), unless: concepts.Words.Of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("private", "user", "include"), unless: concepts.Words.Of("analysis")},
	{rule: secretTaken, in: inSampling, need: all("include|pass|call", secrets, "user|context|private|inner|hidden|encoded|past"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: encodedOutput, in: inSampling, need: all("encoded", "context|inner|private|profile|others|"+secrets), unless: concepts.Words.Of("analysis")},
	{rule: hiddenOutput, in: inSampling, need: all("hidden", "context|private|inner|effort|token|password|profile|later|call"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: lasting, in: inSampling, need: all("later", "include|call|pass|danger|ask|token|approve"), unless: concepts.Words.Of("analysis")},
	{rule: borrowedWork, in: inSampling, need: all("effort", "extra|hidden"), unless: concepts.Words.Of("analysis")},
	{rule: borrowedWork, in: inSampling, need: all("persist", "call"), unless: concepts.Words.Of("analysis")},
	{rule: collectedData, in: inSampling, need: all("call", "pass", "private|context"), unless: concepts.Words.Of("analysis")},
	{rule: unreadConsent, in: anywhere, need: all("unread", "approve|dialog"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: floodedConsent, in: anywhere, need: all("many", "unread|dialog", "danger|approve|unread"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: wornConsent, in: anywhere, need: all("again", "refuse"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: wornConsent, in: anywhere, need: all("persist", "refuse|approve|dialog"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: takenConsent, in: anywhere, need: all("onbehalf", "disguise|unread|hidden|consentpage|approve"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: dressedConsent, in: anywhere, need: all("disguise", "dialog|approve", "danger|unread|hidden|many|reassure"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: takenConsent, in: anywhere, need: all("onbehalf", "danger", "agent|pass|install|dialog|many"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: silentConsent, in: anywhere, need: all("silence", "countsas", "approve"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: bundledConsent, in: inElicitation | inNotice, need: all("bundled", "approve", "danger|broad|parties"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: foreignToken, in: anywhere, need: all("token|password", "others", "pass|asuser|reassure"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: replayed, in: anywhere, need: all("token", "asuser", "pass|hidden|reassure|others"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: unseenGrant, in: anywhere, need: all("broad", "token|consentpage", "ask|pass|call"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: unseenGrant, in: anywhere, need: all("broad", "unread|onbehalf"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: checksOff, in: anywhere, need: all("verifyoff"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: checksOff, in: anywhere, need: all("authparam", "lax"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: deputy, in: anywhere, need: all("deputy", "anybody"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: unseenGrant, in: anywhere, need: all("consentpage", "onbehalf|unread|broad|asuser"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: strangeServer, in: anywhere, need: all("install", "unreviewed"), unless: concepts.Words.Of("analysis", "mention")},
	{rule: strangeServer, in: anywhere, need: all("install", "package", "unreviewed"), unless: concepts.Words.Of("analysis", "mention"), next: true},
	{rule: forgedRating, in: anywhere, need: all("rating", "fake"), unless: concepts.Words.Of("analysis", "mention")},
}

// analysis says that a text is only to be looked at; it holds for all that follows.
var analysis = concepts.Words.Of("analysis")

// reader reads the segments of one event.
type reader struct {
	hits, before []concepts.Hit
}

// maxText bounds how much of a text is read.
const maxText = 256 << 10

// segment reads the raw view, and what an encoding hides.
func (r *reader) segment(e *check.Event, i int) {
	s := &e.Segments[i]
	if s.Key {
		return
	}
	in := place(e, s)
	for v := range s.Views {
		view := &s.Views[v]
		if len(view.Text) < minText || v > 0 && view.Kind != models.ViewDecoded {
			continue
		}
		r.text(e, i, v, view.Text[:min(len(view.Text), maxText)], in)
	}
}

// minText is the shortest text that says enough; it counts bytes, and a Chinese sentence is short.
const minText = 12

func (r *reader) text(e *check.Event, i, v int, text string, in where) {
	r.before = r.before[:0]
	var reported, said concepts.Set
	for start := 0; start < len(text); {
		end := concepts.Sentence(text, start)
		r.hits = heeded(text, written(text, concepts.Words.Find(text, start, end, r.hits[:0])))
		said |= mask(r.hits) & analysis
		r.match(e, i, v, in, said, &reported)
		if in&inSampling != 0 {
			r.profile(e, i, v)
			r.works(e, i, v, text)
		}
		r.hits, r.before = r.before, r.hits
		start = end
	}
}

func (r *reader) match(e *check.Event, i, v int, in where, said concepts.Set, reported *concepts.Set) {
	if len(r.hits) == 0 {
		return
	}
	here, before := mask(r.hits)|said, mask(r.before)
	for n := range prose {
		p := &prose[n]
		if p.in&in == 0 || reported.Has(concepts.Concept(n)) || here&p.unless != 0 {
			continue
		}
		hits, seen := r.hits, here
		if p.next {
			if before == 0 || before&p.unless != 0 {
				continue
			}
			hits, seen = append(r.before, r.hits...), here|before
		}
		if !meets(seen, p.need) || p.next && (meets(here, p.need) || meets(before, p.need)) {
			continue
		}
		for m := range prose {
			if prose[m].rule == p.rule {
				*reported |= 1 << m
			}
		}
		start, end := stretch(hits, p.need)
		e.Report(p.rule, nil, models.Span{Segment: i, View: v, Start: start, End: end})
	}
}

func mask(hits []concepts.Hit) concepts.Set {
	var s concepts.Set
	for _, h := range hits {
		s |= 1 << h.Concept
	}
	return s
}

func meets(have concepts.Set, need []concepts.Set) bool {
	for _, s := range need {
		if have&s == 0 {
			return false
		}
	}
	return true
}

// stretch returns the bytes from the first hit that is needed or says what to do to the last.
func stretch(hits []concepts.Hit, need []concepts.Set) (start, end int) {
	of := actions
	for _, s := range need {
		of |= s
	}
	start = -1
	for _, h := range hits {
		if !of.Has(h.Concept) {
			continue
		}
		if start < 0 {
			start = h.Start
		}
		end = max(end, h.End)
	}
	return start, end
}

var (
	actions = concepts.Words.Of("ask", "include", "pass", "install", "call", "unread", "persist", "again", "later", "disguise", "approve", "userask", "onbehalf")
	notWord = concepts.Words.Named("not")
	endNot  = concepts.Words.Named("after")
)

// written drops hits in options of commands: -auto-approve.
func written(text string, hits []concepts.Hit) []concepts.Hit {
	kept := hits[:0]
	for _, h := range hits {
		if h.Start == 0 || text[h.Start-1] != '-' {
			kept = append(kept, h)
		}
	}
	return kept
}

// heeded drops actions that are denied: by a word before them in the same clause, or right behind them.
func heeded(text string, hits []concepts.Hit) []concepts.Hit {
	if m := mask(hits); !m.Has(notWord) && !m.Has(endNot) {
		return hits
	}
	kept := hits[:0:0]
	for _, h := range hits {
		if !actions.Has(h.Concept) || !denied(text, h, hits) {
			kept = append(kept, h)
		}
	}
	return kept
}

const (
	reachBefore = 48 // bytes from a "not" to what it denies
	reachClose  = 12
	reachBehind = 24
)

// reach is how far before a word a "not" may stand that denies it: close to an approval, which ends many a sentence.
func reach(c concepts.Concept) int {
	if c == approveWord {
		return reachClose
	}
	return reachBefore
}

var approveWord = concepts.Words.Named("approve")

func denied(text string, h concepts.Hit, hits []concepts.Hit) bool {
	for _, n := range hits {
		switch {
		case n.Concept == notWord && n.End <= h.Start && h.Start-n.End <= reach(h.Concept) && !strings.ContainsAny(text[n.End:h.Start], ",;:.—–()"):
			return true
		case n.Concept == endNot && n.Start >= h.End && n.Start-h.End <= reachBehind && !strings.ContainsAny(text[h.End:n.Start], ",;:.—–()、"):
			return true
		}
	}
	return false
}

var traitWord = concepts.Words.Named("profile")

const minTraits = 3 // traits in one sentence that make a profile

var workWord = concepts.Words.Named("works")

const (
	manyWorks = 20   // texts that nobody asks for in passing
	manyWords = 1500 // words of one of them
)

// works reports a number of texts to be written that no completion in passing takes.
func (r *reader) works(e *check.Event, i, v int, text string) {
	for _, h := range r.hits {
		if h.Concept != workWord {
			continue
		}
		n, start := numberBefore(text, h.Start)
		least := manyWorks
		if strings.HasPrefix(strings.ToLower(text[h.Start:h.End]), "word") {
			least = manyWords
		}
		if n >= least && n < maxNumber {
			e.Report(borrowedWork, nil, models.Span{Segment: i, View: v, Start: start, End: h.End})
			return
		}
	}
}

const maxNumber = 1_000_000 // above, figures are something else than a count

// numbers are words for numbers that are many texts.
var numbers = []string{"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "dozens of", "zwanzig", "dreißig", "vierzig", "fünfzig", "hundert",
	"tausend", "vingt", "trente", "quarante", "cinquante", "cent ", "mille", "veinte", "treinta", "cuarenta", "cincuenta", "cien", "mil ", "vinte", "trinta", "quarenta", "cinquenta", "cem ", "venti", "trenta", "cento",
	"двадцать", "тридцать", "сорок", "пятьдесят", "сто ", "二十", "三十", "四十", "五十", "一百", "百", "스무", "서른", "마흔", "쉰", "백 ", "عشرين", "ثلاثين", "أربعين", "خمسين", "مئة", "बीस", "तीस", "चालीस", "पचास", "सौ", "yirmi", "otuz", "kırk", "elli", "yüz", "dwadzieścia", "trzydzieści", "czterdzieści", "pięćdziesiąt", "sto "}

// spelledBefore is numberBefore for numbers in words; it returns the least of them.
func spelledBefore(text string, end int) (n, start int) {
	from := max(0, end-lookBack)
	before := strings.ToLower(text[from:end])
	for _, w := range numbers {
		if i := strings.LastIndex(before, w); i >= 0 && !strings.ContainsAny(before[i:], ".,;:!?\n") {
			return manyWorks, min(from+i, end)
		}
	}
	return 0, end
}

// numberBefore reads the number that ends at most a word before a place: "200 product descriptions".
func numberBefore(text string, end int) (n, start int) {
	at := end
	for at > 0 && end-at < lookBack && (text[at-1] < '0' || text[at-1] > '9') {
		if strings.IndexByte(".,;:!?\n()[]#%-/", text[at-1]) >= 0 {
			return 0, end
		}
		at--
	}
	if at == 0 || text[at-1] < '0' || text[at-1] > '9' {
		return spelledBefore(text, end)
	}
	digits, scale := 0, 1
	for at > 0 && digits < 7 {
		c := text[at-1]
		if c >= '0' && c <= '9' {
			n += int(c-'0') * scale
			scale *= 10
			digits++
		} else if digits%3 != 0 || digits == 0 || c != ' ' && c != ',' && c != '.' || at < 2 || text[at-2] < '0' || text[at-2] > '9' {
			break
		}
		at--
	}
	return n, at
}

const lookBack = 24 // bytes between a number and what is counted

// profile reports a sentence that names several traits which nobody asks a service to guess.
func (r *reader) profile(e *check.Event, i, v int) {
	n, of := 0, []concepts.Set{1 << traitWord}
	for _, h := range r.hits {
		if h.Concept == traitWord {
			n++
		}
	}
	if n >= minTraits {
		start, end := stretch(r.hits, of)
		e.Report(profiling, nil, models.Span{Segment: i, View: v, Start: start, End: end})
	}
}
