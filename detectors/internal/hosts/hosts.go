// Package hosts tells whose an address is, and whether its name is what it looks like.
package hosts

import (
	"net/netip"
	"strings"
	"unicode"
)

var shorteners = map[string]bool{
	"bit.ly": true, "tinyurl.com": true, "t.co": true, "goo.gl": true, "is.gd": true, "ow.ly": true, "buff.ly": true, "cutt.ly": true,
	"rebrand.ly": true, "rb.gy": true, "t.ly": true, "shorturl.at": true, "tiny.cc": true, "v.gd": true, "s.id": true, "lnkd.in": true,
}

// Disguised reports hosts that hide who they are: addresses in figures, short links, names in mixed scripts, names within names.
func Disguised(host string) bool {
	if _, ok := Address(host); ok && !Loopback(host) || shorteners[host] {
		return true
	}
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if mixed(unpuny(label)) || endings[label] && i > 0 && i < len(labels)-2 {
			return true
		}
	}
	return false
}

// endings are labels that end a name; before another one they pretend that it ends there.
var endings = map[string]bool{"com": true, "org": true, "net": true, "gov": true, "edu": true, "bank": true, "example": true, "test": true}

// mixed reports a label with letters of Latin and of a script that looks like it.
func mixed(label string) bool {
	latin, other := false, false
	for _, r := range label {
		latin = latin || unicode.Is(unicode.Latin, r)
		other = other || unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee)
	}
	return latin && other
}

func Loopback(host string) bool {
	ip, ok := Address(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ok && ip.IsLoopback()
}

// Address returns the address that a host in figures is. Most hosts are names, and no error is made up for them.
func Address(host string) (netip.Addr, bool) {
	if strings.IndexByte(host, ':') < 0 && strings.Trim(host, "0123456789.") != "" {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}

// Owner is the label of a host that somebody registered: "harbour" of "login.harbour.co.uk".
func Owner(host string) string {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	n := len(labels) - 2
	if n > 0 && len(labels[n+1]) == 2 && secondLevel[labels[n]] {
		n--
	}
	return labels[max(n, 0)]
}

var secondLevel = map[string]bool{"co": true, "com": true, "org": true, "net": true, "gov": true, "ac": true, "edu": true, "or": true, "ne": true, "go": true}

const minBrand = 6 // letters; shorter names are in other words by chance

// Imitates reports a host that bears the server's name without being its own.
func Imitates(host, server string) bool {
	reg := unpuny(Owner(host))
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

// Related reports whether the owner of a host goes by one of the names.
func Related(host string, names ...string) bool {
	reg := plain(Owner(strings.ToLower(host)))
	for _, name := range names {
		name = strings.ToLower(name)
		if strings.Contains(name, ".") {
			name = Owner(name)
		}
		if name = plain(name); name != "" && (strings.Contains(name, reg) || strings.Contains(reg, name)) {
			return true
		}
	}
	return false
}

func plain(s string) string { return strings.NewReplacer("-", "", "_", "", " ", "").Replace(s) }

// Known reports hosts that many people install or embed things from, and those inside an organisation.
func Known(host string) bool {
	if Loopback(host) {
		return true
	}
	for rest := host; rest != ""; {
		if known[rest] {
			return true
		}
		_, rest, _ = strings.Cut(rest, ".")
	}
	for label := range strings.SplitSeq(host, ".") {
		if inside[label] {
			return true
		}
	}
	return false
}

var inside = map[string]bool{"local": true, "internal": true, "intra": true, "intranet": true, "corp": true, "lan": true, "home": true}

var known = set(`
anaconda.com anthropic.com apple.com archlinux.org arduino.cc astral.sh atlassian.com aquasec.com bit.dev brew.sh bun.sh caddyserver.com
canonical.com chocolatey.org claude.ai cloudflare.com conda.io crates.io cursor.com datadoghq.com debian.org deno.land deno.com determinate.systems
docker.com docker.io dagger.io elastic.co elixir-lang.org esm.sh fedoraproject.org fly.io flutter.dev getcomposer.org ghcr.io gcr.io github.com github.io
githubusercontent.com gitlab.com go.dev golang.org google.com googleapis.com googlesource.com grafana.com gradle.org hashicorp.com haskell.org
helm.sh heroku.com huggingface.co jetbrains.com jsdelivr.net julialang.org k3s.io k8s.io kubernetes.io launchpad.net letsencrypt.org llvm.org
maven.org microsoft.com aka.ms visualstudio.com azure.com windows.net mise.run mise.jdx.dev mongodb.com mongodb.org mozilla.org netlify.com nextdns.io nginx.org
nixos.org nodejs.org nodesource.com npmjs.com npmjs.org nvidia.com ohmyz.sh ollama.com ollama.ai openai.com opentofu.org packagist.org paradigm.xyz
platformio.org pnpm.io postgresql.org proxmox.com pulumi.com pypi.org pythonhosted.org python.org python-poetry.org pypa.io pytorch.org quay.io
r-project.org railway.app redis.io render.com replit.com rstudio.com ruby-lang.org rubygems.org rustup.rs rust-lang.org scoop.sh sdkman.io sentry.io
semgrep.dev sigstore.dev snyk.io solana.com sourceforge.net starship.rs stripe.com supabase.com tailscale.com temporal.io terraform.io
ubuntu.com unpkg.com vercel.com vercel.app volta.sh yarnpkg.com zsh.org gnu.org kernel.org sqlite.org cdnjs.cloudflare.com amazonaws.com amazon.com
vscode.dev example.com example.org example.net schema.org w3.org json-schema.org wikipedia.org wikimedia.org modelcontextprotocol.io
`)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		m[name] = true
	}
	return m
}

const maxSlot = 80 // bytes of a slot in an address

// In returns the host of the first address in text[from:to], and where the address begins and ends; start is -1 without any.
func In(text string, from, to int) (host string, start, end int) {
	n := strings.Index(text[from:to], "://")
	if n < 0 {
		return "", -1, -1
	}
	start = from + n
	for start > from && letter(text[start-1]) {
		start--
	}
	end = from + n + len("://")
	hostAt := end
	slot := 0 // where a slot was opened
	for ; end < to; end++ {
		switch c := text[end]; {
		case c == '{':
			slot = end + 1
			continue
		case c == '}':
			slot = 0
			continue
		case slot > 0 && end-slot < maxSlot && c != '\n':
			continue
		case strings.IndexByte(" \t\r\n\"'`<>|;)\\", c) < 0:
			continue
		}
		break
	}
	if n := strings.Index(text[hostAt:end], "]("); n >= 0 {
		end = hostAt + n
	}
	host = text[hostAt:end]
	if cut := strings.IndexAny(host, "/?#"); cut >= 0 {
		host = host[:cut]
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:colon]
	}
	return strings.ToLower(strings.Trim(host, "[].,*")), start, end
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
