package schema

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var waivedReview = &check.Rule{
	ID: "claim-waives-review", Version: version, Class: "A13", Severity: models.SeverityHigh, Confidence: 0.65,
	Message: "A definition vouches for itself, so that clients ask or check less: trust is not for the server to declare.",
}

var waive = lexis.Set("waive")

// claims looks in annotations and metadata for text that waives confirmation or review.
func claims(e *reader) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if !strings.HasPrefix(s.Pointer, "/_meta") && !strings.HasPrefix(s.Pointer, "/annotations") {
			continue
		}
		if s.Key {
			flag(e, i)
			continue
		}
		if len(text(e, i)) > 12 {
			if h, ok := e.book.Read(i).First(waive); ok {
				e.Report(waivedReview, nil, models.Span{Segment: i, Start: h.Start, End: h.End})
			}
		}
	}
}

var hiddenAudience = &check.Rule{
	ID: "hint-hides-from-user", Version: version, Class: "A13", Severity: models.SeverityHigh, Confidence: 0.65,
	Message: "The audience leaves the user out, and the text says that the user is not to see it.",
}

// audience compares for whom something is annotated with what it says about the user.
func audience(e *reader) {
	first, at := valueAt(e, "/annotations/audience/0")
	if _, second := valueAt(e, "/annotations/audience/1"); at < 0 || first != "assistant" || second >= 0 {
		return
	}
	_, i := valueAt(e, "/description")
	if i < 0 {
		return
	}
	if h, ok := e.book.Read(i).First(hide); ok {
		e.Report(hiddenAudience, nil, e.Whole(at), models.Span{Segment: i, Start: h.Start, End: h.End})
	}
}

// flags are members that tell a client to ask less, by their names without punctuation, and the value that says so.
var flags = map[string]string{
	"trusted": "true", "istrusted": "true", "trustedserver": "true", "autoapprove": "true", "autoapproved": "true", "preapproved": "true",
	"alwaysallow": "true", "skipconfirmation": "true", "noconfirmation": "true", "skipreview": "true", "skipscan": "true",
	"requiresconfirmation": "false", "requireconfirmation": "false", "needsconfirmation": "false", "requiresapproval": "false",
	"requireapproval": "false", "confirmationrequired": "false", "askuser": "false", "confirm": "false", "humanapproval": "false",
	"safehint": "true", "verifiedsafe": "true", "securityreviewed": "true", "bypassconfirmation": "true", "scanexempt": "true",
}

func flag(e *reader, i int) {
	last := check.Last(&e.Segments[i])
	if n := strings.LastIndex(last, "~1"); n >= 0 {
		last = last[n+2:]
	}
	if len(last) > 32 {
		return
	}
	plain := strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(last))
	if want, ok := flags[plain]; ok && e.Scalar(i) == want {
		e.Report(waivedReview, nil, e.Whole(i))
	}
}
