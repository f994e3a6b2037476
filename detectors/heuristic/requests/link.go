package requests

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/hosts"
	"github.com/aad6b6dc/taster/models"
)

var (
	linkToElsewhere = rule("disguised-address", "C7", models.SeverityHigh, 0.65, "Sends a person to an address that isn't what it looks like.")
	linkSignedIn    = rule("signed-in-address", "C7", models.SeverityHigh, 0.6, "Sends a person to an address that is signed in, or agrees, by itself.")
	wideScope       = rule("wide-scope", "E11", models.SeverityHigh, 0.65, "Has a person grant far more than the message says.")
)

// link looks at the address that a person is sent to.
func link(e *check.Event, i, message int) {
	address := text(e, i)
	if len(address) > maxAddress {
		address = address[:maxAddress]
	}
	scheme, _, _ := strings.Cut(address, ":")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		if strings.EqualFold(scheme, "javascript") || strings.EqualFold(scheme, "data") || strings.EqualFold(scheme, "file") {
			e.Report(linkToElsewhere, nil, e.Whole(i))
		}
		return
	}
	host := strings.ToLower(u.Hostname())
	if u.User != nil || hosts.Disguised(host) || u.Scheme == "http" && !hosts.Loopback(host) || hosts.Imitates(host, e.Input.Event.Server) {
		e.Report(linkToElsewhere, nil, span(e, i, u.Host))
	}
	q := u.Query()
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if values := q[name]; len(values) > 0 && signsIn(strings.ToLower(name), values[0]) {
			e.Report(linkSignedIn, nil, span(e, i, name+"="))
			break
		}
	}
	if message >= 0 {
		scopes(e, i, message, q.Get("scope"))
	}
}

const maxAddress = 8 << 10

// span is where part stands in segment i; the whole segment if it isn't found.
func span(e *check.Event, i int, part string) models.Span {
	n := strings.Index(text(e, i), part)
	if n < 0 {
		return e.Whole(i)
	}
	return models.Span{Segment: i, Start: n, End: n + len(part)}
}

// signsIn reports a parameter that carries a session, or that agrees without a click.
func signsIn(name, value string) bool {
	switch {
	case credentialName[name]:
		return len(value) >= minCredential || strings.HasPrefix(value, "eyJ")
	case name == "prompt":
		return value == "none"
	case agreeing[name]:
		return value == "1" || value == "true" || value == "yes" || value == "on" || value == "auto"
	}
	return strings.HasPrefix(value, "eyJ") && strings.Count(value, ".") == 2
}

const minCredential = 12

var credentialName = map[string]bool{
	"session": true, "sid": true, "sessionid": true, "session_id": true, "token": true, "access_token": true, "auth": true, "auth_token": true, "jwt": true,
	"sso": true, "sso_token": true, "ticket": true, "magic": true, "magic_token": true, "login_token": true, "preauth": true, "key": true, "apikey": true,
	"api_key": true, "password": true, "pwd": true, "otp": true, "refresh_token": true, "id_token": true, "bearer": true, "cookie": true,
}

var agreeing = map[string]bool{
	"auto": true, "autoconfirm": true, "auto_confirm": true, "autoapprove": true, "auto_approve": true, "approve": true, "approved": true, "confirm": true,
	"confirmed": true, "consent": true, "accept": true, "autosubmit": true, "auto_submit": true, "skip_consent": true, "agree": true, "autologin": true, "auto_login": true,
}

var (
	reading = of("reading")
	wide    = []string{"write", ".all", "full", "admin", "manage", "delete", "send", "delegate", "share", "sharing", "owner", "transfer", "payment", "*", "root", "impersonat", "modify", "edit", "control"}
)

// scopes reports rights to change things where the message speaks of reading only.
func scopes(e *check.Event, i, message int, scope string) {
	if scope == "" || about(e, message)&reading == 0 {
		return
	}
	said := strings.ToLower(text(e, message))
	for _, w := range wide {
		if n := strings.Index(strings.ToLower(scope), w); n >= 0 && !strings.Contains(said, w) {
			e.Report(wideScope, nil, span(e, i, "scope="))
			return
		}
	}
}
