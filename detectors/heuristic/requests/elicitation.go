package requests

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

var (
	secretField    = rule("secret-field", "C7", models.SeverityHigh, 0.75, "Has a form field for a secret, which no server may ask for in a form.")
	identityField  = rule("identity-fields", "C7", models.SeverityHigh, 0.6, "Has form fields for what proves a person's identity.")
	sharedOut      = rule("shared-out", "C7", models.SeverityHigh, 0.5, "Has a person let third parties have private data, in a field about something else.")
	deviceCode     = rule("device-code", "C7", models.SeverityHigh, 0.6, "Has a person enter a code that signs in somebody else's device.")
	sealedApproval = rule("sealed-approval", "C7", models.SeverityHigh, 0.6, "Carries an approval or a right in the state that the client sends back unread.")
	swappedChoice  = rule("swapped-choice", "E6", models.SeverityHigh, 0.6, "Has a choice that does something else than its title says.")
	tickedDanger   = rule("ticked-danger", "E6", models.SeverityHigh, 0.5, "Hides what a ticked box does in an aside.")
	negationMaze   = rule("negation-maze", "E6", models.SeverityHigh, 0.55, "Asks for consent in a sentence of several negations.")
)

// inputRequests looks at the requests to the person that a result carries.
func inputRequests(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key && parent(parent(s.Pointer)) == "/inputRequests" && check.Last(s) == "params" {
			elicitation(e, s.Pointer, i+1)
			sampling(e, s.Pointer, i+1)
		}
	}
	if i, ok := e.At("/requestState", false); ok {
		state(e, i)
	}
}

// elicitation looks at the request to the person at base, whose segments begin with from.
func elicitation(e *check.Event, base string, from int) {
	f := form{Event: e, message: -1}
	for i := from; i < len(e.Segments); i++ {
		s := &e.Segments[i]
		if !check.Below(s, base) {
			break
		}
		switch rest := s.Pointer[len(base):]; {
		case s.Key && parent(rest) == "/requestedSchema/properties":
			f.field(i)
		case !s.Key && rest == "/message":
			f.message = i
			f.said(i)
		case !s.Key && rest == "/url":
			link(e, i, f.message)
		}
	}
	f.finish()
}

// form is a request to the person that is being read.
type form struct {
	*check.Event
	message  int // segment of the message, -1 before it was seen
	identity []int
	ticked   int // ticked boxes
}

var (
	proofs     = of("card", "otp")
	metaWord   = of("meta")
	asked      = of("ask")
	elsewhere  = of("elsewhere", "mention")
	identities = of("identity")
	pressure   = of("pressure")
	dangers    = of("danger")
)

// field looks at the property whose name is segment i.
func (f *form) field(i int) {
	p := f.Segments[i].Pointer
	kind, format, title, description, choice := "string", "", -1, -1, false
	ticked := f.ticked
	for j := i + 1; j < len(f.Segments) && check.Below(&f.Segments[j], p); j++ {
		s := &f.Segments[j]
		rest := s.Pointer[len(p):]
		switch {
		case s.Key && rest == "/default" && scalar(f.Event, j) == "true":
			f.ticked++
		case s.Key && (rest == "/enum" || rest == "/oneOf" || rest == "/anyOf"):
			choice = true
		case s.Key:
		case rest == "/type":
			kind = text(f.Event, j)
		case rest == "/format":
			format = text(f.Event, j)
		case rest == "/title":
			title = j
		case rest == "/description":
			description = j
			f.shares(j)
		case strings.HasSuffix(rest, "/const"):
			f.choice(j)
		}
	}
	if f.ticked > ticked && title >= 0 {
		f.aside(title)
	}
	if choice || kind == "boolean" || format != "" && format != "uri" && format != "password" {
		return
	}
	f.asksFor(i, title, description, kind)
}

// asksFor reports a field for a secret by its title, its description or its name.
func (f *form) asksFor(name, title, description int, kind string) {
	allowed := hardSecret
	if kind != "string" {
		allowed &^= of("token", "password")
	}
	spelt, titled, described := about(f.Event, name), about(f.Event, title), about(f.Event, description)
	bare := title < 0 && description < 0
	switch {
	case title >= 0 && membership(text(f.Event, title)), (titled|spelt)&metaWord != 0 && (titled|spelt)&(proofs|identities) == 0:
	case titled&allowed != 0 && titled&elsewhere == 0:
		f.Report(secretField, nil, f.Whole(title))
	case described&allowed != 0 && described&asked != 0 && described&elsewhere == 0:
		f.Report(secretField, nil, f.Whole(description))
	case spelt&allowed != 0 && (bare || check.Last(&f.Segments[name]) != "pin"):
		f.Report(secretField, nil, f.Whole(name))
	case (titled|spelt)&identities != 0:
		f.identity = append(f.identity, max(title, name))
	}
}

// memberships are words for cards and keys that nothing can be done with.
var memberships = []string{"public", "voucher", "coupon", "promo", "tracking", "gutschein", "sendung", "library", "loyalty", "membership", "member", "gift", "bonus", "frequent", "discount", "student", "transit", "travel card", "business card", "graphics", "sim card", "bibliotheks", "kundenkarte", "fidélité", "bibliothèque", "biblioteca", "fidelidad", "fidelidade", "скидочн", "библиоте", "会员", "图书", "会員", "図書", "회원", "도서", "مكتبة", "عضوية", "पुस्तकालय", "सदस्य", "üyelik", "kütüphane", "bibliote", "lojalno"}

func membership(title string) bool {
	title = strings.ToLower(title)
	for _, m := range memberships {
		if strings.Contains(title, m) {
			return true
		}
	}
	return false
}

var (
	parties = of("parties")
	matters = of("private", "content", "context", "broad", "verbatim")
)

// shares reports a field that lets others have what is the person's.
func (f *form) shares(i int) {
	if m := about(f.Event, i); m&parties != 0 && m&matters != 0 && m&elsewhere == 0 && m&denial == 0 {
		f.Report(sharedOut, nil, f.Whole(i))
	}
}

// choice looks at a constant whose title may say something else.
func (f *form) choice(i int) {
	t := f.sibling(i, "/title")
	if t < 0 {
		return
	}
	does, says := about(f.Event, i), about(f.Event, t)
	stays := mask(f.Signals(i, 0))&lastingly != 0
	if stays && says&onlyOnce != 0 || does&dangers != 0 && says&dangers == 0 || does&agreement != 0 && does&refusals == 0 && declines(text(f.Event, t)) {
		f.Report(swappedChoice, nil, f.Whole(i))
	}
}

var (
	lastingly = of("onbehalf", "broad")
	onlyOnce  = of("once")
)

const maxSiblings = 8 // segments between two members of a small object

// sibling returns the value beside segment i that stands at suffix, or -1.
func (f *form) sibling(i int, suffix string) int {
	p := parent(f.Segments[i].Pointer) + suffix
	for j := max(0, i-maxSiblings); j < min(len(f.Segments), i+maxSiblings); j++ {
		if s := &f.Segments[j]; !s.Key && s.Pointer == p {
			return j
		}
	}
	return -1
}

var refusals = of("refuse")

// noes are titles of a button that declines.
var noes = map[string]bool{"no": true, "not now": true, "cancel": true, "no thanks": true, "no, thanks": true, "don't allow": true, "decline": true, "deny": true, "reject": true, "later": true, "close": true,
	"nein": true, "abbrechen": true, "ablehnen": true, "nein, danke": true, "non": true, "annuler": true, "refuser": true, "non merci": true, "no, gracias": true, "cancelar": true, "rechazar": true, "não": true, "recusar": true,
	"нет": true, "отмена": true, "отказаться": true, "取消": true, "否": true, "拒绝": true, "いいえ": true, "キャンセル": true, "아니요": true, "취소": true, "거부": true, "لا": true, "إلغاء": true, "नहीं": true, "रद्द करें": true, "hayır": true, "iptal": true, "nie": true, "anuluj": true}

func declines(title string) bool { return noes[strings.ToLower(strings.Trim(title, " .!"))] }

// said looks at the message.
func (f *form) said(i int) {
	hits := f.Signals(i, 0)
	for len(hits) > 0 {
		n := firstSentence(text(f.Event, i), hits)
		if start, end, count := negations(hits[:n]); count >= maxNegations {
			f.Report(negationMaze, nil, models.Span{Segment: i, Start: start, End: end})
			break
		}
		hits = hits[n:]
	}
	device(f.Event, i)
}

const maxNegations = 3 // negations in one sentence that no question needs

func negations(hits []directive.Hit) (start, end, n int) {
	end = -1
	for _, h := range hits {
		if bits[h.Signal]&(denial|refusals) == 0 || h.Start <= end {
			continue
		}
		if n == 0 {
			start = h.Start
		}
		n, end = n+1, h.End
	}
	return start, end, n
}

// finish reports what only the whole form shows.
func (f *form) finish() {
	urgent := about(f.Event, f.message)&pressure != 0
	if len(f.identity) >= 2 || len(f.identity) == 1 && urgent {
		f.Report(identityField, nil, whole(f.Event, f.identity...)...)
	}
	if f.ticked > 0 && f.message >= 0 {
		f.aside(f.message)
	}
}

// aside reports what is agreed to in brackets.
func (f *form) aside(i int) {
	s := text(f.Event, i)
	open := strings.IndexAny(s, "(（")
	if open < 0 {
		return
	}
	if end := open + strings.IndexAny(s[open:], ")）"); end > open && within(f.Event, i, open, end)&(dangers|parties) != 0 {
		f.Report(tickedDanger, nil, models.Span{Segment: i, Start: open, End: end})
	}
}

var (
	enters   = of("ask", "include")
	bait     = of("broad", "reassure", "asuser", "hidden", "onbehalf")
	soothing = of("reassure")
	sharing  = of("broad", "asuser")
	checking = []string{"check that", "only if", "close it if", "if it names"}
)

// device reports a text that gives a person a code to enter, and talks away what the page will say.
func device(e *check.Event, i int) {
	s := text(e, i)
	s = s[:min(len(s), maxText)]
	start, end := codeIn(s)
	if start < 0 {
		return
	}
	m := about(e, i)
	for _, c := range checking {
		if strings.Contains(s, c) && m&sharing == 0 {
			return
		}
	}
	bait := bait
	if e.Input.Event.Kind != models.KindElicitation {
		if start > 0 && s[start-1] == '+' || !drawn(s[start:end]) || within(e, i, start-reachBefore, start)&enters == 0 {
			return
		}
		bait &^= soothing
	}
	if m&enters != 0 && m&bait != 0 {
		e.Report(deviceCode, nil, models.Span{Segment: i, Start: start, End: end})
	}
}

// drawn reports a code that is no two words or numbers: with letters and figures, or without vowels.
func drawn(code string) bool {
	return !strings.ContainsAny(code, "AEIOU") && strings.Trim(code, "0123456789-") != ""
}

// codeIn returns where a user code of a device sign-in stands, as KQPW-7723, or -1.
func codeIn(s string) (start, end int) {
	for i := 0; i < len(s); i++ {
		dash := strings.IndexByte(s[i:], '-')
		if dash < 0 {
			break
		}
		i += dash
		from, to := i, i+1
		for from > 0 && codeByte(s[from-1]) {
			from--
		}
		for to < len(s) && codeByte(s[to]) {
			to++
		}
		if i-from == 4 && to-i-1 == 4 {
			return from, to
		}
	}
	return -1, -1
}

func codeByte(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }

// rights are the members of a state that decide what is allowed; a server keeps them to itself.
var rights = []string{"\"approv", "\"consent", "\"acl\"", "\"admin", "\"is_admin", "\"isadmin", "\"role", "\"grant", "\"privil", "\"sudo", "\"permission", "\"scope", "\"confirmed", "\"authoriz", "\"authoris", "\"allow", "\"elevat", "\"bypass", "\"skip"}

// state reports rights in the opaque state of a result.
func state(e *check.Event, i int) {
	for v, view := range e.Segments[i].Views {
		lower := strings.ToLower(view.Text[:min(len(view.Text), maxText)])
		for _, r := range rights {
			if n := strings.Index(lower, r); n >= 0 && len(lower) == len(view.Text) {
				e.Report(sealedApproval, nil, models.Span{Segment: i, View: v, Start: n, End: len(lower)})
				return
			}
		}
	}
}
