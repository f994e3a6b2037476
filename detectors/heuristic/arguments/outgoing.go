package arguments

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// keyholders are words of tools and parameters that credentials are for.
var keyholders = wordSet(`secret secrets vault credential credentials password passwords login signin auth authenticate authorize authorization token tokens
	key keys apikey keychain keystore env environment variable variables config configure connect connection oauth exchange bearer cookie cookies header headers verifier challenge
	sign signature encrypt decrypt ssh certificate revoke rotate sha256 checksum hash digest wallet transaction otp`)

// notebooks are tools that keep what their user writes down.
var notebooks = wordSet(`save note notes memo journal diary remember keep`)

// blobs are parameters for data that looks like a key.
var blobs = wordSet(`cursor data image content_base64 blob chunk address to from code`)

// outgoing looks at what a call hands out: credentials, and what is told to keep to oneself, where neither belongs.
func outgoing(e *check.Event, v *value) {
	if len(v.text) < 12 || v.toolWord(studies) && !anyWord(snake(v.name), sideNames) {
		return
	}
	s := &e.Segments[v.segment]
	if strings.Contains(v.text, "eyJ") && forgedToken.MatchString(v.text) {
		e.Report(unsignedToken, nil, e.Whole(v.segment))
		return
	}
	for view := range s.Views {
		text := s.Views[view].Text
		text = text[:min(len(text), 4*maxValue)]
		hidden := s.Views[view].Kind == models.ViewDecoded
		if hidden && setupGate(text) && hiddenSetup.MatchString(text) && !v.toolWord(setupNames) {
			e.Report(confidenceOut, nil, models.Span{Segment: v.segment, View: view, End: len(text)})
			return
		}
		if hidden && len(text) >= 12 && encodedInSlot(v, s.Views[view].Chain) {
			e.Report(confidenceOut, nil, models.Span{Segment: v.segment, View: view, End: len(text)})
			return
		}
		if m := secretIn(text, !hidden && (holdsKeys(v) || v.toolWord(notebooks) && !v.toolWord(publishes)), hidden); m != nil {
			e.Report(secretOut, nil, models.Span{Segment: v.segment, View: view, Start: m[0], End: m[1]})
			return
		}
	}
	if r, start, end := judgeHost(v); r != nil {
		e.Report(r, nil, v.span(start, end))
	} else if r, start, end := judgeConfidence(v); r != nil {
		e.Report(r, nil, v.span(start, end))
	} else if aboutPerson(e, v) || confided(e, v) {
		e.Report(confidenceOut, nil, e.Whole(v.segment))
	}
}

// confidential says that something is not for others.
var confidential = check.Signals("arguments.confidential")

// confided reports whether a remark says that it is not for others.
func confided(e *check.Event, v *value) bool {
	if len(v.text) <= 40 || !anyWord(snake(v.name), sideNames) || v.toolWord(keepsRecords) {
		return false
	}
	has := e.Has(v.segment, 0)
	return has.Meets(&confidential)
}

// personal is what is known about a person and no business of a search engine or a restaurant.
var personal = check.Signals("arguments.personal")

// aboutPerson reports whether a query or a remark holds what is known about a person, with a date or a number.
func aboutPerson(e *check.Event, v *value) bool {
	if countDigits(v.text) < 6 {
		return false
	}
	name, least := snake(v.name), 2
	switch {
	case anyWord(name, searchNames) && v.toolWord(searches):
		least = 1
	case v.toolWord(treats), !anyWord(name, sideNames) && v.toolWord(writes):
		return false
	}
	s := sentence{hits: e.Signals(v.segment, 0)}
	n := s.count(&personal)
	if n > 0 && !anyWord(name, searchNames) {
		n += min(strings.Count(v.text, "@"), 1) + len(records.FindAllStringIndex(v.text, 1)) - 1
	}
	return n >= least
}

// forgedToken is a token that says of itself that nobody signed it.
var forgedToken = regexp.MustCompile(`\beyJ(?:hbGciOi(?:Ai|J)(?:ub25l|Tm9uZ|OT05F)|0eXAiOiJKV1QiLCJhbGciOiJub25l|raWQiOi\w{0,80}Jub25l)[\w-]*\.eyJ`)

// encodedInSlot reports whether encoded text stands in a value that is a word or a remark, not data.
func encodedInSlot(v *value, chain []string) bool {
	for _, step := range chain {
		if step == "base64" || step == "hex" || step == "base32" {
			return anyWord(snake(v.name), plainSlots) && !holdsKeys(v)
		}
	}
	return false
}

// plainSlots are parameters for words.
var plainSlots = wordSet(`hint locale lang language style theme color colour sort order units unit format category station place city town nickname title caption attribution suffix prefix reason
	remark comment label tag tags client_info user_agent useragent device version referrer utm_source utm_content timezone region session mood rating greeting footer alt topic channel subject name`)

func holdsKeys(v *value) bool {
	return anyWord(snake(v.name), keyholders) || anyWord(snake(v.name), blobs) || v.toolWord(keyholders)
}

var (
	// keyFormat are keys and tokens that one knows by their looks.
	keyFormat = regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{18,}|(?:AKIA|ASIA)[A-Z0-9]{16}\b|xox[abeprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}|sk-(?:ant-|proj-|live-)?[A-Za-z0-9_-]{24,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|AIza[\w-]{35}|ya29\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|dop_v1_[a-f0-9]{40,}|shp(?:at|ss)_[a-f0-9]{24,}|AGE-SECRET-KEY-1\w{30,}|whsec_\w{16,}|EAAC\w{30,}|vault:v\d|hvs\.\w{20,})|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY|\bid_(?:rsa|ed25519|ecdsa)\s*[:=]`)
	// named are secrets that stand behind their name.
	named = regexp.MustCompile(`(?i)(?:salasana|lösenord|passord|adgangskode|wachtwoord|heslo|jelszó|mật khẩu|kata sandi|סיסמה|كلمة (?:المرور|السر)|पासवर्ड|passw(?:or)?d|passwort|kennwort|contraseña|senha|secret|token|session|sessid|sid|cookie|bearer|jwt|credential|api[_-]?key|access[_-]?key|private[_-]?key|s3[_-]?key|_key|\bkey|\bpass|\bpwd|_pass|_pwd|otp seed|totp seed|seed|mnemonic|root pass|пароль|密码|口令|パスワード|暗証番号|비밀번호|şifre|hasło|mot de passe)['"]?[ \t]*(?:[=:：]|is\b|ist\b|は|[ \t])[ \t]*['"]?([^\s'",;]{6,})`)
	// quotedSecret is a secret in quotes, some words behind its name.
	quotedSecret = regexp.MustCompile(`(?i)(?:salasana|lösenord|passord|adgangskode|wachtwoord|heslo|jelszó|mật khẩu|kata sandi|סיסמה|كلمة (?:المرور|السر)|पासवर्ड|password|passwort|kennwort|contraseña|senha|mot de passe|passphrase|secret|token|пароль|hasło|parola|şifre)(?:\s+[\p{L}']+){0,4}\s*[:=]?\s*['"«“‘]([^'"»”’\s]{6,})['"»”’]`)
	// statedSecret is a secret in a sentence that tells it.
	statedSecret = regexp.MustCompile(`(?i)(?:salasana|lösenord|passord|adgangskode|wachtwoord|heslo|jelszó|mật khẩu|kata sandi|סיסמה|كلمة (?:المرور|السر)|पासवर्ड|password|passcode|passwort|kennwort|contraseña|clave|senha|mot de passe|passphrase|chiave|пароль|hasło|parola|şifre)(?:\s+[\p{L}']+){0,4}\s+(?:is|are|est|es|è|é|ist|lautet|to|это|to jest)\s+(\S{8,})`)
	// cookieFile is the cookies of a browser.
	cookieFile = regexp.MustCompile(`(?i)# Netscape HTTP Cookie|\t(?:TRUE|FALSE)\t/\S*\t(?:TRUE|FALSE)\t\d+\t|"(?:httpOnly|sameSite)"\s*:.{0,200}"value"\s*:`)
	// login is an address with a password in it.
	login = regexp.MustCompile(`\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|ldaps?|ftps?|smtps?|https?)://[\w.%+-]+:[^\s@/'"<>{}$*:]{5,}@[\w.-]+`)
	// webToken is a token that is signed.
	webToken = regexp.MustCompile(`\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{8,}`)
	// signIn is a user's name and password, side by side.
	signIn = regexp.MustCompile(`(?i)\b(?:log-?in|sign-?in|account|user(?:name)?|credentials?|zugang\w*|anmeld\w*|acceso|acesso|accesso|identifiants?|logowani\w*|логин|учётк\w*|账号|アカウント|계정)\b[^:=\n]{0,30}[:=：][ \t]*['"]?[\w.@+-]{2,40}['"]?[ \t]*(?:/|\||,|:|;|[ \t])[ \t]*(?:pass\w*[:= ][ \t]*)?['"]?(\S{8,})`)
	// placeholder stands for a secret.
	placeholder = regexp.MustCompile(`(?i)\*\*\*|EXAMPLE$|:(?:password|pass|secret|pwd|changeme|xxx+|your\w*|user)@|@localhost|\.\.\.|x{6}|your[_-]`)
	// phrase is a wallet's recovery words.
	phrase = regexp.MustCompile(`(?i)\b(?:mnemonic|seed (?:phrase|words?)|recovery (?:phrase|words))\b[^:=]{0,12}[:=]\s*(?:[a-z]{3,8}\s+){4,}[a-z]{3,8}`)
	// card is a payment card with what is needed to use it.
	card = regexp.MustCompile(`\b(?:\d[ -]?){13,18}\d\b.{0,24}\b(?:exp\w*|cv[cv2]|cvv2?|valid)\b`)
)

// secretIn finds a credential in text. Known formats are left where credentials belong.
func secretIn(text string, holder, hidden bool) []int {
	if holder {
		return nil
	}
	if countDigits(text) < 1 && !strings.Contains(text, "PRIVATE KEY") && !strings.Contains(text, "id_") {
		return phraseIn(text)
	}
	marked := strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, "id_")
	if marked || hidden || longestRun(text) >= 14 {
		if m := keyFormat.FindStringIndex(text); m != nil && !placeholder.MatchString(text[m[0]:m[1]]) {
			return m
		}
	} else if !turnsOften(text) && !strings.Contains(text, "\t") {
		return phraseOrCard(text)
	}
	if strings.HasPrefix(text, "http") || strings.HasPrefix(text, "www.") {
		return nil
	}
	if strings.Contains(text, "eyJ") {
		if m := webToken.FindStringIndex(text); m != nil {
			return m
		}
	}
	if !strings.Contains(text, "://") || !strings.Contains(text, "@") {
	} else if m := login.FindStringIndex(text); m != nil && !placeholder.MatchString(text[m[0]:m[1]]) {
		return m
	}
	for _, m := range named.FindAllStringSubmatchIndex(text, 8) {
		if word := text[m[2]:m[3]]; random(word) || hidden && countDigits(word) > 1 && countDigits(word) < len(word) {
			return m[:2]
		}
	}
	for _, m := range statedSecret.FindAllStringSubmatchIndex(text, 4) {
		if random(strings.TrimRight(text[m[2]:m[3]], ",;'\"")) {
			return m[:2]
		}
	}
	for _, m := range signIn.FindAllStringSubmatchIndex(text, 4) {
		if random(strings.TrimRight(text[m[2]:m[3]], ",;'\"")) {
			return m[:2]
		}
	}
	for _, m := range quotedSecret.FindAllStringSubmatchIndex(text, 4) {
		if random(text[m[2]:m[3]]) {
			return m[:2]
		}
	}
	if m := cookieFile.FindStringIndex(text); m != nil {
		return m
	}
	return phraseOrCard(text)
}

func phraseOrCard(text string) []int {
	if m := phraseIn(text); m != nil || countDigits(text) < 15 {
		return m
	}
	return card.FindStringIndex(text)
}

// longestRun is the length of the longest run of letters, digits, dashes and underscores in text.
func longestRun(text string) (longest int) {
	n := 0
	for i := range len(text) {
		if c := text[i]; c < 0x80 && (letter(c) || '0' <= c && c <= '9' || c == '-' || c == '_') {
			n++
			longest = max(longest, n)
		} else {
			n = 0
		}
	}
	return longest
}

// turnsOften reports whether a word of text turns between letters of both cases, digits and signs as a password does.
func turnsOften(text string) bool {
	turns, last, digit := 0, byte(0), false
	for i := range len(text) {
		class := byte(0)
		switch c := text[i]; {
		case c <= ' ' || c == '\'' || c == '"' || c == ',' || c == ';':
			turns, last, digit = 0, 0, false
			continue
		case 'A' <= c && c <= 'Z':
			class = 1
		case 'a' <= c && c <= 'z':
			class = 2
		case '0' <= c && c <= '9':
			class, digit = 3, true
		}
		if class != last {
			turns++
		}
		if last = class; turns >= 5 && digit || turns >= 7 {
			return true
		}
	}
	return false
}

func phraseIn(text string) []int {
	if !strings.Contains(text, "nemonic") && !strings.Contains(text, "eed ") && !strings.Contains(text, "ecovery") {
		return nil
	}
	return phrase.FindStringIndex(text)
}

// random reports whether a word is made up by a machine: letters, digits and cases mixed, no address and no placeholder.
func random(word string) bool {
	word = strings.TrimRight(word, ".)")
	if len(word) < 8 || strings.ContainsAny(word, "*<>{}$()/\\@[]") && !strings.Contains(word, "+") {
		return false
	}
	var upper, lower, digit, turns int
	last := 0
	for i := 0; i < len(word); i++ {
		class := 0
		switch c := word[i]; {
		case 'A' <= c && c <= 'Z':
			class, upper = 1, upper+1
		case 'a' <= c && c <= 'z':
			class, lower = 2, lower+1
		case '0' <= c && c <= '9':
			class, digit = 3, digit+1
		}
		if class != last {
			turns++
		}
		last = class
	}
	return turns >= 5 && (digit > 0 && upper+lower > 2 || upper > 1 && lower > 1)
}

// secretLabel are labels of a host name that spell data instead of naming anything.
var secretLabel = wordSet(`pw pwd pass passwd password pin token tok secret key apikey otp seed cvv ssn card user usr`)

// judgeHost looks for data in the labels of a host name.
func judgeHost(v *value) (*check.Rule, int, int) {
	text := v.text
	if i := strings.Index(text, "://"); i >= 0 && i < 10 {
		text = text[i+3:]
	}
	if i := strings.IndexAny(text, "/:?#@"); i >= 0 {
		text = text[:i]
	}
	if strings.Count(text, ".") < 2 || strings.ContainsAny(text, " _\n") || len(text) > 253 {
		return nil, 0, 0
	}
	labels := strings.Split(text, ".")
	if top := labels[len(labels)-1]; len(top) > 24 || len(top) < 2 || strings.ToLower(top) != top || countDigits(top) > 0 {
		return nil, 0, 0
	}
	coded := 0
	for _, l := range labels[:len(labels)-2] {
		switch parts := strings.Split(l, "-"); {
		case len(l) >= 8 && hexText(l), len(l) >= 40 && (random(l) || countDigits(l) >= 6), len(l) >= 24 && countDigits(l) >= 5 && hexOnly(l):
			coded += 2
		case grouped.MatchString(l), numberedLabel.MatchString(l):
			coded++
		case len(parts) >= 3 && anyWord(l, secretLabel) && countDigits(l) >= 2:
			coded += 2
		case len(l) >= 16 && countDigits(l) >= 3 && random(l), len(l) >= 4 && len(l)%2 == 0 && hexOnly(l) && countDigits(l) > 0 && countDigits(l) < len(l):
			coded++
		}
	}
	if coded >= 2 {
		start := strings.Index(v.text, text)
		return dataInHost, start, start + len(text)
	}
	return nil, 0, 0
}

// grouped is data in groups, and numberedLabel says which part of it this is.
var (
	grouped       = regexp.MustCompile(`^[0-9a-f]{4,8}(?:-[0-9a-f]{4,8}){2,}$`)
	numberedLabel = regexp.MustCompile(`^(?:p|part|seq|chunk|n|c|s)-?\d{1,3}(?:(?:of|-|_|x)\d{1,3})?$`)
)

func hexOnly(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }

func countDigits(s string) (n int) {
	for i := 0; i < len(s); i++ {
		if '0' <= s[i] && s[i] <= '9' {
			n++
		}
	}
	return n
}

// hexText reports whether s is text in hexadecimal.
func hexText(s string) bool {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) < 4 {
		return false
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

var (
	// strictly says it so that nobody can mistake it.
	strictly = regexp.MustCompile(`(?i)\bstrictly confidential\b|\binternal only\b|\bnot for distribution\b|\bdo not (?:share|distribute|forward)\b|\bbefore (?:it is|the) announce|\bstreng vertraulich|\bestrictamente confidencial|\bstrictement confidentiel|\bstrettamente riservat|\bестрого конфиденциально|строго конфиденциально|совершенно секретно|社外秘|極秘|绝密|严格保密|대외비|극비`)
	// setup is the text that a model was set up with.
	setup = regexp.MustCompile(`(?i)\b(?:system prompt|set-?up (?:text|prompt)|full text of the assistant|my instructions (?:are|were|say)|developer message|初期指示|系统提示词?|システムプロンプト)\b|(?:^|['"“:\n]\s*)you are (?:the|a|an) [^.'"]{3,80}\.[^'"]*\b(?:never|always|do not|must not|don't)\b`)
	// elsewhere is the tool of another server that something was got from.
	elsewhere = regexp.MustCompile(`\b[a-z][\w-]*/(?:get|read|fetch|list|query|search|export|dump|find)_[a-z_]+\b`)
	// hiddenSetup is such a text that was encoded.
	hiddenSetup = regexp.MustCompile(`(?is)^\W*(?:system\s*[:：]\s*)?you are .{3,200}\b(?:never|always|do not|must not|don't|only)\b|\bsystem prompt\b`)
	// quotedTool says that something is the answer of such a tool.
	quotedTool = regexp.MustCompile(`(?i)\b(?:from|output of|results? of|returned by|answer of|aus|de|según)\s+[a-z][\w-]*/[a-z]+_[a-z_]+\s*[:=]`)
	// turns are those of a conversation.
	turns = regexp.MustCompile(`(?i)(?:^|[\n|;/".:?!,。：])\s*(?:user|human|assistant|system|ai|nutzer|usuario|usuário|utilisateur|用户|助手|ユーザー|アシスタント|사용자)\s*[:：]`)
	// doorCode opens a door.
	doorCode = regexp.MustCompile(`(?i)\b(?:entrance|door|gate|alarm|access|entry|safe|lock|key ?box|garage) (?:code|pin|combination)\b[ :=is]{0,5}\d{3,}|\b(?:tan|otp|pin|2fa|mfa|cvv2?|cvc)\b[ :=#]{0,3}\d{3,8}\b|\b(?:pin|code|combination)\b (?:for|of|to) (?:the |my |our )?(?:safe|door|gate|alarm|vault|lock|garage|card|house)\b[^.;\n]{0,12}\d`)
	// openHouse is how to get into a house.
	openHouse = regexp.MustCompile(`(?i)\b(?:alarm|safe|door|gate|entrance|key ?box|lock|vault|garage|code|pin)\b[^.;\n]{0,30}?\d[\d-]{3,}|\bkey (?:is )?under\b|\bunlocked\b|\balone (?:upstairs|at home)\b|\baway (?:from|until)\b`)
	// sideNames are parameters beside the one that a tool works on.
	sideNames = wordSet(`context contexte kontext contesto contexto kontekst huomautus merknad anmärkning opmerking poznámka catatan profile ctx background inspiration info reference wish wishes wunsch wünsche deseo desejo souhait hint notes note attribution custom_dictionary dictionary glossary memo tag tags label labels comment feedback reason referrer referer user_agent useragent
		notiz notizen hinweis kommentar bemerkung vermerk nota notas observaciones observação observacao observações comentario comentário remarque remarques commentaire osservazioni commento 备注 说明 メモ 備考 비고 메모 примечание комментарий заметка ملاحظة ملاحظات टिप्पणी uwagi yorum açıklama
		utm_source utm_content client_info seed seed_text caption suffix prefix title alt metadata extra misc remark remarks trace annotation station locale style place_hint session preview snippet nickname signature footer`)
	// searchNames are parameters that go to a search engine or a public place.
	searchNames = wordSet(`query q search term terms keyword keywords suche suchbegriff consulta busca recherche запрос поиск 查询 关键词 キーワード 検索語 검색어`)
)

// judgeConfidence looks for what is not for others, in a value where it has no business.
func judgeConfidence(v *value) (*check.Rule, int, int) {
	name := snake(v.name)
	side := anyWord(name, sideNames)
	if strings.Contains(v.text, "/") && strings.Contains(v.text, "_") {
		if m := quotedTool.FindStringIndex(v.text); m != nil {
			return confidenceOut, m[0], len(v.text)
		}
	}
	if strings.Contains(v.text, "_") && v.toolWord(publishes) {
		if m := elsewhere.FindStringIndex(v.text); m != nil {
			return confidenceOut, m[0], len(v.text)
		}
	}
	if v.toolWord(announces) {
		if m := strictly.FindStringIndex(v.text); m != nil {
			return confidenceOut, 0, len(v.text)
		}
	}
	if v.toolWord(shows) {
		if m := openHouse.FindAllStringIndex(v.text, 3); len(m) >= 2 {
			return confidenceOut, m[0][0], len(v.text)
		}
	}
	if side && strings.Contains(v.text, ":") && !v.toolWord(setupNames) {
		if m := turns.FindAllStringIndex(v.text, 3); len(m) >= 2 {
			return confidenceOut, m[0][0], len(v.text)
		}
	}
	if !setupGate(v.text) {
	} else if m := setup.FindStringIndex(v.text); m != nil && !anyWord(name, setupNames) && !v.toolWord(setupNames) {
		return confidenceOut, m[0], len(v.text)
	}
	if side {
		if countDigits(v.text) > 2 && doorCode.MatchString(v.text) {
			return confidenceOut, 0, len(v.text)
		}
	}
	if anyWord(name, answers) {
		if r, start, end := judgeRecords(v); r != nil {
			return r, start, end
		}
	}
	return judgeAddressData(v)
}

// setupGate is the cheap test before the one for the text that a model was set up with.
func setupGate(text string) bool {
	return strings.Contains(text, "ou are") || strings.Contains(text, "rompt") || strings.Contains(text, "et-up") || strings.Contains(text, "etup") || strings.Contains(text, "nstructions") ||
		strings.Contains(text, "提示") || strings.Contains(text, "指示") || strings.Contains(text, "プロンプト") || strings.Contains(text, "assistant") || strings.Contains(text, "eveloper m")
}

var (
	setupNames   = wordSet(`prompt prompts system instructions instruction messages persona agent assistant role sampling bot character template`)
	keepsRecords = wordSet(`classify classification document documents matter case contract nda label file archive legal hr save_note policy`)
	answers      = wordSet(`answer answers q1 q2 q3 q4 q5 q6 q7 q8 q9 q10 comment feedback review note notes memo tag tags query title label hint context reason alt caption`)
	publishes    = wordSet(`send post publish comment message paste notify share upload submit create tweet reply forward mail email broadcast announce issue event review sign`)
	announces    = wordSet(`status tweet toot post review comment paste guestbook forum feed story gist`)
	shows        = wordSet(`publish track paste review post comment tag guestbook share upload feed`)
	searches     = wordSet(`search web lookup google bing find browse 検索 搜索 검색 поиск suche buscar recherche`)
	writes       = wordSet(`send mail email message reply draft write save note document translate summarize summarise rewrite classify create update add register fill submit form contract letter letters calendar contact contacts person people crm ticket`)
	treats       = wordSet(`patient patients medical clinic hospital health appointment prescription lab record records insurance claim hr employee payroll case chart admission triage referral refer`)
)

// carriedData are parts of an address that carry what somebody did, not what the page needs.
var carriedData = regexp.MustCompile(`(?i)[?&#/;](?:[\w.-]*(?:mailbox|inbox|sess(?:ion)?|cookie|passw(?:or)?d|pwd|token|secret|key|prompt|history|contacts?|notes?|body|data|dump|creds?|env|ssn|card|user|email|[a-z])=)([^&#]{8,})`)

// judgeAddressData looks for private data in the address that a tool is to fetch.
func judgeAddressData(v *value) (*check.Rule, int, int) {
	if !strings.HasPrefix(v.text, "http") || !strings.ContainsAny(v.text, "%+@") && longestRun(v.text) < 14 {
		return nil, 0, 0
	}
	if m := packedFields(v.text); m != nil {
		return confidenceOut, m[0], m[1]
	}
	score, first := 0, -1
	for _, m := range carriedData.FindAllStringSubmatchIndex(v.text, 12) {
		value := v.text[m[2]:m[3]]
		points := 0
		switch {
		case carriedFields(value):
			points = 2
		case strings.Count(value, "%20")+strings.Count(value, "+") >= 4, strings.Contains(value, "%40"), strings.Contains(value, "@"):
			points = 1
		case len(value) >= 14 && len(value) <= 19 && countDigits(value) == len(value):
			points = 1
		case len(value) >= 24 && random(value) && !strings.HasPrefix(value, "eyJ"):
			points = 1
		}
		if points > 0 && first < 0 {
			first = m[2]
		}
		score += points
	}
	if score >= 2 {
		return confidenceOut, first, len(v.text)
	}
	return nil, 0, 0
}

// packedFields finds an encoded object of somebody's data in an address.
func packedFields(text string) []int {
	if !strings.Contains(text, "eyJ") {
		return nil
	}
	for _, m := range packedObject.FindAllStringSubmatchIndex(text, 4) {
		if plain, err := base64.RawURLEncoding.DecodeString(text[m[2]:m[3]]); err == nil && len(packedMember.FindAllIndex(plain, 2)) == 2 {
			return m[2:4]
		}
	}
	return nil
}

var (
	packedObject = regexp.MustCompile(`[/=](eyJ[\w-]{16,})(?:[/&?#]|$)`)
	packedMember = regexp.MustCompile(`(?i)"(?:p|pw|pwd|pass\w*|pin|u|user\w*|e?-?mail|card|iban|ssn|token|secret|cookie|session|dob|phone)"\s*:`)
)

// carriedFields reports whether an encoded value has fields of its own, of a person or an account.
func carriedFields(value string) bool {
	if !strings.Contains(value, "%3") {
		return false
	}
	plain, err := url.QueryUnescape(value)
	return err == nil && len(innerField.FindAllStringIndex(plain, 2)) == 2
}

// innerField is a field about a person or an account.
var innerField = regexp.MustCompile(`(?i)(?:^|[&;,{" ])(?:iban|e?-?mail|pass\w*|pwd|ssn|card|dob|token|secret|name|phone|pin|balance|address)["']?[=:]`)

// fragments reports a list whose elements are numbered pieces of one text.
func fragments(e *check.Event) {
	count, last, first := 0, -1, 0
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !check.Below(s, "/arguments") {
			continue
		}
		n, ok := numbered(s.Views[0].Text)
		switch {
		case ok && n == last+1 && last >= 0:
			count++
		case ok:
			count, first = 1, i
		default:
			last = -1
			if count < 4 {
				count = 0
			}
			continue
		}
		last = n
		if count == 4 {
			e.Report(confidenceOut, nil, e.Whole(first), e.Whole(i))
			return
		}
	}
}

// piece is a numbered piece: "p4-xoxb", "3/8:Zm9v", "[2] aGk".
var piece = regexp.MustCompile(`^[\[(#]?(?:p|part|c|chunk|n|s|seq|teil|parte)?[-_ ]?(\d{1,3})(?:/\d{1,3})?[\])]?[-:_ ]\s*[\w+/=-]{3,}$`)

func numbered(text string) (int, bool) {
	if len(text) > 80 || len(text) < 5 {
		return 0, false
	}
	m := piece.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n := 0
	for _, c := range m[1] {
		n = n*10 + int(c-'0')
	}
	return n, true
}

// privateMembers are members whose values are for few eyes.
var privateMembers = wordSet(`alarm_code door_code gate_code access_code pin pincode passcode password passwd pwd ssn tax_id iban cvv cvc card_number passport passport_no date_of_birth dob salary diagnosis medication blood_type
	home home_address mother_maiden_name security_answer recovery_code otp seed private_key contraseña senha passwort kennwort пароль 密码 身份证号 パスワード 비밀번호`)

// posts reports a payload of private members that goes to an address.
func posts(e *check.Event) {
	address, n, first := -1, 0, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if !check.Below(s, "/arguments") {
			continue
		}
		if !s.Key {
			if parent, last := cut(s.Pointer); parent == "/arguments" && strings.HasPrefix(text, "http") && !strings.HasPrefix(last, "redirect") {
				address = i
			}
			continue
		}
		if strings.Count(s.Pointer, "/") >= 3 && privateMembers[strings.ToLower(text)] {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if address >= 0 && n >= 2 {
		e.Report(confidenceOut, nil, e.Whole(first), e.Whole(address))
	}
}

// records is a list of people in one text: several phone, card or account numbers.
var records = regexp.MustCompile(`(?:\+?\d[\d ()/.-]{8,16}\d)`)

// judgeRecords looks for a list of people in an answer or a comment.
func judgeRecords(v *value) (*check.Rule, int, int) {
	if !strings.Contains(v.text, ";") && !strings.Contains(v.text, "；") && !strings.Contains(v.text, "\n") && !strings.Contains(v.text, ",") {
		return nil, 0, 0
	}
	if countDigits(v.text) < 24 {
		return nil, 0, 0
	}
	m := records.FindAllStringIndex(v.text, 5)
	if len(m) >= 3 && m[len(m)-1][1]-m[0][0] < 400 {
		return confidenceOut, 0, len(v.text)
	}
	return nil, 0, 0
}

// copies reports a blind copy to an address outside of all the others' domains, with a private attachment.
func copies(e *check.Event) {
	if !hasKey(e, "bcc") {
		return
	}
	domains := make(map[string]bool)
	blind, private := -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !check.Below(s, "/arguments") {
			continue
		}
		text := strings.ToLower(s.Views[0].Text)
		name := parameter(s.Pointer)
		at := strings.LastIndexByte(text, '@')
		switch {
		case name == "bcc" && at > 0:
			blind = i
		case at > 0 && !strings.Contains(text, " "):
			domains[text[at+1:]] = true
		case privateFile.MatchString(text):
			private = i
		}
	}
	if blind < 0 || private < 0 {
		return
	}
	text := strings.ToLower(e.Segments[blind].Views[0].Text)
	if domain := text[strings.LastIndexByte(text, '@')+1:]; !domains[domain] && len(domains) > 0 {
		e.Report(confidenceOut, nil, e.Whole(blind), e.Whole(private))
	}
}

// hasKey reports whether the call has an argument of that name.
func hasKey(e *check.Event, name string) bool {
	for i := range e.Segments {
		if s := &e.Segments[i]; s.Key && strings.EqualFold(s.Views[0].Text, name) {
			return true
		}
	}
	return false
}

// privateFile is a file that is not for everybody.
var privateFile = regexp.MustCompile(`(?i)/(?:hr|legal|finance|private|confidential|medical|payroll|board)/|salar|payroll|medical|confidential|passport|payslip|contracts?\b|customers?\b|patients?\b|secret|credential|\.kdbx|\.pem\b|gehalt|vertraulich|sueldo|salaire|зарплат|工资|給与`)
