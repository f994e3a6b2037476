package bench

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/models"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	if mode := os.Getenv(scannerMode); mode != "" {
		scan(mode)
		return
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// record is a complete record.
func record(system string) *Record {
	return &Record{
		System: system, Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Version: "1.2.3", Commit: "0123abcd",
		Machine: Machine{OS: "linux", Arch: "amd64", CPU: "Some CPU", CPUs: 2, Go: "go1.26"},
		Corpora: []CorpusFile{{Name: "own", Digest: models.Digest([]byte("own")), Rows: 12}}, Digest: models.Digest([]byte("all")),
		Split: "test", Seed: 42, Detectors: []Detector{{Name: "patterns", Version: "1", Digest: models.Digest([]byte("p"))}},
		ConfigDigest: models.Digest([]byte("c")), Config: "default policy", Workers: 2, Seconds: 0.5,
		AA: &Control{Rows: 12, Latency: 1.02},
	}
}

// made is a row of a tool with a decision.
func made(id string, label models.Label, d models.Decision, s float64) Row {
	status := models.StatusClean
	if d != models.Allow {
		status = models.StatusFound
	}
	k := models.KindTool
	return Row{
		System: "ours", ID: id, Source: "own", Label: label, Kind: k, Tier: TierName(k.Tier(d)),
		Answer: Answer{Decision: d, Score: s, Status: status, Micros: 100},
	}
}

// hand is rows of one system whose figures are counted by hand in the tests:
//
//	malicious m1 blocked 0.9, m2 quarantined 0.8, m3 monitored 0.4, m4 allowed 0.1
//	benign    b1 allowed 0.0, b2 allowed 0.1, b3 approval 0.5, b4 not inspected, with the policy's approval
//	steering  s1 monitored 0.3
//	variation v1 of m1 by base64, monitored; v2 of m3 by base64, blocked; v3 of b1 by base64, blocked; v4 of m2 by zero
//	width, allowed; v5 of a row that is not there
func hand() []Row {
	located, missed := true, false
	m1 := made("m1", models.Malicious, models.Block, 0.9)
	m1.Class, m1.Group, m1.Twin, m1.Located = "A1", "g1", true, &located
	m1.Also = []models.Class{"B2", "A7"}
	m1.Detectors = []Outcome{{Name: "patterns", Status: models.StatusFound, Micros: 30}}
	m1.Run = record("ours")
	m2 := made("m2", models.Malicious, models.Quarantine, 0.8)
	m2.Class, m2.Located = "A10", &missed
	m2.Detectors = []Outcome{{Name: "patterns", Status: models.StatusFound, Micros: 50}}
	m3 := made("m3", models.Malicious, models.Monitor, 0.4)
	m3.Class, m3.Group, m3.Twin, m3.Language = "A2", "g2", true, "de"
	m4 := made("m4", models.Malicious, models.Allow, 0.1)
	m4.Class, m4.Kind, m4.Micros = "A2", models.KindToolResult, 900
	b1 := made("b1", models.Benign, models.Allow, 0)
	b1.Resembles, b1.Group, b1.Twin = "A1", "g1", true
	b2 := made("b2", models.Benign, models.Allow, 0.1)
	b2.Group, b2.Twin = "g2", true
	b3 := made("b3", models.Benign, models.RequireApproval, 0.5)
	b3.Group, b3.Twin = "g2", true
	b4 := made("b4", models.Benign, models.RequireApproval, 0)
	b4.Status, b4.Reason, b4.Tier, b4.Skipped = models.StatusNotInspected, "timeout", "none", 1
	s1 := made("s1", models.Steering, models.Monitor, 0.3)
	rows := []Row{m1, m2, m3, m4, b1, b2, b3, b4, s1}
	for i, v := range []struct {
		label    models.Label
		from     string
		how      string
		decision models.Decision
	}{
		{models.Malicious, "m1", "base64", models.Monitor},
		{models.Malicious, "m3", "base64", models.Block},
		{models.Benign, "b1", "base64", models.Block},
		{models.Malicious, "m2", "zero width", models.Allow},
		{models.Malicious, "gone", "zero width", models.Block},
	} {
		r := made(fmt.Sprintf("v%d", i+1), v.label, v.decision, 0.5)
		r.From, r.Technique = v.from, v.how
		rows = append(rows, r)
	}
	return rows
}

// other is the rows of a second system, which blocks m1, m4 and b1 and allows the rest, over hand's rows but s1.
func other() []Row {
	var rows []Row
	for _, r := range hand() {
		if r.ID == "s1" || r.From != "" {
			continue
		}
		r.System, r.Detectors, r.Located = "theirs", nil, nil
		r.Decision, r.Score, r.Tier, r.Status, r.Reason, r.Skipped = models.Allow, 0, "none", models.StatusClean, "", 0
		switch r.ID {
		case "m1", "m4", "b1":
			r.Decision, r.Score, r.Tier, r.Status = models.Block, 1, "blocked", models.StatusFound
		}
		if r.Run != nil {
			r.Run = record("theirs")
			r.Run.Modified = true
			r.Run.AA.Changed = 1
		}
		rows = append(rows, r)
	}
	return rows
}

func mustReport(t *testing.T, rows []Row) *Report {
	t.Helper()
	r, err := NewReport(rows, ReportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; to accept, run with -update and look at the change. Got:\n%s", path, got)
	}
}
