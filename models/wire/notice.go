package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/aad6b6dc/taster/models"
)

// maxNoticeBytes limits the small messages: epochs, feedback, the description of an oversize object.
const maxNoticeBytes = 256 << 10

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func tenantOf(e *models.Event) string { return cmp.Or(e.Tenant, models.DefaultTenant) }

// maxKeptBytes is the largest body that a rejection can keep: as base64 it takes a third more, beside everything else.
const maxKeptBytes = (MaxPayloadBytes - maxNoticeBytes) / 4 * 3

// EncodeRejection makes the message that keeps an input nobody could read, also as the reply to a check. A body that
// would not fit the bus is left out; digest and length remain. The error is an [*Error].
func EncodeRejection(r *models.Rejection) (Message, error) {
	kept := *r
	if len(kept.Body) > maxKeptBytes {
		kept.Body = nil
	}
	return encodeNotice(&kept, r.Tenant, RejectedSubject(r.Tenant), TypeRejection,
		models.Hash("rejection", r.Tenant, r.Subject, itoa(r.Sequence), r.RawDigest, formatTime(r.Time)),
		header{"ce-time", formatTime(r.Time)}, header{"ce-reason", r.Reason})
}

// DecodeRejection reads a rejection. The error is an [*Error].
func DecodeRejection(m Message) (models.Rejection, error) {
	r, err := decodeNotice[models.Rejection](m, "rejection", TypeRejection, MaxPayloadBytes)
	if err != nil {
		return models.Rejection{}, err
	}
	return r, about(m.Subject, RejectedSubject(r.Tenant))
}

// EncodeEpoch makes the message that announces an epoch. The error is an [*Error].
func EncodeEpoch(n *models.EpochNotice) (Message, error) {
	return encodeNotice(n, n.Tenant, EpochSubject(n.Tenant), TypeEpoch,
		models.Hash("epoch", n.Tenant, n.Epoch, n.Previous, formatTime(n.Time)),
		header{"ce-time", formatTime(n.Time)})
}

// DecodeEpoch reads the announcement of an epoch. The error is an [*Error].
func DecodeEpoch(m Message) (models.EpochNotice, error) {
	n, err := decodeNotice[models.EpochNotice](m, "epoch", TypeEpoch, maxNoticeBytes)
	if err != nil {
		return models.EpochNotice{}, err
	}
	return n, about(m.Subject, EpochSubject(n.Tenant))
}

// EncodeFeedback makes the message that publishes a person's word on a verdict. The error is an [*Error].
func EncodeFeedback(f *models.Feedback) (Message, error) {
	if err := f.Validate(); err != nil {
		return Message{}, invalid(err)
	}
	return encodeNotice(f, f.Tenant, FeedbackSubject(f.Tenant, f.VerdictID), TypeFeedback,
		models.Hash("feedback", f.Tenant, f.VerdictID, f.Owner, strconv.FormatBool(f.Confirmed), f.Reason, formatTime(f.Time)),
		header{"ce-time", formatTime(f.Time)})
}

// DecodeFeedback reads feedback. Its tenant is the subject's. The error is an [*Error].
func DecodeFeedback(m Message) (models.Feedback, error) {
	f, err := decodeNotice[models.Feedback](m, "feedback", TypeFeedback, maxNoticeBytes)
	if err != nil {
		return models.Feedback{}, err
	}
	parts, err := subjectTokens(m.Subject, prefixFeedback, 2)
	if err != nil {
		return models.Feedback{}, err
	}
	if f.Tenant, err = plainToken("tenant", parts[0]); err != nil {
		return models.Feedback{}, err
	}
	if err := f.Validate(); err != nil {
		return models.Feedback{}, invalid(err)
	}
	return f, nil
}

// DeepJob asks the deep detectors to finish a verdict.
type DeepJob struct {
	Event   models.Event
	Verdict models.Verdict // revision 1
}

type deepJobJSON struct {
	Event   json.RawMessage `json:"event"`
	Verdict json.RawMessage `json:"verdict"`
}

// EncodeDeepJob makes the message that stores a job for the deep detectors. The error is an [*Error].
func EncodeDeepJob(j *DeepJob) (Message, error) {
	verdict, err := EncodeVerdict(&j.Verdict)
	if err != nil {
		return Message{}, err
	}
	var buf bytes.Buffer
	buf.WriteString(`{"verdict":`)
	buf.Write(verdict.Data)
	buf.WriteString(`,"event":`)
	data, err := j.Event.AppendJSON(buf.Bytes())
	if err != nil {
		return Message{}, invalid(err)
	}
	s := j.Verdict.Subject
	return newMessage(DeepSubject(s.Tenant), TypeDeepJob, "deep/"+j.Verdict.Key(), []header{
		{"ce-id", "deep/" + j.Verdict.Key()},
		{"ce-source", source(s.Tenant, s.Server)},
		{"ce-subject", LastKey(s)},
		{"ce-time", formatTime(j.Verdict.Time)},
		{"ce-schemaversion", EventSchemaVersion},
	}, append(data, '}'))
}

// DecodeDeepJob reads a job for the deep detectors. The error is an [*Error].
func DecodeDeepJob(m Message) (DeepJob, error) {
	if _, err := expect(&m, TypeDeepJob); err != nil {
		return DeepJob{}, err
	}
	var form deepJobJSON
	if err := unmarshal("deep job", m.Data, MaxPayloadBytes, &form); err != nil {
		return DeepJob{}, err
	}
	e, err := UnmarshalEvent(form.Event)
	if err != nil {
		return DeepJob{}, err
	}
	v, err := DecodeVerdict(Message{Data: form.Verdict})
	if err != nil {
		return DeepJob{}, err
	}
	return DeepJob{Event: e, Verdict: v}, about(m.Subject, DeepSubject(v.Subject.Tenant))
}

func encodeNotice(v any, tenant, subject, typ, messageID string, attributes ...header) (Message, error) {
	if _, err := sentTenant(tenant); err != nil {
		return Message{}, err
	}
	data, err := marshal(v)
	if err != nil {
		return Message{}, invalid(err)
	}
	return newMessage(subject, typ, messageID, append(attributes,
		header{"ce-id", messageID}, header{"ce-source", "taster/" + EscapeToken(tenant)}, header{"ce-schemaversion", EventSchemaVersion},
	), data)
}

func decodeNotice[T any](m Message, what, typ string, limit int) (T, error) {
	var v T
	if _, err := expect(&m, typ); err != nil {
		return v, err
	}
	err := unmarshal(what, m.Data, limit, &v)
	return v, err
}
