package secrets

import (
	"strings"
	"unicode"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// matter is something about a person that is theirs.
type matter uint8

const (
	health matter = 1 << iota
	identity
	birth
	account
	contact
)

// terms tell matters; in lower case.
var terms = []struct {
	means matter
	words []string
}{
	{health, []string{"diagnos", "hiv", "carcinom", "karzinom", "depress", "pregnan", "schwanger", "sick leave", "krank", "therap", "диагноз", "беремен", "诊断", "病历", "診断", "진단", "تشخيص", "embaraz", "enceinte", "psychiat", "oncolog", "chemo", "std", "insulin", "addict"}},
	{identity, []string{"passport", "passeport", "pasaporte", "passnummer", "паспорт", "снилс", "инн ", "ssn", "social security", "versichertennr", "insurance number", "national id", "dni", "nie ", "curp", "cpf", "steuer-id", "personalausweis", "ausweis", "id card", "carte d'identité", "nif ", "pps", "bsn", "nhs", "medicare", "身份证", "マイナンバー", "주민등록", "aadhaar", "pesel", "codice fiscale", "護照", "driver's licen", "свидетельство"}},
	{birth, []string{"born", "birth", "dob", "geb.", "geboren", "né le", "née le", "nacim", "nascim", "д.р.", "рожд", "生年", "出生", "생년", "الميلاد", "জন্ম"}},
	{contact, []string{"address", "anschrift", "adresse", "street", "strasse", "straße", "ул.", "адрес", "地址", "住所", "주소", "mobile", "tel", "phone", "тел.", "电话", "手机", "電話", "전화", "home:"}},
}

// specimens are words by which data says that it is of nobody.
var specimens = []string{"specimen", "fictional", "synthetic", "sandbox", "anonymis", "anonymiz", "mustermann", "jane doe", "john doe", "test customer", "sample", "muster", "dummy", "fictiti", "pseudonym", "masked"}

// person collects what an event says about persons.
type person struct {
	matters  matter
	accounts int
	cards    int
	digits   int
	specimen bool
	spans    []models.Span
}

const (
	minDigits   = 16       // of numbers that say anything about a person
	maxDocument = 16 << 10 // bytes; what is longer is no record
)

// read adds what segment i says.
func (p *person) read(i int, text string) {
	if len(text) > maxDocument {
		return
	}
	start, end := p.iban(i, text)
	digits := 0
	for k := range len(text) {
		if kind(text[k]) == 2 {
			digits++
		}
	}
	p.digits += digits
	if digits >= 15 && start == end {
		start, end = p.card(text)
	}
	if digits < minDigits && !(p.accounts > 0 && len(text) < 200) {
		return
	}
	lower := strings.ToLower(text)
	for _, s := range specimens {
		p.specimen = p.specimen || strings.Contains(lower, s)
	}
	first := -1
	for _, t := range terms {
		for _, w := range t.words {
			if at := indexWord(lower, w); at >= 0 {
				p.matters |= t.means
				if t.means&(identity|birth|health) != 0 && (first < 0 || at < first) {
					first = at
				}
			}
		}
	}
	if first >= 0 && len(lower) == len(text) && len(p.spans) < models.MaxEvidence {
		line := strings.LastIndexByte(text[:first], '\n') + 1
		stop := len(text)
		if n := strings.IndexByte(text[first:], '\n'); n > 0 {
			stop = first + n
		}
		p.spans = append(p.spans, models.Span{Segment: i, Start: line, End: stop})
	} else if first >= 0 && len(p.spans) < models.MaxEvidence {
		p.spans = append(p.spans, models.Span{Segment: i, End: len(text)})
	} else if end > start && len(p.spans) < models.MaxEvidence {
		p.spans = append(p.spans, models.Span{Segment: i, Start: start, End: end})
	}
}

// indexWord returns where a word of text begins with w; a short w is the whole word.
func indexWord(text, w string) int {
	for from := 0; ; {
		n := strings.Index(text[from:], w)
		if n < 0 {
			return -1
		}
		at := from + n
		end := at + len(w)
		if w[0] >= 0x80 || (at == 0 || !alphanumeric(text[at-1])) && (len(w) > 4 || end == len(text) || !alphanumeric(text[end])) {
			return at
		}
		from = end
	}
}

// iban counts account numbers with valid check digits, and returns where the first stands.
func (p *person) iban(i int, text string) (start, end int) {
	found := 0
	for at := 0; at+15 <= len(text); at++ {
		if kind(text[at]) != 1 || kind(text[at+1]) != 1 || kind(text[at+2]) != 2 || kind(text[at+3]) != 2 || at > 0 && alphanumeric(text[at-1]) {
			continue
		}
		n := at
		for n < len(text) && (kind(text[n]) == 1 || kind(text[n]) == 2) && n-at <= 34 {
			n++
		}
		if n-at >= 15 && n-at <= 34 && checkDigits(text[at:n]) && !knownAccount(text[at:n]) {
			if found++; found == 1 {
				start, end = at, n
			}
		}
		at = n
	}
	p.accounts += found
	return start, end
}

// card counts numbers of payment cards with a code or a date of expiry near, and returns where the first stands.
func (p *person) card(text string) (start, end int) {
	for at := 0; at < len(text); at++ {
		if kind(text[at]) != 2 {
			continue
		}
		n, digits := at, make([]byte, 0, 19)
		for n < len(text) && len(digits) < 20 && (kind(text[n]) == 2 || (text[n] == ' ' || text[n] == '-') && n > at && kind(text[n-1]) == 2) {
			if kind(text[n]) == 2 {
				digits = append(digits, text[n]-'0')
			}
			n++
		}
		if len(digits) >= 15 && len(digits) <= 16 && luhn(digits) && !testCard(digits) {
			near := strings.ToLower(text[max(0, at-80):min(len(text), n+80)])
			for _, w := range []string{"cvv", "cvc", "exp", "valid", "security code", "gültig", "card", "karte", "tarjeta", "carte", "карт", "卡"} {
				if strings.Contains(near, w) {
					p.cards++
					return at, n
				}
			}
		}
		at = n
	}
	return 0, 0
}

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// testCard reports numbers that processors publish for tests.
func testCard(digits []byte) bool {
	var different [10]bool
	kinds := 0
	for _, d := range digits {
		if !different[d] {
			different[d] = true
			kinds++
		}
	}
	return kinds <= 4 || digits[0] != 3 && digits[0] != 4 && digits[0] != 5 && digits[0] != 6 && digits[0] != 2
}

// checkDigits reports whether an IBAN has the remainder of ISO 7064, MOD 97-10.
func checkDigits(iban string) bool {
	rest := 0
	for i := range len(iban) {
		c := iban[(i+4)%len(iban)]
		if kind(c) == 2 {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

// knownAccount reports accounts of the documentation of banks.
func knownAccount(iban string) bool {
	for _, known := range []string{"DE89370400440532013000", "GB82WEST12345698765432", "GB29NWBK60161331926819", "GB33BUKB20201555555555", "FR1420041010050500013M02606", "AT611904300234573201", "CH9300762011623852957", "NL91ABNA0417164300"} {
		if iban == known {
			return true
		}
	}
	return strings.Count(iban, "0") > len(iban)/2
}

// report reports what was read if it is more than a business card.
func (p *person) report(e *check.Event) {
	if p.specimen || len(p.spans) == 0 || p.digits < minDigits {
		return
	}
	has := func(m matter) bool { return p.matters&m == m }
	switch {
	case has(health) && (has(identity) || has(birth|contact) && many(e, p) || p.accounts > 0):
	case has(identity|contact) && (has(birth) || many(e, p)):
	case p.cards > 0:
	case p.accounts > 1 && (has(birth) || has(health)):
	default:
		return
	}
	e.Report(personalData, nil, p.spans...)
}

// many reports whether the evidence has dates as well as numbers, which makes it a file on somebody.
func many(e *check.Event, p *person) bool {
	for _, s := range p.spans {
		text := e.Segments[s.Segment].Views[0].Text[s.Start:s.End]
		dates := 0
		for _, field := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' || r == '(' }) {
			if date(field) {
				dates++
			}
		}
		if dates > 0 {
			return true
		}
	}
	return false
}

// date reports dd.mm.yyyy and yyyy-mm-dd.
func date(s string) bool {
	if len(s) != 10 {
		return false
	}
	for _, at := range [][2]int{{2, 5}, {4, 7}} {
		ok := true
		for i := range len(s) {
			if i == at[0] || i == at[1] {
				ok = ok && (s[i] == '.' || s[i] == '-' || s[i] == '/')
			} else {
				ok = ok && kind(s[i]) == 2
			}
		}
		if ok {
			return true
		}
	}
	return false
}
