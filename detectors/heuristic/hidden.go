package heuristic

import (
	"sort"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// hidingSteps are the transforms of a decoded view that reveal whole texts, with the class of hiding a text that way.
var hidingSteps = map[string]models.Class{
	"tags": "B1", "variation_selectors": "B1", "zero_width": "B1",
	"base64": "B6", "hex": "B6", "rot13": "B6", "reversed": "B6",
}

// hiding returns the class of how the view's text was hidden, or "" if it was not.
func hiding(v *models.View) models.Class {
	if v.Kind != models.ViewDecoded {
		return ""
	}
	for _, step := range v.Chain {
		if c := hidingSteps[step]; c != "" {
			return c
		}
	}
	return ""
}

// Words that make a hidden text an order: someone who is spoken to or something that must not be, and what to do.
// In a comment, "please include a screenshot" is for people; it takes more there.
var (
	orderSigns   = directive.Of(directive.Address, directive.Addressee, directive.Marker, directive.Override, directive.Unguard, directive.Conceal, directive.Covert, directive.Scope, directive.Secret, directive.Coerce, directive.Template, directive.Agent, directive.Must, directive.When)
	commentSigns = directive.Of(directive.Marker, directive.Override, directive.Unguard, directive.Conceal, directive.Covert, directive.Secret, directive.Template, directive.Agent)
	orderActions = directive.Of(directive.Fetch, directive.Place, directive.Send, directive.Execute, directive.Redirect, directive.Override, directive.Unguard, directive.Persist)
	graveSigns   = directive.Of(directive.Secret, directive.Address, directive.Execute, directive.DropFile)
)

// hiddenOrders reports orders in text that a person does not see: in decoded views, and in the regions of others.
func (e *examination) hiddenOrders(i, v int, r *directive.Reading, regions []region) {
	view := &e.input.Segments[i].Views[v]
	if class := hiding(view); class != "" {
		e.hiddenOrder(i, v, class, orderSigns, r.Hits, region{0, len(view.Text)})
		return
	}
	for _, g := range regions {
		e.hiddenOrder(i, v, "B4", commentSigns, r.Hits, g)
	}
}

func (e *examination) hiddenOrder(i, v int, class models.Class, signs directive.Signals, hits []directive.Hit, g region) {
	var present directive.Signals
	sign, action := -1, -1
	first := sort.Search(len(hits), func(n int) bool { return hits[n].Start >= g.start })
	for n := first; n < len(hits) && hits[n].Start < g.end; n++ {
		h := hits[n]
		if h.End > g.end {
			continue
		}
		present.Add(h.Signal)
		if sign < 0 && signs.Has(h.Signal) {
			sign = n
		} else if action < 0 && orderActions.Has(h.Signal) {
			action = n
		}
	}
	if sign < 0 || action < 0 || present.Has(directive.Mention) || present.Count() < 2 {
		return
	}
	severity, confidence := models.SeverityHigh, 0.75
	if present.Meets(&graveSigns) {
		severity, confidence = models.SeverityCritical, 0.9
	}
	e.add(models.Finding{
		Rule: hiddenOrderRule, Version: version, Class: class, Severity: severity, Confidence: confidence,
		Message:  hiddenMessage[class],
		Evidence: []models.Span{{Segment: i, View: v, Start: g.start, End: g.end}},
	})
}

const hiddenOrderRule = "hidden-order"

var hiddenMessage = map[models.Class]string{
	"B1": "Hides an order to the model in characters that can't be seen.",
	"B2": "Spells an order to the model in look-alike characters.",
	"B4": "Hides an order to the model in a part that is not rendered.",
	"B6": "Hides an order to the model in an encoding.",
}

// revealing are the steps of a normalised view that undo what keeps a text from being read or found as it stands.
var revealing = map[string]models.Class{"strip_invisible": "B1", "fold_lookalikes": "B2"}

// disguise returns the class of what normalisation undid, or "".
func disguise(v *models.View) models.Class {
	if v.Kind != models.ViewNormalised {
		return ""
	}
	for _, step := range v.Chain {
		if c := revealing[step]; c != "" {
			return c
		}
	}
	return ""
}
