package exchange

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/aad6b6dc/taster/models"
)

// Object types of STIX that this package knows.
const (
	typeBundle    = "bundle"
	typeIndicator = "indicator"
)

const (
	specVersion = "2.1"
	homepage    = "https://github.com/aad6b6dc/taster"
)

// namespace is of our version 5 UUIDs. STIX recommends random ids for domain objects and allows others in a namespace of
// one's own (section 2.9): these make the same export the same bytes, and importing it twice no second object.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte(homepage))

func stixID(kind string, parts ...string) string {
	return kind + "--" + uuid.NewSHA1(namespace, []byte(kind+"\x00"+strings.Join(parts, "\x00"))).String()
}

var (
	producerID  = stixID("identity")
	extensionID = stixID("extension-definition", extensionVersion)
	// defined is when extension and identity were written down.
	defined = stixTime(time.Date(2026, time.November, 30, 0, 0, 0, 0, time.UTC))
)

const extensionVersion = "1.0.0"

// ExtensionSchema is the JSON Schema of what an indicator carries for Taster.
//
//go:embed extension.schema.json
var ExtensionSchema []byte

// stixTime is a timestamp of STIX: RFC 3339 in UTC. created and modified have exactly three digits after the second.
func stixTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// identity is who wrote the bundle: the program, since it does not know for whom it runs.
type identity struct {
	Type          string `json:"type"`
	SpecVersion   string `json:"spec_version"`
	ID            string `json:"id"`
	Created       string `json:"created"`
	Modified      string `json:"modified"`
	Name          string `json:"name"`
	IdentityClass string `json:"identity_class"`
}

type extensionDefinition struct {
	Type           string   `json:"type"`
	SpecVersion    string   `json:"spec_version"`
	ID             string   `json:"id"`
	CreatedByRef   string   `json:"created_by_ref"`
	Created        string   `json:"created"`
	Modified       string   `json:"modified"`
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Schema         string   `json:"schema"`
	Version        string   `json:"version"`
	ExtensionTypes []string `json:"extension_types"`
}

// indicator is a STIX indicator (section 4.7): the members that we write, and of those that we read the ones that matter.
type indicator struct {
	Type           string                     `json:"type"`
	SpecVersion    string                     `json:"spec_version"`
	ID             string                     `json:"id"`
	CreatedByRef   string                     `json:"created_by_ref,omitempty"`
	Created        string                     `json:"created,omitempty"`
	Modified       string                     `json:"modified,omitempty"`
	Revoked        bool                       `json:"revoked,omitempty"`
	Labels         []string                   `json:"labels,omitempty"`
	Name           string                     `json:"name,omitempty"`
	Description    string                     `json:"description,omitempty"`
	IndicatorTypes []string                   `json:"indicator_types,omitempty"`
	Pattern        string                     `json:"pattern,omitempty"`
	PatternType    string                     `json:"pattern_type,omitempty"`
	ValidFrom      string                     `json:"valid_from,omitempty"`
	Extensions     map[string]json.RawMessage `json:"extensions,omitempty"`
}

// extension is a property extension (section 7.3): the indicator as we know it, whole.
type extension struct {
	ExtensionType string       `json:"extension_type"`
	Label         models.Label `json:"label"`
	Class         models.Class `json:"class"`
	Text          string       `json:"text"`
	Source        string       `json:"source"`
	FirstSeen     time.Time    `json:"first_seen"`
}

const propertyExtension = "property-extension"

// indicatorTypes are words of STIX's vocabulary (section 10.10).
var indicatorTypes = map[models.Label][]string{models.Malicious: {"malicious-activity"}, models.Benign: {"benign"}}

// newIndicator states an indicator in STIX. Its id follows from all that is stated: one that says something else of the
// same text is another object, for there is no later version of a statement that carries no time of its own.
func newIndicator(x *models.Indicator) (*indicator, error) {
	x.FirstSeen = x.FirstSeen.UTC()
	ours, err := encode(extension{propertyExtension, x.Label, x.Class, x.Text, x.Source, x.FirstSeen})
	if err != nil {
		return nil, err
	}
	at := stixTime(x.FirstSeen)
	return &indicator{
		Type: typeIndicator, SpecVersion: specVersion, ID: stixID(typeIndicator, string(ours)), CreatedByRef: producerID,
		Created: at, Modified: at, ValidFrom: at,
		Labels: []string{"tool-poisoning", string(x.Class)}, Name: name(x), IndicatorTypes: indicatorTypes[x.Label],
		Description: "A text that was seen in definitions or traffic of the Model Context Protocol; source: " + x.Source,
		Pattern:     pattern(x.Text), PatternType: "pcre",
		Extensions: map[string]json.RawMessage{extensionID: ours},
	}, nil
}

// nameRunes is how much of a text stands in an object's name.
const nameRunes = 60

func name(x *models.Indicator) string {
	text := strings.Join(strings.Fields(x.Text), " ")
	if utf8.RuneCountInString(text) > nameRunes {
		text = string([]rune(text)[:nameRunes]) + "…"
	}
	return string(x.Class) + ": " + text
}

// pattern is the text as a regular expression, for those who have nothing better: its words, in any case, with any white
// space between them.
func pattern(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	return "(?i)" + strings.Join(words, `\s+`)
}

// encode is JSON that is fit for reading: no escapes for HTML's sake.
func encode(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// writeSTIX writes a bundle, one object a line.
func writeSTIX(w io.Writer, indicators []models.Indicator) error {
	objects := []any{
		identity{"identity", specVersion, producerID, defined, defined, "Taster", "system"},
		extensionDefinition{
			Type: "extension-definition", SpecVersion: specVersion, ID: extensionID, CreatedByRef: producerID,
			Created: defined, Modified: defined, Name: "Known text of Taster",
			Description: "The text that an indicator stands for, whether it is an attack or a harmless one that looks like one, its threat class, where it is from and when it was first seen.",
			Schema:      homepage + "/blob/main/detectors/similarity/exchange/extension.schema.json", Version: extensionVersion,
			ExtensionTypes: []string{propertyExtension},
		},
	}
	ids := make([]string, len(indicators))
	for i := range indicators {
		x := indicators[i]
		object, err := newIndicator(&x)
		if err != nil {
			return err
		}
		ids[i] = object.ID
		objects = append(objects, object)
	}
	buf := bufio.NewWriter(w)
	fmt.Fprintf(buf, `{"type":"bundle","id":%q,"objects":[`, stixID(typeBundle, ids...))
	for i, o := range objects {
		line, err := encode(o)
		if err != nil {
			return err
		}
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteByte('\n')
		buf.Write(line)
	}
	buf.WriteString("\n]}\n")
	return buf.Flush()
}

// readSTIX reads a bundle. Objects other than indicators are counted; indicators without our extension are refused, since a
// pattern for addresses or files says nothing of texts.
func readSTIX(data []byte) (*Import, error) {
	var b struct {
		Type    string            `json:"type"`
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("reading STIX bundle: %w", jsonError(err))
	}
	if b.Type != typeBundle {
		return nil, fmt.Errorf("reading STIX bundle: %w", &models.FieldError{Field: "type", Problem: fmt.Sprintf("%q is not %q", b.Type, typeBundle)})
	}
	im := &Import{Format: STIX, Skipped: map[string]int{}}
	for i, raw := range b.Objects {
		if err := im.object(fmt.Sprintf("object %d", i+1), raw); err != nil {
			return nil, fmt.Errorf("reading STIX bundle: %w", err)
		}
	}
	return im, nil
}

// maxTypes limits how many types of objects are told apart, and maxTypeBytes their names.
const (
	maxTypes     = 100
	maxTypeBytes = 250 // the longest name that STIX allows (section 2.11)
)

func (im *Import) object(where string, raw json.RawMessage) error {
	var head struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		im.refuse(where, jsonError(err))
		return nil
	}
	if head.ID == producerID || head.ID == extensionID { // what every bundle of ours explains itself with
		return nil
	}
	if head.Type != typeIndicator {
		if _, known := im.Skipped[head.Type]; len(head.Type) > maxTypeBytes || !known && len(im.Skipped) == maxTypes {
			head.Type = "other"
		}
		im.Skipped[head.Type]++
		return nil
	}
	if head.ID != "" && len(head.ID) <= maxTypeBytes {
		where = head.ID
	}
	x, err := parseIndicator(raw)
	if err != nil {
		im.refuse(where, err)
		return nil
	}
	return im.take(where, x)
}

func parseIndicator(raw json.RawMessage) (models.Indicator, error) {
	var o indicator
	if err := json.Unmarshal(raw, &o); err != nil {
		return models.Indicator{}, jsonError(err)
	}
	ours, ok := o.Extensions[extensionID]
	switch {
	case o.SpecVersion != specVersion:
		return models.Indicator{}, &models.FieldError{Field: "spec_version", Problem: fmt.Sprintf("%q is not %q", o.SpecVersion, specVersion)}
	case !ok:
		return models.Indicator{}, fmt.Errorf("pattern of type %q without the text that it stands for: it has no extension %s", o.PatternType, extensionID)
	case o.Revoked:
		return models.Indicator{}, errors.New("revoked by its producer")
	case len(ours) > MaxLineBytes:
		return models.Indicator{}, fmt.Errorf("extension of %d bytes, the limit is %d", len(ours), MaxLineBytes)
	}
	var e extension
	if err := json.Unmarshal(ours, &e); err != nil {
		return models.Indicator{}, fmt.Errorf("extension: %w", jsonError(err))
	}
	if e.ExtensionType != propertyExtension {
		return models.Indicator{}, &models.FieldError{Field: "extension_type", Problem: fmt.Sprintf("%q is not %q", e.ExtensionType, propertyExtension)}
	}
	x := models.Indicator{Label: e.Label, Class: e.Class, Text: e.Text, Source: e.Source, FirstSeen: e.FirstSeen.UTC()}
	return x.Identify(), nil
}
