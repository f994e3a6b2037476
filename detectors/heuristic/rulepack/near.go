package rulepack

import (
	"sort"
	"unicode/utf8"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// near tries the places of the rule's anchors and returns the one with the highest confidence.
func (sc *Scanner) near(r *rule, text string) (best Match, ok bool) {
	for _, n := range r.nears {
		if m := sc.bestPlace(r, n, text); m.Confidence > best.Confidence {
			best = m
		}
	}
	if best.Confidence < minConfidence {
		return Match{}, false
	}
	sc.gather(text, &best)
	return best, true
}

// bestPlace is the best place of one condition, with confidence 0 if there is none.
func (sc *Scanner) bestPlace(r *rule, n *near, text string) (best Match) {
	for _, class := range n.classes {
		if len(sc.terms[class]) == 0 {
			return Match{}
		}
	}
	found := 0
	var searched span // where the pattern was last looked for in vain
	for i, anchor := range sc.terms[n.classes[0]] {
		if !sc.gathered(n, anchor) || n.pattern.re != nil && !sc.foundAround(n, text, anchor, &searched) {
			continue
		}
		m := Match{near: n, anchor: i}
		sc.weighNear(r, &m, nil)
		if m.Confidence > best.Confidence {
			best = m
		}
		if found++; found == maxPlaces {
			break
		}
	}
	return best
}

// gathered reports whether a term of every other class stands close enough to the anchor.
func (sc *Scanner) gathered(n *near, anchor termHit) bool {
	for _, class := range n.classes[1:] {
		if _, ok := closeTo(sc.terms[class], anchor, n.Within, false); !ok {
			return false
		}
	}
	return true
}

// closeTo returns a hit with at most within bytes between it and the anchor: any such hit, or the nearest.
func closeTo(hits []termHit, anchor termHit, within int, nearest bool) (best termHit, ok bool) {
	first := sort.Search(len(hits), func(i int) bool { return hits[i].end >= anchor.start-within })
	for _, h := range hits[first:] {
		if h.end > anchor.end+within+maxHitBytes {
			break
		}
		if h == anchor || gap(h, anchor) > within || ok && gap(h, anchor) >= gap(best, anchor) {
			continue
		}
		if best, ok = h, true; !nearest {
			break
		}
	}
	return best, ok
}

// maxHitBytes is the longest stretch that a term can match: a letter can be longer in the other case.
const maxHitBytes = MaxTermBytes * utf8.UTFMax

// gap is how many bytes lie between two hits, 0 if they overlap.
func gap(a, b termHit) int { return max(a.start-b.end, b.start-a.end, 0) }

type span struct{ start, end int }

// windowAround is what the pattern may see: the condition's window, and a rune more on either side so that it knows
// where words end.
func (n *near) windowAround(text string, anchor termHit) span {
	w := span{max(anchor.start-n.window, 0), min(anchor.end+n.window, len(text))}
	w.start = runeStart(text, w.start)
	if w.start > 0 {
		_, size := utf8.DecodeLastRuneInString(text[:w.start])
		w.start -= size
	}
	w.end = runeEnd(text, w.end)
	if w.end < len(text) {
		_, size := utf8.DecodeRuneInString(text[w.end:])
		w.end += size
	}
	return w
}

// runeStart moves i back to the beginning of a rune.
func runeStart(text string, i int) int {
	for n := 0; i > 0 && i < len(text) && n < utf8.UTFMax-1 && !utf8.RuneStart(text[i]); n++ {
		i--
	}
	return i
}

// runeEnd moves i forward to the beginning of a rune.
func runeEnd(text string, i int) int {
	for n := 0; i < len(text) && n < utf8.UTFMax-1 && !utf8.RuneStart(text[i]); n++ {
		i++
	}
	return i
}

// foundAround looks for the pattern around the anchor. What an earlier window covered in vain is not searched again, save
// the tail in which a match that leads out of it can begin.
func (sc *Scanner) foundAround(n *near, text string, anchor termHit, searched *span) bool {
	w := n.windowAround(text, anchor)
	from := w.start
	if w.start >= searched.start && searched.end > 0 {
		if w.end <= searched.end {
			return false
		}
		from = max(from, runeStart(text, max(searched.end-n.pattern.longest-2*utf8.UTFMax, 0)))
	}
	if sc.found(n, text[from:w.end]) {
		return true
	}
	*searched = w
	return false
}

// found reports whether the condition's pattern matches somewhere in a window.
func (sc *Scanner) found(n *near, window string) bool {
	if n.pattern.machine == nil {
		return n.pattern.re.MatchString(window)
	}
	s := sc.searches[n.number]
	if s == nil {
		if len(sc.searches) == maxSearches {
			clear(sc.searches)
		}
		s = newSearch(n.pattern.machine)
		sc.searches[n.number] = s
	}
	found, ok := s.matches(window)
	if !ok {
		return n.pattern.re.MatchString(window)
	}
	return found
}

// gather sets the match's evidence, and returns what it consists of.
func (sc *Scanner) gather(text string, m *Match) (parts []Part) {
	n := m.near
	anchor := sc.terms[n.classes[0]][m.anchor]
	m.Start, m.End = anchor.start, anchor.end
	parts = append(parts, Part{n.Terms[0], anchor.start, anchor.end})
	for c, class := range n.classes[1:] {
		h, _ := closeTo(sc.terms[class], anchor, n.Within, true)
		parts = append(parts, Part{n.Terms[c+1], h.start, h.end})
	}
	if n.pattern.re != nil {
		w := n.windowAround(text, anchor)
		if loc := n.pattern.re.FindStringIndex(text[w.start:w.end]); loc != nil {
			parts = append(parts, Part{"pattern", w.start + loc[0], w.start + loc[1]})
		}
	}
	for _, p := range parts {
		m.Start, m.End = min(m.Start, p.Start), max(m.End, p.End)
	}
	return parts
}

// weighNear sets the match's confidence.
func (sc *Scanner) weighNear(r *rule, m *Match, steps *[]Step) {
	anchor := sc.terms[m.near.classes[0]][m.anchor]
	sentence := sc.reading.Sentence(anchor.start)
	hits := sc.sentenceHits(sentence)
	var around directive.Signals
	for _, h := range hits {
		if abs(h.Start-anchor.start) <= maxReachBytes {
			around.Add(h.Signal)
		}
	}
	sc.weigh(m, r, around, directive.Signals{}, hits, directive.Hit{Start: anchor.start, End: anchor.end, Sentence: sentence}, steps)
}

// sentenceHits returns the signals of one sentence. Hits ascend by their start, and so by their sentence.
func (sc *Scanner) sentenceHits(sentence int) []directive.Hit {
	hits := sc.reading.Hits
	from := sort.Search(len(hits), func(i int) bool { return hits[i].Sentence >= sentence })
	to := sort.Search(len(hits), func(i int) bool { return hits[i].Sentence > sentence })
	return hits[from:max(from, to)]
}
