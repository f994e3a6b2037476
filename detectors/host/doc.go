// Package host finds, verifies, launches and supervises plugin processes, and hands out what runs in them as plain
// detectors.
//
// # What a plugin gets
//
// A process group of its own; an environment of PATH, LANG, TMPDIR and what the handshake needs; a standard input that
// never carries data and ends when the host does; no other descriptor than its own executable. Every file that its
// source lists is compared with its SHA-256 before each launch, and on Linux the executable that runs is the very file
// that was hashed, whatever its path names by then. Somebody who may write to a listed file *in place* can still win
// the race between check and use, as can somebody who may write to a script: install plugins where their user can't
// write.
//
// A plugin is not contained any further: it has the files and the network of the user that it runs as. Source.User
// names another one.
//
// # What becomes of a process
//
// A process that dies is replaced by a new one at once, if it died over a call or had served before. One that can't be
// launched, does not answer the probe or dies without having served is tried again with exponential delay; after
// Options.MaxFailures in a row the circuit is open, and calls fail at once with detectors.CodeCircuitOpen until an
// attempt succeeds. A process that lets Options.MaxOverruns calls pass their deadline without any answer is taken for
// stuck and replaced.
//
// Detect of a remote detector waits for the replacement as long as its context allows. Its errors are always
// [*detectors.Error]:
//
//	CodeUnavailable, no RetryAfter   the process died during this call
//	CodeUnavailable with RetryAfter  no process was there to be asked
//	CodeCircuitOpen with RetryAfter  the process keeps failing to start
//	CodeDeadline                     no answer within the context and Spec.Deadline
//	CodeTooLarge                     an event with its views, or the answer, is over the line's limits
//	CodeBadAnswer                    the answer is not one: wrong count, an invalid outcome, garbage
//	CodeInternal, CodeOverloaded     the detector's own word
package host
