package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageHoldsTheReport(t *testing.T) {
	text := page(t, mustReport(t, append(hand(), other()...)))
	for _, want := range []string{
		"ours", "theirs", "Recall against false alarms", "Precision against recall", "Calibration", "By class", "theirs against ours",
		"What each variation costs: ours", "base64", "0123abcd", "42", "with changes that no commit holds", "1 of 12 rows changed",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(text, "<figure>"); n != 3 {
		t.Errorf("%d figures", n)
	}
}

// TestPageNeedsNothingElse: no script, no style sheet, no image, no font, no address to fetch.
func TestPageNeedsNothingElse(t *testing.T) {
	text := page(t, mustReport(t, hand()))
	if found := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|@import|url\(|src=|href=`).FindString(text); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, address := range regexp.MustCompile(`https?://[^"' ]+`).FindAllString(text, -1) {
		if address != "http://www.w3.org/2000/svg" { // a name space, not fetched
			t.Errorf("the page names %s", address)
		}
	}
}

func TestPlotsAreXML(t *testing.T) {
	plots, err := figures(mustReport(t, hand()))
	if err != nil {
		t.Fatal(err)
	}
	if len(plots) == 0 {
		t.Fatal("no plots")
	}
	for _, p := range plots {
		d := xml.NewDecoder(strings.NewReader(string(p.SVG)))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", p.Title, err)
			}
		}
		if !strings.Contains(string(p.SVG), "viewBox") || strings.Contains(string(p.SVG), "NaN") {
			t.Errorf("%s: no size, or no number: %.200s", p.Title, p.SVG)
		}
	}
}

// TestPageIsTame: names come from rows that anybody may have made.
func TestPageIsTame(t *testing.T) {
	rows := hand()
	for i := range rows {
		rows[i].System = `<script>alert(1)</script>`
		rows[i].Source = `"><img src=x>`
		if rows[i].Run != nil {
			rows[i].Run.System = rows[i].System
		}
	}
	text := page(t, mustReport(t, rows))
	if strings.Contains(text, "<script>") || strings.Contains(text, "<img") {
		t.Error("a name became markup")
	}
}

func TestPageWithOneLabel(t *testing.T) {
	var rows []Row
	for _, r := range hand() {
		if r.Label == "malicious" && r.From == "" {
			rows = append(rows, r)
		}
	}
	text := page(t, mustReport(t, rows))
	if strings.Contains(text, "<figure>") {
		t.Error("a curve without benign rows")
	}
	if err := WriteHTML(fullDisk{}, mustReport(t, rows)); err == nil {
		t.Error("a full disk is no error")
	}
}
