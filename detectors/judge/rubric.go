package judge

import (
	"slices"
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
)

// effect is what a passage wants, object what it is about.
type (
	effect string
	object string
)

const (
	effectRead    effect = "read"
	effectSend    effect = "send"
	effectChange  effect = "change"
	effectRun     effect = "run"
	effectHide    effect = "hide"
	effectRule    effect = "rule"
	effectPrefer  effect = "prefer"
	effectUnguard effect = "unguard"
	effectClaim   effect = "claim"

	objectSecret       object = "secret"
	objectPrivate      object = "private"
	objectConversation object = "conversation"
	objectMoney        object = "money"
)

// effects says what each effect is: its class, how bad it is at least, and what a person reads.
var effects = map[effect]struct {
	class    models.Class
	severity models.Severity
	says     string
}{
	effectRead:    {"A6", models.SeverityMedium, "It has data fetched that its job does not need."},
	effectSend:    {"A1", models.SeverityHigh, "It has data let out, or put where it does not belong."},
	effectChange:  {"A5", models.SeverityHigh, "It alters what other tools or settings do."},
	effectRun:     {"A1", models.SeverityHigh, "It has something run that its job does not need."},
	effectHide:    {"A7", models.SeverityHigh, "It keeps something from the person."},
	effectRule:    {"A2", models.SeverityMedium, "It lays down a rule for other work."},
	effectPrefer:  {"A10", models.SeverityMedium, "It wants to be chosen before others."},
	effectUnguard: {"A8", models.SeverityHigh, "It has a safeguard skipped."},
	effectClaim:   {"A8", models.SeverityMedium, "It claims an authority or an approval."},
}

var objects = map[object]bool{
	objectSecret: true, objectPrivate: true, objectConversation: true, objectMoney: true,
	"files": true, "tools": true, "settings": true, "other": true,
}

// grave are the objects that make every effect high.
var grave = map[object]bool{objectSecret: true, objectConversation: true, objectMoney: true}

// runTime is the class of what a passage in run-time traffic does: it is an injection, whatever it wants.
const runTime models.Class = "C1"

// attack is the class of text that is directed at the judge.
const attack models.Class = "E15"

// The confidence of findings that rest on a model. They are below what rules that were measured have, and high enough for
// a high finding to be flagged on its own (0.6 of 89 is 53): whoever configures a judge wants to hear it.
const (
	confidenceJudged    = 0.6
	confidenceUnclear   = 0.4 // the model can't say who gains
	confidenceAddressed = 0.5
	confidenceSwayed    = 0.7
)

const ruleVersion = "1.0.0"

// classes are all that the judge can report.
func classes() []models.Class {
	out := []models.Class{runTime, attack}
	for _, e := range effects {
		if !slices.Contains(out, e.class) {
			out = append(out, e.class)
		}
	}
	slices.Sort(out)
	return out
}

// harmful reports whether a passage counts: what the job needs does not, nor does what serves the person who asked.
func (p *passage) harmful() bool { return !p.Necessary && p.Beneficiary != beneficiaryUser }

// findings makes findings of a report. The model's conclusion is not among what decides: it has only had to agree.
func (r *report) findings(kind models.Kind) []models.Finding {
	var out []models.Finding
	for i := range r.passages {
		if p := &r.passages[i]; p.harmful() {
			out = append(out, p.finding(kind, r.reason))
		}
	}
	if at := r.addressed; at != nil {
		out = append(out, models.Finding{
			Rule: "judge-addressed", Version: ruleVersion, Class: attack, Severity: models.SeverityHigh,
			Confidence: confidenceAddressed, Message: "The model says that this speaks to whoever inspects it.",
			Evidence: []models.Span{at.span()},
		})
	}
	return out
}

func (l *located) finding(kind models.Kind, reason string) models.Finding {
	e := effects[l.Effect]
	f := models.Finding{
		Rule: "judged-" + string(l.Effect), Version: ruleVersion, Class: e.class, Severity: e.severity,
		Confidence: confidenceJudged, Message: message(e.says, reason), Evidence: []models.Span{l.span()},
	}
	if !kind.Definition() {
		f.Class = runTime
	}
	if grave[l.Object] {
		f.Severity = models.SeverityHigh
	}
	if l.Beneficiary == beneficiaryUnclear {
		f.Confidence = confidenceUnclear
	}
	return f
}

func (l *located) span() models.Span {
	return models.Span{Segment: l.segment, View: l.view, Start: l.start, End: l.end}
}

// message is what a person reads: our sentence, then the model's, which is no more trusted than the text that it was
// asked about.
func message(says, reason string) string {
	if reason = plain(reason); reason == "" {
		return says
	}
	return models.Truncate(says+" The model: "+reason, models.MaxMessageBytes)
}

// plain is what of foreign words may be shown: one line, printable, without secrets.
func plain(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || private(r) {
			return ' '
		}
		return r
	}, redact.Mask(s))), " ")
}
