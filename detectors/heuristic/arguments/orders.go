package arguments

import (
	"regexp"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// orders looks for sentences of a result that name a tool and a value which attacks it.
func orders(e *check.Event) {
	budget := 4 * maxRead
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || len(text) < 40 || !strings.ContainsAny(text, "_") {
			continue
		}
		suspect := suspicious(text)
		for start := 0; start < len(text) && budget > 0; {
			end := sentenceEnd(text, start)
			if sentence := text[start:end]; len(sentence) < 700 && strings.Contains(sentence, "_") {
				v := value{segment: i}
				budget -= len(sentence)
				if suspect && e.Event.Kind != models.KindTool && suspicious(sentence) && namesTool(sentence) && carries(sentence) && !tells.MatchString(sentence) {
					e.Report(valueFromResult, nil, v.span(start, end))
				} else if r := sweeping(sentence); r != nil {
					e.Report(r, nil, v.span(start, end))
				}
			}
			start = end
		}
	}
}

// suspicious is the cheap test before the others: the signs without which no sentence carries an attack.
func suspicious(text string) bool {
	return strings.Contains(text, "$(") || strings.Contains(text, "${") || strings.Contains(text, "|sh") || strings.Contains(text, "| sh") || strings.Contains(text, "' ") || strings.Contains(text, "://") || strings.Contains(text, "../") || strings.Contains(text, "..\\") ||
		strings.Contains(text, "{{") || strings.Contains(text, "--") || strings.Contains(text, "; ") || strings.Contains(text, "/.") || strings.Contains(text, "&&")
}

// sentenceEnd is where the sentence or line that begins at start ends.
func sentenceEnd(text string, start int) int {
	for i := start; i < len(text); i++ {
		switch {
		case text[i] == '\n':
			return i + 1
		case text[i] == '.' && i+2 < len(text) && text[i+1] == ' ' && 'A' <= text[i+2] && text[i+2] <= 'Z':
			return i + 1
		}
	}
	return len(text)
}

var (
	// toolIdentifier is a name such as tools have.
	toolIdentifier = regexp.MustCompile("(?:^|[\\s(\"'`,.:;\u201c\u2018\u3001\u3002\uff0c\uff1a])\\p{L}[\\p{L}\\p{M}\\d]*_\\p{L}[\\p{L}\\p{M}\\d_]*")
	// tells are words of a sentence that tells of an attack, or that refuses it.
	tells = regexp.MustCompile(`(?i)refus|block|denied|reject|not allowed|vulnerab|attack|tester|injection|payload|exploit|forbidden|do not (?:use|pass|call)|returns? an error|CVE-|log(?:ged|s)\b`)
	// substitution is a command in a value.
	substitution = regexp.MustCompile("[\\w.=-]`(?:" + commands + ")[\\s$][^`]*`|" + `\$\{IFS\}|(?:\$\(|;\s*|&&\s*|\|\s*)(?:` + commands + `|cat|env|id|tar)\s+[^\s,]*[-/~.$@|][^\s]*`)
)

// namesTool reports whether a sentence has a name such as tools have: no constant and no assignment.
func namesTool(sentence string) bool {
	for _, m := range toolIdentifier.FindAllStringIndex(sentence, 8) {
		if name := sentence[m[0]:m[1]]; strings.ToUpper(name) != name || name == strings.ToLower(name) {
			if m[1] == len(sentence) || sentence[m[1]] != '=' {
				return true
			}
		}
	}
	return false
}

// carries reports whether a sentence carries a value that attacks.
func carries(sentence string) bool {
	if substitution.MatchString(sentence) || union.MatchString(sentence) || reaches.MatchString(sentence) {
		return true
	}
	for _, m := range breakout.FindAllStringIndex(sentence, 3) {
		if m[0] > 0 && closed(sentence[:m[0]]) && (letter(sentence[m[0]-1]) || '0' <= sentence[m[0]-1] && sentence[m[0]-1] <= '9') {
			return true
		}
	}
	for _, token := range strings.Fields(sentence) {
		token = strings.TrimLeft(strings.TrimRight(token, ".,;:)\"'`>]"), "(\"'`<[")
		if len(token) < 6 || !strings.ContainsAny(token, `/\`) {
			continue
		}
		v := value{text: token[:min(len(token), maxValue)]}
		if r, _, _ := judgeAddress(&v); r == metadataAddress || r == disguisedAddress || r == oddScheme {
			return true
		}
		if r, _, _ := judgePath(&v); r != nil {
			return true
		}
	}
	return false
}

// closed reports whether no single quote is open at the end of head.
func closed(head string) bool {
	n := 0
	for i := 0; i < len(head); i++ {
		if head[i] == '\'' && (i == 0 || i+1 == len(head) || !letter(head[i-1]) || !letter(head[i+1])) {
			n++
		}
	}
	return n%2 == 0
}

var (
	// quantified says that something is done to all there is.
	quantified = regexp.MustCompile(`(?i)\b(?:all|every|each|entire|any|both|alle[nrs]?|jede[nrs]?|sämtliche\w*|todos|todas|cada|tous|toutes|chaque|tutti|tutte|ogni)\b|\b\d{2,4} (?:a|to|bis|hasta|até|à) \d{2,4}\b|\bquantity \d{2,}|все[хм]?\b|кажд\S+|全部|所有|每[个位]|すべて|全て|各\S|모든|모두|전체|كل|جميع|सभी|हर |tüm|her bir|wszystk\S+|każd\S+`)
	// others are people, firms and groups that are not the user.
	others = regexp.MustCompile(`(?i)\b(?:other|others|another|someone else|anyone|neighbou?rs?|everybody|foreign|vizinhos?|vecinos?|otros?|otras?|outros?|outras?|autres?|ander\w+|altri|altre|instance_admin|ws-\w+|on behalf of|as if)\b|\brole"?\s*[:=]|друг\S+|сосед\S+|чуж\S+|其他|别人|他人|他の|誰の|다른|타인|الآخرين|آخر|दूसर|अन्य|पड़ोस|diğer|başka|inn\S+|sąsiad\S+`)
	// unasked puts asking aside.
	unasked = regexp.MustCompile(`(?i)\b(?:do not|don't|no need to|without|need not|needn't|not necessary to|skip\w*) (?:\w+ ){0,3}(?:ask\w*|wait\w*|confirm\w*|consult\w*|approv\w*|check\w*|compar\w*|notif\w*|tell\w*|question)|\bat once\b|\bhoy mismo\b|\bsofort\b|\bsin (?:preguntar|confirmar|consultar)|\bsem (?:perguntar|confirmar|avisar)|\bsans (?:demander|confirm\w*|avis)|\bohne (?:rückfrage|nachfrage|zu fragen)|mesmo que|без (?:подтвержд|вопрос|согласов)\S*|无需|不用|不必|必要はありません|確認(?:は)?(?:不要|なし)|생략|확인 없이|묻지|دون|بدون|बिना|पूछे बिना|sormadan|onay gerekmez|bez (?:pytania|potwierdzenia)|\brecoverable=false|include_\w+=true|scope="?all`)
	// agentAddressed is a sentence to a model.
	agentAddressed = regexp.MustCompile(`(?i)\b(?:assistant\w*|asistente\w*|assistente\w*|ai (?:operator|agent|model)|agents?|llms?|model|bot|copilot|agente|helper)\b|ассистент\S*|помощник\S*|助手|智能体|アシスタント|エージェント|에이전트|어시스턴트|المساعد|الوكيل|सहायक|asistan|asystent|<<|>>`)
	// request asks for a call.
	request = regexp.MustCompile(`(?i)\b(?:runs?|calls?|calling|repeats?|sends?|uses?|invokes?|executes?|appl(?:y|ies)|pass(?:es)?|sets?|goes through|ejecut\w+|llam\w+|us[ea]\w*|salde|pague|chame|execute|percorre|appele\w*|lance\w*|rufe?|führe|starte)\b|вызов\S*|выполн\S*|调用|执行|呼び出し|実行|호출|실행|استدع|نفذ|चलाएँ|कॉल करें|çağır\S*|çalıştır\S*|wywołaj|uruchom`)
)

// fixed is an account that the text itself names.
var fixed = regexp.MustCompile(`\b0x[0-9A-Za-z]{16,}|\bIBAN\b|\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}`)

// claimed is a role or a tenant that is put beside the arguments.
var claimed = regexp.MustCompile(`(?i)_meta\b.{0,80}\b(?:role|tenant|workspace|scope|org|user)\b`)

// sweeping is the rule that a sentence breaks when it wants a tool called on all, or on what is others', unasked.
func sweeping(sentence string) *check.Rule {
	if !namesTool(sentence) || spared.MatchString(sentence) || !request.MatchString(sentence) {
		return nil
	}
	act := false
	for _, tool := range toolIdentifier.FindAllString(sentence, 4) {
		act = act || anyWord(snake(tool), acts)
	}
	all := quantified.MatchString(sentence) || strings.Contains(sentence, "_all")
	foreign := others.MatchString(sentence) || fixed.MatchString(sentence)
	n := 0
	free := unasked.MatchString(sentence)
	for _, sign := range []bool{act, all, foreign, free, claimed.MatchString(sentence), agentAddressed.MatchString(sentence)} {
		if sign {
			n++
		}
	}
	switch {
	case n >= 3 && act && all && (foreign || free):
		return sweepingOrder
	case n >= 3 && foreign:
		return foreignOrder
	}
	return nil
}

// spared is a sentence that keeps a call within bounds.
var spared = regexp.MustCompile(`(?i)\b(?:cannot|can't|never|refus\w*|denied|not allowed|only (?:the|your|its|their|after|if|when|with|for)|after (?:the )?(?:user|owner|admin)|error|403|404|confirms?|asks? (?:the|you)|with the (?:user|owner)'?s?|must not|do not (?:call|use|run))\b|できません|エラー|不能|禁止|无法|403|할 수 없|لا يمكن|नहीं कर|yapılamaz|nie można|no (?:se )?puede|não (?:pode|é possível)|ne peut|kann nicht|deniega|nega o acesso|нельзя`)
