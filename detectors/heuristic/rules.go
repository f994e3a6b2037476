package heuristic

import (
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// rule is a combination of signals that says something is wrong. No signal is enough on its own, save those that have
// no other use.
type rule struct {
	id         string
	class      models.Class // for a tool's definition; see classOf for other places
	severity   models.Severity
	confidence float64
	message    string
	// need lists sets of signals; one signal of each set must stand within reach of the first set's.
	need []directive.Signals
	// reach is how many sentences apart the signals may stand: 0 for the same sentence.
	reach int
	// against are the counter-evidence kinds that apply, see counters.
	against directive.Signals
	// pointed is set if the first signal alone is the evidence.
	pointed bool
	// described is set if the combination counts only where something is described, and orders have no business.
	described bool
	// commands is set if the combination is ordinary where a person or a prompt gives the orders.
	commands bool
}

// One set of signals, for the table.
func oneOf(signals ...directive.Signal) directive.Signals { return directive.Of(signals...) }

const (
	when      = directive.When
	scope     = directive.Scope
	must      = directive.Must
	fetch     = directive.Fetch
	place     = directive.Place
	send      = directive.Send
	secret    = directive.Secret
	cred      = directive.Credential
	private   = directive.Private
	param     = directive.Param
	reply     = directive.Reply
	address   = directive.Address
	dropFile  = directive.DropFile
	conceal   = directive.Conceal
	covert    = directive.Covert
	coerce    = directive.Coerce
	override  = directive.Override
	unguard   = directive.Unguard
	authority = directive.Authority
	marker    = directive.Marker
	template  = directive.Template
	addressee = directive.Addressee
	execute   = directive.Execute
	foreign   = directive.Foreign
	redirect  = directive.Redirect
	persist   = directive.Persist
	agent     = directive.Agent
	all       = directive.Everything
	mention   = directive.Mention
	hygiene   = directive.Hygiene
	negated   = directive.Negated
	setup     = directive.Setup
	render    = directive.Render
	leaks     = directive.Leaks
)

// rules is the table. The numbers are estimates from real tools and published attacks; the README has the figures.
var rules = []rule{
	{
		id: "secret-to-sink", class: "A1", severity: models.SeverityCritical, confidence: 0.9, reach: 1,
		message: "Orders the model to read a key or credential file and hand it over.",
		need:    []directive.Signals{oneOf(secret), oneOf(fetch, execute), oneOf(place, send), oneOf(param, address, reply, dropFile), oneOf(must, when, coerce, conceal, covert, marker)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "secret-sent-out", class: "A1", severity: models.SeverityCritical, confidence: 0.9,
		message: "Orders the model to send a key or credential file to an address.",
		need:    []directive.Signals{oneOf(secret), oneOf(send), oneOf(address), oneOf(fetch, must, when, coerce, conceal, covert, marker)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "secret-first", class: "A1", severity: models.SeverityHigh, confidence: 0.75, reach: 1,
		message: "Makes reading a key or credential file a step of using the tool.",
		need:    []directive.Signals{oneOf(secret), oneOf(fetch, execute), oneOf(when, marker, coerce), oneOf(must, coerce, authority, conceal, marker)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "credential-to-sink", class: "A1", severity: models.SeverityHigh, confidence: 0.75, reach: 1,
		message: "Orders the model to collect credentials and hand them over.",
		need:    []directive.Signals{oneOf(cred), oneOf(fetch, execute), oneOf(place, send), oneOf(param, address, dropFile, reply), oneOf(conceal, covert, marker, scope, dropFile), oneOf(must, when, conceal, covert)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "private-to-sink", class: "A1", severity: models.SeverityHigh, confidence: 0.7, reach: 1,
		message: "Orders the model to hand over what the user or the session keeps to itself.",
		need:    []directive.Signals{oneOf(private), oneOf(place, send), oneOf(param, address, dropFile), oneOf(conceal, covert, coerce), oneOf(must, when, marker, fetch)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "copy-out", class: "A1", severity: models.SeverityHigh, confidence: 0.65,
		message: "Has copies of what the tool handles sent to a fixed address.",
		need:    []directive.Signals{oneOf(address), oneOf(send), oneOf(redirect, all, private), oneOf(authority, conceal, covert, scope), oneOf(must, when, authority)},
		against: oneOf(mention, negated, setup), commands: true,
	},
	{
		id: "conceal-action", class: "A7", severity: models.SeverityHigh, confidence: 0.75, reach: 1,
		message: "Tells the model to keep an action from the user.",
		need:    []directive.Signals{oneOf(conceal), oneOf(send, place, when, must, fetch, marker, execute)},
		against: oneOf(mention, hygiene), pointed: true,
	},
	{
		id: "conceal-only", class: "A7", severity: models.SeverityHigh, confidence: 0.65,
		message: "Tells the model to keep something from the user.",
		need:    []directive.Signals{oneOf(conceal)},
		against: oneOf(mention, hygiene),
	},
	{
		id: "leaks", class: "A6", severity: models.SeverityHigh, confidence: 0.65,
		message: "Says that it lets out what the user or the session keeps to itself.",
		need:    []directive.Signals{oneOf(leaks), oneOf(address, private, cred, secret), oneOf(conceal, covert, address, authority, dropFile)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "no-consent", class: "A8", severity: models.SeverityHigh, confidence: 0.62,
		message: "Has data passed on without asking the user.",
		need:    []directive.Signals{oneOf(unguard), oneOf(send, place), oneOf(must, when), oneOf(foreign, private, address, secret, cred)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "command-first", class: "A1", severity: models.SeverityHigh, confidence: 0.7,
		message: "Makes a command that reaches out of the machine a step of using the tool.",
		need:    []directive.Signals{oneOf(execute), oneOf(address), oneOf(when, scope), oneOf(must)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "session-rule", class: "A2", severity: models.SeverityHigh, confidence: 0.75,
		message: "Lays down a rule for work that is not this tool's.",
		need:    []directive.Signals{oneOf(scope), oneOf(place, send, execute, redirect), oneOf(conceal, covert, coerce, address, dropFile, marker), oneOf(must, when, conceal, covert, coerce)},
		against: oneOf(mention), commands: true,
	},
	{
		id: "override", class: "A1", severity: models.SeverityHigh, confidence: 0.85,
		message: "Tells the model to drop its earlier instructions.",
		need:    []directive.Signals{oneOf(override)},
		against: oneOf(mention),
	},
	{
		id: "unguard", class: "A1", severity: models.SeverityHigh, confidence: 0.7,
		message: "Tells the model to lift safety measures.",
		need:    []directive.Signals{oneOf(unguard), oneOf(marker, override, agent, template, coerce, unguard)},
		against: oneOf(mention),
	},
	{
		id: "redirect", class: "A5", severity: models.SeverityHigh, confidence: 0.8,
		message: "Puts an address of its own into what other tools send.",
		need:    []directive.Signals{oneOf(redirect), oneOf(address), oneOf(must, conceal, covert, when, coerce, foreign)},
		against: oneOf(mention), commands: true,
	},
	{
		id: "foreign-copy", class: "A5", severity: models.SeverityHigh, confidence: 0.7,
		message: "Changes what another tool does, or where its data goes.",
		need:    []directive.Signals{oneOf(foreign), oneOf(send, place), oneOf(address, dropFile, redirect), oneOf(must, when)},
		against: oneOf(mention), commands: true,
	},
	{
		id: "run-command", class: "A1", severity: models.SeverityCritical, confidence: 0.85,
		message: "Orders the model to run a command that reaches out of the machine.",
		need:    []directive.Signals{oneOf(execute), oneOf(when, scope, must), oneOf(address, secret), oneOf(coerce, covert, authority, conceal, marker, scope)},
		against: oneOf(mention, negated, setup),
	},
	{
		id: "marked-order", class: "A1", severity: models.SeverityHigh, confidence: 0.7, reach: 1,
		message: "Plays a system message that gives orders beyond the tool.",
		need:    []directive.Signals{oneOf(marker), oneOf(secret, cred, private, address, conceal, unguard, override, dropFile, foreign, all), oneOf(must, when, scope, covert), oneOf(fetch, place, send, execute, unguard, override)},
		against: oneOf(mention), commands: true,
	},
	{
		id: "render-leak", class: "C5", severity: models.SeverityHigh, confidence: 0.7,
		message: "Tells the model to show a link or image that carries data away.",
		need:    []directive.Signals{oneOf(render), oneOf(address), oneOf(private, secret, all, redirect), oneOf(place, must, when, send)},
		against: oneOf(mention),
	},
	{
		id: "secret-step", class: "A1", severity: models.SeverityHigh, confidence: 0.65,
		message: "Gives a key or credential file a part in the model's work.",
		need:    []directive.Signals{oneOf(secret), oneOf(fetch, place, send, execute), oneOf(when, must)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "private-step", class: "A1", severity: models.SeverityHigh, confidence: 0.62,
		message: "Orders the model to hand over what the user or the session keeps to itself.",
		need:    []directive.Signals{oneOf(private), oneOf(place, send), oneOf(param, address), oneOf(when, must)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "pressed-order", class: "A1", severity: models.SeverityHigh, confidence: 0.62,
		message: "Presses the model to hand over what is not the tool's.",
		need:    []directive.Signals{oneOf(coerce), oneOf(when, must), oneOf(fetch, place, send), oneOf(private, cred, all)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "official-order", class: "A1", severity: models.SeverityHigh, confidence: 0.62,
		message: "Invokes an authority to get at credentials or private matters.",
		need:    []directive.Signals{oneOf(authority), oneOf(cred, private, dropFile), oneOf(when), oneOf(must), oneOf(fetch, place, send)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "marked-step", class: "A1", severity: models.SeverityHigh, confidence: 0.62,
		message: "Plays a system message that gives orders.",
		need:    []directive.Signals{oneOf(marker), oneOf(must, when), oneOf(fetch, place, send, execute)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "drop-file", class: "A1", severity: models.SeverityHigh, confidence: 0.62,
		message: "Has data put where anyone can pick it up.",
		need:    []directive.Signals{oneOf(dropFile), oneOf(place, send, fetch, execute), oneOf(when, must, scope)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "session-duty", class: "A2", severity: models.SeverityHigh, confidence: 0.62,
		message: "Lays down a duty for work that is not this tool's.",
		need:    []directive.Signals{oneOf(scope), oneOf(must), oneOf(place, send), oneOf(foreign, all, authority)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "step-ahead-of-others", class: "A2", severity: models.SeverityHigh, confidence: 0.62,
		message: "Puts itself ahead of other tools.",
		need:    []directive.Signals{oneOf(foreign), oneOf(when), oneOf(must), oneOf(coerce, authority, scope)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "foreign-argument", class: "A5", severity: models.SeverityHigh, confidence: 0.62,
		message: "Changes what another tool is given.",
		need:    []directive.Signals{oneOf(foreign), oneOf(redirect, address), oneOf(when, must)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "covert-action", class: "A7", severity: models.SeverityHigh, confidence: 0.62,
		message: "Has something done quietly.",
		need:    []directive.Signals{oneOf(covert), oneOf(place, send, fetch, execute)},
		against: oneOf(mention, negated, setup), described: true,
	},
	{
		id: "template-token", class: "B10", severity: models.SeverityHigh, confidence: 0.7,
		message: "Has a chat-template token with an order behind it.",
		need:    []directive.Signals{oneOf(template), oneOf(unguard, override, must, agent, secret, conceal, send)},
		against: oneOf(mention),
	},
}

// counter is evidence against a finding.
type counter struct {
	kind    string
	message string
	weight  float64 // by how much the confidence is lowered
}

// counters maps signals near a finding to what they say against it.
var counters = map[directive.Signal]counter{
	mention: {"mention", "The text speaks about such instructions, or gives an example.", 0.65},
	hygiene: {"secret_hygiene", "What is to be kept from the user is a value, not an action.", 0.65},
	negated: {"negated_access", "The text says that access does not happen.", 0.5},
	setup:   {"operator_setup", "The text tells the operator what to configure.", 0.5},
}

// amplifiers are signals that speak for any finding in whose reach they stand: each takes a share of the doubt away.
var amplifiers = oneOf(conceal, covert, coerce, override, unguard, marker, scope, dropFile, authority)

const (
	doubtLeft      = 0.75 // of the doubt, per amplifier
	doubtIfHidden  = 0.4  // of the doubt, if the text was hidden
	minConfidence  = 0.3  // below, a finding is not reported
	firmConfidence = 0.6  // below, a finding is at most of medium severity
	documentShare  = 0.9  // of the confidence of orders about secrets outside definitions: run-books speak of key files, too
	maxReachBytes  = 700  // signals farther apart do not belong together, whatever the punctuation
	maxReach       = 1    // sentences, see rule.reach
	maxPlaces      = 64   // places where a rule holds that are compared in one text
)
