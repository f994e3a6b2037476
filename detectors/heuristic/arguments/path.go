package arguments

import (
	"net/url"
	filepath "path"
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

// judgePath looks at a value as a path: whether it climbs out of its folder, and where it leads.
func judgePath(v *value) (*check.Rule, int, int) {
	if v.role == prose || anyWord(v.name, listed) || !strings.ContainsAny(v.text, `/\%.~`) || len(v.text) > 512 || !pathLike(v.text) {
		return nil, 0, 0
	}
	path := canonical(v.text)
	start := max(strings.Index(v.text, ".."), 0)
	if strings.HasPrefix(path, "/") && strings.Contains(path, "/..") && v.role == data {
		if clean := filepath.Clean(path); systemPath.MatchString(clean) || secretPath.MatchString(clean) {
			return pathTraversal, start, len(v.text)
		}
	}
	secret := secretPath.MatchString(path) && !samplePath.MatchString(path)
	switch climb := climbs(path); {
	case v.role == code && (!secret || strings.Contains(v.text, " ")):
		return nil, 0, 0
	case climb.escapes && (climb.descends || rootFolder.MatchString(climb.rest) || secret || systemPath.MatchString(path)):
		return pathTraversal, start, len(v.text)
	case climb.escapes && privateFolder.MatchString(climb.rest):
		return pathTraversal, start, len(v.text)
	case climb.escapes && strings.HasPrefix(path, "../../") && anyWord(v.name, labels):
		return pathTraversal, start, len(v.text)
	case share.MatchString(v.text):
		return oddScheme, 0, len(v.text)
	case rootOnly.MatchString(path) && anyWord(v.name, mountNames) && v.toolWord(mounts):
		return sensitivePath, 0, len(v.text)
	case hiddenDots(v.text, path):
		return pathTraversal, 0, len(v.text)
	case secret && !v.toolWord(keepers):
		return secretStore, 0, len(v.text)
	case systemPath.MatchString(path) && !samplePath.MatchString(path) && (!v.toolWord(keepers) || anyWord(v.name, packed)):
		return sensitivePath, 0, len(v.text)
	}
	return nil, 0, 0
}

// labels are parameters for a name, which no path is; share is a folder of a machine that is known by number only;
// mounts are tools that make one folder another.
var (
	privateFolder = regexp.MustCompile(`(?i)^\.(?:ssh|aws|kube|gnupg|docker|azure|config|mozilla|password-store|local|git)(?:/|$)`)
	labels        = wordSet(`name template theme locale lang language page view report plugin module doc document asset id key skin layout slug title`)
	share         = regexp.MustCompile(`^\\\\(?:\d+\.\d+\.\d+\.\d+|[^\\]+@(?:ssl|SSL|\d+)\b[^\\]*)\\`)
	rootOnly      = regexp.MustCompile(`^/(?:etc|root|proc|sys|boot|dev|var/run|run|home|Users)?/?$`)
	mountNames    = wordSet(`source src host_path hostpath target points_to link_target volume bind host`)
	mounts        = wordSet(`mount link symlink alias share container volume workspace sandbox devbox`)
)

// beside compares the paths of a call with the folder that it names as their root: "/srv/data-private" is not below
// "/srv/data".
func beside(e *check.Event) {
	root, rootName, homes := "", "", false
	for i := range e.Segments {
		if s := &e.Segments[i]; !s.Key && rootNames[parameter(s.Pointer)] && strings.HasPrefix(s.Views[0].Text, "/") {
			root = strings.TrimRight(s.Views[0].Text, "/")
			rootName = parameter(s.Pointer)
			homes = strings.HasPrefix(root, "/home/") && parameter(s.Pointer) == "home"
		}
	}
	if len(root) < 3 {
		return
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		rest, ok := strings.CutPrefix(s.Views[0].Text, root)
		if other := s.Views[0].Text; !s.Key && !ok && homes && check.Below(s, "/arguments") && parameter(s.Pointer) == "path" && strings.HasPrefix(other, root[:strings.LastIndexByte(root, '/')+1]) {
			e.Report(pathTraversal, nil, e.Whole(i))
			return
		}
		if !s.Key && !ok && strictRoots[rootName] && paths[parameter(s.Pointer)] && check.Below(s, "/arguments") && neighbour(root, s.Views[0].Text) {
			e.Report(pathTraversal, nil, e.Whole(i))
			return
		}
		if !s.Key && ok && rest != "" && rest[0] != '/' && !strings.Contains(rest, " ") && check.Below(s, "/arguments") && !rootNames[parameter(s.Pointer)] {
			e.Report(pathTraversal, nil, e.Whole(i))
			return
		}
	}
}

// neighbour reports whether path is absolute and lies beside the root, under the same folder at the top.
func neighbour(root, path string) bool {
	top := strings.IndexByte(root[1:], '/')
	return top > 0 && len(path) > top+2 && strings.HasPrefix(path, root[:top+2]) && !strings.HasPrefix(root, path)
}

// strictRoots bound the paths of a call, and paths are the parameters for those.
var (
	strictRoots = wordSet(`root base_dir basedir root_dir rootdir workspace project_root sandbox jail allowed_root racine raiz raíz wurzel 根目录 ルート`)
	paths       = wordSet(`path dir directory file folder filename target_path datei ordner ruta archivo chemin fichier caminho arquivo 路径 文件 パス ファイル`)
)

var rootNames = wordSet(`root home base base_dir basedir root_dir rootdir workspace cwd project_root racine raiz raíz wurzel الجذر корень 根目录 ルート`)

// packed are parameters for what is in an archive.
var packed = wordSet(`members member entries entry`)

// keepers are words of tools that look after whole machines.
var keepers = wordSet(`backup backups snapshot restic archive restore sicherung sauvegarde copia mount deny exclude`)

// pathLike reports whether the whole value can be a path: no sentence, no query.
func pathLike(text string) bool {
	return (!strings.ContainsAny(text, "\n\"<>|;`()") || strings.Contains(text, "..;/") && !strings.ContainsAny(text, "\n\"<>|`()")) && words(text) <= 3 && !strings.HasPrefix(text, "http") && !strings.Contains(text, " OR ")
}

// canonical is the path as a careless program comes to see it: decoded, with plain dots and slashes.
func canonical(text string) string {
	path := text
	for range 3 {
		if !strings.Contains(path, "%") {
			break
		}
		path = overlong.Replace(path)
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			break
		}
		path = decoded
	}
	path = spellings.Replace(path)
	for strings.Contains(path, "//") && !strings.Contains(path, "://") && !strings.Contains(path, "..//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	for strings.Contains(path, "....//") || strings.Contains(path, "..././") {
		path = strings.ReplaceAll(strings.ReplaceAll(path, "....//", "../"), "..././", "../")
	}
	return path
}

var (
	overlong = strings.NewReplacer("%c0%ae", ".", "%C0%AE", ".", "%c0%af", "/", "%C0%AF", "/", "%c1%9c", "/", "%C1%9C", "/",
		"%e0%80%ae", ".", "%E0%80%AE", ".", "%e0%80%af", "/", "%u002e", ".", "%u2215", "/", "%u2216", "/", "%uff0e", ".")
	spellings = strings.NewReplacer(`\`, "/", "\uff0e", ".", "\u2024", ".", "\u2025", "..", "\uff0f", "/", "\u2215", "/", "\u2044", "/", "\u29f8", "/", "\uff3c", "/", "..;/", "../")
)

// hiddenDots reports whether climbing is spelled so that a filter misses it, or the name is cut behind a check.
func hiddenDots(text, path string) bool {
	if strings.Contains(path, "\x00") {
		return true
	}
	lower := strings.ToLower(text)
	for _, s := range []string{"..%2f", "..%5c", "%2e%2e", "%252e", "%252f", "..%c0", "..;/", "%c0%ae", "....//", `....\\`, "::$data", "::$index", "\uff0e\uff0e", "\u2025/", "..\uff0f", "..\u2215"} {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return false
}

// climb is where a path goes from the folder that it begins in.
type climb struct {
	escapes  bool   // above the folder
	descends bool   // after it had gone down, which no honest path needs
	rest     string // behind the last step up
}

func climbs(path string) (c climb) {
	if !strings.Contains(path, "..") {
		return c
	}
	depth, down := 0, strings.HasPrefix(path, "/")
	rest := path
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch part {
		case "", ".":
		case "..":
			depth--
			c.rest = rest
			if depth < 0 {
				c.escapes, c.descends = true, c.descends || down
			}
		default:
			depth++
			down = true
		}
	}
	return c
}

var (
	// rootFolder is a folder that stands at the top of a file system.
	rootFolder = regexp.MustCompile(`(?i)^(?:home|root|etc|var|proc|opt|usr|srv|run|tmp|boot|sys|dev|users|library|windows|winnt|inetpub|programdata|program files[^/]*|app|private|mnt|media)/`)
	// systemPath is a place that decides what a machine does, or that lets one look into it.
	systemPath = regexp.MustCompile(`(?i)^~root(?:/|$)|^(?:file://)?/(?:home|users)/(?:\*|\{)|^[@(]?(?:file://)?/?(?:[a-z]:)?(?:.*/)?(?:etc/(?:shadow-?|gshadow|passwd-?|sudoers(?:\.d/.*)?|ssl/private(?:/.*)?|krb5\.keytab|cron(?:\.\w+/.*|tab)|ld\.so\.preload|profile\.d/.*|systemd/system/.*|rc\.local|kubernetes/.*|ssh/(?:sshd_config|ssh_host_.*_key))|` +
		`proc/(?:self|thread-self|\d+|\*)/(?:environ|mem|maps|cmdline|root(?:/.*)?|fd(?:/.*)?|cwd(?:/.*)?)|proc/(?:kcore|kallsyms|sysrq-trigger)|` +
		`(?:docker|containerd|podman|crio|crictl)(?:/\w+)?\.sock|dev/(?:mem|kmem|sd[a-z]\d?|nvme\S+)|sys/kernel/.*|` +
		`(?:var/)?run/(?:docker|podman)\S*\.sock|var/spool/cron(?:/.*)?|` +
		`\.git/(?:hooks/[\w-]+|config)|\.config/systemd/user/.*|\.config/autostart/.*|library/launch(?:agents|daemons)/.*|start menu/programs/startup/.*|` +
		`windows/(?:system32/config/(?:sam|system|security|software).*|repair/.*|win\.ini|system32/drivers/etc/hosts|ntds/.*)|ntds\.dit|` +
		`\.(?:bash|zsh)(?:rc|_profile|env|_login|_logout)|\.zprofile|\.zshenv|\.profile|\.vscode/(?:tasks|settings)\.json|\.config/code/user/settings\.json|` +
		`\.cursor/(?:mcp|rules)\S*|\.claude/settings\S*|\.ssh/(?:authorized_keys2?|rc|environment))$`)
	// secretPath is a store of keys, passwords, tokens or sessions.
	secretPath = regexp.MustCompile(`(?i)(?:^|[/~\s=:'"@])(?:\.ssh/(?:id_\w+|identity|\*.*|[\w.-]*(?:key|\.pem))|id_(?:rsa|dsa|ecdsa|ed25519)|\.aws/(?:credentials|\*.*|sso.*|cli/cache.*)|\.kube/config|\.docker/config\.json|\.dockercfg|` +
		`\.netrc|_netrc|\.npmrc|\.pypirc|\.pgpass|\.my\.cnf|\.mylogin\.cnf|\.git-credentials|\.gnupg(?:/.*)?|\.password-store(?:/.*)?|\.vault-token|\.terraform\.d/credentials\S*|\.terraformrc|` +
		`\.azure/(?:\w*tokens?\S*|msal\S*|service_principal\S*|azureprofile\.json)|\.config/(?:gcloud(?:/.*)?|gh/hosts\.yml|hub|op(?:/.*)?|rclone/\S*|doctl/\S*|configstore/.*|github-copilot/\S*)|gcloud/(?:credentials\.db|access_tokens\.db|application_default_credentials\.json|legacy_credentials\S*)|application_default_credentials\.json|rclone\.conf|` +
		`\.codex/auth\.json|\.claude/\.?credentials\.json|\.claude\.json|claude_desktop_config\.json|[\w./-]*/\.?mcp\.json|\.gemini/oauth_creds\.json|` +
		`\S*(?:login data|cookies\.sqlite|key[34]\.db|logins\.json|signons\.sqlite|login\.keyring|\.keychain(?:-db)?|\.kdbx?|\.keystore|\.jks|\.ppk|wallet\.dat|ntuser\.dat)|[^\n]*/(?:login data|network/cookies|cookies|local state|web data)|[^\n]*\{[^}]*(?:key[34]|cookies|logins)[^}]*\}\S*|` +
		`keyrings?/\S*|keychains?/\S*|\.local/share/keyrings\S*|hk(?:lm|ey_local_machine)/(?:sam|security)\S*|(?:var/)?run/secrets/\S+|serviceaccount/token|\.bash_history|\.zsh_history|\.psql_history|\.mysql_history|\.python_history|\.node_repl_history|consolehost_history\.txt|` +
		`master\.key|credentials\.(?:db|json|xml|yml\.enc)|secrets?\.(?:ya?ml|json|env|toml)|\.m2/settings(?:-security)?\.xml|\.gem/credentials|\.cargo/credentials(?:\.toml)?|\.composer/auth\.json|\.s3cfg|\.boto|\.env(?:\.(?:local|prod(?:uction)?|staging|dev(?:elopment)?))?|\.htpasswd|web\.config|wp-config\.php|` +
		`\S*kubelet-client\S*|\S*etc/kubernetes/(?:admin\.conf|pki/\S*)|\S*/pki/private/\S*|\S*ssh_host_\w+_key|\S*(?:server|private|priv|tls|signing|master|root|client)[-_.]?key(?:\.pem|\.der|\.p12|\.pfx)?|\S+\.(?:p12|pfx))(?:$|[/\s'":,;)|*}]|::)|` +
		`\{[^}]*(?:aws|ssh|kube|gnupg|gcloud|netrc)[^}]*\}|\{[^}]*(?:\.env|\.pem|\.key|\.p12|\.pfx|\.kdbx|id_[r*]|credentials|secrets)\b?[^}]*,[^}]*(?:\.env|\.pem|\.key|\.p12|\.pfx|\.kdbx|id_[r*]|credentials|secrets)[^}]*\}`)
	samplePath = regexp.MustCompile(`(?i)(?:\.(?:example|sample|template|dist|tmpl|tpl|pub|md|txt)|known_hosts)\b|(?:example|sample|fixture|testdata)|^/?repo/`)
)
