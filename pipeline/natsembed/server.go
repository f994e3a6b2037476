// Package natsembed runs a NATS server with JetStream inside the process: the bus of a Taster that needs no other
// installation. Without an address it opens no port at all and is reached through [Server.Connect].
//
//	srv, err := natsembed.Start(natsembed.Settings{Dir: "/var/lib/taster"})
//	...
//	defer srv.Shutdown()
//	nc, err := srv.Connect(nats.Name("engine"))
package natsembed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// MaxPayload is the largest message in bytes that the server takes unless its configuration file says otherwise. An
// event of 4 MiB fits with its headers.
const MaxPayload = 8 << 20

// startTimeout bounds the wait for the listeners.
const startTimeout = 30 * time.Second

// Settings say what to start. The zero value is not usable: name a Dir or a ConfigFile.
type Settings struct {
	// Dir is where JetStream keeps its files; it is created. Required without a ConfigFile, and it wins over the
	// file's store_dir. One process at a time may use it.
	Dir string
	// Listen is the TCP address for clients, "host:port" or ":port". Optional: empty opens no port, an empty host
	// means 127.0.0.1 and port 0 takes a free one. It wins over the ConfigFile's address.
	Listen string
	// ConfigFile is a nats-server configuration, for accounts and permissions. Optional. What it leaves out is filled
	// in from here, never from nats-server's defaults of 0.0.0.0:4222 and 1 MiB.
	ConfigFile string
	// SyncAlways writes every message through to the disk before it is acknowledged. Without it a crash of the
	// process loses nothing, but a loss of power can lose the last two minutes. It costs about thirty times in
	// throughput.
	SyncAlways bool
	// Logger gets what the server has to say. Optional: nil discards it.
	Logger *slog.Logger
}

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	nats *server.Server
	lock *os.File
}

// Start starts a server and returns when it takes connections.
//
// It returns [*LockedError] when another process is using the data directory.
func Start(s Settings) (*Server, error) {
	opts, err := s.options()
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(opts.StoreDir)
	if err != nil {
		return nil, err
	}
	srv, err := start(opts, s.Logger)
	if err != nil {
		return nil, errors.Join(err, unlock(lock))
	}
	return &Server{nats: srv, lock: lock}, nil
}

func start(opts *server.Options, log *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("configuring the NATS server: %w", err)
	}
	logger := newLogger(log)
	srv.SetLoggerV2(logger, logger.debugging(), false, false)
	srv.Start()
	if err := readiness(srv, logger); err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("starting the NATS server: %w", err)
	}
	return srv, nil
}

// readiness says whether srv started: the server reports a failure only to its log, as a fatal entry.
func readiness(srv *server.Server, logger *logger) error {
	select {
	case err := <-logger.fatal:
		return err
	default:
	}
	if !srv.ReadyForConnections(startTimeout) {
		return fmt.Errorf("not ready within %s", startTimeout)
	}
	if !srv.JetStreamEnabled() {
		return errors.New("JetStream is not enabled")
	}
	return nil
}

// options merges the configuration file with the settings.
func (s Settings) options() (*server.Options, error) {
	opts := &server.Options{}
	if s.ConfigFile != "" {
		var err error
		if opts, err = server.ProcessConfigFile(s.ConfigFile); err != nil {
			return nil, fmt.Errorf("reading NATS configuration %q: %w", s.ConfigFile, err)
		}
	}
	if s.Dir != "" {
		opts.StoreDir = s.Dir
	}
	if opts.StoreDir == "" {
		return nil, errors.New("starting the NATS server: no data directory: name one, or a store_dir in the configuration file")
	}
	if err := s.listen(opts); err != nil {
		return nil, err
	}
	if opts.MaxPayload == 0 {
		opts.MaxPayload = MaxPayload
	}
	opts.JetStream = true
	opts.SyncAlways = opts.SyncAlways || s.SyncAlways
	opts.NoSigs = true
	opts.DisableJetStreamBanner = true
	return opts, nil
}

func (s Settings) listen(opts *server.Options) error {
	if s.Listen == "" {
		opts.DontListen = opts.DontListen || opts.Host == "" && opts.Port == 0
		if opts.Host == "" {
			opts.Host = "127.0.0.1"
		}
		return nil
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf("reading NATS address %q: %w", s.Listen, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("reading NATS address %q: %w", s.Listen, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	opts.Host, opts.Port, opts.DontListen = host, int(n), false
	if n == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}

// ClientURL is where clients of other processes connect, or empty when the server opened no port.
func (s *Server) ClientURL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// Connect connects inside the process, without a port. With accounts, the options need a user; a wrong one is only
// noticed after ten seconds, when the server gives up writing its refusal. The connection ends with the server and
// never comes back: connect anew to a server that was started anew.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect("", append([]nats.Option{nats.InProcessServer(s)}, opts...)...)
	switch {
	case errors.Is(err, io.ErrClosedPipe):
		return nil, fmt.Errorf("connecting to the embedded NATS server: refused: wrong user or password, or shut down: %w", err)
	case err != nil:
		return nil, fmt.Errorf("connecting to the embedded NATS server: %w", err)
	}
	return nc, nil
}

// InProcessConn makes the server a [nats.InProcessConnProvider].
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Shutdown stops the server, waits until its files are closed and frees the data directory. Close connections first:
// what they have in flight is lost to them. A second call does nothing.
func (s *Server) Shutdown() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	_ = unlock(s.lock) // closed by an earlier call at worst
}

// logger passes the server's log on and keeps the first fatal entry.
type logger struct {
	slog  *slog.Logger
	fatal chan error
}

func newLogger(log *slog.Logger) *logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &logger{slog: log, fatal: make(chan error, 1)}
}

func (l *logger) debugging() bool { return l.slog.Enabled(context.Background(), slog.LevelDebug) }

// Noticef logs what happens at each start and stop; to Taster's own user that is detail.
func (l *logger) Noticef(format string, v ...any) { l.slog.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Debugf(format string, v ...any)  { l.slog.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Tracef(format string, v ...any)  { l.slog.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Warnf(format string, v ...any)   { l.slog.Warn(fmt.Sprintf(format, v...)) }
func (l *logger) Errorf(format string, v ...any)  { l.slog.Error(fmt.Sprintf(format, v...)) }

func (l *logger) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
		l.slog.Error(fmt.Sprintf(format, v...))
	}
}
