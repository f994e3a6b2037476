package view

import (
	"bytes"

	"github.com/gowebpki/jcs"

	"github.com/aad6b6dc/taster/models"
)

// CanonicalDigest returns the digest of the RFC 8785 form of body, or "" when body is not I-JSON (RFC 7493): not JSON at
// all, a duplicate key at any depth, a lone surrogate, a byte that is not UTF-8, a number too large for a float64.
// As in RFC 8785, numbers are compared as float64: two that differ only beyond its precision share a digest.
func CanonicalDigest(body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return ""
	}
	canonical, err := jcs.Transform(body)
	if err != nil {
		return ""
	}
	return models.Digest(canonical)
}
