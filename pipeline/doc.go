// Package pipeline holds no code, but the promises that its packages keep together. Where code enforces one it cites
// it, as in "Invariant 3: ...".
//
//  1. Stored, then acknowledged. The bus hears that an event is done only once its verdict, and the job for the deep
//     detectors if there is one, are stored.
//  2. One answer each. An accepted event ends in exactly one verdict per epoch and revision, the last of them marked
//     final. Being delivered again changes nothing.
//  3. Three outcomes, never two. What was not inspected is never shown, scored, cached or reported by an exit code as
//     clean; a verdict names each detector that did not inspect the event, and why.
//  4. Nothing vanishes. Unreadable input is kept in the rejected stream with its reason, and a full input stream
//     refuses new events, so that publishers feel the pressure.
//  5. Detectors are contained. None can crash, stall or starve the engine or another detector: each runs under a
//     deadline and size limits, in a process that is restarted. No event can switch a detector off for other events.
//  6. Detectors hold no secrets that they were not given. Environment, arguments and descriptors carry none; a
//     detector's configuration is the only way in.
//  7. Evidence points at what the peer sent. Whatever view something was found in, its raw offsets are bytes of the
//     body as it came.
//  8. The deep detectors can raise a decision or explain it, never lower it: a text under judgement can't talk its way
//     out.
//  9. The same bytes in the same context in the same epoch have the same outcome, byte for byte, apart from times and
//     ids. Revisions by deep detectors are excepted.
//  10. Nothing leaves the machine unless the configuration says where to.
//  11. Little is kept. Verdicts hold positions; excerpts are short, masked, and for definitions only unless configured.
//     Events are gone once acknowledged, the rejected stream keeps digest, length and reason, and every stream is
//     bounded in age and in bytes. Known texts alone have no age, but a bound on their number; they are published masked.
//  12. Nobody is believed unsigned. What detectors know changes over the bus only by a change that a key of the
//     configuration signed; the newest holds, so that old ones put back undo nothing, and what is refused stops nothing.
package pipeline
