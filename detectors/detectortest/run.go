package detectortest

import (
	"context"
	"net"
	"os"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/host"
	"github.com/aad6b6dc/taster/detectors/internal/protocol"
	"github.com/aad6b6dc/taster/detectors/plugin"
	"github.com/aad6b6dc/taster/models"
)

// serveArgument is the first argument with which a test binary is a plugin; the second one names the detector.
const serveArgument = "detectortest-serve"

// mainRan is set by Main: this binary can be run as a plugin.
var mainRan bool

// Main is the TestMain of a package whose detectors are tested with [Run]: it lets the test binary run itself as their
// plugin process.
func Main(m *testing.M, specs ...detectors.Spec) {
	if len(os.Args) == 3 && os.Args[1] == serveArgument {
		for _, s := range specs {
			if s.Name == os.Args[2] {
				s.Deadline = detectors.MaxDeadline // a test machine may be slow
				plugin.Serve(s)
			}
		}
		os.Exit(2)
	}
	mainRan = true
	os.Exit(m.Run())
}

// Option changes what [Run] and [Cases] expect.
type Option func(*options)

type options struct {
	config   detectors.Config
	unstable bool
}

// WithConfig configures the detector.
func WithConfig(cfg detectors.Config) Option { return func(o *options) { o.config = cfg } }

// Unstable is for a detector whose answers may differ from call to call, such as one that asks a language model.
func Unstable() Option { return func(o *options) { o.unstable = true } }

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Run is the conformance suite. It needs [Main] in the package's TestMain.
func Run(t *testing.T, spec detectors.Spec, opts ...Option) {
	t.Helper()
	if !mainRan {
		t.Fatal("add to the package's tests: func TestMain(m *testing.M) { detectortest.Main(m, Spec) }")
	}
	if err := detectors.Validate(spec); err != nil {
		t.Fatal(err)
	}
	o := collect(opts)
	direct := runIn(t, "direct", &spec, o, makeDirect(t, spec, o))
	for _, placement := range []struct {
		name string
		make func(*testing.T, detectors.Spec, options) detectors.Detector
	}{{"grpc", makeWired}, {"process", makeProcess}} {
		answers := runIn(t, placement.name, &spec, o, placement.make(t, spec, o))
		t.Run(placement.name+"/same answers", func(t *testing.T) {
			if o.unstable {
				t.Skip("the detector is unstable")
			}
			if len(answers.outcomes) == 0 || len(answers.outcomes) != len(direct.outcomes) {
				t.Fatalf("%d answers, %d directly", len(answers.outcomes), len(direct.outcomes))
			}
			if err := sameOutcomes("than directly", direct.inputs, direct.outcomes, answers.outcomes); err != nil {
				t.Error(err)
			}
		})
	}
}

// answers is what a placement said to all inputs.
type answers struct {
	inputs   []detectors.Input
	outcomes []models.Outcome
}

func runIn(t *testing.T, placement string, spec *detectors.Spec, o options, d detectors.Detector) (a answers) {
	t.Helper()
	s, err := newSubject(spec, d, o.unstable)
	if err != nil {
		t.Fatal(err)
	}
	t.Run(placement, func(t *testing.T) {
		for _, c := range checks() {
			t.Run(c.name, func(t *testing.T) {
				if err := c.run(t.Context(), s); err != nil {
					t.Errorf("the detector must be one that %s: %v", c.what, err)
				}
			})
		}
		a.inputs = append(append(a.inputs, s.samples...), s.odd...)
		if a.outcomes, err = s.ask(t.Context(), a.inputs); err != nil {
			t.Error(err)
		}
	})
	return a
}

func (o *options) configs(spec *detectors.Spec) map[string]detectors.Config {
	return map[string]detectors.Config{spec.Name: o.config}
}

func makeDirect(t *testing.T, spec detectors.Spec, o options) detectors.Detector {
	t.Helper()
	loaded, err := host.InProcess(t.Context(), []detectors.Spec{spec}, o.configs(&spec))
	if err != nil {
		t.Fatal(err)
	}
	return loaded[0].Detector
}

// makeWired puts the protocol between, but no process.
func makeWired(t *testing.T, spec detectors.Spec, o options) detectors.Detector {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := protocol.NewGRPCServer(nil)
	if err := protocol.PluginSet(protocol.NewServer(spec))[protocol.PluginName].(*protocol.Plugin).GRPCServer(nil, server); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient("passthrough:wire", append(protocol.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-done
	})
	client := protocol.NewClient(conn)
	if err := client.Configure(t.Context(), spec.Name, o.config); err != nil {
		t.Fatal(err)
	}
	return wired{client, spec.Name}
}

type wired struct {
	client *protocol.Client
	name   string
}

func (w wired) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	return w.client.Detect(ctx, w.name, patience, batch)
}

func makeProcess(t *testing.T, spec detectors.Spec, o options) detectors.Detector {
	t.Helper()
	source, err := host.SelfSource(serveArgument, spec.Name)
	if err != nil {
		t.Fatal(err)
	}
	source.Configs = o.configs(&spec)
	p, err := host.Launch(t.Context(), source, host.Options{LaunchTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.Detectors()[0].Detector
}
