package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

const (
	maxWorkers  = 256
	maxAgeHours = 10 * 366 * 24

	maxTrustedKeys = 64
	maxIndicators  = 500_000 // their ledger, with two lines of 200 bytes for each, is read whole
)

var durableName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate reports everything that is wrong, each as a [*models.FieldError] that names the field.
func (c *Config) Validate() error {
	var p problems
	p.nats(&c.NATS)
	p.tenants(c)
	for _, b := range c.Streams.bounds() {
		p.bound("streams."+b.name, *b.bound, 1)
	}
	p.between("work.workers", c.Work.Workers, 0, maxWorkers)
	p.between("work.batch_events", c.Work.BatchEvents, 1, detectors.MaxBatchEvents)
	if c.Cache.Entries < 1 {
		p.add("cache.entries", "%d is not positive", c.Cache.Entries)
	}
	if c.Cache.MaxBytes < 1 {
		p.add("cache.max_bytes", "%d is not positive", c.Cache.MaxBytes)
	}
	p.indicators(&c.Indicators)
	if c.Metrics.Listen != "" {
		p.address("metrics.listen", c.Metrics.Listen)
	}
	if err := c.Policy.Validate(); err != nil {
		p = append(p, fmt.Errorf("policy.%w", err))
	}
	return errors.Join(p...)
}

type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, &models.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

func (p *problems) between(field string, n, low, high int) {
	if n < low || n > high {
		p.add(field, "%d is outside [%d, %d]", n, low, high)
	}
}

func (p *problems) nats(n *NATS) {
	p.between("nats.connect_timeout_seconds", n.ConnectTimeoutSeconds, 1, 600)
	ways := 0
	for _, way := range []string{n.CredentialsFile, n.NkeySeedFile, n.User} {
		if way != "" {
			ways++
		}
	}
	if ways > 1 {
		p.add("nats", "more than one of credentials_file, nkey_seed_file and user")
	}
	if n.PasswordFile != "" && n.User == "" {
		p.add("nats.password_file", "set without user")
	}
	if (n.TLS.CertFile == "") != (n.TLS.KeyFile == "") {
		p.add("nats.tls", "cert_file and key_file go together")
	}
	if n.URL != "" {
		p.serverURL(n.URL)
		return
	}
	if n.Listen == "" {
		return
	}
	if host, ok := p.address("nats.listen", n.Listen); ok && !loopback(host) && n.ServerConfigFile == "" {
		p.add("nats.listen", "%q can be reached from other machines: server_config_file must say who may do what", n.Listen)
	}
}

func (p *problems) serverURL(s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		p.add("nats.url", "not a URL")
	case u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss":
		p.add("nats.url", "scheme %q is not nats, tls, ws or wss", u.Scheme)
	case u.Host == "":
		p.add("nats.url", "no host")
	case u.User != nil:
		p.add("nats.url", "holds a user: use credentials_file, nkey_seed_file or user and password_file")
	}
}

// address checks host:port and returns the host.
func (p *problems) address(field, addr string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		p.add(field, "%q is not host:port", addr)
		return "", false
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		p.add(field, "port %q is outside [0, 65535]", port)
		return "", false
	}
	return host, true
}

// loopback reports whether only this machine reaches host. The embedded server takes an empty host for 127.0.0.1.
func loopback(host string) bool {
	if host == "" || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (p *problems) tenants(c *Config) {
	if len(c.Tenants) == 0 {
		p.add("tenants", "none: name at least one")
	}
	seen := map[string]bool{}
	for i := range c.Tenants {
		t := &c.Tenants[i]
		field := fmt.Sprintf("tenants[%d].", i)
		if t.Name == "" || len(t.Name) > models.MaxNameBytes {
			p.add(field+"name", "must have 1 to %d bytes", models.MaxNameBytes)
		}
		if seen[t.Name] {
			p.add(field+"name", "%q is there twice", t.Name)
		}
		seen[t.Name] = true
		p.gateways(field, t.Gateways)
		for _, b := range t.Streams.bounds() {
			p.bound(field+"streams."+b.name, *b.bound, 0)
		}
	}
	for name := range c.Policy.Tenants {
		if !seen[name] {
			p.add("policy.tenants", "%q is not one of tenants", name)
		}
	}
}

func (p *problems) indicators(i *Indicators) {
	if len(i.TrustedKeys) > maxTrustedKeys {
		p.add("indicators.trusted_keys", "%d keys, the limit is %d", len(i.TrustedKeys), maxTrustedKeys)
	}
	for n, key := range i.TrustedKeys {
		field := fmt.Sprintf("indicators.trusted_keys[%d]", n)
		if err := wire.ValidatePublicKey(key); err != nil {
			p.add(field, "%v", err)
		}
		if slices.Contains(i.TrustedKeys[:n], key) {
			p.add(field, "%q is there twice", key)
		}
	}
	p.between("indicators.max_entries", i.MaxEntries, 1, maxIndicators)
	if i.MaxBytes < 1 {
		p.add("indicators.max_bytes", "%d is below 1", i.MaxBytes)
	}
}

func (p *problems) gateways(field string, names []string) {
	seen := map[string]bool{}
	for j, g := range names {
		at := fmt.Sprintf("%sgateways[%d]", field, j)
		if !durableName.MatchString(g) {
			p.add(at, "%q does not match %s", g, durableName)
		}
		if seen[g] {
			p.add(at, "%q is there twice", g)
		}
		seen[g] = true
	}
}

// bound checks a bound whose numbers are at least low: 1, or 0 where 0 means inherited.
func (p *problems) bound(field string, b Bound, low int) {
	if b.MaxBytes < int64(low) {
		p.add(field+".max_bytes", "%d is below %d", b.MaxBytes, low)
	}
	p.between(field+".max_age_hours", b.MaxAgeHours, low, maxAgeHours)
}
