package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/aad6b6dc/taster/models"
)

func TestSignatureCoversTheChange(t *testing.T) {
	s := addition()
	trusted := []string{"another", s.Key}
	m, err := EncodeSignedChange(&s)
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) func() Message {
		return func() Message {
			if bytes.Count(m.Data, []byte(old)) != 1 {
				t.Fatalf("%q is not there once", old)
			}
			return Message{Subject: m.Subject, Data: bytes.Replace(m.Data, []byte(old), []byte(new), 1)}
		}
	}
	other := signerOf("other")
	otherKey, err := other.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		message func() Message
		want    error
	}{
		"as it was sent":    {func() Message { return m }, nil},
		"formatted anew":    {func() Message { return indented(t, m) }, nil},
		"another owner":     {replaced(`"owner":"ana"`, `"owner":"eve"`), ErrBadSignature},
		"another time":      {replaced(`"time":"2026`, `"time":"2027`), ErrBadSignature},
		"another class":     {replaced(`"class":"A1"`, `"class":"A2"`), ErrBadSignature},
		"another member":    {replaced(`"owner":"ana"`, `"owner":"ana","more":1`), ErrBadSignature},
		"another signature": {replaced(`"signature":"e`, `"signature":"f`), ErrBadSignature},
		"no signature":      {replaced(`"signature":"`, `"signed":"`), ErrUnsigned},
		"a misspelt key":    {replaced(`"key":"AB`, `"key":"AC`), ErrUntrustedKey},
		"an untrusted key":  {replaced(s.Key, otherKey), ErrUntrustedKey},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeSignedChange(tt.message())
			if err != nil {
				t.Fatal(err)
			}
			if err := got.Verify(trusted); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	forged := s
	forged.Key = otherKey
	if err := forged.Verify([]string{otherKey}); !errors.Is(err, ErrBadSignature) {
		t.Errorf("a trusted key that did not sign: %v", err)
	}
	plain, err := signerOf("golden").Sign(s.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if elsewhere := (SignedChange{Change: s.Change, Raw: s.Raw, Key: s.Key, Signature: plain}); !errors.Is(elsewhere.Verify(trusted), ErrBadSignature) {
		t.Error("a signature made for another purpose counts")
	}
}

func indented(t *testing.T, m Message) Message {
	t.Helper()
	var buf bytes.Buffer
	if err := json.Indent(&buf, m.Data, "", "  "); err != nil {
		t.Fatal(err)
	}
	return Message{Subject: m.Subject, Data: buf.Bytes()}
}

func TestDecodeSignedChangeRefuses(t *testing.T) {
	s := addition()
	m, err := EncodeSignedChange(&s)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		old, new string
		want     string
	}{
		"another version":     {`"schema_version":"1.0.0"`, `"schema_version":"2.0.0"`, "schema_version"},
		"a member twice":      {`"owner":"ana"`, `"owner":"eve","owner":"ana"`, "change"},
		"no owner":            {`"owner":"ana"`, `"owner":""`, "owner"},
		"another indicator":   {`append it.`, `append that.`, "add.id"},
		"both":                {`"owner":"ana"`, `"owner":"ana","remove":"ind-000000000000000000000000"`, "add"},
		"too large":           {`seen twice`, strings.Repeat("r", MaxChangeBytes), "signed change"},
		"nothing":             {string(m.Data), ``, "signed change"},
		"a change of no kind": {string(m.Data), `{"schema_version":"1.0.0","key":"` + s.Key + `","signature":"AA=="}`, "change"},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(string(m.Data), tt.old, tt.new, 1)
			_, err := DecodeSignedChange(Message{Subject: m.Subject, Data: []byte(data)})
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Detail, tt.want+":") {
				t.Errorf("got %v, want a problem with %s", err, tt.want)
			}
		})
	}
	if _, err := DecodeSignedChange(Message{Subject: IndicatorSubject("ind-000000000000000000000000"), Data: m.Data}); err == nil {
		t.Error("it is read from the key of another indicator")
	}
}

func TestLargestChangeFits(t *testing.T) {
	worst := strings.Repeat("\x01", models.MaxNameBytes)
	add := models.Indicator{
		Label: models.Malicious, Class: "A1", Text: strings.Repeat("\x01", models.MaxIndicatorBytes), Source: worst, FirstSeen: noon,
	}.Identify()
	s := signed(models.IndicatorChange{Add: &add, Owner: worst, Reason: worst, Time: noon})
	m, err := EncodeSignedChange(&s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeSignedChange(m); err != nil || got.Verify([]string{s.Key}) != nil {
		t.Errorf("reading it: %v", err)
	}
}

func TestSignChangeRefuses(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SignChange(removal().Change, user); err == nil || !strings.Contains(err.Error(), "account") {
		t.Errorf("with a user's key: %v", err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{public, "", addition().Key[1:], addition().Key + "A", "AC" + addition().Key[2:]} {
		if err := ValidatePublicKey(key); err == nil {
			t.Errorf("%q is valid", key)
		}
	}
	if _, err := SignChange(models.IndicatorChange{}, signerOf("golden")); err == nil {
		t.Error("it signs nothing")
	}
}
