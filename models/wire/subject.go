package wire

import (
	"strings"

	"github.com/aad6b6dc/taster/models"
)

const (
	prefixEvents   = "taster.events."
	prefixFrames   = "taster.rpc."
	prefixCheck    = "taster.check."
	prefixVerdicts = "taster.verdicts."
	prefixAlerts   = "taster.alerts."
	prefixRejected = "taster.rejected."
	prefixDeep     = "taster.deep."
	prefixEpochs   = "taster.epochs."
	prefixFeedback = "taster.feedback."
	prefixRescore  = "taster.rescore."
)

func tokens(names ...string) string {
	escaped := make([]string, len(names))
	for i, n := range names {
		escaped[i] = EscapeToken(n)
	}
	return strings.Join(escaped, ".")
}

// EventSubject is where a gateway publishes one MCP object: taster.events.<tenant>.<server>.<kind>.
func EventSubject(tenant, server string, kind models.Kind) string {
	return prefixEvents + tokens(tenant, server, string(kind))
}

// FrameSubject is where a gateway publishes a raw JSON-RPC frame: taster.rpc.<tenant>.<server>.
func FrameSubject(tenant, server string) string { return prefixFrames + tokens(tenant, server) }

// CheckSubject is where a gateway requests a verdict and waits: taster.check.<tenant>. Server and kind are in the headers.
func CheckSubject(tenant string) string { return prefixCheck + tokens(tenant) }

// VerdictSubject is where a verdict is published: taster.verdicts.<tenant>.<server>.<kind>.<object>.
func VerdictSubject(s models.Subject) string {
	return prefixVerdicts + tokens(s.Tenant, s.Server, string(s.Kind), s.Object)
}

// AlertSubject is where a flagged verdict, or a change away from one, is published:
// taster.alerts.<tenant>.<decision>.<server>.<kind>.<object>.
func AlertSubject(d models.Decision, s models.Subject) string {
	return prefixAlerts + tokens(s.Tenant, string(d), s.Server, string(s.Kind), s.Object)
}

// RejectedSubject is where inputs that can't be read are kept: taster.rejected.<tenant>.
func RejectedSubject(tenant string) string { return prefixRejected + tokens(tenant) }

// DeepSubject is where jobs for the deep detectors are stored: taster.deep.<tenant>.
func DeepSubject(tenant string) string { return prefixDeep + tokens(tenant) }

// EpochSubject is where a new epoch is announced: taster.epochs.<tenant>.
func EpochSubject(tenant string) string { return prefixEpochs + tokens(tenant) }

// FeedbackSubject is where a person's word on a verdict is published: taster.feedback.<tenant>.<verdict_id>.
func FeedbackSubject(tenant, verdictID string) string {
	return prefixFeedback + tokens(tenant, verdictID)
}

// RescoreSubject is where an operator requests that the live definitions are judged again: taster.rescore.<tenant>.
func RescoreSubject(tenant string) string { return prefixRescore + tokens(tenant) }

// LastKey is the object's key in the tenant's buckets of last verdicts and live definitions: <server>.<kind>.<object>,
// the tokens of its verdict subject.
func LastKey(s models.Subject) string { return tokens(s.Server, string(s.Kind), s.Object) }

// Stream names a JetStream stream and the subjects that it stores.
type Stream struct {
	Name     string
	Subjects []string
}

func stream(name, tenant string, prefixes ...string) Stream {
	s := Stream{Name: "TASTER_" + name + "_" + EscapeToken(tenant)}
	for _, p := range prefixes {
		s.Subjects = append(s.Subjects, p+EscapeToken(tenant))
	}
	return s
}

func (s Stream) below() Stream {
	for i := range s.Subjects {
		s.Subjects[i] += ".>"
	}
	return s
}

// EventStream is the tenant's input: events and frames, a work queue.
func EventStream(tenant string) Stream {
	return stream("EVENTS", tenant, prefixEvents, prefixFrames).below()
}

// VerdictStream is the tenant's verdicts, every revision.
func VerdictStream(tenant string) Stream { return stream("VERDICTS", tenant, prefixVerdicts).below() }

// AlertStream is the tenant's alerts.
func AlertStream(tenant string) Stream { return stream("ALERTS", tenant, prefixAlerts).below() }

// RejectedStream is what the tenant sent and nobody could read.
func RejectedStream(tenant string) Stream { return stream("REJECTED", tenant, prefixRejected) }

// DeepStream is the tenant's jobs for the deep detectors, a work queue.
func DeepStream(tenant string) Stream { return stream("DEEP", tenant, prefixDeep) }

// NoticeStream is the tenant's announcements of epochs and its feedback.
func NoticeStream(tenant string) Stream {
	s := stream("NOTICES", tenant, prefixEpochs, prefixFeedback)
	s.Subjects[1] += ".>"
	return s
}

// LastBucket holds the last verdict on each object by [LastKey].
func LastBucket(tenant string) string { return bucket("LAST", tenant) }

// LiveBucket holds the last definition of each object, in its JSON form, by [LastKey].
func LiveBucket(tenant string) string { return bucket("LIVE", tenant) }

// CatalogueBucket holds catalogues by [CatalogueKey].
func CatalogueBucket(tenant string) string { return bucket("CATALOGUES", tenant) }

func bucket(name, tenant string) string { return "TASTER_" + name + "_" + escape(tenant, bucketMark) }

// CatalogueKey is the key of a catalogue with the given digest: a KV key takes no colon.
func CatalogueKey(digest string) string { return EscapeToken(digest) }

// Durable consumers.
const (
	EngineDurable  = "engine"  // the engine on the event stream
	DeepDurable    = "deep"    // the engine on the deep stream
	GatewayDurable = "gateway" // the gateway on the verdict stream, unless the configuration names others
)

// Filter selects verdicts and alerts. A zero field selects everything.
type Filter struct {
	Server string
	Kind   models.Kind
	Object string
}

func (f Filter) tokens() string {
	names := []string{f.Server, string(f.Kind), f.Object}
	for i, n := range names {
		names[i] = "*"
		if n != "" {
			names[i] = EscapeToken(n)
		}
	}
	return strings.Join(names, ".")
}

// Verdicts is the subject filter on the tenant's verdicts.
func (f Filter) Verdicts(tenant string) string {
	return prefixVerdicts + EscapeToken(tenant) + "." + f.tokens()
}

// Alerts is the subject filters on the tenant's alerts with one of the decisions, or with any if none is given.
func (f Filter) Alerts(tenant string, decisions ...models.Decision) []string {
	prefix := prefixAlerts + EscapeToken(tenant) + "."
	if len(decisions) == 0 {
		return []string{prefix + "*." + f.tokens()}
	}
	filters := make([]string, len(decisions))
	for i, d := range decisions {
		filters[i] = prefix + EscapeToken(string(d)) + "." + f.tokens()
	}
	return filters
}

// Keys is the key filter on the buckets of last verdicts and live definitions.
func (f Filter) Keys() string { return f.tokens() }
