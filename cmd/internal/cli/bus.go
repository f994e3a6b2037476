package cli

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/pipeline/config"
)

// Variables that name the bus and log on to it where neither flags nor the configuration do. A password has no flag:
// command lines are public.
const (
	envURL      = "TASTER_NATS_URL"
	envUser     = "TASTER_NATS_USER"
	envPassword = "TASTER_NATS_PASSWORD"
)

// defaultURL is where `taster serve` listens unless it is told otherwise.
const defaultURL = "nats://127.0.0.1:4222"

// busFlags adds the flags by which a command finds the bus and logs on.
func busFlags(cmd *cobra.Command, n *config.NATS) {
	f := cmd.Flags()
	f.StringVar(&n.URL, "nats", n.URL, "`URL` of the NATS server (default $"+envURL+", else "+defaultURL+")")
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
