package requests

import (
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

var (
	falsePreview = rule("false-preview", "E6", models.SeverityHigh, 0.6, "Shows a person something harmless while something else is done.")
	paddedText   = rule("padded-text", "E6", models.SeverityHigh, 0.6, "Pushes a part of what a person is to approve out of sight.")
)

var (
	displays = map[string]bool{"title": true, "label": true, "caption": true, "preview": true, "summary": true, "headline": true, "question": true, "text": true, "message": true, "display": true}
	showing  = map[string]bool{"dialog": true, "approval": true, "preview": true, "confirmation": true, "confirm": true, "consent": true, "prompt": true, "card": true, "shown": true, "display": true, "popup": true}
	own      = map[string]bool{"approval_text": true, "approval_title": true, "approval_label": true, "display_text": true, "display_title": true, "shown_as": true, "preview_text": true, "shown_to_user": true, "user_sees": true, "dialog_text": true, "confirmation_text": true, "prompt_text": true, "consent_text": true, "display_name": true}
	deeds    = map[string]bool{"name": true, "action": true, "command": true, "operation": true, "tool": true, "method": true, "call": true, "executes": true, "effect": true, "op": true, "real_action": true, "actual": true, "then": true}
)

// preview reports an action that its preview, somewhere in the same event, does not speak of.
func preview(e *check.Event) {
	if k := e.Input.Event.Kind; k != models.KindToolCall && k != models.KindToolResult && k != models.KindNotification {
		return
	}
	shown := -1
	for i := range e.Segments {
		s := &e.Segments[i]
		last := strings.ToLower(check.Last(s))
		if s.Key || !displays[last] && !own[last] && !showing[last] {
			continue
		}
		above := parent(s.Pointer)
		if above = strings.ToLower(above[strings.LastIndexByte(above, '/')+1:]); own[last] || showing[above] || showing[last] {
			shown = i
			break
		}
	}
	if shown < 0 || about(e, shown)&dangers != 0 {
		return
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		if i == shown || s.Key || !deeds[strings.ToLower(check.Last(s))] || s.Pointer == "/name" {
			continue
		}
		if about(e, i)&dangers != 0 {
			e.Report(falsePreview, nil, e.Whole(shown), e.Whole(i))
			return
		}
	}
}

const (
	manyBreaks = 15  // line breaks in a row that push what follows out of a window
	manyBlanks = 150 // blanks in a row
)

// padded reports text behind a gap that no window shows whole.
func padded(e *check.Event) {
	if k := e.Input.Event.Kind; k != models.KindElicitation && k != models.KindToolCall {
		return
	}
	for i := range e.Segments {
		s := text(e, i)
		if len(s) < manyBreaks {
			continue
		}
		breaks, blanks := 0, 0
		for at, r := range s {
			switch {
			case r == '\n':
				breaks++
				blanks++
			case unicode.IsSpace(r) || unseen[r]:
				blanks++
			default:
				if breaks >= manyBreaks || blanks >= manyBlanks {
					e.Report(paddedText, nil, models.Span{Segment: i, Start: at, End: len(s)})
					return
				}
				breaks, blanks = 0, 0
			}
		}
	}
}

// unseen are characters that look like blanks.
var unseen = map[rune]bool{'\u2800': true, '\u3164': true, '\u115f': true, '\u1160': true, '\uffa0': true, '\u200b': true, '\u2060': true, '\ufeff': true, '\u00ad': true}
