package arguments

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// judgeAddress looks at the addresses in a value that a program is going to fetch.
func judgeAddress(v *value) (*check.Rule, int, int) {
	if v.role == prose && !strings.HasPrefix(v.text, "http") {
		return nil, 0, 0
	}
	if !strings.Contains(v.text, "://") {
		return judgeBareHost(v, unprefixed(v.text))
	}
	if !fetched(v) {
		return nil, 0, 0
	}
	for from, n := 0, 0; n < 16; n++ {
		i := strings.Index(v.text[from:], "://")
		if i < 0 {
			return nil, 0, 0
		}
		start, end := addressAround(v.text, from+i)
		if r := judgeURL(v, v.text[start:end]); r != nil {
			return r, start, end
		}
		from += i + len("://")
	}
	return nil, 0, 0
}

// unprefixed is an address without such a beginning.
func unprefixed(text string) string {
	if !strings.ContainsAny(text, "/\\:") {
		return text
	}
	return text[len(malformed.FindString(text)):]
}

// malformed is the beginning of an address that browsers mend.
var malformed = regexp.MustCompile(`(?i)^(?:https?:[/\\]*|//)`)

// fetched reports whether the value is an address, or a document whose addresses are fetched when it is rendered.
func fetched(v *value) bool {
	if i := strings.Index(v.text, "://"); i < 12 && schemeOnly(v.text[:i]) {
		return true
	}
	return v.role != prose && rendered.MatchString(v.text) || v.role == data && !strings.ContainsAny(v.text, "\n`") && words(v.text) < 6
}

func schemeOnly(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || r == '+' || r == ':')
	}) < 0
}

// rendered is markup that loads what it points to.
var rendered = regexp.MustCompile(`(?i)<svg\b|<!ENTITY|<!DOCTYPE|xlink:href|<(?:img|iframe|image|object|embed|link|script|xi:include)\b[^>]*(?:src|href|data)\s*=|!\[[^\]]*\]\(|\burl\(|@import\b|\$ref\b|schemaLocation|^\s*(?:include|extends|import|remote|from)\s*:`)

// addressAround returns the address whose "://" stands at i.
func addressAround(text string, i int) (start, end int) {
	for start = i; start > 0 && i-start < 12 && (text[start-1]|0x20 >= 'a' && text[start-1]|0x20 <= 'z' || text[start-1] == '+' || text[start-1] == ':' && start > 1); start-- {
	}
	end = i + 3
	for end < len(text) && !strings.ContainsRune(" \t\r\n\"'`<>", rune(text[end])) {
		end++
	}
	return start, end
}

// oddSchemes are schemes that no page has.
var oddSchemes = wordSet(`gopher dict ldap ldaps jar netdoc phar php expect tftp sftp jdbc rmi ogg data:text/html view-source php://filter glob zip compress.zlib`)

// linkMembers hold addresses that a client fetches or shows.
var linkMembers = wordSet(`uri url src href icon iconUrl icon_url logo logo_uri jwks_uri websiteUrl website documentationUrl authorization_endpoint token_endpoint registration_endpoint issuer endpoint target $ref`)

// hasAddress reports an event with the signs of an address.
func hasAddress(e *check.Event) bool { return e.AnyBytes().Count(addressed) == 2 }

var addressed = check.BytesOf(":/")

// links looks at the addresses that a definition, a result or a form has its client fetch.
func links(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if text := s.Views[0].Text; s.Key || len(text) > 2000 || e.Bytes(i).Count(addressed) < 2 || !strings.Contains(text, "://") || strings.HasPrefix(s.Pointer, "/inputSchema") {
			continue
		}
		if _, last := cut(s.Pointer); !linkMembers[last] || check.Below(s, "/structuredContent") {
			continue
		}
		v := value{segment: i, text: s.Views[0].Text, name: "url"}
		if r, start, end := judgeAddress(&v); r == metadataAddress || r == disguisedAddress || r == internalService {
			e.Report(r, nil, v.span(start, end))
			return
		}
	}
}

// judgeDecoded looks at an address that was encoded.
func judgeDecoded(e *check.Event, v *value) {
	s := &e.Segments[v.segment]
	for i := 1; i < len(s.Views); i++ {
		if view := &s.Views[i]; strings.Contains(view.Text, "://") && len(view.Text) < maxValue {
			inner := *v
			inner.text = view.Text
			if r, start, end := judgeAddress(&inner); r == metadataAddress || r == disguisedAddress {
				e.Report(r, nil, models.Span{Segment: v.segment, View: i, Start: start, End: end})
				return
			}
		}
	}
}

func judgeURL(v *value, address string) *check.Rule {
	scheme, rest, _ := strings.Cut(address, "://")
	scheme = strings.ToLower(scheme)
	authority := rest
	if i := strings.IndexAny(rest, "/?#\\"); i >= 0 {
		authority = rest[:i]
	}
	path := rest[len(authority):]
	host, user := authority, ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, host = authority[:i], authority[i+1:]
	}
	h := parseHost(host)
	if i := strings.IndexByte(path, '@'); i > 0 && strings.IndexByte("#?\\", path[0]) >= 0 && !strings.Contains(path[:i], "/") {
		second := path[i+1:]
		if j := strings.IndexAny(second, "/?#"); j >= 0 {
			second = second[:j]
		}
		if parseHost(second).internal {
			return disguisedAddress
		}
	}
	switch {
	case h.metadata || metadataPath.MatchString(path) && (h.disguised || h.internal):
		return metadataAddress
	case credentialPath.MatchString(path):
		return metadataAddress
	case h.disguised && h.internal:
		return disguisedAddress
	case h.internal && !h.loopback && v.forThePublic() && strings.HasPrefix(scheme, "http"):
		return internalService
	case strings.HasPrefix(scheme, "unix") || strings.HasSuffix(scheme, "+unix") || strings.Contains(strings.ToLower(host), "docker.sock"):
		return oddScheme
	case oddSchemes[scheme] && !v.about(scheme):
		return oddScheme
	case scheme == "file" && (anyWord(v.name, embeds) || v.forThePublic()) && !v.toolWord(browsers):
		return oddScheme
	case scheme == "file" && !v.about("file"):
		if p := canonical(path); systemPath.MatchString(p) || secretPath.MatchString(p) {
			return oddScheme
		}
	case user != "" && h.internal && strings.Contains(user, "."):
		return disguisedAddress
	case h.rebinding && !v.about("dev"):
		return disguisedAddress
	case h.internal && (strings.HasPrefix(scheme, "http") || scheme == "ws" || scheme == "wss" || !anyWord(v.name, databases)) && (adminPorts[h.port] != nil || adminPath.MatchString(path)) && !v.ownService(h.port):
		return internalService
	}
	return nestedAddress(h, path)
}

// databases are words of parameters for the address of a service.
var databases = wordSet(`dsn connection database db broker redis amqp mongo mongodb postgres mysql queue store backend host`)

// embeds are parameters for what is embedded in a page; browsers open local pages.
var (
	embeds   = wordSet(`image images img src logo avatar icon picture photo background thumbnail cover font stylesheet poster banner webhook callback feed`)
	browsers = wordSet(`browser navigate goto open page screenshot puppeteer playwright editor convert resize ocr`)
)

// nestedAddress looks at an address that another one is asked to go on to.
func nestedAddress(outer host, path string) *check.Rule {
	if !strings.Contains(path, "%3") && strings.Count(path, "://") == 0 || strings.Count(path, "%") > 200 {
		return nil
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return nil
	}
	if i := strings.Index(decoded, "://"); i >= 0 {
		host := decoded[i+3:]
		if j := strings.IndexAny(host, "/?#&"); j >= 0 {
			host = host[:j]
		}
		if h := parseHost(host[strings.LastIndexByte(host, '@')+1:]); h.metadata {
			return metadataAddress
		} else if h.internal && (h.disguised || !outer.internal && !h.loopback || adminPorts[h.port] != nil) {
			return disguisedAddress
		}
	}
	return nil
}

// hostNames are parameters that name a machine to speak to.
var hostNames = wordSet(`host hostname target address addr endpoint server ip domain uri url urls site base_url callback webhook upstream proxy origin
	jwks_uri feed source link href adresse dirección direccion endereço endereco hôte servidor serveur адрес сервер 地址 主机 アドレス ホスト 주소`)

// judgeBareHost looks at an address without a scheme, where the parameter says that it is one.
func judgeBareHost(v *value, host string) (*check.Rule, int, int) {
	if pseudo.MatchString(v.text) && !v.about(strings.ToLower(v.text[:strings.IndexByte(v.text, ':')])) && !strings.ContainsAny(v.text, " \n") {
		return oddScheme, 0, len(v.text)
	}
	if len(host) > 300 || strings.ContainsAny(host, " \n") || anyWord(v.name, listed) || !pseudo.MatchString(host) && !anyWord(v.name, hostNames) && !strings.Contains(host, "/") {
		return nil, 0, 0
	}
	if m := pseudo.FindStringIndex(host); m != nil && !v.about(strings.ToLower(host[:strings.IndexByte(host, ':')])) {
		return oddScheme, 0, len(v.text)
	}
	path := ""
	if i := strings.IndexAny(host, "/?#"); i >= 0 {
		host, path = host[:i], host[i:]
	}
	h := parseHost(host[strings.LastIndexByte(host, '@')+1:])
	switch {
	case h.metadata && (anyWord(v.name, hostNames) || metadataPath.MatchString(path)):
		return metadataAddress, 0, len(v.text)
	case h.disguised && h.internal && len(host) > 3 && anyWord(v.name, hostNames):
		return disguisedAddress, 0, len(v.text)
	case h.internal && path != "" && adminPorts[h.port] != nil && !v.ownService(h.port):
		return internalService, 0, len(v.text)
	}
	return nil, 0, 0
}

// pseudo are prefixes by which converters of pictures and films read something else.
var pseudo = regexp.MustCompile(`(?i)^(?:msl|mvg|ephemeral|concat|subfile|pipe|expect|php|phar|netdoc|label:@|text:@|caption:@|vid|msvg):`)

// listed are words of parameters that list addresses to keep away from.
var listed = wordSet(`deny denied denylist block blocked blocklist exclude ignore martians no_proxy disallow forbidden input inputs`)

// metadataPath is what the metadata services of clouds answer to.
var metadataPath = regexp.MustCompile(`(?i)^/+(?:latest/(?:meta-data|user-data|dynamic|api/token)|computemetadata/|metadata/(?:identity|instance|v1)|opc/v[12]/|openstack/|v[234]/credentials|metadata/v1|hetzner/v1)`)

// credentialPath gives out credentials, on whatever host.
var credentialPath = regexp.MustCompile(`(?i)^/+(?:latest/(?:meta-data|user-data|dynamic/instance-identity|api/token$)|computemetadata/v1|metadata/(?:identity|instance)|opc/v[12]/instance)`)

// forThePublic reports whether the tool fetches what others published: nothing inside a network is.
func (v *value) forThePublic() bool { return anyWord(v.name, published) || v.toolWord(published) }

var published = wordSet(`webhook webhooks hook hooks avatar logo favicon icon icons feed rss article articles unfurl oembed opengraph jwks issuer crawl crawler scrape subscribe
	oidc discovery sso idp newsletter podcast summarise summarize summary abonnieren suscribir assinar podcast recipe news`)

// adminPorts are the ports of services that answer whoever reaches them, with the words of tools that are for them.
var adminPorts = map[int]map[string]bool{
	2375: wordSet("docker"), 2376: wordSet("docker"), 2379: wordSet("etcd"), 2380: wordSet("etcd"), 4001: wordSet("etcd"), 8500: wordSet("consul"), 8200: wordSet("vault"), 4646: wordSet("nomad"), 6379: wordSet("redis"), 11211: wordSet("memcached"),
	9200: wordSet("elastic elasticsearch opensearch search kibana"), 9300: wordSet("elasticsearch"), 5984: wordSet("couch couchdb"), 27017: wordSet("mongo mongodb"), 28017: wordSet("mongo"),
	6443: wordSet("kube kubernetes k8s kubectl"), 8001: wordSet("kube kubernetes kubectl"), 10250: wordSet("kube kubelet"), 10255: wordSet("kube kubelet"), 15672: wordSet("rabbit rabbitmq"),
	3306: wordSet("mysql"), 5432: wordSet("postgres"), 25: wordSet("smtp mail"), 22: wordSet("ssh"), 23: wordSet("telnet"), 873: wordSet("rsync"), 50070: wordSet("hadoop"), 8088: wordSet("yarn"), 7001: wordSet("weblogic"), 8161: wordSet("activemq"),
	9000: wordSet("php fpm minio portainer sonar"), 9001: wordSet("supervisor minio"), 5985: wordSet("winrm"), 1099: wordSet("rmi"), 8083: wordSet("influx"), 8086: wordSet("influx influxdb"), 9042: wordSet("cassandra"), 61616: wordSet("activemq"), 2181: wordSet("zookeeper"), 8888: wordSet("jupyter notebook"),
	9090: wordSet("prometheus cockpit metrics promql grafana"), 9229: wordSet("debug inspect node"), 9222: wordSet("chrome devtools browser debug"),
}

// adminPath is a path under which services are administered.
var adminPath = regexp.MustCompile(`(?i)^/+(?:v1/(?:kv|agent|sys|secret|catalog|jobs|auth)\b|v2/keys|containers/json|images/json|_cat/|_all/|_search|_nodes|_cluster|_config|_users|actuator|server-status|jolokia|manager/(?:html|text)|cgi-bin/|admin\b|api/v1/(?:secrets|namespaces|pods|nodes)|apis/|debug/(?:pprof|vars)|console\b|phpmyadmin|solr/admin|script\b|jenkins|\.env|\.git/|env\b|heapdump|metrics\b|latest/|run/|exec/|config\.|setup\.cgi|goform/|hnap1|api/settings|wp-admin|api/v\d+/admin|druid/|nacos/|redfish/)`)

// about reports whether the tool or the parameter is for the thing.
func (v *value) about(word string) bool {
	return hasName(snake(v.tool), word) || hasName(v.name, word)
}

// hasName reports whether word is one of the words of a name.
func hasName(name, word string) bool {
	for rest := name; word != ""; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(rest[:i])
		after, _ := utf8.DecodeRuneInString(rest[i+len(word):])
		if (i == 0 || notWord(before)) && (i+len(word) == len(rest) || notWord(after)) {
			return true
		}
		rest = rest[i+len(word):]
	}
	return false
}

// ownService reports whether the tool is for the service itself.
func (v *value) ownService(port int) bool {
	return v.toolWord(adminPorts[port]) || v.toolWord(operators)
}

var operators = wordSet(`admin cluster node nodes device devices router switch dev local localhost monitor health healthcheck probe poll debug devtools emulator smart home plc`)

// host is what an address leads to.
type host struct {
	port                                               int
	metadata, internal, disguised, rebinding, loopback bool
}

// metadataNames are the names of metadata services.
var metadataNames = wordSet(`metadata.google.internal metadata metadata.goog metadata.azure.internal metadata.azure.com instance-data instance-data.ec2.internal
	metadata.tencentyun.com metadata.platformequinix.com metadata.packet.net metadata.internal metadata.local rancher-metadata metadata.oraclecloud.com
	169.254.169.254.nip.io metadata.nicob.net`)

var metadataAddresses = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("169.254.170.23"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd00:ec2::23"), netip.MustParseAddr("169.254.169.123"),
	netip.MustParseAddr("169.254.0.23"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("169.254.42.42"), netip.MustParseAddr("fe80::a9fe:a9fe"),
}

// rebinders are domains whose names resolve to the address that they spell.
var rebinders = []string{"nip.io", "sslip.io", "xip.io", "rbndr.us", "1u.ms", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "rebind.it", "rebind.network", "traefik.me", "localdomain.pw", "yoogle.com", "fbi.com", "xip.name"}

// internalSuffixes end names that resolve only inside a network.
var internalSuffixes = []string{".internal", ".consul", ".cluster.local", ".svc", ".localhost", ".corp", ".intranet", ".lan", ".local", ".localdomain", ".home.arpa", ".private"}

func parseHost(authority string) (h host) {
	name := authority
	if strings.HasPrefix(name, "[") {
		inner, rest, _ := strings.Cut(name[1:], "]")
		h.port, _ = strconv.Atoi(strings.TrimPrefix(rest, ":"))
		inner, _, _ = strings.Cut(inner, "%")
		if a, err := netip.ParseAddr(inner); err == nil {
			h.address(a, a.Is4In6() || !a.IsLoopback() && a.Is6() && embedded(a).IsValid())
		}
		return h
	}
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		h.port, _ = strconv.Atoi(name[i+1:])
		name = name[:i]
	}
	plain := strings.ToLower(name)
	if strings.Contains(plain, "%") {
		if d, err := url.PathUnescape(plain); err == nil {
			plain = d
		}
	}
	folded := strings.ReplaceAll(norm.NFKC.String(plain), "\u3002", ".")
	h.disguised = folded != strings.ToLower(name)
	folded, dotted := strings.CutSuffix(folded, ".")
	if a, odd, ok := parseNumbers(folded); ok {
		h.address(a, odd || h.disguised)
		return h
	}
	h.named(folded)
	h.disguised = h.internal && (h.disguised || dotted && h.port != 0)
	return h
}

func (h *host) named(name string) {
	h.metadata = metadataNames[name] || strings.HasSuffix(name, ".metadata.google.internal")
	h.loopback = name == "localhost" || name == "localhost.localdomain" || strings.HasSuffix(name, ".localhost")
	h.internal = h.metadata || h.loopback || name == "kubernetes" || name == "localhost.localdomain" || name == "ip6-localhost" || name == "host.docker.internal" || name == "gateway.docker.internal"
	for _, s := range internalSuffixes {
		h.internal = h.internal || strings.HasSuffix(name, s)
	}
	h.internal = h.internal || insideLabel.MatchString(name)
	for _, s := range rebinders {
		if strings.HasSuffix(name, "."+s) || name == s {
			h.rebinding = true
			inner := strings.TrimSuffix(name, s)
			if strings.Contains(inner, "169.254.169.254") || strings.Contains(inner, "169-254-169-254") || strings.Contains(inner, "a9fea9fe") {
				h.metadata = true
			}
		}
	}
	if !strings.Contains(name, ".") && len(name) > 1 && strings.ToLower(name) == name && !strings.ContainsAny(name, "{}<>$%*") {
		h.internal = true
	}
	if m := spelled.FindStringSubmatch(name); m != nil && !h.internal {
		if a, err := netip.ParseAddr(strings.Join(m[1:5], ".")); err == nil {
			var inner host
			inner.address(a, false)
			h.rebinding, h.metadata = h.rebinding || inner.internal, h.metadata || inner.metadata
		}
	}
}

// insideLabel is a label that networks give to what is not for outside.
var insideLabel = regexp.MustCompile(`(?:^|\.)(?:lan|intranet|mgmt|corp|internal|idrac[\w-]*|ilo[\d-][\w-]*|ipmi[\w-]*|bmc[\w-]*)\.`)

// spelled is an address within a name, which its server resolves to that address.
var spelled = regexp.MustCompile(`(?:^|[.-])(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-]?\S*\.[a-z]+$`)

func (h *host) address(a netip.Addr, odd bool) {
	if b := embedded(a); b.IsValid() {
		a = b
	}
	a = a.Unmap()
	for _, m := range metadataAddresses {
		h.metadata = h.metadata || a == m
	}
	h.internal = h.metadata || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || carrier.Contains(a)
	h.loopback = a.IsLoopback() || a.IsUnspecified()
	h.disguised = odd
}

var (
	carrier = netip.MustParsePrefix("100.64.0.0/10")
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4  = netip.MustParsePrefix("2002::/16")
	compat  = netip.MustParsePrefix("::/96")
)

// embedded is the IPv4 address that an IPv6 address leads to, if it does.
func embedded(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return netip.Addr{}
	}
	b := a.As16()
	switch {
	case a.Is4In6():
		return a.Unmap()
	case nat64.Contains(a), compat.Contains(a) && !a.IsLoopback() && !a.IsUnspecified():
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return netip.Addr{}
}

// parseNumbers reads an IPv4 address as inet_aton does: in up to four parts, decimal, octal or hexadecimal. Odd means
// that it is not in the usual four decimal parts.
func parseNumbers(s string) (a netip.Addr, odd, ok bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return a, false, false
	}
	parts := strings.SplitN(s, ".", 5)
	if len(parts) > 4 {
		return a, false, false
	}
	var n uint64
	for i, p := range parts {
		x, err := strconv.ParseUint(p, 0, 64)
		if err != nil || strings.Contains(p, "_") {
			return a, false, false
		}
		last := i == len(parts)-1
		limit := uint64(256)
		if last {
			limit = 1 << (8 * (5 - len(parts)))
		}
		if x >= limit {
			return a, false, false
		}
		if last {
			n = n<<(8*(5-len(parts))) | x
		} else {
			n = n<<8 | x
		}
		odd = odd || len(p) > 1 && p[0] == '0'
	}
	odd = odd || len(parts) != 4
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), odd, true
}
