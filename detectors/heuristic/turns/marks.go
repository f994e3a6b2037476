package turns

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
)

// kind is what a mark plays.
type kind int

const (
	token   kind = iota // of a chat template: <|im_start|>, [INST]
	role                // a line that begins with a speaker: System:
	element             // an element that is named after one: <system>, <turn role="user">
	fence               // the end of what the host has wrapped the text in: </tool_result>
	invoke              // a call in the elements of a model
	call                // a call or message in JSON
	label               // a banner in capitals: === END OF DOCUMENT ===, <<ACTION FOR AGENT>>
)

// mark is where a turn begins.
type mark struct {
	start, end int
	kind       kind
	quoted     bool // it is spoken about: in quotes, in brackets, in the middle of a sentence
	weak       bool // a speaker in small letters, as in the keys of a configuration
	system     bool // the speaker is the system, or may be
}

// tokens are those of templates that have no common form, in lower case.
var tokens = []string{"[inst]", "[/inst]", "<<sys>>", "<</sys>>", "[system_prompt]", "[/system_prompt]", "[tool_results]", "[/tool_results]", "[tool_calls]", "[available_tools]", "<|im_sep", "<tool_response>", "</tool_response>", "<function_results>", "</function_results>", "<end_of_utterance>", "<unk>", "<think>", "</think>", "### instruction:", "### response:", "### system:", "### human:", "### assistant:", "### user:", "### input:", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<s>", "</s>", "<sys>", "<human>", "<bot>", "<|", "<｜"}

// roles are speakers of a conversation, in lower case, before a colon at the start of a line.
var roles = []string{
	"system", "human", "assistant", "user", "developer message", "system message", "system prompt", "system note", "system override", "gpt4 correct user", "gpt4 correct assistant", "new instructions", "tool result",
	"benutzer", "nutzer", "assistent", "utilisateur", "système", "assistante", "usuario", "sistema", "asistente", "usuário", "assistente", "utente", "система", "пользователь", "ассистент", "użytkownik", "asystent", "kullanıcı", "asistan", "sistem",
	"系统", "用户", "助手", "系統", "システム", "ユーザー", "アシスタント", "시스템", "사용자", "어시스턴트", "النظام", "المستخدم", "المساعد", "सिस्टम", "सहायक", "उपयोगकर्ता",
}

// maxRole is the length of the longest speaker in bytes.
var maxRole = func() (most int) {
	for _, r := range roles {
		most = max(most, len(r))
	}
	return most
}()

var roleSet = func() map[string]bool {
	set := map[string]bool{}
	for _, r := range roles {
		set[r] = true
	}
	return set
}()

// wraps are parts of the names of elements that hosts wrap foreign text in.
var wraps = []string{"tool", "result", "output", "response", "context", "document", "instruction", "description", "server", "system", "user", "message", "function", "untrusted", "answer", "conversation", "observation", "input", "data", "content", "prompt", "history", "email", "search", "review", "text", "page", "file", "mail", "quote", "note"}

// speakers are beginnings of the names of elements that play somebody, and parts of the values of their attributes.
var (
	speakers = []string{"system", "developer", "operator", "policy", "admin", "function_call", "function_result", "tool_call", "tool_use", "invoke", "host", "directive"}
	played   = []string{"role=\"", "role='", "source=\"host", "source='host", "priority=", "from=\"system", "from=\"user", "type=\"system", "speaker=", "author=\"system"}
)

const (
	maxMarks   = 64
	maxSpeaker = 40      // bytes of a line before its colon
	maxJoint   = 4       // bytes between marks that belong together
	maxFence   = 8 << 10 // bytes before the end of an element in which its beginning is looked for
)

// What a text has that has anything of a kind.
var (
	openings = check.BytesOf("<[#ж")
	colons   = check.BytesOf(":")
	records  = check.BytesOf("{\"")
)

// mayOpen reports whether text, which has these bytes, may have a mark.
func mayOpen(text string, has check.Bytes) bool {
	if has.Has(openings) || has.Count(records) == 2 {
		return true
	}
	for _, rule := range []string{"--", "==", "**"} {
		if has.Has(check.BytesOf(rule)) && strings.Contains(text, rule) {
			return true
		}
	}
	return has.Has(colons) && mayName(text)
}

// mayName reports whether a line may begin with a speaker.
func mayName(text string) bool {
	for from := 0; ; {
		n := strings.IndexByte(text[from:], ':')
		if n < 0 {
			return false
		}
		if at := from + n; at < maxSpeaker || strings.IndexByte(text[at-maxSpeaker:at], '\n') >= 0 {
			return true
		}
		from += n + 1
	}
}

// begins has the bytes that a mark begins with or, of a speaker's name, ends with.
var begins = [256]bool{'<': true, '[': true, '"': true, '=': true, '-': true, '#': true, '*': true, ':': true, 0xef: true}

// find appends the marks of a text in their order.
func find(text string, marks []mark) []mark {
	for i := 0; i < len(text) && len(marks) < maxMarks; i++ {
		if !begins[text[i]] {
			continue
		}
		m, ok := mark{}, false
		switch c := text[i]; c {
		case '<', '[':
			if m, ok = tokenAt(text, i); ok {
				break
			}
			if c == '<' {
				m, ok = elementAt(text, i)
			}
			if !ok && strings.HasPrefix(text[i:], "<invoke name=") {
				m, ok = mark{start: i, end: i + len("<invoke name="), kind: invoke}, true
			}
			if !ok && c == '[' {
				m, ok = bracketAt(text, i)
			}
			if !ok {
				m, ok = bannerAt(text, i)
			}
		case '"':
			m, ok = callAt(text, i)
		case '=', '-', '#', '*':
			if c == '#' {
				if m, ok = tokenAt(text, i); ok {
					break
				}
			}
			if i == 0 || text[i-1] != c {
				m, ok = bannerAt(text, i)
			}
		case ':':
			m, ok = roleAt(text, i, 1)
		case 0xef:
			if strings.HasPrefix(text[i:], "：") {
				m, ok = roleAt(text, i, len("："))
			}
		}
		if ok {
			m.quoted = fenced(text, m.start)
			if m.kind == call {
				m.quoted = m.quoted || indented(text, m.start)
			} else {
				m.quoted = m.quoted || quoted(text, m.start)
			}
			if n := len(marks); n > 0 && m.start-marks[n-1].end <= maxJoint {
				m.quoted = m.quoted || marks[n-1].quoted
			}
			if n := len(marks); n > 0 && marks[n-1].end > m.start {
				marks[n-1].end = max(marks[n-1].end, m.end)
				i = m.end - 1
				continue
			}
			marks = append(marks, m)
			i = max(i, m.end-1)
		}
	}
	return marks
}

// fenced reports whether what begins at i stands in a block of code.
func fenced(text string, i int) bool {
	return strings.Count(text[max(0, i-maxFence):i], "```")%2 == 1 && strings.Contains(text[i:], "```")
}

// indented reports whether the line of what begins at i is, as examples are.
func indented(text string, i int) bool {
	line := text[strings.LastIndexByte(text[:i], '\n')+1:]
	return line[0] == ' ' || line[0] == '\t'
}

// quoted reports whether what begins at i is spoken about.
func quoted(text string, i int) bool {
	if i == 0 {
		return false
	}
	switch c := text[i-1]; c {
	case '`', '"', '\'', '(', ',':
		return true
	case ' ':
		return i > 1 && (text[i-2] == ',' || text[i-2] == ':' || text[i-2] == '(' || 'a' <= text[i-2] && text[i-2] <= 'z')
	}
	return strings.HasSuffix(text[:i], "«") || strings.HasSuffix(text[:i], "“") || strings.HasSuffix(text[:i], "„")
}

const maxToken = 48

func tokenAt(text string, i int) (mark, bool) {
	head := text[i:min(len(text), i+maxToken)]
	for _, t := range tokens {
		if len(head) < len(t) || !strings.EqualFold(head[:len(t)], t) {
			continue
		}
		if t != "<|" && t != "<｜" {
			return mark{start: i, end: i + len(t), kind: token}, true
		}
		for _, closing := range []string{"|>", "｜>"} {
			if n := strings.Index(head, closing); n > 0 && n > len(t) && !strings.ContainsAny(head[len(t):n], "\n<>") {
				end := i + n + len(closing)
				if rest := strings.ToLower(text[end:min(len(text), end+10)]); strings.Contains(head[:n], "start") {
					for _, r := range []string{"system", "user", "assistant", "tool"} {
						if strings.HasPrefix(rest, r) {
							end += len(r)
						}
					}
				}
				return mark{start: i, end: end, kind: token}, true
			}
		}
	}
	return mark{}, false
}

// elementAt finds an element that plays a speaker, and the end of one that was not begun in this text.
func elementAt(text string, i int) (mark, bool) {
	n := strings.IndexByte(text[i:min(len(text), i+160)], '>')
	if n < 3 {
		return mark{}, false
	}
	tag := strings.ToLower(text[i+1 : i+n])
	name, _, _ := strings.Cut(strings.TrimPrefix(tag, "/"), " ")
	if tag[0] == '/' {
		if isElementName(name) && contains(name, wraps) && i <= maxFence && !begun(text[:i], name) {
			return mark{start: i, end: i + n + 1, kind: fence}, true
		}
		return mark{}, false
	}
	acts := contains(tag, played)
	named := name == tag && strings.HasPrefix(strings.TrimLeft(name, "_"), speakerOf(name))
	if !named && !(acts && (contains(name, speakers) || contains(name, []string{"turn", "message", "msg", "chat", "prompt", "instruction"}))) || len(name) > 32 || strings.HasSuffix(tag, "/") {
		return mark{}, false
	}
	if inside := strings.TrimLeft(text[i+n+1:], " \n\r\t"); inside == "" || inside[0] == '<' || '0' <= inside[0] && inside[0] <= '9' {
		return mark{}, false // a record
	}
	return mark{start: i, end: i + n + 1, kind: element, system: acts || strings.HasPrefix(name, "system")}, true
}

// begun reports whether an element of the name was begun in text, whatever the case of its letters.
func begun(text, name string) bool {
	for {
		n := strings.IndexByte(text, '<')
		if n < 0 || len(text)-n-1 < len(name) {
			return false
		}
		if text = text[n+1:]; strings.EqualFold(text[:len(name)], name) {
			return true
		}
	}
}

// isElementName reports whether a name has letters and what joins them only.
func isElementName(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && c != '_' && c != '-' && c != ':' {
			return false
		}
	}
	return name != ""
}

// speakerOf returns the speaker that an element's name begins with, or what no name begins with.
func speakerOf(name string) string {
	for _, s := range speakers {
		if strings.HasPrefix(name, s) {
			return s
		}
	}
	return "\x00"
}

func contains(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// roleAt finds a speaker before the colon at i, at the start of a line.
func roleAt(text string, i, colon int) (mark, bool) {
	start := max(0, i-maxSpeaker)
	if n := strings.LastIndexByte(text[start:i], '\n'); n >= 0 {
		start += n + 1
	} else if start > 0 {
		return mark{}, false
	}
	if start > i || !utf8.ValidString(text[start:i]) {
		return mark{}, false
	}
	speaker := strings.Trim(text[start:i], "#*_[]> ")
	if speaker == "" || len(speaker) > maxRole || text[start] == ' ' {
		return mark{}, false
	}
	if !speaks(speaker) {
		return mark{}, false
	}
	name := strings.ToLower(speaker)
	m := mark{start: start, end: i + colon, kind: role, weak: name == speaker && speaker[0] < utf8.RuneSelf}
	m.system = strings.Contains(name, " ") || strings.HasPrefix(name, "sys") || strings.HasPrefix(name, "sis") || name[0] >= utf8.RuneSelf
	return m, true
}

// speaks reports whether a name of at most maxSpeaker bytes is that of a speaker, whatever the case of its letters.
func speaks(name string) bool {
	var room [2 * maxSpeaker]byte
	return roleSet[string(folded(room[:0], name))]
}

// folded appends text in small letters.
func folded(room []byte, text string) []byte {
	for _, r := range text {
		room = utf8.AppendRune(room, unicode.ToLower(r))
	}
	return room
}

// inBrackets are speakers only in brackets.
var inBrackets = map[string]bool{"operator": true, "developer": true, "host": true, "tool": true}

// bracketAt finds a speaker in brackets at the start of a line: [operator].
func bracketAt(text string, i int) (mark, bool) {
	n := strings.IndexByte(text[i:min(len(text), i+24)], ']')
	if n < 3 || i > 0 && text[i-1] != '\n' {
		return mark{}, false
	}
	var room [2 * maxSpeaker]byte
	switch name := folded(room[:0], text[i+1:i+n]); {
	case string(name) == "user" || string(name) == "assistant":
		return mark{start: i, end: i + n + 1, kind: role}, true
	case roleSet[string(name)] || inBrackets[string(name)]:
		return mark{start: i, end: i + n + 1, kind: role, system: true}, true
	}
	return mark{}, false
}

// callAt finds a message or a call in JSON within a text.
func callAt(text string, i int) (mark, bool) {
	head := text[i:min(len(text), i+64)]
	for _, opening := range []string{`"role":"system"`, `"role": "system"`, `"role":"developer"`, `"role": "developer"`, `"tool_calls"`, `"function_call"`, `"method":"tools/call"`, `"method": "tools/call"`, `"type":"tool_use"`, `"type": "tool_use"`, `"type":"tool_result"`} {
		if strings.HasPrefix(head, opening) {
			return mark{start: i, end: i + len(opening), kind: call}, true
		}
	}
	return mark{}, false
}

// bannerWords are what banners in capitals are about: two of them make one.
var bannerWords = []string{"END", "BEGIN", "START", "NEW", "SYSTEM", "TOOL", "RESULT", "OUTPUT", "DOCUMENT", "DATA", "USER", "ASSISTANT", "AGENT", "INSTRUCTION", "ACTION", "CONTEXT", "OVERRIDE", "MODEL", "MESSAGE", "PROMPT", "INPUT", "CONTENT", "TRUSTED", "DEVELOPER", "FINAL", "AI", "ENDE", "FIN", "FIM", "КОНЕЦ", "СИСТЕМА", "REVIEW", "TEXT", "PAGE", "FILE", "MAIL", "QUOTE", "NOTE"}

// bannerAt finds a line in capitals between brackets, dashes or signs of equality.
func bannerAt(text string, i int) (mark, bool) {
	start := i
	for i < len(text) && strings.IndexByte("<[=-#*", text[i]) >= 0 {
		i++
	}
	if i-start < 2 && text[start] != '[' || i == len(text) {
		return mark{}, false
	}
	line := text[i:min(len(text), i+80)]
	n := strings.IndexAny(line, ">]=-#*\n")
	if n < 6 {
		return mark{}, false
	}
	inner := line[:n]
	if strings.ContainsFunc(inner, small) || !strings.ContainsFunc(inner, capital) {
		return mark{}, false
	}
	words := 0
	for w := range strings.FieldsFuncSeq(inner, func(r rune) bool { return r == ' ' || r == '_' || r == ':' }) {
		for _, b := range bannerWords {
			if strings.HasPrefix(w, b) && len(w) <= len(b)+1 {
				words++
				break
			}
		}
	}
	if words < 2 || opens(inner) || ends(inner) && !contains(strings.ToLower(inner), wraps) {
		return mark{}, false
	}
	end := i + n
	for end < len(text) && strings.IndexByte(">]=-#*", text[end]) >= 0 {
		end++
	}
	return mark{start: start, end: end, kind: label}, true
}

func small(r rune) bool { return unicode.ToUpper(r) != r }

func capital(r rune) bool { return unicode.ToLower(r) != r }

// opens reports whether a banner opens a fence, unless it opens somebody's turn.
func opens(banner string) bool {
	for _, w := range []string{"SYSTEM", "AGENT", "INSTRUCTION", "ACTION", "OVERRIDE", "ASSISTANT", "MODEL", "PROMPT"} {
		if strings.Contains(banner, w) {
			return false
		}
	}
	return strings.HasPrefix(banner, "BEGIN") || strings.HasPrefix(banner, "START")
}

// ends reports whether a banner ends something.
func ends(banner string) bool {
	for _, w := range []string{"END", "FIN", "FIM", "КОНЕЦ"} {
		if strings.HasPrefix(banner, w) {
			return true
		}
	}
	return false
}
