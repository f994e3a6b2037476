// Package rpc turns JSON-RPC frames, and anything that someone may have saved of them, into events. Objects stay
// verbatim: an event's body is a slice of the frame's bytes.
//
// # What becomes what
//
//	frame                                        event                       object
//	result of tools/list, prompts/list,          tool, prompt, resource:     as named in the entry
//	  resources/list, resources/templates/list     one for each entry
//	  other members of such a result (_meta)     instructions: the value     <method>#<member>
//	result of initialize, server/discover        instructions: the result    the method
//	result of any other method                   tool_result: the result     what was asked for, else the method
//	  inputRequests inside a result              as the requests they hold
//	error                                        tool_result: the error      as for a result
//	params of sampling/createMessage             sampling
//	params of elicitation/create                 elicitation
//	results of these two (the client's answer)   the same kind, client to server
//	params of tools/call, prompts/get,           tool_call                   the tool, the prompt, the URI
//	  resources/read, and methods not listed
//	notification with params                     notification: the message   the method
//
// Housekeeping that carries nothing for a model (ping, the requests behind lists, subscriptions, log levels) becomes
// no event. Prompts fetched and resources read are tool_result and not prompt or resource, because they are run-time
// content that nobody can pin.
//
// JSON parsers disagree about duplicate members, so every occurrence counts, in any letter case: a second "tools" or
// "result" hides nothing. What is offered in one frame is one catalogue.
package rpc
