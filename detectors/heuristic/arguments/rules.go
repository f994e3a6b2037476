package arguments

import (
	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

func rule(id string, class models.Class, confidence float64, message string) *check.Rule {
	return &check.Rule{
		ID: id, Version: version, Class: class, Severity: models.SeverityHigh, Confidence: confidence, Message: message,
	}
}

var (
	shellInValue    = rule("shell-in-value", "D1", 0.75, "A value ends early and goes on with a command of its own.")
	optionInValue   = rule("option-in-value", "D1", 0.7, "A value is an option that makes the program behind the tool run or load something.")
	codeInValue     = rule("code-in-value", "D1", 0.75, "A value is code that starts a process or loads other code.")
	commandVariable = rule("command-variable", "D1", 0.65, "A setting makes a program run or load something whenever it starts.")
	formulaInValue  = rule("formula-in-value", "D1", 0.7, "A cell is a formula that starts a program or sends data away.")
	harmfulCommand  = rule("harmful-command", "D1", 0.65, "A command opens a way out of the machine, hides its traces or runs what it just downloaded.")

	pathTraversal = rule("path-traversal", "D2", 0.75, "A path climbs out of the folder that it begins in.")
	sensitivePath = rule("sensitive-path", "D2", 0.7, "A path leads to a place of the system that is not the tool's business.")
	secretStore   = rule("secret-store-path", "D6", 0.7, "A path leads to a store of keys, passwords or tokens.")

	metadataAddress  = rule("metadata-address", "D3", 0.85, "An address is that of the cloud's metadata service, which gives out credentials.")
	disguisedAddress = rule("disguised-address", "D3", 0.75, "An address inside the network is spelled so that filters miss it.")
	internalService  = rule("internal-service", "D3", 0.65, "An address leads to the administration of a service inside the network.")
	oddScheme        = rule("odd-scheme", "D3", 0.65, "An address has a scheme that makes the fetching program speak to something other than a web server.")

	queryBreakout = rule("query-breakout", "D4", 0.75, "A value ends the query's string and goes on with a query of its own.")
	queryEffect   = rule("query-effect", "D4", 0.7, "A query runs programs, writes files or destroys data behind a read.")
	queryOperator = rule("query-operator", "D4", 0.65, "A filter compares a secret field by pattern or inequality, which guesses it.")
	queryBatch    = rule("query-batch", "D4", 0.65, "A query repeats one operation under many names, which gets around limits on guessing.")
	templateCode  = rule("template-code", "D4", 0.75, "A value is a template that reaches into the program that renders it.")

	prototypeMember = rule("prototype-member", "D7", 0.8, "A member changes what all objects of the program behind it are made from.")
	duplicateMember = rule("duplicate-member", "D7", 0.7, "Two members have the same name or names that look the same, so that readers take different ones.")
	hiddenMessage   = rule("hidden-message", "D7", 0.7, "A message of the protocol, or a part of one, stands where plain data belongs.")
	headerMismatch  = rule("header-mismatch", "D7", 0.8, "A header that is repeated in the call says something other than the call.")
	contradiction   = rule("contradiction", "D7", 0.7, "A result says that two values match which differ, so that its readers act on different ones.")
	headerInValue   = rule("header-in-value", "D7", 0.7, "A value brings a line break and a header of its own into the message that it is put in.")
	forgedState     = rule("forged-state", "D7", 0.65, "A state that only the server may make up holds readable claims, such as that something was approved.")
	guardOff        = rule("guard-off", "D7", 0.65, "A member beside the arguments switches off a check or claims a right.")

	harvestCommand = rule("harvest-command", "D6", 0.7, "A call prints or collects keys, passwords, tokens or the whole environment.")
	harvestText    = rule("harvest-text", "D6", 0.65, "A text has stores of credentials emptied into a parameter, an answer or an address.")
	formSecret     = rule("form-asks-secret", "D6", 0.6, "A form asks for a password, a token or a recovery phrase, which the protocol keeps out of forms.")

	secretOut     = rule("secret-in-value", "D5", 0.7, "A key, a password or a card number goes to a tool that has no use for it.")
	dataInHost    = rule("data-in-host", "D5", 0.7, "The labels of a host name spell data, which looking the name up gives away.")
	confidenceOut = rule("confidence-in-value", "D5", 0.65, "Private or confidential matters go along in a value where they have no business.")

	foreignObject = rule("foreign-object", "D8", 0.65, "A call asks for an object, a tenant or a handle that is not among the caller's own.")
	unsignedToken = rule("unsigned-token", "D8", 0.7, "A token says of itself that nobody signed it.")
	noConsent     = rule("no-consent-given", "D8", 0.65, "A call says of itself that the person concerned did not allow it.")
	publicCache   = rule("public-cache", "D8", 0.65, "A result about one person is to be cached for everybody.")
	boundlessAct  = rule("boundless-act", "D9", 0.65, "A call that can't be undone goes further than what was asked for, or acts on hearsay.")

	sweepingOrder = rule("sweeping-order", "D9", 0.65, "A result wants a tool that can't be undone called on everything, unasked.")
	foreignOrder  = rule("foreign-order", "D8", 0.65, "A result wants a tool called on what belongs to somebody else.")

	foreignAccess = rule("foreign-access", "D8", 0.65, "A text tells how to get at what belongs to others, which nobody checks.")

	valueFromResult = rule("attack-value-in-result", "D1", 0.65, "A result wants a value passed to a tool that carries an attack.")
)

var rules = []*check.Rule{
	shellInValue, optionInValue, codeInValue, commandVariable, formulaInValue, harmfulCommand,
	pathTraversal, sensitivePath, secretStore,
	metadataAddress, disguisedAddress, internalService, oddScheme,
	queryBreakout, queryEffect, queryOperator, queryBatch, templateCode,
	prototypeMember, duplicateMember, hiddenMessage, headerMismatch, contradiction, headerInValue, forgedState, guardOff,
	harvestCommand, harvestText, formSecret,
	secretOut, dataInHost, confidenceOut,
	foreignObject, unsignedToken, noConsent, publicCache,
	boundlessAct,
	sweepingOrder, foreignOrder, foreignAccess,
	valueFromResult,
}
