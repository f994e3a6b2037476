package natsembed

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startServer(t *testing.T, s Settings) *Server {
	t.Helper()
	srv, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	return srv
}

func connect(t *testing.T, srv *Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := srv.Connect(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestNoPortAndSurvivesRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	srv := startServer(t, Settings{Dir: dir})
	if url := srv.ClientURL(); url != "" {
		t.Errorf("a server without an address has URL %q", url)
	}
	nc := connect(t, srv)
	if got := nc.MaxPayload(); got != MaxPayload {
		t.Errorf("max payload %d, want %d", got, MaxPayload)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	srv.Shutdown()
	srv.Shutdown()

	again := startServer(t, Settings{Dir: dir})
	js, err = jetstream.New(connect(t, again))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := s.GetLastMsgForSubject(ctx, "s"); err != nil || string(msg.Data) != "kept" {
		t.Errorf("after the restart: %v, %v", msg, err)
	}
}

func TestListen(t *testing.T) {
	srv := startServer(t, Settings{Dir: t.TempDir(), Listen: ":0"})
	if !strings.HasPrefix(srv.ClientURL(), "nats://127.0.0.1:") {
		t.Fatalf("listens on %q, want loopback", srv.ClientURL())
	}
	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestConfigFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "nats.conf")
	conf := `accounts { A { jetstream: enabled, users: [{user: a, password: secret}] } }`
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := Settings{Dir: filepath.Join(dir, "data"), ConfigFile: file}
	srv := startServer(t, settings)
	if url := srv.ClientURL(); url != "" {
		t.Errorf("a file without an address opened %q", url)
	}
	nc := connect(t, srv, nats.UserInfo("a", "secret"))
	if got := nc.MaxPayload(); got != MaxPayload {
		t.Errorf("max payload %d, want %d", got, MaxPayload)
	}
	srv.Shutdown()
	if nc, err := srv.Connect(nats.UserInfo("a", "secret")); err == nil {
		nc.Close()
		t.Error("connected to a server that was shut down")
	}

	settings.Listen = "127.0.0.1:0"
	url := startServer(t, settings).ClientURL()
	if nc, err := nats.Connect(url, nats.UserInfo("a", "wrong")); !errors.Is(err, nats.ErrAuthorization) {
		nc.Close()
		t.Errorf("connecting with a wrong password: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	held := startServer(t, Settings{Dir: t.TempDir()})
	heldDir := filepath.Dir(held.lock.Name())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("accounts {"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		settings Settings
		want     string
	}{
		"nothing":         {Settings{}, "no data directory"},
		"directory held":  {Settings{Dir: heldDir}, "in use by another process"},
		"not a directory": {Settings{Dir: file}, "creating data directory"},
		"address":         {Settings{Dir: t.TempDir(), Listen: "nowhere"}, "nowhere"},
		"port":            {Settings{Dir: t.TempDir(), Listen: "127.0.0.1:99999"}, "99999"},
		"port taken":      {Settings{Dir: t.TempDir(), Listen: taken.Addr().String()}, "address already in use"},
		"bad file":        {Settings{Dir: t.TempDir(), ConfigFile: file}, "reading NATS configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, err := Start(tc.settings)
			if err == nil {
				srv.Shutdown()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
	_, err = Start(Settings{Dir: heldDir})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Dir != heldDir {
		t.Errorf("error %v is not a LockedError for %q", err, heldDir)
	}
}
