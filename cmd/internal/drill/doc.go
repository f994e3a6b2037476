// Package drill breaks a whole Taster on purpose and counts what that costs. It has no code of its own.
//
// Each test runs everything for real: a NATS server, engines, plugin processes and the client that gateways use, in
// processes of their own where the drill is to kill them. Whatever is broken, three counts have to be 0: events without
// a final verdict, verdicts that come twice, and events that pass for inspected although they were not.
package drill
