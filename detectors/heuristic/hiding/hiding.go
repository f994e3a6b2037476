// Package hiding finds text that people are kept from seeing: in characters that can't be seen, in an encoding, in a part
// that is not rendered, behind a terminal escape, off the screen, in a file's metadata. Hiding is half of the evidence;
// the other half is that what was hidden wants something from a model.
package hiding

import (
	"maps"
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/detectors/heuristic/gist"
	"github.com/aad6b6dc/taster/models"
)

// Checks are the checks for hidden text.
var Checks = &check.Group{
	Name:   "hiding",
	Rules:  append(orderRules(), hiddenProse, paddedText, concealedText, fileText, hiddenRecord, followDecoded, packedHost, imageScript, invisibleCharacters, terminalEscape, bidiOverride, mixedScripts, styledText, stackedMarks),
	Checks: []check.Check{{Examine: examine}},
}

// RuleOrder is the rule under which hidden orders are reported, whatever hides them.
const RuleOrder = "hidden-order"

var (
	hiddenOrder = &check.Rule{
		ID: RuleOrder, Version: "2.0.0", Class: "B4", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Hides an order to the model.", // messages has one for each class
	}
	hiddenProse = &check.Rule{
		ID: "hidden-prose", Version: "1.0.0", Class: "B1", Severity: models.SeverityHigh, Confidence: 0.75,
		Message: "Carries a text in characters that can't be seen.",
	}
	paddedText = &check.Rule{
		ID: "off-screen-text", Version: "1.0.0", Class: "B5", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Pushes an order to the model off the screen with blanks.",
	}
	concealedText = &check.Rule{
		ID: "concealed-on-terminal", Version: "1.0.0", Class: "B3", Severity: models.SeverityHigh, Confidence: 0.75,
		Message: "Has text that a terminal hides or overwrites.",
	}
	hiddenRecord = &check.Rule{
		ID: "hidden-record", Version: "1.0.0", Class: "B4", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Sends data in a part that is not rendered.",
	}
	packedHost = &check.Rule{
		ID: "packed-host", Version: "1.0.0", Class: "B6", Severity: models.SeverityHigh, Confidence: 0.75,
		Message: "Packs a text into a host's name: looking it up sends the text away.",
	}
	imageScript = &check.Rule{
		ID: "script-in-image", Version: "1.0.0", Class: "B11", Severity: models.SeverityHigh, Confidence: 0.8,
		Message: "Has an image that runs a script.",
	}
	followDecoded = &check.Rule{
		ID: "decode-and-follow", Version: "1.0.0", Class: "B6", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Asks for something to be decoded and obeyed.",
	}
	fileText = &check.Rule{
		ID: "order-in-file", Version: "1.0.0", Class: "B11", Severity: models.SeverityHigh, Confidence: 0.7,
		Message: "Has an order to the model in a file's metadata or hidden layer.",
	}
)

// Message says how an order was hidden, by class.
var Message = map[models.Class]string{
	"B1": "Hides an order to the model in characters that can't be seen.",
	"B2": "Spells an order to the model in look-alike characters.",
	"B4": "Hides an order to the model in a part that is not rendered.",
	"B6": "Hides an order to the model in an encoding.",
}

// orderRules lists hiddenOrder once for each class that it reports.
func orderRules() []*check.Rule {
	var rules []*check.Rule
	for _, class := range slices.Sorted(maps.Keys(Message)) {
		r := *hiddenOrder
		r.Class, r.Message = class, Message[class]
		rules = append(rules, &r)
	}
	return rules
}

// steps are the transforms of a decoded view that reveal whole texts, with the class of hiding a text that way.
var steps = map[string]models.Class{
	"tags": "B1", "variation_selectors": "B1", "zero_width": "B1", "fillers": "B1",
	"base64": "B6", "hex": "B6", "rot13": "B6", "reversed": "B6", "base32": "B6", "base85": "B6", "base58": "B6", "codes": "B6", "binary": "B6", "morse": "B6",
	"leet": "B6", "spelling": "B6", "spaced": "B6", "caesar": "B6", "list": "B6", "chunks": "B6", "symbols": "B6", "file": "B11",
}

// ClassOf returns the class of how the view's text was hidden, or "" if it was not.
func ClassOf(v *models.View) models.Class {
	if v.Kind != models.ViewDecoded {
		return ""
	}
	class := models.Class("")
	for _, step := range v.Chain {
		if c := steps[step]; c == "B1" || c == "B11" || class == "" {
			class = c
		}
		if class == "B1" || class == "B11" {
			break
		}
	}
	return class
}

// The scores of a gist from which a hidden text is an order. A definition has less reason to hide anything.
const (
	needSpelled = 3
	needEncoded = 5
	needLetters = 3 // where every letter was written in a code: there is no reason to, as there is for bytes
	needPadded  = 5
	needFile    = 6
	sure        = 3 // above the need
)

// needRegion is what it takes in a region, by the way it is hidden.
var needRegion = map[Way]int{Comment: 6, Styled: 5, Custom: 7, Folded: 9}

func examine(e *check.Event) {
	follows := e.Long().Has(decode) && e.Long().Has(obey)
	for i := range e.Segments {
		s := &e.Segments[i]
		if len(s.Views) == 1 && len(s.Views[0].Text) < minText && !e.Bytes(i).Has(odd) {
			continue
		}
		for v := range s.Views {
			text := s.Views[v].Text
			if len(text) < minText || v == 0 && !e.Bytes(i).Has(unrenders) {
				continue
			}
			switch class := ClassOf(&s.Views[v]); class {
			case "B1":
				invisible(e, i, v, text)
			case "B6":
				encoded(e, i, v, text)
			case "B11":
				file(e, i, v, text)
			default:
				unrendered(e, i, v, text)
				if v > 0 {
					escaped(e, i, v, text)
				}
				if slices.Contains(s.Views[v].Chain, "gaps") {
					closed(e, i, v, text)
				}
			}
		}
		if raw := s.Views[0].Text; len(raw) >= minText {
			padded(e, i, raw)
			if follows {
				decodeAndFollow(e, i, raw)
			}
			if e.Bytes(i).Has(terminals) {
				terminal(e, i, raw)
			}
			labelled(e, i, raw)
			remarks(e, i, raw)
		}
		if e.Bytes(i).Count(hosts) == 2 && strings.Contains(s.Views[0].Text, "xn--") {
			encodedHosts(e, i, s.Views[0].Text)
		}
		if e.Bytes(i).Has(odd) {
			characters(e, i, s.Views[0].Text)
		}
	}
}

// What a text has that has anything of a kind.
var (
	odd       = check.BytesOf("\x1bé—ж") // characters that may be suspicious by themselves
	hosts     = check.BytesOf(".-")      // names of hosts with labels of other scripts
	signs     = check.BytesOf("—ж")      // that may be of other scripts or none
	scripts   = check.BytesOf("ж")
	unrenders = check.BytesOf("<[{-")           // regions that are not rendered
	terminals = check.BytesOf("\x00\b\r\x1b[é") // what terminals act upon
)

// minText is the shortest text that can hold an order.
const minText = 12

// invisible reports text in an alphabet that can't be seen: nobody has a reason to write a sentence that way.
func invisible(e *check.Event, i, v int, text string) {
	g := gist.Of(text)
	span := models.Span{Segment: i, View: v, End: len(text)}
	if g.Score() >= needSpelled {
		report(e, hiddenOrder, "B1", 2*sure, span)
	} else if g.Words >= 3 {
		e.Report(hiddenProse, nil, span)
	}
}

// encoded reports orders that an encoding hides. A page or an image in base64 is a file of its own.
func encoded(e *check.Event, i, v int, text string) {
	switch head := strings.TrimLeft(text, "\ufeff \n\t"); {
	case strings.HasPrefix(head, "<"):
		unrendered(e, i, v, text)
		return
	case strings.HasPrefix(head, "%PDF"):
		file(e, i, v, text)
		return
	case strings.Count(text, "\x00")*64 > len(text), slices.Contains(e.Segments[i].Views[v].Chain, "strip_controls"): // a dump of memory
		return
	}
	if fragments(text) || !prose(text) && !spelled(e.Segments[i].Views[v].Chain) && !hostName(e.Segments[i].Views[0].Text) {
		return
	}
	if hostName(e.Segments[i].Views[0].Text) {
		e.Report(packedHost, nil, models.Span{Segment: i, View: v, End: len(text)})
		return
	}
	if e.Event.Kind.Definition() && strings.IndexByte(text, ' ') < 0 && spelled(e.Segments[i].Views[v].Chain) {
		report(e, hiddenOrder, "B6", 0, models.Span{Segment: i, View: v, End: len(text)})
		return
	}
	least, chain := needEncoded, e.Segments[i].Views[v].Chain
	switch {
	case slices.ContainsFunc(chain, func(step string) bool { return letterwise[step] }), layers(chain) > 1:
		least = needLetters
	case gist.Of(text).Has(gist.Addressee):
		least--
	}
	judge(e, hiddenOrder, "B6", least, models.Span{Segment: i, View: v, End: len(text)}, text)
}

// escaped reports orders whose letters stand in escapes that no letter needs: %53%65%6e%64, &#83;&#101;.
func escaped(e *check.Event, i, v int, text string) {
	view := &e.Segments[i].Views[v]
	if !slices.ContainsFunc(view.Chain, func(step string) bool { return step == "percent" || step == "html" || step == "escapes" }) {
		return
	}
	first, last, count := 0, 0, 0
	for _, r := range view.Map {
		if r.ViewUnit != 1 || r.RawUnit < 3 {
			continue
		}
		for at := r.ViewStart; at < r.ViewEnd(); at++ {
			if isLetter(text[at]) {
				if count++; count == 1 {
					first = at
				}
				last = at + 1
			}
		}
	}
	if count >= minEscaped {
		judge(e, hiddenOrder, "B6", needEncoded, models.Span{Segment: i, View: v, Start: first, End: last}, text[max(0, first-maxAfter):min(len(text), last+maxAfter)])
	}
}

const minEscaped = 8 // letters

// prose reports whether a text has words with blanks between them, or is of a script that has none.
func prose(text string) bool {
	return strings.Count(text, " ") >= 3 || strings.ContainsFunc(text, func(r rune) bool { return r >= 0x2e80 })
}

// letterwise are the decodings of codes for single letters.
var letterwise = map[string]bool{"list": true, "codes": true, "binary": true, "morse": true, "leet": true, "spelling": true, "symbols": true, "caesar": true, "spaced": true}

// layers counts the encodings that were undone.
func layers(chain []string) int {
	n := 0
	for _, step := range chain {
		if steps[step] == "B6" {
			n++
		}
	}
	return n
}

// spelled reports whether the text was spelled letter by letter, so that its words are not known apart.
func spelled(chain []string) bool {
	return slices.Contains(chain, "spaced") || slices.Contains(chain, "morse") || slices.Contains(chain, "spelling")
}

// fragments reports whether a decoded text is the strings of a dump rather than sentences.
func fragments(text string) bool {
	lines := strings.Count(text, "\n") + 1
	return lines >= 4 && len(text)/lines < 16
}

// decodeAndFollow reports a text that asks for something to be decoded and obeyed, with something to decode beside it.
func decodeAndFollow(e *check.Event, i int, text string) {
	if len(text) > 16<<10 || !hasBlob(text) {
		return
	}
	hits := e.Signals(i, 0)
	for n, h := range hits {
		if h.Signal != decode && h.Signal != obey {
			continue
		}
		for _, other := range hits[n+1:] {
			if other.Start > h.End+nearHint || other.Sentence > h.Sentence+1 {
				break
			}
			if other.Signal == decode && h.Signal == obey && other.Sentence == h.Sentence || other.Signal == obey && h.Signal == decode {
				e.Report(followDecoded, nil, models.Span{Segment: i, Start: h.Start, End: max(h.End, other.End)})
				return
			}
		}
	}
}

// The signals of what is asked for in sight.
var (
	decode = check.Signal("hiding.decode")
	obey   = check.Signal("hiding.obey")
	label  = check.Signal("hiding.label")
)

// nearHint is how close a decoding and an obeying stand, in bytes.
const nearHint = 70

// hasBlob reports whether a text has a run without blanks that is too long for a word.
func hasBlob(text string) bool {
	start, _, ok := check.NextRun(text, 0, &solid, minBlob)
	return ok && !strings.Contains(text[start:start+minBlob], "://")
}

// solid has the printable bytes of ASCII.
var solid = func() (t [256]bool) {
	for c := '!'; c < 0x7f; c++ {
		t[c] = true
	}
	return t
}()

const minBlob = 32

// hostName reports whether text is the name of a host with more labels than hosts have, or the address of one.
func hostName(text string) bool {
	_, rest, url := strings.Cut(text, "://")
	if !url {
		rest = text
	}
	host, _, _ := strings.Cut(rest, "/")
	if strings.Count(host, ".") < 2 || len(host) < 48 {
		return false
	}
	for i := range len(host) {
		if c := host[i]; c != '.' && c != '-' && c != '_' && !isLetter(c) && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

const minClosed = 3 // words

// closed reports several words whose letters stood apart, if what is around them wants something.
func closed(e *check.Event, i, v int, text string) {
	var first, last, count int
	for _, r := range e.Segments[i].Views[v].Map {
		if r.Count == 1 && r.ViewUnit >= 4 && r.RawUnit > r.ViewUnit {
			if count++; count == 1 {
				first = r.ViewStart
			}
			last = r.ViewEnd()
		}
	}
	if count >= minClosed && gist.Of(text[max(0, first-maxAfter/8):min(len(text), last+maxAfter/8)]).Score() >= needLetters {
		report(e, hiddenOrder, "B6", 0, models.Span{Segment: i, View: v, Start: first, End: last})
	}
}

// unrendered reports orders in the regions of a text that are not shown.
func unrendered(e *check.Event, i, v int, text string) {
	if !strings.ContainsAny(text, "<[{") && !strings.HasPrefix(text, "---\n") {
		return
	}
	if strings.Contains(text, "<svg") {
		script(e, i, v, text)
	}
	for _, r := range Regions(text) {
		if e.Event.Kind == models.KindToolCall && r.Way != Custom && hiddenData(text[r.Start:r.End]) {
			e.Report(hiddenRecord, nil, models.Span{Segment: i, View: v, Start: r.Start, End: r.End})
			continue
		}
		least := needRegion[r.Way]
		if r.Way != Styled {
			least = need(e, least)
		}
		if inside := text[r.Start:r.End]; r.Way == Styled && e.Event.Kind.Definition() || gist.Of(inside).Has(forMachines) {
			judge(e, hiddenOrder, "B4", least, models.Span{Segment: i, View: v, Start: r.Start, End: r.End}, inside)
		}
	}
}

// script reports vector images that do more than draw: a handler that runs by itself and reaches for cookies or the network.
func script(e *check.Event, i, v int, text string) {
	for _, handler := range []string{"onload=", "onerror=", "onbegin=", "<script", "javascript:"} {
		at := strings.Index(text, handler)
		if at < 0 {
			continue
		}
		for _, reach := range []string{"fetch(", "cookie", "localStorage", "XMLHttp", "sendBeacon", "eval(", "import(", "location=", "location.href", ".src="} {
			if strings.Contains(text[at:], reach) {
				e.Report(imageScript, nil, models.Span{Segment: i, View: v, Start: at, End: len(text)})
				return
			}
		}
	}
}

// remarks reports comments in code and configuration that give orders to a model.
func remarks(e *check.Event, i int, text string) {
	if e.Event.Kind.Definition() || e.Event.Kind == models.KindUserPrompt {
		return
	}
	for at := 0; at < len(text); {
		end := at + strings.IndexByte(text[at:]+"\n", '\n')
		line := strings.TrimLeft(text[at:end], " \t")
		for _, sign := range []string{"# ", "// ", "-- ", "; ", "% ", "REM ", "/* ", "* "} {
			if remark, ok := strings.CutPrefix(line, sign); ok && len(remark) >= minText {
				if g := gist.Of(remark); g.Has(gist.Addressee) && g.Has(gist.Private) && g.Has(gist.Act) && g.Has(gist.You|gist.Covert|gist.Override|gist.Address|gist.Duty) && g.Score() > needRegion[Custom] {
					report(e, hiddenOrder, "B4", 0, models.Span{Segment: i, Start: end - len(remark), End: end})
					return
				}
			}
		}
		at = end + 1
	}
}

// harm are the signs of which an order has one that is not about the text itself.
const harm = gist.Private | gist.Covert | gist.Override | gist.Address | gist.Tool

// forMachines are the signs of which a remark that is not for colleagues has one: whom it speaks to, where something is to
// go, what is to be overruled.
const forMachines = gist.Addressee | gist.Tool | gist.Address | gist.Override | gist.Spoken

// hiddenData reports whether a comment is a record rather than a remark: fields with values, an address among them.
func hiddenData(comment string) bool {
	return strings.Count(comment, "=")+strings.Count(comment, ": ") >= 3 && strings.Count(comment, ";")+strings.Count(comment, "\n")+strings.Count(comment, ", ") >= 2 &&
		gist.Of(comment).Has(gist.Address)
}

// need is the score that it takes; a definition, which people approve, may hide less.
func need(e *check.Event, score int) int {
	if e.Event.Kind.Definition() {
		return score - 1
	}
	return score
}

// judge reports a hidden text if it is an order.
func judge(e *check.Event, r *check.Rule, class models.Class, least int, span models.Span, text string) {
	if len(text) < minText {
		return
	}
	g := gist.Of(text)
	if (class == "B4" || span.View > 0 && class != "B6") && !e.Event.Kind.Definition() && !g.Has(harm) {
		g.Signs &^= gist.Spoken // remarks on a page may speak to machines about the page
	}
	if g.Words < 4 || g.Score() < least || !g.Has(gist.Act|gist.Override) || harmless(text) {
		return
	}
	report(e, r, class, g.Score()-least, span)
}

func report(e *check.Event, r *check.Rule, class models.Class, above int, span models.Span) {
	rule := *r
	rule.Class = class
	if m := Message[class]; m != "" && r == hiddenOrder {
		rule.Message = m
	}
	confidence := min(r.Confidence+0.05*float64(above), 0.9)
	severity := r.Severity
	if above >= sure {
		severity = models.SeverityCritical
	}
	e.ReportAs(&rule, severity, confidence, nil, span)
}

// harmless reports comments of kinds that everybody knows.
func harmless(text string) bool {
	head := strings.ToLower(text[:min(len(text), 80)])
	for _, known := range []string{"spdx-", "copyright", "licensed under", "license:", "markdownlint", "eslint", "prettier", "toc ", "generated", "cookie", "describe the bug"} {
		if strings.Contains(head, known) {
			return true
		}
	}
	return false
}
