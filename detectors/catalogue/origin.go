package catalogue

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/models"
)

var (
	elsewhere = high("foreign-endpoint", "E3", 0.64, "Is served from another domain than that of the provider whose name it bears.")
	borrowed  = high("borrowed-icon", "E3", 0.64, "Bears the icon of a brand from the brand's own site, and is served from another.")
	inflated  = high("inflated-version", "E3", 0.62, "Has a version that is higher than any, as one has who wants to be picked by it.")
	posed     = high("posed-demand", "E3", 0.66, "Claims to be the official one, and asks for a credential.")
)

// origins compares what a definition claims to be with where it is served from.
func origins(x *examination) {
	switch x.Input.Event.Kind {
	case models.KindAgentCard, models.KindInstructions:
	default:
		x.posed()
		return
	}
	card, provider := x.host("/url"), x.host("/provider/url")
	if card != "" && provider != "" && site(card) != site(provider) && shares(card, site(provider)) {
		if i, ok := x.At("/url", false); ok {
			x.Report(&elsewhere, nil, x.Whole(i))
		}
	}
	web := x.host("/serverInfo/websiteUrl")
	if icon := x.host("/serverInfo/icons/0/src"); web != "" && icon != "" && site(icon) != site(web) && x.titled(site(icon)) {
		if i, ok := x.At("/serverInfo/websiteUrl", false); ok {
			x.Report(&borrowed, nil, x.Whole(i))
		}
	}
	if i, ok := x.At("/serverInfo/version", false); ok && outbids(x.Segments[i].Views[0].Text) {
		x.Report(&inflated, nil, x.Whole(i))
	}
	x.posed()
}

// outbids reports whether a version's first number is one that no release reaches and no year is.
func outbids(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(strings.TrimPrefix(major, "v"))
	return err == nil && rest != "" && (n >= 99 && n < 1900 || n >= 9000 && n < 10000)
}

// host returns the host of the address at pointer.
func (x *examination) host(pointer string) string {
	i, ok := x.At(pointer, false)
	if !ok || len(x.Segments[i].Views[0].Text) > 2048 {
		return ""
	}
	u, err := url.Parse(x.Segments[i].Views[0].Text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// site is the host's last two labels.
func site(host string) string {
	labels := strings.Split(host, ".")
	return strings.Join(labels[max(len(labels)-2, 0):], ".")
}

// shares reports whether a host that is not the provider's carries the provider's name.
func shares(host, provider string) bool {
	name, _, _ := strings.Cut(provider, ".")
	flat := strings.NewReplacer("-", "", ".", "").Replace(host)
	return len(name) >= 5 && strings.Contains(flat, strings.ReplaceAll(name, "-", ""))
}

// titled reports whether a site is called as the server.
func (x *examination) titled(site string) bool {
	name, _, _ := strings.Cut(site, ".")
	for _, p := range [...]string{"/serverInfo/title", "/serverInfo/name", "/instructions"} {
		i, ok := x.At(p, false)
		if !ok {
			continue
		}
		for _, w := range words(x.Segments[i].Views[0].Text) {
			if len(w) >= 5 && strings.Contains(name, w) {
				return true
			}
		}
		return false
	}
	return false
}

// posed looks for a demand of a credential by one who claims to be official.
func (x *examination) posed() {
	claims := false
	var demand []models.Span
	for i := range x.reader.sentences {
		s := &x.reader.sentences[i]
		claims = claims || s.set.has(official)
		if demanding.holds(s.set) {
			demand = append(demand, s.span())
		}
	}
	if claims && len(demand) > 0 {
		x.Report(&posed, nil, demand...)
	}
}

var demanding = combination{need: []concepts{of(secret), of(demand)}, bar: harmless | of(browser)}
