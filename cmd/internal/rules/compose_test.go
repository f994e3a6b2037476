package rules

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"

	"github.com/aad6b6dc/taster/pipeline/config"
)

// The trial deployment: these files are one thing, and say the same names.
const (
	composeFile = "docker-compose.yml"
	natsFile    = "cmd/taster/deploy/nats.conf"
	engineFile  = "cmd/taster/deploy/taster.yaml"
	dockerFile  = "cmd/taster/deploy/Dockerfile"
)

func TestCompose(t *testing.T) {
	dir := root(t)
	if err := checkCompose(t, dir, read(t, composeFile)); err != nil {
		t.Error(err)
	}
}

// TestComposeIsChecked breaks one thing after another, each of which must be noticed.
func TestComposeIsChecked(t *testing.T) {
	good := string(read(t, composeFile))
	for _, tt := range []struct{ old, new, want string }{
		{"services:", "servcies:", "servcies"},
		{"nats:2.15.2-alpine", "nats:alpine", "not pinned"},
		{"nats:2.15.2-alpine", "nats", "not pinned"},
		{"${TASTER_ENGINE_PASSWORD:-trial-engine}", "${TASTER_ENGINE_PASSWORD:?}", "TASTER_ENGINE_PASSWORD"},
		{"./cmd/taster/deploy/nats.conf:", "./deploy/nats.conf:", "no such file"},
		{"nats.conf:ro", "nats.conf", "can be written"},
		{"dockerfile: cmd/taster/deploy/Dockerfile", "dockerfile: Dockerfile", "no such file"},
		{"read_only: true", "read_only: false", "not read-only"},
		{`cap_drop: ["ALL"]`, "cap_drop: []", "capabilities"},
		{`security_opt: ["no-new-privileges:true"]`, "privileged: true", "privileges"},
		{"TASTER_NATS_USER: engine", "TASTER_NATS_USER: motor", "no user motor"},
		{"TASTER_NATS_USER: acme", "TASTER_NATS_USERNAME: acme", "TASTER_NATS_USERNAME"},
		{"TASTER_NATS_PASSWORD: ${TASTER_ACME_PASSWORD:-trial-acme}", "TASTER_NATS_PASSWORD: other", "password of acme"},
		{"TASTER_GLOBEX_PASSWORD: ", "TASTER_GLOBE_PASSWORD: ", "TASTER_GLOB"},
		{"engine-data:/data", "engine-data:/var", "no volume keeps /data"},
		{"    mem_limit: 512m", "    user: root", "runs as root"},
		{`"127.0.0.1:4222:4222"`, `"4222:4222"`, "every address"},
		{`"--tenant", "acme"`, `"--tenant", "default"`, "tenant"},
		{"nats://nats:4222", "nats://bus:4222", "bus"},
		{"/etc/taster/taster.yaml\"]", "/etc/taster.yaml\"]", "/etc/taster.yaml"},
	} {
		if !strings.Contains(good, tt.old) {
			t.Errorf("%s has no %q any more", composeFile, tt.old)
			continue
		}
		err := checkCompose(t, root(t), []byte(strings.Replace(good, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q instead of %q: got %v, want %q", tt.new, tt.old, err, tt.want)
		}
	}
}

func TestWaysToKnowledge(t *testing.T) {
	for line, want := range map[string]bool{
		`{ service: "$JS.API.DIRECT.GET.KV_TASTER_INDICATORS.>" }`: true,
		`{ service: "$KV.TASTER_INDICATORS.>" }`:                   true,
		`{ service: "$KV.>" }`:                                     true,
		`{ service: "$JS.API.>" }`:                                 true,
		`{ service: "$JS.API.DIRECT.GET.>" }`:                      true,
		`allow: [ "$JS.>" ]`:                                       true,
		`allow: ">"`:                                               true,
		`{ service: "$JS.ACK.TASTER_VERDICTS_acme.gateway.>" }`:    false,
		`{ service: "$JS.API.DIRECT.GET.KV_TASTER_LAST_acme.$KV.TASTER_LAST_acme.>" }`:         false,
		`{ service: "$JS.API.CONSUMER.MSG.NEXT.TASTER_VERDICTS_acme.gateway", accounts: [A] }`: false,
	} {
		if got := waysToKnowledge.MatchString(line); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// checkCompose reports what is wrong with a compose file that stands in dir.
func checkCompose(t *testing.T, dir string, file []byte) error {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), compose.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []compose.ConfigFile{{Filename: filepath.Join(dir, composeFile), Content: file}},
		Environment: compose.Mapping{}, // a clean machine sets nothing
	}, func(o *loader.Options) { o.SetProjectName("taster", true) })
	if err != nil {
		return err
	}
	engine, err := config.Load(filepath.Join(dir, engineFile))
	if err != nil {
		return err
	}
	d := deployment{project: project, engine: engine, nats: string(read(t, natsFile))}
	for _, s := range project.Services {
		d.confined(s)
		d.files(s)
		d.ports(s)
		d.logOn(s)
		d.addresses(s)
	}
	d.secrets()
	d.tenants()
	d.knowledge()
	return errors.Join(d.problems...)
}

// deployment collects problems.
type deployment struct {
	project  *compose.Project
	engine   config.Config
	nats     string
	problems []error
}

func (d *deployment) add(s compose.ServiceConfig, format string, args ...any) {
	d.problems = append(d.problems, fmt.Errorf("service %s: "+format, append([]any{s.Name}, args...)...))
}

// version is a tag that stays what it is.
var version = regexp.MustCompile(`:v?\d+\.\d+\.\d+\S*$|@sha256:[0-9a-f]{64}$`)

func (d *deployment) confined(s compose.ServiceConfig) {
	if s.Build == nil && !version.MatchString(s.Image) {
		d.add(s, "image %q is not pinned to a version", s.Image)
	}
	if !s.ReadOnly {
		d.add(s, "the root file system is not read-only")
	}
	if !slices.Contains(s.CapDrop, "ALL") {
		d.add(s, "it keeps capabilities")
	}
	if s.Privileged || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		d.add(s, "it can gain privileges")
	}
	if user, _, _ := strings.Cut(s.User, ":"); s.Build != nil && s.User != "" || user == "0" || user == "root" {
		d.add(s, "it runs as %s, not as the user of its image", s.User)
	}
}

func (d *deployment) files(s compose.ServiceConfig) {
	for _, v := range s.Volumes {
		if v.Type != compose.VolumeTypeBind {
			continue
		}
		if !v.ReadOnly {
			d.add(s, "%s can be written", v.Source)
		}
		d.exists(s, v.Source)
	}
	if s.Build != nil {
		d.exists(s, filepath.Join(s.Build.Context, s.Build.Dockerfile))
	}
}

func (d *deployment) exists(s compose.ServiceConfig, path string) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a file", path)
	}
	if err != nil {
		d.add(s, "%w", err)
	}
}

func (d *deployment) ports(s compose.ServiceConfig) {
	for _, p := range s.Ports {
		if p.HostIP != "127.0.0.1" {
			d.add(s, "port %s is open at every address", p.Published)
		}
	}
}

// logOn checks that a service logs on as a user that nats.conf has, with that user's password.
func (d *deployment) logOn(s compose.ServiceConfig) {
	if s.Build == nil {
		return
	}
	for name := range s.Environment {
		if name != "TASTER_NATS_USER" && name != "TASTER_NATS_PASSWORD" {
			d.add(s, "taster reads no variable %s", name)
		}
	}
	user := value(s, "TASTER_NATS_USER")
	match := regexp.MustCompile(`user: ` + regexp.QuoteMeta(user) + `,?\s+password: \$(\w+)`).FindStringSubmatch(d.nats)
	if match == nil {
		d.add(s, "%s has no user %s", natsFile, user)
		return
	}
	if password := value(s, "TASTER_NATS_PASSWORD"); password == "" || password != value(d.project.Services["nats"], match[1]) {
		d.add(s, "TASTER_NATS_PASSWORD is not the password of %s", user)
	}
}

func value(s compose.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return ""
}

// addresses checks what the command line names: servers, tenants and files.
func (d *deployment) addresses(s compose.ServiceConfig) {
	if s.Build == nil {
		return
	}
	for i, arg := range s.Command[:len(s.Command)-1] {
		next := s.Command[i+1]
		switch arg {
		case "--nats":
			d.server(s, next)
		case "--tenant":
			if next != value(s, "TASTER_NATS_USER") || !slices.ContainsFunc(d.engine.Tenants, func(t config.Tenant) bool { return t.Name == next }) {
				d.add(s, "tenant %s is not one of the engine's, or not this user's", next)
			}
		case "--config":
			if !slices.ContainsFunc(s.Volumes, func(v compose.ServiceVolumeConfig) bool { return v.Target == next }) {
				d.add(s, "nothing is mounted at %s", next)
			}
			d.server(s, d.engine.NATS.URL)
		}
	}
}

func (d *deployment) server(s compose.ServiceConfig, url string) {
	if url != "nats://nats:4222" || !regexp.MustCompile(`(?m)^listen: 0\.0\.0\.0:4222$`).MatchString(d.nats) {
		d.add(s, "%s is not where the server listens", url)
	}
}

// secrets compares the variables that the server gets with those that its configuration reads.
func (d *deployment) secrets() {
	server := d.project.Services["nats"]
	read := map[string]bool{}
	for _, m := range regexp.MustCompile(`password: \$(\w+)`).FindAllStringSubmatch(d.nats, -1) {
		read[m[1]] = true
	}
	given := slices.Sorted(maps.Keys(server.Environment))
	if want := slices.Sorted(maps.Keys(read)); len(want) == 0 || !slices.Equal(given, want) {
		d.add(server, "it gets the variables %v, and %s reads %v", given, natsFile, want)
	}
}

// tenants compares the engine's with those of the server: each has an account and exports.
func (d *deployment) tenants() {
	var served, exported []string
	for _, t := range d.engine.Tenants {
		served = append(served, t.Name)
	}
	for _, m := range regexp.MustCompile(`service: "taster\.check\.([^"]+)",\s+accounts`).FindAllStringSubmatch(d.nats, -1) {
		exported = append(exported, m[1])
	}
	if len(served) == 0 || !slices.Equal(slices.Sorted(slices.Values(served)), slices.Sorted(slices.Values(exported))) {
		d.problems = append(d.problems, fmt.Errorf("%s serves %v, and %s exports %v", engineFile, served, natsFile, exported))
	}
}

// knowledge checks that the known texts outlive the engine's container, and that no account but the engine's has a way to
// the bucket that they come from: an export or a permission that names it, or all of JetStream or of the buckets.
func (d *deployment) knowledge() {
	for _, s := range d.project.Services {
		for i, arg := range s.Command {
			kept := slices.ContainsFunc(s.Volumes, func(v compose.ServiceVolumeConfig) bool {
				return v.Type == compose.VolumeTypeVolume && v.Target == d.engine.DataDir
			})
			if arg == "--config" && i > 0 && !kept {
				d.add(s, "no volume keeps %s", d.engine.DataDir)
			}
		}
	}
	for n, line := range strings.Split(d.nats, "\n") {
		rule, _, _ := strings.Cut(line, "#")
		if waysToKnowledge.MatchString(rule) {
			d.problems = append(d.problems, fmt.Errorf("%s:%d: a way to the bucket of known texts", natsFile, n+1))
		}
	}
}

var waysToKnowledge = regexp.MustCompile(`TASTER_INDICATORS|"(\$KV|\$JS(\.API)?(\.[A-Z.]+)?)\.(\*|>)|">"`)

// TestDockerfile checks what can be checked without a container engine: what it copies exists, what it starts is what it
// built, the binary is static, the user is nobody's.
func TestDockerfile(t *testing.T) {
	text := string(read(t, dockerFile))
	built := regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 go build .*-o (\S+) (\./\S+)`).FindStringSubmatch(text)
	if built == nil {
		t.Fatal("no static build")
	}
	out, pkg := built[1], built[2]
	if _, err := os.Stat(filepath.Join(root(t), pkg, "main.go")); err != nil {
		t.Error(err)
	}
	if ignore, err := os.ReadFile(filepath.Join(root(t), ".dockerignore")); err == nil && strings.Contains(string(ignore), "cmd") {
		t.Error(".dockerignore leaves cmd out")
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Fields(m[1]) {
			if _, err := os.Stat(filepath.Join(root(t), name)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, want := range []string{
		"\nFROM scratch\n", "\nCOPY --from=build " + out + " /taster\n", "\nUSER 65532:65532\n", "\nENTRYPOINT [\"/taster\"]\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s has no line %q", dockerFile, strings.TrimSpace(want))
		}
	}
	// The toolchain in the image is the one that go.mod asks for, or a newer one of the same line.
	image := regexp.MustCompile(`(?m)^FROM golang:(\d+\.\d+) AS build$`).FindStringSubmatch(text)
	if image == nil || !regexp.MustCompile(`(?m)^go `+regexp.QuoteMeta(image[1])+`(\.\d+)?$`).Match(read(t, "go.mod")) {
		t.Errorf("%s builds with %v, and go.mod asks for another Go", dockerFile, image)
	}
}
