package index

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// recombined makes texts of runs of words of the shipped attacks, as long as those, from eight words on.
func recombined(b *testing.B, n int) []models.Indicator {
	data, err := os.ReadFile("../known.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	var words []string
	var lengths []int
	for line := range strings.Lines(string(data)) {
		var x models.Indicator
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			b.Fatal(err)
		}
		if x.Label == models.Malicious {
			fields := strings.Fields(x.Text)
			words, lengths = append(words, fields...), append(lengths, max(8, len(fields)))
		}
	}
	r := rand.New(rand.NewPCG(3, 3))
	out := make([]models.Indicator, 0, n)
	for len(out) < n {
		var text []string
		for length := lengths[r.IntN(len(lengths))]; len(text) < length; {
			at := r.IntN(len(words) - 4)
			text = append(text, words[at:at+1+r.IntN(4)]...)
		}
		x := models.Indicator{Label: models.Malicious, Class: "A1", Text: strings.Join(text, " "), Source: "recombined", FirstSeen: time.Unix(1, 0).UTC()}
		if len(out)%3 == 0 {
			x.Label = models.Benign
		}
		if x = x.Identify(); x.Validate() == nil {
			out = append(out, x)
		}
	}
	return out
}

// Benchmark50000 measures an index of 50,000 indicators on disk: what it takes in memory, a text that the gate keeps back,
// one that passes, and a change.
func Benchmark50000(b *testing.B) {
	all := recombined(b, 50_000)
	dir := b.TempDir()
	if _, err := Build(b.Context(), dir, all, nil); err != nil {
		b.Fatal(err)
	}
	before := heap()
	x, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	held := float64(heap()-before) / (1 << 20)
	ordinary := "Reads the tide table of a harbour and returns the times of high and low water as a list. Use it when the user asks about sailing."
	for _, c := range []struct{ name, text string }{{"no", ordinary}, {"passes", ordinary + " " + all[1].Text}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.Search(c.text, 5); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(held, "MiB-held")
		})
	}
	n := 0
	b.Run("change", func(b *testing.B) {
		for b.Loop() {
			n++
			add := indicator(models.Malicious, fmt.Sprintf("The skipper of barge %d hands over the keys to the lock.", n))
			if _, err := Change(b.Context(), dir, []models.Indicator{add}, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
