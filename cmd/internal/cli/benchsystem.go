package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/corpus/bench"
	"github.com/aad6b6dc/taster/corpus/compose"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// contestant is a system that is measured.
type contestant struct {
	name                 string
	detectors            []bench.Detector
	config, configDigest string
	// open makes a judge that has seen nothing yet.
	open func(catalogues map[string]*models.Catalogue) (bench.Judge, func() error, error)
	// whole is set for a scanner that gets all events at once.
	whole bool
	// stored is set for answers that were read from a file.
	stored bool
	// control is how many samples are judged again at most; 0 means as many as asked for.
	control int
}

func (c *contestant) workers(f *benchFlags) int {
	switch {
	case c.whole:
		return 1
	case f.workers > 0:
		return f.workers
	}
	return runtime.NumCPU()
}

// noDetectors leaves only foreign scanners.
const noDetectors = "none"

// contestants are the chain of detectors, the chain without each of them, and the foreign scanners.
func (a *app) contestants(ctx context.Context, f *benchFlags, chosen *chosen) ([]contestant, error) {
	var all []contestant
	if !slices.Equal(f.detectors, []string{noDetectors}) {
		own, err := a.chains(ctx, f)
		if err != nil {
			return nil, err
		}
		all = own
	}
	for _, text := range f.external {
		c, err := a.externalContestant(text, f.idle)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	for _, text := range f.sarif {
		c, err := a.sarifContestant(text, chosen.samples)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	names := map[string]bool{}
	for _, c := range all {
		if names[c.name] {
			return nil, usagef("two systems are called %q", c.name)
		}
		names[c.name] = true
	}
	if len(all) == 0 {
		return nil, usagef("nothing to measure: --detectors none, and no foreign scanner")
	}
	return all, nil
}

// ownName is the name of the chain of all detectors.
const ownName = "taster"

func (a *app) chains(ctx context.Context, f *benchFlags) ([]contestant, error) {
	policy, description, err := benchPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	if f.fusion.path != "" {
		description += ", calibration " + filepath.Base(f.fusion.path) + " " + f.fusion.Version
	}
	names, err := a.detectorNames(ctx, f)
	if err != nil {
		return nil, err
	}
	name := ownName
	if len(f.detectors) > 0 {
		name = strings.Join(names, "+")
	}
	full, err := a.chain(ctx, f, name, names, policy, description)
	if err != nil {
		return nil, err
	}
	all := []contestant{full}
	if !f.ablation {
		return all, nil
	}
	if len(names) < 2 {
		a.warn("no ablation: there is only one detector")
		return all, nil
	}
	for i, left := range names {
		rest := slices.Delete(slices.Clone(names), i, i+1)
		c, err := a.chain(ctx, f, name+" without "+left, rest, policy, description)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// openChain starts the detectors of these names, or all for none.
func (a *app) openChain(ctx context.Context, f *benchFlags, names []string) ([]engine.Slot, func() error, error) {
	s, err := openCrew(ctx, config.Detectors{InProcess: !f.plugins, PluginDir: f.pluginDir}, a.logger())
	if err != nil {
		return nil, nil, err
	}
	if err := f.judge.join(ctx, s); err != nil {
		return nil, nil, joinClose(err, s.close)
	}
	if len(names) == 0 {
		return s.slots, s.close, nil
	}
	var kept []engine.Slot
	for _, name := range names {
		i := slices.IndexFunc(s.slots, func(s engine.Slot) bool { return s.Spec.Name == name })
		if i < 0 {
			return nil, nil, joinClose(usagef("no detector is called %q: there are %s", name, strings.Join(slotNames(s.slots), ", ")), s.close)
		}
		kept = append(kept, s.slots[i])
	}
	return kept, s.close, nil
}

// joinClose closes after an error, whose exit code counts.
func joinClose(err error, stop func() error) error {
	if closing := stop(); closing != nil {
		return fmt.Errorf("%w (and closing: %w)", err, closing)
	}
	return err
}

func slotNames(slots []engine.Slot) []string {
	var names []string
	for _, s := range slots {
		names = append(names, s.Spec.Name)
	}
	slices.Sort(names)
	return names
}

func (a *app) detectorNames(ctx context.Context, f *benchFlags) ([]string, error) {
	slots, stop, err := a.openChain(ctx, f, f.detectors)
	if err != nil {
		return nil, err
	}
	return slotNames(slots), stop()
}

// chain is the engine with some of the detectors.
func (a *app) chain(ctx context.Context, f *benchFlags, name string, names []string, policy engine.Policy, description string) (contestant, error) {
	open := func(catalogues map[string]*models.Catalogue) (*engine.Engine, []engine.Slot, func() error, error) {
		slots, stop, err := a.openChain(ctx, f, names)
		if err != nil {
			return nil, nil, nil, err
		}
		eng, err := engine.New(ctx, engine.Settings{
			Slots: slots, Policy: policy, Fusion: f.fusion.Fusion, Logger: a.logger(), CacheEntries: 1, // a second look at the same bytes must cost what the first did
			Catalogues: func(_ context.Context, _, digest string) (*models.Catalogue, error) { return catalogues[digest], nil },
		})
		if err != nil {
			return nil, nil, nil, joinClose(fmt.Errorf("starting the engine: %w", err), stop)
		}
		return eng, slots, stop, nil
	}
	_, slots, stop, err := open(nil)
	if err != nil {
		return contestant{}, err
	}
	c := contestant{name: name, config: description, configDigest: models.Digest([]byte(description))}
	for _, s := range slots {
		c.detectors = append(c.detectors, bench.Detector{Name: s.Spec.Name, Version: s.Spec.Version, Digest: s.Digest})
	}
	c.open = func(catalogues map[string]*models.Catalogue) (bench.Judge, func() error, error) {
		eng, _, stop, err := open(catalogues)
		return engineJudge{eng}, stop, err
	}
	return c, stop()
}

// benchPolicy is the policy of a file, or the built-in one, in which a changed pin is noted and no more: whether a change
// is an attack is for the detectors to say. It comes with a description that names it wholly.
func benchPolicy(path string) (engine.Policy, string, error) {
	policy, err := readPolicy(path)
	if err != nil {
		return engine.Policy{}, "", err
	}
	what := "policy " + filepath.Base(path)
	if path == "" {
		what = "built-in policy, a changed pin is noted"
		for k, rules := range policy.Rules {
			rules.PinMismatch = models.Monitor
			policy.Rules[k] = rules
		}
	}
	text, err := json.Marshal(policy)
	if err != nil {
		return engine.Policy{}, "", fmt.Errorf("describing the policy: %w", err)
	}
	return policy, what + " " + models.Digest(text), nil
}

// engineJudge asks the engine about one event at a time, so that times are those of single events.
type engineJudge struct{ engine *engine.Engine }

func (j engineJudge) Judge(ctx context.Context, events []models.Event) ([]bench.Answer, error) {
	answers := make([]bench.Answer, len(events))
	for i := range events {
		start := time.Now()
		judged := j.engine.Judge(ctx, []engine.Job{{Event: events[i]}})[0]
		took := time.Since(start) // of the first revision: a second one delays nobody
		deepen(ctx, j.engine, events[i], &judged)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		answers[i] = answerOf(&judged)
		answers[i].Micros = float64(took.Nanoseconds()) / 1e3
	}
	return answers, nil
}

// answerOf reads a judgement as the bench does.
func answerOf(j *engine.Judgement) bench.Answer {
	v := &j.Verdict
	if j.Err != nil {
		return bench.NotInspected(j.Err.Error())
	}
	if len(v.Detectors) == 0 {
		return bench.NotInspected("no detector reads events of kind " + string(v.Subject.Kind))
	}
	a := bench.Answer{
		Decision: v.Decision, Score: v.Probability, Severity: v.Severity, Findings: v.Findings,
		Status: models.StatusClean, Skipped: len(v.Coverage.Skipped) + v.Coverage.Omitted,
	}
	if len(v.Findings) > 0 {
		a.Status = models.StatusFound
	}
	for _, d := range v.Detectors {
		a.Detectors = append(a.Detectors, bench.Outcome{
			Name: d.Name, Status: d.Status, Reason: d.Reason, Score: d.Score, Findings: d.Findings, Micros: float64(d.Micros),
		})
	}
	if len(v.Coverage.Degraded) > 0 {
		a.Status = models.StatusNotInspected
		for _, d := range v.Detectors {
			if d.Status == models.StatusNotInspected {
				a.Reason = d.Name + ": " + string(d.Reason)
			}
		}
	}
	return a
}

// named splits NAME=REST. A bare rest is named after what is in it.
func named(flag, text string) (name, rest string, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || name == "" || strings.ContainsAny(name, " /\t") {
		name, rest = "", text
	}
	if strings.TrimSpace(rest) == "" {
		return "", "", usagef("--%s %q: want NAME=%s", flag, text, map[string]string{"external": "COMMAND", "sarif": "FILE"}[flag])
	}
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(strings.Fields(rest)[0]), filepath.Ext(strings.Fields(rest)[0]))
	}
	return name, rest, nil
}

// externalControl is how many samples a foreign scanner judges again.
const externalControl = 100

func (a *app) externalContestant(text string, idle time.Duration) (contestant, error) {
	name, command, err := named("external", text)
	if err != nil {
		return contestant{}, err
	}
	x, err := bench.ParseExternal(command)
	if err != nil {
		return contestant{}, usagef("--external: %w", err)
	}
	x.Env, x.Stderr, x.Idle = a.env, a.stderr, idle
	description := "command " + command
	return contestant{
		name:      name,
		detectors: []bench.Detector{{Name: name, Version: command, Digest: commandDigest(x.Args)}},
		config:    description, configDigest: models.Digest([]byte(description)),
		open: func(map[string]*models.Catalogue) (bench.Judge, func() error, error) {
			return x, func() error { return nil }, nil
		},
		whole: true, control: externalControl,
	}, nil
}

// maxCommandBytes limits the files of a command that its digest is of.
const maxCommandBytes = 1 << 30

// commandDigest identifies a command by its words and the files among them: the program itself, and scripts.
func commandDigest(args []string) string {
	parts := [][]byte{[]byte(strings.Join(args, "\x00"))}
	for i, arg := range args {
		if i == 0 {
			if path, err := exec.LookPath(arg); err == nil {
				arg = path
			}
		}
		if info, err := os.Stat(arg); err != nil || !info.Mode().IsRegular() { // a device may have no end
			continue
		}
		if data, err := readFile(arg, maxCommandBytes); err == nil {
			parts = append(parts, data)
		}
	}
	return models.Digest(parts...)
}

// maxSARIFBytes limits a SARIF log.
const maxSARIFBytes = 512 << 20

func (a *app) sarifContestant(text string, samples []corpus.Sample) (contestant, error) {
	name, path, err := named("sarif", text)
	if err != nil {
		return contestant{}, err
	}
	data, err := readFile(path, maxSARIFBytes)
	if err != nil {
		return contestant{}, fmt.Errorf("reading SARIF: %w", err)
	}
	log, err := bench.ParseSARIF(data)
	if err != nil {
		return contestant{}, fmt.Errorf("%s: %w", path, err)
	}
	if strange := log.Strange(samples); len(strange) > 0 {
		a.warn("%s in %s is about no event that is measured: the first is about %q", plural(len(strange), "result"), path, strange[0])
	}
	digest := models.Digest(data)
	return contestant{
		name:      name,
		detectors: []bench.Detector{{Name: name, Version: "results in " + filepath.Base(path), Digest: digest}},
		config:    "results read from a SARIF log", configDigest: digest,
		open: func(map[string]*models.Catalogue) (bench.Judge, func() error, error) {
			return log, func() error { return nil }, nil
		},
		stored: true,
	}, nil
}

// variations are the samples at every other place, in every other language and under every disguise.
func variations(samples []corpus.Sample, seed uint64) ([]corpus.Sample, error) {
	varied, err := compose.Each(samples, compose.Techniques(), seed)
	if err != nil {
		return nil, fmt.Errorf("composing variations: %w", err)
	}
	return varied, nil
}

// measuringBuild is this build, with the commit of the checkout where `go run` has left it out, else the digest of the
// program itself in its place.
func measuringBuild(ctx context.Context) build {
	b := thisBuild()
	if b.Commit != "" {
		return b
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if head, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output(); err == nil && ownCheckout() {
		b.Commit = strings.TrimSpace(string(head))
		changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output()
		b.Modified = err != nil || len(changes) > 0
		return b
	}
	if path, err := os.Executable(); err == nil {
		if data, err := os.ReadFile(path); err == nil {
			b.Commit = "program " + models.Digest(data)
		}
	}
	return b
}

// ownCheckout reports whether the working directory is in a checkout of this module: the commit of another one would
// say nothing.
func ownCheckout() bool {
	dir, err := os.Getwd()
	for err == nil {
		if data, readErr := os.ReadFile(filepath.Join(dir, "go.mod")); readErr == nil {
			return strings.HasPrefix(string(data), "module "+modulePath+"\n")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
	return false
}

const modulePath = "github.com/aad6b6dc/taster"

func thisMachine() bench.Machine {
	return bench.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpuModel(), CPUs: runtime.NumCPU(), Go: runtime.Version()}
}

// cpuModel is what Linux says of the first CPU, or nothing.
func cpuModel() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
