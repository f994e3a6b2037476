package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestPlainPublishIsAnEvent(t *testing.T) {
	got, err := DecodeEvent(Message{Subject: "taster.events.default.weather.tool", Data: []byte(`{"name":"forecast"}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := models.Event{
		Tenant: "default", Server: "weather", Kind: models.KindTool, Object: "forecast", Direction: models.ServerToClient,
		Body: json.RawMessage(`{"name":"forecast"}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeadersInAnyCase(t *testing.T) {
	got, err := DecodeEvent(Message{
		Subject: "taster.check.acme",
		Header:  map[string][]string{"Ce-Server": {"a%20b"}, "CE-KIND": {"tool_call"}, "ce-direction": {"client_to_server"}, "Traceparent": {"x", "y"}},
		Data:    []byte(`{}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Tenant != "acme" || got.Server != "a b" || got.Kind != models.KindToolCall {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	long := strings.Repeat("a", 97)
	h := func(pairs ...string) map[string][]string {
		header := map[string][]string{}
		for i := 0; i < len(pairs); i += 2 {
			header[pairs[i]] = append(header[pairs[i]], pairs[i+1])
		}
		return header
	}
	const subject = "taster.events.acme.weather.tool"
	tests := []struct {
		name           string
		m              Message
		reason, detail string
	}{
		{"foreign subject", Message{Subject: "weather", Data: []byte(`{}`)}, models.RejectMalformed, "subject:"},
		{"too few tokens", Message{Subject: "taster.events.acme.weather", Data: []byte(`{}`)}, models.RejectMalformed, "subject:"},
		{"too many tokens", Message{Subject: subject + ".x", Data: []byte(`{}`)}, models.RejectMalformed, "subject:"},
		{"empty tenant", Message{Subject: "taster.events.=.weather.tool", Data: []byte(`{}`)}, models.RejectMalformed, "tenant"},
		{"shortened tenant", Message{Subject: "taster.events." + EscapeToken(long) + ".weather.tool", Data: []byte(`{}`)}, models.RejectMalformed, "tenant"},
		{"needless escape", Message{Subject: "taster.events.acme.=41.tool", Data: []byte(`{}`)}, models.RejectMalformed, "server"},
		{"server not UTF-8", Message{Subject: "taster.events.acme.=FF.tool", Data: []byte(`{}`)}, models.RejectMalformed, "server"},
		{"unknown kind", Message{Subject: "taster.events.acme.weather.tol", Data: []byte(`{}`)}, models.RejectMalformed, "kind:"},
		{"other kind in header", Message{Subject: subject, Header: h("ce-kind", "prompt"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-kind:"},
		{"other server in header", Message{Subject: subject, Header: h("ce-server", "news"), Data: []byte(`{}`)}, models.RejectServerMismatch, "ce-server:"},
		{"shortened server without header", Message{Subject: EventSubject("acme", long, "tool"), Data: []byte(`{}`)}, models.RejectMalformed, "full name"},
		{"shortened server, other header", Message{Subject: EventSubject("acme", long, "tool"), Header: h("ce-server", long+"b"), Data: []byte(`{}`)}, models.RejectServerMismatch, "ce-server:"},
		{"check without server", Message{Subject: "taster.check.acme", Header: h("ce-kind", "tool"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-server"},
		{"other type", Message{Subject: subject, Header: h("ce-type", TypeVerdict), Data: []byte(`{}`)}, models.RejectMalformed, "ce-type:"},
		{"other spec", Message{Subject: subject, Header: h("ce-specversion", "0.3"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-specversion:"},
		{"later schema", Message{Subject: subject, Header: h("ce-schemaversion", "2.0.0"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-schemaversion:"},
		{"header twice", Message{Subject: subject, Header: h("ce-object", "a", "ce-object", "b"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-object:"},
		{"header twice in other case", Message{Subject: subject, Header: h("ce-object", "a", "Ce-Object", "b"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-object:"},
		{"broken escape", Message{Subject: subject, Header: h("ce-object", "100%"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-object:"},
		{"header not UTF-8", Message{Subject: subject, Header: h("ce-object", "%FF"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-object:"},
		{"long header", Message{Subject: subject, Header: h("ce-x", strings.Repeat("a", maxHeaderBytes+1)), Data: []byte(`{}`)}, models.RejectMalformed, "ce-x: 3073 bytes, the limit is 3072"},
		{"long object", Message{Subject: subject, Header: h("ce-object", strings.Repeat("a", 1025)), Data: []byte(`{}`)}, models.RejectMalformed, "object: 1025 bytes, the limit is 1024"},
		{"time", Message{Subject: subject, Header: h("ce-time", "noon"), Data: []byte(`{}`)}, models.RejectMalformed, "ce-time:"},
		{"direction", Message{Subject: subject, Header: h("ce-direction", "up"), Data: []byte(`{}`)}, models.RejectMalformed, "direction:"},
		{"no body", Message{Subject: subject}, models.RejectMalformed, "body: empty"},
		{"too large", Message{Subject: subject, Data: bytes.Repeat([]byte(" "), models.MaxEventBytes+1)}, models.RejectTooLarge, "body: 4194305 bytes, the limit is 4194304"},
		{"oversize without digest", Message{Subject: subject, Header: h("ce-type", TypeOversize), Data: []byte(`{"bytes":1}`)}, models.RejectMalformed, "oversize.raw_digest:"},
		{"oversize not JSON", Message{Subject: subject, Header: h("ce-type", TypeOversize), Data: []byte(`x`)}, models.RejectMalformed, "oversize:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeEvent(tt.m)
			wantError(t, err, tt.reason, tt.detail)
		})
	}
}

func wantError(t *testing.T, err error, reason, detail string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want an *Error", err)
	}
	if e.Reason != reason || !strings.Contains(e.Detail, detail) || len(e.Detail) > models.MaxDetailBytes {
		t.Errorf("error %q, want reason %s and a detail with %q", err, reason, detail)
	}
}

func TestDecodeRefuses(t *testing.T) {
	verdict := fullVerdict()
	m, err := EncodeVerdict(&verdict)
	if err != nil {
		t.Fatal(err)
	}
	deep := deepJob()
	job, err := EncodeDeepJob(&deep)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := verdict.Subject
	elsewhere.Tenant = "other"
	replace := func(old, new string) []byte { return []byte(strings.Replace(string(m.Data), old, new, 1)) }
	tests := []struct {
		name           string
		decode         func(Message) (any, error)
		m              Message
		reason, detail string
	}{
		{"verdict on another's subject", decoder(DecodeVerdict), Message{Subject: VerdictSubject(elsewhere), Data: m.Data}, models.RejectMalformed, "subject:"},
		{"alert of another decision", decoder(DecodeVerdict), Message{Subject: AlertSubject(models.Block, verdict.Subject), Data: m.Data}, models.RejectMalformed, "subject:"},
		{"verdict of the next schema", decoder(DecodeVerdict), Message{Data: replace("1.0.0", "2.0.0")}, models.RejectMalformed, "schema_version:"},
		{"verdict with a decision for other kinds", decoder(DecodeVerdict), Message{Data: replace(`"quarantine"`, `"redact"`)}, models.RejectMalformed, "decision:"},
		{"verdict too large", decoder(DecodeVerdict), Message{Data: make([]byte, models.MaxVerdictBytes+1)}, models.RejectTooLarge, "verdict:"},
		{"verdict not JSON", decoder(DecodeVerdict), Message{Data: []byte("x")}, models.RejectMalformed, "verdict:"},
		{"frame without data", decoder(DecodeFrame), Message{Subject: "taster.rpc.acme.weather"}, models.RejectMalformed, "data: empty"},
		{"frame too large", decoder(DecodeFrame), Message{Subject: "taster.rpc.acme.weather", Data: make([]byte, models.MaxFrameBytes+1)}, models.RejectTooLarge, "data:"},
		{"frame of another server", decoder(DecodeFrame), Message{Subject: "taster.rpc.acme.weather", Header: map[string][]string{"ce-server": {"news"}}, Data: []byte("{}")}, models.RejectServerMismatch, "ce-server:"},
		{"frame on an event subject", decoder(DecodeFrame), Message{Subject: "taster.events.acme.weather.tool", Data: []byte("{}")}, models.RejectMalformed, "subject:"},
		{"deep job without event", decoder(DecodeDeepJob), Message{Data: []byte(`{"verdict":{}}`)}, models.RejectMalformed, "event:"},
		{"deep job without verdict", decoder(DecodeDeepJob), Message{Data: []byte(`{"event":{"server":"s","kind":"tool","body":{}}}`)}, models.RejectMalformed, "verdict:"},
		{"feedback without owner", decoder(DecodeFeedback), Message{Subject: "taster.feedback.acme.v", Data: []byte(`{"verdict_id":"v","reason":"r"}`)}, models.RejectMalformed, "owner:"},
		{"epoch of another type", decoder(DecodeEpoch), Message{Header: map[string][]string{"ce-type": {TypeFeedback}}, Data: []byte(`{}`)}, models.RejectMalformed, "ce-type:"},
		{"epoch of another tenant", decoder(DecodeEpoch), Message{Subject: "taster.epochs.other", Data: []byte(`{"tenant":"acme"}`)}, models.RejectMalformed, "subject:"},
		{"rejection of another tenant", decoder(DecodeRejection), Message{Subject: "taster.rejected.other", Data: []byte(`{"tenant":"acme"}`)}, models.RejectMalformed, "subject:"},
		{"deep job of another tenant", decoder(DecodeDeepJob), Message{Subject: "taster.deep.other", Data: job.Data}, models.RejectMalformed, "subject:"},
		{"rejection not JSON", decoder(DecodeRejection), Message{Data: []byte(``)}, models.RejectMalformed, "rejection:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.decode(tt.m)
			wantError(t, err, tt.reason, tt.detail)
		})
	}
}

func TestFeedbackTenantIsTheSubjects(t *testing.T) {
	f := feedback()
	m, err := EncodeFeedback(&f)
	if err != nil {
		t.Fatal(err)
	}
	m.Subject = FeedbackSubject("mallory", f.VerdictID)
	got, err := DecodeFeedback(m)
	if err != nil || got.Tenant != "mallory" {
		t.Errorf("tenant %q, %v, want the subject's", got.Tenant, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	valid := toolEvent()
	change := func(f func(e *models.Event)) *models.Event { e := valid; f(&e); return &e }
	tests := []struct {
		name           string
		e              *models.Event
		reason, detail string
	}{
		{"no server", change(func(e *models.Event) { e.Server = "" }), models.RejectMalformed, "server:"},
		{"body too large", change(func(e *models.Event) { e.Body = make([]byte, models.MaxEventBytes+1) }), models.RejectTooLarge, "body:"},
		{"tenant too long", change(func(e *models.Event) { e.Tenant = strings.Repeat("é", 20) }), models.RejectMalformed, "tenant:"},
		{"object not UTF-8", change(func(e *models.Event) { e.Object = "\xff" }), models.RejectMalformed, "ce-object:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := EncodeEvent(tt.e)
			wantError(t, err, tt.reason, tt.detail)
		})
	}
}

func TestRejectionAlwaysFits(t *testing.T) {
	for _, size := range []int{maxKeptBytes, maxKeptBytes + 1} {
		r := rejection()
		r.Body, r.Bytes = make([]byte, size), size
		m, err := EncodeRejection(&r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeRejection(m)
		if err != nil {
			t.Fatal(err)
		}
		if kept := len(got.Body) == size; kept != (size == maxKeptBytes) || got.Bytes != size || len(m.Data) > MaxPayloadBytes-maxNoticeBytes/2 {
			t.Errorf("%d bytes: kept %v, counted %d, message of %d", size, kept, got.Bytes, len(m.Data))
		}
	}
}

func TestEventID(t *testing.T) {
	a, b := toolEvent(), toolEvent()
	b.Tenant = "other"
	ids := map[string]string{
		EventID(&a, "S", 1, 0): "given", EventID(&b, "S", 1, 0): "given, other tenant",
	}
	a.ID = ""
	for name, id := range map[string]string{
		"place": EventID(&a, "S", 1, 0), "next sequence": EventID(&a, "S", 2, 0), "next part": EventID(&a, "S", 1, 1), "other stream": EventID(&a, "T", 1, 0),
	} {
		if other, dup := ids[id]; dup {
			t.Errorf("%s and %s share an id", name, other)
		}
		ids[id] = name
	}
	given := toolEvent()
	if EventID(&given, "S", 1, 0) != EventID(&given, "S", 9, 3) {
		t.Error("an id that the gateway gave depends on the place in the stream")
	}
}

// bulky is a verdict far above the limit, with findings ranked from 99 down.
func bulky(findings, spans int, skipped int) models.Verdict {
	v := fullVerdict()
	v.Findings, v.Omitted, v.Coverage.Omitted = nil, 0, 0
	for i := range findings {
		f := models.Finding{Detector: "d", Rule: fmt.Sprint(i), Class: "A1", Severity: models.SeverityHigh, Confidence: 0.5, Message: strings.Repeat("m", 500)}
		for range spans {
			f.Evidence = append(f.Evidence, models.Span{Pointer: "/" + strings.Repeat("p", 4000), ViewKind: models.ViewRaw})
		}
		v.Findings = append(v.Findings, f)
	}
	v.Coverage.Skipped = nil
	for range skipped {
		v.Coverage.Skipped = append(v.Coverage.Skipped, models.Skipped{Pointer: strings.Repeat("p", 1000), Reason: "depth"})
	}
	return v
}

func TestVerdictIsCutToSize(t *testing.T) {
	tests := []struct {
		name                     string
		v                        models.Verdict
		findings, spans          int // kept
		skipped                  int
		omitted, without, unseen int // counted
	}{
		{"findings", bulky(500, 1, 0), 55, 1, 0, 445, 0, 0},
		{"evidence", bulky(3, 200, 0), 1, 63, 0, 2, 137, 0},
		{"skipped parts go first", bulky(10, 1, 1000), 10, 1, 16, 0, 0, 984},
		{"nothing found", bulky(0, 0, 1000), 0, 0, 16, 0, 0, 984},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(tt.v.Findings)
			m, err := EncodeVerdict(&tt.v)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Data) > models.MaxVerdictBytes || tt.omitted > 0 && len(m.Data) < models.MaxVerdictBytes-5000 {
				t.Errorf("%d bytes, the limit is %d", len(m.Data), models.MaxVerdictBytes)
			}
			got, err := DecodeVerdict(m)
			if err != nil {
				t.Fatal(err)
			}
			spans, without := 0, 0
			for i, f := range got.Findings {
				if f.Rule != fmt.Sprint(i) {
					t.Errorf("finding %d is %s: not the highest ranked", i, f.Rule)
				}
				spans, without = len(f.Evidence), f.Omitted
			}
			c := got.Coverage
			if len(got.Findings) != tt.findings || spans != tt.spans || len(c.Skipped) != tt.skipped ||
				got.Omitted != tt.omitted || without != tt.without || c.Omitted != tt.unseen {
				t.Errorf("kept %d findings, %d spans, %d skipped; omitted %d, %d, %d", len(got.Findings), spans, len(c.Skipped), got.Omitted, without, c.Omitted)
			}
			if len(tt.v.Findings) != before || tt.v.Omitted != 0 {
				t.Error("the verdict itself was changed")
			}
		})
	}
}

func TestVerdictThatCannotBeCut(t *testing.T) {
	v := fullVerdict()
	v.Cause = strings.Repeat("c", models.MaxVerdictBytes)
	_, err := EncodeVerdict(&v)
	wantError(t, err, models.RejectTooLarge, "verdict:")
}

func TestAlertHasItsOwnMessageID(t *testing.T) {
	v := fullVerdict()
	verdict, err := EncodeVerdict(&v)
	if err != nil {
		t.Fatal(err)
	}
	alert, err := EncodeAlert(&v)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := verdict.Header[HeaderMsgID][0], alert.Header[HeaderMsgID][0]; a == b || a != v.Key() {
		t.Errorf("message ids %q and %q", a, b)
	}
	if alert.Type() != TypeAlert || verdict.Type() != TypeVerdict {
		t.Errorf("types %q and %q", alert.Type(), verdict.Type())
	}
}

func TestStreamsStoreTheirSubjects(t *testing.T) {
	const tenant = "acme=1"
	s := models.Subject{Tenant: tenant, Server: "a.b", Kind: models.KindTool}
	tests := []struct {
		stream   Stream
		subjects []string
	}{
		{EventStream(tenant), []string{EventSubject(tenant, "a.b", models.KindTool), FrameSubject(tenant, "a.b")}},
		{VerdictStream(tenant), []string{VerdictSubject(s)}},
		{AlertStream(tenant), []string{AlertSubject(models.Block, s)}},
		{RejectedStream(tenant), []string{RejectedSubject(tenant)}},
		{DeepStream(tenant), []string{DeepSubject(tenant)}},
		{NoticeStream(tenant), []string{EpochSubject(tenant), FeedbackSubject(tenant, "v1")}},
	}
	for _, tt := range tests {
		for _, subject := range tt.subjects {
			for _, other := range tests {
				if got, want := matchAny(other.stream.Subjects, subject), other.stream.Name == tt.stream.Name; got != want {
					t.Errorf("%s stores %s: %v, want %v", other.stream.Name, subject, got, want)
				}
			}
		}
		// A request has no stream: what were stored would be answered by the stream.
		for _, request := range []string{CheckSubject(tenant), RescoreSubject(tenant)} {
			if matchAny(tt.stream.Subjects, request) {
				t.Errorf("%s stores the request %s", tt.stream.Name, request)
			}
		}
		if foreign := EventStream("acme"); matchAny(foreign.Subjects, tt.subjects[0]) {
			t.Errorf("%s of another tenant stores %s", foreign.Name, tt.subjects[0])
		}
	}
}

func TestFilters(t *testing.T) {
	s := models.Subject{Tenant: "acme", Server: "a.b", Kind: models.KindTool, Object: "x y"}
	tests := []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Server: "a.b"}, true},
		{Filter{Server: "a"}, false},
		{Filter{Kind: models.KindTool, Object: "x y"}, true},
		{Filter{Kind: models.KindPrompt}, false},
		{Filter{Object: "x"}, false},
	}
	for _, tt := range tests {
		if got := match(tt.f.Verdicts("acme"), VerdictSubject(s)); got != tt.want {
			t.Errorf("%+v on verdicts: %v, want %v", tt.f, got, tt.want)
		}
		if got := match(tt.f.Keys(), LastKey(s)); got != tt.want {
			t.Errorf("%+v on keys: %v, want %v", tt.f, got, tt.want)
		}
		if got := matchAny(tt.f.Alerts("acme"), AlertSubject(models.Block, s)); got != tt.want {
			t.Errorf("%+v on alerts: %v, want %v", tt.f, got, tt.want)
		}
		if got := matchAny(tt.f.Alerts("acme", models.Block, models.Quarantine), AlertSubject(models.Quarantine, s)); got != tt.want {
			t.Errorf("%+v on alerts of two decisions: %v, want %v", tt.f, got, tt.want)
		}
		if matchAny(tt.f.Alerts("acme", models.Block), AlertSubject(models.Allow, s)) {
			t.Errorf("%+v on alerts of another decision matches", tt.f)
		}
		if match(tt.f.Verdicts("other"), VerdictSubject(s)) {
			t.Errorf("%+v of another tenant matches", tt.f)
		}
	}
}

func matchAny(patterns []string, subject string) bool {
	for _, p := range patterns {
		if match(p, subject) {
			return true
		}
	}
	return false
}

// match is the matching of NATS subjects.
func match(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range p {
		switch {
		case token == ">":
			return len(s) > i
		case i >= len(s) || token != "*" && token != s[i]:
			return false
		}
	}
	return len(p) == len(s)
}

func TestHeaderEscapingIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "value")
		escaped := escapeHeader(s)
		for i := range len(escaped) {
			if c := escaped[i]; c <= ' ' || c > '~' || c == '"' {
				t.Fatalf("escapeHeader(%q) = %q", s, escaped)
			}
		}
		if back, err := unescapeHeader(escaped); err != nil || back != s {
			t.Fatalf("unescapeHeader(%q) = %q, %v, want %q", escaped, back, err, s)
		}
	})
}

// drawEvent draws any valid, normalised event.
func drawEvent(t *rapid.T) models.Event {
	text := rapid.StringN(0, 40, 200)
	e := models.Event{
		ID: text.Draw(t, "id"), Tenant: rapid.StringN(1, 8, 20).Draw(t, "tenant"), Server: rapid.StringN(1, 300, 1000).Draw(t, "server"),
		Kind: rapid.SampledFrom(models.Kinds()).Draw(t, "kind"), Object: text.Draw(t, "object"), Session: text.Draw(t, "session"),
		Direction: rapid.SampledFrom([]models.Direction{models.ServerToClient, models.ClientToServer}).Draw(t, "direction"),
		Catalogue: text.Draw(t, "catalogue"), Pin: text.Draw(t, "pin"),
	}
	if rapid.Bool().Draw(t, "timed") {
		e.Time = noon
	}
	if rapid.Bool().Draw(t, "oversize") {
		e.Oversize = &models.Oversize{RawDigest: models.Digest([]byte(e.ID)), Bytes: 1 + int64(len(e.ID))}
	} else {
		e.Body = drawBody(t)
	}
	e.Normalise()
	return e
}

// drawBody draws JSON as a careless or hostile peer writes it.
func drawBody(t *rapid.T) json.RawMessage {
	pieces := []string{
		`{"a":1}`, ` {"a" : 1 } `, "{\r\n\"a\":\t[ ]}\n", `{"a":1,"a":2}`, `"<b>&\u003c\u2028"`, "\"\xff\xfe\"", `"\ud800"`, `1e999`, `[null,true]`, "\"\u2028\"", `"\/"`,
	}
	return json.RawMessage(rapid.SampledFrom(pieces).Draw(t, "body"))
}

func TestEventsSurviveTheBus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawEvent(t)
		for _, encode := range []func(*models.Event) (Message, error){EncodeEvent, EncodeCheck} {
			m, err := encode(&want)
			if _, refused := sentTenant(want.Tenant); refused != nil {
				if err == nil {
					t.Fatal("a tenant that no receiver can read was sent")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeEvent(m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestEventsSurviveTheirJSONForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawEvent(t)
		data, err := MarshalEvent(&want)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(data, "\r\n") || !json.Valid(data) {
			t.Fatalf("not one line of JSON: %q", data)
		}
		got, err := UnmarshalEvent(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestUnmarshalEventRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"not JSON": `{`, "two bodies": `{"server":"s","kind":"tool","body":1,"body_base64":"MQ=="}`, "no server": `{"kind":"tool","body":1}`,
		"body_base64 not JSON": `{"server":"s","kind":"tool","body_base64":"eA=="}`,
	} {
		_, err := UnmarshalEvent([]byte(data))
		t.Run(name, func(t *testing.T) { wantError(t, err, models.RejectMalformed, "") })
	}
}
