package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/pipeline/config"
)

const serveHelp = `Take events from NATS, judge them, publish verdicts.

Without --nats a server runs inside this process, with its files in the data directory, open to clients of this machine
only. It runs until it is interrupted, then finishes and stores what it has in hand; a second interrupt ends it at once.

SIGHUP makes it read its configuration anew. What decides comes into force at once: the policy, from the file of --policy
or the configuration, which of the shipped detectors run, and their sections. Detectors whose sections have changed are
replaced, and no event is lost or judged by half of each. The new epoch is announced, live definitions are judged again,
and what changed is published. If anything is wrong, a rule pack that is not the pinned one for instance, all stays as it
was. Everything else in the configuration takes a restart.`

// serveFlags are the flags of serve; each wins over the configuration file.
type serveFlags struct {
	file      string
	dataDir   string
	listen    string
	nats      config.NATS
	pluginDir string
	policy    string
	metrics   string
	inProcess bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Judge events from NATS until interrupted",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), func() (config.Config, error) { return f.config(cmd) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.file, "config", "", "configuration `FILE` (taster config prints one)")
	flags.StringVar(&f.dataDir, "data-dir", "", "`DIR` of the embedded server's files")
	flags.StringVar(&f.listen, "listen", "", "`ADDRESS` of the embedded server, with port 0 for a free one, or none")
	flags.StringVar(&f.pluginDir, "plugin-dir", "", "`DIR` with the manifests of outside plugins")
	flags.StringVar(&f.policy, "policy", "", "policy `FILE`")
	flags.StringVar(&f.metrics, "metrics", "", "`ADDRESS` for Prometheus, for example 127.0.0.1:9464")
	flags.BoolVar(&f.inProcess, "in-process", false, "run the shipped detectors inside this process: faster, and not contained")
	busFlags(cmd, &f.nats, runOne)
	return cmd
}

// config is the configuration file, or the default one, with the flags over it.
func (f *serveFlags) config(cmd *cobra.Command) (config.Config, error) {
	c := config.Default()
	if f.file != "" {
		var err error
		if c, err = config.Load(f.file); err != nil {
			return c, err
		}
	}
	if f.policy != "" {
		p, err := readPolicy(f.policy)
		if err != nil {
			return c, err
		}
		c.Policy = p
	}
	set := func(flag string, field *string, value string) {
		if cmd.Flags().Changed(flag) {
			*field = value
		}
	}
	if f.listen == "none" {
		f.listen = ""
	}
	set("data-dir", &c.DataDir, f.dataDir)
	set("listen", &c.NATS.Listen, f.listen)
	set("plugin-dir", &c.Detectors.PluginDir, f.pluginDir)
	set("metrics", &c.Metrics.Listen, f.metrics)
	set("nats", &c.NATS.URL, f.nats.URL)
	set("creds", &c.NATS.CredentialsFile, f.nats.CredentialsFile)
	set("nkey", &c.NATS.NkeySeedFile, f.nats.NkeySeedFile)
	set("user", &c.NATS.User, f.nats.User)
	set("password-file", &c.NATS.PasswordFile, f.nats.PasswordFile)
	set("tls-ca", &c.NATS.TLS.CAFile, f.nats.TLS.CAFile)
	set("tls-cert", &c.NATS.TLS.CertFile, f.nats.TLS.CertFile)
	set("tls-key", &c.NATS.TLS.KeyFile, f.nats.TLS.KeyFile)
	c.Detectors.InProcess = c.Detectors.InProcess || f.inProcess
	if c.NATS.URL != "" && !cmd.Flags().Changed("listen") {
		c.NATS.Listen = "" // the default address is for the embedded server
	}
	if err := c.Validate(); err != nil {
		return c, &codedError{code: exitUsage, err: err}
	}
	return c, nil
}

// serve runs until ctx ends. load reads the configuration; it is called again at each SIGHUP.
func (a *app) serve(ctx context.Context, load func() (config.Config, error)) error {
	c, err := load()
	if err != nil {
		return err
	}
	a.tuneMemory()
	registry := prometheus.NewRegistry()
	var s *station
	s, err = a.openStation(ctx, c, registry, func() { a.warn("%s", s.greeting(c)) })
	if err != nil {
		return err
	}
	stopMetrics, err := a.serveMetrics(c.Metrics.Listen, registry)
	if err != nil {
		return errors.Join(err, s.close())
	}
	stopReloading := a.reloading(ctx, s, c, load)
	err = s.runner.Run(ctx)
	stopReloading()
	return errors.Join(err, stopMetrics(), s.close())
}

// reloading takes over policy and detectors from the configuration at every SIGHUP until stop is called. One that can't
// be read, or with which a detector does not start, changes nothing. Whom the engine believes and whom it asks stays as it
// was: that a key was taken out of the list, or the judge out of the file, in vain is told.
func (a *app) reloading(ctx context.Context, s *station, running config.Config, load func() (config.Config, error)) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	calibration := s.calibration
	go func() {
		defer close(done)
		for range hangups {
			c, err := load()
			if err == nil {
				c, _, err = placeKnowledge(c)
			}
			if err == nil {
				err = s.crew.reload(ctx, s.engine, c, a.reloaded)
			}
			if err != nil {
				a.warn("keeping the old policy and detectors: %v", err)
				continue
			}
			if !slices.Equal(c.Indicators.TrustedKeys, running.Indicators.TrustedKeys) {
				a.warn("the keys of indicators.trusted_keys have changed: that takes a restart, until then the old ones count")
			}
			if !reflect.DeepEqual(c.Judge, running.Judge) || judgeDisabled(c.Detectors) != judgeDisabled(running.Detectors) {
				a.warn("the judge's configuration has changed: that takes a restart, until then the old one counts")
			}
			if now, err := c.Fusion(); err != nil || now.Version != calibration {
				a.warn("the calibration has changed: that takes a restart, until then the old one counts")
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-done
	}
}

// reloaded says what came into force.
func (a *app) reloaded(detectors bool) {
	if detectors {
		a.warn("policy and detectors reloaded")
		return
	}
	a.warn("policy reloaded")
}

// greeting says where the engine is to be found.
func (s *station) greeting(c config.Config) string {
	where := "a NATS server inside this process, without a port"
	switch {
	case c.NATS.URL != "":
		where = s.conn.ConnectedUrlRedacted()
	case s.server.ClientURL() != "":
		where = s.server.ClientURL()
	}
	return fmt.Sprintf("serving tenants %q on %s with %d detectors; interrupt to stop", tenantNames(c), where, len(s.engine.Epoch("").Detectors))
}

// serveMetrics answers Prometheus at address, if there is one, until stop is called.
func (a *app) serveMetrics(address string, registry *prometheus.Registry) (stop func() error, err error) {
	if address == "" {
		return func() error { return nil }, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("opening the metrics address: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

func (a *app) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the configuration of serve with every default",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(config.Example)
			return err
		},
	}
}
