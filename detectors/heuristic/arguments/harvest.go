package arguments

import (
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// harvests are commands that print keys, passwords, tokens or the whole environment.
var harvests = regexp.MustCompile(`(?i)(?:^|[;&|\n` + "`" + `'"(]\s*|do shell script "|sudo\s+)(?:` +
	`(?:/usr/bin/)?(?:printenv|env|set|export\s+-p|declare\s+-x[p]?)\s*(?:$|[;&|>\n` + "`" + `)"])|` +
	`(?:cat|strings|less|more|head|tail|xxd|base64|cp|od|tr|type|get-content)\b[^\n;|]*/proc/(?:self|\d+|\*|\$\$|\$\{?\w+\}?)/environ|` +
	`gh\s+auth\s+token|glab\s+auth\s+\S+\s+--show-token|security\s+(?:find-(?:generic|internet)-password\b[^\n;]*-\w*w|dump-keychain|export)|` +
	`aws\s+(?:configure\s+(?:export-credentials|get\s+\S*secret\S*)|sts\s+(?:get-session-token|assume-role\S*|get-federation-token)|secretsmanager\s+get-secret-value|ssm\s+get-parameters?\b[^\n;]*--with-decryption|iam\s+create-access-key|ecr\s+get-login-password)|` +
	`gcloud\s+(?:auth\s+(?:application-default\s+)?print-(?:access|identity)-token|secrets\s+versions\s+access|iam\s+service-accounts\s+keys\s+create)|az\s+(?:account\s+get-access-token|keyvault\s+secret\s+(?:show|download)|acr\s+login[^\n;]*--expose-token)|` +
	`kubectl\s+(?:[^\n;|]*\s)?(?:get|describe)\s+secrets?\b[^\n;]*(?:-o|--output|-A|--all-namespaces|base64)|kubectl\s+(?:create\s+token|config\s+view\s+[^\n;]*--raw)|` +
	`vault\s+(?:kv\s+get|read|print\s+token|token\s+lookup)|op\s+(?:item\s+get|read|vault\s+list)|bw\s+(?:get|list|export)|lpass\s+(?:show|export)|keepassxc-cli\s+(?:show|export)|pass\s+(?:show|ls)|secret-tool\s+(?:lookup|search)|` +
	`cmdkey\s+/list|vaultcmd\b|rundll32\S*\s+keymgr|netsh\s+wlan\s+(?:show|export)\s[^\n;]*key=clear|nmcli\b[^\n;]*(?:-s\b|--show-secrets)|` +
	`(?:mimikatz|lazagne|secretsdump|procdump\b[^\n;]*lsass|pypykatz|hashdump|gsecdump)|reg(?:\.exe)?\s+(?:save|export)\s+"?hk(?:lm|ey_local_machine)\\(?:sam|system|security)|` +
	`gpg\s[^\n;]*--export-secret|ssh-add\s+-[lL]\b|git\s+credential(?:-\w+)?\s+(?:fill|get)|docker\s+(?:inspect\b[^\n;]*env|exec\s+\S+\s+(?:env|printenv))|` +
	`heroku\s+config|vercel\s+env\s+pull|fly(?:ctl)?\s+auth\s+token|npm\s+(?:token\s+(?:list|create)|config\s+(?:get|ls)\s[^\n;]*(?:_auth|authtoken))|doppler\s+secrets|infisical\s+(?:export|secrets)|terraform\s+(?:output\s[^\n;]*-(?:raw|json)|state\s+pull)|pulumi\s+\S+\s[^\n;]*--show-secrets|` +
	`(?:sqlite3|cp|copy|cat)\s[^\n;]*(?:login data|cookies(?:\.sqlite)?|key4\.db|logins\.json)|` +
	`(?:cat|less|more|head|tail|strings|xxd|base64|cp|scp|tar|zip|curl|type|get-content|gc|rsync|od|sed|awk|grep|openssl)\b[^\n;|]*(?:~|\$HOME|\$\{HOME\}|/root|/home/[^/\s]+|/Users/[^/\s]+|%userprofile%|\$env:userprofile|c:\\users\\[^\\\s]+)[/\\](?:\.ssh[/\\](?:id_\w+(?:\s|$|['";|&>)])|\*)|\.aws[/\\](?:credentials|\*)|\.kube[/\\]config|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.git-credentials|\.docker[/\\]config\.json|\.gnupg|\.config[/\\](?:gh[/\\]|gcloud|rclone)|\.vault-token|\.bash_history|\.zsh_history|\.env\b)|` +
	`(?:cat|less|head|tail|cp|tar|xxd|base64)\b[^\n;|]*(?:/etc/(?:shadow|gshadow|sudoers)|/var/run/secrets/|/run/secrets/)|` +
	`(?:grep|rg|ag|ack|findstr)\s[^\n;|]*(?:passw(?:or)?d|secret|api[_-]?key|token|aws_|BEGIN[^'"]*PRIVATE)[^\n;|]*\s(?:/home|/root|/etc|/Users|~|\$HOME|/var|/opt|c:\\|/)(?:\s|/|$)|` +
	`(?:tar|zip|cp|rsync|scp|7z)\b[^\n;|]*\s(?:~|\$HOME|/root|/home/[^/\s]+|/Users/[^/\s]+)/\.(?:aws|ssh|kube|gnupg|config/gcloud|azure|docker|password-store)/?(?:\s|$)|(?:grep|rg|ag|ack)\s+(?:-\S+\s+)*(?:'[^'\n]*(?:passw|secret|api[_-]?key|token|aws_|PRIVATE)[^'\n]*'|"[^"\n]*(?:passw|secret|api[_-]?key|token|aws_|PRIVATE)[^"\n]*")\s+(?:-\S+\s+)*(?:/home|/root|/etc|/Users|~|\$HOME|/var|/opt|/)(?:\s|/|$)|for\s+\w+\s+in\s[^\n;]*(?:\.ssh/|\.aws/|\.kube/|\.config/gcloud|\.gnupg|/proc/)[^\n;]*;|find\s+(?:/|~|/home|/Users|/root|\$HOME)\s?[^\n;|]*-i?name\s+\S*(?:id_rsa|\.pem|\.key|\.env|credentials|\.kdbx|wallet|\.p12|\.npmrc|\.aws)` +
	`)|\$\{?(?:AWS_SECRET_ACCESS_KEY|GITHUB_TOKEN|GH_TOKEN|OPENAI_API_KEY|ANTHROPIC_API_KEY|NPM_TOKEN|SLACK_TOKEN|DATABASE_URL|[A-Z_]*(?:SECRET|PASSWORD|PRIVATE_KEY))\}?[^\n;]*(?:\|\s*(?:nc|curl|base64)|https?://)|(?:curl|wget|nc)\b[^\n;]*\$\{?(?:AWS_SECRET_ACCESS_KEY|[A-Z_]*(?:_SECRET|PASSWORD|PRIVATE_KEY))\b|os\.environ\b(?:\.copy\(\))?\s*\)?[^.\[(gw]|JSON\.stringify\(\s*process\.env\s*\)|dict\(os\.environ|\bGet-ChildItem\s+env:|\bgci\s+env:|\bdir\s+env:`)

// judgeHarvest looks for a command that collects credentials.
func judgeHarvest(v *value) (*check.Rule, int, int) {
	if v.role == prose {
		return nil, 0, 0
	}
	if v.toolWord(clusters) && clusterSecrets.MatchString(v.text) {
		return harvestCommand, 0, len(v.text)
	}
	if m := harvests.FindStringIndex(v.text); m != nil {
		if head := v.text[:m[0]]; !strings.HasSuffix(strings.TrimSpace(head), "grep") && !strings.HasPrefix(head, "man ") {
			return harvestCommand, m[0], m[1]
		}
	}
	return nil, 0, 0
}

// clusters are tools for clusters, and clusterSecrets is what lets one have all secrets of theirs.
var (
	clusters       = wordSet(`k8s kube kubectl kubernetes oc openshift helm cluster`)
	clusterSecrets = regexp.MustCompile(`(?i)^\s*(?:get|describe)\s+secrets?\b[^\n]*\s(?:-o|--output|-A|--all-namespaces)`)
)

// harvestCall looks at a call whose arguments together ask for the secrets of a whole system.
func harvestCall(e *check.Event) {
	secrets, whole := -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || len(s.Views[0].Text) > maxValue || !check.Below(s, "/arguments") {
			continue
		}
		switch text := strings.ToLower(s.Views[0].Text); text {
		case "secret", "secrets", "credentials", "passwords", "tokens", "apikeys", "api_keys", "private_keys", "ssh_keys", "configmaps,secrets", "environment", "cookies", "logins":
			secrets = i
		case "--all-namespaces", "-a", "all", "*", "--all", "all-namespaces", "everything", "plaintext", "decrypted", "cleartext", "unmasked":
			whole = i
		default:
			if strings.Contains(text, "base64decode") || strings.Contains(text, "base64 -d") || strings.Contains(text, "{{.data") || strings.Contains(text, "jsonpath={.data") || strings.Contains(text, ".items[*].data") {
				whole = i
			}
		}
	}
	if secrets >= 0 && whole >= 0 {
		e.Report(harvestCommand, nil, e.Whole(secrets), e.Whole(whole))
	}
}

// The words of a text that has credentials taken somewhere.
var (
	stores      = check.Signals("arguments.store")
	credentials = check.Signals("arguments.store", "arguments.secret", "arguments.everywhere", "arguments.held", "secret", "credential")
	taking      = check.Signals("arguments.take")
	sparing     = check.Signals("arguments.spare")
	everywhere  = check.Signals("arguments.everywhere")
	poured      = check.Signals("arguments.poured")
	held        = check.Signals("arguments.held")
	bare        = check.Signals("arguments.bare")
	full        = check.Signals("arguments.full", "arguments.bare")
	owned       = check.Signals("arguments.owner")
	slots       = check.Signals("arguments.slot", "param")
	// signs make a sentence about credentials a demand for them, each by its own; the first say only where they lie.
	signs = []directive.Signals{
		stores, owned, slots, full, poured, held, check.Signals("arguments.press", "must", "conceal"),
		check.Signals("addressee"), check.Signals("arguments.unasked", "unguard"), check.Signals("address"),
	}
)

// numPlaces counts the signs that only say where credentials lie.
const numPlaces = 2

// maxLookups limits the sentences of one event in which the names of parameters are looked for.
const maxLookups = 16

// hasCredentials reports an event that speaks of credentials.
func hasCredentials(e *check.Event) bool { return e.Long().Meets(&credentials) }

// harvest looks for texts that have stores of credentials emptied into a parameter, an address or an answer.
func harvest(e *check.Event) {
	lookups := maxLookups
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || len(s.Views[0].Text) < 30 {
			continue
		}
		inside := strings.HasPrefix(s.Pointer, "/inputSchema/properties/") && strings.HasSuffix(s.Pointer, "/description")
		for sentence := range sentences(s.Views[0].Text, e.Signals(i, 0)) {
			if sentence.has.Meets(&credentials) && empties(e, i, sentence, inside, &lookups) {
				e.Report(harvestText, nil, models.Span{Segment: i, Start: sentence.start, End: sentence.end})
				return
			}
		}
	}
}

// empties reports whether a sentence has credentials that are not the tool's taken and put somewhere.
func empties(e *check.Event, i int, s sentence, inside bool, lookups *int) bool {
	if s.has.Meets(&everywhere) && s.has.Meets(&bare) {
		return true
	}
	if text := e.Segments[i].Views[0].Text[s.start:s.end]; s.has.Meets(&sparing) || strings.Contains(text, "</") || strings.Contains(text, "<input") {
		return false
	}
	if s.has.Meets(&everywhere) && s.has.Meets(&taking) {
		return true
	}
	stored, whole := s.has.Meets(&stores), s.has.Meets(&full)
	if inside && (s.has.Meets(&poured) || s.has.Meets(&held) || stored && (s.has.Meets(&bare) || whole && (s.count(&stores) > 1 || s.has.Meets(&owned)))) {
		return true
	}
	if !s.has.Meets(&taking) {
		return false
	}
	n, wanted := 0, false
	for i := range signs {
		if s.has.Meets(&signs[i]) {
			n++
			wanted = wanted || i >= numPlaces
		}
	}
	n += min(max(s.count(&stores)-1, 0), 2)
	text := e.Segments[i].Views[0].Text
	if e.Event.Kind != models.KindToolResult && e.Event.Kind != models.KindResource && !s.has.Meets(&owned) && strings.Contains(text[max(s.start-2, 0):s.end], "~/") {
		n++
	}
	if n >= 4 && wanted {
		return true
	}
	if n < 3 || s.has.Meets(&slots) || *lookups == 0 {
		return false
	}
	*lookups--
	return namesParameter(e, behind(text, s))
}

// behind is a sentence with what follows its last signal.
func behind(text string, s sentence) string {
	return text[s.start:sentenceEnd(text[:min(len(text), s.end+200)], s.end)]
}

// namesParameter reports whether the sentence names a parameter of the tool as a place.
func namesParameter(e *check.Event, text string) bool {
	for i := range e.Segments {
		s := &e.Segments[i]
		if parent, name := cut(s.Pointer); s.Key && parent == "/inputSchema/properties" && (len(name) == 1 || len(name) > 4 || strings.Contains(name, "_")) && hasWord(text, name) {
			return true
		}
	}
	return false
}

// hasWord reports whether word stands in text between what is no letter, digit or underscore.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		if (start == 0 || !nameByte(text[start-1])) && (end == len(text) || !nameByte(text[end])) {
			return true
		}
		from = end
	}
}

func nameByte(c byte) bool { return letter(c) || '0' <= c && c <= '9' || c == '_' || c == '\'' }

// asked are the words of fields that no form may ask for.
var asked = wordSet(`password passwords passwd passphrase passcode otp totp secret token apikey api_key seed mnemonic recovery cvv cvc ssn
	kennwort passwort contraseña clave senha пароль 密码 口令 パスワード 暗証番号 비밀번호 şifre parola hasło पासवर्ड`)

// aboutSecret are last words of fields that ask something about a secret.
var aboutSecret = wordSet(`label hint name shown policy length type id expiry days count reset changed strength manager url method enabled required`)

func asksSecret(name string) bool {
	last := name[strings.LastIndexByte(name, '_')+1:]
	return !aboutSecret[last] && (anyWord(name, asked) || last == "pin" && last != name)
}

// form looks at an elicitation for fields that ask for credentials: the protocol keeps them out of forms.
func form(e *check.Event) {
	for i := range e.Segments {
		s := &e.Segments[i]
		if parent, _ := cut(s.Pointer); !s.Key || parent != "/requestedSchema/properties" || !asksSecret(snake(s.Views[0].Text)) {
			continue
		}
		if j, ok := e.At(s.Pointer+"/type", false); ok && e.Segments[j].Views[0].Text == "string" {
			e.Report(formSecret, nil, e.Whole(i))
			return
		}
	}
}
