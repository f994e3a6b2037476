package catalogue

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

const rulesVersion = "1.0.0"

// combination is a rule on one sentence: each of need must share a concept with it, and bar none.
type combination struct {
	rule   check.Rule
	need   []concepts
	bar    concepts
	drift  bool     // only of a definition that differs from the approved one
	before concepts // what the sentence before may speak of instead
}

// harmless is what speaks against an order: the user decides, the text is about attacks, or data is not moved.
var harmless = of(decides, mention, refrains, wish)

// combinations are the rules on sentences of definitions, the more specific ones first: a sentence is reported once.
var combinations = []combination{
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
		rule: high("house-deed", "A5", 0.64, "Claims a custom of the place for what other tools do."),
		need: []concepts{of(house), of(deed), of(setting, path, address, lifted, argument)},
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
		rule: high("displaced-tool", "E2", 0.64, "Runs another tool down, and puts itself in its place."),
		need: []concepts{of(worse, samename), of(hither), of(generic, samename, itself)},
		bar:  of(decides, mention, wish, leave, refrains, relative),
	},
	{
		rule: high("outranked-tool", "E2", 0.62, "Claims to go before another server's tool of the same kind."),
		need: []concepts{of(generic), of(supplant), of(named, samename, itself), of(neg, always, worse, hither, private)},
		bar:  of(decides, mention, wish, leave, refrains, relative),
	},
	{
		rule: high("claimed-calls", "E2", 0.62, "Claims the calls that are meant for a tool of the same name."),
		need: []concepts{of(generic), of(itself), of(hither), of(always), of(worse, moved, neg)},
		bar:  of(decides, mention, wish, leave, refrains, relative),
	},
	{
		rule: high("taken-over", "E2", 0.62, "Claims to take over a tool of another server."),
		need: []concepts{of(generic), of(supplant), of(named)},
		bar:  of(decides, mention, wish, leave, refrains, relative),
	},
	{
		rule: high("claimed-answer", "E2", 0.64, "Claims to answer to the name of another server's tool."),
		need: []concepts{of(samename), of(generic), of(official, hither, worse, supplant)},
		bar:  of(decides, mention, wish, refrains, relative),
	},
	{
		rule: high("handed-guest", "A5", 0.62, "Has an address of its own among those who receive something."),
		need: []concepts{of(address), of(outward, argument, deed), of(domain, deed, private), of(user, always, taken, moved, deed)},
		bar:  harmless,
	},
	{
		rule: high("foreign-source", "A5", 0.62, "Has an argument of other tools taken from what it returns."),
		need: []concepts{of(generic), of(named), of(taken, argument), of(always, house, deed)},
		bar:  harmless | of(relative, leave),
	},
	{
		rule: high("peer-pays", "E8", 0.66, "Has other agents hand over what is not theirs to give."),
		need: []concepts{of(peer), of(secret, inner, private), of(moved, demand, keep, taken), of(secret, inner, unasked, stranger, assured, posing)},
		bar:  of(decides, refrains, wish, neg),
	},
	{
		rule: high("posed-user", "E8", 0.66, "Gives itself the authority of the user, or an approval."),
		need: []concepts{of(posing), of(peer, stranger), of(user, private, lifted, unasked, secret)},
		bar:  of(decides, mention, refrains),
	},
	{
		rule: high("handed-secret", "E4", 0.62, "Gives a secret to strangers."),
		need: []concepts{of(stranger), of(secret), of(inner, outward), of(unasked, others), of(neg, unasked)},
		bar:  of(decides, mention, refrains, wish),
	},
	{
		rule: high("executed-text", "E4", 0.64, "Has carried out what a text contains, with what is private at hand."),
		need: []concepts{of(obey), of(secret, lifted, unasked), of(outward, stranger, generic, deed)},
		bar:  harmless,
	},
	{
		rule: high("quiet-handing", "E9", 0.62, "Hands on what is private, and leaves people unasked."),
		need: []concepts{of(private, inner), of(moved), of(unasked), of(argument, field, inner, stranger), of(user)},
		bar:  of(decides, mention, refrains, wish, leave),
	},
	{
		rule: high("unmasked-outward", "E9", 0.62, "Lets out what is private without the mask that it had."),
		need: []concepts{of(private, secret), of(lifted), of(link, address, outward)},
		bar:  of(decides, mention, refrains, wish),
	},
	{
		rule: high("inner-argument", "E9", 0.62, "Has put into an argument what the agent holds of itself."),
		need: []concepts{of(inner), of(moved), of(argument), of(secret, private, unasked), of(always, ours, demand, use, user)},
		bar:  harmless | of(neg),
	},
	{
		rule:   high("private-answer", "E4", 0.62, "Answers strangers in public with what is private."),
		need:   []concepts{of(outward), of(stranger), of(private, secret), of(moved), of(taken)},
		bar:    harmless | of(neg, leave, named, relative),
		before: of(outward, stranger),
	},
	{
		rule: high("inner-secret", "E8", 0.62, "Takes along what an agent signs in with, and puts at ease about it."),
		need: []concepts{of(inner), of(secret), of(assured, lifted, unasked), of(moved, taken, stranger), of(peer, user)},
		bar:  harmless | of(browser, named, relative),
	},
	{
		rule: high("foreign-step", "A5", 0.62, "Adds a step to what other tools do."),
		need: []concepts{of(generic), of(named, foreign), of(moved), of(neg, assured, unasked), of(obey, use, argument)},
		bar:  of(decides, mention, wish, leave, relative),
	},
	{
		rule: high("pieces-apart", "A11", 0.62, "Refers to pieces of a text that stand elsewhere."),
		need: []concepts{of(apart), of(named, relative, foreign)},
		bar:  of(decides, mention, wish),
	},
	{
		rule: high("acted-pieces", "A11", 0.62, "Has pieces of its own definition put together and acted on."),
		need: []concepts{of(assemble), of(argument, tool), of(peer, obey, reading, always), of(ours, always, tool), of(peer, neg, obey, reading)},
		bar:  harmless,
	},
	{
		rule:  high("drift-lifted", "E1", 0.62, "Was changed since its approval, and drops a safeguard."),
		need:  []concepts{of(lifted)},
		bar:   of(mention, refrains, wish),
		drift: true,
	},
	{
		rule:  high("drift-posed", "E1", 0.62, "Was changed since its approval, and gives itself an approval."),
		need:  []concepts{of(posing), of(argument, lifted, unasked, neg)},
		bar:   of(mention, refrains, wish),
		drift: true,
	},
	{
		rule:  high("drift-obeys", "E1", 0.62, "Was changed since its approval, and has done what texts ask for."),
		need:  []concepts{of(obey), of(stranger)},
		bar:   harmless,
		drift: true,
	},
	{
		rule:  high("drift-reach", "E1", 0.62, "Was changed since its approval, and takes in what people keep to themselves."),
		need:  []concepts{of(inner), of(taken, moved)},
		bar:   harmless | of(neg),
		drift: true,
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
		need:  []concepts{of(outward), of(moved), of(user, address, private, link)},
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
func (r *combination) holds(set concepts) bool {
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

// requests are the rules on sentences of what comes in at run time.
var requests = []combination{
	{
		rule: high("read-order", "E4", 0.64, "Tells the assistant that reads it to get what is private, and to let it out."),
		need: []concepts{of(reading), of(private, secret, inner, vault), of(moved, taken, keep)},
		bar:  of(decides, mention, refrains, wish, leave),
	},
	{
		rule: high("read-outward", "E4", 0.64, "Tells the assistant that reads it to let something out."),
		need: []concepts{of(reading), of(outward, address, link), of(moved), of(taken, private, vault)},
		bar:  of(decides, mention, refrains, wish, leave),
	},
	{
		rule: high("asked-inside", "E8", 0.62, "Asks an agent for what it holds of itself or of others."),
		need: []concepts{of(inner), of(please, demand), of(moved, demand, keep, tool, know), of(generic, please, secret)},
		bar:  of(decides, mention, refrains, wish),
	},
	{
		rule: high("asked-agent", "E8", 0.62, "Asks an agent for what it holds of itself or of others."),
		need: []concepts{of(inner), of(secret, assured, private, hither), of(ours, assured, unasked), of(outward, will, secret, argument)},
		bar:  of(decides, mention, refrains, wish),
	},
	{
		rule: high("asked-secret", "E4", 0.62, "Asks for a secret from a private place."),
		need: []concepts{of(please), of(vault), of(private, secret), of(moved), of(taken, secret)},
		bar:  of(decides, mention, refrains, wish, browser),
	},
	{
		rule: high("vault-outward", "E4", 0.62, "Has what is in a private place put where others can have it."),
		need: []concepts{of(vault), of(moved), of(link, outward, named), of(private, secret), of(please, named, reading), of(taken, please, reading)},
		bar:  of(decides, mention, refrains, wish),
	},
	{
		rule:   high("relocated-server", "E3", 0.64, "Claims that a server has moved, and asks for a credential there."),
		need:   []concepts{of(official), of(secret), of(demand, moved), of(link, hither, generic, worse), of(tool)},
		bar:    of(decides, mention, refrains, wish, browser),
		before: of(official, link),
	},
	{
		rule:   high("claimed-rights", "E8", 0.62, "Claims the rights of another, and asks for what is private."),
		need:   []concepts{of(posing), of(unasked, lifted, hither), of(moved), of(private, secret)},
		bar:    of(mention, refrains, wish, leave, decides),
		before: of(posing),
	},
	{
		rule: high("claimed-approval", "E8", 0.62, "Claims an approval or the rights of another, so that nobody is asked."),
		need: []concepts{of(posing), of(unasked, lifted, hither, secret), of(moved, private, secret)},
		bar:  of(mention, refrains, wish),
	},
}

// incoming are the kinds of run-time events that others than the user may have written.
func incoming(k models.Kind) bool {
	return k == models.KindToolResult || k == models.KindNotification || k == models.KindUserPrompt
}

// agents are the words for an agent, one of which stands at the head of a user's turn that another agent wrote.
var agents = []string{"agent", "агент", "智能体", "代理", "エージェント", "에이전트", "وكيل", "एजेंट", "ajan"}

// headBytes is how long the head of a turn may be.
const headBytes = 96

// relayed reports whether what is read was written by another agent, as far as it says so.
func (x *examination) relayed() bool {
	if len(x.reader.sentences) == 0 {
		return false
	}
	head := strings.ToLower(x.reader.sentences[0].text)
	head = head[:cut(head, headBytes)]
	return slices.ContainsFunc(agents, func(a string) bool { return strings.Contains(head, a) })
}

// texts judges each sentence on its own, or with the one before it.
func texts(x *examination) {
	x.reader.sentences = slices.DeleteFunc(x.reader.sentences, func(s sentence) bool { return code(s.text) })
	x.combine(combinations)
}

// code reports whether a text is written for a machine: an object with members, or a list of values.
func code(text string) bool { return strings.Contains(text, "\":") || strings.Count(text, " = ") > 3 }

func (x *examination) combine(rules []combination) {
	for i := range x.reader.sentences {
		s := &x.reader.sentences[i]
		var before concepts
		if i > 0 && x.reader.sentences[i-1].segment == s.segment {
			before = x.reader.sentences[i-1].set
		}
		for k := range rules {
			r := &rules[k]
			if r.drift && x.Pin != models.PinMismatch || !r.holds(s.set|before&r.before) {
				continue
			}
			x.Report(&r.rule, nil, s.span())
			break
		}
	}
}
