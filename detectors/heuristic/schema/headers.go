package schema

import (
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/lexis"
	"github.com/aad6b6dc/taster/models"
)

var (
	headerInjection = &check.Rule{
		ID: "header-injection", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.8,
		Message: "A parameter is mapped to what is no header name: its line breaks or blanks write headers of their own.",
	}
	headerReserved = &check.Rule{
		ID: "header-reserved", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "A parameter is mapped to a header that the connection, the proxy or the sign-in relies on, or to one that another parameter has.",
	}
	headerSecret = &check.Rule{
		ID: "header-secret", Version: version, Class: "A14", Severity: models.SeverityHigh, Confidence: 0.65,
		Message: "A secret or the conversation is copied into a header, which proxies and logs see.",
	}
)

// reserved are headers that a parameter of a tool has no business in.
var reserved = map[string]bool{
	"host": true, "authorization": true, "proxy-authorization": true, "cookie": true, "set-cookie": true, "referer": true, "origin": true,
	"content-length": true, "transfer-encoding": true, "content-type": true, "content-encoding": true, "connection": true, "upgrade": true,
	"te": true, "trailer": true, "expect": true, "forwarded": true, "via": true, "x-forwarded-for": true, "x-forwarded-host": true,
	"x-forwarded-proto": true, "x-real-ip": true, "x-original-url": true, "x-http-method-override": true, "user-agent": true, "location": true,
	"mcp-method": true, "mcp-name": true, "mcp-session-id": true, "mcp-protocol-version": true, "access-control-allow-origin": true,
}

var told = lexis.Set("secret", "chat", "setup", "toolset")

// mappings judges the headers that parameters are mapped to.
func mappings(e *reader, headers []int) {
	for n, i := range headers {
		name := text(e, i)
		switch {
		case !isToken(name):
			e.Report(headerInjection, nil, e.Whole(i))
		case reserved[strings.ToLower(name)] || taken(e, headers[:n], name):
			e.Report(headerReserved, nil, e.Whole(i))
		default:
			if k, ok := e.At(strings.TrimSuffix(e.Segments[i].Pointer, "/x-mcp-header"), true); ok && e.book.All(k).Any(told) {
				e.Report(headerSecret, nil, e.Whole(i), e.Whole(k))
			}
		}
	}
}

func taken(e *reader, before []int, name string) bool {
	for _, i := range before {
		if strings.EqualFold(text(e, i), name) {
			return true
		}
	}
	return false
}

// isToken reports whether s is a token of HTTP.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
