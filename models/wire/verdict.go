package wire

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

// EncodeVerdict makes the message that publishes v on its object's subject. A verdict above [models.MaxVerdictBytes]
// is cut: long lists of skipped parts first, then the lowest-ranked findings, then evidence; what is left out is
// counted in it. v itself is not changed. The error is an [*Error].
func EncodeVerdict(v *models.Verdict) (Message, error) {
	return encodeVerdict(v, TypeVerdict, VerdictSubject(v.Subject), v.Key())
}

// EncodeAlert makes the message that publishes v as an alert. Its message id differs from the verdict's.
func EncodeAlert(v *models.Verdict) (Message, error) {
	return encodeVerdict(v, TypeAlert, AlertSubject(v.Decision, v.Subject), "alert/"+v.Key())
}

func encodeVerdict(v *models.Verdict, typ, subject, messageID string) (Message, error) {
	if err := v.Validate(); err != nil {
		return Message{}, invalid(err)
	}
	if _, err := sentTenant(v.Subject.Tenant); err != nil {
		return Message{}, err
	}
	data, err := marshalVerdict(v)
	if err != nil {
		return Message{}, err
	}
	return newMessage(subject, typ, messageID, []header{
		{"ce-id", v.Key()},
		{"ce-source", source(v.Subject.Tenant, v.Subject.Server)},
		{"ce-subject", LastKey(v.Subject)},
		{"ce-time", formatTime(v.Time)},
		{"ce-decision", string(v.Decision)},
		{"ce-severity", string(v.Severity)},
		{"ce-mode", string(v.Mode)},
		{"ce-revision", strconv.Itoa(v.Revision)},
		{"ce-final", strconv.FormatBool(v.Final)},
		{"ce-eventsequence", sequence(v.Sequence)},
		{"ce-schemaversion", v.SchemaVersion},
	}, data)
}

func sequence(n uint64) string {
	if n == 0 {
		return ""
	}
	return itoa(n)
}

// maxSkippedBytes bounds the skipped parts of a verdict that has to be cut, so that they can't crowd out the findings.
const maxSkippedBytes = models.MaxVerdictBytes / 16

func marshalVerdict(v *models.Verdict) ([]byte, error) {
	cut := *v
	// Lists that are empty are empty lists on the bus, not null.
	if cut.Findings == nil {
		cut.Findings = []models.Finding{}
	}
	if cut.Detectors == nil {
		cut.Detectors = []models.DetectorReport{}
	}
	data, err := marshal(&cut)
	if err != nil {
		return nil, invalid(err)
	}
	fits := func() bool {
		data, err = marshal(&cut)
		return err == nil && len(data) <= models.MaxVerdictBytes
	}
	if len(data) <= models.MaxVerdictBytes {
		return data, nil
	}
	cut.Coverage.Skipped, cut.Coverage.Omitted = cutSkipped(v.Coverage.Skipped, v.Coverage.Omitted)
	keepFindings := func(n int) bool {
		cut.Findings, cut.Omitted = v.Findings[:n], v.Omitted+len(v.Findings)-n
		return fits()
	}
	if n := most(len(v.Findings), keepFindings); n > 0 {
		keepFindings(n)
		return data, nil
	}
	if len(v.Findings) > 0 {
		cutTopFinding(&cut, v, fits)
	}
	if !fits() {
		return nil, tooLarge("verdict", len(data), models.MaxVerdictBytes)
	}
	return data, nil
}

// cutTopFinding leaves cut with v's first finding and as much of its evidence as fits.
func cutTopFinding(cut, v *models.Verdict, fits func() bool) {
	top := v.Findings[0]
	cut.Omitted = v.Omitted + len(v.Findings) - 1
	keep := func(n int) bool {
		f := top
		f.Evidence, f.Omitted = top.Evidence[:n], top.Omitted+len(top.Evidence)-n
		cut.Findings = []models.Finding{f}
		return fits()
	}
	keep(most(len(top.Evidence), keep))
}

// most returns the largest n up to limit for which keep holds, or 0. keep must hold for every number below one that it
// holds for; it may be called in any order.
func most(limit int, keep func(n int) bool) int {
	return sort.Search(limit, func(i int) bool { return !keep(i + 1) })
}

func cutSkipped(parts []models.Skipped, omitted int) ([]models.Skipped, int) {
	size := 0
	for i, s := range parts {
		if size += len(s.Pointer) + len(s.Reason); size > maxSkippedBytes {
			return parts[:i], omitted + len(parts) - i
		}
	}
	return parts, omitted
}

// DecodeVerdict reads a verdict or an alert: from its stream, from a bucket, or from the reply to a check. A message on
// a verdict or alert subject must be about the object that the subject names. The error is an [*Error].
func DecodeVerdict(m Message) (models.Verdict, error) {
	if _, err := expect(&m, TypeVerdict, TypeAlert); err != nil {
		return models.Verdict{}, err
	}
	var v models.Verdict
	if err := unmarshal("verdict", m.Data, models.MaxVerdictBytes, &v); err != nil {
		return models.Verdict{}, err
	}
	if !strings.HasPrefix(v.SchemaVersion, "1.") {
		return models.Verdict{}, malformed("schema_version", "%q, this is %s", v.SchemaVersion, models.VerdictSchemaVersion)
	}
	if err := v.Validate(); err != nil {
		return models.Verdict{}, invalid(err)
	}
	if err := about(m.Subject, VerdictSubject(v.Subject), AlertSubject(v.Decision, v.Subject)); err != nil {
		return models.Verdict{}, err
	}
	return v, nil
}

// about checks that a message on one of our subjects is on one that belongs to what it holds. Replies and bucket
// entries are on other subjects.
func about(subject string, allowed ...string) error {
	if strings.HasPrefix(subject, "taster.") && !slices.Contains(allowed, subject) {
		return malformed("subject", "%q is not that of what the message holds", subject)
	}
	return nil
}
