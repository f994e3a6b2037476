package rulepack

import (
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// Field is a part of an event that rules can confine themselves to. A string can belong to several.
type Field string

// The fields.
const (
	FieldKey         Field = "key"         // the name of a member, anywhere
	FieldValue       Field = "value"       // every string that is no member's name
	FieldName        Field = "name"        // the value of a member called name or title
	FieldDescription Field = "description" // the value of a member called description or instructions
	FieldSchema      Field = "schema"      // whatever stands in a schema, annotations or _meta, names of members included
	FieldArguments   Field = "arguments"   // the arguments of a call or prompt, names of members included
	FieldContent     Field = "content"     // what a result, message or resource says, names of members included
)

// Fields returns every field.
func Fields() []Field {
	return []Field{FieldKey, FieldValue, FieldName, FieldDescription, FieldSchema, FieldArguments, FieldContent}
}

// fieldSet is a bit set of fields, in the order of [Fields].
type fieldSet uint8

const (
	bitKey fieldSet = 1 << iota
	bitValue
	bitName
	bitDescription
	bitSchema
	bitArguments
	bitContent
	allFields = bitContent<<1 - 1
)

// fieldBits returns the set of the given fields; none means all.
func fieldBits(fields []Field) fieldSet {
	if len(fields) == 0 {
		return allFields
	}
	var set fieldSet
	for i, f := range Fields() {
		for _, g := range fields {
			if f == g {
				set |= 1 << i
			}
		}
	}
	return set
}

// fieldsOf returns the fields that the segment belongs to.
func fieldsOf(s *models.Segment) fieldSet {
	set := bitValue
	if s.Key {
		set = bitKey
	}
	at := strings.LastIndexByte(s.Pointer, '/') + 1
	if !s.Key {
		switch s.Pointer[at:] {
		case "name", "title":
			set |= bitName
		case "description", "instructions":
			set |= bitDescription
		}
	}
	for path := s.Pointer; path != ""; {
		var member string
		member, path, _ = strings.Cut(path[1:], "/")
		if path != "" {
			path = s.Pointer[len(s.Pointer)-len(path)-1:]
		}
		switch member {
		case "inputSchema", "outputSchema", "requestedSchema", "annotations", "_meta":
			set |= bitSchema
		case "arguments":
			set |= bitArguments
		case "content", "contents", "structuredContent", "messages":
			set |= bitContent
		}
	}
	return set
}
