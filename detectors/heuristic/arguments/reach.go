package arguments

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// acts are words of tools that do what can't be undone, that pay, or that reach many.
var acts = wordSet(`delete remove purge wipe drop destroy erase empty truncate terminate discontinue cancel revoke disable reset clear kill unpublish
	refund refunds pay payment payout transfer send withdraw wire sell buy order orders place trade liquidate payroll donate
	replace overwrite bulk batch mass broadcast publish campaign notify grant share unlock open close set update rotate deploy rollback shutdown stop
	discard archive expire evict suspend block ban merge import force reassign migrate apply rename move sign approve release
	eliminar borrar cancelar pagar enviar transferir apagar excluir remover reembolsar löschen überweisen kündigen sperren supprimer annuler payer virer envoyer
	удалить отменить перевести оплатить отправить установить закрыть 删除 取消 付款 转账 发送 削除 送金 取消 삭제 송금 취소 sil gönder öde usuń wyślij zapłać`)

var (
	// everything is a value without a limit.
	everything = regexp.MustCompile(`(?i)^\s*(?:\*+(?:[./@]\*+)*|\w{1,20}[:=/]\*|\*@[\w.-]+|/\*?|\.\*|%|max(?:imum)?|100 ?%|unlimited|no limit|any|everyone|everybody|everything|all|todos|todas|tous|toutes|alles?|sämtliche|все|всё|全部|所有|全員|全て|すべて|모두|전체|전부|كل|الكل|جميع|सभी|tümü|hepsi|tüm|wszyst\S+|` +
		`(?:all|every|each|entire|todos los|todas las|todos os|todas as|tous les|toutes les|alle|jede[nrs]?|sämtliche|все|全部|所有|すべての|全|모든|جميع|كل|सभी|tüm|wszyst\S+)\s*[ (].{0,70}|(?:status|state|active|enabled|deleted|id|1)\s*(?:==?|!=|>=?|like)\s*['"]?(?:active|true|1|0|%|open|\*)['"]?|where 1=1|` +
		`all [\w ]{2,30}|entire [\w ]{2,30}|whole [\w ]{2,30})\s*$`)
	// bounded takes the edge off: all of what a filter names.
	bounded = regexp.MustCompile(`(?i)\b(?:older than|before|between|matching|named|made|from \d|of (?:the )?(?:order|ticket|invoice)|with\b|whose|mit |vor |avant|antes|до |since|merged|closed|test|tmp|temp|expired|draft)`)
	// looks is a request that only wants to see or to know, or something small.
	looks = regexp.MustCompile(`(?i)\?\s*$|？\s*$|^\W*(?:please\s+|can you\s+|could you\s+|just\s+)?(?:summari[sz]e|show|what|what's|which|how|why|when|where|who|is|are|does|list|check|look|draft|read|explain|tell|answer|reply|respond|view|count|find|search|compare|describe|translate|preview|review|see|report|get|give me|open|display|estimate|calculate|suggest|proofread|locate|rename|label|note|write)\b|^\W*(?:zeig|lies|vorles|welche|wie|was|liste|prüf|fasse|such|muestra|mostra|cuál|qual|cómo|como|quanto|resum|list|montre|quel|combien|résum|affiche|cherch|покаж|как|какая|какой|сколько|найд|провер|посмотр|查看|显示|查询|看一下|总结|多少|找|搜索|查一下|見せ|確認|教え|探し|検索|調べ|表示|보여|확인|알려|찾아|찾기|조회|اعرض|أظهر|كم|ما |दिखा|बता|कितन|göster|kaç|listele|pokaż|sprawdź|ile)|` +
		`\b(?:only|just|one|a single|read[- ]only|(?:read|view|viewer) access|(?:to|for|on) (?:me|myself|my \w+)|this|that|single|the picture|brighter)\b|\b(?:bed|room|order|invoice|ticket|item|unit|branch|row|record|user|file|host|device|lamp|zone|account|card|page|issue)\s*(?:#|no\.?\s*)?\d+\b|\bone (?:\w+ ){0,3}(?:record|row|file|user|driver|line|item|entry)\b|показать|зоне \d`)
	// hearsay is a reason that somebody else wrote into what the model read.
	hearsay = regexp.MustCompile(`(?i)\b(?:comment|issue|e-?mail|mail|message|post|thread|forum|page|site|document|report|review|notice|note|readme|attachment|pdf|image|caption|ticket|log|invite|invitation|banner|footer|description|search result|web|news|tweet|chat|sentence|line|paragraph|letter|file|result|output)\b[^.;]{0,60}\b(?:says?|said|told|tells|asks?|asked|wants|recommend\w*|instruct\w*|request\w*|suggest\w*|claims?|demands?|ordered|by a first-time|from an? (?:unknown|new|external))\b|\b(?:as|because) (?:the|a|an) (?:\w+ ){0,3}(?:page|mail|email|comment|document|post|readme|notice|message|tool|result)\b|\b(?:seen|found|read|pasted|written|mentioned) (?:in|on|by) (?:the|a|an|some)\b|(?:laut|según|segundo|selon) (?:der|die|el|la|o|a|le|une?|un[ae]?) (?:e-?mail|mail|seite|kommentar|página|correo|comentario|page|commentaire)|\b(?:instructions?|orders?|requests?|sentences?|lines?|text|notes?|prompt|command|demand|wish)s? (?:in|on|from|inside|under|at the (?:end|bottom|top) of) (?:an?|the|some) (?:\w+ ){0,3}(?:page|mail|e-?mail|comment|pdf|document|file|readme|ticket|issue|review|image|attachment|post|thread|invoice|calendar|invite|report|log|site|chat|channel|message|cell|sheet|form|letter|footer)\b|письм\S+ (?:просит|велит|сказано)|评论(?:说|要求)|邮件(?:说|要求)|メールに|コメントに|댓글|메일에`)
	// unguarded is a value that puts a safeguard aside.
	unguarded = regexp.MustCompile(`(?i)^\s*(?:ignore[ds]?|disabled?|off|none|skip(?:ped)?|bypass(?:ed)?|hold|overridden|override|[\w-]*(?:bypass|override)|never|suppressed|aus|deaktiviert|desactivado|desativado|désactivé|отключ\S+|выключ\S+|关闭|禁用|跳过|無効|オフ|省略|해제|생략|꺼짐|معطل|बंद|kapalı|wyłączon\S+)\s*$|\b(?:unsubscribed|suppressed|protected|opted[- ]out|locked|held|on hold|do-not-contact)\b.{0,40}\b(?:included?|too|as well)\b|\boverwrite\b.{0,30}\b(?:drop|delete|remove)\b|\bdrop the \d+|nothing leaves|added today|created today|new (?:account|payee|address|card)\b`)
	unlisted  = regexp.MustCompile(`(?i)heute (?:neu )?(?:angelegt|eröffnet|hinzugefügt)|neue[rs]? (?:konto|empfänger|iban)|(?:creado|añadid[oa]|agregad[oa]|abierta) hoy|cuenta nueva|nueva cuenta|nouveau (?:compte|bénéficiaire)|ajouté aujourd|(?:criad|adicionad|abert)[oa] hoje|conta nova|nova conta|nuovo conto|aggiunt[oa] oggi|(?:добавлен|создан|открыт)\S* сегодня|сегодня (?:создан|добавлен|открыт)|нов\S+ (?:сч[её]т|получател)|今日追加|新しい口座|本日登録|新账户|今天新增|今日新增|새 계좌|오늘 (?:등록|추가)|added today|created today|first (?:use|time)|new (?:account|payee|address|card|beneficiary)\b|unknown recipient|not (?:in|on) (?:the )?(?:address book|list|file)|one (?:card|account) for all`)
)

// single reports whether a request is about one thing: "customer 17", "my phone".
func single(text string) bool {
	if fromTo.MatchString(text) {
		return false
	}
	for _, m := range numberedThing.FindAllStringSubmatch(text, 6) {
		if m[1] != "" && !notThings[strings.ToLower(m[1])] || m[1] == "" {
			return true
		}
	}
	return false
}

var (
	numberedThing = regexp.MustCompile(`(?i)(\p{L}{3,})\s+(?:#|no\.?\s*|nr\.?\s*)?\d{1,8}(?:\D|$)|\bmy (?:phone|laptop|computer|account|photo|picture|order|device|file|card|message|ticket|booking)\b`)
	fromTo        = regexp.MustCompile(`(?i)\d\s*(?:bis|to|-|–|a|à|hasta|até|до|through|至|から|,|and|und)\s*#?\d`)
	notThings     = wordSet(`than last past top first next the over under after before and all for about page least most als seit vor dans over last mehr menos más until till since version`)
)

// means is a request that says itself that it is about all.
var means = regexp.MustCompile(`(?i)\b(?:all|every|everything|whole|entire|both|each|alle[sn]?|jede[rsn]?|todos|todas|todo|tous|toutes|tout)\b|все|全部|所有|すべて|全て|모두|전부|जميع|सभी|tüm|wszystk`)

// wantsAll is a request for what is done to all.
var wantsAll = regexp.MustCompile(`(?i)^\W*(?:please\s+)?(?:delete|remove|purge|wipe|drop|cancel|refund|pay|send|transfer|close|clear|empty|reset|sell|revoke|terminate|erase)\b.{0,60}\b(?:all|every\w*|whole|entire)\b`)

// requestNames are parameters that say what the user had asked for.
var requestNames = wordSet(`user_request request user_message asked_for asked request_text user_asked task ticket question prompt client_instruction instruction original_request user_intent intent goal wanted purpose user_task
	user_query query_text ask user_said said petición peticion pregunta frage vraag domanda richiesta pergunta questão 질문 質問 问题 用户问题 سؤال طلب sorgu soru pytanie вопрос запрос_агронома запрос pedido solicitud anfrage auftrag wunsch demande 用户请求 请求 用户说 依頼 ユーザー依頼 요청 사용자_요청 الطلب अनुरोध istek prośba`)

// guardNames are members that are safeguards when they say no, or hazards when they say yes.
var (
	hazards = wordSet(`include_protected trash_too purge_files permanent irreversible first_use_of_address new_payee skip_review skip_confirmation no_backup bypass_approval include_holds cascade hard_delete recursive force no_undo finalize skip_trash overwrite include_suppressed`)
	// hazardVerbs and hazardNouns make the name of a member that puts a safeguard aside.
	hazardVerbs = wordSet(`no include override bypass skip force ignore purge delete disable without`)
	hazardNouns = wordSet(`check checks ci hold holds lock locks locked protected legal retention backup backups suppressed unsubscribed versions trash approval approvals review confirmation safety limits limiter interlock guard`)
	safeguards  = wordSet(`address_book_match recoverable confirm confirmed require_confirmation backup dry_run reversible verified payee_verified notify_owner in_address_book undo soft_delete`)
)

// reach weighs what a call does, to how much, and whether that is what was asked for.
func reach(e *check.Event) {
	var unbounded, act, asked, heard, guard, count, fresh int
	var spans []models.Span
	narrow := false
	if tool := snake(toolName(e)); anyWord(tool, acts) || !anyWord(tool, reads) {
		act = 1
	}
	if act == 0 && !requested(e) {
		return
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		if !check.Below(s, "/arguments") {
			continue
		}
		text := s.Views[0].Text
		if s.Key {
			if rehearsals[strings.ToLower(text)] && truthy(e, i) {
				return
			}
			if (hazards[strings.ToLower(text)] || anyWord(snake(text), hazardVerbs) && anyWord(snake(text), hazardNouns)) && truthy(e, i) || safeguards[strings.ToLower(text)] && rawValue(e, i) == 'f' && text != "dry_run" {
				guard++
				spans = append(spans, e.Whole(i))
			} else if multitudes[strings.ToLower(text)] && len(e.Scalar(i)) >= 3 && countDigits(e.Scalar(i)) == len(e.Scalar(i)) {
				count = 1
				spans = append(spans, e.Whole(i))
			} else if filters[strings.ToLower(text)] && emptyObject(e, i) {
				unbounded = 2
				spans = append(spans, e.Whole(i))
			}
			continue
		}
		name := parameter(s.Pointer)
		if len(text) > 400 {
			continue
		}
		switch {
		case requestNames[name] || requestNames[snake(name)]:
			if wantsAll.MatchString(text) {
				return
			}
			if !means.MatchString(text) {
				narrow = true
				if looks.MatchString(text) || single(text) {
					asked = 2
				}
			}
			if hearsay.MatchString(text) {
				heard = 2
			}
			continue
		case strings.HasPrefix(name, "exclude") || strings.HasPrefix(name, "except") || strings.HasPrefix(name, "keep"):
			if unguarded.MatchString(text) || text == "" {
				guard++
				spans = append(spans, e.Whole(i))
			}
			continue
		case everything.MatchString(text) && !bounded.MatchString(text) && !neutralNames[name]:
			unbounded = 2
			spans = append(spans, e.Whole(i))
			if unguarded.MatchString(text) {
				guard++
			}
		case hearsay.MatchString(text):
			heard = 2
			spans = append(spans, e.Whole(i))
		case unlisted.MatchString(text):
			fresh = 2
			spans = append(spans, e.Whole(i))
		case unguarded.MatchString(text):
			guard++
			spans = append(spans, e.Whole(i))
		}
		if powers[name] && allPowerful.MatchString(text) {
			unbounded = 2
			spans = append(spans, e.Whole(i))
		}
		if many(name, text) {
			count = 1
		}
		if payee(e, i, name, text) || exceeds(e, i, name, text) {
			e.Report(boundlessAct, nil, e.Whole(i))
			return
		}
	}
	if narrow && unbounded > 0 {
		asked = 2
	}
	score := act + unbounded + asked + heard + min(guard, 2) + count + fresh
	if groups := sign(unbounded+count) + sign(asked) + sign(heard) + sign(guard) + sign(fresh); groups >= 2 && score >= 5-act && unbounded+count+fresh+heard+guard >= 1 && len(spans) > 0 {
		e.Report(boundlessAct, nil, spans...)
	}
}

// requested reports whether the call says what the user had asked for.
func requested(e *check.Event) bool {
	for i := range e.Segments {
		if s := &e.Segments[i]; s.Key && requestNames[strings.ToLower(s.Views[0].Text)] {
			return true
		}
	}
	return false
}

// powers are parameters for rights, and allPowerful is all of them.
var powers = wordSet(`role roles permission permissions access scope scopes privilege privileges policy level rights`)

var allPowerful = regexp.MustCompile(`(?i)^(?:roles?/)?(?:owner|admin\w*|super\w*|root|full[ _-]?(?:access|control)|\*|manage|everything|read[-_ ]?write|all)$`)

// rehearsals are members by which nothing is done yet.
var rehearsals = wordSet(`dry_run dryrun dry-run preview simulate simulation what_if whatif plan_only check_only`)

// filters are parameters that say to what something is done.
var filters = wordSet(`filter where query conditions condition selector criteria match`)

// emptyObject reports whether the value of the member whose name is segment i is {}.
func emptyObject(e *check.Event, i int) bool {
	body := e.Event.Body[min(len(e.Event.Body), e.Segments[i].End+1):]
	text := strings.TrimLeft(string(body[:min(len(body), 16)]), " :\n\t")
	return strings.HasPrefix(text, "{}") || strings.HasPrefix(text, "{ }")
}

// exceeds reports an amount above the one that was approved, which the call has as well.
func exceeds(e *check.Event, i int, name, text string) bool {
	if name != "amount" && name != "total" && name != "betrag" && name != "importe" && name != "montant" {
		return false
	}
	parent, _ := cut(e.Segments[i].Pointer)
	amount, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	for _, member := range []string{"/approved_amount", "/limit", "/max_amount", "/budget", "/approved", "/invoice_amount", "/invoice_total", "/amount_due", "/cap"} {
		if j, ok := e.At(parent+member, false); ok {
			if limit, err := strconv.ParseFloat(e.Segments[j].Views[0].Text, 64); err == nil && amount > limit {
				return true
			}
		}
	}
	return false
}

// payee reports a destination that differs from the one on record, which the call has as well.
func payee(e *check.Event, i int, name, text string) bool {
	parent, last := cut(e.Segments[i].Pointer)
	if !destinations[name] {
		return false
	}
	for _, suffix := range []string{"_on_file", "_on_record", "_known", "_previous", "_usual", "_verified", "_expected", "_original", "_of_record"} {
		if j, ok := e.At(parent+"/"+last+suffix, false); ok && e.Segments[j].Views[0].Text != text {
			return true
		}
	}
	for _, prefix := range []string{"known_", "usual_", "verified_", "registered_", "previous_", "original_", "expected_"} {
		if j, ok := e.At(parent+"/"+prefix+last, false); ok && e.Segments[j].Views[0].Text != text {
			return true
		}
	}
	return false
}

var destinations = wordSet(`iban account to_account beneficiary creditor payee recipient destination wallet address to bank_account pay_to`)

// reads are words of tools that only look.
var reads = wordSet(`get list show read search find fetch query view count describe check lookup look export download preview summarize summarise report status inspect analyze analyse compare explain verify validate
	leer buscar ver listar consultar obtener ler lesen suchen anzeigen lire chercher afficher lister obtenir consulter`)

func sign(n int) int { return min(n, 1) }

// neutralNames are parameters for which "all" is a way to look.
var neutralNames = wordSet(`fields columns include select show view output format scope_of_report sort order_by pages visible_to level log_level mode accept accept-language origin type types kind allow cors`)

// multitudes are members for how many there are to be.
var multitudes = wordSet(`quantity copies count anzahl cantidad quantidade menge quantité nombre 数量 件数 수량 количество`)

// many reports whether a count is in the thousands.
func many(name, text string) bool {
	if !anyWord(name, countNames) || len(text) > 16 {
		return false
	}
	return countDigits(text) >= 4 && strings.Trim(text, "0123456789., '") == ""
}

var countNames = wordSet(`count number total recipients recipients_estimate affected rows anzahl cantidad quantidade nombre количество 数量 件数 수량`)
