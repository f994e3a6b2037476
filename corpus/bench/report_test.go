package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aad6b6dc/taster/corpus/score"
	"github.com/aad6b6dc/taster/models"
)

func TestReportByHand(t *testing.T) {
	s := mustReport(t, hand()).Systems[0]
	rate := score.NewRate
	want := Slice{
		Rows:         9,
		Recall:       Tiers{rate(3, 4), rate(2, 4), rate(2, 4)},
		Benign:       Tiers{rate(1, 3), rate(1, 3), rate(0, 3)}, // b4 was not inspected
		Steering:     Tiers{rate(1, 1), rate(0, 1), rate(0, 1)},
		NotInspected: rate(1, 9),
	}
	if diff := cmp.Diff(want, s.Overall); diff != "" {
		t.Errorf("overall (-want +got):\n%s", diff)
	}
	// Twins: g1 has m1 and b1, told apart and ranked; g2 has m3 with b2 and b3, never flagged, ranked above b2 alone.
	if diff := cmp.Diff(&Twins{Sets: 2, Pairs: 3, Apart: rate(1, 3), Ranked: rate(2, 3)}, s.Twins); diff != "" {
		t.Errorf("twins (-want +got):\n%s", diff)
	}
	evidence := rate(1, 2)
	if diff := cmp.Diff(&evidence, s.Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	latency := Latency{
		Total:     score.Quantiles{N: 9, Mean: 1700.0 / 9, P50: 100, P95: 900, P99: 900, Max: 900},
		Detectors: map[string]score.Quantiles{"patterns": {N: 2, Mean: 40, P50: 30, P95: 50, P99: 50, Max: 50}},
		PerSecond: 28, // 14 rows in half a second
	}
	if diff := cmp.Diff(latency, s.Latency, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("latency (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Uninspected{Events: rate(1, 9), Reasons: map[string]int{"timeout": 1}, Parts: 1}, s.Uninspected); diff != "" {
		t.Errorf("not inspected (-want +got):\n%s", diff)
	}
	evasion := []Evasion{
		{Technique: "base64", Original: rate(1, 2), Variation: rate(1, 2), Lost: 1, Gained: 1, P: 1, FalseAlarms: rate(1, 1)},
		{Technique: "zero width", Original: rate(1, 1), Variation: rate(0, 1), Lost: 1, P: 1, FalseAlarms: rate(0, 0)},
	}
	if diff := cmp.Diff(evasion, s.Evasion); diff != "" {
		t.Errorf("evasion (-want +got):\n%s", diff)
	}
	// Malicious 0.9 0.8 0.4 0.1 against benign 0.5 0.1 0: 3 + 3 + 2 + 1.5 of 12 pairs.
	if got, want := s.Curve.AUC.Value, 9.5/12; math.Abs(got-want) > 1e-12 {
		t.Errorf("AUC %v, want %v", got, want)
	}
	if len(s.Curve.At) != 2 || s.Curve.At[0].Recall.Hits != 2 || s.Curve.At[0].Shown || s.Curve.At[1].FPR != 0.01 {
		t.Errorf("recall at: %+v", s.Curve.At)
	}
	// Squared distances 0.01 + 0.04 + 0.36 + 0.81 and 0.25 + 0.01.
	if got, want := s.Calibration.Brier, 1.48/7; math.Abs(got-want) > 1e-12 {
		t.Errorf("Brier %v, want %v", got, want)
	}
}

func TestTables(t *testing.T) {
	s := mustReport(t, hand()).Systems[0]
	got := map[string][]string{}
	for _, table := range s.By {
		for _, x := range table.Slices {
			got[table.By] = append(got[table.By], fmt.Sprintf("%s %d/%d %d/%d", x.Value,
				x.Recall.Flagged.Hits, x.Recall.Flagged.N, x.Benign.Flagged.Hits, x.Benign.Flagged.N))
		}
	}
	want := map[string][]string{
		"source":     {"own 2/4 1/3"},
		"kind":       {"tool 2/3 1/3", "tool_result 0/1 0/0"},
		"class":      {"A1 1/1 0/0", "A2 0/2 0/0", "A10 1/1 0/0", "B2 1/1 0/0"},
		"resembles":  {"A1 0/0 0/1", "(not stated) 0/0 1/2"},
		"language":   {"de 0/1 0/0", "en 0/0 0/1", "(not stated) 2/3 1/2"},
		"difficulty": {"(not stated) 2/4 0/0"},
		"field":      {"(not stated) 2/4 0/0"},
		"signal":     {"(not stated) 2/4 0/0"},
		"split":      {"(not stated) 2/4 1/3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestValuesAreInOrder(t *testing.T) {
	for name, values := range map[string][]string{
		"difficulty": {"blatant", "moderate", "subtle", "odd", NotStated},
		"split":      {"train", "dev", "test"},
		"class":      {"", "A1", "A2", "A10", "A10b", "B1", "X-01", "X-1", NotStated},
		"kind":       {"tool", "prompt", "tool_call", "notification"},
	} {
		i := slices.IndexFunc(dimensions(), func(d dimension) bool { return d.name == name })
		d := dimensions()[i]
		shuffled := slices.Clone(values)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		slices.SortFunc(shuffled, d.compare)
		if diff := cmp.Diff(values, shuffled); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestComparison(t *testing.T) {
	r := mustReport(t, append(hand(), other()...))
	rate := score.NewRate
	want := []Comparison{{
		A: "ours", B: "theirs", Rows: 8,
		Recall: Paired{A: rate(2, 4), B: rate(2, 4), OnlyA: 1, OnlyB: 1, P: 1},
		Benign: Paired{A: rate(1, 3), B: rate(1, 3), OnlyA: 1, OnlyB: 1, P: 1},
		Changed: []Change{
			{"b1", "own", "benign", "", "none", "blocked", 0, 1},
			{"b3", "own", "benign", "", "flagged", "none", 0.5, 0},
			{"m2", "own", "malicious", "A10", "blocked", "none", 0.8, 0},
			{"m3", "own", "malicious", "A2", "noted", "none", 0.4, 0},
			{"m4", "own", "malicious", "A2", "none", "blocked", 0.1, 1},
		},
	}}
	if diff := cmp.Diff(want, r.Comparisons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	limited, err := NewReport(append(hand(), other()...), ReportOptions{Changes: 2})
	if err != nil {
		t.Fatal(err)
	}
	if c := limited.Comparisons[0]; len(c.Changed) != 2 || c.Omitted != 3 {
		t.Errorf("limited to 2: %d and %d omitted", len(c.Changed), c.Omitted)
	}
	relabelled := other()
	relabelled[1].Label = models.Benign
	if c := mustReport(t, append(hand(), relabelled...)).Comparisons[0]; c.Rows != 7 {
		t.Errorf("a row with two labels was compared: %d rows", c.Rows)
	}
}

func TestWarnings(t *testing.T) {
	r := mustReport(t, append(hand(), other()...))
	want := []string{
		"ours: only 4 malicious rows", "ours: only 3 benign rows",
		"ours: 3 benign rows, too few to show a false positive rate of 0.1 %",
		"ours: 3 benign rows, too few to show a false positive rate of 1 %",
		"ours: 1 of 9 rows not inspected", "ours: 1 variation without an original among the rows",
		"theirs: only 4 malicious rows", "theirs: only 4 benign rows",
		"theirs: 4 benign rows, too few to show a false positive rate of 0.1 %",
		"theirs: 4 benign rows, too few to show a false positive rate of 1 %",
		"theirs: the A/A control changed 1 of 12 rows: smaller differences mean nothing",
		"theirs: measured with changes that no commit holds",
		"ours and theirs did not answer the same rows: 9 and 8, 8 of them both",
	}
	if diff := cmp.Diff(want, r.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	one := made("x", models.Malicious, models.Allow, 0)
	one.Run, one.From = record("ours"), "y"
	alone := mustReport(t, []Row{one})
	if s := alone.Systems[0]; s.Curve != nil || s.Calibration != nil || s.Overall.Rows != 1 {
		t.Errorf("a variation alone: %+v", s)
	}
	if got := strings.Join(alone.Warnings, "\n"); !strings.Contains(got, "no benign rows") || !strings.Contains(got, "only variations") {
		t.Errorf("a variation alone: %s", got)
	}
}

func TestLabelsMatter(t *testing.T) {
	before := mustReport(t, hand()).Systems[0].Overall
	rows := hand()
	rows[0].Label = models.Benign
	after := mustReport(t, rows).Systems[0].Overall
	if before.Recall == after.Recall || before.Benign == after.Benign {
		t.Error("a flipped label changed nothing")
	}
}

func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	rows := append(hand(), other()...)
	want, err := json.Marshal(mustReport(t, rows))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		slices.SortStableFunc(rows, func(a, b Row) int { return strings.Compare(a.System, b.System) })
		got, err := json.Marshal(mustReport(t, rows))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("another order gave another report")
		}
	}
}

func TestNoRecordNoFigure(t *testing.T) {
	for name, spoil := range map[string]func(rows []Row) []Row{
		"none":        func([]Row) []Row { return nil },
		"no record":   func(rows []Row) []Row { rows[0].Run = nil; return rows },
		"two records": func(rows []Row) []Row { rows[1].Run = record("ours"); return rows },
		"no control":  func(rows []Row) []Row { rows[0].Run.AA = nil; return rows },
		"no digest":   func(rows []Row) []Row { rows[0].Run.Digest = ""; return rows },
		"id twice":    func(rows []Row) []Row { rows[1].ID = rows[0].ID; return rows },
		"second system without a record": func(rows []Row) []Row {
			return append(rows, Row{System: "x", ID: "m1", Label: models.Benign, Kind: models.KindTool, Answer: Answer{Decision: models.Allow}})
		},
	} {
		if r, err := NewReport(spoil(hand()), ReportOptions{}); err == nil {
			t.Errorf("%s: got a report of %d systems", name, len(r.Systems))
		}
	}
}

func TestWriteText(t *testing.T) {
	for name, rows := range map[string][]Row{"one.txt": hand(), "two.txt": append(hand(), other()...)} {
		var b strings.Builder
		if err := WriteText(&b, mustReport(t, rows), TextOptions{}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

func TestWriteMarkdown(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b, mustReport(t, append(hand(), other()...))); err != nil {
		t.Fatal(err)
	}
	golden(t, "two.md", b.String())
}

func TestTextFitsAndIsTame(t *testing.T) {
	var rows []Row
	for i := range 6 {
		for _, r := range hand() {
			r.System = fmt.Sprintf("system with a rather long name \x1b[31m %d", i)
			r.Source = "\u202esource | with <b>marks</b> \n# and breaks"
			rows = append(rows, r)
		}
	}
	report := mustReport(t, rows)
	for _, width := range []int{0, 60, 120} {
		var b strings.Builder
		if err := WriteText(&b, report, TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		if width == 0 {
			width = 120
		}
		for l := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > width && !strings.Contains(l, "sha256:") {
				t.Errorf("width %d: %d columns: %s", width, n, l)
			}
		}
		if strings.ContainsAny(b.String(), "\x1b\u202e") {
			t.Error("text steers the terminal")
		}
	}
	var b strings.Builder
	if err := WriteText(&b, report, TextOptions{Colour: true}); err != nil || !strings.Contains(b.String(), "\x1b[1m") {
		t.Errorf("no colour, or %v", err)
	}
	b.Reset()
	if err := WriteMarkdown(&b, report); err != nil || strings.Contains(b.String(), "<b>") || strings.Contains(b.String(), "source | with") {
		t.Errorf("Markdown lets markup through, or %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, fmt.Errorf("disk full") }

func TestWritersReportErrors(t *testing.T) {
	r := mustReport(t, hand())
	for name, err := range map[string]error{
		"text": WriteText(fullDisk{}, r, TextOptions{}), "Markdown": WriteMarkdown(fullDisk{}, r), "rows": WriteRows(fullDisk{}, hand()),
	} {
		if err == nil {
			t.Errorf("%s: no error on a full disk", name)
		}
	}
}

// many is n rows that look like a corpus.
func many(n int) []Row {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]Row, n)
	for i := range rows {
		label, d := models.Benign, models.Allow
		if rng.IntN(2) == 0 {
			label = models.Malicious
		}
		s := rng.Float64()
		if label == models.Malicious && s > 0.3 {
			d = models.Block
		}
		r := made(fmt.Sprintf("r%06d", i), label, d, s)
		r.Group, r.Source, r.Class = fmt.Sprint(i/3), fmt.Sprint("source", i%30), fmt.Sprint("A", i%15)
		for j := range 8 {
			r.Detectors = append(r.Detectors, Outcome{Name: fmt.Sprint("d", j), Status: models.StatusClean, Micros: rng.Float64() * 100})
		}
		rows[i] = r
	}
	rows[0].Run = record("ours")
	return rows
}

func BenchmarkNewReport(b *testing.B) {
	rows := many(35_000)
	for b.Loop() {
		if _, err := NewReport(rows, ReportOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
