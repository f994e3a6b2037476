package rules

import (
	"path"
	"slices"
	"strings"
	"testing"
)

type arrow struct {
	pkg  string
	may  []string
	note string
}

// arrows says for each package which others of this module it may import, tests aside. A pattern ending in "/..." means
// a package and everything below it. The first row that matches counts. A new package is a decision: it gets a row.
var arrows = []arrow{
	{"models", nil, "what flows"},
	{"models/...", []string{"models/..."}, "views, frames, redaction, the wire schema"},

	{"detectors", []string{"models"}, "the contract"},
	{"detectors/internal/protocol/...", []string{"models", "detectors", "detectors/internal/protocol/..."}, "the plugin line"},
	{"detectors/internal/...", []string{"models/...", "detectors", "detectors/internal/..."}, "what several detectors need"},
	{"detectors/plugin", []string{"models", "detectors", "detectors/internal/protocol/..."}, "the author's side"},
	{"detectors/host", []string{"models", "detectors", "detectors/internal/protocol/..."}, "the engine's side"},
	{"detectors/detectortest", []string{"models/...", "detectors", "detectors/internal/protocol/...", "detectors/host", "detectors/plugin"}, "the conformance suite"},
	{"detectors/catalog", []string{"detectors/..."}, "the list of the shipped detectors"},
	{"detectors/catalogue", []string{"models/...", "detectors", "detectors/internal/directive", "detectors/heuristic/check"}, "the detector of what shows across tools and over time"},
	{"detectors/classifier", []string{"models", "detectors", "detectors/internal/directive"}, "the learned detector"},
	{"detectors/classifier/train", []string{"models", "models/view", "detectors", "detectors/classifier"}, "its training"},
	{"detectors/heuristic", []string{"models/...", "detectors", "detectors/internal/...", "detectors/heuristic/..."}, "the detector of rules"},
	{"detectors/heuristic/rulepack", []string{"models/...", "detectors/internal/..."}, "its rules as data"},
	{"detectors/heuristic/atr", []string{"models", "detectors/heuristic/rulepack"}, "rules in another format"},
	{"detectors/heuristic/check", []string{"models", "detectors", "detectors/internal/directive"}, "what its checks in code have in common"},
	{"detectors/heuristic/gist", []string{"detectors/internal/directive"}, "what a hidden text wants"},
	{"detectors/heuristic/lexis", []string{"detectors/internal/directive", "detectors/heuristic/check"}, "what the words of definitions mean"},
	{"detectors/heuristic/...", []string{"models/...", "detectors", "detectors/internal/...", "detectors/heuristic/check", "detectors/heuristic/gist", "detectors/heuristic/lexis"}, "its checks in code"},
	{"detectors/similarity", []string{"models/...", "detectors", "detectors/heuristic/check", "detectors/similarity/..."}, "the detector of known texts"},
	{"detectors/judge", []string{"models/...", "detectors", "detectors/internal/directive"}, "the detector that asks a language model"},
	{"detectors/judge/judgetest", nil, "an endpoint for tests"},
	{"detectors/similarity/exchange", []string{"models"}, "known texts as others exchange them"},
	{"detectors/similarity/index", []string{"models", "detectors/internal/directive"}, "known texts, on disk and in memory"},

	{"pipeline", nil, "the invariants"},
	{"pipeline/engine", []string{"models", "models/view", "models/redact", "detectors"}, "event to verdict"},
	{"pipeline/engine/fit", []string{"models", "pipeline/engine"}, "what evidence is worth"},
	{"pipeline/stream", []string{"models", "models/rpc", "models/wire", "detectors", "pipeline/engine"}, "JetStream in and out"},
	{"pipeline/natsembed", nil, "the server in the process"},
	{"pipeline/client", []string{"models", "models/wire"}, "what a gateway imports"},
	{"pipeline/mcp", []string{"models", "models/rpc"}, "live servers and client configurations"},
	{"pipeline/config", []string{"models", "models/wire", "detectors", "pipeline/engine"}, "configuration"},

	{"corpus", []string{"models/..."}, "samples, manifest, splits"},
	{"corpus/compose", []string{"models/...", "corpus"}, "variations of samples"},
	{"corpus/score", nil, "rates, curves, calibration"},
	{"corpus/bench", []string{"models/...", "corpus", "corpus/score"}, "the harness and its report"},

	{"cmd/taster", []string{"cmd/internal/cli"}, "main"},
	{"cmd/detector-example", []string{"models", "detectors", "detectors/plugin"}, "an outside plugin"},
	{"cmd/internal/...", []string{"..."}, "the only place that sees everything"},
}

func matches(pattern, pkg string) bool {
	if pattern == "..." || pattern == pkg {
		return true
	}
	prefix, deep := strings.CutSuffix(pattern, "/...")
	return deep && (pkg == prefix || strings.HasPrefix(pkg, prefix+"/"))
}

func TestArrows(t *testing.T) {
	used := make([]bool, len(arrows))
	for _, s := range sources(t) {
		i := slices.IndexFunc(arrows, func(row arrow) bool { return matches(row.pkg, s.pkg()) })
		if i < 0 {
			t.Errorf("%s: package %s has no row in the table of arrows", s.path, s.pkg())
			continue
		}
		used[i] = true
		if s.test() {
			continue
		}
		for _, imported := range s.imports() {
			if imported != s.pkg() && !slices.ContainsFunc(arrows[i].may, func(p string) bool { return matches(p, imported) }) {
				t.Errorf("%s: %s may not import %s", s.path, s.pkg(), imported)
			}
		}
	}
	for i, row := range arrows {
		if !used[i] {
			t.Errorf("row %q matches no package", row.pkg)
		}
		if row.note == "" {
			t.Errorf("row %q does not say what the package is", row.pkg)
		}
	}
}

// TestPipelineAndCorpusAreApart holds for tests too: what is measured must not know what measures it.
func TestPipelineAndCorpusAreApart(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if from, to := top(s.path), top(imported); from == "pipeline" && to == "corpus" || from == "corpus" && to == "pipeline" {
				t.Errorf("%s imports %s", s.path, imported)
			}
		}
	}
}

func top(p string) string {
	first, _, _ := strings.Cut(path.Clean(p), "/")
	return first
}
