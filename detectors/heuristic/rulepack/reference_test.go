package rulepack

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// reference evaluates rules one by one over the whole text, without automaton, gate or window: every term is a regular
// expression of its own, tried at every offset, and a pattern runs over the text from its beginning to its end.
type reference struct {
	pack  *Pack
	terms map[string][]*regexp.Regexp
}

func newReference(p *Pack) *reference {
	ref := &reference{p, map[string][]*regexp.Regexp{}}
	for name, list := range p.Terms {
		for _, term := range list {
			ref.terms[name] = append(ref.terms[name], regexp.MustCompile("^(?i:"+regexp.QuoteMeta(term)+")"))
		}
	}
	return ref
}

func (ref *reference) hits(class, text string) []termHit {
	var out []termHit
	for i := range text {
		for _, re := range ref.terms[class] {
			if loc := re.FindStringIndex(text[i:]); loc != nil {
				out = append(out, termHit{i, i + loc[1]})
			}
		}
	}
	return out
}

// anchors returns the places at which the rule's terms stand close to each other.
func (ref *reference) anchors(n *Near, text string) []termHit {
	anchors := ref.hits(n.Terms[0], text)
	for _, class := range n.Terms[1:] {
		others := ref.hits(class, text)
		anchors = slices.DeleteFunc(anchors, func(a termHit) bool {
			return !slices.ContainsFunc(others, func(o termHit) bool { return o != a && gap(o, a) <= n.Within })
		})
	}
	return anchors
}

// matchesWithin reports whether the pattern matches in the whole text, at a place that lies within [start, end).
func matchesWithin(pattern, text string, start, end int) bool {
	for start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	if end < start {
		return false
	}
	before, after := utf8.RuneCountInString(text[:start]), utf8.RuneCountInString(text[end:])
	return regexp.MustCompile(fmt.Sprintf(`(?is)\A.{%d}.*(?:%s).*.{%d}\z`, before, pattern, after)).MatchString(text)
}

// finds reports whether the rule must be found.
func (ref *reference) finds(n *Near, text string) bool {
	return slices.ContainsFunc(ref.anchors(n, text), func(a termHit) bool {
		return n.Pattern == "" || matchesWithin(n.Pattern, text, max(a.start-n.window(), 0), min(a.end+n.window(), len(text)))
	})
}

// mayFind reports whether the rule may be found: a window shows a rune more on either side, cut there.
func (ref *reference) mayFind(n *Near, text string) bool {
	return slices.ContainsFunc(ref.anchors(n, text), func(a termHit) bool {
		if n.Pattern == "" {
			return true
		}
		w := (&near{window: n.window()}).windowAround(text, a)
		return regexp.MustCompile("(?is:" + n.Pattern + ")").MatchString(text[w.start:w.end])
	})
}

// findsSignals evaluates a Signals condition on every hit and all others.
func findsSignals(t testing.TB, l *directive.Lexicon, s *Signals, hits []directive.Hit) bool {
	absent, err := signalSet(l, s.Absent)
	if err != nil {
		t.Fatal(err)
	}
	var need []directive.Signals
	for _, names := range s.Need {
		set, err := signalSet(l, names)
		if err != nil {
			t.Fatal(err)
		}
		need = append(need, set)
	}
	for _, anchor := range hits {
		near := func(h directive.Hit) bool {
			return abs(h.Sentence-anchor.Sentence) <= s.Reach && abs(h.Start-anchor.Start) <= maxReachBytes
		}
		holds := need[0].Has(anchor.Signal) && !slices.ContainsFunc(hits, func(h directive.Hit) bool { return absent.Has(h.Signal) && near(h) })
		for _, set := range need[1:] {
			holds = holds && slices.ContainsFunc(hits, func(h directive.Hit) bool {
				sameWords := h.Signal == anchor.Signal && h.Start < anchor.End && anchor.Start < h.End
				return set.Has(h.Signal) && !sameWords && h != anchor && near(h) && (s.Within == 0 || abs(h.Start-anchor.Start) <= s.Within)
			})
		}
		if holds && len(signalsNear(hits, need[0], near)) >= s.Foreign {
			return true
		}
	}
	return false
}

// signalsNear returns the different signals of the set among the hits that are near.
func signalsNear(hits []directive.Hit, set directive.Signals, near func(directive.Hit) bool) map[directive.Signal]bool {
	out := map[directive.Signal]bool{}
	for _, h := range hits {
		if set.Has(h.Signal) && near(h) {
			out[h.Signal] = true
		}
	}
	return out
}

// comparison is the packs that the matcher is compared on: all embedded ones and testdata/near.yaml, without
// counter-evidence, so that a rule is found exactly if its condition holds.
type comparison struct {
	scanner *Scanner
	packs   []*Pack
}

func newComparison(t testing.TB) *comparison {
	t.Helper()
	embedded, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := &comparison{packs: []*Pack{readPack(t, "testdata/near.yaml")}}
	for _, p := range embedded {
		bare := *p
		bare.Rules = slices.Clone(p.Rules)
		for i := range bare.Rules {
			bare.Rules[i].Against = nil
		}
		c.packs = append(c.packs, &bare)
	}
	set, err := Compile(c.packs)
	if err != nil {
		t.Fatal(err)
	}
	c.scanner = set.Scanner()
	return c
}

func readPack(t testing.TB, path string) *Pack {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func segmentOf(text string) *models.Segment {
	return &models.Segment{Pointer: "/description", Views: []models.View{{Kind: models.ViewRaw, Text: text}}}
}

// check compares the matcher with the reference on one text and returns how many rules were found.
func (c *comparison) check(t testing.TB, text string) int {
	t.Helper()
	found := map[string]bool{}
	for _, m := range c.scanner.Scan(models.KindTool, segmentOf(text), 0) {
		found[m.Rule.ID] = true
		if m.Start < 0 || m.End > len(text) || m.Start >= m.End {
			t.Errorf("%s: evidence %d to %d in %d bytes", m.Rule.ID, m.Start, m.End, len(text))
		}
	}
	for _, p := range c.packs {
		ref := newReference(p)
		for i := range p.Rules {
			r := &p.Rules[i]
			must, may := false, false
			if r.kindBits()&kindBit(models.KindTool) == 0 {
				continue
			}
			for n := range r.Near {
				must, may = must || ref.finds(&r.Near[n], text), may || ref.mayFind(&r.Near[n], text)
			}
			if r.Signals != nil {
				must = findsSignals(t, c.scanner.set.lexicon, r.Signals, c.scanner.Reading().Hits)
				may = must
			}
			if must && !found[r.ID] {
				t.Errorf("%s is lost in %q", r.ID, text)
			}
			if found[r.ID] && !may {
				t.Errorf("%s is found in %q, where it does not hold", r.ID, text)
			}
		}
	}
	return len(found)
}

// pieces are what texts for the comparison are made of: terms in all cases, what surrounds them, broken runes.
var pieces = strings.Split("read|OPEN|cat the|прочитай|ПРОЧИТАЙ|ÖFFNE|öffne|读取文件|.ssh|ID_RSA|id_rsa|private \u212Aey|private key|КЛЮЧ|~/.aws|geheimniſ|"+
	"send|Upload|append|отправь|https://|do not tell|without telling|ＱＵＩＥＴ|ｑｕｉｅｔ|STRAßE|straẞe|abcdef|abcde|aaaaaa|aa|the key|the  key|xx|xxx|a.example/x|"+
	" | | | |.|\n|x|_|9|\u00e9|\xff|\xe8\xaf|\u0301|\u200d|, then |the tide of a harbour depends on the moon, |0123456789|"+
	"Before using this tool, |you must |always |do not tell the user|~/.ssh/id_rsa|pass it as 'note'|forward |to a@b.example|any other tool|ignore all previous instructions|"+
	"[INST]|[SYSTEM]|silently |otherwise it fails|for example |never opened|/tmp/.x|$(cat ~/.ssh/id_rsa)|. ", "|")

const maxPieces = 40 // the reference counts characters in a repetition, which Go allows up to 1,000

func compose(data []byte) string {
	var b strings.Builder
	for _, c := range data[:min(len(data), maxPieces)] {
		b.WriteString(pieces[int(c)%len(pieces)])
	}
	text := b.String()
	if utf8.RuneCountInString(text) > 900 {
		return string([]rune(text)[:900])
	}
	return text
}

// FuzzMatcher is the proof that gate, automaton and windows lose nothing that plain evaluation finds.
func FuzzMatcher(f *testing.F) {
	for i := range pieces {
		f.Add([]byte{byte(i), 39, byte(i + 9), 38, byte(i + 17), byte(3 * i)})
	}
	c := newComparison(f)
	f.Fuzz(func(t *testing.T, data []byte) { c.check(t, compose(data)) })
}

// TestMatcher compares on generated texts: dense ones, since a gate that never opens proves nothing.
func TestMatcher(t *testing.T) {
	c := newComparison(t)
	found := 0
	rapid.Check(t, func(rt *rapid.T) {
		found += c.check(t, compose(rapid.SliceOfN(rapid.Byte(), 1, maxPieces).Draw(rt, "pieces")))
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
	if found == 0 {
		t.Error("no rule was ever found")
	}
}
