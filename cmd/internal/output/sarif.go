package output

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
)

// sarifLevels maps severities to SARIF levels and to GitHub's "security-severity" bands (critical from 9.0, high from
// 7.0, medium from 4.0, low above 0).
var sarifLevels = map[models.Severity]struct{ level, score string }{
	models.SeverityCritical: {"error", "9.5"},
	models.SeverityHigh:     {"error", "8.0"},
	models.SeverityMedium:   {"warning", "5.5"},
	models.SeverityLow:      {"note", "2.0"},
	models.SeverityInfo:     {"none", "0.0"},
}

// frameworkNames are the names of the public lists that classes map to.
var frameworkNames = map[string]string{
	"owasp-mcp": "OWASP MCP Top 10", "owasp-asi": "OWASP Top 10 for Agentic Applications",
	"owasp-llm": "OWASP Top 10 for LLM Applications", "mitre-atlas": "MITRE ATLAS", "saf-mcp": "SAF-MCP", "cwe": "CWE",
	"cosai-mcp": "CoSAI MCP Security",
}

// writeSARIF writes SARIF 2.1.0. What was scanned is an artifact that the regions point into: the file as it is, or, for
// what has no file, the event's body, which the report then carries with it.
func writeSARIF(w io.Writer, r *Report, _ Options) error {
	b := &sarifBuilder{
		run:     sarif.NewRun(),
		rules:   map[string]int{},
		taxa:    map[models.Mapping]taxon{},
		indexes: make([]*index, len(r.Sources)),
	}
	driver := sarif.NewToolComponent().WithName("Taster").WithVersion(r.Version).WithSemanticVersion(r.Version)
	b.run.WithTool(sarif.NewTool().WithDriver(driver)).WithColumnKind("unicodeCodePoints")
	invocation := sarif.NewInvocation().WithExecutionSuccessful(true)
	if !r.Time.IsZero() {
		invocation.WithEndTimeUtc(r.Time.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	for i := range r.Items {
		item := &r.Items[i]
		if len(item.Verdict.Findings) > 0 {
			at := b.place(r, item)
			for j := range item.Verdict.Findings {
				b.result(item, &item.Verdict.Findings[j], at)
			}
		}
		for _, what := range uninspected(&item.Verdict) {
			b.notify(invocation, name(&item.Verdict.Subject)+" was not wholly inspected: "+what)
		}
	}
	for _, g := range r.Gaps {
		b.notify(invocation, fmt.Sprintf("%s was not read: %s: %s", Visible(g.Source), Visible(g.What), Visible(g.Reason)))
	}
	b.run.AddInvocation(invocation)
	out := sarif.NewReport().AddRun(b.run)
	if err := out.PrettyWrite(w); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// taxon is where a mapping stands in the run's taxonomies.
type taxon struct{ component, index int }

type sarifBuilder struct {
	run     *sarif.Run
	rules   map[string]int
	taxa    map[models.Mapping]taxon
	indexes []*index // of the sources, built when needed
}

func (b *sarifBuilder) notify(i *sarif.Invocation, text string) {
	i.AddToolExecutionNotification(sarif.NewNotification().WithLevel("warning").WithMessage(sarif.NewTextMessage(text)))
}

func (b *sarifBuilder) result(item *Item, f *models.Finding, at place) {
	s := &item.Verdict.Subject
	id := f.Detector + "/" + f.Rule
	result := sarif.NewResult().WithRuleID(id).WithRuleIndex(b.rule(id, f)).WithKind("fail").
		WithLevel(sarifLevels[f.Severity].level).
		WithMessage(sarif.NewTextMessage(fmt.Sprintf("%s: %s", name(s), Visible(f.Message)))).
		WithPartialFingerprints(map[string]string{"mcpFinding/v1": fingerprint(s, f)})
	result.WithProperties(sarif.NewPropertyBag().
		Add("confidence", f.Confidence).Add("class_id", f.Class).Add("decision", item.Verdict.Decision).
		Add("definition_digest", s.RawDigest).Add("security-severity", sarifLevels[f.Severity].score))
	if item.Verdict.Exception != nil {
		result.AddSuppression(sarif.NewSuppression().WithKind("external").WithStatus("accepted").
			WithJustification(item.Verdict.Exception.Reason))
	}
	for i := range f.Evidence {
		location := at.location(s, &f.Evidence[i])
		if i == 0 {
			result.AddLocation(location)
		} else {
			result.AddRelatedLocation(location.WithID(i))
		}
	}
	if len(f.Evidence) == 0 {
		result.AddLocation(at.location(s, &models.Span{}))
	}
	b.run.AddResult(result)
}

// fingerprint stays the same as long as the same rule finds the same words at the same place of the same object.
func fingerprint(s *models.Subject, f *models.Finding) string {
	parts := []string{s.Server, string(s.Kind), s.Object, f.Detector, f.Rule}
	for _, e := range f.Evidence {
		parts = append(parts, e.Pointer, string(e.ViewKind), e.Excerpt, fmt.Sprint(e.End-e.Start))
	}
	return models.Hash(parts...)
}

// rule returns the index of the finding's rule, which it adds first if need be.
func (b *sarifBuilder) rule(id string, f *models.Finding) int {
	if i, ok := b.rules[id]; ok {
		return i
	}
	class, known := models.ClassByID(f.Class)
	if !known {
		class = models.ClassInfo{ID: f.Class, Name: string(f.Class), Severity: f.Severity}
	}
	tags := []string{"security", "mcp", string(class.ID)}
	rule := sarif.NewRule(id).WithName(f.Rule).WithDescription(class.Name).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(cmp.Or(class.Summary, class.Name))).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevels[f.Severity].level))
	for _, m := range class.Mappings {
		rule.AddRelationship(sarif.NewReportingDescriptorRelationship().WithKinds([]string{"relevant"}).WithTarget(b.taxon(m)))
		if m.Framework == "cwe" {
			tags = append(tags, "external/cwe/"+strings.ToLower(m.ID))
		}
	}
	rule.WithProperties(sarif.NewPropertyBag().WithTags(tags).
		Add("security-severity", sarifLevels[f.Severity].score).Add("precision", precision(f.Confidence)).
		Add("version", f.Version))
	i := len(b.rules)
	b.rules[id] = i
	b.run.Tool.Driver.AddRule(rule)
	return i
}

// precision is GitHub's word for how often a rule is right.
func precision(confidence float64) string {
	switch {
	case confidence >= 0.95:
		return "very-high"
	case confidence >= 0.8:
		return "high"
	case confidence >= 0.5:
		return "medium"
	}
	return "low"
}

// taxon returns a reference to a mapping's entry in the taxonomy of its framework and edition.
func (b *sarifBuilder) taxon(m models.Mapping) *sarif.ReportingDescriptorReference {
	t, ok := b.taxa[m]
	if !ok {
		title := cmp.Or(frameworkNames[m.Framework], m.Framework)
		t.component = slices.IndexFunc(b.run.Taxonomies, func(c *sarif.ToolComponent) bool {
			return *c.Name == title && *c.Version == m.Edition
		})
		if t.component < 0 {
			t.component = len(b.run.Taxonomies)
			b.run.AddTaxonomie(sarif.NewToolComponent().WithName(title).WithVersion(m.Edition))
		}
		component := b.run.Taxonomies[t.component]
		t.index = len(component.Taxa)
		component.AddTaxa(sarif.NewReportingDescriptor().WithID(m.ID))
		b.taxa[m] = t
	}
	component := b.run.Taxonomies[t.component]
	return sarif.NewReportingDescriptorReference().WithID(m.ID).WithIndex(t.index).
		WithToolComponent(sarif.NewToolComponentReference().WithName(*component.Name).WithIndex(t.component))
}

// place is what an event's body stands in.
type place struct {
	uri   string
	index *index // nil if the text is not at hand
	start int    // of the body
}

// location is where a span stands, physically and as a member of its object.
func (p place) location(s *models.Subject, span *models.Span) *sarif.Location {
	member := s.Server + "/" + string(s.Kind) + "/" + s.Object + span.Pointer
	logical := sarif.NewLogicalLocation().WithFullyQualifiedName(Visible(member)).WithKind("member").
		WithName(Visible(cmp.Or(lastToken(span.Pointer), s.Object, s.Server)))
	physical := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(p.uri))
	if p.index != nil {
		physical.WithRegion(p.index.region(p.start+span.RawStart, p.start+span.RawEnd))
	}
	return sarif.NewLocation().AddLogicalLocation(logical).WithPhysicalLocation(physical)
}

func lastToken(pointer string) string {
	return pointer[strings.LastIndexByte(pointer, '/')+1:]
}

// place adds what an item stands in to the artifacts.
func (b *sarifBuilder) place(r *Report, item *Item) place {
	if item.Offset >= 0 && item.Source < len(r.Sources) {
		source := &r.Sources[item.Source]
		uri := (&url.URL{Path: filepath.ToSlash(source.Name)}).String()
		b.run.AddDistinctArtifact(uri)
		if b.indexes[item.Source] == nil && source.Data != nil {
			b.indexes[item.Source] = newIndex(source.Data)
		}
		return place{uri, b.indexes[item.Source], item.Offset}
	}
	s := &item.Verdict.Subject
	uri := "mcp-catalogue/" + strings.Join([]string{
		url.PathEscape(s.Server), string(s.Kind), url.PathEscape(cmp.Or(s.Object, "-")),
	}, "/") + "-" + models.Hash(s.RawDigest)[:8] + ".json"
	if item.Event == nil || item.Event.Oversize != nil {
		return place{uri: uri}
	}
	// A secret is masked in excerpts, so it is not handed on in a whole text either.
	if body := string(item.Event.Body); redact.Mask(body) == body {
		b.run.AddDistinctArtifact(uri).WithContents(sarif.NewArtifactContent().WithText(body)).
			WithMimeType("application/json").WithEncoding("UTF-8")
	}
	return place{uri: uri, index: newIndex(item.Event.Body)}
}
