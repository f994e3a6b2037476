// Package engine turns events into verdicts. It is a plain function with a memory: [Engine.Judge] takes jobs and
// returns one judgement for each, and knows nothing of NATS, files or plugins.
//
// A job's way: the event is normalised and validated; each fast detector's outcome is looked up in the cache; what is
// missing is taken apart into a document once and offered to the detectors, all at once, in batches; findings are
// resolved to bytes of the body; [Fusion] makes one [Risk] of them and [TenantPolicy.Decide] one decision. What policy
// wants a second opinion on goes through [Engine.Deepen] later.
//
// The engine owns deadlines, retries, recovery, time and counts, so that detectors hold none of that. It starts no
// goroutine that outlives a call, except for an in-process detector that ignores its deadline, and needs no closing.
package engine
