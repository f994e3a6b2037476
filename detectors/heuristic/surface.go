package heuristic

import (
	"encoding/json"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// slot says what a place in an object is for.
type slot int

const (
	slotProse slot = iota // a description, a text: sentences are expected
	slotToken             // a name, enum value, default: sentences are not
)

// slotOf reads the slot from the pointer.
func slotOf(s *models.Segment) slot {
	last := s.Pointer[strings.LastIndexByte(s.Pointer, '/')+1:]
	if s.Key {
		return slotToken
	}
	switch last {
	case "name", "title", "default", "const", "pattern", "format", "uri", "mimeType", "$ref", "$id", "$anchor":
		return slotToken
	}
	for _, list := range []string{"/enum/", "/enumNames/", "/examples/", "/required/", "/tags/"} {
		if strings.Contains(s.Pointer, list) {
			return slotToken
		}
	}
	return slotProse
}

// schemaResident reports whether the place is part of a schema or an annotation rather than a description that a
// reviewer reads: an instruction there is full-schema poisoning.
func schemaResident(s *models.Segment) bool {
	if s.Key || slotOf(s) == slotToken {
		return true
	}
	return strings.HasPrefix(s.Pointer, "/outputSchema") || strings.HasPrefix(s.Pointer, "/annotations") ||
		strings.HasSuffix(s.Pointer, "/$comment")
}

// instructionClass is the class of an order to the model by the kind of event that carries it.
var instructionClass = map[models.Kind]models.Class{
	models.KindTool: "A1", models.KindPrompt: "C3", models.KindResource: "C3", models.KindInstructions: "A12",
	models.KindUserPrompt: "C10", models.KindToolCall: "D5", models.KindToolResult: "C1", models.KindSampling: "C6",
	models.KindElicitation: "C7", models.KindNotification: "C9", models.KindAgentCard: "E8",
}

// classOf is the class of a rule's finding in segment s of event ev.
func classOf(class models.Class, ev *models.Event, s *models.Segment) models.Class {
	switch {
	case class != "A1" && class != "A2" && class != "A5" && class != "A6" && class != "A8":
		return class
	case ev.Kind == models.KindTool && schemaResident(s):
		return "A3"
	case ev.Kind == models.KindTool:
		return class
	case ev.Kind == models.KindToolResult && isError(ev.Body):
		return "C2"
	}
	return instructionClass[ev.Kind]
}

// isError reports whether a tool's result says that the call failed.
func isError(body []byte) bool {
	var result struct {
		IsError bool `json:"isError"`
	}
	return json.Unmarshal(body, &result) == nil && result.IsError
}
