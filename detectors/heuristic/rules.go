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
	// commands is set if the combination is ordinary where a person or a prompt gives the orders.
	commands bool
}

// One set of signals, for the table.
func any(signals ...directive.Signal) directive.Signals { return directive.Of(signals...) }

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
		need:    []directive.Signals{any(secret), any(fetch, execute), any(place, send), any(param, address, reply, dropFile), any(must, when, coerce, conceal, covert, marker)},
		against: any(mention, negated, setup),
	},
	{
		id: "secret-sent-out", class: "A1", severity: models.SeverityCritical, confidence: 0.9,
		message: "Orders the model to send a key or credential file to an address.",
		need:    []directive.Signals{any(secret), any(send), any(address), any(fetch, must, when, coerce, conceal, covert, marker)},
		against: any(mention, negated, setup),
	},
	{
		id: "secret-first", class: "A1", severity: models.SeverityHigh, confidence: 0.75, reach: 1,
		message: "Makes reading a key or credential file a step of using the tool.",
		need:    []directive.Signals{any(secret), any(fetch, execute), any(when, marker, coerce), any(must, coerce, authority, conceal, marker)},
		against: any(mention, negated, setup),
	},
	{
		id: "secret-order", class: "A1", severity: models.SeverityHigh, confidence: 0.65,
		message: "Orders the model to put a key or credential file into its work.",
		need:    []directive.Signals{any(secret), any(fetch), any(place, send), any(must, when, reply, address, param)},
		against: any(mention, negated, setup),
	},
	{
		id: "credential-to-sink", class: "A1", severity: models.SeverityHigh, confidence: 0.75, reach: 1,
		message: "Orders the model to collect credentials and hand them over.",
		need:    []directive.Signals{any(cred), any(fetch, execute), any(place, send), any(param, address, dropFile, reply), any(conceal, covert, marker, scope, dropFile), any(must, when, conceal, covert)},
		against: any(mention, negated, setup),
	},
	{
		id: "private-to-sink", class: "A1", severity: models.SeverityHigh, confidence: 0.7, reach: 1,
		message: "Orders the model to hand over what the user or the session keeps to itself.",
		need:    []directive.Signals{any(private), any(place, send), any(param, address, dropFile), any(conceal, covert, coerce), any(must, when, marker, fetch)},
		against: any(mention, negated, setup),
	},
	{
		id: "copy-out", class: "A1", severity: models.SeverityHigh, confidence: 0.65,
		message: "Has copies of what the tool handles sent to a fixed address.",
		need:    []directive.Signals{any(address), any(send), any(redirect, all, private), any(authority, conceal, covert, scope), any(must, when, authority)},
		against: any(mention, negated, setup), commands: true,
	},
	{
		id: "conceal-action", class: "A7", severity: models.SeverityHigh, confidence: 0.75, reach: 1,
		message: "Tells the model to keep an action from the user.",
		need:    []directive.Signals{any(conceal), any(send, place, when, must, fetch, marker, execute)},
		against: any(mention, hygiene),
	},
	{
		id: "conceal-only", class: "A7", severity: models.SeverityHigh, confidence: 0.65,
		message: "Tells the model to keep something from the user.",
		need:    []directive.Signals{any(conceal)},
		against: any(mention, hygiene),
	},
	{
		id: "leaks", class: "A6", severity: models.SeverityHigh, confidence: 0.65,
		message: "Says that it lets out what the user or the session keeps to itself.",
		need:    []directive.Signals{any(leaks), any(address, private, cred, secret), any(conceal, covert, address, authority, dropFile)},
		against: any(mention, negated, setup),
	},
	{
		id: "no-consent", class: "A8", severity: models.SeverityHigh, confidence: 0.62,
		message: "Has data passed on without asking the user.",
		need:    []directive.Signals{any(unguard), any(send, place), any(must, when), any(foreign, private, address, secret, cred)},
		against: any(mention, negated, setup),
	},
	{
		id: "command-first", class: "A1", severity: models.SeverityHigh, confidence: 0.7,
		message: "Makes a command that reaches out of the machine a step of using the tool.",
		need:    []directive.Signals{any(execute), any(address), any(when, scope), any(must)},
		against: any(mention, negated, setup),
	},
	{
		id: "private-order", class: "A1", severity: models.SeverityHigh, confidence: 0.61,
		message: "Orders the model to hand over what the user or the session keeps to itself.",
		need:    []directive.Signals{any(private), any(place, send), any(param, address), any(when), any(must), any(all, foreign, authority)},
		against: any(mention, negated, setup),
	},
	{
		id: "session-rule", class: "A2", severity: models.SeverityHigh, confidence: 0.75,
		message: "Lays down a rule for work that is not this tool's.",
		need:    []directive.Signals{any(scope), any(place, send, execute, redirect), any(conceal, covert, coerce, address, dropFile, marker), any(must, when, conceal, covert, coerce)},
		against: any(mention), commands: true,
	},
	{
		id: "override", class: "A1", severity: models.SeverityHigh, confidence: 0.85,
		message: "Tells the model to drop its earlier instructions.",
		need:    []directive.Signals{any(override)},
		against: any(mention),
	},
	{
		id: "unguard", class: "A1", severity: models.SeverityHigh, confidence: 0.7,
		message: "Tells the model to lift safety measures.",
		need:    []directive.Signals{any(unguard), any(marker, override, agent, template, coerce, unguard)},
		against: any(mention),
	},
	{
		id: "redirect", class: "A5", severity: models.SeverityHigh, confidence: 0.8,
		message: "Puts an address of its own into what other tools send.",
		need:    []directive.Signals{any(redirect), any(address), any(must, conceal, covert, when, coerce, foreign)},
		against: any(mention), commands: true,
	},
	{
		id: "foreign-copy", class: "A5", severity: models.SeverityHigh, confidence: 0.7,
		message: "Changes what another tool does, or where its data goes.",
		need:    []directive.Signals{any(foreign), any(send, place), any(address, dropFile, redirect), any(must, when)},
		against: any(mention), commands: true,
	},
	{
		id: "run-command", class: "A1", severity: models.SeverityCritical, confidence: 0.85,
		message: "Orders the model to run a command that reaches out of the machine.",
		need:    []directive.Signals{any(execute), any(when, scope, must), any(address, secret), any(coerce, covert, authority, conceal, marker, scope)},
		against: any(mention, negated, setup),
	},
	{
		id: "marked-order", class: "A1", severity: models.SeverityHigh, confidence: 0.7, reach: 1,
		message: "Plays a system message that gives orders beyond the tool.",
		need:    []directive.Signals{any(marker), any(secret, cred, private, address, conceal, unguard, override, dropFile, foreign, all), any(must, when, scope, covert), any(fetch, place, send, execute, unguard, override)},
		against: any(mention), commands: true,
	},
	{
		id: "render-leak", class: "C5", severity: models.SeverityHigh, confidence: 0.7,
		message: "Tells the model to show a link or image that carries data away.",
		need:    []directive.Signals{any(render), any(address), any(private, secret, all, redirect), any(place, must, when, send)},
		against: any(mention),
	},
	{
		id: "template-token", class: "B10", severity: models.SeverityHigh, confidence: 0.7,
		message: "Has a chat-template token with an order behind it.",
		need:    []directive.Signals{any(template), any(unguard, override, must, agent, secret, conceal, send)},
		against: any(mention),
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
var amplifiers = any(conceal, covert, coerce, override, unguard, marker, scope, dropFile, authority)

const (
	doubtLeft      = 0.75 // of the doubt, per amplifier
	doubtIfHidden  = 0.4  // of the doubt, if the text was hidden
	minConfidence  = 0.3  // below, a finding is not reported
	firmConfidence = 0.6  // below, a finding is at most of medium severity
	documentShare  = 0.9  // of the confidence of orders about secrets outside definitions: run-books speak of key files, too
	maxReachBytes  = 700  // signals farther apart do not belong together, whatever the punctuation
	maxAnchors     = 64   // places of a rule's first signal that are tried in one text
)
