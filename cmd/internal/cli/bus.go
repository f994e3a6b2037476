package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/pipeline/config"
)

// Variables that name the bus, for commands that are its clients, and log on to it where neither flags nor the
// configuration do. A password has no flag: command lines are public.
const (
	envURL      = "TASTER_NATS_URL"
	envUser     = "TASTER_NATS_USER"
	envPassword = "TASTER_NATS_PASSWORD"
)

// defaultURL is where `taster serve` listens unless it is told otherwise.
const defaultURL = "nats://127.0.0.1:4222"

// What a command does without --nats.
const (
	askDefault = "(default $" + envURL + ", else " + defaultURL + ")"
	runOne     = "(default: run one in this process)"
)

// busFlags adds the flags by which a command finds the bus and logs on. otherwise says what happens without any.
func busFlags(cmd *cobra.Command, n *config.NATS, otherwise string) {
	f := cmd.Flags()
	f.StringVar(&n.URL, "nats", "", "`URL` of the NATS server "+otherwise)
	f.StringVar(&n.CredentialsFile, "creds", "", "log on with this credentials `FILE`")
	f.StringVar(&n.NkeySeedFile, "nkey", "", "log on with the nkey seed in this `FILE`")
	f.StringVar(&n.User, "user", "", "log on as this `NAME`, with the password in $"+envPassword+" or --password-file (default $"+envUser+")")
	f.StringVar(&n.PasswordFile, "password-file", "", "`FILE` that holds the password")
	f.StringVar(&n.TLS.CAFile, "tls-ca", "", "certificate authorities (PEM `FILE`) to trust instead of the system's")
	f.StringVar(&n.TLS.CertFile, "tls-cert", "", "client certificate (PEM `FILE`)")
	f.StringVar(&n.TLS.KeyFile, "tls-key", "", "key of the client certificate (PEM `FILE`)")
	cmd.MarkFlagsMutuallyExclusive("creds", "nkey", "user")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
}

func tenantFlag(cmd *cobra.Command, tenant *string) {
	cmd.Flags().StringVar(tenant, "tenant", "default", "`NAME` of the tenant")
}

// busURL is the server that a client command talks to.
func (a *app) busURL(n config.NATS) string {
	fromEnv, _ := a.lookupEnv(envURL)
	return cmp.Or(n.URL, fromEnv, defaultURL)
}

// unreachable says that there is no connection to the bus, and what to do about it.
func unreachable(server string, err error) error {
	hint := "taster serve starts a server; --nats names another one"
	if errors.Is(err, nats.ErrAuthorization) {
		hint = "log on with --user and the password in $" + envPassword + ", with --creds or with --nkey"
	}
	if u, bad := url.Parse(server); bad == nil {
		server = u.Redacted()
	}
	return hinted(fmt.Errorf("connecting to %s: %w", server, err), hint)
}

// natsOptions are the options of a connection that is named name and comes back by itself.
func (a *app) natsOptions(n config.NATS, name string) ([]nats.Option, error) {
	log := a.logger()
	opts := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.Timeout(time.Duration(cmp.Or(n.ConnectTimeoutSeconds, 10)) * time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("connection to NATS lost, trying again", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Warn("connected to NATS again", "url", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("NATS reports an error", "subject", subject, "error", err)
		}),
	}
	logOn, err := a.logOn(n)
	if err != nil {
		return nil, err
	}
	opts = append(opts, logOn...)
	if n.TLS.CAFile != "" {
		opts = append(opts, nats.RootCAs(n.TLS.CAFile))
	}
	if n.TLS.CertFile != "" {
		opts = append(opts, nats.ClientCert(n.TLS.CertFile, n.TLS.KeyFile))
	}
	return opts, nil
}

func (a *app) logOn(n config.NATS) ([]nats.Option, error) {
	envName, _ := a.lookupEnv(envUser)
	user := cmp.Or(n.User, envName)
	switch {
	case n.CredentialsFile != "":
		return []nats.Option{nats.UserCredentials(n.CredentialsFile)}, nil
	case n.NkeySeedFile != "":
		o, err := nats.NkeyOptionFromSeed(n.NkeySeedFile)
		if err != nil {
			return nil, fmt.Errorf("reading the nkey seed: %w", err)
		}
		return []nats.Option{o}, nil
	case user == "":
		return nil, nil
	}
	password, _ := a.lookupEnv(envPassword)
	if n.PasswordFile != "" {
		data, err := os.ReadFile(n.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("reading the password: %w", err)
		}
		password = strings.TrimRight(string(data), "\r\n")
	}
	return []nats.Option{nats.UserInfo(user, password)}, nil
}
