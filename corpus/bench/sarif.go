package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// fileName is the file that an event is exported to.
func fileName(id string) string { return wire.EscapeToken(id) + ".json" }

// Export writes each event to a file of its own in dir, for scanners that read files: a definition as the list result
// that would hold it alone, anything else as the object itself.
func Export(dir string, events []models.Event) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("exporting events: %w", err)
	}
	for i := range events {
		e := &events[i]
		if err := os.WriteFile(filepath.Join(dir, fileName(e.ID)), exported(e), 0o644); err != nil {
			return fmt.Errorf("exporting %q: %w", e.ID, err)
		}
	}
	return nil
}

var listMembers = map[models.Kind]string{
	models.KindTool: "tools", models.KindPrompt: "prompts", models.KindResource: "resources",
}

func exported(e *models.Event) []byte {
	member := listMembers[e.Kind]
	if member == "" {
		return append(append([]byte(nil), e.Body...), '\n')
	}
	return fmt.Appendf(nil, "{%q:[%s]}\n", member, e.Body)
}

// SARIF answers with the results of a SARIF 2.1.0 log, made by any scanner over what [Export] wrote. A result belongs
// to an event by the file name of its location, by a logical location with the event's id as its name, or by a property
// "id". Its level is the tier: error blocked, warning flagged, note noted; the highest of an event counts. What is
// suppressed, or of kind pass or notApplicable, is no result. An event
// without a result is clean, unless the log lists artifacts and its file is not among them, or the run says that it
// failed: then it is not inspected.
type SARIF struct {
	results map[string][]models.Finding // by event id or file name
	tiers   map[string]models.Tier
	seen    map[string]bool // artifacts, where the log lists them
	failed  string          // why a run failed, or ""
	about   [][]string      // what each result may be about
}

// ParseSARIF reads a log.
func ParseSARIF(data []byte) (*SARIF, error) {
	report, err := sarif.FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("reading SARIF: %w", err)
	}
	if len(report.Runs) == 0 {
		return nil, errors.New("reading SARIF: there is no run")
	}
	s := &SARIF{results: map[string][]models.Finding{}, tiers: map[string]models.Tier{}, seen: map[string]bool{}}
	for _, run := range report.Runs {
		s.add(run)
	}
	return s, nil
}

func (s *SARIF) add(run *sarif.Run) {
	for _, i := range run.Invocations {
		if i.ExecutionSuccessful != nil && !*i.ExecutionSuccessful {
			s.failed = "the scanner's run failed"
		}
	}
	for _, a := range run.Artifacts {
		if a.Location != nil && a.Location.URI != nil {
			s.seen[base(*a.Location.URI)] = true
		}
	}
	for _, r := range run.Results {
		if len(r.Suppressions) > 0 || r.Kind == "pass" || r.Kind == "notApplicable" {
			continue
		}
		level, finding := read(run, r)
		names := subjects(r)
		s.about = append(s.about, names)
		for _, name := range names {
			s.results[name] = append(s.results[name], finding)
			s.tiers[name] = max(s.tiers[name], level.tier)
		}
	}
}

// level is how a SARIF level is read.
type level struct {
	tier     models.Tier
	severity models.Severity
}

var levels = map[string]level{
	"error":   {models.TierBlocked, models.SeverityHigh},
	"warning": {models.TierFlagged, models.SeverityMedium},
	"note":    {models.TierNoted, models.SeverityLow},
	"none":    {models.TierNone, models.SeverityInfo},
}

func read(run *sarif.Run, r *sarif.Result) (level, models.Finding) {
	f := models.Finding{Rule: str(r.RuleID), Confidence: 1}
	name := r.Level
	var rule *sarif.ReportingDescriptor
	if run.Tool != nil && run.Tool.Driver != nil {
		f.Detector = str(run.Tool.Driver.Name)
		for _, d := range run.Tool.Driver.Rules {
			if str(d.ID) == f.Rule {
				rule = d
			}
		}
	}
	if name == "" && rule != nil && rule.DefaultConfiguration != nil {
		name = rule.DefaultConfiguration.Level
	}
	l, known := levels[name]
	switch { // SARIF 2.1.0, 3.27.10: absent means warning, or none if the result is no failure
	case known:
	case r.Kind == "" || r.Kind == "fail":
		l = levels["warning"]
	default:
		l = levels["none"]
	}
	f.Severity = l.severity
	if r.Message != nil {
		f.Message = models.Truncate(str(r.Message.Text), models.MaxMessageBytes)
	}
	return l, f
}

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// subjects names what a result is about.
func subjects(r *sarif.Result) []string {
	var names []string
	if r.Properties != nil {
		if id, ok := r.Properties.Properties["id"].(string); ok {
			names = append(names, id)
		}
	}
	for _, l := range r.Locations {
		if p := l.PhysicalLocation; p != nil && p.ArtifactLocation != nil && p.ArtifactLocation.URI != nil {
			names = append(names, base(*p.ArtifactLocation.URI))
		}
		for _, g := range l.LogicalLocations {
			names = append(names, str(g.Name), str(g.FullyQualifiedName))
		}
	}
	return names
}

// base is the file name of an artifact.
func base(uri string) string {
	if p, err := url.PathUnescape(uri); err == nil {
		uri = p
	}
	return path.Base(strings.ReplaceAll(uri, `\`, "/"))
}

// Strange returns what each result names that is about none of the samples: "" where it names nothing.
func (s *SARIF) Strange(samples []corpus.Sample) []string {
	known := make(map[string]bool, 2*len(samples))
	for i := range samples {
		known[samples[i].ID], known[fileName(samples[i].ID)] = true, true
	}
	var strange []string
	for _, names := range s.about {
		if !slices.ContainsFunc(names, func(n string) bool { return known[n] }) {
			strange = append(strange, strings.Join(names[:min(len(names), 1)], ""))
		}
	}
	return strange
}

// Judge looks the events up in the log.
func (s *SARIF) Judge(_ context.Context, events []models.Event) ([]Answer, error) {
	answers := make([]Answer, len(events))
	for i := range events {
		answers[i] = s.answer(&events[i])
	}
	return answers, nil
}

func (s *SARIF) answer(e *models.Event) Answer {
	file := fileName(e.ID)
	tier := max(s.tiers[e.ID], s.tiers[file])
	findings := append(append([]models.Finding(nil), s.results[e.ID]...), s.results[file]...)
	switch {
	case len(findings) > 0:
		a := Answer{Decision: DecisionFor(e.Kind, tier), Score: TierScore(tier), Findings: findings, Status: models.StatusFound}
		for _, f := range findings {
			if f.Severity.Rank() > a.Severity.Rank() {
				a.Severity = f.Severity
			}
		}
		return a
	case s.failed != "":
		return NotInspected(s.failed)
	case len(s.seen) > 0 && !s.seen[file]:
		return NotInspected("not among the log's artifacts: " + strconv.Quote(file))
	}
	return Answer{Decision: models.Allow, Status: models.StatusClean}
}
