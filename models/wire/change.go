package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// IndicatorBucket holds the last change of each indicator, signed, by the indicator's id. It belongs to the engine's
// account and to no tenant: what is known is known to all.
const IndicatorBucket = "TASTER_INDICATORS"

// IndicatorSubject is where a change of the indicator is stored: $KV.TASTER_INDICATORS.<id>.
func IndicatorSubject(id string) string { return "$KV." + IndicatorBucket + "." + id }

// MaxChangeBytes is the largest signed change: an indicator whose text has every byte escaped, with owner and reason.
const MaxChangeBytes = 64 << 10

// ChangeSchemaVersion is the version of a signed change's JSON form. A field may be added, never changed.
const ChangeSchemaVersion = "1.0.0"

// MaxClockSkew is how far the time of a change may be ahead of the bus's when it is stored: one from the future would outdo
// all that follow.
const MaxClockSkew = time.Hour

// signedPurpose begins what is signed, so that a signature made for anything else is none here.
const signedPurpose = "taster indicator change\n"

// SignedChange is a change of what is known with the signature of whoever vouches for it. What is signed is the digest
// of the change's RFC 8785 form, so that it survives being formatted anew, with whatever fields are added to it one day.
type SignedChange struct {
	Change models.IndicatorChange
	// Raw is the change as it was signed, in JSON without white space.
	Raw json.RawMessage
	// Key is the public key, Signature its Ed25519 signature.
	Key       string
	Signature []byte
}

type signedChangeJSON struct {
	SchemaVersion string          `json:"schema_version"`
	Change        json.RawMessage `json:"change"`
	Key           string          `json:"key"`
	Signature     []byte          `json:"signature"`
}

// Errors of a change that nobody vouches for.
var (
	ErrUnsigned     = errors.New("not signed")
	ErrUntrustedKey = errors.New("signed with a key that is not trusted")
	ErrBadSignature = errors.New("the signature does not belong to the change")
)

const publicKeyBytes = 56 // one letter, 32 bytes and a checksum in base32

// ValidatePublicKey reports why key is not the public key of one who signs changes. That is an account's nkey (A...):
// NATS operators have the tools for it, a checksum in it catches typing errors, and it can't be used to log on. A
// user's key is refused for that reason: at logon it signs whatever the server sends, which could be a change.
func ValidatePublicKey(key string) error {
	if len(key) != publicKeyBytes || !nkeys.IsValidPublicAccountKey(key) {
		return fmt.Errorf("%q is not the public key of an account (an nkey that begins with A)", models.Truncate(key, 64))
	}
	return nil
}

// SignChange signs a change with the nkey of an account.
func SignChange(c models.IndicatorChange, key nkeys.KeyPair) (SignedChange, error) {
	if err := c.Validate(); err != nil {
		return SignedChange{}, invalid(err)
	}
	s := SignedChange{Change: c}
	var err error
	if s.Key, err = key.PublicKey(); err != nil {
		return SignedChange{}, fmt.Errorf("reading the public key: %w", err)
	}
	if err := ValidatePublicKey(s.Key); err != nil {
		return SignedChange{}, err
	}
	if s.Raw, err = marshal(&c); err != nil {
		return SignedChange{}, invalid(err)
	}
	if s.Signature, err = key.Sign(s.signed()); err != nil {
		return SignedChange{}, fmt.Errorf("signing: %w", err)
	}
	return s, nil
}

// signed is what the signature is made over.
func (s *SignedChange) signed() []byte { return []byte(signedPurpose + view.CanonicalDigest(s.Raw)) }

// Verify returns nil if one of the trusted keys signed the change, else [ErrUnsigned], [ErrUntrustedKey] or
// [ErrBadSignature].
func (s *SignedChange) Verify(trusted []string) error {
	switch {
	case len(s.Signature) == 0:
		return ErrUnsigned
	case !slices.Contains(trusted, s.Key):
		return ErrUntrustedKey
	}
	public, err := nkeys.FromPublicKey(s.Key)
	if err != nil || public.Verify(s.signed(), s.Signature) != nil {
		return ErrBadSignature
	}
	return nil
}

// EncodeSignedChange makes the message that stores a change in [IndicatorBucket]. The error is an [*Error].
func EncodeSignedChange(s *SignedChange) (Message, error) {
	if err := s.Change.Validate(); err != nil {
		return Message{}, invalid(err)
	}
	data, err := marshal(&signedChangeJSON{ChangeSchemaVersion, s.Raw, s.Key, s.Signature})
	if err != nil {
		return Message{}, invalid(err)
	}
	if len(data) > MaxChangeBytes {
		return Message{}, tooLarge("signed change", len(data), MaxChangeBytes)
	}
	return Message{Subject: IndicatorSubject(s.Change.Indicator()), Header: map[string][]string{contentType: {jsonContent}}, Data: data}, nil
}

// DecodeSignedChange reads a change and checks its form, not who signed it: that is [SignedChange.Verify]. The error is an
// [*Error].
func DecodeSignedChange(m Message) (SignedChange, error) {
	var form signedChangeJSON
	if err := unmarshal("signed change", m.Data, MaxChangeBytes, &form); err != nil {
		return SignedChange{}, err
	}
	if form.SchemaVersion != ChangeSchemaVersion {
		return SignedChange{}, malformed("schema_version", "%q, this is %s", form.SchemaVersion, ChangeSchemaVersion)
	}
	s := SignedChange{Key: form.Key, Signature: form.Signature}
	if err := unmarshal("change", form.Change, MaxChangeBytes, &s.Change); err != nil {
		return SignedChange{}, err
	}
	if err := s.Change.Validate(); err != nil {
		return SignedChange{}, invalid(err)
	}
	if view.CanonicalDigest(form.Change) == "" {
		return SignedChange{}, malformed("change", "not I-JSON (RFC 7493), so that it has no one meaning")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, form.Change); err != nil {
		return SignedChange{}, malformed("change", "%v", err)
	}
	s.Raw = compact.Bytes()
	if id := s.Change.Indicator(); m.Subject != IndicatorSubject(id) {
		return SignedChange{}, malformed("subject", "%q is not that of indicator %s", m.Subject, id)
	}
	return s, nil
}
