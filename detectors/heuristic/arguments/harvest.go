package arguments

import (
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
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
	`find\s+(?:/|~|/home|/Users|/root|\$HOME)\s?[^\n;|]*-i?name\s+\S*(?:id_rsa|\.pem|\.key|\.env|credentials|\.kdbx|wallet|\.p12|\.npmrc|\.aws)` +
	`)|\$\{?(?:AWS_SECRET_ACCESS_KEY|GITHUB_TOKEN|GH_TOKEN|OPENAI_API_KEY|ANTHROPIC_API_KEY|NPM_TOKEN|SLACK_TOKEN|DATABASE_URL|[A-Z_]*(?:SECRET|PASSWORD|PRIVATE_KEY))\}?[^\n;]*(?:\|\s*(?:nc|curl|base64)|https?://)|(?:curl|wget|nc)\b[^\n;]*\$\{?(?:AWS_SECRET_ACCESS_KEY|[A-Z_]*(?:_SECRET|PASSWORD|PRIVATE_KEY))\b|os\.environ\b(?:\.copy\(\))?\s*\)?[^.\[(gw]|JSON\.stringify\(\s*process\.env\s*\)|dict\(os\.environ|\bGet-ChildItem\s+env:|\bgci\s+env:|\bdir\s+env:`)

// judgeHarvest looks for a command that collects credentials.
func judgeHarvest(v *value) (*check.Rule, int, int) {
	if v.role == prose {
		return nil, 0, 0
	}
	if m := harvests.FindStringIndex(v.text); m != nil {
		if head := v.text[:m[0]]; !strings.HasSuffix(strings.TrimSpace(head), "grep") && !strings.HasPrefix(head, "man ") {
			return harvestCommand, m[0], m[1]
		}
	}
	return nil, 0, 0
}

// harvestCall looks at a call whose arguments together ask for the secrets of a whole system.
func harvestCall(e *check.Event) {
	secrets, whole := -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !check.Below(s, "/arguments") {
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

// harvest looks for texts that have stores of credentials emptied into a parameter, an address or an answer.
func harvest(e *check.Event) {
	var params map[string]bool
	budget := maxRead
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < 30 || !mentionsStore(text) {
			continue
		}
		if params == nil && e.Event.Kind == models.KindTool {
			params = parameters(e)
		}
		inside := strings.HasPrefix(s.Pointer, "/inputSchema/properties/") && strings.HasSuffix(s.Pointer, "/description")
		for start := 0; start < len(text) && budget > 0; {
			end := sentenceEnd(text, start)
			if sentence := text[start:end]; len(sentence) < 600 && mentionsStore(sentence) && spend(&budget, len(sentence)) && empties(sentence, params, inside) {
				e.Report(harvestText, nil, models.Span{Segment: i, Start: start, End: end})
				return
			}
			start = end
		}
	}
}

// maxRead limits the bytes of one event that are read closely, sentence by sentence.
const maxRead = 16 << 10

// spend takes n off the budget.
func spend(budget *int, n int) bool {
	*budget -= n
	return true
}

// storeStems are parts of the names of stores, without their first letter where that may be a capital: the cheap test.
var storeStems = []string{
	".ssh", ".aws", ".env", ".netrc", ".npmrc", ".kube", ".pgpass", ".docker/config", ".pypirc", "id_rsa", "id_ed25519", "ogin Data", "key4.db", "eychain", "ey ring", "eyring", "environ", "assword man", "redential",
	"assword", "ookie", "oken", "ecret", "asscode", "assphrase", "nv vars", "laves", "llavero", "ortachiavi", "rousseau", "ots de passe", "chlüsselbund", "asswörter", "ennwörter", "ugangsdaten", "enhas", "chaveiro", "ontraseñas",
	"аролей", "ароли", "вязк", "окружен", "окен", "密码", "钥匙串", "密钥", "令牌", "环境变量", "凭证", "凭据", "パスワード", "キーチェーン", "環境変数", "認証情報", "トークン", "秘密鍵", "비밀번호", "키체인", "환경 변수", "환경변수", "자격 증명", "토큰", "인증서",
	"كلمات المرور", "كلمة المرور", "سلسلة المفاتيح", "متغيرات البيئة", "بيانات الاعتماد", "رموز", "पासवर्ड", "टोकन", "OTP", "पिन", "ifre", "arola", "nahtar", "asła", "oświadcze", "rodowiskow", "i-Fi", "rowser", "process.env", "env section", "MCP server",
}

func mentionsStore(text string) bool {
	for _, stem := range storeStems {
		if strings.Contains(text, stem) {
			return true
		}
	}
	return false
}

// parameters are the names of the tool's parameters.
func parameters(e *check.Event) map[string]bool {
	names := make(map[string]bool)
	for i := range e.Segments {
		if s := &e.Segments[i]; s.Key {
			if parent, _ := cut(s.Pointer); parent == "/inputSchema/properties" {
				names[s.Views[0].Text] = true
			}
		}
	}
	return names
}

var (
	// store is where credentials lie, in words or as a path.
	store = regexp.MustCompile(`(?i)~?/?\.(?:ssh|aws|kube|gnupg|docker|config/(?:gh|gcloud|rclone))/\S+|\.(?:netrc|npmrc|pypirc|pgpass|git-credentials|env)\b|id_(?:rsa|ed25519|ecdsa)|\blogin data\b|\bkey4\.db|/proc/\S*environ|` +
		`\bkey ?(?:chain|rings?)\b|\bcredential (?:manager|store|helper)s?\b|\bpassword (?:manager|store|vault)s?\b|` +
		`\b(?:process|shell|user'?s?|whole|full|entire|complete|server'?s?|agent'?s?|client'?s?|host'?s?) environment\b|\benv(?:ironment)? var(?:iable)?s\b|\bCI variables\b|` +
		`\b(?:saved|stored|cached|remembered) (?:\S+ ){0,3}(?:passwords?|logins|credentials|tokens?|keys|cookies|cards?)\b|\b(?:browser|session|auth\S*|login) cookies?\b|\bsession (?:the user'?s? )?browser\b|browser(?:'s)? (?:session|profile|holds)|\bsession the user'?s? browser\b|` +
		`\b(?:refresh|access|bearer|session|id|auth\S*|deploy|personal access|github|gitlab|slack|npm|api|oauth|cloud) (?:tokens?|keys?)\b|\b(?:private|signing|ssh|encryption|api|deploy) keys?\b|\btokens? (?:which|that|of|from) (?:the )?other\b|\bwi-?fi (?:profiles|passwords|keys)\b|\b(?:master|root|admin\w*|database|user'?s?) passwords?\b|\brecovery (?:phrase|codes?|key)\b|\bseed phrase\b|\bconnection (?:urls?|strings?)\b|` +
		`llavero|contraseñas guardadas|claves guardadas|claves (?:del|de los|privadas)|variables de entorno|credenciales|portachiavi|credenziali|variabili d'ambiente|chaveiro|senhas? (?:salvas|guardadas)|variáveis de ambiente|credenciais|trousseau|mots de passe (?:enregistrés|du navigateur)|identifiants (?:enregistrés|de connexion)|variables d'environnement|clés? privées?|jetons?|` +
		`schlüsselbund|gespeicherten? (?:passwörter|kennwörter|zugangsdaten)|zugangsdaten|umgebungsvariablen|private[nr]? schlüssel|связк\S+ ключей|сохран[её]нн\S+ парол\S+|учётн\S+ данн\S+|переменн\S+ окружения|токен\S*|закрыт\S+ ключ\S*|` +
		`钥匙串|保存的密码|环境变量|私钥|密钥|令牌|凭[证据]|キーチェーン|保存されたパスワード|環境変数|秘密鍵|認証情報|トークン|키체인|저장된 비밀번호|환경 ?변수|개인 ?키|자격 ?증명|인증서 비밀번호|토큰|` +
		`سلسلة المفاتيح|كلمات المرور|متغيرات البيئة|بيانات الاعتماد|المفتاح الخاص|सहेजे गए|पासवर्ड|यूपीआई|UPI पिन|anahtarlı[ğk]|kayıtlı (?:parola|şifre)\S*|ortam değişkenleri|kimlik bilgileri|özel anahtar|pęk kluczy|zapisan\S+ has\S+|zmienn\S+ środowiskow\S+|poświadcze\S+|klucz\S* prywatn\S+`)
	// takes is getting hold of something or handing it over.
	takes = regexp.MustCompile(`(?i)\b(?:read|reads|open(?:s|ed)?|decrypts?|exports?|dumps?|collects?|gathers?|cop(?:y|ies)|cat|prints?|adds?|appends?|puts?|attach(?:es)?|includ(?:e|es|ing)|uploads?|sends?|hand(?:s|ed)? (?:it |them |over)|pass(?:es)?|provides?|suppl(?:y|ies)|fills? in|paste|quot(?:e|ed|es)|submits?|contains?|holds?|compris(?:e|es)|lists?|writes?|note|transmit|forward)\b|` +
		`\b(?:lee|leer|abre|abrir|abra|exporta|copia|copie|anota|anotan|anote|incluy\S+|adjunt\S+|env[ií]a\S*|escrib\S+|leia|abra|copie|anote|inclua|anexe|envie|escreva|leggi|apri|copia|includi|invia|scrivi|lit|lire|lisez|ouvr\S+|copi\S+|joign\S+|ajout\S+|envo\S+|not\S+|inscri\S+|transmet\S+|` +
		`liest|lies|öffne\S*|kopier\S+|füg\S+|trag\S*|schreib\S*|übergib\S*|sende\S*|exportier\S*|enthält|oku\S*|kopyala\S*|ekle\S*|gönder\S*|yaz\S*|odczyta\S*|skopiuj\S*|wpisz\S*|dołącz\S*|wyśl\S*|zapisz)(?:\s|[,.;]|$)|` +
		`прочит\S+|счита\S+|откр\S+|скопир\S+|впиш\S+|запиш\S+|запис\S+|добав\S+|отправ\S+|переда\S+|собер\S+|собира\S+|读取|读出|打开|复制|填入|填写|写入|附上|上传|发送|传入|導出|导出|提供|収集|読み取|読み出|開い|コピー|書き込|記入|入れ|添付|送信|渡し|含め|읽어|읽고|열어|복사|기록|저장|담아|입력|적어|첨부|전송|보내|포함|넣|اقرأ|افتح|انسخ|أضف|أرسل|اكتب|ضع|أرفق|पढ़कर|पढ़ें|लिखें|जोड़ें|भेजें|डालें|खोल`)
	// spares denies the taking.
	spares = regexp.MustCompile(`(?i)\b(?:not|never|no longer|without|instead of|rather than|cannot|can't|doesn't|don't|isn't|aren't|won't)\s+(?:\w+\s+){0,2}(?:open(?:ed)?|read|print(?:ed)?|needed|require[sd]?|touch(?:ed)?|include[sd]?|copied|return(?:ed)?|ask(?:ed)?|appear|accept(?:ed)?|paste|put|enter|type|commit|part|hard-?code|hold|contain)|\bleft alone\b|names only|\bonly (?:the )?names\b|\b(?:is|are|be|gets?) masked\b|\bredact|\bwithheld\b|\bdropped\b|\bnor\b|\bno sale\b|\bno (?:se|es|son)\b|\bnão\b|\bnicht\b|\bkeine?n?\b|\bne .{1,30} pas\b|\bне (?:чита|откр|запраш|переда|нуж)|不会|不要|不需要|無需|ません|しない|않|لا |नहीं|न माँग|okunmaz|istemez|\bnie\b|\bnon (?:viene|vengono|si)\b|\b(?:set|export|create|configure|add|store|save|put) (?:the |your |an? )*(?:\S+ ){0,3}(?:as|in|to|into) (?:an? |the |your )?(?:environment|env|\.env|keychain)|path (?:to|of)|encrypt|rotat|revok`)
	// full says that the values themselves are wanted.
	full = regexp.MustCompile(`(?i)\bin full\b|verbatim|unmasked|without masks?|as (?:it is|they are)|not (?:\w+ (?:and|or) not )?(?:masked|filtered|redacted)|내용|内容|содержим|contenido|conteúdo|contenu|\binhalte?\b|içeri[ğk]|zawartość|محتو|with (?:their|the|its) (?:keys?|passwords?|values?|passphrases?|secrets?)|passwords? included|plain ?text|clear ?text|in the clear|key=clear|\bdecrypt|\bcontents? of|\bvalues? of|\btheir (?:text|contents?|values?)\b|user ?names,? passwords`)
	// outside is an address that something is sent to.
	outside = regexp.MustCompile(`(?i)https?://|\b[\w.-]+@[\w-]+\.[\w.]+|\b(?:[\w-]+\.){1,3}(?:example|test|com|net|io|org|dev|app|cloud)\b`)
)

// empties reports whether a sentence has credentials that are not the tool's taken and put somewhere.
func empties(sentence string, params map[string]bool, inside bool) bool {
	s := store.FindStringIndex(sentence)
	if strings.Contains(sentence, "server") && agentConfig.MatchString(sentence) && !spares.MatchString(sentence) {
		return true
	}
	if s == nil && !inside && !secretWord.MatchString(sentence) || spares.MatchString(sentence) || recites.MatchString(sentence) {
		return false
	}
	if inside && poured.MatchString(sentence) {
		return true
	}
	if inside && s != nil && full.MatchString(sentence) && len(store.FindAllStringIndex(sentence, 2)) == 2 {
		return true
	}
	if inside && (heldElsewhere.MatchString(sentence) || s != nil && full.MatchString(sentence) && owned.MatchString(sentence)) {
		return true
	}
	if s == nil && !secretWord.MatchString(sentence) || !takes.MatchString(sentence) {
		return false
	}
	signs := 0
	for _, sign := range []bool{
		s != nil, owned.MatchString(sentence), placed.MatchString(sentence) || namesParameter(sentence, params), full.MatchString(sentence),
		pressing.MatchString(sentence), agentAddressed.MatchString(sentence), unasked.MatchString(sentence), outside.MatchString(sentence), len(store.FindAllStringIndex(sentence, 2)) == 2,
	} {
		if sign {
			signs++
		}
	}
	return signs >= 4
}

var (
	// secretWord is a credential of whatever kind.
	secretWord = regexp.MustCompile(`(?i)\b(?:passwords?|pass ?phrases?|pass ?codes?|one-time codes?|OTPs?|PINs?|tokens?|cookies?|secrets?|credentials?|api keys?|client-key-data|logins?|kubeconfig|\S+\.(?:kdbx|p12|pfx|pem|conf)|shell history|bash history|contraseñas?|claves?|senhas?|código de acesso|código de acceso|mots? de passe|codes? d'accès|passw[oö]rte?r?|kennw[oö]rte?r?|chiavi|parole? d'ordine)\b|` +
		`парол\S*|код\S* из (?:смс|sms)|密码|口令|验证码|パスワード|暗証番号|비밀번호|인증서|كلمة|رمز|पासवर्ड|OTP|पिन|şifre\S*|parola\S*|has[łl]\S*|mật khẩu|kata sandi|namba ya siri`)
	// recites is a sentence that shows what others say.
	recites = regexp.MustCompile(`(?i)\b(?:sentences?|phrases?|requests?|texts?) (?:such as|like|to put)\b|recogni[sz]es|\bstays in\b|gitignore|</|<input|\bset your\b|\bclipboard\b|there is no (?:argument|parameter|field)|detects?\b|\ba finding\b|example of|तिजोरी|vault (?:entry|entries)`)
	// placed says where it goes: a parameter, a field, the next call.
	placed = regexp.MustCompile("(?i)`[\\w.-]+`|\\b(?:argument|parameter|param|field|member|property|input|note|comment|attribute|header|campo|parámetro|parâmetro|champ|paramètre|feld|parametro|alan\\S*|pol\\S*)\\b|\\b(?:next|this|following|same|each|every) (?:call|request)\\b|\\b(?:in|into|as|to|with|through|en|em|dans|ins?|jako|w) [a-z]+_[a-z_]+|\\b\\w+=|аргумент|поле|параметр|参数|字段|引数|欄|フィールド|인자|필드|매개변수|حقل|معامل|पैरामीटर")
	// pressing makes it a step, a duty or a matter of course.
	pressing = regexp.MustCompile(`(?i)\b(?:before|first|otherwise|must|required?|requires|needs? to|has to|have to|mandatory|once|one-time|until|only then|never (?:logs?|logged|stores?|stored|shows?|shown|prints?|uses?|used|passes|shared)|not (?:logged|kept|stored|shown|shared)|nobody|no confirmation|skip|straight away|during the|for verification|verif\w+|to confirm|proof|attest\w*|antes|primero|primeiro|obrigat\S+|obligat\S+|d'abord|zuerst|vorher|muss|önce|przed|najpierw|assistant|assistente|asistente|agents?)\b|сначала|перед|ассистент|助手|必须|首先|まず|アシスタント|必ず|먼저|에이전트|قبل|أولا|المساعد|पहले|सहायक|सत्यापन|asistan|msaidizi`)
)

// poured is a parameter that takes the credentials of others, as they are.
var poured = regexp.MustCompile(`(?i)\b(?:values?|contents?|text|output|dump|concatenation|copy|copies|export|history|tokens|cookies|passwords|credentials|keys|variables|secrets) (?:of|for|from|held by|in) (?:all|each|every|the (?:unlocked|saved|stored|other|user'?s|whole|entire|full|browser|process|shell|password|key ?chain|agent|session|connected)|any other|other|the rest)\b.{0,60}\b(?:key ?chain|passwords?|tokens?|cookies?|secrets?|credentials?|logins?|environment|servers?|sessions?|accounts?|wallets?|keys?|entries|browser|messages|files)\b|\b(?:copy|copies|dump|contents?|values?|snapshot|all) of (?:the )?(?:process\.env|os\.environ|process environment|environment|env)\b|\boutput of\b.{0,30}(?:\benv\b|printenv|\bcat ~|\bhistory\b|security find|gh auth)|\btokens? unmasked\b|\bunmasked\b`)

// agentConfig is the configuration of all servers of a client, with the secrets in it.
var agentConfig = regexp.MustCompile(`(?i)\b(?:reads?|returns?|copies|collects?|exports?|sends?|includ\w+|contains?)\b.{0,80}\b(?:config\w*|settings|env\w*|credentials|tokens) of (?:every|all|each|the other|any other) (?:\w+ ){0,2}(?:servers?|clients?|connectors?)\b.{0,80}\b(?:env|environment|keys?|tokens?|secrets?|credentials|headers)\b`)

// heldElsewhere is a credential that another program keeps.
var heldElsewhere = regexp.MustCompile(`(?i)(?:browser|keychain|key ?ring|password manager|wallet|phone|other (?:servers?|tools?|connections?))\b.{0,60}\b(?:holds|keeps|stores|saved|has|received)\b|session the user'?s? browser`)

// owned is a store of the user's, not of the tool's.
var owned = regexp.MustCompile(`(?i)\buser'?s?\b|\byour\b|~/|\$HOME|/home/|keychain|key ?ring|llavero|portachiavi|trousseau|schlüsselbund|связк|钥匙串|キーチェーン|키체인|سلسلة المفاتيح|उपयोगकर्ता|kullanıcı|użytkownik|пользовател|用户|ユーザー|사용자|개발자|홈 (?:폴더|디렉)|المستخدم|usuario|usuário|utente|utilisateur|benutzer|सहेजे`)

// namesParameter reports whether the sentence names a parameter of the tool as a place.
func namesParameter(sentence string, params map[string]bool) bool {
	for _, word := range strings.FieldsFunc(sentence, func(r rune) bool { return r <= ' ' || r >= 0x80 }) {
		word = strings.Trim(word, ".,;:()\"'`")
		if params[word] && (len(word) > 4 || len(word) == 1 || strings.Contains(word, "_")) {
			return true
		}
	}
	return false
}

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
