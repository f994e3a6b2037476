// Package train makes the weights of the learned detector of labelled events. It knows no corpus and reads no file.
//
// Each head is a logistic regression over windows, trained on events (multiple-instance learning): of a malicious event
// only the window that scores highest among those with marked words, or among all if none are marked, is taken for
// malicious; of any other event every window that scores at all. So hard negatives are found while training, long
// texts dilute nothing, and the window that decides is the evidence. The step size is AdaGrad's. The same rows and
// options give the same weights, byte for byte, on one architecture.
package train

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Span is a stretch of one string of the body that makes the event malicious.
type Span struct {
	Pointer    string
	Key        bool
	Start, End int
}

// Example is an event of which it is known whether it is malicious.
type Example struct {
	Event     models.Event
	Malicious bool
	Spans     []Span // optional: what makes it malicious
}

// Row is an example taken apart.
type Row struct {
	Head      classifier.Head
	Malicious bool
	// Weight is how much the row counts beside others. 0 means 1.
	Weight  float32
	windows []classifier.Features
	marked  []bool // by window; nil if nothing is marked
}

// Preparer makes rows of examples.
type Preparer struct{ extractor *classifier.Extractor }

// NewPreparer returns a preparer. It belongs to one goroutine.
func NewPreparer() (*Preparer, error) {
	x, err := classifier.NewExtractor()
	if err != nil {
		return nil, fmt.Errorf("reading the lexicon: %w", err)
	}
	return &Preparer{x}, nil
}

// Row takes an example apart.
func (p *Preparer) Row(e *Example) (*Row, error) {
	doc, err := view.Build(e.Event.Body)
	if err != nil {
		return nil, fmt.Errorf("taking an event apart: %w", err)
	}
	r := &Row{Head: classifier.HeadOf(e.Event.Kind), Malicious: e.Malicious}
	r.windows = p.extractor.Windows(&detectors.Input{Event: &e.Event, Segments: doc.Segments})
	if !e.Malicious || len(e.Spans) == 0 {
		return r, nil
	}
	marked, any := make([]bool, len(r.windows)), false
	for i := range r.windows {
		w := &r.windows[i]
		s := &doc.Segments[w.Segment]
		for _, span := range e.Spans {
			// A view other than the raw one shows what was hidden: all of it counts.
			if s.Pointer == span.Pointer && s.Key == span.Key && (w.View > 0 || span.Start < w.End && span.End > w.Start) {
				marked[i], any = true, true
			}
		}
	}
	if any {
		r.marked = marked
	}
	return r, nil
}

// Options are the settings of training. The zero value stands for [Defaults].
type Options struct {
	Seed   uint64
	Epochs int
	// Rounds is how many times a layer is trained; their mean is taken.
	Rounds int
	// Rate is AdaGrad's step, Decay what is left of it after an epoch.
	Rate, Decay float32
	// Malicious weighs malicious rows, Foreign those of kinds that another head judges.
	Malicious, Foreign float32
	// Requests weighs harmless prompts of users as examples of what results must not say.
	Requests float32
	// Dropped is the share of a malicious window's words that is left out at each look, as if it had been said in
	// other words.
	Dropped float32
	// WithoutSignals trains the full layer without what directive analysis finds.
	WithoutSignals bool
}

// Defaults returns the settings that the shipped weights are trained with.
func Defaults() Options {
	return Options{Seed: 1, Epochs: 6, Rounds: 3, Rate: 0.35, Decay: 0.85, Malicious: 1, Foreign: 0.1, Requests: 0.2}
}

// negligible is the probability below which a window of a harmless event teaches nothing.
const negligible = 0.05

// learner is a layer that learns.
type learner struct {
	classifier.Trained
	opts              *Options
	random            *rand.Rand
	rate              float32
	biasSeen          float32
	placesSeen        [classifier.Places]float32
	lengthsSeen       [classifier.Lengths]float32
	wordsSeen, sigSen []float32
	scores            []float32
	kept              []uint32
}

func newLearner(opts *Options, signals bool, salt uint64) *learner {
	l := &learner{opts: opts, random: rand.New(rand.NewPCG(opts.Seed, salt)), rate: opts.Rate, biasSeen: 1}
	l.Bias = -2
	l.Words, l.wordsSeen = make([]float32, classifier.Words), filled(classifier.Words)
	if signals {
		l.Signals, l.sigSen = make([]float32, classifier.Signals), filled(classifier.Signals)
	}
	for _, seen := range [][]float32{l.placesSeen[:], l.lengthsSeen[:]} {
		for i := range seen {
			seen[i] = 0.01
		}
	}
	return l
}

func filled(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 0.01
	}
	return out
}

func (l *learner) score(w *classifier.Features, words []uint32) float32 {
	var sum float32
	for _, f := range words {
		sum += l.Words[f>>classifier.WordShift]
	}
	score := l.Bias + float32(classifier.PlaceWeight*l.Places[w.Place]) + float32(classifier.LengthWeight*l.Lengths[classifier.LengthOf(len(w.Words))]) +
		float32(sum*classifier.Root(len(w.Words)))
	if l.Signals == nil || len(w.Signals) == 0 {
		return score
	}
	sum = 0
	for _, f := range w.Signals {
		sum += l.Signals[f>>classifier.SignalShift]
	}
	return score + float32(sum*classifier.Root(len(w.Signals)))
}

func logistic(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

// step moves one weight against its gradient.
func step(weight, seen *float32, rate, gradient float32) {
	*seen += float32(gradient * gradient)
	*weight -= float32(rate*gradient) / float32(math.Sqrt(float64(*seen)))
}

// learn moves the weights of a window's features.
func (l *learner) learn(w *classifier.Features, words []uint32, gradient float32) {
	step(&l.Bias, &l.biasSeen, 0.3*l.rate, gradient)
	step(&l.Places[w.Place], &l.placesSeen[w.Place], l.rate, gradient*classifier.PlaceWeight)
	length := classifier.LengthOf(len(w.Words))
	step(&l.Lengths[length], &l.lengthsSeen[length], l.rate, gradient*classifier.LengthWeight)
	g := gradient * classifier.Root(len(w.Words))
	for _, f := range words {
		f >>= classifier.WordShift
		step(&l.Words[f], &l.wordsSeen[f], l.rate, g)
	}
	if l.Signals == nil {
		return
	}
	g = gradient * classifier.Root(len(w.Signals))
	for _, f := range w.Signals {
		f >>= classifier.SignalShift
		step(&l.Signals[f], &l.sigSen[f], l.rate, g)
	}
}

// row learns one row.
func (l *learner) row(r *Row, weight float32) {
	if len(r.windows) == 0 {
		return
	}
	l.scores = l.scores[:0]
	best := -1
	for i := range r.windows {
		s := l.score(&r.windows[i], r.windows[i].Words)
		l.scores = append(l.scores, s)
		if (r.marked == nil || r.marked[i]) && (best < 0 || s > l.scores[best]) {
			best = i
		}
	}
	if r.Malicious {
		l.malicious(r, best, weight*l.opts.Malicious)
		return
	}
	for i, s := range l.scores {
		p := logistic(s)
		switch {
		case i == best:
			l.learn(&r.windows[i], r.windows[i].Words, p*weight)
		case p >= negligible:
			l.learn(&r.windows[i], r.windows[i].Words, 0.5*p*weight)
		}
	}
}

// besides is the weight of marked windows beside the highest one.
const besides = 0.1

func (l *learner) malicious(r *Row, best int, weight float32) {
	for i, s := range l.scores {
		w := &r.windows[i]
		switch {
		case i == best:
			words := l.drop(w.Words)
			if len(words) < len(w.Words) {
				s = l.score(w, words)
			}
			l.learn(w, words, (logistic(s)-1)*weight)
		case r.marked != nil && r.marked[i]:
			l.learn(w, w.Words, (logistic(s)-1)*weight*besides)
		}
	}
}

func (l *learner) drop(words []uint32) []uint32 {
	if l.opts.Dropped == 0 {
		return words
	}
	l.kept = l.kept[:0]
	for _, f := range words {
		if l.random.Float32() >= l.opts.Dropped {
			l.kept = append(l.kept, f)
		}
	}
	return l.kept
}

// fit trains one layer of a head several times, each in another order, and returns the mean: of linear models the mean
// of the weights has the mean of the scores, and chance weighs less in it.
func fit(rows []*Row, h classifier.Head, opts *Options, signals bool, salt uint64) *classifier.Trained {
	mean := fitOnce(rows, h, opts, signals, salt)
	for i := 1; i < opts.Rounds; i++ {
		next := fitOnce(rows, h, opts, signals, salt|uint64(i)<<32)
		mean.Bias += next.Bias
		add(mean.Places[:], next.Places[:])
		add(mean.Lengths[:], next.Lengths[:])
		add(mean.Words, next.Words)
		add(mean.Signals, next.Signals)
	}
	share := 1 / float32(max(opts.Rounds, 1))
	mean.Bias *= share
	for _, list := range [][]float32{mean.Places[:], mean.Lengths[:], mean.Words, mean.Signals} {
		for i := range list {
			list[i] *= share
		}
	}
	return mean
}

func add(to, from []float32) {
	for i, x := range from {
		to[i] += x
	}
}

func fitOnce(rows []*Row, h classifier.Head, opts *Options, signals bool, salt uint64) *classifier.Trained {
	l := newLearner(opts, signals, salt)
	order := make([]*Row, len(rows))
	copy(order, rows)
	for range opts.Epochs {
		l.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, r := range order {
			if seen, weight := lesson(r, h, opts); weight > 0 {
				l.row(seen, weight*cmp.Or(r.Weight, 1))
			}
		}
		l.rate *= opts.Decay
	}
	return &l.Trained
}

// lesson is what a row teaches the head h. What a user may ask for is what data must not ask for: to the head of results, a
// harmless request of a user is an example of an attack.
func lesson(r *Row, h classifier.Head, opts *Options) (*Row, float32) {
	switch {
	case r.Head == h:
		return r, 1
	case h != classifier.Results || r.Malicious:
		return r, opts.Foreign
	case r.Head == classifier.Prompts:
		return &Row{Head: h, Malicious: true, windows: r.windows}, opts.Requests
	}
	return r, opts.Foreign * foreignToResults
}

// foreignToResults is what is left of a harmless definition's weight for results: definitions are worded as orders.
const foreignToResults = 0.3

// passing is the share of harmless windows that the quick layer lets through to the full one.
const passing = 0.3

// Head trains the head h on rows, those of other kinds included, and sets its gate by held, which it does not learn.
func Head(h classifier.Head, rows, held []*Row, opts *Options) *classifier.Assembled {
	a := &classifier.Assembled{
		Quick: *fit(rows, h, opts, false, uint64(2*h)),
		Full:  *fit(rows, h, opts, !opts.WithoutSignals, uint64(2*h+1)),
	}
	l := learner{Trained: a.Quick}
	var scores []float32
	for _, r := range held {
		if r.Head == h && !r.Malicious {
			for i := range r.windows {
				scores = append(scores, l.score(&r.windows[i], r.windows[i].Words))
			}
		}
	}
	a.Gate = Quantile(scores, passing)
	return a
}

// Score is the row's score, and that of its words alone.
func (r *Row) Score(m *classifier.Model) (full, quick float32) { return m.Score(r.Head, r.windows) }
