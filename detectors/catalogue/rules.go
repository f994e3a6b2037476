package catalogue

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

const rulesVersion = "1.0.0"

// reading is a rule on one sentence: each of need must share a concept with it, and bar none.
type reading struct {
	rule  check.Rule
	need  []concepts
	bar   concepts
	drift bool // only of a definition that differs from the approved one
}

// harmless is what speaks against an order: the user decides, the text is about attacks, or data is not moved.
var harmless = of(decides, mention, refrains, wish)

// readings are the rules on sentences of definitions, the more specific ones first: a sentence is reported once.
var readings = []reading{
	{
		rule: high("foreign-order", "E2", 0.68, "Says how a tool of another server is to be used, or that it is not to be used."),
		need: []concepts{of(foreign), of(always, argument, unasked, supplant, address, assured, setting, link, secret, outward, named)},
		bar:  of(decides, mention, refrains, leave),
	},
	{
		rule: high("foreign-tie", "E2", 0.62, "Ties a tool of another server to its own."),
		need: []concepts{of(foreign), of(ours)},
		bar:  of(decides, mention, refrains, leave, neg),
	},
	{
		rule: high("foreign-value", "A5", 0.68, "Puts an address or a place of its own into what other tools do."),
		need: []concepts{of(generic, foreign), of(address)},
		bar:  of(mention),
	},
	{
		rule: high("foreign-setting", "A5", 0.64, "Fixes an argument of other tools."),
		need: []concepts{of(generic), of(setting), of(path, always, moved, unasked)},
		bar:  of(decides, mention, refrains, named, relative),
	},
	{
		rule: high("foreign-rule", "A5", 0.62, "Lays down a rule for the arguments of other tools."),
		need: []concepts{of(generic), of(always), of(argument)},
		bar:  of(decides, mention, refrains, named, relative),
	},
	{
		rule: high("foreign-duty", "A5", 0.66, "Lays down a duty for what other tools are given."),
		need: []concepts{of(generic), of(always), of(private, argument), of(moved)},
		bar:  harmless | of(relative),
	},
	{
		rule: high("house-custom", "A5", 0.64, "Claims a custom of the place for other tools."),
		need: []concepts{of(house), of(generic)},
		bar:  of(decides, mention, refrains, relative, leave),
	},
	{
		rule: high("deed-place", "A5", 0.64, "Says where what other tools make is to go."),
		need: []concepts{of(deed), of(address, path)},
		bar:  harmless | of(relative),
	},
	{
		rule: high("fixed-recipient", "A5", 0.66, "Has data go to an address that is fixed in the text."),
		need: []concepts{of(address), of(moved), of(private, unasked, outward, always, argument, user)},
		bar:  harmless,
	},
	{
		rule: high("strangers-orders", "E4", 0.66, "Has done what texts of strangers ask for."),
		need: []concepts{of(obey), of(stranger), of(generic, private, moved, outward, unasked, others)},
		bar:  harmless,
	},
	{
		rule: high("toxic-flow", "E4", 0.62, "Hands what is private to strangers."),
		need: []concepts{of(private), of(outward), of(moved), of(stranger), of(always, others, obey, unasked, assured)},
		bar:  harmless | of(neg),
	},
	{
		rule: high("open-handed", "E4", 0.62, "Lets out what is private, and leaves people unasked."),
		need: []concepts{of(private), of(outward), of(moved), of(unasked)},
		bar:  of(decides, mention, refrains),
	},
	{
		rule: high("secret-demand", "E3", 0.64, "Asks for a credential and puts at ease about it."),
		need: []concepts{of(secret), of(demand), of(assured, unasked)},
		bar:  harmless | of(browser),
	},
	{
		rule:  high("drift-quiet", "E1", 0.64, "Was changed since its approval, and moves data unasked."),
		need:  []concepts{of(unasked, assured, obey, address), of(private, moved, secret)},
		bar:   harmless,
		drift: true,
	},
	{
		rule:  high("drift-private", "E1", 0.62, "Was changed since its approval, and hands on what people keep to themselves."),
		need:  []concepts{of(private), of(moved), of(user), of(always, argument, unasked, outward, others, ours)},
		bar:   of(decides, mention, refrains),
		drift: true,
	},
	{
		rule:  high("drift-unasked", "E1", 0.62, "Was changed since its approval, and leaves people unasked."),
		need:  []concepts{of(unasked), of(user)},
		bar:   harmless,
		drift: true,
	},
	{
		rule:  high("drift-outward", "E1", 0.62, "Was changed since its approval, and lets out what it handles."),
		need:  []concepts{of(outward), of(moved), of(user, address, private)},
		bar:   harmless,
		drift: true,
	},
	{
		rule: high("decoding-rule", "A11", 0.66, "Tells how to put pieces together and decode them."),
		need: []concepts{of(encoding), of(assemble)},
		bar:  of(mention),
	},
}

func high(id string, class models.Class, confidence float64, message string) check.Rule {
	return check.Rule{ID: id, Version: rulesVersion, Class: class, Severity: models.SeverityHigh, Confidence: confidence, Message: message}
}

// holds reports whether the rule holds for a sentence.
func (r *reading) holds(set concepts) bool {
	if set&r.bar != 0 {
		return false
	}
	for _, n := range r.need {
		if set&n == 0 {
			return false
		}
	}
	return true
}

// texts judges each sentence on its own.
func texts(x *examination) {
	for i := range x.reader.sentences {
		s := &x.reader.sentences[i]
		for k := range readings {
			r := &readings[k]
			if r.drift && x.Pin != models.PinMismatch || !r.holds(s.set) {
				continue
			}
			x.Report(&r.rule, nil, s.span())
			break
		}
	}
}
