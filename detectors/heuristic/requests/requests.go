// Package requests finds what must not be asked of a person or of a client: secrets in forms, sampling that takes more than it
// says, manipulated approvals, and tokens that are led astray.
package requests

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// Checks is the group of these checks.
var Checks = &check.Group{Name: "requests", Rules: rules(), Checks: []check.Check{{Examine: examine}}}

const version = "1.0.0"

func rules() []*check.Rule {
	all := []*check.Rule{secretField, identityField, sharedOut, linkToElsewhere, linkSignedIn, deviceCode, wideScope, swappedChoice, tickedDanger, falsePreview, paddedText,
		negationMaze, sealedApproval, forgedTurn, tokenBudget, forcedTool, offeredTool, unofferedTool, foreignRedirect, mixedIssuer, unsignedToken, foreignAudience, uncheckedCode, headerToken, armedEndpoint}
	for i := range prose {
		if r := prose[i].rule; !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

func examine(e *check.Event) {
	switch e.Input.Event.Kind {
	case models.KindElicitation:
		elicitation(e, "", 0)
	case models.KindSampling:
		sampling(e, "", 0)
	case models.KindToolResult:
		inputRequests(e)
	}
	for i := range e.Segments {
		if s := &e.Segments[i]; !s.Key && spoken[e.Input.Event.Kind] {
			device(e, i)
		}
	}
	preview(e)
	padded(e)
	tokens(e)
	headers(e)
	for i := range e.Segments {
		read(e, i)
	}
}

// spoken are the kinds of event, besides requests to the person, in which somebody is told where to enter a code.
var spoken = map[models.Kind]bool{models.KindToolResult: true, models.KindPrompt: true, models.KindInstructions: true, models.KindNotification: true}

// place says which rules read a segment.
func place(e *check.Event, s *models.Segment) where {
	w := whereOf[e.Input.Event.Kind]
	if w&inElicitation != 0 && check.Last(s) != "message" {
		return anywhere
	}
	if w != anywhere || !check.Below(s, "/inputRequests") {
		return w
	}
	switch {
	case check.Last(s) == "message":
		return anywhere | inElicitation
	case strings.Contains(s.Pointer, "/messages/") || check.Last(s) == "systemPrompt":
		return anywhere | inSampling
	}
	return anywhere
}

// where is a set of places that a rule reads.
type where uint8

const (
	anywhere where = 1 << iota
	inElicitation
	inSampling
	inNotice
	inCall
	inPrompt
)

var whereOf = map[models.Kind]where{
	models.KindElicitation: anywhere | inElicitation, models.KindSampling: anywhere | inSampling, models.KindNotification: anywhere | inNotice,
	models.KindToolCall: inCall, models.KindUserPrompt: inPrompt, models.KindTool: anywhere, models.KindPrompt: anywhere, models.KindResource: anywhere,
	models.KindInstructions: anywhere, models.KindToolResult: anywhere, models.KindAgentCard: anywhere,
}

var hardSecret = of("password", "otp", "card", "token")
