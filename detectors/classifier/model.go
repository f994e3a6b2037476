package classifier

import "math"

const (
	// pad keeps short windows, of which little is known, from weighing much.
	pad = 8
	// scale makes weights learn faster than the bias.
	scale = 1.4
	// placeWeight is the value of a window's place beside its words.
	placeWeight = 0.3
	// floor is the score of a window that is not worth a look.
	floor = -6
	// lengthWeight is the value of a window's length beside its words; lengths are told apart in steps of lengthStep words.
	lengthWeight = 0.3
	lengthStep   = 4
	lengths      = maxWindow/lengthStep + 1
	// second is what the second highest window of an event adds to the highest.
	second = 0.15
	// crowd is how many windows count for the share of each.
	crowd = 5
)

// Tiers are the scores from which an event is noted, flagged, blocked.
type Tiers struct {
	Noted   float32 `json:"noted"`
	Flagged float32 `json:"flagged"`
	Blocked float32 `json:"blocked"`
}

// layer is a linear model over the features of a window. Weights are the table's numbers times the scale.
type layer struct {
	Bias   float32         `json:"bias"`
	Places [places]float32 `json:"places"`
	// Lengths has a weight for each length: a short heading or a long list is seldom an order.
	Lengths [lengths]float32 `json:"lengths"`
	Scale   float32          `json:"scale"`
	Signals float32          `json:"signals,omitempty"` // the scale of signals; 0 for a layer that does not read them
	words   []int8
	signals []int8
}

// head is a quick layer, which reads words alone, and a full one for the windows that it lets through.
type head struct {
	Tiers
	Gate  float32 `json:"gate"`
	Quick layer   `json:"quick"`
	Full  layer   `json:"full"`
}

// Model is what training makes. It is safe for concurrent use.
type Model struct {
	header Header
	heads  [heads]head
	digest string
}

// roots has 1/sqrt(n+pad), as far as windows have features.
var roots = func() (table [3*maxWindow + 1]float32) {
	for n := range table {
		table[n] = root(n)
	}
	return table
}()

func root(n int) float32 { return float32(scale / math.Sqrt(float64(n+pad))) }

// quick is the score of a window by its words.
func (l *layer) quick(w *window) float32 {
	var sum int32
	var before, earlier uint32
	const shift = 32 - wordBits
	table := l.words
	for i := range w.tokens {
		h := w.tokens[i].hash
		sum += int32(table[single(h)>>shift])
		if i > 0 {
			sum += int32(table[pair(before, h)>>shift])
		}
		if i > 1 {
			sum += int32(table[skip(earlier, h)>>shift])
		}
		earlier, before = before, h
	}
	return l.frame(w.place, len(w.tokens)) + float32(l.Scale*float32(sum)*roots[features(len(w.tokens))])
}

// frame is what a window scores whatever its words are.
func (l *layer) frame(place uint8, words int) float32 {
	return l.Bias + float32(placeWeight*l.Places[place]) + float32(lengthWeight*l.Lengths[lengthOf(words)])
}

// lengthOf is the entry of a layer's Lengths for a window of so many words.
func lengthOf(words int) int { return min(words/lengthStep, lengths-1) }

// features is how many features so many words have.
func features(words int) int { return max(3*words-3, words) }

// wordsOf is how many words have so many features.
func wordsOf(features int) int { return (features + 3) / 3 }

// score is the score of a window by its words and signals.
func (l *layer) score(w *window) float32 {
	score := l.quick(w)
	if l.Signals == 0 || len(w.signals) == 0 {
		return score
	}
	var sum int32
	for _, f := range w.signals {
		sum += int32(l.signals[f>>(32-signalBits)])
	}
	return score + float32(l.Signals*float32(sum)*root(len(w.signals)))
}

// Features are a window as training sees it.
type Features struct {
	Segment, View int
	Start, End    int // bytes of the view's text
	Place         uint8
	Words         []uint32
	Signals       []uint32
}

// scoreOf is what quick and score give for the window that f is of.
func (l *layer) scoreOf(f *Features, full bool) float32 {
	var sum int32
	for _, x := range f.Words {
		sum += int32(l.words[x>>(32-wordBits)])
	}
	score := l.frame(f.Place, wordsOf(len(f.Words))) + float32(l.Scale*float32(sum)*root(len(f.Words)))
	if !full || l.Signals == 0 || len(f.Signals) == 0 {
		return score
	}
	sum = 0
	for _, x := range f.Signals {
		sum += int32(l.signals[x>>(32-signalBits)])
	}
	return score + float32(l.Signals*float32(sum)*root(len(f.Signals)))
}

// peaks are the two highest windows of an event.
type peaks struct {
	best, next  float32
	segment, at int // of the best: its segment and view
	windows     int // of the event
}

func noPeaks() peaks { return peaks{best: floor, next: floor, segment: -1} }

// add tells of a window, and reports whether it is the highest so far. Views of one segment show one text: only one of
// them counts.
func (p *peaks) add(score float32, segment, view int) bool {
	same := segment == p.segment && view != p.at
	switch {
	case score > p.best:
		if !same {
			p.next = p.best
		}
		p.best, p.segment, p.at = score, segment, view
		return true
	case score > p.next && !same:
		p.next = score
	}
	return false
}

// score is the event's: above all that of its highest window. Of many windows one is high by chance, so an event's log-odds are
// shared among them, as far as crowd windows: padding beyond that dilutes nothing.
func (p *peaks) score() float32 {
	return p.best + float32(second*p.next) - crowds[min(p.windows, crowd)]
}

// crowds has the logarithm of each number of windows and one more.
var crowds = func() (table [crowd + 1]float32) {
	for n := range table {
		table[n] = float32(math.Log1p(float64(n)))
	}
	return table
}()

// Score returns the score of an event of which the windows are known, and that of its words alone.
func (m *Model) Score(h Head, windows []Features) (full, quick float32) {
	f, q := noPeaks(), noPeaks()
	f.windows, q.windows = len(windows), len(windows)
	head := &m.heads[h]
	for i := range windows {
		w := &windows[i]
		s := head.Quick.scoreOf(w, false)
		q.add(s, w.Segment, w.View)
		if s >= head.Gate {
			f.add(head.Full.scoreOf(w, true), w.Segment, w.View)
		}
	}
	return f.score(), q.score()
}

// Tiers returns the thresholds of a head.
func (m *Model) Tiers(h Head) Tiers { return m.heads[h].Tiers }

// Header returns what the model was made of.
func (m *Model) Header() Header { return m.header }

// Digest identifies the model's file.
func (m *Model) Digest() string { return m.digest }
