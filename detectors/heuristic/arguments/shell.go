package arguments

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

// commands are programs that a shell starts, whose names are no words of a text.
const commands = `curl|wget|nc|ncat|netcat|(?:ba|z|k|da|a|c|tc|fi)?sh|python[0-9.]*|perl|ruby|php|[Pp]ower[Ss]hell|POWERSHELL|pwsh|[Cc]md|CMD|` +
	`certutil|bitsadmin|mshta|regsvr32|rundll32|wscript|cscript|msiexec|schtasks|wmic|net1?|` +
	`chmod|chown|chattr|crontab|base64|base32|xxd|openssl|ssh|scp|sftp|rsync|socat|telnet|nslookup|dig|` +
	`useradd|usermod|adduser|passwd|visudo|systemctl|nohup|setsid|printenv|whoami|uname|ifconfig|netstat|iptables|` +
	`docker|podman|kubectl|mkfifo|eval|xargs|awk|sed|rm|rmdir|cp|mv|dd|mkfs[.a-z0-9]*|tee|ls|ps|pkill|killall|` +
	`printf|mkdir|chroot|insmod|mount|umount|sudo|su|doas|busybox|lua|osascript|launchctl|defaults|` +
	`[Ii][Ee][Xx]|[Ii][Ww][Rr]|irm|(?i:invoke-[a-z]+|start-process|get-content|set-content|new-object|add-mppreference|set-executionpolicy)|calc(?:\.exe)?|poweroff|reboot|shutdown`

// wordyCommands are programs whose names are words as well.
const wordyCommands = `cat|find|host|head|tail|test|source|make|go|start|type|copy|move|set|id|env|sort|kill|sleep|ping|` +
	`echo|touch|node|git|java|less|more|sc|reg|dir|del|date|who|time|wall|exec|export|grep|tar|zip|gzip|npm|npx|pip3?|cd|` +
	`ln|service|mail|sendmail|at|history|read|wait|trap|alias|declare|install|attrib`

// A command behind a separator, in a substitution or on a line of its own.
var (
	startsCommand = `(?:shell\s+|sudo\s+(?:-\S+\s+)*|env\s+(?:\S+=\S+\s+)*|nohup\s+|(?:/usr)?(?:/local)?/s?bin/|%(?i:comspec)%\s+/c\s+)?`
	separated     = regexp.MustCompile(`(?:;|&&|\|\|?|&|[\n\r]|%0[adAD]|` + "`" + `|\$\(|<\(|>\()\s*` + startsCommand +
		`(?:(?:` + commands + `)(?:\.exe)?(?:\s+\S|\s*[;|&>)` + "`" + `'"#]|\s*$)` +
		`|(?:` + wordyCommands + `)(?:\.exe)?(?:\s+[^;|&\n]*?[/\-$<>|=@.'"\\{]\S|\s*[;|&>)` + "`" + `#]|\s*$)` +
		`|sleep\s+\d|(?:\./|/tmp/|/dev/shm/|/var/tmp/|/bin/|/usr/|~/\.)[\w.-]+)`)
	interpreted = regexp.MustCompile(`(?i)\$\{?IFS\b|\{(?:` + commands + `|cat),[^}]+\}|\b(?:powershell|pwsh)(?:\.exe)?\s.{0,60}-e(?:nc?|ncodedcommand)?\s+[a-z0-9+/=]{16}|` +
		`\bcmd(?:\.exe)?\s+/c\s|\bext::|ssh://-o|^git\+https?://\d+\.|[\n\r]\s*(?:Exec(?:Start|Stop|Reload)\w*|ProxyCommand|LocalCommand|pre-up|post-up|RUN|ENTRYPOINT|postinstall|preinstall)\b\s*[=: ]|\b(?:ba|z|k|da)?sh\s+-c\s+['"]|/dev/(?:tcp|udp)/`)
	commandLine = regexp.MustCompile(`(?i)^\s*(?:[$>#]\s+)?(?:set\s+-\w+|[A-Z_]+=\S+\s+|` + startsCommand + `(?:` + commands + `|` + wordyCommands +
		`|cargo|mvn|gradle|yarn|pnpm|pytest|tsc|terraform|ansible\S*|helm|deno|bun|uv|poetry|apt(?:-get)?|brew|dnf|yum|apk)(?:\s|;|$))`)
	cronLine = regexp.MustCompile(`[\n\r]\s*(?:@(?:reboot|daily|hourly|weekly|monthly)|(?:[-*/,0-9]+\s+){4}[-*/,0-9A-Za-z]+)\s+\S+`)
)

// directiveLine is a line of a configuration that starts a program.
var directiveLine = regexp.MustCompile(`[\n\r]\s*(?:Exec(?:Start|Stop|Reload)\w*\s*=|ProxyCommand\s|LocalCommand\s)`)

// entryLine is a line of a file that says who may do what on a machine.
var entryLine = regexp.MustCompile(`[\n\r]\s*(?:[\w-]+:[^:\s]*:\d*:\d*:[^\n]*|[%\w-]+\s+ALL\s*=|(?:ssh-(?:rsa|ed25519)|ecdsa-\S+)\s+AAAA|(?:PermitRootLogin|ForceCommand|AuthorizedKeysCommand|Include|LoadModule|SetHandler)\s+\S)`)

// pipedInto is a value that some programs take for the name of a program, not of a file.
var pipedInto = regexp.MustCompile(`^\|\s*(?:(?:/\S*/)?(?:` + commands + `|cat|env|id|tee)\s|(?:/usr|/bin|/tmp|/opt|\./)\S+)`)

// shellTools are words of tools, and of parameters, that take commands.
var shellTools = wordSet(`shell bash sh zsh exec execute run terminal command commands cmd powershell pwsh script console ssh
	repl script scripts cmdline subprocess process ejecutar executar ausführen exécuter выполнить 执行 運行 実行 실행`)

// testers are words of tools that run tests, whose names quote what they are about.
var testers = wordSet(`test tests pytest unittest spec`)

// judgeShell looks for a command where a plain value belongs.
func judgeShell(v *value) (*check.Rule, int, int) {
	if v.toolWord(testers) {
		return nil, 0, 0
	}
	if r, start, end := judgeOption(v); r != nil {
		return r, start, end
	}
	if v.role == data && strings.Contains(v.text, "%") {
		if plain, err := url.QueryUnescape(v.text); err == nil && strings.ContainsAny(plain, "\n\r;|&`") && !strings.Contains(v.text, "://") {
			inner := *v
			if inner.text = plain; !strings.Contains(plain, "%") {
				if r, _, _ := judgeShell(&inner); r != nil {
					return r, 0, len(v.text)
				}
			}
		}
	}
	if v.text[0] == '|' && !anyWord(v.name, patternNames) && pipedInto.MatchString(v.text) {
		return shellInValue, 0, len(v.text)
	}
	if v.role == code || v.role == prose && strings.Count(v.text, " ") > 30 {
		return judgeCommand(v)
	}
	if !strings.ContainsAny(v.text, ";|&`$\n\r%<>{(/:") {
		return nil, 0, 0
	}
	if commandLine.MatchString(v.text) {
		return judgeCommand(v)
	}
	if !mayInterpret(v.text) {
	} else if m := interpreted.FindStringIndex(v.text); m != nil && v.role == data && words(v.text[:m[0]]) <= 4 {
		return shellInValue, m[0], len(v.text)
	}
	for _, m := range separated.FindAllStringIndex(v.text, 4) {
		if shown(v.text, m[0]) {
			continue
		}
		if plainHead(v.text[:m[0]]) && (v.role == data || !strings.Contains(v.text, "`") && reachesOut.MatchString(v.text[m[0]:])) {
			return shellInValue, m[0], len(v.text)
		}
	}
	if m := entryLine.FindStringIndex(v.text); m != nil && v.role == data && strings.Count(v.text, "\n") < 4 {
		return shellInValue, m[0], len(v.text)
	}
	if m := directiveLine.FindStringIndex(v.text); m != nil && strings.Count(v.text, "\n") < 4 {
		return shellInValue, m[0], len(v.text)
	}
	if m := cronLine.FindStringIndex(v.text); m != nil && v.role == data && strings.Count(v.text, "\n") < 3 {
		return shellInValue, m[0], len(v.text)
	}
	return nil, 0, 0
}

// mayInterpret is the cheap test before the one for what hands a value to an interpreter.
func mayInterpret(text string) bool {
	if strings.ContainsAny(text, "${\n\r") {
		return true
	}
	for _, sign := range []string{" -", "::", "/c", "/C", "/dev/", "git+", "//-"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// shown reports whether position i begins or lies in code that a sentence shows in backticks: `make all`.
func shown(text string, i int) bool {
	if text[i] != '`' {
		open := strings.LastIndexByte(text[:i], '`')
		return quoted(text, i) && (open == 0 || text[open-1] == ' ')
	}
	return i > 0 && text[i-1] == ' ' && strings.Count(text[:i], "`")%2 == 0
}

// reachesOut is a command that can't be meant as words.
var reachesOut = regexp.MustCompile(`^.{0,4}(?:curl|wget|nc|ncat|(?:ba|z)?sh|base64|powershell|python3?|perl|rm|cat|scp|ssh|dig|nslookup|chmod)\s+[^\n]*(?:https?://|\d+\.\d+\.\d+|-[a-z]+\s+\S*[/$<>|]|/etc/|~/|\$\(|\|\s*(?:ba)?sh)`)

// plainHead reports whether what stands before a separator is a value and not a sentence: a name, an id, a schedule.
func plainHead(head string) bool {
	return len(head) < 120 && words(head) <= 3 && !strings.ContainsAny(head, "\"\u201c") || strings.Count(head, "\"") == 1 && words(head) <= 2
}

// words counts the words of letters in text.
func words(text string) (n int) {
	for w := range strings.FieldsSeq(text) {
		if plainWord(w) {
			n++
		}
	}
	return n
}

// harmful are commands that no task needs.
var harmful = regexp.MustCompile(`(?i)\brm\s+(?:-\S+\s+)*-\w*r\w*\s+(?:-\S+\s+)*['"]?(?:/|~/?|\$HOME/?|/\*|/(?:etc|var|usr|home|boot|root|bin|lib|opt|srv|Users)/?\*?)['"]?(?:\s|$|[;&|)])|\bmkfs(?:\.\w+)?\s+(?:-\S+\s+)*/dev/|\bdd\s[^\n;|]*\bof=/dev/(?:sd|hd|nvme|disk|vd|mmc)|:\(\)\s*\{\s*:|` +
	`\bbase64\s+(?:-d|-D|--decode)\b[^\n;|]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\b(?:ba|z|da)?sh\s+(?:-c\s+)?["']?\$\((?:curl|wget)|\beval\s+["']?\$\((?:curl|wget|base64|echo)|\bchmod\s+(?:-\S+\s+)*(?:-R\s+)?(?:777|a\+rwx?|u\+s|[2467][0-7]{3})\s+(?:-R\s+)?/(?:etc|usr|bin|var|root|home)?|` +
	`\bunset\s+(?:-v\s+)?HIST|\bHISTFILE=/dev/null|\bhistory\s+-c\b|\bnsenter\s[^\n;]*(?:-t|--target)\s*1\b|\bdocker\s+run\s[^\n;]*(?:-v\s+/:|--volume[= ]/:|--pid[= ]host|docker\.sock:)|>\s*/var/log/(?:wtmp|btmp|lastlog|auth|syslog|audit)|` +
	`\b(?:curl|wget)\b[^\n;|]*\shttp://[^\n;|]*\|\s*(?:sudo\s+)?(?:\S*/)?(?:(?:ba|z|da)?sh|python3?|perl|node)\b|/dev/(?:tcp|udp)/[\w.-]+/\d|\b(?:nc|ncat|netcat)\b[^\n;|]*\s(?:-\w*e\w*|-c|--exec|--sh-exec)\s+\S*(?:sh|cmd)|` +
	`\bmkfifo\s+\S+.{0,80}\b(?:nc|ncat|netcat|telnet|openssl)\b|\bsocat\b.{0,80}\bexec:|` +
	`\bpython[0-9.]*\s+-c\s.{0,60}\bsocket\b.{0,200}\b(?:dup2|pty|subprocess)\b|` +
	`\b(?:tar|zip|cat|gzip|dump|mysqldump|pg_dump)\b[^\n;]*\|\s*(?:(?:gzip|base64|openssl|xz)\b[^\n|;]*\|\s*)?(?:nc|ncat|netcat|telnet|socat)\b|` +
	`\b(?:tar|zip|cat|gzip)\b[^\n|;]*(?:\s~/?|\s/(?:home|root|etc|var)/?|\$HOME|/\.)[^\n|;]*\|\s*curl\b|\|\s*(?:sudo\s+)?crontab\s+-(?:\s|$|['"])|>>?\s*\S*(?:\.ssh/authorized_keys|/etc/(?:cron|sudoers|profile|passwd|shadow|ld\.so)|/var/spool/cron)|` +
	`\|\s*(?:sudo\s+)?tee\s+(?:-a\s+)?\S*(?:authorized_keys|/etc/(?:cron|sudoers|profile))|` +
	`(?:powershell|pwsh)(?:\.exe)?\s.{0,80}-e(?:nc?|ncodedcommand)?\s+[a-z0-9+/=]{24}|\biex\s*[\s(].{0,80}(?:downloadstring|iwr|irm|invoke-webrequest)|` +
	`\bcurl\b[^\n;|]*\s(?:-d|-F|-T|--data\S*|--form|--upload-file)[\s=]*['"]?[\w-]*=?@(?:-|\S*(?:\.ssh|\.aws|\.env|\.netrc|passwd|shadow|credential|token|secret|\.pgpass|id_rsa|\.kube))`)

// tampering are commands that change what runs later, who may do what, or what others see of it.
var tampering = regexp.MustCompile(`(?i)\bgit\b[^\n;|]*\s--output[= ]\S*\.git[/\\](?:config|hooks)|(?:>>?|\btee\s+(?:-a\s+)?)\s*\S*(?:/\.(?:bash|zsh)(?:rc|_profile|env)|/\.profile|\.git[/\\]hooks[/\\][\w-]+|/etc/sudoers\S*)(?:\s|$|['"])|` +
	`\bgit\s+config\s+(?:--\S+\s+)*(?:core\.(?:sshCommand|hooksPath|fsmonitor)|alias\.\w+)\s+['"]?(?:!|/tmp|/dev/shm|\S*(?:curl|wget|sh\s+-c))|` +
	`\b(?:iwr|irm|curl|wget|invoke-(?:webrequest|restmethod))\b[^\n|]*\|\s*(?:iex|invoke-expression)\b|\b(?:dig|drill|host|nslookup)\s[^\n;|]*(?:\$\(|` + "`" + `)|` +
	`\b(?:remove-item\b[^\n;|]*-recurse|rmdir\s+/s|rd\s+/s|del\s+/s)[^\n;|]*\s[a-z]:\\?(?:\*|\s|$|windows|users)|\bnet1?\s+localgroup\s+administrators\s+\S+\s+/add|\badd-localgroupmember\b[^\n;|]*administrators|` +
	`\b(?:usermod|gpasswd|groupmems|adduser)\b[^\n;|]*\b(?:sudo|wheel|docker|root)\b|\bkill\s+-(?:9|KILL)\s+-1\b|\b(?:xmrig|minerd|cpuminer)\b|\btruncate\s[^\n;|]*(?:_history|/var/log/)|\bhistory\s+-\w*c|` +
	`\b(?:auditctl\s+-[eD]|setenforce\s+0|ufw\s+disable|iptables\s+-F|set-mppreference\s[^\n;|]*disable|systemctl\s+(?:stop|disable)\s+(?:auditd|falcon\S*|crowdsec|rsyslog|apparmor|firewalld))`)

// shellPipe is a program that is downloaded and run at once, from an address without a name.
var shellPipe = regexp.MustCompile(`(?i)\b(?:curl|wget)\b[^\n;|]*https?://\d{1,3}(?:\.\d{1,3}){3}\S*[^\n;|]*\|\s*(?:sudo\s+)?(?:\S*/)?(?:ba|z|da)?sh\b`)

// metadataCall is a request to a cloud's metadata service.
var metadataCall = regexp.MustCompile(`(?i)\b(?:curl|wget|fetch|http|iwr|irm|invoke-\w+|urlopen|requests\.get|get)\b[^\n;|]{0,200}(?:169\.254\.(?:169\.254|170\.2)|metadata\.google\.internal|100\.100\.100\.200|fd00:ec2::254)`)

// judgeCommand looks at what a command does.
func judgeCommand(v *value) (*check.Rule, int, int) {
	if v.role == prose || anyWord(v.name, patternNames) {
		return nil, 0, 0
	}
	if r, start, end := judgeHarvest(v); r != nil {
		return r, start, end
	}
	if v.role != code && !v.toolWord(shellTools) && !anyWord(v.name, shellTools) {
		return nil, 0, 0
	}
	for _, p := range []*regexp.Regexp{harmful, tampering, shellPipe, metadataCall} {
		if m := p.FindStringIndex(v.text); m != nil && !printed(v.text[:m[0]]) {
			return harmfulCommand, m[0], m[1]
		}
	}
	return nil, 0, 0
}

// printed reports whether a command behind head is only looked for or printed.
func printed(head string) bool {
	if strings.Contains(head, "grep ") || strings.Contains(head, "rg ") || strings.Contains(head, "man ") {
		return true
	}
	return (strings.HasPrefix(head, "printf ") || strings.HasPrefix(head, "echo ")) && strings.Count(head, "'")%2 == 1
}

// patternNames are parameters whose value is looked for.
var patternNames = wordSet(`pattern regex regexp match search filter query motif muster patron 查询`)

// dangerousOption is an option with which some program runs, loads or writes something else.
var dangerousOption = regexp.MustCompile(`^\s*(?:--(?:upload-pack|receive-pack|exec|checkpoint-action|use-compress-program|to-command|rsh|rsync-path|` +
	`ext-diff|open-files-in-pager|post-file|pre-exec|eval|require|import|loader|load|plugin|script|config-env|unix-socket|ssh-command|` +
	`extra-index-url|index-url|trusted-host|registry|proxy-command|gpg-program|unsafe-\S+|allow-run|allow-all|disable-web-security|no-sandbox|` +
	`renderer-cmd-prefix|utility-cmd-prefix|browser-subprocess-path|gpu-launcher|init-file|rcfile|output-document|output|post-data|data-binary|upload-file|` +
	`new-file|tls-verify|allow-unauthenticated|privileged|pid|cap-add|security-opt|volume|mount)(?:[=\s]\S|$)|` +
	`-o\s*(?:ProxyCommand|LocalCommand|PermitLocalCommand)\b|-c\s*(?:core|alias|diff|protocol|credential)\.\S+=|-(?:oProxyCommand|I|e|x)\S*[/;|$=]\S+)`)

// optionTail is a value that goes on with such an option.
var optionTail = regexp.MustCompile(`^[\w./@:+=~^-]{1,80}\s+(?:--?[\w-]+\s+)*(--(?:extra-index-url|index-url|trusted-host|upload-pack|receive-pack|exec|checkpoint-action|use-compress-program|` +
	`to-command|ext-diff|post-file|require|registry|unsafe-perm|config|output|output-document|eval|rsh|proxy|privileged|volume)(?:[=\s]\S|$).*|-o\s*ProxyCommand.*)`)

// longOption is a whole option with a value, in the place of what the option would be about.
var longOption = regexp.MustCompile(`^--[a-z][a-z-]{2,40}=\S`)

// quotedOption is an option behind a quote that ends the value, or behind a mail address.
var quotedOption = regexp.MustCompile(`^[^'"\s]{1,80}['"]\s+--?[a-zA-Z][\w-]*|^[^\s@]+@\S+\s+-[A-Za-z]\S`)

// ownProgramOption is an option that names a file in a place where anybody may put one.
var ownProgramOption = regexp.MustCompile(`^--?[A-Za-z][\w-]*[= ](?:/tmp|/var/tmp|/dev/shm)/\S+$`)

// option is how an option begins.
var option = regexp.MustCompile(`^--?[A-Za-z]`)

// listNames are parameters that list things to work on.
var listNames = wordSet(`files file members paths items sources inputs documents attachments targets hosts packages branches refs names dateien archivos fichiers arquivos`)

// optionNames are parameters that hold options.
var optionNames = wordSet(`args arg argv arguments options option opts flags flag params extra switches parameters cli`)

func judgeOption(v *value) (*check.Rule, int, int) {
	if !strings.Contains(v.text, "-") || v.role == prose && v.text[0] != '-' {
		return nil, 0, 0
	}
	if v.text[0] == '-' || v.text[0] == ' ' {
		if m := dangerousOption.FindStringIndex(v.text); m != nil && !anyWord(v.name, optionNames) {
			return optionInValue, 0, len(v.text)
		}
	}
	if v.text[0] == '-' && ownProgramOption.MatchString(v.text) && !v.toolWord(shellTools) {
		return optionInValue, 0, len(v.text)
	}
	if v.text[0] == '-' && len(v.text) > 1 && option.MatchString(v.text) && anyWord(v.name, listNames) {
		return optionInValue, 0, len(v.text)
	}
	if m := quotedOption.FindStringIndex(v.text); m != nil && v.role == data {
		return optionInValue, m[0], len(v.text)
	}
	if v.role == data && longOption.MatchString(v.text) && !anyWord(v.name, optionNames) && !v.toolWord(shellTools) {
		return optionInValue, 0, len(v.text)
	}
	if v.role == data && strings.Contains(v.text, " -") {
		if m := optionTail.FindStringSubmatchIndex(v.text); m != nil {
			return optionInValue, m[2], m[3]
		}
	}
	return nil, 0, 0
}
