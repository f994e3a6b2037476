package arguments

import (
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

var (
	// verbs begin a statement.
	verbs = `(?:drop\s+\w|delete\s+from|detach\s+delete|insert\s+into|update\s+\S+\s+set|alter\s+\w|create\s+(?:or\s+replace\s+)?(?:user|table|function|role|login|trigger|procedure|alias|database|view)|exec(?:ute)?\s|truncate\s|shutdown|grant\s|revoke\s|copy\s|declare\s+@|merge\s+into|call\s|attach\s|load\s+(?:data|csv)|waitfor\s|select\s|set\s+role|do\s+\$|begin\b|handler\s|replace\s+into)`
	// breakout is a quote that ends a string, with the query that goes on behind it.
	breakout = regexp.MustCompile("(?i)['\"`\u2019]\\s*[)}\\]]*\\s*(?:(?:or|and|xor|\\|\\||&&)\\s*(?:not\\s+)?(?:[('\"`\\[]*[\\p{L}\\d_.$@]*[)'\"`\\]]*\\s*(?:=|<>|!=|<|>|\\s(?:like|is|in|between|regexp|rlike|ilike|similar)\\b)|(?:exists|sleep|pg_sleep|benchmark|extractvalue|updatexml|if|case|ascii|substr\\w*|length|ord|select|updatexml|row|json_\\w+|dbms_\\w+|count|position|name|string-length|starts-with|contains|true|false)\\s*\\(?|\\(*\\s*select\\b)|" +
		"union\\s+(?:all\\s+|distinct\\s+)?select|;\\s*" + verbs + "|(?:limit|offset)\\s+\\d+.{0,30}\\b(?:into|union|procedure)\\b|order\\s+by\\s+\\d|group\\s+by\\s+\\S+\\s+having|having\\s+\\S+\\s*=|" +
		",\\s*\\w+\\s*=\\s*['\"(\\d].{0,80}(?:\\bwhere\\b|--)|procedure\\s+analyse|(?:--|#|/\\*|;%00)\\s*[-\\w]*\\s*$|--\\s|\\+\\s*\\(?\\s*select\\b|\\|\\|\\s*\\(?\\s*(?:select|utl_|dbms_|pg_)|\\)+\\s*\\{[^{}]{0,120}\\}\\s*\\w|[})\\]]+\\s*(?:with|match|detach|delete|return|call|set|create|merge|union|;)\\b|\\]\\s*\\|)")
	// stacked is a second statement behind a plain value.
	stacked = regexp.MustCompile(`(?i);\s*` + verbs)
	// union joins another table's rows.
	union = regexp.MustCompile(`(?i)\bunion(?:\s+|/\*.{0,20}?\*/)+(?:all\s+|distinct\s+)?(?:/\*.{0,20}?\*/)?\s*select\b(?:[^\n]{0,120}(?:\bfrom\b|[,*@|(']|\bnull\b|\d)|\s*/\*)`)
	// functions have no place in a value.
	functions = regexp.MustCompile(`(?i)\b(?:pg_sleep|benchmark|extractvalue|updatexml|load_file|xp_cmdshell|xp_dirtree|sp_configure|utl_http\.\w+|utl_inaddr\.\w+|dbms_\w+\.\w+|lo_import|lo_export|pg_read_file|pg_ls_dir|randomblob|load_extension|sys_eval|sys_exec)\s*\(|waitfor\s+delay|into\s+(?:out|dump)file|\(\s*select\s[^()]{1,120}\sfrom\s|\bcase\s+when\s*\(?\s*\(?\s*select\b|\b(?:and|or)\s+sleep\s*\(`)
	// numeric is a tautology behind a number or an id.
	numeric = regexp.MustCompile(`(?i)^[\w.:-]{1,40}\s*\)*\s+(?:or|and|\|\|)\s+\(*(?:not\s+)?['"]?([\p{L}\d_]+)['"]?\s*(?:=|like|<=>|==)\s*['"]?([\p{L}\d_]+)`)
	// effects are what a query does to the machine.
	effects = regexp.MustCompile(`(?i)\b(?:to|from)\s+program\s+['$]|\bxp_cmdshell\b|\bsp_oacreate\b|\binto\s+(?:out|dump)file\b|\bload_file\s*\(|\blo_export\s*\(|\bsys_e(?:xec|val)\s*\(|\butl_http\.|\butl_tcp\.|\bpg_read_(?:binary_)?file\s*\(|\bload_extension\s*\(|\bdblink(?:_connect)?\s*\(|\bcreate\s+function\s.{0,80}\bsoname\b|\battach\s+(?:database\s+)?'[^']*\.(?:php|jsp|aspx?|sh|py)'|\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\b.{0,200}\blanguage\s+'?(?:plpython3?u|plperlu|c)\b|\bopenrowset\s*\(\s*bulk|\bxp_dirtree\b|\bdbms_scheduler\.|\bdbms_java\.|\bapoc\.(?:load|cypher\.runfile|import|export)|\bload\s+csv\s+(?:with\s+headers\s+)?from\s+['"](?:file|https?):|\bcopy\s.{0,120}\sto\s+'(?:s3|https?|gs)|\bexport\s+data\s+options\s*\(\s*uri|\bunload\s*\(`)
	// destroys is a statement behind a read that changes what was only to be read.
	destroys  = regexp.MustCompile(`(?i)^\s*(?:select|with|show|explain|match|values)\b.*?;\s*(drop\s+\w|delete\s+from|truncate\s|alter\s+(?:user|role|login|table)|grant\s|create\s+(?:user|role|login)|update\s+\S+\s+set|insert\s+into)`)
	statement = regexp.MustCompile(`(?i)^\s*(?:--[^\n]*\n\s*)*\(?\s*(?:select|with|insert|update|delete|alter|create|drop|explain|show|match|merge|begin|set|pragma|copy|vacuum|grant|truncate|use|call|from|query|mutation)\s`)
	// subselect is a query in brackets.
	subselect = regexp.MustCompile(`(?i)^\(\s*select\s`)
	// newCommand is a command of another protocol on a line of its own.
	newCommand = regexp.MustCompile(`^[^\r\n]{0,80}[\r\n]+\s*(?:FLUSH(?:ALL|DB)|CONFIG SET|SLAVEOF|REPLICAOF|EVAL |MODULE LOAD|SET |DEL |RCPT TO|MAIL FROM|QUIT|EHLO|SELECT |DELETE )`)
	// ldap closes a filter and opens another one.
	ldap = regexp.MustCompile(`^[^()\s]*\)\s*\(?\s*[|&!(]*\s*\(?[\w-]+\s*[~<>]?=`)
	// twoFilters is a filter behind a filter, which no honest one has.
	twoFilters = regexp.MustCompile(`^\([^()\s]*\)\s*\([|&!]*\(?[\w-]+\s*[~<>]?=`)
	// odata widens a filter to all but what it names.
	odata = regexp.MustCompile(`(?i)\b(\w+)\s+eq\s+('[^']*'|\d+)\s+or\s+(\w+)\s+(?:ne|gt|ge|lt|le|eq)\s+('[^']*'|\d+)`)
	// always compares a value with itself.
	always = regexp.MustCompile(`(?i)\bor\s+('?\d+'?|'\w*')\s+eq\s+('?\d+'?|'\w*')`)
	// alias is an operation of a GraphQL query under a name of its own.
	alias = regexp.MustCompile(`\b(\w+)\s*:\s*(\w+)\s*\(`)
)

// judgeQuery looks for a query where a value belongs, and for what a query does.
func judgeQuery(v *value) (*check.Rule, int, int) {
	if len(v.text) < 5 || !strings.ContainsAny(v.text, "'\";()=\u2019`{") {
		return nil, 0, 0
	}
	if v.role == data && (v.text[0] == '(' && subselect.MatchString(v.text) || strings.ContainsAny(v.text, "\r\n") && newCommand.MatchString(v.text)) {
		return queryBreakout, 0, len(v.text)
	}
	if statement.MatchString(v.text) {
		return judgeStatement(v)
	}
	if short := v.role == prose && len(v.text) < 80 && words(v.text) <= 4 && !strings.ContainsAny(v.text, "`\n?"); v.role != data && !short {
		if v.role == code && strings.Contains(v.text, "{") {
			return judgeBatch(v)
		}
		return judgeFilter(v)
	}
	if len(v.text) > 1024 || words(v.text) > 30 {
		return nil, 0, 0
	}
	for _, m := range breakout.FindAllStringIndex(v.text, 4) {
		if unquotedHead(v.text[:m[0]]) {
			return queryBreakout, m[0], len(v.text)
		}
	}
	for _, p := range []*regexp.Regexp{stacked, union, functions} {
		if m := p.FindStringIndex(v.text); m != nil && words(v.text[:m[0]]) <= 3 {
			return queryBreakout, m[0], len(v.text)
		}
	}
	if m := numeric.FindStringSubmatchIndex(v.text); m != nil && strings.EqualFold(v.text[m[2]:m[3]], v.text[m[4]:m[5]]) {
		return queryBreakout, 0, len(v.text)
	}
	if ldap.MatchString(v.text) || twoFilters.MatchString(v.text) {
		return queryBreakout, 0, len(v.text)
	}
	return judgeFilter(v)
}

// unquotedHead reports whether no string is open before a quote: the quote does not close one of the value's own.
func unquotedHead(head string) bool {
	if words(head) > 5 || strings.ContainsAny(head, "\"`") {
		return false
	}
	for i := 0; i < len(head); i++ {
		if head[i] == '\'' && (i == 0 || i+1 == len(head) || !letter(head[i-1]) || !letter(head[i+1])) {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func judgeStatement(v *value) (*check.Rule, int, int) {
	if m := effects.FindStringIndex(v.text); m != nil && v.role != prose {
		return queryEffect, m[0], min(len(v.text), m[1]+80)
	}
	if m := destroys.FindStringSubmatchIndex(strings.ReplaceAll(v.text, "\n", " ")); m != nil && v.role != prose {
		return queryEffect, m[2], len(v.text)
	}
	return judgeBatch(v)
}

// judgeFilter looks at a filter of an interface that has its own language.
func judgeFilter(v *value) (*check.Rule, int, int) {
	if m := always.FindStringSubmatchIndex(v.text); m != nil && v.role != prose && v.text[m[2]:m[3]] == v.text[m[4]:m[5]] {
		return queryBreakout, m[0], m[1]
	}
	if m := odata.FindStringSubmatchIndex(v.text); m != nil && v.role != prose {
		a, b := v.text[m[4]:m[5]], v.text[m[8]:m[9]]
		same := v.text[m[2]:m[3]] == v.text[m[6]:m[7]]
		if a == b && same || strings.Contains(v.text[m[0]:m[1]], " ne ") {
			return queryBreakout, m[0], m[1]
		}
	}
	return nil, 0, 0
}

// judgeBatch looks for one operation repeated under many names.
func judgeBatch(v *value) (*check.Rule, int, int) {
	if depth := nesting(v.text); depth >= 10 && strings.Contains(v.text, "{") && !strings.Contains(v.text, ":{") && !strings.Contains(v.text, "\":") && strings.Contains(v.name, "query") {
		return queryBatch, 0, len(v.text)
	}
	if strings.Count(v.text, ":") < 5 || !strings.Contains(v.text, "{") {
		return nil, 0, 0
	}
	count := make(map[string]int)
	first, last := -1, 0
	for _, m := range alias.FindAllStringSubmatchIndex(v.text, 40) {
		operation := v.text[m[4]:m[5]]
		if count[operation]++; count[operation] == 1 && first < 0 {
			first = m[0]
		}
		if last = m[1]; count[operation] >= 5 && guessed.MatchString(v.text) {
			return queryBatch, first, last
		}
	}
	return nil, 0, 0
}

// nesting is how deep braces are nested.
func nesting(text string) (deepest int) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

// guessed is what is worth guessing.
var guessed = regexp.MustCompile(`(?i)redeem|login|signin|sign_in|auth|verify|otp|pin|code|coupon|voucher|password|token|2fa|mfa|reset`)

// secretFields are fields that are compared for equality only.
var secretFields = wordSet(`pin pins password passwd pass pwd token tokens secret secrets otp hash apikey key code passcode cvv ssn session contraseña senha passwort kennwort пароль 密码 パスワード 비밀번호`)

var operatorNames = wordSet(`ne gt gte lt lte exists regex nin not type where function accumulator expr`)

// operatorKey looks at a member that is an operator of a document database.
func operatorKey(e *check.Event, i int) {
	s := &e.Segments[i]
	if strings.Contains(s.Views[0].Text, "[$") {
		e.Report(queryOperator, nil, e.Whole(i))
		return
	}
	name, ok := strings.CutPrefix(s.Views[0].Text, "$")
	if !ok || !operatorNames[name] {
		return
	}
	parent, _ := cut(s.Pointer)
	_, field := cut(parent)
	switch name {
	case "where", "function", "accumulator":
		if j, ok := e.At(s.Pointer, false); ok && scripted.MatchString(e.Segments[j].Views[0].Text) {
			e.Report(queryOperator, nil, e.Whole(i), e.Whole(j))
		}
	case "expr", "type", "not":
	default:
		if anyWord(snake(field), secretFields) {
			e.Report(queryOperator, nil, e.Whole(i))
		}
	}
}

var scripted = regexp.MustCompile(`(?i)sleep\s*\(|while\s*\(|return\s+(?:true|1)\b|\|\|\s*['"]?1|1\s*==\s*1|this\.(?:pass|pin|token|secret|constructor)|constructor|process\.|require\s*\(`)

// reaches is a template that gets at the program behind it.
var reaches = regexp.MustCompile(`(?i)\{[{%][^}]{0,200}(?:__\w+__|\bpopen\b|\bself\.|\bconfig\b\s*(?:\}|\.|\[)|\bcycler\b|\bjoiner\b|\blipsum\b|\brequest\.(?:application|environ|__)|\bget_flashed_messages\b|\burl_for\.|constructor|\bprocess\b\.|\bimport\s+os\b|\bsettings\.SECRET|\(\s*env\s+"|\benv\s+"[A-Z]|['"]\s*\|\s*(?:system|exec|passthru|filter\()|\bfile_get_contents|\.getClass\(\)|\.class\.|\bos\.environ|\benv\.[A-Z]{3}|_self\.env|\bdebug\s*\(\s*\))|` +
	`\{\{\s*['"]?\d+['"]?\s*[*+]\s*['"]?\d+['"]?\s*\}\}|\$\{\s*\d+\s*\*\s*\d+\s*\}|#\{\s*\d+\s*\*\s*\d+\s*\}|<%=\s*(?:\d+\s*\*\s*\d+|system|` + "`" + `|File\.|IO\.|ENV)|<%\s*(?:import|require)|` +
	`<#assign\s+\w+\s*=\s*"freemarker|\?new\(\)|freemarker\.template\.utility|\$\{T\(|\*\{T\(|__\$\{|#set\s*\(\s*\$\w+\s*=\s*.{0,60}(?:class|forName|runtime)|\$class\.inspect|\$\{(?:jndi|script|sys|env|java|url|dns):|\{php\}|\{system\(|\{\{#with\s+["']|\{\{\s*range\.constructor|\$\{\s*(?:applicationScope|sessionScope|pageContext|request\.|"[^"]*"\.getClass|''\.getClass|class\.|Runtime)|@\(\s*\d+\s*\*|@\{\s*(?:System|var)\b|\{%\s*(?:include|extends|import)\s+['"](?:/|\.\.|file:)`)

// workflow is an expression that a pipeline fills in before it runs a line.
var workflow = regexp.MustCompile(`\$\{\{\s*(?:github\.event|secrets\.|inputs\.)`)

// judgeTemplate looks for a template that does more than fill in.
func judgeTemplate(v *value) (*check.Rule, int, int) {
	if v.role == prose && quotedAll(v.text) || !opens(v.text) || anyWord(v.name, patternNames) {
		return nil, 0, 0
	}
	if m := workflow.FindStringIndex(v.text); m != nil && v.role == data && !strings.Contains(v.text, "\n") {
		return templateCode, m[0], len(v.text)
	}
	for _, m := range reaches.FindAllStringIndex(v.text, 3) {
		if !quoted(v.text, m[0]) {
			return templateCode, m[0], min(len(v.text), m[1]+60)
		}
	}
	return nil, 0, 0
}

// opens reports whether text has a sign with which a template begins.
func opens(text string) bool {
	for _, s := range []string{"{{", "{%", "${", "#{", "<%", "<#", "*{", "@(", "@{", "#set", "{php", "{system", "?new", "freemarker", "$class"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// quotedAll reports whether text shows code in backticks.
func quotedAll(text string) bool { return strings.Contains(text, "`") }
