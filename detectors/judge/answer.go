package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// answer is what the model is to say, in the form of answer.schema.json.
type answer struct {
	Nonce      string    `json:"nonce"`
	Passages   []passage `json:"passages"`
	Addressed  string    `json:"addressed"`
	Conclusion string    `json:"conclusion"`
	Reason     string    `json:"reason"`
}

// passage is one place that the model reports.
type passage struct {
	Item        int    `json:"item"`
	Quote       string `json:"quote"`
	Effect      effect `json:"effect"`
	Object      object `json:"object"`
	Beneficiary string `json:"beneficiary"`
	Necessary   bool   `json:"necessary"`
}

// The other words of an answer.
const (
	beneficiaryUser, beneficiaryServer, beneficiaryStranger, beneficiaryUnclear = "user", "server", "stranger", "unclear"
	conclusionHarmless, conclusionSuspicious, conclusionMalicious               = "harmless", "suspicious", "malicious"
)

// Limits on an answer.
const (
	maxAnswerBytes = 64 << 10
	maxPassages    = 32
	// shortestQuote is how many bytes of letters a quote needs to be a quote.
	shortestQuote = 6
)

// report is an answer that passed every check.
type report struct {
	passages  []located // of the event itself
	addressed *located
	reason    string
}

// located is a passage at its place in the event.
type located struct {
	passage
	segment, view, start, end int
}

// unsound is an answer that can't be used. It may be the model's fault or the text's: see [Judge.examine].
type unsound struct {
	code string // a stable word
	why  string
}

func (u *unsound) Error() string { return u.code + ": " + u.why }

func unsoundf(code, format string, args ...any) error {
	return &unsound{code, fmt.Sprintf(format, args...)}
}

// check reads a reply to a question. Every error is an [*unsound].
func (q *question) check(r *reply) (*report, error) {
	switch {
	case r.Refusal != "":
		return nil, unsoundf("refusal", "the model refused")
	case r.Finish != "stop":
		return nil, unsoundf("finish", "the answer ended with %q", r.Finish)
	case len(r.Content) > maxAnswerBytes:
		return nil, unsoundf("length", "an answer of %d bytes", len(r.Content))
	}
	a, err := parseAnswer(r.Content)
	if err != nil {
		return nil, err
	}
	if a.Nonce != q.nonce {
		return nil, unsoundf("nonce", "it does not have the nonce")
	}
	return q.locate(a)
}

// parseAnswer reads one JSON object of the schema, and nothing beside it.
func parseAnswer(content string) (*answer, error) {
	if !utf8.ValidString(content) {
		return nil, unsoundf("json", "not UTF-8")
	}
	dec := json.NewDecoder(strings.NewReader(content))
	dec.DisallowUnknownFields()
	var a *answer
	if err := dec.Decode(&a); err != nil || a == nil {
		return nil, unsoundf("json", "not the JSON object that was asked for")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, unsoundf("json", "more than one JSON value")
	}
	for _, member := range []string{"nonce", "passages", "addressed", "conclusion", "reason"} {
		if !bytes.Contains([]byte(content), []byte(`"`+member+`"`)) {
			return nil, unsoundf("json", "no %s", member)
		}
	}
	if len(a.Passages) > maxPassages {
		return nil, unsoundf("json", "%d passages", len(a.Passages))
	}
	if !contains([]string{conclusionHarmless, conclusionSuspicious, conclusionMalicious}, a.Conclusion) {
		return nil, unsoundf("json", "no such conclusion")
	}
	for i := range a.Passages {
		if err := a.Passages[i].validate(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (p *passage) validate() error {
	switch {
	case effects[p.Effect].class == "":
		return unsoundf("json", "no such effect")
	case !objects[p.Object]:
		return unsoundf("json", "no such object")
	case !contains([]string{beneficiaryUser, beneficiaryServer, beneficiaryStranger, beneficiaryUnclear}, p.Beneficiary):
		return unsoundf("json", "no such beneficiary")
	}
	return nil
}

// locate checks an answer against what was asked: every quote stands where it says, the plant is among them, and the
// conclusion is not that there is nothing.
func (q *question) locate(a *answer) (*report, error) {
	r := &report{reason: a.Reason}
	planted := false
	for _, p := range a.Passages {
		if s, _ := squeeze(p.Quote); len(s) < shortestQuote {
			return nil, unsoundf("quote", "a quote of %d bytes", len(s))
		}
		if q.quotesPlant(&p) {
			planted = planted || p.harmful()
			continue
		}
		at, ok := q.find(p.Quote, p.Item)
		if !ok {
			return nil, unsoundf("quote", "a quote that is not in the text")
		}
		at.passage = p
		r.passages = append(r.passages, at)
	}
	if !planted {
		return nil, unsoundf("plant", "it does not report what had to be reported")
	}
	if a.Conclusion == conclusionHarmless {
		return nil, unsoundf("conclusion", "it reports something and concludes that there is nothing")
	}
	if s, _ := squeeze(a.Addressed); len(s) >= shortestQuote {
		at, ok := q.find(a.Addressed, 0)
		if !ok {
			return nil, unsoundf("quote", "a quote that is not in the text")
		}
		r.addressed = &at
	}
	return r, nil
}

// quotesPlant reports whether a passage is the plant's. The number decides where an item says the same as a part of the plant:
// else that would pass for the plant, and not be reported.
func (q *question) quotesPlant(p *passage) bool {
	if it := q.item(p.Item); it != nil {
		if _, _, ok := it.locate(p.Quote); ok {
			return false
		}
	}
	quote, _ := squeeze(p.Quote)
	plant, _ := squeeze(q.plant)
	return strings.Contains(plant, quote)
}

// find finds a quote in the item that it is said to be from, else in any other: a wrong number does no harm.
func (q *question) find(quote string, number int) (located, bool) {
	try := func(it *item) (located, bool) {
		start, end, ok := it.locate(quote)
		return located{segment: it.segment, view: it.view, start: start, end: end}, ok
	}
	if it := q.item(number); it != nil {
		if at, ok := try(it); ok {
			return at, true
		}
	}
	for i := range q.text.items {
		if at, ok := try(&q.text.items[i]); ok {
			return at, true
		}
	}
	return located{}, false
}
