package directive

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// shapeStart marks the bytes at which a shape can be recognised.
var shapeStart = func() (t [256]bool) {
	for _, c := range "@:.$`'\"<[#/~+sS" {
		t[c] = true
	}
	return t
}()

// shapes finds the signals that are recognised by punctuation rather than by words.
func (r *Reading) shapes(text string) {
	for i := 0; i < len(text); i++ {
		if !shapeStart[text[i]] {
			continue
		}
		switch text[i] {
		case '@':
			i = r.mailAddress(text, i)
		case ':':
			i = r.url(text, i)
		case '.':
			i = r.dottedQuad(text, i)
		case '$', '`':
			r.substitution(text, i)
			r.quotedName(text, i)
		case '\'', '"':
			r.quotedName(text, i)
		case '<', '[', '#':
			r.heading(text, i)
		case '/':
			r.dropFile(text, i)
		case '~':
			r.homeFile(text, i)
		case '+':
			r.telephone(text, i)
		case 's', 'S':
			r.systemLine(text, i)
		}
	}
}

func isName(c byte) bool { return wordByte[c] || c == '.' || c == '-' }

// mailAddress finds local@domain.tld around the sign at i and returns where to go on.
func (r *Reading) mailAddress(text string, i int) int {
	start, end := i, i+1
	for start > 0 && (isName(text[start-1]) || text[start-1] == '+') {
		start--
	}
	for end < len(text) && isName(text[end]) {
		end++
	}
	end -= len(text[i+1:end]) - len(strings.TrimRight(text[i+1:end], ".-"))
	if start == i || !strings.Contains(text[i+1:max(end, i+1)], ".") || isExampleUser(text[start:i]) {
		return i
	}
	r.add(Address, start, end)
	return end - 1
}

// isExampleUser reports a local part that stands for anyone in a format description ("user@example.com").
func isExampleUser(local string) bool {
	switch strings.ToLower(local) {
	case "user", "name", "username", "you", "someone", "john", "jane", "john.doe", "jane.doe", "test", "me", "git", "email", "alice", "bob", "foo":
		return true
	}
	return false
}

// url finds scheme://host around the colon at i and returns where to go on. Hosts of one's own machine are no address.
func (r *Reading) url(text string, i int) int {
	if !strings.HasPrefix(text[i:], "://") {
		return i
	}
	start := i
	for start > 0 && wordByte[text[start-1]] {
		start--
	}
	switch strings.ToLower(text[start:i]) {
	case "http", "https", "ftp", "ftps", "sftp", "rsync", "tcp", "ws", "wss":
	case "file", "data", "":
		return i
	default: // a resource of some server: "company://records"
		return i
	}
	end := i + len("://")
	for end < len(text) && !strings.ContainsRune(" \t\r\n\"'`<>|\\^", rune(text[end])) {
		end++
	}
	host := text[i+len("://") : end]
	host, _, _ = strings.Cut(host, "/")
	if !localHost(host) {
		r.add(Address, start, end)
	}
	return end - 1
}

// dottedQuad finds an IPv4 address at its first dot and returns where to go on. Those of one's own network are no
// address.
func (r *Reading) dottedQuad(text string, i int) int {
	start := i
	for start > 0 && isDigit(text[start-1]) {
		start--
	}
	if start == i || i+1 == len(text) || !isDigit(text[i+1]) || start > 0 && isName(text[start-1]) {
		return i
	}
	end := i
	for end < len(text) && (isDigit(text[end]) || text[end] == '.' && end+1 < len(text) && isDigit(text[end+1])) {
		end++
	}
	quad := text[start:min(end, start+maxQuadBytes)]
	if strings.Count(quad, ".") != 3 { // a version: no error is made up for it
		return end - 1
	}
	if addr, err := netip.ParseAddr(quad); err == nil && !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsUnspecified() {
		r.add(Address, start, end)
	}
	return end - 1
}

// maxQuadBytes is the length of the longest IPv4 address, and one more.
const maxQuadBytes = len("255.255.255.255") + 1

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func localHost(host string) bool {
	for _, h := range []string{"localhost", "127.0.0.1", "0.0.0.0", "[::1]"} {
		if strings.HasPrefix(host, h) {
			return true
		}
	}
	return host == ""
}

// substitution finds $(command): a shell would run it and put in what it prints.
func (r *Reading) substitution(text string, i int) {
	if !strings.HasPrefix(text[i:], "$(") || i+2 == len(text) || !wordByte[text[i+2]] {
		return
	}
	if n := strings.IndexByte(text[i:min(len(text), i+200)], ')'); n > 0 {
		r.add(Execute, i, i+n+1)
		if inner := text[i : i+n]; strings.ContainsAny(inner, "~/") || strings.Contains(inner, "env") {
			r.add(Secret, i, i+n+1)
		}
	}
}

// maxNameBytes is the longest quoted identifier that is taken for a parameter.
const maxNameBytes = 40

// quotedName finds a quoted identifier that is named as a place: as 'note', the "x" argument.
func (r *Reading) quotedName(text string, i int) {
	quote, end := text[i], i+1
	for end < len(text) && end-i <= maxNameBytes && isName(text[end]) {
		end++
	}
	if quote == '$' || end == i+1 || end >= len(text) || text[end] != quote {
		return
	}
	before, after := wordBefore(text, i), wordAfter(text, end+1)
	if listed(placeBefore, before) || listed(placeAfter, after) {
		r.add(Param, i, end+1)
	}
}

var (
	placeBefore = wordTable("as in into to via through using under inside within parameter argument field param set fill")
	placeAfter  = wordTable("parameter argument field param arg property set key slot input")
)

func wordTable(words string) map[string]bool {
	table := map[string]bool{}
	for _, w := range strings.Fields(words) {
		table[w] = true
	}
	return table
}

// listed reports whether a word is in a table, whatever the case of its letters.
func listed(table map[string]bool, word string) bool {
	var lower [64]byte
	if len(word) > len(lower) {
		return false // no table has one as long
	}
	for i := range len(word) {
		switch c := word[i]; {
		case c >= utf8.RuneSelf:
			return table[strings.ToLower(word)]
		case 'A' <= c && c <= 'Z':
			lower[i] = c | 0x20
		default:
			lower[i] = c
		}
	}
	return table[string(lower[:len(word)])]
}

func wordBefore(text string, i int) string {
	for i > 0 && text[i-1] == ' ' {
		i--
	}
	start := i
	for start > 0 && wordByte[text[start-1]] {
		start--
	}
	return text[start:i]
}

func wordAfter(text string, i int) string {
	for i < len(text) && text[i] == ' ' {
		i++
	}
	end := i
	for end < len(text) && wordByte[text[end]] {
		end++
	}
	return text[i:end]
}

// The words of headings that play a message of the system or of the operator. Any heading can be a marker if it
// says so: "[SYSTEM NOTE]", "<hidden>", "### Instruction".
var (
	markerWords   = wordTable("important system hidden instruction instruction_override system_instruction secret admin developer override directive priority critical internal background shadow setup assistant ai agent note sys im_start im_end inst system_prompt security_bypass admin_override system_override priority_instruction system_context context system_command_buffer ai_system_message hidden_context_for_ai confidential")
	templateMarks = []string{"<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>", "<|turn|>", "<|priority|>", "<|eot_id|>", "<|start_header_id|>", "[INST]", "[/INST]", "<<SYS>>", "</tool_result>", "</result>", "</function_results>"}
)

// heading finds chat-template tokens and pseudo tags at an opening bracket or hash.
func (r *Reading) heading(text string, i int) {
	rest := text[i:min(len(text), i+64)]
	for _, mark := range templateMarks {
		if len(rest) >= len(mark) && strings.EqualFold(rest[:len(mark)], mark) {
			if !spokenOf(text, i) {
				r.add(Template, i, i+len(mark))
			}
			return
		}
	}
	if text[i] == '#' {
		r.hashHeading(text, i)
		return
	}
	closing := byte('>')
	if text[i] == '[' {
		closing = ']'
	}
	n := strings.IndexByte(rest, closing)
	if n < 2 {
		return
	}
	whole, _, _ := strings.Cut(strings.Trim(rest[1:n], "[<!-/ :"), " ")
	first, _, _ := strings.Cut(whole, "_")
	if listed(markerWords, first) || listed(markerWords, whole) {
		r.add(Marker, i, i+n+1)
	}
}

// spokenOf reports whether what begins at i is a word of a sentence or a quotation rather than a mark. What ends a turn
// stands behind a sentence by nature.
func spokenOf(text string, i int) bool {
	if i == 0 || i+1 < len(text) && text[i+1] == '/' {
		return false
	}
	switch c := text[i-1]; c {
	case '`', '"', '\'', '(', ',':
		return true
	case ' ':
		return i > 1 && (text[i-2] == ',' || text[i-2] == '(' || 'a' <= text[i-2] && text[i-2] <= 'z')
	}
	return false
}

var hashWords = wordTable("instruction instructions system")

// hashHeading finds "### System:" and "### Instruction".
func (r *Reading) hashHeading(text string, i int) {
	end := i
	for end < len(text) && text[end] == '#' {
		end++
	}
	word := wordAfter(text, end)
	if strings.EqualFold(word, "instructions") && end+1+len(word) < len(text) && text[end+1+len(word)] == '\n' { // of a manual
		return
	}
	if listed(hashWords, word) && end-i >= 2 && (i == 0 || text[i-1] != '#') {
		r.add(Marker, i, end)
	}
}

// systemLine finds "SYSTEM:" and "SYSTEM RULE (...):", a line that speaks as the system.
func (r *Reading) systemLine(text string, i int) {
	const word = "system"
	if len(text)-i < len(word)+1 || text[i+1]|0x20 != 'y' || !strings.EqualFold(text[i:i+len(word)], word) || i > 0 && wordByte[text[i-1]] {
		return
	}
	capitals := text[i:i+len(word)] == "SYSTEM"
	rest := text[i+len(word) : min(len(text), i+len(word)+40)]
	if rest[0] == ':' && (capitals || i == 0 || text[i-1] == '\n' || text[i-1] == ' ') {
		r.add(Marker, i, i+len(word)+1)
		return
	}
	if n := strings.IndexByte(rest, ':'); capitals && n > 0 && strings.ToUpper(rest[:n]) == rest[:n] {
		r.add(Marker, i, i+len(word)+n+1)
	}
}

// dropFile finds a path below /tmp, where anyone can pick up what was put.
func (r *Reading) dropFile(text string, i int) {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/srv/share/public"} {
		if strings.HasPrefix(text[i:], dir) && (i == 0 || !wordByte[text[i-1]]) {
			end := i + len(dir)
			for end < len(text) && (isName(text[end]) || text[end] == '/') {
				end++
			}
			r.add(DropFile, i, end)
			return
		}
	}
}

// homeFile finds a hidden file of the home directory that by its name holds a credential: "~/.acme/api_key".
func (r *Reading) homeFile(text string, i int) {
	if !strings.HasPrefix(text[i:], "~/.") {
		return
	}
	end := i + len("~/.")
	for end < len(text) && (isName(text[end]) || text[end] == '/') {
		end++
	}
	path := strings.ToLower(text[i:end])
	for _, word := range []string{"key", "token", "cred", "secret", "auth", "passw", "env", "history"} {
		if strings.Contains(path, word) {
			r.add(Secret, i, end)
			return
		}
	}
}

// telephone finds an international telephone number of eight digits or more.
func (r *Reading) telephone(text string, i int) {
	end, digits := i+1, 0
	for end < len(text) && ('0' <= text[end] && text[end] <= '9' || digits > 0 && (text[end] == ' ' || text[end] == '-')) {
		if text[end] != ' ' && text[end] != '-' {
			digits++
		}
		end++
	}
	if digits >= 8 && (i == 0 || !wordByte[text[i-1]]) {
		r.add(Address, i, i+len(strings.TrimRight(text[i:end], " -")))
	}
}
