package check

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/aad6b6dc/taster/models"
)

//go:embed standing.txt
var standingText string

// Standing is how far a finding of a shipped rule carries on its own, see standing.txt.
type Standing uint8

// The standings.
const (
	Company Standing = iota // asks for approval only beside a finding of another class
	Sole                    // enough alone
	Poor                    // noted, and no company for others
)

// Confidences of findings that are not enough alone: two in company, one of them not of words alone, reach what asks for approval.
const (
	companyConfidence = 0.29
	poorConfidence    = 0.5 // at severity low
)

var standings = sync.OnceValue(func() map[string]Standing {
	names := map[string]Standing{"sole": Sole, "poor": Poor}
	table := map[string]Standing{}
	for line := range strings.Lines(standingText) {
		if word, id, ok := strings.Cut(strings.TrimSpace(line), " "); ok && names[word] != Company {
			table[id] = names[word]
		}
	}
	return table
})

// StandingOf returns the standing of the shipped rule with the id.
func StandingOf(id string) Standing { return standings()[id] }

// Ranked returns all ids of rules with a standing of their own.
func Ranked() []string {
	var ids []string
	for id := range standings() {
		ids = append(ids, id)
	}
	return ids
}

// Weigh returns what a finding is worth by its rule's standing.
func (s Standing) Weigh(severity models.Severity, confidence float64) (models.Severity, float64) {
	switch s {
	case Sole:
		return severity, confidence
	case Poor:
		if severity.Rank() > models.SeverityLow.Rank() {
			severity = models.SeverityLow
		}
		return severity, min(confidence, poorConfidence)
	}
	return severity, min(confidence, companyConfidence)
}

// Weight is how much of a finding's confidence counts towards the event being an attack.
func Weight(s models.Severity) float64 { return weight[s] }

var weight = map[models.Severity]float64{
	models.SeverityCritical: 1, models.SeverityHigh: 0.9, models.SeverityMedium: 0.5, models.SeverityLow: 0.2, models.SeverityInfo: 0.05,
}
