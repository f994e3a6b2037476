package arguments

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// maxValue limits what is read of one value: a longer one is a document.
const maxValue = 4096

// value is a string that is handed to a tool.
type value struct {
	segment int
	text    string
	// name is the parameter's, in lower case.
	name string
	tool string
	role role
}

// role is what a value is for, which decides what may stand in it.
type role uint8

const (
	data  role = iota // a name, an id, a path, an address
	prose             // text for people
	code              // a command, a program, a query: it may hold anything, and what it does is judged
)

func valueAt(e *check.Event, i int, tool string) value {
	s := &e.Segments[i]
	text := s.Views[0].Text
	v := value{segment: i, text: text[:min(len(text), maxValue)], tool: tool, name: parameter(s.Pointer)}
	if v.name == "value" {
		v.name = namedBeside(e, s.Pointer)
	}
	v.role = roleOf(v)
	return v
}

// namedBeside is the name that stands beside a value in a list of names and values.
func namedBeside(e *check.Event, pointer string) string {
	parent, _ := cut(pointer)
	for _, member := range []string{"/name", "/key", "/variable"} {
		if i, ok := e.At(parent+member, false); ok {
			return strings.ToLower(e.Segments[i].Views[0].Text)
		}
	}
	return "value"
}

// parameter is the name of the member that the value at pointer belongs to, not an index or a word of the schema.
func parameter(pointer string) string {
	for pointer != "" {
		parent, last := cut(pointer)
		switch {
		case last == "default" || last == "enum" || last == "examples" || last == "const":
		case last != "" && strings.Trim(last, "0123456789") != "":
			return strings.ToLower(last)
		}
		pointer = parent
	}
	return ""
}

// proseNames are parameters that hold text for people, in the languages of the corpus.
var proseNames = wordSet(`body text message msg comment comments note notes description desc content contents explanation
	explain reason question summary abstract remark remarks feedback details story title subject caption label purpose
	task request prompt instructions answer agenda background lyrics chapter paragraph review enunciado explicacao
	texto mensagem mensaje comentario comentarios observacao descricao descripcion nota notas titulo motivo
	inhalt beschreibung notiz kommentar nachricht bemerkung betreff titel grund
	contenu commentaire remarque texte titre motif objet
	treść opis uwagi açıklama mesaj başlık
	备注 说明 内容 描述 标题 正文 メモ 備考 内容 説明 本文 件名 설명 내용 메모 제목 비고
	टिप्पणी विवरण शीर्षक комментарий описание текст примечание заголовок сообщение ملاحظة وصف نص تعليق عنوان`)

// codeNames are parameters that hold programs, queries and patterns.
var codeNames = wordSet(`code script command commands cmd cmdline sql statement statements query pattern regex regexp
	patch diff snippet program template html css yaml markdown json csv ics svg xml jq cypher pipeline exec shell args argv frame payload entrypoint
	consulta requete запрос 查询 クエリ`)

// mixedNames are parameters that hold a program in some tools and a plain value in others: a short line is a value.
var mixedNames = wordSet(`up down match search filter old new before after raw run steps expect example examples data value source`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

func roleOf(v value) role {
	if !strings.Contains(v.text, " ") && strings.ContainsAny(v.text, `/\`) && !strings.ContainsAny(v.text, "()[]|\"`") {
		return data
	}
	switch {
	case strings.HasPrefix(v.text, "$(") && strings.HasSuffix(v.text, ")"), identifies(v.name):
	case anyWord(v.name, codeNames), strings.HasPrefix(v.text, "#!"):
		return code
	case anyWord(v.name, mixedNames) && (len(v.text) > 160 || strings.Contains(v.text, "\n")):
		return code
	case anyWord(v.name, proseNames) && strings.Contains(v.text, " "), readsAsProse(v.text):
		return prose
	}
	return data
}

// identifies reports whether the name is that of an identifier: "title_id".
func identifies(name string) bool {
	for _, suffix := range []string{"_id", "_no", "_ref", "_number", "_key", "_code", "-id", "_slug", "_url", "_uri", "_path"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// readsAsProse reports whether text begins with a sentence: eight words of letters in a row, before any sign that a
// sentence does not have.
func readsAsProse(text string) bool {
	if len(text) < 40 {
		return false
	}
	if i := strings.IndexAny(text, ";'\"|&$`<>{}="); i >= 0 {
		text = text[:i]
	}
	run := 0
	for text != "" && run < 8 {
		var word string
		word, text, _ = strings.Cut(text, " ")
		if !plainWord(word) {
			word = ""
			run = -1
		}
		run++
	}
	return run >= 8
}

// plainWord reports whether word is letters, with the punctuation of a sentence at its end.
func plainWord(word string) bool {
	word = strings.TrimRight(word, ".,:;!?")
	if word == "" {
		return false
	}
	for _, r := range word {
		if !unicode.IsLetter(r) && r != '\'' && r != '-' {
			return false
		}
	}
	return true
}

// anyWord reports whether a word of the name is in the set; words are divided by anything but letters and digits.
func anyWord(name string, set map[string]bool) bool {
	if set[name] {
		return true
	}
	for name != "" {
		end := strings.IndexFunc(name, notWord)
		if end < 0 {
			return set[name]
		}
		if set[name[:end]] {
			return true
		}
		_, size := utf8.DecodeRuneInString(name[end:])
		name = name[end+size:]
	}
	return false
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// toolWord reports whether a word of the tool's name, in lower case, is in the set.
func (v *value) toolWord(set map[string]bool) bool { return anyWord(snake(v.tool), set) }

// snake is the name in lower case with its words divided.
func snake(name string) string {
	if strings.IndexFunc(name, unicode.IsUpper) < 0 {
		return name
	}
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func (v *value) span(start, end int) models.Span {
	return models.Span{Segment: v.segment, Start: start, End: end}
}

// studies are words of tools that take such strings apart instead of using them.
var studies = wordSet(`decode classify explain lint redact sanitize sanitise detect quiz lesson waf tokenize escape`)

// judge looks at one value for everything that can be wrong with it.
func judge(e *check.Event, v *value) {
	if len(v.text) < 3 || plain(v.text) && !v.runs() || v.toolWord(studies) {
		return
	}
	if r, start, end := broken(v); r != nil {
		e.Report(r, nil, v.span(start, end))
		return
	}
	judgeDecoded(e, v)
}

// runs reports whether the value may be a program by itself: the whole of a command, a script, a query.
func (v *value) runs() bool {
	return v.role == code || anyWord(v.name, shellTools) || v.toolWord(shellTools)
}

// broken names the rule that a value breaks, and the words that do. It calls the judges by their names, so that no value
// has to be moved to the heap.
func broken(v *value) (r *check.Rule, start, end int) {
	if r, start, end = judgeAddress(v); r == nil {
		r, start, end = judgePath(v)
	}
	if r == nil {
		r, start, end = judgeShell(v)
	}
	if r == nil {
		r, start, end = judgeProgram(v)
	}
	if r == nil {
		r, start, end = judgeQuery(v)
	}
	if r == nil {
		r, start, end = judgeTemplate(v)
	}
	if r == nil {
		r, start, end = judgeProtocol(v)
	}
	return r, start, end
}
