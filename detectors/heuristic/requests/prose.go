package requests

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// sentence is a rule on the words of a sentence: one hit of each set in need, none of those in unless.
type sentence struct {
	rule   *check.Rule
	in     where
	need   []set
	unless set
	next   bool // the sentence before may have some of what is needed
}

func rule(id string, class models.Class, severity models.Severity, confidence float64, message string) *check.Rule {
	return &check.Rule{ID: id, Version: version, Class: class, Severity: severity, Confidence: confidence, Message: message}
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
	{rule: secretAsked, in: inElicitation, need: all("ask", secrets), unless: of("elsewhere", "mention")},
	{rule: identityField, in: inElicitation, need: all("ask", "identity", "pressure"), unless: of("elsewhere", "mention")},
	{rule: secretAsked, in: inNotice, need: all("ask", secrets), unless: of("elsewhere", "mention")},
	{rule: secretAsked, in: anywhere, need: all("userask", "otp|card"), unless: of("analysis", "elsewhere", "mention")},
	{rule: contextTaken, in: inSampling, need: all("inner"), unless: of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("context", "verbatim|private|hidden|profile|others|agent|identity|"+secrets), unless: of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("context", "include"), unless: of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("others", "ask|include|content|private|context|agent"), unless: of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("past", "include|ask", "user|context|private|inner"), unless: of("analysis")},
	{rule: contextTaken, in: inSampling, need: all("private", "user", "include"), unless: of("analysis")},
	{rule: secretTaken, in: inSampling, need: all("include|pass|call", secrets, "user|context|private|inner|hidden|encoded|past"), unless: of("analysis", "mention")},
	{rule: encodedOutput, in: inSampling, need: all("encoded", "context|inner|private|profile|others|"+secrets), unless: of("analysis")},
	{rule: hiddenOutput, in: inSampling, need: all("hidden", "context|private|inner|effort|token|password|profile|later|call"), unless: of("analysis", "mention")},
	{rule: lasting, in: inSampling, need: all("later", "include|call|pass|danger|ask|token|approve"), unless: of("analysis")},
	{rule: borrowedWork, in: inSampling, need: all("effort", "extra|hidden"), unless: of("analysis")},
	{rule: borrowedWork, in: inSampling, need: all("persist", "call"), unless: of("analysis")},
	{rule: profiling, in: inSampling, need: all("assess", "profile", "user|past|context|private|later"), unless: of("analysis")},
	{rule: collectedData, in: inSampling, need: all("call", "pass", "private|context"), unless: of("analysis")},
	{rule: unreadConsent, in: anywhere, need: all("unread", "approve|dialog"), unless: of("analysis", "mention")},
	{rule: unreadConsent, in: inElicitation, need: all("approve|dialog", "unread"), unless: of("analysis", "mention"), next: true},
	{rule: floodedConsent, in: anywhere, need: all("many", "unread|dialog", "danger|approve"), unless: of("analysis", "mention")},
	{rule: floodedConsent, in: anywhere, need: all("many", "unread", "dialog"), unless: of("analysis", "mention")},
	{rule: wornConsent, in: anywhere, need: all("again", "refuse"), unless: of("analysis", "mention")},
	{rule: wornConsent, in: anywhere, need: all("refuse", "user|dialog|approve", "again", "persist"), unless: of("analysis", "mention"), next: true},
	{rule: wornConsent, in: anywhere, need: all("again", "unread|disguise"), unless: of("analysis", "mention")},
	{rule: wornConsent, in: anywhere, need: all("persist", "refuse|approve|dialog"), unless: of("analysis", "mention")},
	{rule: takenConsent, in: anywhere, need: all("onbehalf", "disguise|unread|hidden|consentpage|approve"), unless: of("analysis", "mention")},
	{rule: dressedConsent, in: anywhere, need: all("disguise", "dialog|approve", "danger|unread|hidden|many|reassure|refuse"), unless: of("analysis", "mention")},
	{rule: dressedConsent, in: anywhere, need: all("disguise", "dialog", "refuse"), unless: of("analysis", "mention"), next: true},
	{rule: takenConsent, in: anywhere, need: all("onbehalf", "danger", "agent|pass|install|dialog|many"), unless: of("analysis", "mention")},
	{rule: takenConsent, in: anywhere, need: all("onbehalf", "many", "approve|dialog"), unless: of("analysis", "mention")},
	{rule: silentConsent, in: anywhere, need: all("silence", "countsas", "approve"), unless: of("analysis", "mention")},
	{rule: bundledConsent, in: inElicitation | inNotice, need: all("bundled", "approve", "danger|broad|parties"), unless: of("analysis", "mention")},
	{rule: foreignToken, in: anywhere, need: all("token|password", "others", "pass|asuser|reassure"), unless: of("analysis", "mention")},
	{rule: replayed, in: anywhere, need: all("token", "asuser", "pass|hidden|reassure|others"), unless: of("analysis", "mention")},
	{rule: unseenGrant, in: anywhere, need: all("broad", "token|consentpage", "ask|pass|call"), unless: of("analysis", "mention")},
	{rule: unseenGrant, in: anywhere, need: all("broad", "unread|onbehalf"), unless: of("analysis", "mention")},
	{rule: checksOff, in: anywhere, need: all("verifyoff"), unless: of("analysis", "mention")},
	{rule: checksOff, in: anywhere, need: all("authparam", "lax"), unless: of("analysis", "mention")},
	{rule: deputy, in: anywhere, need: all("deputy", "anybody"), unless: of("analysis", "mention"), next: true},
	{rule: unseenGrant, in: anywhere, need: all("consentpage", "onbehalf|unread|broad|asuser"), unless: of("analysis", "mention")},
	{rule: strangeServer, in: anywhere, need: all("install", "package", "onbehalf"), unless: of("analysis", "mention")},
	{rule: strangeServer, in: anywhere, need: all("install", "unreviewed"), unless: of("analysis", "mention")},
	{rule: strangeServer, in: anywhere, need: all("install", "package", "unreviewed"), unless: of("analysis", "mention"), next: true},
	{rule: forgedRating, in: anywhere, need: all("rating", "fake"), unless: of("analysis", "mention"), next: true},
}

// analysis says that a text is only to be looked at; it holds for all that follows.
var analysis = of("analysis")

// maxText bounds how much of a text is read.
const maxText = 256 << 10

// read looks at the words of segment i, in the raw view and in what an encoding hides.
func read(e *check.Event, i int) {
	s := &e.Segments[i]
	if s.Key {
		return
	}
	in := place(e, s)
	for v := range s.Views {
		if view := &s.Views[v]; len(view.Text) >= minText && (v == 0 || view.Kind == models.ViewDecoded) {
			if hits := e.Signals(i, v); promising(in, mask(hits)) {
				r := reader{Event: e, segment: i, view: v, text: view.Text, in: in}
				r.sentences(hits)
			}
		}
	}
}

// promising reports whether a text that is about so much has all that some rule needs.
func promising(in where, about set) bool {
	if about == 0 || in&inSampling != 0 {
		return about != 0
	}
	for n := range prose {
		if p := &prose[n]; p.in&in != 0 && meets(about, p.need) {
			return true
		}
	}
	return false
}

// minText is the shortest text that says enough; it counts bytes, and a Chinese sentence is short.
const minText = 12

// reader reads one view.
type reader struct {
	*check.Event
	segment, view int
	text          string
	in            where
	said          set    // whether the text is only to be looked at
	reported      uint64 // rules in prose
}

func (r *reader) sentences(hits []directive.Hit) {
	var before []directive.Hit
	for len(hits) > 0 {
		n := firstSentence(r.text, hits)
		r.sentence(before, hits[:n])
		before, hits = hits[:n], hits[n:]
	}
}

func (r *reader) sentence(before, hits []directive.Hit) {
	here := heeded(r.text, hits)
	if here&^(denial|behind) == 0 {
		return
	}
	r.said |= here & analysis
	r.match(before, hits, here|r.said)
	if r.in&inSampling != 0 {
		r.profile(hits)
		r.works(hits)
	}
}

func (r *reader) match(before, hits []directive.Hit, here set) {
	for n := range prose {
		p := &prose[n]
		if p.in&r.in == 0 || here&p.unless != 0 || here&p.need[len(p.need)-1] == 0 || r.reported>>n&1 == 1 {
			continue
		}
		if !meets(here, p.need) {
			earlier := set(0)
			if p.next {
				earlier = heeded(r.text, before)
			}
			if earlier&p.unless != 0 || !meets(here|earlier, p.need) {
				continue
			}
		}
		for m := range prose {
			if prose[m].rule == p.rule {
				r.reported |= 1 << m
			}
		}
		r.report(p.rule, hits, p.need)
	}
}

func (r *reader) report(rule *check.Rule, hits []directive.Hit, need []set) {
	start, end := stretch(hits, need)
	r.Report(rule, nil, models.Span{Segment: r.segment, View: r.view, Start: max(start, 0), End: end})
}

var traits = of("profile")

const minTraits = 3 // traits in one sentence that make a profile

var products = of("works")

const (
	manyWorks = 20   // texts that nobody asks for in passing
	manyWords = 1500 // words of one of them
)

// works reports a number of texts to be written that no completion in passing takes.
func (r *reader) works(hits []directive.Hit) {
	for _, h := range hits {
		if bits[h.Signal] != products {
			continue
		}
		n, start := numberBefore(r.text, h.Start)
		least := manyWorks
		if strings.HasPrefix(strings.ToLower(r.text[h.Start:h.End]), "word") {
			least = manyWords
		}
		if n >= least && n < maxNumber {
			r.Report(borrowedWork, nil, models.Span{Segment: r.segment, View: r.view, Start: start, End: h.End})
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
func (r *reader) profile(hits []directive.Hit) {
	n, end := 0, -1
	for _, h := range hits {
		if bits[h.Signal] == traits && h.Start >= end {
			n, end = n+1, h.End
		}
	}
	if n >= minTraits {
		r.report(profiling, hits, []set{traits})
	}
}
