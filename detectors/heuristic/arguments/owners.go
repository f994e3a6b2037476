package arguments

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// owner words tell the members that say who is asking, and what is theirs.
var ownerWords = wordSet(`user own eigene eigenen eigenes propias propios proprias mes mis my mi mio mia meu minha mein meine mon ma self caller session guardian customer resident recipient player viewer login auth principal actor member patient_self holder employee agent account subject requester
	started here issued mine created owned assigned granted allowed authorized authorised permitted scope children tenant me clinician student_self client usuario utente benutzer kunde cliente пользователь клиент 登录人 授权范围 本人 用户 会員 利用者 本人番号 사용자 본인 المستخدم उपयोगकर्ता kullanıcı użytkownik`)

// otherWords are members that name somebody else on purpose.
var otherWords = wordSet(`to cc bcc assignee invite invitee invitees participant participants attendees reviewer approver manager requested_by contact deliver_to reference ref related referrer escalate ticket trace request correlation
	exclude excluded screened_from deny denied blocked compare previous parent successor replaces version log_reason note notes comment reason text message body`)

// identifier is what an object is called by: "S-4471", "XX02-EXAM-0001-1182-04", "HX-20931".
var identifier = regexp.MustCompile(`\b[\p{L}]{1,12}\d{0,3}[-_](?:[\p{L}\d]{1,8}[-_]){0,4}\d[\p{L}\d]{0,11}\b`)

// delegated are signs that somebody may act for others.
var delegated = regexp.MustCompile(`(?i)delegat|mandat|power of attorney|poder|apoder|vollmacht|procura|on behalf|partner-?admin|public\b|shared|freigegeben|compartid|fixture|staging|test|доверен|委任|授权书|위임|توكيل|procuration|vekalet|pełnomocnic`)

// owned identifiers and the others, by their shape.
type owners struct {
	mine   map[string][]possession
	others []claim
}

// possession is an identifier of the caller's, by itself or in a list of all that the caller has.
type possession struct {
	id, name string
	list     bool
}

type claim struct {
	id   string
	name string
	span models.Span
}

// tenants looks at whose objects a call wants.
func tenants(e *check.Event) {
	var o owners
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !check.Below(s, "/arguments") && !check.Below(s, "/_meta") || len(s.Views[0].Text) > 300 {
			continue
		}
		text := s.Views[0].Text
		o.collect(s, i)
		consent(e, i, text)
		stranger(e, i, text)
		borrowed(e, i, text)
	}
	if !o.report(e) && !principals(e) {
		pairs(e)
	}
	attempts(e)
}

// mandated reports whether the call says that the caller may act for others, or that the object is everybody's.
func mandated(e *check.Event) bool {
	for i := range e.Segments {
		if s := &e.Segments[i]; !containers[parameter(s.Pointer)] && (check.Below(s, "/arguments") || !s.Key && check.Below(s, "/_meta")) && len(s.Views[0].Text) < 300 && delegated.MatchString(s.Views[0].Text) {
			return true
		}
	}
	return false
}

// containers are parameters whose name says nothing of what is in them.
var containers = wordSet(`bucket repo repository database store index cluster`)

// collect keeps the identifiers of a value, as the caller's own or as others'.
func (o *owners) collect(s *models.Segment, i int) {
	own := ownerPath(s.Pointer) || inventory.MatchString(s.Pointer)
	name := parameter(s.Pointer)
	if !own && anyWord(name, otherWords) {
		return
	}
	for view := range s.Views {
		text := s.Views[view].Text
		if view > 0 && s.Views[view].Kind != models.ViewDecoded || len(text) > 300 || !strings.ContainsAny(text, "-_") || countDigits(text) == 0 {
			continue
		}
		for _, m := range identifier.FindAllStringIndex(text, 4) {
			id := text[m[0]:m[1]]
			if own {
				if o.mine == nil {
					o.mine = make(map[string][]possession)
				}
				_, last := cut(s.Pointer)
				o.mine[shape(id)] = append(o.mine[shape(id)], possession{id: id, name: name, list: strings.Trim(last, "0123456789") == ""})
			} else {
				o.others = append(o.others, claim{id: id, name: name, span: models.Span{Segment: i, View: view, Start: m[0], End: m[1]}})
			}
		}
	}
}

// inventory is a list within an object: what somebody has.
var inventory = regexp.MustCompile(`^/arguments/[^/]*[^/\d][^/]*/[^/]*[^/\d][^/]*/\d+$`)

// otherOwner are words of members that say whose an object is.
var otherOwner = wordSet(`owner holder target query queried requested subject impersonate`)

// ownerPath reports whether a member on the way to the value says that it is the caller's.
func ownerPath(pointer string) bool {
	for pointer != "" {
		parent, last := cut(pointer)
		if name := underscores(snake(last)); parent != "" && (anyWord(name, ownerWords) || ownPrefixed(name)) && !strings.HasSuffix(name, "_owner") && !strings.HasSuffix(name, "_holder") && !strings.HasSuffix(name, "_ids") && name != "account" && name != "account_id" {
			return true
		}
		pointer = parent
	}
	return false
}

// ownPrefixed reports whether a name that has no blanks begins with "my".
func ownPrefixed(name string) bool {
	for _, prefix := range []string{"本人", "自己", "我的", "自分", "본인", "내_", "मेरा", "मेरी"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// shape is an identifier with its letters and digits made alike: "S-4471" and "S-4467" have one shape.
func shape(id string) string {
	prefix := strings.IndexAny(id, "-_")
	var b strings.Builder
	b.WriteString(strings.ToUpper(id[:max(prefix, 0)]))
	for _, r := range id[max(prefix, 0):] {
		switch {
		case '0' <= r && r <= '9':
			b.WriteByte('9')
		case r == '-' || r == '_':
			b.WriteRune(r)
		default:
			b.WriteByte('a')
		}
	}
	return b.String()
}

// report reports whether an object is none of the caller's.
func (o *owners) report(e *check.Event) bool {
	for _, c := range o.others {
		mine := o.mine[shape(c.id)]
		if len(mine) == 0 {
			continue
		}
		foreign, comparable := true, false
		for _, m := range mine {
			foreign = foreign && !strings.EqualFold(m.id, c.id)
			comparable = comparable || m.list || strings.HasSuffix(m.name, "_"+singular(c.name)) || anyWord(underscores(snake(c.name)), otherOwner) || c.name != "" && c.name[0] >= 0x80
		}
		foreign = foreign && comparable
		if foreign {
			if !mandated(e) {
				e.Report(foreignObject, nil, c.span)
			}
			return true
		}
	}
	return false
}

// singular is the name of one of what a list is named after: "account" for "account_ids".
func singular(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, "s"), "_id")
}

// pairs compares what is the caller's with what is asked for under the same name: "player_guild" and "guild",
// "auth.tenant" and "tenant_id".
func pairs(e *check.Event) {
	type member struct {
		name    string
		segment int
	}
	var mine, asked []member
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !check.Below(s, "/arguments") && !check.Below(s, "/_meta") {
			continue
		}
		last := compared(s.Pointer)
		name := strings.Trim(underscores(snake(strings.ReplaceAll(last, "~1", "/"))), "_")
		if _, holder := cut(parent(s.Pointer)); callers[holder] && !strings.Contains(strings.TrimSuffix(name, "_id"), "_") {
			name = "caller_" + name
		}
		if what, ok := possessed(name); ok && len(mine) < maxMine {
			mine = append(mine, member{what, i})
		} else if what, ok := wanted(name); ok && (tenantNames[what] || folders[what]) {
			asked = append(asked, member{what, i})
		}
	}
	for _, m := range mine {
		if storesOf(e, m.name, e.Segments[m.segment].Views[0].Text) {
			return
		}
		for _, a := range asked {
			if m.name != a.name {
				continue
			}
			if x, y := strings.ToLower(e.Segments[m.segment].Views[0].Text), strings.ToLower(e.Segments[a.segment].Views[0].Text); outsideOf(m.name, x, y) {
				if !mandated(e) {
					e.Report(foreignObject, nil, e.Whole(a.segment))
				}
				return
			}
		}
	}
}

// maxMine limits what is compared with everything else.
const maxMine = 32

// storesOf reports an argument that is the path of an object in a folder of another one of the caller's kind:
// "tenants/initech/contract.pdf", where the caller's tenant is another.
func storesOf(e *check.Event, kind, mine string) bool {
	for i := range e.Segments {
		s := &e.Segments[i]
		text := s.Views[0].Text
		if s.Key || !check.Below(s, "/arguments") || len(text) > 300 || !strings.Contains(text, "/") {
			continue
		}
		_, rest, found := strings.Cut(text, kind+"s/")
		owner, _, inside := strings.Cut(rest, "/")
		if found && inside && owner != "" && !strings.Contains(strings.ToLower(owner), strings.ToLower(mine)) && !mandated(e) {
			e.Report(foreignObject, nil, e.Whole(i))
			return true
		}
	}
	return false
}

// outsideOf reports whether what is asked for lies outside of what is the caller's: another name, or another folder.
func outsideOf(name, mine, asked string) bool {
	if folders[name] {
		return mine != "" && !strings.HasPrefix(asked, strings.TrimRight(mine, "/"))
	}
	return mine != asked && !strings.Contains(mine, asked) && !strings.Contains(asked, mine)
}

// folders are what objects are kept apart by in stores.
var folders = wordSet(`prefix folder root home directory drive bucket path`)

// principals compares who is signed in with whose things are asked for, where both are addresses or numbers of one kind.
func principals(e *check.Event) bool {
	who, whose := -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		if parent, last := cut(s.Pointer); s.Key || parent != "/arguments" || strings.Contains(s.Views[0].Text, " ") {
			continue
		} else if principalNames[last] {
			who = i
		} else if targetNames[last] {
			whose = i
		}
	}
	if who < 0 || whose < 0 {
		return false
	}
	a, b := strings.ToLower(e.Segments[who].Views[0].Text), strings.ToLower(e.Segments[whose].Views[0].Text)
	alike := personNames[nameOf(e, whose)] && nickname(a) && nickname(b) || strings.Contains(a, "@") && strings.Contains(b, "@") || identifier.MatchString(a) && identifier.MatchString(b) && shape(a) == shape(b)
	if a == b || !alike || mandated(e) {
		return false
	}
	e.Report(foreignObject, nil, e.Whole(whose))
	return true
}

var (
	// personNames are those of the targets that are people, whatever they are called by.
	personNames    = wordSet(`as_user impersonate target_user user owner account profile mailbox as`)
	principalNames = wordSet(`signed_in_as logged_in_as current_user me login requester caller real_user acting_user session_user identity principal my_id own_id viewer zalogowany angemeldet eingeloggt angemeldet_als conectado conectado_como sesión_de connecté connecté_en loggato autenticato 登录人 登录用户 ログイン 로그인`)
	targetNames    = wordSet(`skrzynka postfach konto buzón buzon cuenta boîte compte casella conto ящик 邮箱 メールボックス 사서함 benutzer usuario utilisateur utente as user account owner mailbox impersonate target_user as_user profile owner user_id requested_subject inbox calendar employee patient student member_id account_id session owner_session`)
)

func nameOf(e *check.Event, i int) string {
	_, last := cut(e.Segments[i].Pointer)
	return last
}

// nickname reports whether text is a word of letters, as people are called.
func nickname(text string) bool {
	return len(text) > 1 && len(text) <= 24 && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && r != '.' }) < 0
}

// tenantNames are what objects are kept apart by.
var tenantNames = wordSet(`tenant org organisation organization workspace company account guild team practice school household clinic branch office realm customer namespace project store shop unit family user patient role department employee student member ward region class course building floor subject identity owner session handle task ticket device wallet card`)

// callers are objects that say who is asking.
var callers = wordSet(`auth token session claims jwt caller principal identity user viewer login me requester signed_in actor`)

func parent(pointer string) string {
	p, _ := cut(pointer)
	return p
}

// compared is the name of the member that a value is compared with: the last token that is no index and no operator.
func compared(pointer string) string {
	for {
		up, last := cut(pointer)
		if up == "" || !comparisons[strings.TrimPrefix(last, "$")] && strings.Trim(last, "0123456789") != "" {
			return last
		}
		pointer = up
	}
}

var comparisons = wordSet(`in eq equals is any or and ids values`)

// possessed is what is the caller's by the member's name.
func possessed(name string) (string, bool) {
	for _, prefix := range []string{"auth_", "token_", "user_", "my_", "own_", "session_", "caller_", "login_", "player_", "viewer_", "principal_", "member_", "jwt_", "claims_", "current_", "requester_", "resident_", "guest_", "holder_", "requested_by_", "asked_by_", "acting_", "signed_in_"} {
		if what, ok := strings.CutPrefix(name, prefix); ok {
			what = strings.TrimSuffix(what, "_id")
			return what, tenantNames[what] || folders[what]
		}
	}
	return "", false
}

// wanted is what is asked for by the member's name.
func wanted(name string) (string, bool) {
	for _, prefix := range []string{"target_", "x_act_as_", "act_as_", "as_", "for_", "on_behalf_of_", "x_", "effective_", "requested_", "query_", "owner_"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.TrimSuffix(name, "_id"), true
}

var (
	// consentNames are members about the right to look.
	consentNames = wordSet(`consent customer_consent patient_consent relationship treating_relationship authorization authorisation permission mandate legal_basis approval owner_consent vote 同意 授权 同意書 동의 einwilligung consentimiento consentimento consentement согласие`)
	// withheld is a consent that nobody gave.
	withheld = regexp.MustCompile(`(?i)^\s*(?:none|no|not (?:asked|needed|given|required|yet|obtained)|missing|absent|unknown|n/?a|skipp?ed|waived|assumed|implied|pending|keine?|nicht|ninguno|sin |no (?:hay|pedid|solicit)|nenhum|sem |não|aucun|sans|нет|не |无|未|なし|未取得|없음|بدون|नहीं|yok|brak)`)
	// found says that a handle was come across.
	found = regexp.MustCompile(`(?i)\((?:seen|found|copied|pasted|taken|guessed|leaked|shared|read|from|visible)\b|\b(?:seen|found|copied|pasted|taken|guessed|lifted|leaked|overheard) (?:in|from|on|by|out of)\b`)
	// handleNames are members that let whoever has them in.
	handleNames = wordSet(`handle session session_handle session_id sid task task_id task_handle token ticket_handle state request_state cursor link share_link capability grant continuation resume resume_token`)
	// everyTenant is a tenant, role or scope that stands for all.
	everyTenant = regexp.MustCompile(`(?i)^\W*(?:\*|root|platform[-_]?root|all|any|super[-_]?(?:admin|user)|instance[-_]?admin|global[-_]?admin|sysadmin|system|god|\*.*\*)\W*$`)
)

// consent reports access that says of itself that nobody allowed it, and a claim to all tenants beside the arguments.
func consent(e *check.Event, i int, text string) {
	s := &e.Segments[i]
	name := parameter(s.Pointer)
	if consentNames[name] && withheld.MatchString(text) && check.Below(s, "/arguments") {
		e.Report(noConsent, nil, e.Whole(i))
	}
	if strings.HasPrefix(name, "tenant") && everyTenant.MatchString(text) {
		e.Report(foreignObject, nil, e.Whole(i))
	}
	if check.Below(s, "/_meta") && anyWord(underscores(snake(name)), tenantNames) && everyTenant.MatchString(text) {
		e.Report(foreignObject, nil, e.Whole(i))
	}
	if strings.HasPrefix(name, "impersonat") || name == "act_as" || name == "on_behalf_of" {
		impersonation(e, i, text)
	}
}

// impersonation reports an identity that is taken on without the consent of its owner, where somebody's consent is given.
func impersonation(e *check.Event, i int, text string) {
	for j := range e.Segments {
		s := &e.Segments[j]
		if other := s.Views[0].Text; !s.Key && anyWord(parameter(s.Pointer), consentWord) && !strings.Contains(strings.ToLower(other), strings.ToLower(text)) && (strings.Contains(other, "@") || identifier.MatchString(other)) {
			e.Report(noConsent, nil, e.Whole(i), e.Whole(j))
			return
		}
	}
}

var consentWord = wordSet(`consent approval permission authorization`)

// The words of a reason to look at what is somebody else's.
var (
	somebody  = check.Signals("arguments.somebody")
	uninvited = check.Signals("arguments.uninvited")
)

// stranger reports a reason that says itself that the thing is somebody else's and nobody allowed it.
func stranger(e *check.Event, i int, text string) {
	if len(text) <= 12 || !check.Below(&e.Segments[i], "/arguments") {
		return
	}
	if has := e.Has(i, 0); has.Meets(&somebody) && has.Meets(&uninvited) {
		e.Report(noConsent, nil, e.Whole(i))
	}
}

// lifted says that a handle was taken from somebody.
var lifted = check.Signals("arguments.lifted")

// borrowed reports a handle that the call itself says is somebody else's.
func borrowed(e *check.Event, i int, text string) {
	if has := e.Has(i, 0); check.Below(&e.Segments[i], "/arguments") && has.Meets(&lifted) {
		e.Report(foreignObject, nil, e.Whole(i))
		return
	}
	if name := parameter(e.Segments[i].Pointer); (handleNames[name] || strings.HasSuffix(name, "_handle") || strings.HasSuffix(name, "_token")) && found.MatchString(text) {
		e.Report(foreignObject, nil, e.Whole(i))
	}
}

// attempts reports a list of objects that are tried one after the other.
func attempts(e *check.Event) {
	guesses, first, last := 0, -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !trial.MatchString(s.Pointer) {
			continue
		}
		if guesses++; first < 0 {
			first = i
		}
		last = i
	}
	if ranged(e) {
		return
	}
	if guesses >= 3 {
		e.Report(foreignObject, nil, e.Whole(first), e.Whole(last))
	}
}

// ranged reports a range of people's numbers in one value: "1001-1999".
func ranged(e *check.Event) bool {
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !check.Below(s, "/arguments") || len(s.Views[0].Text) > 40 || !anyWord(underscores(snake(parameter(s.Pointer))), personNumbers) && !lettered.MatchString(s.Views[0].Text) {
			continue
		}
		if m := span.FindStringSubmatch(s.Views[0].Text); m != nil && len(m[2]) >= len(m[1]) && len(m[1]) >= 1 && m[2] != m[1] && len(m[2]) >= 2 {
			e.Report(foreignObject, nil, e.Whole(i))
			return true
		}
	}
	return false
}

var (
	personNumbers = wordSet(`account accounts user users user_id user_ids patient patients member members customer customers employee employees student students card cards session sessions tenant tenants mailbox mailboxes`)
	lettered      = regexp.MustCompile(`^\p{Lu}{1,4}[-_#]?\d+\s*(?:\.\.\.?|–|to|…|~)\s*\p{Lu}{1,4}[-_#]?\d+$`)
	span          = regexp.MustCompile(`^[\p{L}_#-]*(\d+)\s*(?:-|–|\.\.\.?|to|bis|a|до|至|から|~|…)\s*[\p{L}_#-]*(\d+)$`)
)

// trial is the place of a guess.
var trial = regexp.MustCompile(`(?i)^/arguments/(?:.*/)?(?:attempts|guesses|tries|candidates|bruteforce|versuche|intentos|tentativas|try_pins|pins|passwords|codes_to_try)/\d+`)

// sharedCache looks at a result that caches are told to give to everybody though it is one person's.
func sharedCache(e *check.Event) {
	i, ok := e.At("/_meta/cacheScope", false)
	if !ok {
		i, ok = e.At("/cacheScope", false)
	}
	if !ok || e.Segments[i].Views[0].Text != "public" {
		return
	}
	for j := range e.Segments {
		s := &e.Segments[j]
		if !s.Key && !check.Below(s, "/_meta") && personAddress.MatchString(s.Views[0].Text) || s.Key && check.Below(s, "/structuredContent") && personMembers[strings.ToLower(s.Views[0].Text)] {
			e.Report(publicCache, nil, e.Whole(i), e.Whole(j))
			return
		}
	}
}

var (
	personAddress = regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w+`)
	personMembers = wordSet(`owner user user_id account account_id patient customer email balance iban my_orders mailbox inbox salary diagnosis member profile`)
)
