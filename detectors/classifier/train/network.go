package train

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/aad6b6dc/taster/detectors/classifier"
)

// How the network is trained: with Adam, in batches, at a rate that rises and falls.
const (
	netBatch = 128
	netRate  = 4e-3
	netRise  = 0.3 // share of the steps at which the rate is highest
	netDecay = 2e-5
	// netWindows is how many windows of a row are looked at.
	netWindows = 24
)

// Shares, of 256, of what is left out at each look: numbers of words and of the hidden layer, words, signals.
const (
	netDropped = 77
	netUnsaid  = 32
)

// excerpt is what the network learns of a row.
type excerpt struct {
	head      classifier.Head
	malicious bool
	weight    float32
	windows   []*classifier.Features
}

// Network trains the network on rows of all heads, of which parts has the linear layers.
func Network(rows []*Row, parts map[classifier.Head]*classifier.Assembled, opts *Options) *classifier.Network {
	var lessons []excerpt
	for _, r := range rows {
		if part := parts[r.Head]; part != nil {
			if e := r.excerpt(part); len(e.windows) > 0 {
				lessons = append(lessons, e)
			}
		}
	}
	t := newTrainee(opts.Seed)
	steps := opts.Epochs * ((len(lessons) + netBatch - 1) / netBatch)
	for range opts.Epochs {
		t.random.Shuffle(len(lessons), func(i, j int) { lessons[i], lessons[j] = lessons[j], lessons[i] })
		for batch := range slices.Chunk(lessons, netBatch) {
			for i := range batch {
				t.learn(&batch[i])
			}
			t.step(rateAt(float64(t.steps) / float64(max(steps-1, 1))))
		}
	}
	t.net.Prepare()
	return t.net
}

// excerpt returns the windows that the full layer scores highest, of those that the quick one lets through; of a row with marked
// windows, only such ones.
func (r *Row) excerpt(part *classifier.Assembled) excerpt {
	type scored struct {
		window *classifier.Features
		score  float32
	}
	quick, full := learner{Trained: part.Quick}, learner{Trained: part.Full}
	var kept []scored
	for i := range r.windows {
		w := &r.windows[i]
		if (r.marked == nil || r.marked[i]) && quick.score(w, w.Words) >= part.Gate {
			kept = append(kept, scored{w, full.score(w, w.Words)})
		}
	}
	slices.SortStableFunc(kept, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	e := excerpt{head: r.Head, malicious: r.Malicious, weight: cmp.Or(r.Weight, 1)}
	for _, k := range kept[:min(len(kept), netWindows)] {
		e.windows = append(e.windows, k.window)
	}
	return e
}

// rateAt is the step size after a share of all steps: it rises and falls like a cosine.
func rateAt(share float64) float32 {
	if share < netRise {
		return netRate * float32(between(0.04, 1, share/netRise))
	}
	return netRate * float32(between(1, 0, (share-netRise)/(1-netRise)))
}

func between(from, to, share float64) float64 {
	return to + (from-to)*(1+math.Cos(math.Pi*share))/2
}

// trainee is a network that learns.
type trainee struct {
	net, gradient *classifier.Network
	first, second []float32 // Adam's moments
	random        *rand.Rand
	steps         int
	look, best    *look
	drops         bool // whether words, signals and numbers are left out
}

func newTrainee(seed uint64) *trainee {
	t := &trainee{net: classifier.NewNetwork(), gradient: classifier.NewNetwork(), random: rand.New(rand.NewPCG(seed, 1<<16)), look: &look{}, best: &look{}, drops: true}
	t.first, t.second = make([]float32, len(t.net.Weights)), make([]float32, len(t.net.Weights))
	for _, table := range []struct {
		weights []float32
		spread  float64
	}{{t.net.Stem, 0.1}, {t.net.Name, 0.05}, {t.net.Place, 0.05}} {
		for i := range table.weights {
			table.weights[i] = float32(table.spread * t.random.NormFloat64())
		}
	}
	for _, table := range []struct {
		weights []float32
		inputs  float64
	}{{t.net.Tap, classifier.Reach * classifier.Embedded}, {t.net.Layer, 2 * classifier.Channels}, {t.net.Out, classifier.Hidden}} {
		for i := range table.weights {
			table.weights[i] = float32((2*t.random.Float64() - 1) / math.Sqrt(table.inputs))
		}
	}
	return t
}

// learn adds what a row teaches to the gradient: its highest window is taken for the row.
func (t *trainee) learn(e *excerpt) {
	for i, w := range e.windows {
		t.look.begin(t, e.head, w)
		t.look.forward(t.net)
		if i == 0 || t.look.says > t.best.says {
			t.look, t.best = t.best, t.look
		}
	}
	excess := logistic(t.best.says)
	if e.malicious {
		excess--
	}
	t.best.backward(t.net, t.gradient, excess*e.weight/netBatch)
}

const (
	adamFirst, adamSecond = 0.9, 0.999
	adamFloor             = 1e-8
)

// step moves the weights by Adam's rule, and begins the next gradient.
func (t *trainee) step(rate float32) {
	t.steps++
	first := float32(1 / (1 - math.Pow(adamFirst, float64(t.steps))))
	second := float32(1 / (1 - math.Pow(adamSecond, float64(t.steps))))
	weights := t.net.Weights
	for i, g := range t.gradient.Weights {
		g += float32(netDecay * weights[i])
		t.first[i] += float32((1 - adamFirst) * (g - t.first[i]))
		t.second[i] += float32((1 - adamSecond) * (float32(g*g) - t.second[i]))
		weights[i] -= float32(rate*first*t.first[i]) / (float32(math.Sqrt(float64(second*t.second[i]))) + adamFloor)
	}
	clear(t.gradient.Weights)
}

// look is one window on its way through the network, with what the way back needs.
type look struct {
	place        int
	stems, names []uint16
	embedded     [][classifier.Embedded]float32 // with a row of zeros on either side
	kept         [][classifier.Embedded]float32 // what each number was multiplied with
	at           [classifier.Channels]int       // the position of each channel's highest value
	input        [2 * classifier.Channels]float32
	hidden       [classifier.Hidden]float32
	keptHidden   [classifier.Hidden]float32
	says         float32
}

// begin takes what is not left out of a window.
func (l *look) begin(t *trainee, h classifier.Head, w *classifier.Features) {
	l.place = classifier.PlaceEntry(h, w.Place)
	l.stems, l.names = append(l.stems[:0], w.Stems...), append(l.names[:0], w.Names...)
	l.kept = slices.Grow(l.kept[:0], len(w.Stems))[:len(w.Stems)]
	if !t.drops {
		for i := range l.kept {
			keepAll(l.kept[i][:])
		}
		keepAll(l.keptHidden[:])
		return
	}
	for i := range l.stems {
		if t.chance(netUnsaid) {
			l.stems[i] = 0
		}
		t.keepSome(l.kept[i][:])
	}
	l.names = slices.DeleteFunc(l.names, func(uint16) bool { return t.chance(netUnsaid) })
	t.keepSome(l.keptHidden[:])
}

// chance is true in so many of 256 cases.
func (t *trainee) chance(of256 uint32) bool { return t.random.Uint32()>>24 < of256 }

func keepAll(kept []float32) {
	for i := range kept {
		kept[i] = 1
	}
}

// keepSome leaves numbers out, and makes up for it by the others.
func (t *trainee) keepSome(kept []float32) {
	var bits uint64
	for i := range kept {
		if i%8 == 0 {
			bits = t.random.Uint64()
		}
		kept[i] = 0
		if bits&0xff >= netDropped {
			kept[i] = 256. / (256 - netDropped)
		}
		bits >>= 8
	}
}

// forward computes what the network says.
func (l *look) forward(n *classifier.Network) {
	l.embed(n)
	clear(l.input[:])
	for p := range l.stems {
		l.channels(n, p)
	}
	signals := l.input[classifier.Channels:]
	copy(signals, row(n.Place, l.place, classifier.Channels))
	for _, name := range l.names {
		add(signals, row(n.Name, int(name), classifier.Channels))
	}
	for i, x := range signals {
		signals[i] = max(x, 0)
	}
	l.hidden = [classifier.Hidden]float32(row(n.Layer, 2*classifier.Channels, classifier.Hidden))
	for i, x := range l.input {
		for j, weight := range (*[classifier.Hidden]float32)(row(n.Layer, i, classifier.Hidden)) {
			l.hidden[j] += x * weight
		}
	}
	l.says = n.Out[classifier.Hidden]
	for j, x := range l.hidden {
		l.hidden[j] = max(x, 0) * l.keptHidden[j]
		l.says += l.hidden[j] * n.Out[j]
	}
}

func row(table []float32, i, width int) []float32 { return table[i*width:][:width] }

func (l *look) embed(n *classifier.Network) {
	l.embedded = slices.Grow(l.embedded[:0], len(l.stems)+2)[:len(l.stems)+2]
	l.embedded[0], l.embedded[len(l.stems)+1] = [classifier.Embedded]float32{}, [classifier.Embedded]float32{}
	for i, stem := range l.stems {
		for e, x := range row(n.Stem, int(stem), classifier.Embedded) {
			l.embedded[i+1][e] = x * l.kept[i][e]
		}
	}
}

// channels computes the channels at one position, and keeps those that are the highest so far.
func (l *look) channels(n *classifier.Network, p int) {
	sum := [classifier.Channels]float32(row(n.Tap, classifier.Reach*classifier.Embedded, classifier.Channels))
	for tap := range classifier.Reach {
		for e, x := range &l.embedded[p+tap] {
			if x == 0 {
				continue
			}
			for c, weight := range (*[classifier.Channels]float32)(row(n.Tap, tap*classifier.Embedded+e, classifier.Channels)) {
				sum[c] += x * weight
			}
		}
	}
	for c, x := range &sum {
		if x > l.input[c] {
			l.input[c], l.at[c] = x, p
		}
	}
}

// backward adds to the gradient what the weights have to do with an excess of what the network says.
func (l *look) backward(n, gradient *classifier.Network, excess float32) {
	var input [2 * classifier.Channels]float32
	gradient.Out[classifier.Hidden] += excess
	for j, x := range l.hidden {
		if x == 0 {
			continue
		}
		gradient.Out[j] += excess * x
		d := excess * n.Out[j] * l.keptHidden[j]
		gradient.Layer[2*classifier.Channels*classifier.Hidden+j] += d
		for i, x := range l.input {
			gradient.Layer[i*classifier.Hidden+j] += d * x
			input[i] += d * n.Layer[i*classifier.Hidden+j]
		}
	}
	for i, x := range l.input {
		switch {
		case x == 0:
		case i < classifier.Channels:
			l.channelBackward(n, gradient, i, input[i])
		default:
			l.signalBackward(gradient, i-classifier.Channels, input[i])
		}
	}
}

func (l *look) signalBackward(gradient *classifier.Network, c int, d float32) {
	row(gradient.Place, l.place, classifier.Channels)[c] += d
	for _, name := range l.names {
		row(gradient.Name, int(name), classifier.Channels)[c] += d
	}
}

func (l *look) channelBackward(n, gradient *classifier.Network, c int, d float32) {
	row(gradient.Tap, classifier.Reach*classifier.Embedded, classifier.Channels)[c] += d
	for tap := range classifier.Reach {
		at := l.at[c] + tap
		for e, x := range &l.embedded[at] {
			i := (tap*classifier.Embedded+e)*classifier.Channels + c
			gradient.Tap[i] += d * x
			if at > 0 && at <= len(l.stems) {
				row(gradient.Stem, int(l.stems[at-1]), classifier.Embedded)[e] += d * n.Tap[i] * l.kept[at-1][e]
			}
		}
	}
}
