package cli

import (
	"errors"

	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// connect connects as a gateway of the tenant. The caller closes the client.
func (a *app) connect(n config.NATS, tenant string) (*client.Client, error) {
	opts, err := a.natsOptions(n, "taster")
	if err != nil {
		return nil, err
	}
	url := a.busURL(n)
	c, err := client.Connect(url, tenant, client.NATS(opts...), client.Logger(a.logger()))
	if err != nil {
		return nil, unreachable(url, err)
	}
	return c, nil
}

// explained adds to a client's error what to do about it.
func explained(err error) error {
	switch {
	case errors.Is(err, client.ErrNotServed):
		return hinted(err, "is taster serve running, with this tenant in its configuration?")
	case errors.Is(err, client.ErrNotPermitted):
		return hinted(err, "log on as an operator, in the engine's account; a gateway reads what it missed with watch --durable")
	case errors.Is(err, client.ErrOverloaded):
		return hinted(err, "try again later")
	}
	return err
}
