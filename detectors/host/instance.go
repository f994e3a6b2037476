package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/protocol"
)

// instance is one life of a plugin process, from launch to death. A dead one is never revived: go-plugin's client
// would go on to hand out the address of the dead.
type instance struct {
	client *goplugin.Client
	rpc    *protocol.Client
	child  *child
	logs   *slog.Logger

	inFlight atomic.Int32
	served   atomic.Bool // has answered a batch
	provoked atomic.Bool // died over a call
	overruns atomic.Int32

	condemnOnce sync.Once
	condemned   chan struct{} // closed when the process has to go
	why         string        // valid after condemned
}

// launch starts a process, reads its specs, configures its detectors and probes them.
func launch(ctx context.Context, s *Source, socketDir string, opts *Options) (*instance, []detectors.Spec, error) {
	inst := &instance{condemned: make(chan struct{}), logs: opts.Logger}
	specs, err := inst.launch(ctx, s, socketDir, opts)
	if err != nil {
		inst.kill()
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		return nil, nil, err
	}
	return inst, specs, nil
}

func (i *instance) launch(ctx context.Context, s *Source, socketDir string, opts *Options) ([]detectors.Spec, error) {
	if err := i.connect(ctx, s, socketDir, opts); err != nil {
		return nil, err
	}
	specs, err := i.rpc.Describe(ctx)
	if err != nil {
		return nil, fmt.Errorf("describing detectors: %w", err)
	}
	if err := checkSpecs(specs); err != nil {
		return nil, err
	}
	if err := knownNames(s.Configs, specs); err != nil {
		return nil, err
	}
	for k := range specs {
		name := specs[k].Name
		cfg, err := s.config(name)
		if err != nil {
			return nil, err
		}
		if err := i.rpc.Configure(ctx, name, cfg); err != nil {
			return nil, fmt.Errorf("configuring detector %q: %w", name, err)
		}
		if err := i.probe(ctx, &specs[k]); err != nil {
			return nil, fmt.Errorf("probing detector %q: %w", name, err)
		}
	}
	return specs, nil
}

func (i *instance) connect(ctx context.Context, s *Source, socketDir string, opts *Options) error {
	exe, err := s.verify()
	if err != nil {
		return err
	}
	if i.child, err = newChild(s, exe); err != nil {
		exe.Close()
		return err
	}
	deadline, _ := ctx.Deadline()
	i.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  protocol.Handshake(),
		Plugins:          protocol.PluginSet(nil),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         s.TLS,
		SkipHostEnv:      true,
		StartTimeout:     time.Until(deadline) + stopTime, // the deadline itself is kept by AfterFunc below
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: socketDir},
		GRPCDialOptions:  protocol.DialOptions(),
		Logger:           hclog.NewNullLogger(),
		Stderr:           newLineLog(opts.Logger),
		SyncStdout:       newLineLog(opts.Logger),
		SyncStderr:       newLineLog(opts.Logger),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			if err := giveTo(dir, s.User); err != nil {
				return nil, err
			}
			i.child.cmd.Env = append(environment(dir), cmd.Env...)
			return i.child, nil
		},
	})
	stop := context.AfterFunc(ctx, i.child.kill)
	defer stop()
	protocolClient, err := i.client.Client()
	if err != nil {
		return fmt.Errorf("starting the process: %w", err)
	}
	dispensed, err := protocolClient.Dispense(protocol.PluginName)
	if err != nil {
		return fmt.Errorf("connecting to the process: %w", err)
	}
	i.rpc = dispensed.(*protocol.Client)
	return nil
}

// environment is all that a plugin gets beside what the handshake needs: nothing of the host's.
func environment(dir string) []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TMPDIR=" + dir}
}

// checkSpecs judges what a plugin says of itself by the same rules as what this program says.
func checkSpecs(specs []detectors.Spec) error {
	if len(specs) == 0 {
		return errors.New("checking detectors: the plugin has none")
	}
	whole := make([]detectors.Spec, len(specs))
	for i, s := range specs {
		s.New = func(context.Context, detectors.Config) (detectors.Detector, error) { return nil, nil }
		whole[i] = s
	}
	if err := detectors.Validate(whole...); err != nil {
		return fmt.Errorf("checking detectors: %w", err)
	}
	return nil
}

// sameSpecs reports whether a restarted plugin still is what it was.
func sameSpecs(a, b []detectors.Spec) bool { return reflect.DeepEqual(a, b) }

// probe asks for nothing, which every detector answers at once.
func (i *instance) probe(ctx context.Context, spec *detectors.Spec) error {
	_, err := i.rpc.Detect(ctx, spec.Name, max(spec.Deadline, probeTime), &detectors.Batch{})
	return err
}

// probeTime is the least time that a probe gets: a process that has just started on a busy machine is not stuck.
const probeTime = 5 * time.Second

// detect asks the process and draws the conclusions about it.
func (i *instance) detect(ctx context.Context, spec *detectors.Spec, batch *detectors.Batch, maxOverruns int) (detectors.Answer, error) {
	i.inFlight.Add(1)
	defer i.inFlight.Add(-1)
	start := time.Now()
	answer, err := i.rpc.Detect(ctx, spec.Name, spec.Deadline, batch)
	switch {
	case err == nil:
		i.served.Store(true)
	case protocol.Broken(err):
		i.condemn("the connection broke")
		if i.diedBefore(ctx, start) {
			return answer, errAlreadyDead
		}
		i.provoked.Store(true)
	case protocol.Overrun(err) && time.Since(start) >= spec.Deadline/2 && len(batch.Inputs) > 0:
		// A caller in a hurry says nothing about the process, so only calls that had a fair share of the deadline count; and
		// a probe that came late, that the machine is busy: no event is to blame.
		if n := i.overruns.Add(1); int(n) >= maxOverruns {
			i.provoked.Store(true)
			i.condemn(fmt.Sprintf("%d calls passed their deadline without an answer", n))
		}
	}
	return answer, err
}

// errAlreadyDead says that a call never reached the process.
var errAlreadyDead = errors.New("the process was dead before the call")

// diedBefore reports whether the process, which is condemned, was dead at a time.
func (i *instance) diedBefore(ctx context.Context, start time.Time) bool {
	select {
	case <-i.child.exited:
		return i.child.diedAt.Before(start)
	case <-ctx.Done():
		return false
	}
}

func (i *instance) condemn(why string) {
	i.condemnOnce.Do(func() {
		i.why = why
		close(i.condemned)
	})
}

// diedOverCall reports whether a call was under way when the process died.
func (i *instance) diedOverCall() bool { return i.provoked.Load() || i.inFlight.Load() > 0 }

// kill ends the process at once and waits for what belongs to it.
func (i *instance) kill() {
	if i.client == nil {
		return
	}
	if i.child != nil {
		i.child.kill()
	}
	i.client.Kill()
}

// stopTime is how long a process may take to stop when it is asked to.
const stopTime = 2 * time.Second

// stop ends the process in good order, or after stopTime without.
func (i *instance) stop() {
	timer := time.AfterFunc(stopTime, i.child.kill)
	defer timer.Stop()
	i.client.Kill()
}
