// Package stream is JetStream in and out: it takes what gateways publish, has the engine judge it, and stores verdicts.
// [Provision] makes the streams, a [Runner] works on them. Several runners may share the same streams.
//
// # The order of things
//
// A message is fetched; decoded, or its rejection stored; its catalogue stored; its events judged; its verdicts, alerts
// and deep jobs stored while the last verdict on its object is replaced; and only then is it acknowledged. Whatever breaks on
// the way, the message comes again, and everything that was stored before drops out as a duplicate.
//
// # Invariants
//
// The numbers are those of package pipeline; here is where each is kept.
//
//	1  An event is acked only after its verdict, and any deep job, is stored: worker.finish, deep.
//	2  Every event ends in exactly one verdict per epoch and revision, and in a final one: ids come from the event's
//	   place or the gateway (wire.EventID), messages carry them for the server to drop duplicates, and the last verdict
//	   is replaced by compare-and-set (register). What never gets an answer ends in backstop.
//	3  "Not inspected" is never clean: the last delivery of an event gets the engine's not-inspected verdict, never
//	   silence (worker.judge).
//	4  An input that can't be read is kept with its reason (worker.reject), and the input streams refuse when full
//	   (Provision). An output that can't be stored is tried until it is (outbox): the input waits, nothing is lost.
//	11 Every stream has an age and a size (Provision); the bucket of known texts has a size and a number (Indicators).
//	12 A change of what is known counts if a trusted key signed it and none that is newer came before, here or in an
//	   earlier life (learner.examine, ledger); a key that is trusted no more takes along what it vouched for (learner.disown).
package stream
