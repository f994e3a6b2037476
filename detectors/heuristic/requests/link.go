package requests

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/concepts"
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
	if u.User != nil || disguised(host) || u.Scheme == "http" && !loopback(host) || imitates(host, e.Input.Event.Server) {
		e.Report(linkToElsewhere, nil, span(e, i, u.Host))
	}
	q := u.Query()
	for name, values := range q {
		if len(values) > 0 && signsIn(strings.ToLower(name), values[0]) {
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

var shorteners = map[string]bool{
	"bit.ly": true, "tinyurl.com": true, "t.co": true, "goo.gl": true, "is.gd": true, "ow.ly": true, "buff.ly": true, "cutt.ly": true,
	"rebrand.ly": true, "rb.gy": true, "t.ly": true, "shorturl.at": true, "tiny.cc": true, "v.gd": true, "s.id": true, "lnkd.in": true,
}

// disguised reports hosts that hide who they are: addresses in figures, short links, names in mixed scripts.
func disguised(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil && !loopback(host) || shorteners[host] {
		return true
	}
	for label := range strings.SplitSeq(host, ".") {
		if mixed(unpuny(label)) {
			return true
		}
	}
	return false
}

// mixed reports a label with letters of Latin and of a script that looks like it.
func mixed(label string) bool {
	latin, other := false, false
	for _, r := range label {
		latin = latin || unicode.Is(unicode.Latin, r)
		other = other || unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee)
	}
	return latin && other
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// owner is the label of a host that somebody registered: "harbour" of "login.harbour.co.uk".
func owner(host string) string {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	n := len(labels) - 2
	if n > 0 && len(labels[n+1]) == 2 && secondLevel[labels[n]] {
		n--
	}
	return labels[max(n, 0)]
}

var secondLevel = map[string]bool{"co": true, "com": true, "org": true, "net": true, "gov": true, "ac": true, "edu": true, "or": true, "ne": true, "go": true}

const minBrand = 6 // letters; shorter names are in other words by chance

// imitates reports a host that bears the server's name without being its own.
func imitates(host, server string) bool {
	reg := unpuny(owner(host))
	server = strings.ToLower(server)
	if strings.Contains(strings.ReplaceAll(server, "-", ""), strings.ReplaceAll(reg, "-", "")) {
		return false
	}
	for brand := range strings.FieldsFuncSeq(server, func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == ' ' }) {
		if len(brand) < minBrand || common[brand] {
			continue
		}
		if strings.Contains(reg, brand) && reg != brand || strings.Contains(host, brand) && !strings.Contains(reg, brand) || near(reg, brand) {
			return true
		}
	}
	return false
}

// common are words in servers' names that say nothing of who runs them.
var common = map[string]bool{
	"server": true, "service": true, "helper": true, "assistant": true, "connector": true, "calendar": true, "account": true, "support": true,
	"tickets": true, "payment": true, "payments": true, "travel": true, "booking": true, "weather": true, "connect": true, "hotels": true,
	"office": true, "search": true, "planning": true, "practice": true, "project": true, "projects": true, "storage": true, "manager": true,
}

// near reports names of one length or nearly so that differ in one letter, or in one that looks alike.
func near(x, y string) bool {
	a, b := []rune(x), []rune(y)
	if x == y || len(a) > len(b)+1 || len(b) > len(a)+1 {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	j := 0
	for j < len(a)-i && j < len(b)-i && a[len(a)-1-j] == b[len(b)-1-j] {
		j++
	}
	return max(len(a), len(b))-i-j <= 1
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
	reading = concepts.Words.Of("readword", "limited")
	wide    = []string{"write", ".all", "full", "admin", "manage", "delete", "send", "delegate", "share", "sharing", "owner", "transfer", "payment", "*", "root", "impersonat", "modify", "edit", "control"}
)

// scopes reports rights to change things where the message speaks of reading only.
func scopes(e *check.Event, i, message int, scope string) {
	if scope == "" || about(text(e, message))&reading == 0 {
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
